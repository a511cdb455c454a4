# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches that were written for the tests of the gate, and what must be said of each."""

import re
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.gate.result import Answer

FOLDER = Path(__file__).parent / "patches"
_X86 = ("x86_64",)


@dataclass(frozen=True, slots=True)
class Case:
    """A patch of ``patches/``, and the judgement.

    :param name: of the file; the series of the kernel stands first
    :param arches: that are judged; all where there are none
    :param says: invariant that must object, fact that must change, or words of the reason or message
    """

    name: str
    arches: tuple[str, ...]
    answer: Answer
    says: str = ""
    budget: str = "quick"
    latent: bool = False

    @property
    def series(self) -> str:
        """The kernel that the patch is for."""
        return self.name.partition("-")[0]

    @property
    def path(self) -> Path:
        """The file."""
        return FOLDER / f"{self.name}.patch"


CASES = (
    Case("7.2-x86-pte-page-kept", _X86, Answer.BREAKS, "no-leak"),
    Case("7.2-x86-rename", _X86, Answer.UNCHANGED),
    Case("5.10-x86-aligned", _X86, Answer.UNCHANGED),
    Case("5.10-x86-no-sub-page", _X86, Answer.UNCHANGED),
    Case("5.10-arm64-base-pages", ("arm64",), Answer.FIXES, "memmap-mapped"),
    Case("7.2-documentation", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-driver", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-swap-irrelevant", (), Answer.NOT_APPLICABLE, "made of"),
    Case("7.2-hotplug-online", ("loongarch64",), Answer.NOT_APPLICABLE, "no line"),
)
"""In the order of the answers."""


def table() -> str:
    """Return the table of docs/gate-patches.md."""
    lines = ["| patch | what it does | answer | what objects, or is said |", "| --- | --- | --- | --- |"]
    for case in CASES:
        found = re.search(r"^Subject: \[PATCH\] (.*)$", case.path.read_text(), re.MULTILINE)
        assert found is not None, case.name
        where = ", latent sizes too" if case.latent else ""
        lines.append(f"| {case.name} | {found[1]} | {case.answer.value}{where} | {case.says} |")
    return "\n".join(lines)
