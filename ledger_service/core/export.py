"""The export: cases of a log as lines of JSON (NDJSON), made to be read while it comes and checked to the end.

A header (what was asked for, the tree head, how many cases), one line an entry with its inclusion proof to that head,
case by case in the order of their return_ids, and a trailer with the count and the SHA-256 of all lines before it.
Promises: every line is canonical JSON and ends with a line feed; the same cases and head give the same bytes.
Does not: say whether it is true (`verify_export.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core import encoding
from ledger_service.core.case import COUNTRY
from ledger_service.core.disclosure import Record, parse_record
from ledger_service.core.encoding import Json
from ledger_service.core.entry import COMMITMENTS_MAX, ENTRY_BYTES_MAX, EVIDENCE_MAX, Role
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.receipt import PROOF_MAX, RECEIPT_BYTES_MAX, Receipt, parse_receipt, receipt_members
from ledger_service.errors import FormatError

FORMAT = "return-ledger/export@v1"
LINE_BYTES_MAX = RECEIPT_BYTES_MAX  # an entry with all its values, as in a receipt
CASES_MAX = 100_000  # of one export: who wants more asks for months one after the other

_TEXT = re.compile(r"[^\x00]{1,262140}", re.DOTALL)


class ExportFormatError(FormatError):
    """A line is none of an export of this version."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases: countries (ISO 3166-1 alpha-2), and when they were opened: from an instant on, until before one."""

    buyer_country: str | None = None
    seller_country: str | None = None
    opened_from: str | None = None
    opened_until: str | None = None

    def members(self) -> dict[str, Json]:
        """Return the filters as a JSON object."""
        return {
            "buyer_country": self.buyer_country,
            "seller_country": self.seller_country,
            "opened_from": self.opened_from,
            "opened_until": self.opened_until,
        }


@dataclass(frozen=True, slots=True)
class Header:
    """What was asked for, by a reader of which role, and the tree head (the receipt of the genesis entry in it)."""

    filters: Filters
    reader: Role
    cases: int
    head: Receipt


@dataclass(frozen=True, slots=True)
class Line:
    """An entry: the exact bytes, its index, one record for each commitment, and its proof in the tree of the header."""

    entry: bytes
    index: int
    records: tuple[Record, ...]
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Trailer:
    """How many lines stand before it, and the SHA-256 (32 bytes) of all of them."""

    lines: int
    sha256: bytes


def encode_header(header: Header) -> bytes:
    """Return the first line."""
    return _line(
        {
            "cases": header.cases,
            "filters": header.filters.members(),
            "format": FORMAT,
            "head": receipt_members(header.head),
            "reader": header.reader.value,
        }
    )


def encode_line(line: Line) -> bytes:
    """Return the line of an entry."""
    return _line(
        {
            "entry": line.entry.decode(),
            "inclusion": [value.hex() for value in line.inclusion],
            "index": line.index,
            "records": [record.as_json() for record in line.records],
        }
    )


def encode_trailer(trailer: Trailer) -> bytes:
    """Return the last line."""
    return _line({"lines": trailer.lines, "sha256": trailer.sha256.hex()})


def parse_header(data: bytes) -> Header:
    """Return the header of the first line.

    Raises:
        ExportFormatError: It is none of this version.
    """
    read = Reader(ExportFormatError, "header")
    value = _parse(data, read)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    m = read.members(value, ("cases", "filters", "format", "head", "reader"))
    names = ("buyer_country", "opened_from", "opened_until", "seller_country")
    filters = read.at("filters").members(m["filters"], names)
    country, instant = read.at("filters.country"), read.at("filters.opened")
    return Header(
        filters=Filters(
            buyer_country=read.nullable(filters["buyer_country"], lambda v: country.text(v, COUNTRY)),
            seller_country=read.nullable(filters["seller_country"], lambda v: country.text(v, COUNTRY)),
            opened_from=read.nullable(filters["opened_from"], instant.instant),
            opened_until=read.nullable(filters["opened_until"], instant.instant),
        ),
        reader=read.at("reader").choice(m["reader"], Role),
        cases=read.at("cases").integer(m["cases"], most=CASES_MAX),
        head=parse_receipt(encoding.encode(m["head"])),
    )


def parse_line(data: bytes) -> Line | Trailer:
    """Return what a line after the first says.

    Raises:
        ExportFormatError: It is no line of an export.
    """
    read = Reader(ExportFormatError, "line")
    value = _parse(data, read)
    if isinstance(value, dict) and "lines" in value:
        m = read.members(value, ("lines", "sha256"))
        return Trailer(read.at("lines").integer(m["lines"]), read.at("sha256").hexadecimal(m["sha256"], HASH))
    m = read.members(value, ("entry", "inclusion", "index", "records"))
    entry = read.at("entry").text(m["entry"], _TEXT).encode()
    if len(entry) > ENTRY_BYTES_MAX:
        raise read.at("entry").fail(f"at most {ENTRY_BYTES_MAX} bytes are expected")
    proof = read.at("inclusion")
    return Line(
        entry=entry,
        index=read.at("index").integer(m["index"]),
        records=read.at("records").items(m["records"], EVIDENCE_MAX + COMMITMENTS_MAX, parse_record),
        inclusion=proof.items(m["inclusion"], PROOF_MAX, lambda v: proof.hexadecimal(v, HASH)),
    )


def _line(value: Json) -> bytes:
    return encoding.encode(value) + b"\n"


def _parse(data: bytes, read: Reader) -> Json:
    if not data.endswith(b"\n"):
        raise read.fail("it ends with a line feed")
    try:
        return encoding.parse_canonical(data[:-1], bytes_max=LINE_BYTES_MAX)
    except FormatError as error:
        raise ExportFormatError(f"{read.what}: {error.message}", hint=error.hint) from None


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle (c2sp.org/tlog-tiles): each entry after its length as two bytes, the higher first.

    >>> bundle([b"ab", b""])
    b'\\x00\\x02ab\\x00\\x00'
    """
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
