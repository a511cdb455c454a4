# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m vmemcheck``."""

import sys

from vmemcheck.cli import main

sys.exit(main())
