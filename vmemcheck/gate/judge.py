# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge a series: prepare, compare, cover, blame; all work runs on an executor, and its order does not matter.

What is said of it is in ``vmemcheck.gate.result``; nothing is printed here.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from typing import TypeVar

from vmemcheck.errors import ClusterError, VmemcheckError
from vmemcheck.gate.affected import concerns, why_not
from vmemcheck.gate.between import MOST_TREES, Between, look_between
from vmemcheck.gate.blame import Blame
from vmemcheck.gate.budget import Budget
from vmemcheck.gate.changes import Touches, changes_of, facts_of, mended_of, unbuilt_between, unbuilt_of
from vmemcheck.gate.compare import Compared, Pair, compare
from vmemcheck.gate.covering import Asked, firsts, leading, left_to_count
from vmemcheck.gate.effects import effects
from vmemcheck.gate.included import Includes
from vmemcheck.gate.lines import Line, deleted_places, judged, lines_of, places, unexecuted
from vmemcheck.gate.result import ChangedLine, GateResult, Hunk, JudgedCell, LineUse, PatchHead
from vmemcheck.gate.targets import Question, TargetPairs, prepare_pairs
from vmemcheck.gate.text import sliced_text
from vmemcheck.gate.touched import touches
from vmemcheck.gate.uses import Place, Use, cover, cover_deleted, not_run, uses_of
from vmemcheck.invariant import Verdict
from vmemcheck.kernel.confinement import Confinement, confinement
from vmemcheck.kernel.tree import Tree
from vmemcheck.patch.apply import State, apply_series, relevant
from vmemcheck.patch.diff import printable
from vmemcheck.patch.overlay import patched_tree
from vmemcheck.patch.series import Patch
from vmemcheck.selection import ALL, Target, Wishes, targets

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be judged.

    :param arches: only these, where there are any
    :param latent: sizes that cannot occur count too
    :param wishes: which page sizes, sizes of struct page and levels are run
    """

    tree: Tree
    patches: tuple[Patch, ...]
    budget: Budget
    seed: int = 0
    arches: tuple[str, ...] = ()
    latent: bool = False
    wishes: Wishes = ALL


@dataclass(frozen=True, slots=True)
class Where:
    """Where work is done.

    :param here: processes of this machine: what reads the tree is done there
    :param jobs: runs what needs nothing but what it is given; None for the same processes
    :param confinement: says how sliced code was confined
    """

    here: Executor
    jobs: Executor | None = None
    confinement: Callable[[], Confinement] = confinement


def judge(request: Request, where: Where, progress: Callable[[int, int], None] = lambda *_: None) -> GateResult:
    """Judge a series.

    :param progress: called with the number of steps that are done, and that are known so far
    :raises PatchError: when the series does not apply
    :raises VmemcheckError: when the tree cannot be read
    """
    return _Judgement(request, where, progress).result()


class _Judgement:
    def __init__(self, request: Request, where: Where, progress: Callable[[int, int], None]) -> None:
        self._request = request
        self._here = where.here
        self._jobs = where.jobs or where.here
        self._confinement = where.confinement
        self._progress = progress
        self._done = self._known = 0

    def result(self) -> GateResult:
        request = self._request
        chosen = targets(request.arches, request.wishes.page_shifts)  # a wrong name is an error, whatever is touched
        touched = sorted({name for patch in request.patches for file in relevant(patch) for name in file.names})
        if not touched:
            return self._not_applicable("it changes no file that vmemmap code is made of")
        states = apply_series(request.tree, request.patches)
        concerned = functools.cache(functools.partial(concerns, Includes(request.tree), touched))
        wanted = [(target, names) for target in chosen if (names := concerned(target.architecture.alias))]
        if not wanted:
            return self._not_applicable(why_not(touched))
        found, compared = self._compared(self._questions(states, wanted))
        read = [one for one in found if one.read or one.error]
        if not read:
            return self._not_applicable(why_not(touched))
        return self._judged(states, read, compared, tuple(one.skipped for one in found if one.skipped))

    def _questions(self, states: Sequence[State], wanted: Iterable[tuple[Target, tuple[str, ...]]]) -> list[Question]:
        request = self._request
        patched = patched_tree(request.tree, states[-1].contents)
        named = bool(request.arches)
        return [
            Question(
                base=request.tree,
                patched=patched,
                target=target,
                touched=names,
                budget=request.budget,
                seed=request.seed,
                latent=request.latent,
                named=named,
                wishes=request.wishes,
            )
            for target, names in wanted
        ]

    def _compared(self, questions: Sequence[Question]) -> tuple[list[TargetPairs], list[Compared]]:
        """Prepare all targets, and compare the geometries of each as soon as it is prepared; both in order."""
        futures = {self._started(self._here, prepare_pairs, one): number for number, one in enumerate(questions)}
        found: dict[int, TargetPairs] = {}
        running: dict[int, list[Future[Compared]]] = {}
        for future in as_completed(futures):
            number = futures[future]
            found[number] = self._ended(future)
            running[number] = [self._started(self._jobs, compare, pair) for pair in found[number].pairs]
        order = range(len(questions))
        return [found[number] for number in order], [self._ended(one) for number in order for one in running[number]]

    def _judged(
        self, states: Sequence[State], found: list[TargetPairs], compared: list[Compared], skipped: tuple[str, ...]
    ) -> GateResult:
        pairs = [pair for one in found for pair in one.pairs]
        lines = self._lines((*lines_of(states[-1], states[0]), *_effects(found, states[-1])), found, compared)
        blames = self._blames(states, found)
        changes = changes_of(compared, blames, _touches(pairs, places(lines_of(states[-1]))))
        asked = list(_between(found, blames))
        looked = self._all(self._here, look_between, asked)
        changes = (*changes, *mended_of(looked, changes, blames))
        between = unbuilt_between(asked, looked, compared)
        unbuilt = unbuilt_of(found, compared, blames)
        facts = facts_of(found, blames)
        identical = tuple(job.cell for one in found for job in one.identical)
        is_outside = all(line.use in (LineUse.OUTSIDE, LineUse.NO_CODE) for line in lines)
        touches_code = any(line.use is LineUse.OUTSIDE for line in lines)
        reason = ""
        if is_outside and touches_code and not (pairs or unbuilt or between or changes):
            reason = "no line that it changes is a part of what is run"
        limits = self._confinement()
        return self._made(
            lines=lines,
            cells=tuple(_cells(compared)),
            changes=changes,
            facts=facts,
            unbuilt=unbuilt,
            between=between,
            skipped=skipped,
            reason=reason,
            cached=sum(one.cached for one in compared),
            identical=identical,
            confined=limits.confined,
            unconfined=limits.unconfined,
        )

    def _lines(
        self, lines: tuple[Line, ...], found: list[TargetPairs], compared: list[Compared]
    ) -> tuple[ChangedLine, ...]:
        """Look at the lines on as few geometries as tell what became of each."""
        asked = places(lines)
        failed = {one.cell for one in compared if one.patched is Verdict.NO_VERDICT}
        same = [job for one in found for job in one.identical]
        uses = [Use(job.cell.arch, uses_of(sliced_text(job.text), {}, asked)) for job in firsts(same)]
        jobs = [pair.patched for one in found for pair in one.pairs if pair.patched.cell not in failed]
        broken = [pair.patched for one in found for pair in one.pairs if pair.patched.cell in failed]
        uses += [Use(job.cell.arch, not_run(sliced_text(job.text), asked)) for job in firsts(broken)]
        if not uses and not jobs:
            return ()
        first = list(firsts(jobs))
        usual = leading(first)
        uses += self._all(self._jobs, _cover, [(job, asked) for job in usual])
        others, told = left_to_count([job for job in first if job not in usual], asked, uses)
        uses += [*told, *self._all(self._jobs, _cover, others)]
        left = tuple(unexecuted(judged(lines, uses)))
        if left:
            uses += self._all(self._jobs, _cover, [(job, left) for job in jobs if job not in first])
        may_be_replaced = any(one.use is LineUse.OUTSIDE for one in judged(lines, uses))
        has_unread = any(line.unread is not None for line in lines)
        looked = leading([*same, *jobs, *broken])
        texts = [sliced_text(job.text) for job in (looked if may_be_replaced or has_unread else looked[:1])]
        left_out = frozenset().union(*(text.left_out for text in texts))
        replaced = frozenset(name for text in texts for name in text.replaced()) if may_be_replaced else frozenset()
        files = frozenset(file for text in texts for file in text.lines)
        deleted = self._deleted(deleted_places(lines, left_out), found)
        return judged(lines, uses, deleted, replaced, files, left_out)

    def _deleted(self, asked: tuple[Place, ...], found: list[TargetPairs]) -> list[Use]:
        """Look at lines that the series deletes on one geometry of each target, as it was before."""
        bases = [pair.base for one in found for pair in one.pairs if pair.base is not None]
        try:
            return self._all(self._jobs, _cover_deleted, [(job, asked) for job in firsts(bases)]) if asked else []
        except ClusterError:
            raise
        except VmemcheckError:  # the base has no verdict, and that is told
            return []

    def _blames(self, states: Sequence[State], found: Iterable[TargetPairs]) -> dict[Target, Blame]:
        """Return the trees between the patches; none where there is one patch only."""
        if len(states) == 2:
            return {}
        trees = tuple(patched_tree(self._request.tree, _whole(state, states[0])) for state in states[1:])
        return {one.target: Blame((self._request.tree, *trees), one.target) for one in found}

    def _not_applicable(self, reason: str) -> GateResult:
        return self._made(reason=reason)

    def _made(self, **rest: object) -> GateResult:
        request = self._request
        return GateResult(
            tree=request.tree.name,
            origin=request.tree.origin,
            series=tuple(map(_head, request.patches)),
            budget=request.budget.name,
            seed=request.seed,
            hunks=tuple(hunk for patch in request.patches for hunk in _hunks(patch)),
            **rest,  # type: ignore[arg-type]  # each caller gives fields of GateResult
        )

    def _all(self, where: Executor, work: Callable[[_Asked], _Answer], asked: Sequence[_Asked]) -> list[_Answer]:
        return [self._ended(future) for future in [self._started(where, work, one) for one in asked]]

    def _started(self, where: Executor, work: Callable[[_Asked], _Answer], asked: _Asked) -> Future[_Answer]:
        self._known += 1
        self._progress(self._done, self._known)
        return where.submit(work, asked)

    def _ended(self, future: Future[_Answer]) -> _Answer:
        answer = future.result()
        self._done += 1
        self._progress(self._done, self._known)
        return answer


def _effects(found: Iterable[TargetPairs], state: State) -> Iterator[Line]:
    """Yield the lines that the series brings into the programs or takes out without changing them, each once."""
    pairs = {pair.patched: pair for one in found for pair in one.pairs if pair.base is not None}
    told: set[Place] = set()
    for job in leading(firsts(pairs)):
        base = pairs[job].base
        assert base is not None, "only those are looked at"
        for line in effects(sliced_text(base.text), sliced_text(job.text), state):
            place = (line.file, -min(line.deleted)) if line.deleted else line.place
            if place not in told:
                told.add(place)
                yield line


def _touches(pairs: Iterable[Pair], changed: tuple[Place, ...]) -> Touches:
    """Return what tells whether a finding on the patched code acts in a function that the series changes."""
    texts = {pair.patched.cell: pair.patched.text for pair in pairs}
    text_of = functools.cache(lambda cell: sliced_text(texts[cell]))
    return lambda cell, finding: touches(finding, text_of(cell), changed)


def _cover(asked: Asked) -> Use:
    return cover(*asked)


def _cover_deleted(asked: Asked) -> Use:
    return cover_deleted(*asked)


def _between(found: Iterable[TargetPairs], blames: Mapping[Target, Blame]) -> Iterator[Between]:
    """Yield one geometry of each architecture, one that can occur, for each tree between two patches."""
    arches: set[str] = set()
    for one in found:
        pairs = [*one.pairs, *(Pair(job, job) for job in one.identical)]
        pairs = [pair for pair in pairs if not pair.patched.cell.memory_model]
        if not pairs or one.target not in blames or one.target.architecture.name in arches:
            continue
        arches.add(one.target.architecture.name)
        pair = min(pairs, key=lambda each: not each.patched.cell.reachable)
        blame = blames[one.target]
        yield from (Between(blame, number, pair) for number in range(1, min(MOST_TREES + 1, len(blame.trees) - 1)))


def _cells(compared: Iterable[Compared]) -> Iterator[JudgedCell]:
    for one in compared:
        if one.error is None:
            yield JudgedCell(one.cell, one.base, one.patched, one.sequences, one.missing)


def _whole(state: State, first: State) -> dict[str, bytes | None]:
    """Return all touched files: those that this state has not come to are as before the series."""
    return {**first.contents, **state.contents}


def _head(patch: Patch) -> PatchHead:
    files = tuple(printable(file.name) for file in patch.files)
    return PatchHead(patch.number, patch.subject, patch.author, patch.message_id, files, patch.tag)


def _hunks(patch: Patch) -> Iterator[Hunk]:
    for file in relevant(patch):
        for hunk in file.hunks:
            lines = tuple(line.decode("utf-8", "replace") for line in hunk.lines)
            yield Hunk(patch.number, file.name, hunk.old_start, hunk.new_start, lines)
