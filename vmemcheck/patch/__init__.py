# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch series: read from mail, diffs and git, checked, and applied to a copy; the tree itself is never touched."""
