# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shipped: the sdist and the wheel."""
