# SPDX-License-Identifier: GPL-2.0-or-later
"""Every invariant holds on every machine, whatever is added, removed or fails."""

import pytest
from hypothesis import given, settings

from vmemcheck.bulk import random_sequences
from vmemcheck.engine import Coverage, check
from vmemcheck.life import of_a_kernel
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.reports.finding import finding_text
from vmemcheck.scope import Scope
from vmemcheck.strategies import sequences

# With fewer sequences than this, a mark that was not met says nothing about the machine.
_ENOUGH_FOR_MARKS = 200


def test_machine_any_sequence_keeps_all_invariants(machine: Machine, scope: Scope) -> None:
    """No sequence of adds, removes, failures and refused requests violates an invariant; and all marks are met."""
    coverage = Coverage()

    def holds(sequence: Sequence) -> None:
        finding = check(machine, sequence, coverage)
        finding = finding and of_a_kernel(machine, finding)
        if finding:
            pytest.fail(finding_text(finding, machine.name), pytrace=False)

    given(sequences(machine.geometry, scope, min_size=6, max_size=16))(holds)()
    if settings().max_examples >= _ENOUGH_FOR_MARKS:
        # Hypothesis repeats itself: what it never came across is looked for in even random sequences too.
        for sequence in random_sequences(machine.geometry, scope, _ENOUGH_FOR_MARKS, seed=0):
            if coverage.missing(machine, scope):
                holds(sequence)
        missing = [mark.name for mark in coverage.missing(machine, scope)]
        assert not missing, f"vacuous: {coverage.sequences} sequences never met {', '.join(missing)}"
