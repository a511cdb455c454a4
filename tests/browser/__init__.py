# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests in a real browser: that of the machine. Without one they are skipped, unless it is required."""
