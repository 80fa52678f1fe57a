"""Receipt files as text: how a test writes one, and when two are the same document.

Written from the words of the format, with nothing of `core`, so that a fault there does not hide itself here.
"""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(r'[ \t\n\r]+|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^ \t\n\r"{}\[\],:]+|"', re.DOTALL)
_SPACE = frozenset(" \t\n\r")


def write(value: Any) -> bytes:
    """Return a value as a file, names sorted; every name in a receipt is ASCII."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def compact(value: Any) -> str:
    """Return a value in one line with sorted names: equal for equal values of equal types."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def tokens(text: str) -> list[str]:
    """Return every token of a text, JSON or not, without the white space between them."""
    return [token for token in _TOKEN.findall(text) if token[0] not in _SPACE]


def covered(data: bytes) -> list[str] | None:
    """Return the tokens that verification must cover: all but the object under the top-level member `unprotected`.

    None if the bytes are not UTF-8. Whatever is not an object under that name is covered.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    found = tokens(text)
    depth = 0
    for at, token in enumerate(found):
        if token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
        elif depth == 1 and token == '"unprotected"' and found[at + 1 : at + 3] == [":", "{"]:
            end = _end_of_object(found, at + 2)
            return [*found[: at + 3], *found[end:]]
    return found


def _end_of_object(found: list[str], start: int) -> int:
    depth = 0
    for at in range(start, len(found)):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[at], 0)
        if depth == 0:
            return at
    return len(found)


def read(data: bytes) -> Any:
    """Return the value of JSON text leniently, or None where even Python's own reader finds none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
