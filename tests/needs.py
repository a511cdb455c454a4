# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests need and a machine may lack: they are skipped without it, and fail where it is required, as in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(message: str, *, required_by: str = "VMEMCHECK_REQUIRE_TREES") -> NoReturn:
    """Skip a test, or fail it where the environment requires that it runs.

    :param message: what is missing, and the command that gets it
    :param required_by: the variable that is 1 there
    """
    if os.environ.get(required_by) == "1":
        pytest.fail(message)
    pytest.skip(message)  # the message has what is missing and the command that gets it


def need_compiler() -> None:
    """Ask for the compiler."""
    if shutil.which("gcc") is None:
        missing("this test needs gcc: apt install gcc")
