# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that run on kernel trees."""
