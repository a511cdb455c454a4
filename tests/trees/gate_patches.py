# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches that were written for the tests of the gate, and what must be said of each."""

import re
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
    :param struct_page: the size that is run, and ``levels``: one geometry takes a quarter of the time of all
    :param patch: that is to blame, or to praise, and ``mended``: the one that mends what it breaks
    :param says: invariant that must object, fact that must change, or words of the reason or message
    """

    name: str
    arches: tuple[str, ...]
    answer: Answer
    says: str = ""
    budget: str = "quick"
    latent: bool = False
    struct_page: int = 64
    levels: int = 4
    patch: int = 1
    mended: int | None = None

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
    Case("7.2-x86-shared-pmd-kept", _X86, Answer.BREAKS, "no-leak", struct_page=80),
    Case("7.2-x86-shared-pmd-freed", _X86, Answer.BREAKS, "memmap-mapped", struct_page=80),
    Case("7.2-x86-pmd-freed-as-page", _X86, Answer.BREAKS, "freed-once"),
    Case("7.2-x86-no-comment", _X86, Answer.BREAKS, "no-leak"),
    Case("7.2-x86-endless", _X86, Answer.BREAKS, "no-warning"),
    Case("7.2-x86-page-got", _X86, Answer.BREAKS, "no-leak"),
    Case("7.2-x86-leaf-put", _X86, Answer.BREAKS, "freed-once"),
    Case("7.2-memremap-killed-twice", _X86, Answer.BREAKS, "no-warning"),
    Case("7.2-arm64-pte-stays", _ARM64, Answer.BREAKS, "no-leak"),
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
    Case("7.2-x86-series-breaks", _X86, Answer.BREAKS, "no-leak", struct_page=80, patch=2),
    Case("7.2-x86-series-mends", _X86, Answer.BREAKS, "no-leak", struct_page=80, patch=2, mended=3),
    Case("7.2-x86-series-halts", _X86, Answer.UNCHANGED, "does not build after patch 2/3", struct_page=80),
    Case("7.2-memremap-rcu-kept", _X86, Answer.BREAKS, "no-warning"),
    Case("7.2-memremap-lock-kept", _X86, Answer.BREAKS, "no-warning"),
    Case("7.2-x86-comment", _X86, Answer.UNCHANGED),
    Case("7.2-x86-guard", _X86, Answer.UNCHANGED),
    Case("7.2-x86-rename", _X86, Answer.UNCHANGED),
    Case("7.2-x86-rename-all", _X86, Answer.UNCHANGED, levels=5),
    Case("7.2-x86-next", _X86, Answer.UNCHANGED),
    Case("7.2-x86-words-zeroed", _X86, Answer.UNCHANGED, struct_page=80),
    Case("7.2-x86-word-once", _X86, Answer.UNCHANGED, struct_page=80),
    Case("7.2-x86-page-put", _X86, Answer.UNCHANGED),
    Case("7.2-memremap-dying", _X86, Answer.UNCHANGED),
    Case("7.2-sparse-calls", _X86, Answer.UNCHANGED),
    Case("7.2-sparse-order", _X86, Answer.UNCHANGED),
    Case("7.2-mmzone-macro", _X86, Answer.UNCHANGED),
    Case("7.2-sparse-same-static", _X86, Answer.UNCHANGED, "3 executed"),
    Case("7.2-hotplug-span-variable", _X86, Answer.UNCHANGED),
    Case("7.2-sparse-cache-flush", _X86, Answer.UNCHANGED, "without effect"),
    Case("7.2-sparse-boot-helper", _X86, Answer.UNCHANGED),
    Case("6.1-x86-next", _X86, Answer.UNCHANGED),
    Case("5.10-x86-aligned", _X86, Answer.UNCHANGED),
    Case("5.10-x86-no-sub-page", _X86, Answer.UNCHANGED, "cannot run"),
    Case("5.10-arm64-base-pages", _ARM64, Answer.FIXES, "memmap-mapped"),
    Case("7.2-documentation", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-driver", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-filesystem", (), Answer.NOT_APPLICABLE, "changes no file"),
    Case("7.2-swap-irrelevant", (), Answer.NOT_APPLICABLE, "made of"),
    Case("7.2-hotplug-online", ("loongarch64",), Answer.NOT_APPLICABLE, "no line"),
    Case("5.10-x86-base-pages", _X86, Answer.NOT_EXERCISED, "pmd-leaf-freed", latent=True, struct_page=72),
    Case("7.2-x86-pud-leaf", _X86, Answer.NOT_EXERCISED, "set_pud("),
    Case("7.2-x86-identity", _X86, Answer.NOT_EXERCISED, "deleted: return;"),
    Case("7.2-sparse-if-0", _X86, Answer.NOT_EXERCISED, "no longer code: section_deactivate("),
    Case("7.2-sparse-include", _X86, Answer.NOT_EXERCISED, "mm/sparse-undo.inc:1"),
    Case("7.2-kconfig-condition", _X86, Answer.NOT_EXERCISED, "depends on BROKEN"),
    Case("7.2-sparse-flags", _X86, Answer.NOT_EXERCISED, "CFLAGS_sparse.o"),
    Case("7.2-x86-first-bit", _X86, Answer.NOT_EXERCISED, "not part of what is run"),
    Case("7.2-slab-index", _X86, Answer.NOT_EXERCISED, "not part of what is run"),
    Case("7.2-memremap-reference", _X86, Answer.NOT_EXERCISED, "deleted: percpu_ref_exit("),
    Case("7.2-memremap-last-page", _X86, Answer.NOT_EXERCISED, "not part of what is run"),
    Case("7.2-x86-end-of-memory", _X86, Answer.NOT_EXERCISED, "not part of what is run"),
    Case("7.2-sparse-freed-code", _X86, Answer.NOT_EXERCISED, "not part of what is run"),
    Case("7.2-x86-syntax", _X86, Answer.NO_VERDICT, "init_64.c"),
    Case("7.2-x86-other-static", _X86, Answer.NO_VERDICT, "check_pfn_span, which is static in mm/memory_hotplug.c"),
    Case("7.2-memremap-other-static", _X86, Answer.NO_VERDICT, "mm/memremap.c uses check_pfn_span, which is static"),
    Case("7.2-x86-gap", _X86, Answer.NO_VERDICT, "frobnicate"),
)
"""In the order of the answers."""


def table() -> str:
    """Return the table of docs/gate-patches.md."""
    lines = ["| patch | what it does | run on | answer | what objects, or is said |", "| --- | --- | --- | --- | --- |"]
    for case in CASES:
        found = re.search(r"^Subject: \[PATCH[^\]]*\] (.*)$", case.path.read_text(), re.MULTILINE)
        assert found is not None, case.name
        where = ", latent sizes too" if case.latent else ""
        where += f" by patch {case.patch}" if case.patch > 1 else ""
        where += f" until patch {case.mended}" if case.mended else ""
        run = f"{case.arches[0]}, struct page {case.struct_page}" if case.arches else "all"
        lines.append(f"| {case.name} | {found[1]} | {run} | {case.answer.value}{where} | {case.says} |")
    return "\n".join(lines)
