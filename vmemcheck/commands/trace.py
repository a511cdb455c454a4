# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay a recording of a booted kernel on the code of a kernel tree, and compare step by step.

The calls, the mapped ranges and the numbers of leaf entries must be those of the recording, also where
the recorded kernel was wrong. docs/recordings.md says how to record.
"""

import argparse
import sys
from pathlib import Path

from vmemcheck import recording
from vmemcheck.arches import find
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.errors import GeometryError, RecordingError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree, open_tree
from vmemcheck.recording import Recording
from vmemcheck.reports.trace_json import trace_json
from vmemcheck.reports.trace_text import trace_text
from vmemcheck.trace import geometry_of, trace


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", help="recording in JSON; - for standard input")
    add_tree_arguments(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (text)")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all steps agree, 1 when one differs, 2 when none does but the machine stopped before the end."""
    recorded = _read(arguments.file)
    arch = find(recorded.architecture).alias
    tree = open_tree(arguments.tree, arguments.rev)
    source = open_source(tree, arch, recorded.page_shift)
    geometry, warnings = _geometry(recorded, source)
    with source.machine(geometry) as machine:
        result = trace(recorded, machine, (*_version_warning(recorded, tree), *warnings))
    print(trace_json(result) if arguments.format == "json" else trace_text(result))
    if result.agrees:
        return 0
    return 1 if result.first_difference else 2


def _read(name: str) -> Recording:
    if name == "-":
        return recording.parse(sys.stdin.buffer.read(recording.MAX_BYTES + 1), "standard input")
    return recording.load(Path(name))


def _version_warning(recorded: Recording, tree: Tree) -> tuple[str, ...]:
    if not recorded.kernel or tree.version == recorded.kernel:
        return ()
    return (f"the recording is of linux {recorded.kernel}, the tree is linux {tree.version}",)


def _geometry(recorded: Recording, source: KernelSource) -> tuple[Geometry, tuple[str, ...]]:
    """Return the sizes of the recording, and what the tree has otherwise."""
    native, warnings = source.native, []
    try:
        geometry = geometry_of(recorded, native)
    except GeometryError as error:
        raise RecordingError(error.what, where="page_shift, pages_per_section", to_fix=error.to_fix) from None
    for name, wanted, has in (
        ("SECTION_SIZE_BITS", geometry.section_shift, native.section_shift),
        ("SUBSECTION_SHIFT", geometry.subsection_shift, native.subsection_shift),
    ):
        if wanted != has:
            warnings.append(f"{name} is {has} in the tree; {wanted}, as recorded, is used")
    if recorded.levels == native.levels:
        return geometry, tuple(warnings)
    # Levels that the kernel folds at boot can be chosen; others are compiled in, and do not change what is mapped.
    if source.facts.constants.get("PGDIR_SHIFT") is None:
        return geometry.changed(levels=recorded.levels), tuple(warnings)
    warnings.append(f"{recorded.levels} levels of page tables were recorded; the tree's {native.levels} are used")
    return geometry, tuple(warnings)
