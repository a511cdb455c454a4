# SPDX-License-Identifier: GPL-2.0-or-later
"""Pure functions from result data to the forms that people and tools read."""
