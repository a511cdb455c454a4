# SPDX-License-Identifier: GPL-2.0-or-later
"""Prove or refute the alignment theorems for architectures and struct page sizes.

Without options: a survey of all architectures, page sizes and sizes of struct
page that the kernel knows.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from vmemcheck.arches import ARCHES, Architecture, find, page_bytes
from vmemcheck.commands.outputs import write_text
from vmemcheck.errors import UsageError
from vmemcheck.geometry import MAX_STRUCT_PAGE_BYTES
from vmemcheck.reports.prove_json import survey_json
from vmemcheck.reports.prove_latex import survey_latex
from vmemcheck.reports.prove_markdown import survey_markdown
from vmemcheck.reports.prove_smt2 import smt2_files, smt2_script
from vmemcheck.reports.prove_text import claim_text, survey_text
from vmemcheck.reports.terminal import print_table
from vmemcheck.theorems import THEOREMS, Theorem
from vmemcheck.theorems.survey import Subject, Survey, subjects, survey
from vmemcheck.theorems.theorem import SUPPORTED_BYTES, Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    names = ", ".join(theorem.name for theorem in THEOREMS)
    arches = ", ".join(architecture.name for architecture in ARCHES)
    add = parser.add_argument
    add("--arch", action="append", default=[], metavar="ARCH", help=f"one of {arches}; may be repeated; default: all")
    add(
        "--page-size", action="append", default=[], metavar="SIZE", help="4K, 16K or 64K; may be repeated; default: all"
    )
    add(
        "--struct-page",
        action="append",
        default=[],
        metavar="BYTES",
        nargs="+",
        help="sizes of struct page; default: 56 to 96",
    )
    add("--section-shift", metavar="N", help="another SECTION_SIZE_BITS than the architecture's")
    add("--subsection-shift", metavar="N", help="another SUBSECTION_SHIFT than 21")
    add("--claim", metavar="NAME", help=f"one theorem, with exit code 1 when a case refutes it: {names}")
    add("--steps", action="store_true", help="show the derivations")
    add("--format", choices=("text", "json", "markdown", "latex", "smt2"), default="text", help="default: text")
    add("--output", metavar="DIR", help="with --format smt2: write one file for each obligation into this folder")


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when a claim that was asked for is refuted."""
    theorems = _theorems(arguments.claim)
    asked = _subjects(arguments)
    if arguments.output and arguments.format != "smt2":
        raise UsageError("--output goes with --format smt2", to_fix="redirect the output of the other formats")
    if arguments.format == "smt2":
        _write_smt2(theorems, arguments.output)
    else:
        _print(survey(theorems, asked), arguments)
    if not arguments.claim:
        return 0
    refuted = any(theorems[0].judge(subject.case).verdict is Verdict.REFUTED for subject in asked)
    return 1 if refuted else 0


def _print(result: Survey, arguments: argparse.Namespace) -> None:
    match arguments.format:
        case "json":
            print(survey_json(result))
        case "markdown":
            print(survey_markdown(result, steps=arguments.steps))
        case "latex":
            print(survey_latex(result))
        case _ if arguments.claim:
            print(claim_text(result, steps=arguments.steps))
        case _:
            print_table(survey_text(result, steps=arguments.steps))


def _theorems(claim: str | None) -> Sequence[Theorem]:
    chosen = [theorem for theorem in THEOREMS if claim in (None, theorem.name)]
    if not chosen:
        raise UsageError(f"unknown claim {claim!r}", to_fix=f"use one of {', '.join(t.name for t in THEOREMS)}")
    return chosen


def _subjects(arguments: argparse.Namespace) -> list[Subject]:
    architectures = [find(name) for name in dict.fromkeys(arguments.arch)] or list(ARCHES)
    page_sizes = [_page_size(text, architectures) for text in arguments.page_size]
    given = [text for texts in arguments.struct_page for text in texts]
    sizes = [_struct_page(text) for text in dict.fromkeys(given)] or list(SUPPORTED_BYTES)
    shifts = {
        name: _number(f"--{name.replace('_', '-')}", getattr(arguments, name))
        for name in ("section_shift", "subsection_shift")
        if getattr(arguments, name) is not None
    }
    found = [s for architecture in architectures for s in subjects(architecture, page_sizes, sizes, **shifts)]
    # Two names of one architecture, or of one page size, are one case.
    return list(dict.fromkeys(found))


def _page_size(text: str, architectures: Sequence[Architecture]) -> str:
    name = f"{page_bytes(text) >> 10}K"
    if not any(name == page.name for architecture in architectures for page in architecture.page_sizes):
        has = "; ".join(f"{a.name} has {', '.join(page.name for page in a.page_sizes)}" for a in architectures)
        raise UsageError(f"no {name} pages here", to_fix=has)
    return name


def _struct_page(text: str) -> int:
    size = _number("--struct-page", text)
    if not 0 < size <= MAX_STRUCT_PAGE_BYTES:
        raise UsageError(f"--struct-page {size} is out of range", to_fix=f"use 8 to {MAX_STRUCT_PAGE_BYTES} bytes")
    if size % 8:
        raise UsageError(
            f"--struct-page {size} cannot be: struct page is aligned to sizeof(long), 8 bytes",
            to_fix=f"use a multiple of 8 such as {size // 8 * 8 or 8} or {size // 8 * 8 + 8}",
        )
    return size


def _number(option: str, text: str) -> int:
    try:
        if len(text) > 20:
            raise ValueError
        return int(text)
    except ValueError:
        raise UsageError(f"{option} {text[:40]!r} is not a number", to_fix="use a decimal number") from None


def _write_smt2(theorems: Sequence[Theorem], folder: str | None) -> None:
    if folder is None:
        print(smt2_script(theorems), end="")
        return
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    files = smt2_files(theorems)
    for name, text in files.items():
        write_text(path / name, text)
    print(f"{len(files)} files written to {path}")
