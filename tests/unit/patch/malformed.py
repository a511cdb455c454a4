# SPDX-License-Identifier: GPL-2.0-or-later
"""Series that cannot be judged: the name of each, what is given, and words of the one line that must come of it."""

HEAD = b"diff --git a/mm/sparse.c b/mm/sparse.c\n--- a/mm/sparse.c\n+++ b/mm/sparse.c\n"
GOOD = HEAD + b"@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n"


_HEADERS = "the headers of a mail cannot be read"
_PIECES = "Message-ID: <>\nContent-Type: text/plain; charset*0*=''a; charset*=''b\n"


def mail(subject: str, body: bytes = GOOD, headers: str = "") -> bytes:
    """Return a mail of a mailbox."""
    head = f"From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: {subject}\n{headers}\nText.\n---\n"
    return head.encode() + body + b"-- \n2.39\n\n"


def git_diff(old: str, new: str, *extended: str, hunk: bytes = b"@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n") -> bytes:
    """Return the diff of one file."""
    lines = [f"diff --git a/{old} b/{new}", *extended]
    if hunk:
        lines += [f"--- a/{old}", f"+++ b/{new}"]
    return "\n".join(lines).encode() + b"\n" + hunk


MALFORMED: tuple[tuple[str, bytes, str], ...] = (
    ("empty", b"", "it is empty"),
    ("spaces", b" \n\t\n", "it is empty"),
    ("prose", b"Dear list,\nplease apply.\n", "there is no diff in it"),
    ("binary", b"\x7fELF\x00\x00\x01", "something binary"),
    ("gzip", b"\x1f\x8b\x08\x00abc", "packed with gzip"),
    ("xz", b"\xfd7zXZ\x00", "packed with xz"),
    ("bzip2", b"BZh91AY", "packed with bzip2"),
    ("zip", b"PK\x03\x04abc", "packed with zip"),
    ("zstd", b"\x28\xb5\x2f\xfdabc", "packed with zstd"),
    ("header-alone", HEAD, "nothing is said of what is done to mm/sparse.c"),
    ("hunk-alone", b"@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n", "a hunk without a file"),
    ("hunk-cut-off", HEAD + b"@@ -1,9 +1,9 @@\n one\n-two\n+TWO\n", "cut off or damaged"),
    ("hunk-without-lines", HEAD + b"@@ -1,2 +1,2 @@\n", "cut off or damaged"),
    ("hunk-wrapped", HEAD + b"@@ -1,2 +1,2 @@\n one\nand more\n-two\n+TWO\n", "cut off or damaged"),
    ("hunk-too-many-old", HEAD + b"@@ -1,1 +1,3 @@\n one\n-two\n+TWO\n+x\n", "has too many lines"),
    ("hunk-head-damaged", HEAD + b"@@ -a,b +1,2 @@\n one\n", "the head of a hunk cannot be read"),
    ("hunk-head-huge", HEAD + b"@@ -1,99999999999999 +1 @@\n one\n", "the head of a hunk cannot be read"),
    ("absolute", b"--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "absolute path"),
    ("absolute-git", git_diff("/etc/passwd", "/etc/passwd"), "leads out of the tree"),
    ("dots", git_diff("../../etc/passwd", "../../etc/passwd"), "leads out of the tree"),
    ("dots-inside", git_diff("mm/../../x", "mm/../../x"), "leads out of the tree"),
    (
        "dots-quoted",
        b'--- "a/mm/\\056\\056/x.c"\n+++ "b/mm/\\056\\056/x.c"\n@@ -1 +1 @@\n-a\n+b\n',
        "leads out of the tree",
    ),
    ("dot-git", git_diff(".git/config", ".git/config"), "belongs to git"),
    ("empty-part", git_diff("mm//sparse.c", "mm//sparse.c"), "leads out of the tree"),
    ("newline-in-name", b'--- "a/mm/a\\nb.c"\n+++ "b/mm/a\\nb.c"\n@@ -1 +1 @@\n-a\n+b\n', "cannot be the name"),
    ("nul-in-name", b"--- a/mm/a\x00b.c\n+++ b/mm/a\x00b.c\n@@ -1 +1 @@\n-a\n+b\n", "cannot be the name"),
    ("long-name", git_diff("mm/" + "x" * 5000, "mm/" + "x" * 5000), "cannot be the name"),
    ("two-nothings", b"--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "neither side of a diff has a file"),
    ("symlink-new", git_diff("mm/x.c", "mm/x.c", "new file mode 120000", hunk=b""), "mm/x.c is a symbolic link"),
    ("symlink-changed", git_diff("mm/x.c", "mm/x.c", "index 1..2 120000"), "mm/x.c is a symbolic link"),
    ("symlink-typechange", git_diff("mm/x.c", "mm/x.c", "old mode 100644", "new mode 120000"), "is a symbolic link"),
    ("submodule", git_diff("mm/x", "mm/x", "new file mode 160000"), "mm/x is a submodule"),
    ("device", git_diff("mm/x", "mm/x", "new file mode 020000"), "mm/x is a device"),
    ("block-device", git_diff("mm/x", "mm/x", "new file mode 060000"), "mm/x is a device"),
    ("pipe", git_diff("mm/x", "mm/x", "new file mode 010000"), "mm/x is a pipe"),
    ("set-uid", git_diff("mm/x", "mm/x", "new file mode 104755"), "mm/x is of mode 104755"),
    ("binary-patch", git_diff("mm/x", "mm/x", hunk=b"") + b"GIT binary patch\nliteral 3\nKcmZ\n", "mm/x is binary"),
    (
        "binary-differs",
        git_diff("mm/x", "mm/x", hunk=b"") + b"Binary files a/mm/x and b/mm/x differ\n",
        "mm/x is binary",
    ),
    (
        "escapes-in-binary",
        git_diff("mm/\u202ex\x9b1m", "mm/\u202ex\x9b1m", hunk=b"") + b"GIT binary patch\n",
        "mm/\\u202ex\\x9b1m is binary",
    ),
    (
        "escapes-in-name",
        git_diff("mm/\x9b1m", "mm/\x9b1m", hunk=b"@@ -1,1 +1,3 @@\n one\n-two\n+TWO\n+x\n"),
        "mm/\\x9b1m: the hunk",
    ),
    ("merge", b"diff --cc mm/sparse.c\nindex 1,2..3\n", "there is no diff in it"),
    ("merge-behind", GOOD + b"diff --cc mm/sparse.c\nindex 1,2..3\n", "the diff of a merge"),
    ("rename-half", git_diff("mm/a.c", "mm/b.c", "rename from mm/a.c", hunk=b""), "belong together"),
    ("rename-other", git_diff("mm/a.c", "mm/b.c", "rename from mm/c.c", "rename to mm/b.c"), "do not agree"),
    ("new-and-deleted", git_diff("mm/a", "mm/a", "new file mode 100644", "deleted file mode 100644"), "at once"),
    ("no-names", b"diff --git a/mm/a b b/mm/c d e\n", "cannot be told apart"),
    ("missing-part", mail("[PATCH 1/3] x") + mail("[PATCH 3/3] y"), "of 3 patches these are missing: 2"),
    ("missing-many", mail("[PATCH 1/9999] x"), "these are missing: 2, 3, 4, 5, 6, 7, 8, 9 ..."),
    ("number-beyond", mail("[PATCH 4/3] x"), "patch 4/3 has an impossible number"),
    (
        "twice",
        mail("[PATCH 1/1] x") + mail("[PATCH 1/1] y", GOOD.replace(b"TWO", b"Two")),
        "is there twice, and differs",
    ),
    ("versions", mail("[PATCH 1/1] x") + mail("[PATCH v2 1/1] x"), "versions v1, v2 of a series"),
    ("series", mail("[PATCH 1/1] x") + mail("[PATCH 1/2] y") + mail("[PATCH 2/2] z"), "several series, of 1 and 2"),
    ("half-numbered", mail("[PATCH 1/1] x") + mail("[PATCH] y"), "some patches have a number"),
    ("cover-alone", mail("[PATCH 0/0] x", b""), "there is no diff in it"),
    ("cover-alone-with-diff", mail("[PATCH v2 0/1] x"), "there is only a cover letter with a diff"),
    ("part-without-diff", mail("[PATCH 1/2] x", b"") + mail("[PATCH 2/2] x"), "there is no diff in it"),
    ("reply", mail("Re: [PATCH] x", b"> diff --git a/mm/a.c b/mm/a.c\n> @@ -1 +1 @@\n"), "only a reply that quotes"),
    ("base64-damaged", mail("[PATCH] x", b"@@@@", "Content-Transfer-Encoding: base64\n"), "the base64 of a mail is"),
    ("nul-in-charset", mail("[PATCH] x", headers='Content-Type: text/plain; charset="a\0b"\n'), _HEADERS),
    ("nul-in-encoded-charset", mail("[PATCH] x", headers="Content-Type: text/plain; charset*=''a%00b\n"), _HEADERS),
    (
        "nul-in-file-name",
        mail("[PATCH] x", headers="Content-Type: /\nContent-Disposition: attachment; filename*=a\0b'en'%80.patch\n"),
        _HEADERS,
    ),
    ("parameter-in-pieces", mail("[PATCH] x", headers=_PIECES), _HEADERS),
    ("html", mail("[PATCH] x", b"<pre>" + GOOD, "Content-Type: text/html\n"), "there is no diff in it"),
    ("escapes-in-subject", mail("[PATCH] \x1b[31mred", HEAD), "patch 1 (\\x1b[31mred): nothing is said"),
)
