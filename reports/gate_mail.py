# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as a reply to the patch: one message in plain text, as the bots of kernel lists write.

Our own lines have at most 72 columns; what is quoted stays as it was sent. Nothing is sent, and there
is no date and no message id: who sends it adds them.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from email.header import Header
from email.utils import formataddr

from vmemcheck.gate.result import Answer, Change, GateResult, Hunk, PatchHead, Standing
from vmemcheck.replay_file import to_json
from vmemcheck.reports.check_words import counted, door_words, printable, shown_cell, wrapped
from vmemcheck.reports.finding import geometry_words, reason_lines, sequence_lines
from vmemcheck.reports.finding_json import replay_of
from vmemcheck.reports.gate_blame import hunk_header, told_hunk
from vmemcheck.reports.gate_text import already_lines, one_line
from vmemcheck.reports.gate_words import (
    Replays,
    asides,
    between_words,
    cause_words,
    change_words,
    counted_changes,
    headline,
    lines_not_run,
    lines_words,
    marks_words,
    patch_words,
    run_words,
    tree_words,
)
from vmemcheck.sequence_text import geometry_to_text, to_text

COLUMNS = 72
_KEY = " " * 10
_MOST_QUOTED, _MOST_LETTERS, _MOST_LINES, _MOST_CHANGES = 40, 200, 12, 10
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")
_ADDRESS = r"[A-Za-z0-9_.+=-]{1,100}@[A-Za-z0-9.-]{1,200}"
_AUTHOR = re.compile(rf"""(?:"?(?P<name>[^"<>@\\]{{1,60}}?)"? )?<?(?P<address>{_ADDRESS})>?""")


def gate_mail(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the message; its sequences are in it, so that no file is needed.

    :param latent: violations in sizes that cannot occur count too
    """
    head = _answered(result, latent=latent)
    body = list(_body(result, head, latent=latent))
    encoding = "7bit" if "".join(body).isascii() else "8bit"
    headers = [
        *(_addressed(head) if head else ()),
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        f"Content-Transfer-Encoding: {encoding}",
    ]
    return "\n".join([*headers, "", *body])


def _answered(result: GateResult, *, latent: bool) -> PatchHead | None:
    """Return the patch to reply to: the first one to blame, or to praise, else the first."""
    for standing in (Standing.BREAKS, Standing.FIXES):
        numbers = sorted(one.patch for one in counted_changes(result, standing, latent=latent) if one.patch)
        heads = [head for head in result.series if head.number in numbers[:1]]
        if heads:
            return heads[0]
    return result.series[0] if result.series else None


def _addressed(head: PatchHead) -> Iterator[str]:
    """Yield the headers; what a patch says of itself is used only where it cannot be anything else."""
    name, address = _author(head)
    if address:
        yield f"To: {formataddr((name, address))}"
    # A word that looks as if it were encoded would be decoded, line breaks and all: it is encoded once more.
    subject = one_line(f"Re: {head.tag} {head.subject}")[:_MOST_LETTERS]
    charset = "utf-8" if "=?" in subject or not subject.isascii() else "us-ascii"
    yield f"Subject: {Header(subject, charset, header_name='Subject').encode(linesep=chr(10))}"
    answered = head.message_id.removeprefix("<").removesuffix(">")
    if _MESSAGE_ID.fullmatch(answered):
        yield f"In-Reply-To: <{answered}>"
        yield f"References: <{answered}>"


def _author(head: PatchHead) -> tuple[str, str]:
    """Return the name and the address of an author; empty where they are not what they should be."""
    found = _AUTHOR.fullmatch(one_line(head.author))
    if not found:
        return "", ""
    name = (found["name"] or "").strip()
    return ("" if "=?" in name else name, found["address"])


def _body(result: GateResult, head: PatchHead | None, *, latent: bool) -> Iterator[str]:
    name, _ = _author(head) if head else ("", "")
    yield from (f"Hi{' ' + name if name else ''},", "")
    yield from _filled(_greeting(result, latent=latent))
    yield ""
    yield from _facts(result, head)
    yield ""
    yield from _filled(f"{result.answer(latent=latent).value}: {one_line(headline(result, latent=latent))}", _KEY)
    if others := asides(result, latent=latent):
        yield from _filled(f"also:     {'; '.join(others)}", _KEY)
    yield from _facts_changed(result)
    yield from _not_built(result)
    shown = [one for one in result.changes if one.standing is not Standing.ALREADY_THERE and (latent or one.reachable)]
    told: set[Hunk | None] = {None}
    for change in shown[:_MOST_CHANGES]:
        hunk = told_hunk(result, change)
        yield from ("", *_change(result, change, () if hunk in told else _quoted(hunk)))
        told.add(hunk)
    if len(shown) > _MOST_CHANGES:
        yield from ("", f"{counted(len(shown) - _MOST_CHANGES, 'more violation')} left out here.")
    yield from _not_run(result)
    yield from _old(result)


def _greeting(result: GateResult, *, latent: bool) -> str:
    did = "ran the vmemmap code of your tree with and without this series"
    match result.answer(latent=latent):
        case Answer.BREAKS:
            return f"vmemcheck {did}, and noticed what follows. New violations are prefixed by >>."
        case Answer.NO_VERDICT:
            return "vmemcheck could not run the vmemmap code with this series applied."
        case Answer.NOT_APPLICABLE:
            return "vmemcheck runs nothing of what this series changes."
        case Answer.NOT_EXERCISED:
            return f"vmemcheck {did}, but did not get to all that it changes."
        case Answer.FIXES:
            return f"vmemcheck {did}. What follows is violated without it, and not any more with it. This is no proof."
        case _:
            return f"vmemcheck {did}, and noticed nothing new that is wrong. This is no proof."


def _facts(result: GateResult, head: PatchHead | None) -> Iterator[str]:
    values = {"tree": result.tree, "patch": f"{head.tag} {head.subject}" if head else ""}
    if result.cells or result.identical:
        values["run"] = run_words(result)
        values["budget"] = f"{result.budget}, seed {result.seed}"
    if result.lines:
        values["lines"] = lines_words(result)
    for key, value in values.items():
        yield from _filled(f"{key + ':':<10}{one_line(value)}", _KEY)


def _facts_changed(result: GateResult) -> Iterator[str]:
    for fact in result.facts:
        prefix, patch = ">> " if fact.breaks else "   ", patch_words(result, fact.patch)
        words = f"{fact.arch} {fact.name}: {fact.before} before, {fact.after} after"
        words += f" ({patch})" if patch else ""
        yield from ("", *_filled(f"{prefix}{one_line(words + (f': {fact.says}' if fact.says else ''))}", "   "))


def _not_built(result: GateResult) -> Iterator[str]:
    for one in (*result.unbuilt, *result.between):
        cause = "with this series only" if one.by_series else cause_words(result, one)
        what = f"not built: {between_words(result, one)}" if one in result.between else f"not run: {one.arch}"
        yield from ("", *_filled(one_line(f"{what}, {one.page} pages ({cause})"), "  "))
        text = printable(f"{one.where}: {one.message}" if one.where else one.message)
        yield from (line for raw in text.split("\n") for line in _filled(f"  {raw}", "    "))


def _change(result: GateResult, change: Change, quoted: Iterable[str]) -> Iterator[str]:
    """Yield a violation: what, where in the patch, the sequence, why, and how to see it.

    :param quoted: the hunk; nothing where it stands in the message already
    """
    cell, patch = shown_cell(change), change_words(result, change)
    new = change.standing is Standing.BREAKS
    words = f"{'>> ' if new else ''}{change.kind.invariant} {'is violated' if new else 'is not violated any more'} on"
    words += f" {change.arch}, {geometry_words(cell.geometry)}{', since ' + patch if patch else ''}"
    yield from _filled(printable(words), "   ")
    yield from quoted
    yield from ("", "by this sequence:" if new else "by this sequence, on the tree as it was:", "")
    yield from (line for text in sequence_lines(change.finding) for line in _operation(text))
    yield ""
    for text in reason_lines(change.finding):
        yield from _filled(printable(text), "    ")
    cannot = "" if change.reachable else " This size of struct page cannot occur in this tree."
    yield ""
    yield from _filled(f"It can be reached {door_words(change.finding)}.{cannot}")
    yield from ("", *_reproduce(result, change))


def _quoted(hunk: Hunk | None) -> Iterator[str]:
    if hunk is None:
        return
    lines = [f"+++ b/{hunk.file}", hunk_header(hunk), *hunk.lines]
    yield from ("", *(f"> {printable(' '.join(line.splitlines()))[:_MOST_LETTERS]}" for line in lines[:_MOST_QUOTED]))
    if len(lines) > _MOST_QUOTED:
        yield "> [ ... ]"


def _operation(text: str) -> list[str]:
    """Return an operation to read: its comment close by, or in a line of its own."""
    line, _, comment = text.partition("#")
    joined = f"  {line.rstrip()}   # {comment.strip()}" if comment else f"  {line.rstrip()}"
    return (
        [joined]
        if len(joined) <= COLUMNS
        else _filled(f"  {line.rstrip()}", " " * 12) + ([f"{' ' * 12}# {comment.strip()}"] if comment else [])
    )


def _reproduce(result: GateResult, change: Change) -> Iterator[str]:
    """Yield a command to paste, with the sequence as its input."""
    yield from (*_filled(f"reproduce, in {one_line(tree_words(result, change))}:"), "")
    yield f"vmemcheck replay - --tree . --arch {change.arch} <<'END'"
    cell = shown_cell(change)
    if cell.memory_model:
        yield from to_json(replay_of(result.tree, cell, change.finding)).split("\n")
    else:
        yield from _continued(geometry_to_text(change.finding.steps[-1].geometry))
        yield from (line for operation in change.finding.sequence for line in _continued(to_text(operation)))
    yield "END"


def _continued(text: str) -> list[str]:
    """Return a line of a sequence as lines that ``vmemcheck replay`` takes for one."""
    first, *others = textwrap.wrap(
        text, COLUMNS - 2, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([first, *others]).replace("\n", " \\\n").split("\n")


def _not_run(result: GateResult) -> Iterator[str]:
    short = [marks_words(one) for one in result.cells if one.missing]
    for text in short[:_MOST_LINES]:
        yield from ("", *_filled(one_line(text), "  "))
    missed = lines_not_run(result)
    if not missed:
        return
    yield from ("", "changed lines that no sequence went through:", "")
    for line in missed[:_MOST_LINES]:
        text = one_line(f"{line.file}:{line.line}: {line.text}")
        yield f"  {text}"[:_MOST_LETTERS]
    if len(missed) > _MOST_LINES:
        yield f"  and {len(missed) - _MOST_LINES} more"


def _old(result: GateResult) -> Iterator[str]:
    if old := already_lines(result):
        yield from ("", *_filled("These are violated without the series too:"), "")
        yield from (line for text in old[:_MOST_LINES] for line in _filled(text, "     "))
        if len(old) > _MOST_LINES:
            yield "  [ ... ]"


def _filled(text: str, indent: str = "") -> list[str]:
    return wrapped(text, indent, columns=COLUMNS)
