# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold a recording of a booted kernel against a machine: the same calls, the same mappings, step by step.

What a recording is, is in ``vmemcheck.recording``. Nothing here knows kernel trees.
"""

from vmemcheck.trace.compare import trace
from vmemcheck.trace.placement import geometry_of
from vmemcheck.trace.result import StepResult, TraceCall, TraceResult, Verdict

__all__ = ["StepResult", "TraceCall", "TraceResult", "Verdict", "geometry_of", "trace"]
