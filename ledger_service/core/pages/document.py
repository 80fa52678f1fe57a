"""A document as a value: what a report or a printed receipt says, before it is dressed as a page or as a PDF.

Promises: every text in it is plain text in one language; whoever dresses it adds no words, and makes texts `inert`.
Does not: know a file format (`document_html.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.language import Language


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; one that is `strong` must not be overlooked."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values; a value that is a fingerprint is one word without spaces."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; the first text of an item leads, the others stand below it."""

    items: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a head. `marked` are the places of rows that must not be overlooked: their cells say why."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that lies beside the document: its file, and what is known of it."""

    file: str
    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures side by side: a heading for each column, and the pictures below it."""

    columns: tuple[tuple[str, tuple[Picture, ...]], ...]


Part = Text | Facts | Items | Table | Pictures


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, paragraphs that lead, and sections; `made_at` (RFC 3339 UTC with milliseconds) is as of when."""

    language: Language
    title: str
    made_at: str
    lead: tuple[Text, ...]
    sections: tuple[Section, ...]


def inert(text: str) -> str:
    """Return a text whose lines hold no character that moves, hides or breaks others (`escaping.py`).

    >>> inert("one\\ntwo\\u202e")
    'one\\ntwo\\\\u202e'
    """
    return "\n".join(escaped(line) for line in text.split("\n"))


def items_of(lines: list[str], *, indent: str) -> Items:
    """Return lines as a list: one that is indented stands below the one before it.

    >>> items_of(["a", "  b", "c"], indent="  ").items
    (('a', 'b'), ('c',))
    """
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(indent) and found:
            found[-1].append(line.strip())
        else:
            found.append([line.strip()])
    return Items(tuple(tuple(one) for one in found))
