"""Canonical bytes: RFC 8785 JSON out, strict JSON in.

Promises: `parse(encode(x)) == x`; `encode(parse(b)) == b` for bytes that `encode` made. Refused: other encodings
than UTF-8, a byte order mark, duplicate names, floats, `-0`, integers beyond 2^53 − 1, lone surrogates, U+0000, and
whatever passes a named limit. `parse_document` allows white space between tokens and nothing else that RFC 8785
would write differently, so that no second spelling of a proof file exists.

Does not: normalise text; strings are kept as sent.

>>> encode({"b": [1, True, None], "a": "é"})
b'{"a":"\\xc3\\xa9","b":[1,true,null]}'
>>> parse(b'{"a": 1, "a": 2}')
Traceback (most recent call last):
    ...
ledger_service.errors.JsonFormatError: the name 'a' stands twice in one object
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import rfc8785

from ledger_service.errors import JsonFormatError, LimitError

Json = None | bool | int | str | list[Any] | dict[str, Any]

INTEGER_MAX = 2**53 - 1  # RFC 8785 §3.2.2.3 and I-JSON: what every JSON reader holds exactly
DEPTH_MAX = 32  # nested arrays and objects; our deepest file has 7, and no reader recurses far
DOCUMENT_BYTES_MAX = 4 * 1024 * 1024  # a receipt is a few KiB; four MiB still parses in a fraction of a second
VALUES_MAX = 65_536  # values of one text; an entry at its limits shown whole has some thousands, and each costs time
DIGITS_MAX = 17  # sign and digits of INTEGER_MAX: longer tokens are refused before they are converted

# Possessive, and the second runs to the end where a string is not closed: one pass, whatever is sent.
_STRING_OR_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^" \t\n\r]++')  # everything but white space between tokens
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_STRING_OR_BRACKET = re.compile(_STRING.pattern + r"|[\[\]{}]", re.DOTALL)
_BRACES_AS_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)).difference(b"[]{}"))
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
_DIGITS_AS_ZERO = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))  # and anything else a space
_ALL_BUT_ZERO = bytes(byte if byte in b"-0" else 49 if 49 <= byte <= 57 else 32 for byte in range(256))
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def encode(value: Json, *, depth_max: int = DEPTH_MAX) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises:
        JsonFormatError: A float, a key that is not a string, a lone surrogate, U+0000, or another type.
        LimitError: An integer beyond `INTEGER_MAX` or nesting beyond `depth_max`.
    """
    if _keys_are_plain(value, depth_max):
        # For ASCII names, code point order is UTF-16 order and json.dumps writes what RFC 8785 asks for; a test
        # holds the two against each other. It is some ten times faster than the reference.
        try:
            return _ENCODER.encode(value).encode()
        except UnicodeEncodeError:
            raise JsonFormatError("surrogate", "a string holds a lone surrogate") from None
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        raise JsonFormatError("surrogate", "a string holds a lone surrogate") from None


def encode_document(value: Json) -> bytes:
    """Return `value` as a file for people: RFC 8785 with white space between the tokens and a final newline."""
    ordered = json.loads(encode(value))  # the same refusals, and names in UTF-16 order, which sort_keys is not
    return (json.dumps(ordered, ensure_ascii=False, indent=2) + "\n").encode()


def parse(data: bytes, *, bytes_max: int = DOCUMENT_BYTES_MAX, depth_max: int = DEPTH_MAX) -> Json:
    """Return the value of strict JSON text.

    Args:
        data: UTF-8 bytes of one JSON text (RFC 8259).
        bytes_max: Most bytes; longer input is refused before it is looked at.
        depth_max: Deepest nesting of arrays and objects.

    Raises:
        LimitError: Too long, too deep, too many values, or an integer beyond `INTEGER_MAX`.
        JsonFormatError: Anything else that is refused; `code` says which.
    """
    if len(data) > bytes_max:
        raise LimitError("the most bytes of a JSON text", bytes_max, len(data))
    if data.startswith(b"\xef\xbb\xbf"):
        raise JsonFormatError("bom", "the text starts with a byte order mark", hint="save it as UTF-8 without BOM")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise JsonFormatError("utf8", f"byte {error.start} is not UTF-8") from None
    _require_bounds(text, depth_max)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_unique_object,
            parse_float=_refuse_float,
            parse_int=int if _numbers_are_plain(data) else _parse_integer,  # int: no call for each number
            parse_constant=_refuse_float,
        )
    except json.JSONDecodeError as error:
        raise JsonFormatError("syntax", f"not JSON: {error.msg.lower()} at character {error.pos}") from None
    if "\\u0000" in text or _SURROGATE_ESCAPE.search(text):
        _require_text(_strings(value))
    return value


def parse_canonical(data: bytes, *, bytes_max: int, depth_max: int = DEPTH_MAX) -> Json:
    """Return the value of bytes that are exactly RFC 8785.

    Raises:
        LimitError, JsonFormatError: As `parse`; `not_canonical` when another spelling of the same value.
    """
    value = parse(data, bytes_max=bytes_max, depth_max=depth_max)
    if encode(value) != data:
        raise JsonFormatError("not_canonical", "the bytes are not the canonical form (RFC 8785) of their value")
    return value


def parse_document(data: bytes, *, bytes_max: int = DOCUMENT_BYTES_MAX, depth_max: int = DEPTH_MAX) -> Json:
    """Return the value of RFC 8785 text in which white space may stand between tokens.

    Raises:
        LimitError, JsonFormatError: As `parse_canonical`.
    """
    value = parse(data, bytes_max=bytes_max, depth_max=depth_max)
    bare = "".join(_STRING_OR_TOKENS.findall(data.decode()))  # of JSON: every string is closed
    if encode(value) != bare.encode():
        raise JsonFormatError(
            "not_canonical",
            "white space aside, the text is not the canonical form (RFC 8785) of its value",
            hint="names sorted, no escape that is not needed",
        )
    return value


def as_read(value: Json) -> Json:
    """Return a value that was encoded before as whoever parses it gets it: of plain types, sharing nothing with it.

    >>> as_read({"kinds": ("photo",)})
    {'kinds': ['photo']}
    """
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is list:
        return [as_read(item) for item in value]  # type: ignore[union-attr]
    if kind is dict and all(type(name) is str for name in value):  # type: ignore[union-attr]
        return {name: as_read(item) for name, item in value.items()}  # type: ignore[union-attr]
    return parse(encode(value))


def _keys_are_plain(value: object, depth_max: int) -> bool:
    """Walk the value level by level, refuse what may not be encoded, and say whether every name is ASCII.

    This runs under the write lock for every entry, so it looks at the exact types that nearly all values have first.
    """
    plain = True
    level: list[Any] = [(value,)]
    depth = 0
    while level:
        if depth > depth_max:
            raise LimitError("the deepest nesting", depth_max)
        nested: list[Any] = []
        for container in level:
            items = container
            if isinstance(container, dict):
                plain = _names_are_ascii(container) and plain
                items = container.values()
            for item in items:
                kind = type(item)
                if kind is str:
                    if "\x00" in item:
                        raise JsonFormatError("nul", "a string holds U+0000")
                elif kind is dict or kind is list:
                    nested.append(item)
                elif kind is int:
                    if not -INTEGER_MAX <= item <= INTEGER_MAX:
                        raise LimitError("the largest integer", INTEGER_MAX)  # its digits may be too many to print
                elif item is not None and kind is not bool:
                    nested += _unusual(item)
        level = nested
        depth += 1
    return plain


def _names_are_ascii(value: dict[Any, Any]) -> bool:
    try:
        joined = "".join(value)
    except TypeError:
        raise JsonFormatError("syntax", "a name is a string") from None
    if "\x00" in joined:
        raise JsonFormatError("nul", "a name holds U+0000")
    return joined.isascii()


def _unusual(item: object) -> list[object]:
    """Return what is to be walked of a value of a rarer type; refuse what has no JSON form."""
    if isinstance(item, str):  # an enumeration of strings
        if "\x00" in item:
            raise JsonFormatError("nul", "a string holds U+0000")
        return []
    if isinstance(item, (tuple, list, dict)):
        return [item]
    if isinstance(item, float):
        _refuse_float(repr(item))
    raise JsonFormatError("syntax", f"{type(item).__name__} has no JSON form here")


def _require_bounds(text: str, depth_max: int) -> None:
    """Refuse what a reader would spend its time or its stack on, at the speed of C and before one is asked."""
    commas, opened = text.count(","), text.count("[") + text.count("{")
    if opened <= depth_max and commas + opened < VALUES_MAX:
        return
    bare = _without_strings(text)
    # No JSON text has more values than openings, commas and one.
    if commas + opened >= VALUES_MAX and bare.count(",") + bare.count("[") + bare.count("{") >= VALUES_MAX:
        raise LimitError("the most values of a JSON text", VALUES_MAX)
    if opened > depth_max:
        _require_depth(text, bare, depth_max)


def _without_strings(text: str) -> str:
    """Return what stands outside the strings of a JSON text; of other text, what does before its first fault."""
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])


def _require_depth(text: str, bare: str, depth_max: int) -> None:
    brackets = bare.encode().translate(_BRACES_AS_BRACKETS, _NO_BRACKET)
    for _ in range(depth_max):  # each turn takes the innermost pairs away, at the speed of C
        brackets = brackets.replace(b"[]", b"")
    if not brackets:
        return
    depth = 0  # too deep, or no JSON at all: which of the two, in one pass
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first != '"':
            depth += 1 if first in "[{" else -1
            if depth > depth_max:
                raise LimitError("the deepest nesting", depth_max)


def _numbers_are_plain(data: bytes) -> bool:
    """Say, at the speed of C, whether no number can be `-0` or pass `INTEGER_MAX`; digits in strings count too."""
    if b"0" * 16 in data.translate(_DIGITS_AS_ZERO):
        return False
    signs = data.translate(_ALL_BUT_ZERO) + b" "
    return b"-0 " not in signs and b"-0-" not in signs


def _unique_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise JsonFormatError("duplicate_key", f"the name {twice[:40]!r} stands twice in one object")
    return value


def _refuse_float(token: str) -> NoReturn:
    raise JsonFormatError(
        "float", f"{token[:40]} is not an integer", hint="write amounts in minor units, times as RFC 3339 text"
    )


def _parse_integer(token: str) -> int:
    if token == "-0":  # noqa: S105 (a JSON token, no secret)
        raise JsonFormatError("number", "-0 is not an integer here", hint="write 0")
    if len(token) > DIGITS_MAX or not -INTEGER_MAX <= int(token) <= INTEGER_MAX:
        raise LimitError("the largest integer", INTEGER_MAX, hint="send large numbers as text")
    return int(token)


def _strings(value: Json) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)


def _require_text(strings: Iterable[str]) -> None:
    for text in strings:
        if "\x00" in text:
            raise JsonFormatError("nul", "a string holds U+0000")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise JsonFormatError("surrogate", "a string holds a lone surrogate") from None
