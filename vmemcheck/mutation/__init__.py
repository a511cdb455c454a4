# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants of the sliced functions of a kernel tree: made, built into one program, judged, and counted."""
