# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that are wrong, and the proof that this is noticed."""
