"""Each line of a package's events says of its entry what the receipt says; a line that says anything else is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger_service.core import encoding
from ledger_service.core.entry import Kind, Role
from ledger_service.core.package import EVENTS, LATER, PackageFormatError
from ledger_service.core.package_events import LINE_BYTES_MAX, lines_of, parse_event
from ledger_service.core.package_sheets import FileState, RegisterRow, event_lines, line_ids
from ledger_service.core.report import Check, Outcome, Verdict
from ledger_service.errors import FormatError
from tests.core.cases import APPROVAL, PARCELS, approved
from tests.core.packages import OF_CASE, WORDS, Draft, check, event, files

Line = dict[str, Any]


def line_of(value: Line) -> bytes:
    """Return a line in its one spelling."""
    return encoding.encode(value) + b"\n"


def events_of(data: bytes) -> Check:
    """Return what the check of the events says of a package."""
    (found,) = [one for one in check(data).checks if one.name == "events"]
    return found


def packed(lines: list[bytes]) -> bytes:
    """Return a package with these lines of events, whose manifest lists and signs them."""
    return Draft({**files(), EVENTS: b"".join(lines)}).packed()


def told(change: Callable[[list[Line]], object]) -> bytes:
    """Return a package whose events were changed."""
    lines = [event(index) for index in OF_CASE]
    change(lines)
    return packed([line_of(one) for one in lines])


CHANGES: dict[str, Callable[[list[Line]], object]] = {
    "another value": lambda lines: lines[0]["shown"].update({WORDS.name: "under the lid"}),
    "a value that is not committed": lambda lines: lines[1]["shown"].update(comment="words"),
    "a value that is not shown": lambda lines: lines[0]["shown"].clear(),
    "a value that is called withheld": lambda lines: lines[0].update(shown={}, withheld=[WORDS.name]),
    "another fingerprint": lambda lines: lines[0]["evidence"][0].update(sha256="00" * 32),
    "a fingerprint that the receipt withholds": lambda lines: lines[0]["evidence"][1].update(sha256="00" * 32),
    "a file that there is not": lambda lines: lines[1]["evidence"].append(lines[0]["evidence"][0]),
    "an entry with another fact": lambda lines: lines[0]["entry"].update(verb="approve_return"),
    "the entry of another line": lambda lines: lines[0].update(
        entry=lines[1]["entry"], leaf_hash=lines[1]["leaf_hash"]
    ),
    "another leaf hash": lambda lines: lines[2].update(leaf_hash="00" * 32),
    "another index": lambda lines: lines[0].update(index=3, receipt="receipts/00000003.receipt.json"),
    "another receipt": lambda lines: lines[0].update(receipt=lines[1]["receipt"]),
    "an index that is none": lambda lines: lines[0].update(index=True),
    "an index below zero": lambda lines: lines[0].update(index=-1),
    "a member too many": lambda lines: lines[0].update(note="x"),
    "values that are none": lambda lines: lines[0].update(shown=[]),
    "files that are none": lambda lines: lines[0].update(evidence={}),
    "a file without a fingerprint": lambda lines: lines[0].update(evidence=[{}, 1]),
    "a fingerprint that is none": lambda lines: lines[0]["evidence"][0].update(sha256=1),
    "names that are none": lambda lines: lines[0].update(withheld="comment"),
    "a name that is none": lambda lines: lines[0].update(erased=[1]),
    "a line left out": lambda lines: lines.pop(1),
    "the last line left out": lambda lines: lines.pop(),
    "a line twice": lambda lines: lines.append(lines[0]),
    "another order": lambda lines: lines.reverse(),
    "no line": lambda lines: lines.clear(),
}


def test_the_lines_of_an_honest_package_pass_and_are_counted() -> None:
    found = events_of(told(lambda lines: lines))

    assert (found.outcome, found.detail) == (Outcome.PASS, "4 lines, each says of its entry what the receipt says")


@pytest.mark.parametrize("name", CHANGES)
def test_a_line_that_says_something_else_is_found(name: str) -> None:
    data = told(CHANGES[name])

    assert events_of(data).outcome is Outcome.FAIL
    assert check(data).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b",", b", ", 1),
        lambda data: b"\n" + data,
        lambda data: b"\xff" + data,
        lambda data: b"[]\n" + data,
    ],
)
def test_a_line_has_one_spelling(spoil: Callable[[bytes], bytes]) -> None:
    data = b"".join(line_of(event(index)) for index in OF_CASE)

    assert events_of(packed([spoil(data)])).outcome is Outcome.FAIL


def test_a_package_of_before_has_no_events_and_no_report_and_still_verifies() -> None:
    old = {name: content for name, content in files().items() if name not in LATER}

    report = check(Draft(old).packed())

    assert report.verdict is Verdict.VALID
    (found,) = [one for one in report.checks if one.name == "events"]
    assert (found.outcome, found.decisive) == (Outcome.UNKNOWN, False)


def test_what_is_the_ledgers_word_is_counted_and_decides_nothing() -> None:
    report = check(Draft(files()).packed())

    (found,) = [one for one in report.checks if one.name == "pages"]
    assert (found.outcome, found.decisive, found.detail.split()[0]) == (Outcome.UNKNOWN, False, "20")


def test_lines_come_whole_however_the_file_is_cut_and_a_long_one_is_refused() -> None:
    data = b"one\ntwo\nthree"

    assert list(lines_of([data])) == list(lines_of(bytes([one]) for one in data)) == [b"one\n", b"two\n", b"three"]
    long = [b"a\n", b"x" * LINE_BYTES_MAX, b"xx", b"yy\nb\n"]
    assert list(lines_of(long)) == [b"a\n", b"x" * LINE_BYTES_MAX + b"xx"]
    for line in (b"x" * LINE_BYTES_MAX + b"xx", b"x" * LINE_BYTES_MAX + b"x\n"):
        with pytest.raises(PackageFormatError, match="more than"):
            parse_event(line)


def test_a_line_that_is_written_is_read_and_holds_the_canonical_entry() -> None:
    told = approved()
    told.aside(Kind.ATTEMPT, "close", {"refused": "wrong_state"}, why="not yet")
    told.anchor(1)
    rows = told.timeline().rows
    photo = RegisterRow(rows[0].index, 0, rows[0].entry, FileState.INCLUDED, bytes(32), "evidence/x.png")
    hidden = RegisterRow(rows[0].index, 1, rows[0].entry, FileState.WITHHELD, None, None)

    lines = event_lines(rows, (photo, hidden)).splitlines(keepends=True)

    read = [parse_event(line) for line in lines]
    assert [one.index for one in read] == [row.index for row in rows]
    assert [one.leaf for one in read] == [row.placed.known.leaf for row in rows]
    assert read[0].files == ("00" * 32, None)
    first = json.loads(lines[0])
    assert (first["state"], first["anchored_at"] is None) == ("finalized", False)
    assert set(first["shown"]) == {named.name for named in rows[0].entry.commitments}
    with pytest.raises(FormatError):
        parse_event(lines[0][:-1])


def test_the_order_lines_of_a_step_are_those_in_its_values_as_they_count() -> None:
    told = approved()
    told.step("ship_back", fields=PARCELS)
    told.step(
        "correct",
        Role.PLATFORM,
        {
            "wrong_entry": told.docket.steps[1].leaf.hex(),
            "reason": "incorrect_data",
            "corrected": {**APPROVAL, "approved_lines": [{"line_id": "l1", "qty": 1}]},
        },
    )

    assert [line_ids(row) for row in told.timeline().rows] == [["l1"], ["l1"], ["l1"], ["l1"]]
