# SPDX-License-Identifier: GPL-2.0-or-later
"""Measurements of whole commands and of the engine; ``make bench`` prints the table of docs/speed.md."""
