"""Evidence side by side: what the buyer photographed, what the inspection found, the listing, and other pictures.

Promises: a column is of a kind of evidence, whoever sent it, and inside a column each line of goods stands by itself
where the entry names one; a listing or a report that is no picture is there too, as a file to open. Does not: say which
picture is true, or choose what may be seen (`operations/show.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.core.entry import CaseEntry, EvidenceDescriptor, Role
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Row
from ledger_service.web.opened import PICTURES
from ledger_service.web.paging import Part, parts
from ledger_service.web.talk import Talk

SHOWN_MAX = 20  # of one column on one page
_LISTING = "listing_snapshot"
_OF_GOODS = frozenset({"product_photo", "product_video"})
_OF_AN_INSPECTION = frozenset({"receiving_report", "inspection_report", "serial_scan", "weight_dimension_record"})


class Column(StrEnum):
    """What a column holds."""

    BUYER = "buyer"
    INSPECTION = "inspection"
    LISTING = "listing"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Shown:
    """A file beside others: where it stands, and whose word it is.

    `picture` says that it is drawn, otherwise it is a file to open, if the reader may (`opens`). `number` is that of
    the page of the whole return on which its entry stands.
    """

    index: int
    position: int
    kind: str
    role: str
    recorded: str
    lines: tuple[str, ...]
    picture: bool
    opens: bool
    number: int


@dataclass(frozen=True, slots=True)
class Goods:
    """The files of a column that are of the same lines of goods, by their ids; none where their entries name none."""

    lines: tuple[str, ...]
    files: tuple[Shown, ...]


Columns = Mapping[Column, Sequence[Shown]]


def columns_of(
    timeline: Timeline, talk: Talk, *, opens: Callable[[Row, int], bool], entries: Sequence[Part]
) -> Columns:
    """Return the evidence of a return by column, in the order of the log.

    Args:
        timeline: As the reader may see it.
        talk: The reader's language.
        opens: Says of a file of a row, named by its position, whether the reader may open it.
        entries: Which entries stand on which page of the whole return.
    """
    found: dict[Column, list[Shown]] = {column: [] for column in Column}
    for place, row in enumerate(timeline.rows):
        for position, file in enumerate(row.entry.evidence):
            column = column_of(row.entry, file)
            if column is None:
                continue
            found[column].append(
                Shown(
                    index=row.index,
                    position=position,
                    kind=talk.evidence(file.kind),
                    role=talk.speech.code("role", row.entry.asserted_by.role.value),
                    recorded=talk.instant(row.entry.recorded_at),
                    lines=lines_of(row),
                    picture=file.media_type in PICTURES,
                    opens=opens(row, position),
                    number=next(one.number for one in entries if place < one.end),
                )
            )
    return found


def column_parts(found: Columns) -> list[Part]:
    """Return the pages of the columns: the first holds the beginning of each, and so on."""
    longest = max(len(listed) for listed in found.values())
    return parts([1] * longest, entries_max=SHOWN_MAX, weight_max=SHOWN_MAX)


def by_goods(found: Columns, part: Part) -> Iterator[tuple[Column, list[Goods]]]:
    """Yield the columns of one page that hold anything, each by lines of goods: single lines first, none last."""
    for column, listed in found.items():
        by_lines: dict[tuple[str, ...], list[Shown]] = {}
        for one in listed[part.first : part.end]:
            by_lines.setdefault(one.lines, []).append(one)
        if by_lines:
            yield column, [Goods(lines, tuple(by_lines[lines])) for lines in sorted(by_lines, key=_order)]


def column_of(entry: CaseEntry, file: EvidenceDescriptor) -> Column | None:
    """Return the column that a file of an entry belongs in; None: it is no picture, and none of the three kinds."""
    role = entry.asserted_by.role
    if file.kind == _LISTING:
        return Column.LISTING
    if file.kind in _OF_AN_INSPECTION or (role is Role.INSPECTOR and file.kind in _OF_GOODS):
        return Column.INSPECTION
    if file.kind in _OF_GOODS and role is Role.BUYER:
        return Column.BUYER
    return Column.OTHER if file.media_type in PICTURES else None


def lines_of(row: Row) -> tuple[str, ...]:
    """Return the lines of goods that an entry names, as far as the reader may see them, in its order."""
    values = {**row.values, **(row.corrected or {})}
    named = [values.get("line_id"), *(one for value in values.values() for one in _ids(value))]
    return tuple(dict.fromkeys(one for one in named if isinstance(one, str)))


def _ids(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                yield one.get("line_id")


def _order(lines: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return (len(lines) if lines else 1 << 30), lines
