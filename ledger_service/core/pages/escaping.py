"""Text from outside, made harmless before people read it.

Promises: what is returned has no character that moves, hides or breaks other text. Does not: print.
"""

from __future__ import annotations

import unicodedata


def escaped(text: str) -> str:
    """Return text with control, format, unassigned and line-breaking characters shown as escapes.

    >>> escaped("a.json\\n\\x1b[32mvalid\\u202e")
    'a.json\\\\n\\\\x1b[32mvalid\\\\u202e'
    """
    return "".join(c.encode("unicode_escape").decode() if hidden(c) else c for c in text)


def escaped_lines(text: str) -> str:
    """Return text as `escaped` does, but with its line breaks: for places where a text has lines of its own.

    >>> escaped_lines("a\\r\\nb\\u200bc")
    'a\\nb\\\\u200bc'
    """
    return "\n".join(map(escaped, text.replace("\r\n", "\n").split("\n")))


def hidden(character: str) -> bool:
    """Say whether a character is not seen as itself."""
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")
