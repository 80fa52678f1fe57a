"""The tables of a package: timeline, events, clocks, evidence register, and who looked. Does not: read anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.core import encoding
from ledger_service.core.clock import clock_members
from ledger_service.core.csv_sheet import csv_sheet
from ledger_service.core.disclosure import EVIDENCE_PREFIX
from ledger_service.core.encoding import Json
from ledger_service.core.entry import CaseEntry, Kind, encode_entry
from ledger_service.core.file_claims import FileClaims
from ledger_service.core.package import receipt_name
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Row, block_instant, row_members

_TIMELINE = (
    "index", "seq", "kind", "verb", "from_state", "to_state", "asserted_by_role", "asserted_by_party",
    "recorded_by_role", "recorded_by_party", "authenticity", "occurred_at", "recorded_at", "recorded_after_seconds",
    "since_at", "anchored_at", "anchored_after_seconds", "life", "rule", "flags", "voided_by", "corrected_by", "lines",
    "files", "originals", "missing", "erased", "withheld", "values", "corrected", "leaf_hash",
)  # fmt: skip
_CLOCKS = (
    "clock_id", "words_en", "words_zh", "subject", "nature", "actor", "state", "rule", "ground", "citation",
    "confidence", "started_by_index", "start_at", "start_basis", "zone", "first_day", "due_date", "due_at", "pauses",
    "withheld_from", "withheld_until", "stopped_by_index", "stopped_at", "margin_seconds", "reason", "missing",
    "details",
)  # fmt: skip
_EVIDENCE = (
    "index", "position", "kind", "state", "file", "size", "media_type", "sha256", "commitment", "submitter_role",
    "submitter_party", "recorded_at", "claims_of_the_file",
)  # fmt: skip
_ACCESS = ("index", "recorded_at", "role", "party", "verb", "facts")


class FileState(StrEnum):
    """What became of an original."""

    INCLUDED = "included"
    WITHHELD = "withheld"  # the reader may not see it
    ERASED = "erased"  # its key was destroyed
    ALTERED = "altered"  # the stored bytes are not those that were recorded
    MISSING = "missing"  # it is not where it was stored
    TOO_LARGE = "too_large"  # the archive has no room for it


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A file of the case: entry, its place there, and what became of it in this package.

    `sha256` (32 bytes) is None where the reader may not see it or nobody can any more. `claims` are what a photo in
    this package says of itself.
    """

    index: int
    position: int
    entry: CaseEntry
    state: FileState
    sha256: bytes | None
    file: str | None
    claims: FileClaims | None = None

    @property
    def kind(self) -> str:
        """What kind of evidence it is."""
        return self.entry.evidence[self.position].kind

    def members(self) -> dict[str, Json]:
        """Return the row as a JSON object."""
        described = self.entry.evidence[self.position]
        by = self.entry.asserted_by
        return {
            "index": self.index,
            "position": self.position,
            "kind": described.kind,
            "state": self.state.value,
            "file": self.file,
            "size": described.size,
            "media_type": described.media_type,
            "sha256": None if self.sha256 is None else self.sha256.hex(),
            "commitment": described.commitment.hex(),
            "submitter_role": by.role.value,
            "submitter_party": by.party,
            "recorded_at": self.entry.recorded_at,
            "claims_of_the_file": None if self.claims is None else self.claims.members(self.entry.recorded_at),
        }


def timeline_sheet(timeline: Timeline, register: Sequence[RegisterRow]) -> bytes:
    """Return the rows of a timeline, each with the order lines that it names and the originals in the package."""
    rows = []
    for row in timeline.rows:
        m = row_members(row)
        asserted, recorded, rule = row.entry.asserted_by, row.entry.recorded_by, row.entry.rule
        m |= {
            "asserted_by_role": asserted.role.value,
            "asserted_by_party": asserted.party,
            "recorded_by_role": recorded.role.value,
            "recorded_by_party": recorded.party,
            "rule": None if rule is None else f"{rule.id}@{rule.version}",
            "files": m["evidence"],
            "lines": line_ids(row),
            "originals": [one.file for one in register if one.index == row.index and one.file is not None],
        }
        rows.append([m[name] for name in _TIMELINE])
    return csv_sheet(_TIMELINE, rows)


def event_lines(rows: Sequence[Row], register: Sequence[RegisterRow]) -> bytes:
    """Return `events.jsonl`: a line for each row, by index (`package_events.py` reads one)."""
    files: dict[int, list[Json]] = {}
    for one in register:
        fingerprint = None if one.sha256 is None else one.sha256.hex()
        files.setdefault(one.index, []).append({"file": one.file, "sha256": fingerprint, "state": one.state.value})
    return b"".join(_event(row, files.get(row.index, [])) for row in rows)


def _event(row: Row, files: list[Json]) -> bytes:
    at = row.placed.anchored_at
    value: dict[str, Json] = {
        "anchored_at": None if at is None else block_instant(at),
        "entry": encoding.parse(encode_entry(row.entry)),
        "erased": [name for name in row.erased if not name.startswith(EVIDENCE_PREFIX)],
        "evidence": files,
        "index": row.index,
        "leaf_hash": row.placed.known.leaf.hex(),
        "receipt": receipt_name(row.index),
        "shown": {named.name: row.values[named.name] for named in row.entry.commitments if named.name in row.values},
        "state": row.life,
        "withheld": list(row.withheld),
    }
    return encoding.encode(value) + b"\n"


def line_ids(row: Row) -> list[str]:
    """Return the order lines that a step names, in its values as they count."""
    found: list[str] = []
    left: list[object] = [{**row.values, **({} if row.corrected is None else row.corrected)}]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if isinstance(line_id := value.get("line_id"), str):
                found.append(line_id)
            left += value.values()
        elif isinstance(value, list):
            left += value
    return sorted(set(found))


def clock_rows(timeline: Timeline) -> list[dict[str, Json]]:
    """Return the clocks as JSON objects, the entries that they name by their indexes."""
    rows = []
    for clock in timeline.clocks:
        stopped = None if clock.stopped_by is None else timeline.places[clock.stopped_by]
        places: dict[str, Json] = {
            "started_by_index": timeline.places[clock.started_by],
            "stopped_by_index": stopped,
        }
        rows.append(clock_members(clock) | places)
    return rows


def clock_sheet(timeline: Timeline) -> bytes:
    """Return the clocks."""
    rows = []
    for clock, m in zip(timeline.clocks, clock_rows(timeline), strict=True):
        m |= {"words_en": clock.words.en, "words_zh": clock.words.zh, "rule": f"{clock.rule.id}@{clock.rule.version}"}
        rows.append([m[name] for name in _CLOCKS])
    return csv_sheet(_CLOCKS, rows)


def evidence_sheet(register: Sequence[RegisterRow]) -> bytes:
    """Return the evidence register."""
    rows = [row.members() for row in register]
    return csv_sheet(_EVIDENCE, ([row[name] for name in _EVIDENCE] for row in rows))


def access_sheet(timeline: Timeline) -> bytes:
    """Return who looked: the custody log of the evidence, as far as it was opened through the ledger."""
    looked = [(row.index, row.entry) for row in timeline.rows if row.entry.kind is Kind.ACCESS]
    rows = [
        (index, one.recorded_at, one.asserted_by.role.value, one.asserted_by.party, one.verb, one.facts)
        for index, one in looked
    ]
    return csv_sheet(_ACCESS, rows)
