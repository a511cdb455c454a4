# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of vmemcheck itself; the properties of machines are in ``properties``."""
