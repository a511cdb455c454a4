# SPDX-License-Identifier: GPL-2.0-or-later
"""Kconfig files decide what a configuration has, and what it can have."""

from pathlib import Path

import pytest

from vmemcheck.kernel.kconfig import Kconfig, parse_kconfig
from vmemcheck.kernel.kconfig_expression import maybe, surely, truth

TEXT = (Path(__file__).parent / "data/Kconfig").read_text()


@pytest.fixture
def kconfig() -> Kconfig:
    """Return the text above, parsed."""
    return parse_kconfig([TEXT])


def test_resolve_defaults_selects_and_choice_are_followed(kconfig: Kconfig) -> None:
    """Selects work through their conditions, a choice takes its default, help text is no statement."""
    values = kconfig.resolve({})
    assert {name: values.get(name) for name in ("ARCH", "SLUB", "HAVE_ALIGNED", "HAVE_CHECK", "SHIFT", "WIDE")} == {
        "ARCH": "y",
        "SLUB": "y",
        "HAVE_ALIGNED": "y",
        "HAVE_CHECK": "y",
        "SHIFT": "6",
        "WIDE": "64",
    }
    assert not {"SLAB", "HAVE_OTHER", "CHECK"} & set(values)


def test_resolve_answer_changes_the_choice_and_what_hangs_on_it(kconfig: Kconfig) -> None:
    """With SLAB chosen nothing selects HAVE_ALIGNED."""
    values = kconfig.resolve({"SLAB": "y"})
    assert "SLUB" not in values
    assert "HAVE_ALIGNED" not in values
    assert values["SHIFT"] == "3"


def test_possible_tells_what_can_be_on_and_off(kconfig: Kconfig) -> None:
    """A prompt can go either way; what nothing selects stays off; what the architecture selects stays on."""
    can_be_y, can_be_n = kconfig.possible({})
    answers = {name: (name in can_be_y, name in can_be_n) for name in ("HAVE_ALIGNED", "HAVE_CHECK", "CHECK")}
    assert answers == {"HAVE_ALIGNED": (True, True), "HAVE_CHECK": (True, False), "CHECK": (True, True)}
    assert "OTHER_CHECK" not in can_be_y
    assert kconfig.largest("SHIFT") == 10


def test_contradicts_option_that_depends_on_the_opposite_is_found(kconfig: Kconfig) -> None:
    """CHECK needs SLUB, and SLUB selects HAVE_ALIGNED: CHECK without it does not exist."""
    assert kconfig.contradicts({"CHECK": "y", "HAVE_ALIGNED": "n"})
    assert not kconfig.contradicts({"CHECK": "y", "HAVE_ALIGNED": "y"})
    assert not kconfig.contradicts({"CHECK": "n", "HAVE_ALIGNED": "n"})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("A", True),
        ("!A || B", False),
        ("A && !(B || C)", True),
        ("N = 5", True),
        ("N >= 6", False),
        ('S = "text"', True),
        ("B != y", True),
        ("$(cc-option,-mfoo) && A", True),
        ("A &&", False),
    ],
)
def test_truth_expressions_as_kconfig_reads_them(expression: str, expected: bool) -> None:
    """Precedence, comparison, and macro calls."""
    assert truth(expression, {"A": "y", "N": "5", "S": "text"}) is expected


@pytest.mark.parametrize(
    ("expression", "may", "must"),
    [("A", True, True), ("U", True, False), ("!U", True, False), ("!A", False, False), ("A || U", True, True)],
)
def test_maybe_and_surely_with_an_unknown_symbol(expression: str, may: bool, must: bool) -> None:
    """U can be anything, A is always y."""
    assert maybe(expression, {"A", "U"}, {"A"}) is may
    assert surely(expression, {"A"}, {"N"}) is must
