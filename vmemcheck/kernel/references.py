# SPDX-License-Identifier: GPL-2.0-or-later
"""What a piece of kernel text defines, and what it refers to.

The syntax tree tells local names from global ones; plain tokens find everything else, so that
a construct that the parser does not know hides nothing.
"""

import functools
import re
from dataclasses import dataclass

import tree_sitter
import tree_sitter_c

from vmemcheck.kernel.pieces import ENUM_BODY, Kind, Piece, Source, group_end, macro_body, once

_TOKEN = re.compile(rb"(->|\.\.\.|\.|##|#)|(\d[\w.]*)|([A-Za-z_]\w*)(?=(\s*\()?)|\S")
_TAG = re.compile(rb"\b(struct|union|enum)\s+([A-Za-z_]\w*)\s*([*{;]?)")
_ASM_NAME = re.compile(rb"\b(?:asm|__asm__)\s*\([^()]*\)")
_MEMBER = re.compile(rb"[;{}]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_CALL = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_DECLARATOR = re.compile(rb"\(\s*\*\s*(\w+)\s*\)\s*\(|(\w+)\s*(?:\[[^\]]*\]\s*)*(?=[,;])")
_OPENING = re.compile(rb"\s*(\w+)\s*\(\s*(\w+)[^()]*\)\s*\{")
_FUNCTION_TYPE = re.compile(rb"\b(\w+)\s*\([^()]*\)\s*;")
_PASTED = re.compile(rb"(\w+)\s*##\s*(\w+)")
_LOCALS = """
(declaration declarator: (identifier) @local)
(init_declarator declarator: (identifier) @local)
(pointer_declarator declarator: (identifier) @local)
(array_declarator declarator: (identifier) @local)
(parameter_declaration declarator: (identifier) @local)
(parenthesized_declarator (pointer_declarator declarator: (identifier) @local))
(statement_identifier) @local
"""
KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if int long register return"
    " short signed sizeof static struct switch typedef union unsigned void volatile while _Bool typeof __typeof__ asm"
    " inline __inline __inline__ __attribute__ __volatile__ __asm__ __extension__ _Static_assert defined __func__"
    " __FUNCTION__ __LINE__ __FILE__ __COUNTER__ __VA_ARGS__ __VA_OPT__ __label__ __auto_type _Generic _Alignof"
    " __alignof__ __typeof __const __signed__ __FILE_NAME__ __BASE_FILE__ __int128 _Pragma __signed __restrict".split()
)


@dataclass(frozen=True, slots=True)
class References:
    """What one piece refers to.

    :param names: identifiers -> whether an opening parenthesis follows somewhere
    :param fields: names after ``.`` and ``->``
    :param tags: ``struct``, ``union`` and ``enum`` names whose definition is needed
    :param weak_tags: tags behind pointers: needed when one of these members is used
    :param pasted: ``prefix##parameter`` (prefix, "") and ``parameter##suffix`` ("", suffix)
    :param has_code: False for types and prototypes, whose other words name members and
        parameters and never functions or objects
    """

    names: dict[str, bool]
    fields: frozenset[str]
    tags: frozenset[str]
    weak_tags: tuple[tuple[str, frozenset[str]], ...]
    pasted: frozenset[tuple[str, str]]
    has_code: bool = True


@once
def references(source: Source, piece: Piece) -> References:
    """Return what the piece refers to, its own local names left out."""
    if piece.kind in (Kind.MACRO, Kind.UNDEF):
        return _macro(source, piece)
    code = source.code[piece.start : piece.end]
    code = re.sub(rb"^[ \t]*#[^\n]*", lambda match: b" " * len(match[0]), code, flags=re.MULTILINE)
    # In "struct __packed s" the attribute is no tag.
    clean = plain(source, code)
    local = _local_names(source, code) if piece.kind is Kind.FUNCTION else frozenset()
    # The page of "struct page" is a tag, not a function called page.
    names, fields = _tokens(_TAG.sub(rb"\1 \3", code), local)
    has_code = True
    if piece.kind is Kind.TYPE:
        tags, weak = _member_tags(clean)
        has_code = False
    elif piece.kind is Kind.DECLARATION and is_prototype(source, piece):
        tags = frozenset(name for keyword, name, _ in _found_tags(clean) if keyword == "enum")
        weak = ()
        has_code = False
    else:
        tags, weak = frozenset(name for _, name, _ in _found_tags(clean)), ()
    return References(names, fields, tags, weak, frozenset(), has_code)


def words_and_tags(code: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Return the identifiers of a type's definition, and the tags of which it holds values."""
    names, _ = _tokens(_TAG.sub(rb"\1 \3", code), frozenset())
    return frozenset(names), _member_tags(code)[0]


@once
def defined_names(source: Source, piece: Piece) -> frozenset[str]:
    """Return the ordinary identifiers that the piece defines or declares."""
    code = source.code_only[piece.start : piece.end]
    match piece.kind:
        case Kind.MACRO | Kind.UNDEF:
            return frozenset(piece.names)
        case Kind.FUNCTION:
            return frozenset((_function_name(source, code),))
        case Kind.INVOCATION:
            return frozenset()  # see vmemcheck.kernel.expand
        case Kind.DECLARATION:
            if is_prototype(source, piece):
                return frozenset((_function_name(source, code),)) | _enumerators(code)
            code = _ASM_NAME.sub(b"", plain(source, code))
            head = declarators(code.partition(b"=")[0].partition(b"{")[0] + b";")
            return head if b"=" in code else head | declarators(code[code.rfind(b"}") + 1 :])
        case Kind.TYPE:
            names = _enumerators(code)
            if plain(source, code).lstrip().startswith(b"typedef"):
                tail = code[code.rfind(b"}") + 1 :] if b"}" in code else code
                pointer = re.search(rb"\(\s*\*?\s*(\w+)\s*\)\s*\(", tail)
                function = _FUNCTION_TYPE.search(plain(source, tail))
                found = pointer or function
                names |= frozenset((found[1].decode(),)) if found else declarators(plain(source, tail))
            return names


@once
def defined_tags(source: Source, piece: Piece) -> frozenset[str]:
    """Return the tags whose members the piece lists."""
    code = plain(source, source.code_only[piece.start : piece.end])
    opening = _OPENING.match(code)
    if opening is not None and opening[1] in source.type_macros:
        return frozenset((opening[2].decode(),))
    return frozenset(name for _, name, after in _found_tags(code) if after == "{")


@once
def is_prototype(source: Source, piece: Piece) -> bool:
    """Tell whether a declaration declares a function (not an object, not a pointer to a function)."""
    code = plain(source, source.code_only[piece.start : piece.end])
    match = re.match(rb"[^(={]*?(\w+)\s*\(\s*(?!\*)", code)
    return match is not None and match[1].decode() not in KEYWORDS


@once
def is_weak(source: Source, piece: Piece) -> bool:
    """Tell whether a function definition gives way to another one."""
    header = source.code[piece.start : piece.end].partition(b"{")[0]
    return re.search(rb"\b(__weak|weak|__weak__)\b", header) is not None


def _macro(source: Source, piece: Piece) -> References:
    body = macro_body(source, piece) if piece.kind is Kind.MACRO else b""
    names, fields = _tokens(_TAG.sub(rb"\1 \3", body), frozenset(piece.parameters or ()))
    # What a macro names may get its arguments elsewhere: #define DIV_ROUND_UP __KERNEL_DIV_ROUND_UP
    names = dict.fromkeys(names, True)
    tags = frozenset(name for _, name, _ in _found_tags(plain(source, body)))
    parameters = set(piece.parameters or ())
    pasted = set()
    for left, right in _PASTED.findall(body):
        one, other = left.decode(), right.decode()
        if other in parameters and one not in parameters:
            pasted.add((one, ""))
        elif one in parameters and other not in parameters:
            pasted.add(("", other))
    return References(names, fields, tags - parameters, (), frozenset(pasted))


def _tokens(code: bytes, local: frozenset[str]) -> tuple[dict[str, bool], frozenset[str]]:
    names: dict[str, bool] = {}
    fields = set()
    previous = b""
    for match in _TOKEN.finditer(code):
        word = match[3]
        if word is not None:
            text = word.decode()
            if previous in (b".", b"->"):
                fields.add(text)
            elif text not in local and text not in KEYWORDS:
                names[text] = names.get(text, False) or match[4] is not None
        previous = match[0]
    return names, frozenset(fields)


@functools.cache
def _parser() -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    language = tree_sitter.Language(tree_sitter_c.language())
    return tree_sitter.Parser(language), tree_sitter.Query(language, _LOCALS)


def _local_names(source: Source, code: bytes) -> frozenset[str]:
    parser, query = _parser()
    clean = plain(source, code)
    captures = tree_sitter.QueryCursor(query).captures(parser.parse(clean).root_node)
    nodes = captures.get("local", [])
    found = {clean[node.start_byte : node.end_byte].decode() for node in nodes}
    return frozenset(found - {_function_name(source, code)})


def plain(source: Source, code: bytes) -> bytes:
    """Blank the attribute words, with their arguments, at equal length."""
    attributes = source.attribute_words.intersection(_WORD.findall(code))
    if not attributes:
        return code
    parts, at = [], 0
    for match in _WORD.finditer(code):
        if match[0] not in attributes or match.start() < at:
            continue
        takes_arguments = source.attributes.get(match[0].decode(), True)
        end = match.end()
        if takes_arguments and code[end:].lstrip().startswith(b"("):
            end = group_end(code, end, len(code))
        parts += [code[at : match.start()], re.sub(rb"[^\n]", b" ", code[match.start() : end])]
        at = end
    return b"".join([*parts, code[at:]])


def _function_name(source: Source, code: bytes) -> str:
    match = _CALL.search(plain(source, code.partition(b"{")[0]))
    return match[1].decode() if match else ""


def declarators(code: bytes) -> frozenset[str]:
    """Return the names that ``type a, *b[2], (*c)(int);`` declares."""
    names = _DECLARATOR.findall(code)
    return frozenset(name.decode() for pair in names for name in pair if name)


def _enumerators(code: bytes) -> frozenset[str]:
    items = (item for body in ENUM_BODY.findall(code) for item in body.split(b","))
    words = (item.split(b"=")[0].strip() for item in items)
    return frozenset(word.decode() for word in words if _WORD.fullmatch(word))


def _found_tags(code: bytes) -> list[tuple[str, str, str]]:
    """Return ``(keyword, tag, what follows)`` for each ``struct x``, ``union x`` and ``enum x``."""
    return [(match[1].decode(), match[2].decode(), match[3].decode()) for match in _TAG.finditer(code)]


def _member_tags(code: bytes) -> tuple[frozenset[str], tuple[tuple[str, frozenset[str]], ...]]:
    """Split the tags in the members of a type: held by value, and behind pointers with the member names."""
    strong, weak = set(), []
    for member in _MEMBER.split(code):
        for keyword, name, after in _found_tags(member):
            if keyword == "enum" or after != "*":
                strong.add(name)
            else:
                weak.append((name, frozenset(word.decode() for word in _WORD.findall(member)) - KEYWORDS))
    return frozenset(strong), tuple(weak)
