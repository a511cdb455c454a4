# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches that were written for the tests of the gate, and what must be said of each."""

from dataclasses import dataclass
from pathlib import Path

from vmemcheck.gate.result import Answer

FOLDER = Path(__file__).parent / "patches"
_X86, _ARM64, _RISCV = ("x86_64",), ("arm64",), ("riscv64",)


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
    Case("7.2-x86-shared-pmd-kept", _X86, Answer.BREAKS, "no-leak"),
    Case("7.2-x86-shared-pmd-freed", _X86, Answer.BREAKS, "memmap-mapped"),
    Case("7.2-x86-pmd-freed-as-page", _X86, Answer.BREAKS, "freed-once"),
    Case("7.2-x86-endless", _X86, Answer.BREAKS, "no-warning"),
    Case("7.2-arm64-pte-stays", _ARM64, Answer.BREAKS, "memmap-backed"),
    Case("7.2-arm64-always-pmd", _ARM64, Answer.BREAKS, "memmap-mapped"),
    Case("7.2-arm64-no-flush", _ARM64, Answer.BREAKS, "tlb-flushed"),
    Case("7.2-arm64-altmap-count", _ARM64, Answer.BREAKS, "altmap-balanced"),
    Case("7.2-sparse-overlap", _X86, Answer.BREAKS, "refusals"),
    Case("7.2-sparse-one-short", _X86, Answer.BREAKS, "ranges-aligned"),
    Case("7.2-sparse-statistic", _X86, Answer.BREAKS, "counters-balanced"),
    Case("7.2-sparse-failed-add", _X86, Answer.BREAKS, "failed-add-undone", budget="ci"),
    Case("7.2-hotplug-any-span", _X86, Answer.BREAKS, "refusals"),
    Case("7.2-mmzone-small-subsections", _X86, Answer.BREAKS, "SUBSECTION_SHIFT"),
    Case("6.12-sparse-one-short", _X86, Answer.BREAKS, "ranges-aligned"),
    Case("6.12-riscv-pte-page-kept", _RISCV, Answer.BREAKS, "no-leak"),
    Case("6.12-riscv-pmd-twice", _RISCV, Answer.BREAKS, "freed-once"),
    Case("6.1-sparse-one-short", _X86, Answer.BREAKS, "ranges-aligned"),
    Case("6.1-sparse-overlap", _X86, Answer.BREAKS, "refusals"),
    Case("7.2-x86-comment", _X86, Answer.UNCHANGED),
    Case("7.2-x86-rename", _X86, Answer.UNCHANGED),
    Case("7.2-x86-next", _X86, Answer.UNCHANGED),
    Case("7.2-sparse-order", _X86, Answer.UNCHANGED),
    Case("7.2-mmzone-macro", _X86, Answer.UNCHANGED),
    Case("7.2-hotplug-span-variable", _X86, Answer.UNCHANGED),
    Case("6.1-x86-next", _X86, Answer.UNCHANGED),
    Case("5.10-x86-aligned", _X86, Answer.UNCHANGED),
    Case("5.10-x86-no-sub-page", _X86, Answer.UNCHANGED),
    Case("5.10-arm64-base-pages", _ARM64, Answer.FIXES, "memmap-mapped"),
    Case("5.10-x86-base-pages", _X86, Answer.FIXES, "no-leak", latent=True),
    Case("7.2-documentation", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-driver", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-swap-irrelevant", (), Answer.NOT_APPLICABLE, "made of"),
    Case("7.2-hotplug-online", _X86, Answer.NOT_APPLICABLE, "no line"),
    Case("7.2-x86-direct-count", _X86, Answer.NOT_EXERCISED),
    Case("7.2-x86-syntax", _X86, Answer.NO_VERDICT, "init_64.c"),
    Case("7.2-x86-gap", _X86, Answer.NO_VERDICT, "frobnicate"),
)
"""In the order of the answers."""
