# SPDX-License-Identifier: GPL-2.0-or-later
"""What the gate says of a patch series: plain data, of which ``vmemcheck.reports`` makes text.

Nothing is read, applied or run here.
"""

import enum
from dataclasses import dataclass

from vmemcheck.check import Cell
from vmemcheck.invariant import Finding, Kind, Verdict


class Answer(enum.Enum):
    """The words of the judgement, the one that decides first."""

    BREAKS = "breaks"
    NO_VERDICT = "no verdict"
    NOT_EXERCISED = "not exercised"
    FIXES = "fixes"
    UNCHANGED = "nothing changed"
    NOT_APPLICABLE = "not applicable"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2, as in ``vmemcheck gate --help``."""
        if self is Answer.BREAKS:
            return 1
        return 2 if self in (Answer.NO_VERDICT, Answer.NOT_EXERCISED) else 0


class Standing(enum.Enum):
    """How a violation stands to the series."""

    BREAKS = "breaks"
    ALREADY_THERE = "already there"
    FIXES = "fixes"


class LineUse(enum.Enum):
    """What became of a line that the series adds or changes."""

    EXECUTED = "executed"
    NOT_EXECUTED = "sliced in, not executed"
    UNREACHABLE = "cannot run, since every range is whole pages"
    """Deleted, and in the sub-page branch of remove_pte_table(); it does not count against the series."""
    STUBBED = "sliced in, without effect on the vmemmap"
    """It calls only what the simulated machine leaves out for that reason."""
    NO_CODE = "sliced in, makes no code"
    NOT_SLICED = "not part of what is run"
    """Left out of a definition that is run by its configuration, or in one that the simulated machine has instead.

    Also a call of what does nothing there, and a line that puts code or data where a kernel frees it.
    """
    OUTSIDE = "in code that what is run does not use"
    """It does not count against the series."""


@dataclass(frozen=True, slots=True)
class PatchHead:
    """One patch of a series.

    :param number: counted from 1
    :param subject: without ``[PATCH ...]``; of a bare diff the name of its file
    :param message_id: without angle brackets
    :param files: that it touches, relative to the tree, as they are named afterwards
    :param tag: what stood before the subject, for example ``[PATCH v2 1/3]``
    """

    number: int
    subject: str
    author: str = ""
    message_id: str = ""
    files: tuple[str, ...] = ()
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Hunk:
    """A hunk of a patch.

    :param patch: number of the patch
    :param file: relative to the tree, as it is named afterwards
    :param old_start: first line in the file before, counted from 1
    :param new_start: first line in the file after
    :param lines: of the diff, each with its first letter
    """

    patch: int
    file: str
    old_start: int
    new_start: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line that the series adds, by its place in the file when the whole series is applied.

    What is only deleted has the place of the line behind it; its text says what was deleted.
    """

    patch: int
    file: str
    line: int
    text: str
    use: LineUse
    arches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One kind of violation on one architecture, as it stands to the series.

    :param patch: number of the patch that introduces or fixes it; 0 where it was there before
    :param mended: number of the later patch after which it is gone again; 0 where none is
    :param cells: where it was found, in report order
    :param finding: the shortest sequence: on the patched code, or on the base for what is fixed
    :param reachable: whether any of the cells can occur
    :param by_device: the shortest sequence needs a device range
    :param touched: of what was there before: the sequence acts in a function that the series changes
    """

    standing: Standing
    arch: str
    kind: Kind
    cells: tuple[Cell, ...]
    finding: Finding
    reachable: bool
    by_device: bool
    patch: int = 0
    mended: int = 0
    touched: bool = False


@dataclass(frozen=True, slots=True)
class FactChange:
    """A fact of the tree that the series changes.

    :param name: for example ``SUBSECTION_SHIFT`` or ``sizeof(struct page)``
    :param breaks: a theorem that held for the values before does not hold for those after
    :param says: what follows
    """

    arch: str
    name: str
    before: str
    after: str
    breaks: bool = False
    says: str = ""
    patch: int = 0


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A geometry in which the patched code could not be run, or not after one of the patches.

    :param where: kernel file and line, where they are known
    :param by_series: the base can be run there: the series is the cause, not a gap of this tool
    :param mended: number of the later patch after which it can be run again; 0 where none is known
    """

    arch: str
    page: str
    message: str
    where: str = ""
    by_series: bool = False
    patch: int = 0
    mended: int = 0


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """A geometry in which base and patched code were run with the same sequences.

    :param missing: names of the marks that were met before the series and are not met after it
    """

    cell: Cell
    base: Verdict
    patched: Verdict
    sequences: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """The judgement of one series on one tree.

    :param reason: why it is not applicable; empty where it is
    :param confined: what the sliced code could not do while it ran
    :param unconfined: what could not be taken from it on this machine
    :param between: where the code could not be run after one of the patches, and can be after the whole series
    :param cached: geometries of the base whose result was known before
    :param identical: geometries whose program is the same before and after, so that nothing was run
    """

    tree: str
    origin: str
    series: tuple[PatchHead, ...]
    budget: str
    seed: int
    hunks: tuple[Hunk, ...] = ()
    lines: tuple[ChangedLine, ...] = ()
    cells: tuple[JudgedCell, ...] = ()
    changes: tuple[Change, ...] = ()
    facts: tuple[FactChange, ...] = ()
    unbuilt: tuple[Unbuilt, ...] = ()
    between: tuple[Unbuilt, ...] = ()
    skipped: tuple[str, ...] = ()
    reason: str = ""
    confined: tuple[str, ...] = ()
    unconfined: tuple[str, ...] = ()
    cached: int = 0
    identical: tuple[Cell, ...] = ()

    def standing(self, standing: Standing) -> tuple[Change, ...]:
        """Return the violations that stand so to the series."""
        return tuple(change for change in self.changes if change.standing is standing)

    def answer(self, *, latent: bool = False) -> Answer:
        """Return the word of the judgement.

        :param latent: violations in sizes that cannot occur count too
        """
        broken = [one for one in self.standing(Standing.BREAKS) if latent or one.reachable]
        if broken or any(fact.breaks for fact in self.facts):
            return Answer.BREAKS
        if self.unbuilt:
            return Answer.NO_VERDICT
        if self.reason:
            return Answer.NOT_APPLICABLE
        if any(line.use in (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED) for line in self.lines):
            return Answer.NOT_EXERCISED
        if any(cell.missing for cell in self.cells if latent or cell.cell.reachable):
            return Answer.NOT_EXERCISED
        if any(latent or one.reachable for one in self.standing(Standing.FIXES)):
            return Answer.FIXES
        return Answer.UNCHANGED
