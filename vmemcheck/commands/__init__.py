# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands: one module each, with ``configure(parser)`` and ``run(arguments)``."""
