# SPDX-License-Identifier: GPL-2.0-or-later
"""Kconfig expressions: their value, and what it can be when only some symbols are known.

A macro call such as ``$(cc-option,...)`` counts as ``y``: some compiler can do it.
"""

import functools
import re
from collections.abc import Callable, Mapping, Set

_TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|[()=!<>]|"[^"]*"|\'[^\']*\'|\$\((?:[^()]|\([^()]*\))*\)|[\w./+-]+)')
Values = Mapping[str, str]


def truth(expression: str, values: Values) -> bool:
    """Evaluate a Kconfig expression; a symbol that is not in ``values`` is ``n``."""
    tokens = _tokens(expression)
    result, position = _either(tokens, 0, values)
    return result == "y" and position == len(tokens)


def surely(expression: str, always: Set[str], never: Set[str]) -> bool:
    """Tell whether the expression is ``y`` whatever the symbols outside of both sets are."""
    if expression.isidentifier():  # most are: one symbol, or a constant
        return expression in ("y", "m") or (expression != "n" and expression in always)
    return not _any_value(f"!({expression})", lambda name: name not in never, lambda name: name not in always)


def maybe(expression: str, can: Set[str], always: Set[str]) -> bool:
    """Tell whether the expression can be ``y``."""
    if expression.isidentifier():
        return expression in ("y", "m") or (expression != "n" and expression in can)
    return _any_value(expression, lambda name: name in can, lambda name: name not in always)


def _any_value(expression: str, can_be_y: Callable[[str], bool], can_be_n: Callable[[str], bool]) -> bool:
    """Tell whether some values make it ``y``; uses of one name are taken as independent.

    A comparison with anything but ``y`` and ``n`` can go either way.
    """
    tokens = _tokens(expression)
    at = 0

    def either() -> tuple[bool, bool]:
        nonlocal at
        yes, no = both()
        while at < len(tokens) and tokens[at] == "||":
            at += 1
            other_yes, other_no = both()
            yes, no = yes or other_yes, no and other_no
        return yes, no

    def both() -> tuple[bool, bool]:
        nonlocal at
        yes, no = single()
        while at < len(tokens) and tokens[at] == "&&":
            at += 1
            other_yes, other_no = single()
            yes, no = yes and other_yes, no or other_no
        return yes, no

    def single() -> tuple[bool, bool]:
        nonlocal at
        token = tokens[at] if at < len(tokens) else "n"
        at += 1
        if token == "!":
            yes, no = single()
            return no, yes
        if token == "(":
            result = either()
            at += 1
        elif token in ("y", "m") or token.startswith("$("):
            result = True, False
        elif token == "n":
            result = False, True
        else:
            result = can_be_y(token), can_be_n(token)
        if at < len(tokens) and tokens[at] in ("=", "!=", "<", ">", "<=", ">="):
            operator, right = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
            at += 2
            if right not in ("y", "n") or operator not in ("=", "!="):
                return True, True
            return result if (right == "y") == (operator == "=") else (result[1], result[0])
        return result

    return either()[0]


@functools.cache
def _tokens(expression: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(expression))


def _either(tokens: tuple[str, ...], at: int, values: Values) -> tuple[str, int]:
    result, at = _both(tokens, at, values)
    while at < len(tokens) and tokens[at] == "||":
        other, at = _both(tokens, at + 1, values)
        result = "y" if "y" in (result, other) else "n"
    return result, at


def _both(tokens: tuple[str, ...], at: int, values: Values) -> tuple[str, int]:
    result, at = _compared(tokens, at, values)
    while at < len(tokens) and tokens[at] == "&&":
        other, at = _compared(tokens, at + 1, values)
        result = "y" if (result, other) == ("y", "y") else "n"
    return result, at


def _compared(tokens: tuple[str, ...], at: int, values: Values) -> tuple[str, int]:
    left, at = _single(tokens, at, values)
    if at < len(tokens) and tokens[at] in ("=", "!=", "<", ">", "<=", ">="):
        operator = tokens[at]
        right, at = _single(tokens, at + 1, values)
        return ("y" if _compare(left, operator, right) else "n"), at
    return left, at


def _compare(left: str, operator: str, right: str) -> bool:
    if operator in ("=", "!="):
        return (left == right) == (operator == "=")
    try:
        one, other = int(left, 0), int(right, 0)
    except ValueError:
        return False
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[operator]


def _single(tokens: tuple[str, ...], at: int, values: Values) -> tuple[str, int]:
    if at >= len(tokens):
        return "n", at
    token = tokens[at]
    if token == "!":
        result, at = _single(tokens, at + 1, values)
        return ("n" if result == "y" else "y"), at
    if token == "(":
        result, at = _either(tokens, at + 1, values)
        return result, at + 1
    if token.startswith("$("):
        return "y", at + 1
    if token[0] in "\"'":
        return token[1:-1], at + 1
    if token == "m":
        return "y", at + 1
    if token in ("y", "n") or re.fullmatch(r"0x[0-9a-fA-F]+|\d+", token):
        return token, at + 1
    return values.get(token, "n"), at + 1
