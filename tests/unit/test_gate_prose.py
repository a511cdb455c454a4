# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of ``vmemcheck gate`` that people get from others: the mail reply and the Markdown summary."""

import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from tests.unit.gate_results import BREAKS, FACTS, FILE, NEW, NO_VERDICT, POSSIBLE, RESULTS, UNCHANGED, hostile
from tests.unit.published import HOSTILE, OBEYED
from vmemcheck import replay_file, sequence_text
from vmemcheck.gate.result import Answer, ChangedLine, GateResult, Hunk, LineUse, PatchHead
from vmemcheck.operation import AddDevice, Altmap, Fault, FaultKind
from vmemcheck.reports.gate_mail import COLUMNS, gate_mail
from vmemcheck.reports.gate_markdown import MOST_BYTES, gate_markdown
from vmemcheck.reports.gate_text import one_line

EVERY = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
FORGERY = "x\r\nBcc: everybody@example.org\r\n\r\nbody\n--\n"
MARKUP = (
    "</code></pre>\n```\n~~~\n`` ` <script>alert(1)</script> [x](javascript:y) @everybody #1 | ![](http://example.org)"
)


def mail_of(result: GateResult, *, latent: bool = False) -> EmailMessage:
    """Return the reply, as a mail reader reads it."""
    text = gate_mail(result, {}, latent)
    return email.message_from_bytes(text.encode(), policy=email.policy.default)


def body_of(result: GateResult, *, latent: bool = False) -> str:
    """Return the text of the reply."""
    return str(mail_of(result, latent=latent).get_content())


def test_mail_answers_the_patch_that_breaks() -> None:
    """It is a reply to the second patch, to its author, and has no other header."""
    message = mail_of(BREAKS)
    assert [
        ("To", '"A. Developer" <a@example.org>'),
        ("Subject", "Re: [PATCH v3 2/2] x86/mm: free the leaf at once"),
        ("In-Reply-To", "<2@example.org>"),
        ("References", "<2@example.org>"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'text/plain; charset="utf-8"'),
        ("Content-Transfer-Encoding", "7bit"),
    ] == message.items()
    assert not message.defects
    assert "<1@example.org>" == mail_of(RESULTS["fixes"])["In-Reply-To"]
    assert "<1@example.org>" == mail_of(UNCHANGED)["In-Reply-To"]


@EVERY
def test_mail_fits_72_columns_but_for_what_is_quoted(result: GateResult) -> None:
    """Lists wrap nothing and neither do their readers."""
    for latent in (False, True):
        lines = body_of(result, latent=latent).split("\n")
        assert [] == [line for line in lines if len(line) > COLUMNS and not line.startswith("> ")]


def test_mail_quotes_the_hunk_and_marks_what_is_new() -> None:
    """As a reviewer would, with the violation above it; what cannot occur is not told."""
    body = body_of(BREAKS)
    assert ">> memmap-mapped is violated on arm64, 64K pages, struct page 64, since\n   patch 2/2\n\n> +++ b/" in body
    assert "> +\t\t\tfree_hugepage_table(pmd_page(*pmd), altmap);\n" in body
    assert body.count("\n>> ") == 1
    assert body_of(BREAKS, latent=True).count("\n>> ") == 2
    assert "\n>> x86_64 SUBSECTION_SHIFT: 21 before, 15 after (patch 1/2):\n   page-multiple" in body_of(FACTS)
    assert "\n>> " not in body_of(UNCHANGED)


def test_mail_quotes_the_hunk_in_which_it_shows() -> None:
    """Of several hunks of the patch, that with the line; a long one is cut."""
    first = Hunk(2, FILE, 10, 10, ("+first",))
    long = replace(BREAKS.hunks[1], lines=(*BREAKS.hunks[1].lines, *(f" line {number}" for number in range(99))))
    body = body_of(replace(BREAKS, hunks=(first, long)))
    assert "> +first" not in body
    assert "> @@ -1100,101 +1100,102 @@\n> \x20\t\tif (pmd_leaf(*pmd)) {\n" in body
    assert "> [ ... ]\n" in body


def test_mail_quotes_a_hunk_once_and_says_of_a_fix_that_it_is_one() -> None:
    """Several violations of one hunk are read one after the other; the first sentence is what most people read."""
    assert 1 == body_of(replace(BREAKS, changes=(POSSIBLE, POSSIBLE))).count("> +++ b/")
    opening = " ".join(body_of(RESULTS["fixes"]).split("\n\n")[1].split())
    assert "What follows is violated without it, and not any more with it." in opening


def pasted(body: str) -> list[str]:
    """Return what the commands in a mail get as their input."""
    return re.findall(r"^vmemcheck replay - [^\n]* <<'END'\n(.*?)^END$", body, re.DOTALL | re.MULTILINE)


def test_mail_has_the_sequence_as_it_can_be_pasted() -> None:
    """The input of the command is the sequence and the geometry of the violation, however long its lines are."""
    longest = (AddDevice(123456, 1, Altmap(1000, 64000), 9, Fault(FaultKind.NTH, 12)), *POSSIBLE.finding.sequence)
    change = replace(POSSIBLE, finding=replace(POSSIBLE.finding, sequence=longest))
    for told in (POSSIBLE, NEW, change):
        (text,) = pasted(body_of(replace(BREAKS, changes=(told,)), latent=True))
        geometry, sequence = sequence_text.parse(text)
        assert (told.finding.steps[-1].geometry, told.finding.sequence) == (geometry, sequence)


def test_mail_has_a_replay_file_where_text_does_not_say_the_memory_model() -> None:
    """Classic sparse memory is named in JSON only."""
    cells = (replace(POSSIBLE.cells[0], memory_model="classic sparse"),)
    (text,) = pasted(body_of(replace(BREAKS, changes=(replace(POSSIBLE, cells=cells),))))
    replay = replay_file.from_json(text)
    assert ("classic sparse", POSSIBLE.finding.sequence) == (replay.memory_model, replay.sequence)


@pytest.mark.parametrize("text", [HOSTILE, FORGERY, "=?utf-8?q?a=0ABcc=3A?=", "\x1b]0;x\x07", 9999 * "ü "])
def test_mail_headers_cannot_be_forged(text: str) -> None:
    """A subject, an author and a message id of any characters make no header of their own and no escape sequence."""
    shown = gate_mail(hostile(text), {}, True)
    message = email.message_from_bytes(shown.encode(), policy=email.policy.default)
    assert ["Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"] == message.keys()
    if text != HOSTILE:  # a mail reader drops the soft hyphen in it, and more
        assert one_line(text)[:40] in message["Subject"]
    assert not OBEYED.search(shown)
    assert max(map(len, shown.encode().split(b"\n"))) < 998  # the limit of RFC 5322


def test_mail_uses_an_author_that_is_one() -> None:
    """A name with letters beyond ASCII is encoded; an address that is none is left out."""
    head = replace(BREAKS.series[1], author="Ü. Developer <u@example.org>")
    message = mail_of(replace(UNCHANGED, series=(head,)))
    assert message["To"].addresses[0].addr_spec == "u@example.org"
    assert str(message.get_content()).startswith("Hi Ü. Developer,\n")
    for author in ("someone", "\u202ex <a@b>", "a b@c d", "a@b, c@d <x y>", "<a@b>\n<c@d>", 'x "<a@b\x00>'):
        assert mail_of(replace(UNCHANGED, series=(replace(head, author=author),)))["To"] is None, author


def test_mail_names_the_message_that_it_answers_only_if_it_is_one() -> None:
    """With or without angle brackets; what has blanks or line breaks in it is left out."""
    for text, answered in (("a@b", "<a@b>"), ("<a@b>", "<a@b>"), ("a b@c", None), ("a", None), ("a@b>\nX: y", None)):
        head = replace(BREAKS.series[1], message_id=text)
        assert answered == mail_of(replace(UNCHANGED, series=(head,)))["In-Reply-To"], text


class Seen(HTMLParser):
    """Collects the tags of a page and the text that is not code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.code = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += "" if self.code else data


def seen(result: GateResult) -> Seen:
    """Return the summary as a reader of Markdown shows it."""
    return Seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(gate_markdown(result, {}, True)))


OURS = set("h2 h3 p ul ol li table thead tbody tr th td strong code pre details summary".split())


@EVERY
def test_markdown_is_read_as_headings_tables_and_code(result: GateResult) -> None:
    """Only tags of ours; the answer is the heading."""
    shown = seen(result)
    assert shown.tags <= OURS
    assert f"vmemcheck: {result.answer(latent=True).value}\n" in shown.text
    assert len(gate_markdown(result, {}, False).encode()) <= MOST_BYTES


@pytest.mark.parametrize("text", [MARKUP, HOSTILE, "`", "``", "`` ` ```", "\n\n# x\n", "    ", "a\\`b"])
def test_markdown_shows_text_of_a_patch_as_code_only(text: str) -> None:
    """No tag, no link, no name that is called comes out of it, wherever it stands."""
    shown = seen(hostile(text))
    assert shown.tags <= OURS
    assert not re.search("[<>@#`]|everybody|javascript", shown.text)
    assert not OBEYED.search(gate_markdown(hostile(text), {}, True))


def test_markdown_of_a_huge_series_stays_below_the_limit_and_says_so() -> None:
    """A summary above 1 MiB is not shown at all."""
    changes = tuple(replace(POSSIBLE) for _ in range(2000))
    lines = tuple(ChangedLine(1, "mm/a.c", number, 100 * "x", LineUse.NOT_EXECUTED) for number in range(20_000))
    heads = tuple(PatchHead(number, 100 * "ü") for number in range(1, 100))
    text = gate_markdown(replace(BREAKS, changes=changes, lines=lines, series=heads), {}, False)
    assert 1_000_000 < len(text.encode()) <= MOST_BYTES
    assert text.endswith("*The report is longer than this place allows: the rest is in the JSON and the text.*")
    assert "❌ vmemcheck: breaks" in text


def test_markdown_has_no_two_rows_alike() -> None:
    """A geometry that is run in two configurations is told apart."""
    (usual, _) = UNCHANGED.cells
    debug = replace(usual, cell=replace(usual.cell, memory_model="sparse vmemmap, DEBUG_VM"))
    text = gate_markdown(replace(UNCHANGED, cells=(usual, debug)), {}, False)
    assert 1 == text.count("| 4K | 64 |") == text.count("| 4K, sparse vmemmap, DEBUG_VM | 64 |")


def test_prose_tells_a_gap_from_a_fault_of_the_series() -> None:
    """Both reports say why the code could not be run."""
    for text in (body_of(NO_VERDICT), gate_markdown(NO_VERDICT, {}, False)):
        assert "init_64.c:1101: 'frob' undeclared" in text
        assert "a gap of vmemcheck" in text
    assert Answer.NO_VERDICT is NO_VERDICT.answer()
