# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest suite: each file states properties of any machine, or of the data itself."""
