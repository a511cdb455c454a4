# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel trees: get one, ask it for facts, slice the vmemmap code out of it."""
