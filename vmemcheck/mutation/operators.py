# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutation operators: from the syntax tree of a function to all small mistakes that can be made in it.

Each is text around a part of the function, so that several stand in one text and a number chooses one of them
at run time. What cannot be written so - declarations, bodies of macros, conditions for the compiler - is left alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from vmemcheck.mutation.mutant import THIS, Draft, Operator, Wrap
from vmemcheck.mutation.syntax import Function, Node

Parameters = Mapping[str, tuple[tuple[str, str], ...]]
"""Function -> type and name of each of its parameters."""

# What the compiler must work out: a mutant in it would not compile.
_CONSTANT = re.compile(r"(MAYBE_)?BUILD_BUG_ON\w*|IS_ENABLED|static_assert|__builtin_\w+|typeof|(DECLARE|DEFINE)_\w+")
_ASSERTIONS = re.compile(r"(VM_)?(WARN|BUG)(_ON)?(_ONCE)?(_PAGE|_FOLIO)?")
_ROUNDING = re.compile(r"(?!IS_)\w*(ALIGN|align|round|_addr_end|clamp)\w*|(min|max)(_t)?")
_FLAGS = re.compile(r"flags?|gfp\w*|prot\w*")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)[uUlL]*")
_SIMPLE = frozenset(
    ("expression_statement", "return_statement", "break_statement", "continue_statement", "goto_statement")
)
_BOUND = {"<": "+", ">=": "+", ">": "-", "<=": "-"}
_COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))
_LONGEST_TEXT = 100


def drafts(function: Function, parameters: Parameters) -> Iterator[Draft]:
    """Yield the mutants of a function in the order of its text.

    :param parameters: of the functions that are known; arguments of others are never swapped
    """
    body = function.node.child_by_field_name("body")
    if body is None:
        return
    found = [each for node, calls in _nodes(function, body, ()) for each in _of_node(function, node, calls, parameters)]
    yield from sorted(found, key=lambda draft: draft.at)


def _nodes(function: Function, node: Node, calls: tuple[str, ...]) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Yield all nodes that may be changed, each with the calls around it."""
    if node.type == "call_expression":
        name = _callee(function, node)
        if _CONSTANT.fullmatch(name):
            return
        calls = (name, *calls)
    elif node.type in ("sizeof_expression", "case_statement") or _is_static(function, node):
        # Of a case only the statements; its value is for the compiler.
        if node.type != "case_statement":
            return
        value = node.child_by_field_name("value")
        for child in node.named_children:
            if child != value:
                yield from _nodes(function, child, calls)
        return
    if node.type != "ERROR":
        yield node, calls
    for child in node.named_children:
        yield from _nodes(function, child, calls)


def _is_static(function: Function, node: Node) -> bool:
    return node.type == "declaration" and any(
        child.type == "storage_class_specifier" and function.text(child) == "static" for child in node.children
    )


def _of_node(function: Function, node: Node, calls: tuple[str, ...], parameters: Parameters) -> Iterator[Draft]:
    if node.has_error:
        return
    for operator, make in _MAKERS:
        for text, wraps, within in make(function, node, parameters):
            shown = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."
            moved = tuple(
                Wrap(function.start + one.start, function.start + one.end, one.before, one.after) for one in wraps
            )
            yield Draft(operator, function.name, moved[0].start, shown, (*within, *calls), moved)


_Made = Iterator[tuple[str, tuple[Wrap, ...], tuple[str, ...]]]
"""What is changed, how, and the functions that it drops."""


def _around(node: Node, before: str, after: str) -> Wrap:
    return Wrap(node.start_byte, node.end_byte, before, after)


def _drop_statement(function: Function, node: Node, _: Parameters) -> _Made:
    if node.type not in _SIMPLE or function.text(node) == ";" or (node.type == "return_statement" and _ends(node)):
        return
    dropped: tuple[str, ...] = ()
    if node.named_children:
        call = node.named_children[0]
        if call.type == "assignment_expression":
            left, right = call.child_by_field_name("left"), call.child_by_field_name("right")
            if left is None or right is None or left.type == "call_expression":
                return  # a declaration, written as a macro
            call = right
        dropped = (_callee(function, call),) if call.type == "call_expression" else ()
        if any(_CONSTANT.fullmatch(name) for name in dropped):
            return
    yield function.text(node), (_around(node, f"{{ if (!{THIS}) ", " }"),), dropped


def _ends(node: Node) -> bool:
    """Tell whether without this return a function might end without a value."""
    if not node.named_children:
        return False
    inner, parent = node, node.parent
    while parent is not None and parent.type != "function_definition":
        if parent.type == "compound_statement" and parent.named_children[-1] != inner:
            return False
        if parent.type in ("for_statement", "while_statement", "do_statement", "case_statement"):
            return False
        inner, parent = parent, parent.parent
    return True


def _negate(function: Function, node: Node, _: Parameters) -> _Made:
    if not _is_condition(function, node):
        return
    yield function.text(node), (_around(node, "(!!(", f") != {THIS})"),), ()


def _is_condition(function: Function, node: Node) -> bool:
    """Tell whether a node decides: a whole condition, one side of a conjunction, or a comparison that is returned."""
    parent = node.parent
    if parent is None or node.type in ("comment", "assignment_expression", "number_literal"):
        return False
    if node.type == "parenthesized_expression":
        return False  # what stands in it does
    outer = parent
    while outer.type == "parenthesized_expression" and outer.parent is not None:
        parent, outer = outer, outer.parent
    asked = parent if parent.type == "parenthesized_expression" else node
    if outer.type == "binary_expression" and _operator(outer) in ("&&", "||"):
        return True
    if outer.type in ("if_statement", "while_statement", "do_statement", "for_statement", "conditional_expression"):
        return outer.child_by_field_name("condition") == asked
    if outer.type == "argument_list" and outer.parent is not None:
        return outer.named_children[0] == asked and bool(_ASSERTIONS.fullmatch(_callee(function, outer.parent)))
    decides = node.type == "unary_expression" and _operator(node) == "!"
    decides |= node.type == "binary_expression" and _operator(node) in (*_COMPARISONS, "&&", "||")
    return decides and outer.type in ("return_statement", "init_declarator", "assignment_expression")


def _off_by_one(function: Function, node: Node, _: Parameters) -> _Made:
    if node.type == "binary_expression" and _operator(node) in _BOUND:
        right = node.child_by_field_name("right")
        assert right is not None
        sign = _BOUND[_operator(node)]
        yield f"{function.text(node)} {sign} 1", (_around(right, "((", f") {sign} {THIS})"),), ()
    parent = node.parent
    if node.type != "number_literal" or parent is None or parent.type != "binary_expression":
        return
    if _operator(parent) in ("+", "-") and _NUMBER.fullmatch(function.text(node)):
        yield f"{function.text(parent)}: 1 less", (_around(node, "(", f" - {THIS})"),), ()


def _swap(function: Function, node: Node, parameters: Parameters) -> _Made:
    known = parameters.get(_callee(function, node), ()) if node.type == "call_expression" else ()
    arguments = _arguments(node)
    if len(known) != len(arguments):
        return
    for at in range(len(known) - 1):
        one, other = arguments[at], arguments[at + 1]
        texts = function.text(one), function.text(other)
        if known[at][0] == known[at + 1][0] and texts[0] != texts[1] and not any('"' in text for text in texts):
            wraps = (
                _around(one, f"({THIS} ? ({texts[1]}) : ", ")"),
                _around(other, f"({THIS} ? ({texts[0]}) : ", ")"),
            )
            yield f"{_callee(function, node)}(): {texts[0]} <-> {texts[1]}", wraps, ()


def _drop_call(function: Function, node: Node, _: Parameters) -> _Made:
    arguments = _arguments(node)
    parent = node.parent
    if node.type != "call_expression" or parent is None or parent.type == "expression_statement":
        return
    text = function.text(node)
    if '"' in text or _is_condition(function, node) or (parent.type == "unary_expression" and _operator(parent) == "!"):
        return  # dropped as a statement, or negated as a condition
    if _ROUNDING.fullmatch(_callee(function, node)) and arguments:
        instead = function.text(arguments[0])
        yield f"{text} -> {instead}", (_around(node, f"({THIS} ? (__typeof__({text}))({instead}) : ", ")"),), ()
    else:
        yield f"{text} -> 0", (_around(node, f"({THIS} ? (__typeof__({text}))0 : ", ")"),), ()


def _drop_flag(function: Function, node: Node, parameters: Parameters) -> _Made:
    parent = node.parent
    if parent is None or node.type == "comment":
        return
    is_flag = parent.type == "binary_expression" and _operator(parent) == "|"
    if parent.type == "argument_list" and parent.parent is not None:
        known = parameters.get(_callee(function, parent.parent), ())
        at = parent.named_children.index(node)
        named = at < len(known) and bool(_FLAGS.fullmatch(known[at][1]))
        is_flag = named and function.text(node).isupper()
    if is_flag and node.type != "binary_expression":
        yield f"{function.text(parent)}: without {function.text(node)}", (_around(node, f"({THIS} ? 0 : ", ")"),), ()


def _operator(node: Node) -> str:
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def _callee(function: Function, node: Node) -> str:
    called = node.child_by_field_name("function")
    return function.text(called) if called is not None and called.type == "identifier" else ""


def _arguments(node: Node) -> list[Node]:
    found = node.child_by_field_name("arguments")
    return [child for child in found.named_children if child.type != "comment"] if found is not None else []


_MAKERS: tuple[tuple[Operator, Callable[[Function, Node, Parameters], _Made]], ...] = (
    (Operator.DROP_STATEMENT, _drop_statement),
    (Operator.NEGATE, _negate),
    (Operator.OFF_BY_ONE, _off_by_one),
    (Operator.SWAP, _swap),
    (Operator.DROP_CALL, _drop_call),
    (Operator.DROP_FLAG, _drop_flag),
)
