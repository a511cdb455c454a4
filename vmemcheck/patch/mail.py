# SPDX-License-Identifier: GPL-2.0-or-later
"""From bytes to patches: mailboxes, single mails, bare diffs; decoded, put in order, and complete.

What a diff says is read by ``vmemcheck.patch.diff``.
"""

import email
import email.policy
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage, Message

from vmemcheck.errors import PatchError
from vmemcheck.patch.diff import DiffReader, printable
from vmemcheck.patch.series import Patch
from vmemcheck.patch.source import MOST_PATCHES

# As git mailsplit tells it: a year or a time stands at the end.
_FROM_LINE = re.compile(rb"^From \S+.*\d{2}:\d{2}.*$", re.MULTILINE)
_HEADER = re.compile(rb"^[!-9;-~]+:[ \t]?.*$")
_KNOWN_HEADER = re.compile(
    rb"^(?:From|Subject|Date|Message-I[Dd]|Return-Path|Received|MIME-Version|X-[\w-]+):", re.MULTILINE
)
_TAG = re.compile(r"^\s*((?:\[[^\[\]]*\]\s*)+)(.*)$", re.DOTALL)
_PLACE = re.compile(r"\b(\d{1,4})/(\d{1,4})\b")
_VERSION = re.compile(r"\bv(\d{1,3})\b", re.IGNORECASE)
_REPLY = re.compile(r"^\s*(?:re|aw|fwd?)\s*:", re.IGNORECASE)
_DIFF = re.compile(rb"^(?:diff --git |--- .*\n\+\+\+ |@@ -)", re.MULTILINE)
_BASE = re.compile(rb"^base-commit: ([0-9a-f]{7,64})[ \t]*$", re.MULTILINE)
_SHORT = 12
_COVER_LETTER = 0
_QUOTED_DIFF = re.compile(rb"^> ?(?:diff --git |@@ -)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail, or one bare diff.

    :param place: the m of m/n, or None; that of a cover letter is 0
    :param count: the n
    """

    name: str
    subject: str
    body: bytes
    author: str = ""
    message_id: str = ""
    tag: str = ""
    version: int = 1
    place: int | None = None
    count: int | None = None
    is_reply: bool = False

    @property
    def has_diff(self) -> bool:
        """Whether a diff stands in it."""
        return bool(_DIFF.search(self.body))


@dataclass(frozen=True, slots=True)
class _Part:
    """The text of a part of a mail.

    :param is_damaged: its base64 does not decode
    """

    text: bytes
    is_damaged: bool


def read_series(sources: Iterable[tuple[str, bytes]]) -> tuple[Patch, ...]:
    """Return the patches of a series in their order.

    :param sources: names and contents of files
    :raises PatchError: when there is none, one is missing, damaged or refused
    """
    mails = [mail for name, content in sources for mail in _mails(name, content)]
    ordered = _ordered(mails)
    if len(ordered) > MOST_PATCHES:
        raise PatchError(f"{len(ordered)} patches are more than the limit of {MOST_PATCHES}", to_fix="give fewer")
    found = [name for mail in mails if not mail.is_reply for name in _BASE.findall(mail.body)]
    base = found[0][:_SHORT].decode() if found else ""
    return tuple(_patch(number, mail, base) for number, mail in enumerate(ordered, 1))


def _patch(number: int, mail: _Mail, base: str) -> Patch:
    title = f"patch {number} ({mail.subject})" if mail.subject else f"patch {number}"
    files = DiffReader(mail.body, title).files()
    if not files:
        raise PatchError(f"{title}: there is no diff in it", to_fix="get the patch again")
    return Patch(number, mail.subject, files, mail.author, mail.message_id, mail.tag, base)


def _mails(name: str, content: bytes) -> list[_Mail]:
    if not content.strip():
        raise PatchError(f"{name}: it is empty", to_fix="give a diff, a mailbox, or a folder of patches")
    if b"\0" in content[: 1 << 16] and not _DIFF.search(content):
        raise PatchError(
            f"{name}: this is neither a diff nor mail, but something binary", to_fix="give a diff or a mailbox"
        )
    starts = [
        found.start() for found in _FROM_LINE.finditer(content) if _opens_mail(content, found.start(), found.end())
    ]
    if starts and not content[: starts[0]].strip():
        bounds = [*starts, len(content)]
        return [_mail(name, content[start:end].partition(b"\n")[2]) for start, end in itertools.pairwise(bounds)]
    head = content.lstrip().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if _HEADER.match(head.partition(b"\n")[0]) and _KNOWN_HEADER.search(head) and not _DIFF.search(head):
        return [_mail(name, content.lstrip())]
    return [_Mail(name, _plain_name(name), _unix_lines(content))]


def _opens_mail(content: bytes, start: int, end: int) -> bool:
    """Tell whether a ``From `` line begins a mail: headers follow."""
    following = content[end + 1 : end + 400].partition(b"\n")[0]
    return bool(_HEADER.match(following.rstrip(b"\r"))) and content[max(0, start - 1) : start] in (b"", b"\n")


def _plain_name(name: str) -> str:
    return f"a diff on {name}" if name == "standard input" else printable(name)


def _mail(name: str, content: bytes) -> _Mail:
    try:
        message = _parsed(content)
        subject, author, message_id = (_header(message, one) for one in ("Subject", "From", "Message-ID"))
        parts = [part for part in map(_part, message.walk()) if part is not None]
    except Exception:  # the email package has more ways to fail than it documents, in either policy
        raise PatchError(f"{name}: the headers of a mail cannot be read", to_fix="get the mail again") from None
    subject = re.sub(r"\s+", " ", subject).strip()
    tags = _TAG.match(subject)
    words, rest = (tags[1], tags[2]) if tags else ("", subject)
    place, version = _PLACE.search(words), _VERSION.search(words)
    return _Mail(
        name=name,
        subject=printable(rest.strip()) or _plain_name(name),
        body=_body(parts, name),
        author=printable(author),
        message_id=printable(message_id.strip("<> ")),
        tag=printable(words.strip()),
        version=int(version[1]) if version else 1,
        place=int(place[1]) if place else None,
        count=int(place[2]) if place else None,
        is_reply=bool(_REPLY.match(subject)),
    )


def _parsed(content: bytes) -> Message:
    try:
        message: Message = email.message_from_bytes(content, policy=email.policy.default)
        for name in ("Subject", "From", "Message-ID"):
            str(message.get(name, ""))
        return message
    except Exception:  # the parser of headers has more ways to fail than it documents; the older policy takes all
        return email.message_from_bytes(content, policy=email.policy.compat32)


def _header(message: Message, name: str) -> str:
    value = str(message.get(name, ""))
    return re.sub(r"[\r\n]+\s*", " ", value)


def _part(part: Message) -> _Part | None:
    """Return a part of a mail that may have a diff in it, or None where it is something else."""
    is_text = part.get_content_maintype() == "text" and part.get_content_subtype() != "html"
    if part.is_multipart() or not (is_text or part.get_filename("").endswith((".patch", ".diff"))):
        return None
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return None
    is_damaged = isinstance(part, EmailMessage) and any("Base64" in type(one).__name__ for one in part.defects)
    return _Part(_unix_lines(_as_utf8(raw, part.get_content_charset())), is_damaged)


def _body(parts: list[_Part], name: str) -> bytes:
    if any(part.is_damaged for part in parts):
        raise PatchError(f"{name}: the base64 of a mail is damaged", to_fix="get the mail again")
    texts = [part.text for part in parts]
    with_diff = [text for text in texts if _DIFF.search(text)]
    return b"\n".join(with_diff or texts)


def _as_utf8(raw: bytes, charset: str | None) -> bytes:
    """Return text in the encoding of the kernel's files; what is not in the charset that it names stays as it is."""
    if charset in (None, "utf-8", "us-ascii", "unknown-8bit"):
        return raw
    try:
        return raw.decode(charset).encode()
    except (LookupError, UnicodeError):
        return raw


def _unix_lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _ordered(mails: list[_Mail]) -> list[_Mail]:
    """Return the mails with patches in the order of their numbers.

    :raises PatchError: when some are missing, or there are several series
    """
    # A cover letter has a diff, too, where it shows what is new since the last version.
    parts = [mail for mail in mails if mail.place != _COVER_LETTER]
    patches = [mail for mail in parts if not mail.is_reply and (mail.has_diff or mail.place is not None)]
    patches = patches or [mail for mail in parts if mail.has_diff]
    if not patches:
        raise _nothing(mails)
    numbered = [mail for mail in patches if mail.place is not None]
    if not numbered:
        return [mail for mail in patches if mail.has_diff]
    if len(numbered) < len(patches):
        other = next(mail for mail in patches if mail.place is None)
        raise PatchError(
            f"some patches have a number and others do not: {other.subject or other.name}", to_fix="give one series"
        )
    versions = sorted({mail.version for mail in numbered})
    counts = sorted({mail.count or 0 for mail in numbered})
    if len(versions) > 1:
        raise PatchError(
            f"there are versions {', '.join(f'v{one}' for one in versions)} of a series",
            to_fix="give one; 'b4 am' picks one",
        )
    if len(counts) > 1:
        raise PatchError(f"there are several series, of {' and '.join(map(str, counts))} patches", to_fix="give one")
    return _complete(numbered, counts[0])


def _complete(numbered: list[_Mail], count: int) -> list[_Mail]:
    by_place: dict[int, _Mail] = {}
    for mail in numbered:
        place = mail.place
        assert place is not None
        if place > count:
            raise PatchError(f"patch {place}/{count} has an impossible number: {mail.subject}", to_fix="get it again")
        before = by_place.setdefault(place, mail)
        if before.body.strip() != mail.body.strip():
            raise PatchError(f"patch {place}/{count} is there twice, and differs", to_fix="give one of them")
    missing = [str(place) for place in range(1, min(count, MOST_PATCHES + 1) + 1) if place not in by_place]
    if missing:
        shown = ", ".join(missing[:8]) + (" ..." if len(missing) > 8 else "")
        raise PatchError(
            f"of {count} patches these are missing: {shown}", to_fix="give the whole series; 'b4 am' gets it"
        )
    return [by_place[place] for place in sorted(by_place)]


def _nothing(mails: Iterable[_Mail]) -> PatchError:
    if any(_QUOTED_DIFF.search(mail.body) for mail in mails):
        return PatchError("there is only a reply that quotes a diff", to_fix="give the patch itself")
    if any(mail.has_diff for mail in mails):
        return PatchError("there is only a cover letter with a diff", to_fix="give the whole series; 'b4 am' gets it")
    return PatchError("there is no diff in it", to_fix="give a diff, a mailbox, or a folder of patches")
