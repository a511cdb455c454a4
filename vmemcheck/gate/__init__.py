# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate: what a kernel patch series does to the vmemmap code of a tree."""
