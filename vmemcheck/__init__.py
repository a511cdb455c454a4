# SPDX-License-Identifier: GPL-2.0-or-later
"""vmemcheck: invariant checks for the vmemmap of the Linux kernel."""
