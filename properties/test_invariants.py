# SPDX-License-Identifier: GPL-2.0-or-later
"""Every invariant holds on every machine, whatever is added, removed or fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmemcheck.engine import Coverage, check
from vmemcheck.machine import Machine
from vmemcheck.reports.finding import finding_text
from vmemcheck.strategies import sequences


@given(data=st.data())
def test_machine_any_sequence_keeps_all_invariants(machine: Machine, coverage: Coverage, data: st.DataObject) -> None:
    """No sequence of adds, removes, failures and refused requests violates an invariant."""
    sequence = data.draw(sequences(machine.geometry, min_size=6, max_size=20))
    finding = check(machine, sequence, coverage)
    if finding:
        pytest.fail(finding_text(finding, machine.name), pytrace=False)
