"""Promises of the export: an honest one is valid, one that was altered anywhere is not, "not final" is no "no"."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from hashlib import sha256

import pytest

from ledger_service.core.case_index import Scope, prove
from ledger_service.core.case_proof import CaseProof
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Role
from ledger_service.core.export import (
    LINE_BYTES_MAX,
    ExportFormatError,
    Filters,
    Header,
    Line,
    Trailer,
    bundle,
    encode_header,
    encode_line,
    encode_trailer,
    parse_header,
    parse_line,
)
from ledger_service.core.export_scope import Counted, Coverage, counted_in
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.verify_export import questions_of_export, verify_export
from ledger_service.errors import FormatError
from tests.core.entries import FIRST, NEW_KEY
from tests.core.packages import HIDDEN, INDEX_NODES, INDEX_ROOT, LOG, SHOWN, answers, completeness, receipt
from tests.core.receipts import TRUST

HEADER = Header(Filters(opened_from="2026-11-03T00:00:00.000Z"), Role.REGULATOR, 2, receipt(0))
ORDER = (1, 2, 4, 5, 3)  # the case 0f…, then the case 11…


def line(index: int) -> Line:
    """Return the line of an entry of the small log."""
    proved = receipt(index)
    return Line(proved.entry, index, proved.records, proved.inclusion)


def lines(header: Header = HEADER, body: list[Line] | None = None) -> list[bytes]:
    """Return an export with its trailer."""
    before = [encode_header(header), *map(encode_line, body if body is not None else [line(one) for one in ORDER])]
    return [*before, encode_trailer(Trailer(len(before), sha256(b"".join(before)).digest()))]


def check(made: list[bytes]) -> Report:
    """Verify an export as somebody who pinned the log and asked a node."""
    return verify_export(made, TRUST, answers())


def body(*indexes: int, **changed: object) -> list[Line]:
    """Return lines of entries, the first of them changed."""
    first, *rest = [line(one) for one in indexes]
    return [dataclasses.replace(first, **changed), *rest]  # type: ignore[arg-type]


def header(**changed: object) -> Header:
    """Return the header, changed."""
    return dataclasses.replace(HEADER, **changed)  # type: ignore[arg-type]


def test_an_honest_export_is_valid() -> None:
    report = check(lines())

    assert report.verdict is Verdict.VALID
    assert report.checks[0].name == "format"
    assert [one.name for one in report.checks][-3:] == ["entries", "cases", "trailer"]
    assert questions_of_export(lines()[0], TRUST) == (answers()[0].question,)


def test_lines_are_read_as_they_were_written() -> None:
    first, second, *_, last = lines()

    assert encode_header(parse_header(first)) == first
    assert encode_line(parse_line(second)) == second  # type: ignore[arg-type]
    assert encode_trailer(parse_line(last)) == last  # type: ignore[arg-type]


def test_an_export_that_is_not_final_or_not_pinned_is_inconclusive() -> None:
    young = lines(header(head=receipt(0, anchored=False)))

    assert check(young).verdict is Verdict.INCONCLUSIVE
    assert verify_export(lines(), None).verdict is Verdict.INCONCLUSIVE


SWAPPED = Record(SHOWN.name, dataclasses.replace(SHOWN, value=HIDDEN.value))
WRONG: dict[str, tuple[str, Callable[[], list[bytes]]]] = {
    "nothing": ("trailer", list),
    "no trailer": ("trailer", lambda: lines()[:-1]),
    "only a trailer": ("format", lambda: lines()[-1:]),
    "a line left out": ("trailer", lambda: [*lines()[:3], *lines()[4:]]),
    "a line after the trailer": ("format", lambda: [*lines(), lines()[1]]),
    "a trailer twice": ("format", lambda: [*lines(), lines()[-1]]),
    "another count": ("trailer", lambda: [*lines()[:-1], encode_trailer(Trailer(9, bytes(32)))]),
    "white space in a line": ("format", lambda: [lines()[0], lines()[1].replace(b'{"entry"', b'{ "entry"')]),
    "no line feed": ("format", lambda: [lines()[0][:-1]]),
    "a word more": ("format", lambda: [lines()[0].replace(b'{"cases"', b'{"a":1,"cases"'), *lines()[1:]]),
    "another format": ("format", lambda: [lines()[0].replace(b"export@v1", b"export@v2"), *lines()[1:]]),
    "a header that is a list": ("format", lambda: [b"[]\n"]),
    "a line too long": ("format", lambda: [lines()[0], b'{"entry":"' + b"x" * LINE_BYTES_MAX + b'"}\n']),
    "an entry too long": (
        "format",
        lambda: [lines()[0], encode_line(line(2)).replace(b'{"entry":"', b'{"entry":"' + b"x" * 65_536)],
    ),
    "an entry that is none": ("entries", lambda: lines(body=body(1, entry=b"{}"))),
    "an entry of the log": ("entries", lambda: lines(body=body(6))),
    "another index": ("entries", lambda: lines(body=body(1, 2, 4, 5, 3, index=2))),
    "another entry": ("entries", lambda: lines(body=body(1, 2, 4, 5, 3, entry=line(3).entry))),
    "no proof": ("entries", lambda: lines(body=body(1, 2, 4, 5, 3, inclusion=()))),
    "a record left out": ("entries", lambda: lines(body=body(1, 2, 4, 5, 3, records=line(1).records[1:]))),
    "another value": (
        "entries",
        lambda: lines(body=body(1, 2, 4, 5, 3, records=(SWAPPED, *line(1).records[1:]))),
    ),
    "a hole in a case": ("cases", lambda: lines(body=body(1, 4, 5, 3))),
    "a case without its beginning": ("cases", lambda: lines(body=body(2, 4, 5, 3))),
    "an access before the case": ("cases", lambda: lines(body=body(4, 1, 2, 5, 3))),
    "entries in another order": ("cases", lambda: lines(body=body(1, 2, 5, 4, 3))),
    "an entry twice": ("cases", lambda: lines(body=body(1, 1, 2, 4, 5, 3))),
    "cases in another order": ("cases", lambda: lines(body=body(3, 1, 2, 4, 5))),
    "a case left out": ("cases", lambda: lines(body=body(1, 2, 4, 5))),
    "a case too many": ("cases", lambda: lines(header(cases=1))),
    "a case that nobody asked for: country": ("cases", lambda: lines(header(filters=Filters("FR")))),
    "a case that nobody asked for: seller": ("cases", lambda: lines(header(filters=Filters(None, "FR")))),
    "a case that nobody asked for: later": (
        "cases",
        lambda: lines(header(filters=Filters(opened_from="2026-11-03T10:22:05.001Z"))),
    ),
    "a case that nobody asked for: earlier": (
        "cases",
        lambda: lines(header(filters=Filters(opened_until="2026-11-03T10:22:05.000Z"))),
    ),
    "a head by another key": ("checkpoint", lambda: lines(header(head=receipt(0, key=NEW_KEY)))),
    "a head that shows another entry": ("inclusion", lambda: lines(header(head=receipt(6)))),
    "a head that is no checkpoint": (
        "format",
        lambda: lines(header(head=dataclasses.replace(receipt(0), checkpoint=b"nothing"))),
    ),
    "a trailer with a word more": ("format", lambda: [*lines()[:-1], b'{"a":1,"lines":6,"sha256":""}\n']),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_export_that_was_altered_is_found_under_a_name(name: str) -> None:
    wanted, make = WRONG[name]

    report = check(make())

    assert report.verdict is Verdict.INVALID
    assert wanted in [one.name for one in report.checks if one.outcome is Outcome.FAIL], report


def test_no_bit_of_a_line_may_differ() -> None:
    honest = b"".join(lines())
    for at in range(0, len(honest), 53):
        changed = bytearray(honest)
        changed[at] ^= 1 << (at % 7)
        assert check(bytes(changed).splitlines(keepends=True)).verdict is Verdict.INVALID, at


def test_what_is_no_export_asks_nothing() -> None:
    assert questions_of_export(b"{}\n", TRUST) == ()
    with pytest.raises(ExportFormatError):
        parse_header(b"{}\n")


def test_a_bundle_is_each_entry_after_its_length() -> None:
    assert bundle([b"a" * 300]) == b"\x01\x2c" + b"a" * 300


# ── what a seal counts ───────────────────────────────────────────────────────────────────────────────────────────────

MONTH = "2026-11"
ALL = Header(Filters(), Role.REGULATOR, 2, receipt(0))


def counted(*, month: str | None = MONTH) -> Counted:
    """Return what the completeness file of the scope counts."""
    proof = CaseProof(Scope("DE", "CN", month), None, receipt(len(LOG) - 1), ())
    nodes = prove(INDEX_ROOT, proof.prefix, INDEX_NODES.__getitem__)
    found = counted_in(dataclasses.replace(proof, nodes=tuple(nodes)))
    assert found is not None
    assert len(found.cases) == 2
    return found


def complete(made: list[bytes], *scopes: Counted) -> list[tuple[Outcome, str]]:
    """Return what an export says of scopes."""
    found = verify_export(made, TRUST, answers(), scopes=scopes or (counted(),))
    return [(one.outcome, one.detail) for one in found.checks if one.name == "completeness"]


@pytest.mark.parametrize("month", [MONTH, None])
def test_an_export_that_holds_what_the_seal_counts_passes(month: str | None) -> None:
    (found,) = complete(lines(ALL), counted(month=month))

    assert found == (
        Outcome.PASS,
        f"all 2 returns of DE <- CN{' opened in 2026-11' if month else ''} that the seal at index 6 counts are in it,"
        " as far",
    )
    assert [one for one, _ in complete(lines(ALL), counted(), counted(month=None))] == [Outcome.PASS] * 2


@pytest.mark.parametrize(
    ("left", "cases"),
    [((1, 2, 4, 5), 1), ((3,), 1), ((1, 2, 4, 3), 2), ((), 0)],
    ids=["a case left out", "another one left out", "the last entry left out", "everything left out"],
)
def test_a_case_or_a_last_entry_that_is_left_out_fails(left: tuple[int, ...], cases: int) -> None:
    made = lines(dataclasses.replace(ALL, cases=cases), [line(index) for index in left])

    ((outcome, detail),) = complete(made)

    assert check(made).verdict is Verdict.VALID  # nothing in the export itself shows it
    assert outcome is Outcome.FAIL
    assert "left out" in detail


@pytest.mark.parametrize(
    ("filters", "role", "words"),
    [
        (Filters(buyer_country="FR"), Role.REGULATOR, "asked for less"),
        (Filters(seller_country="US"), Role.REGULATOR, "asked for less"),
        (Filters(opened_from="2026-11-02T00:00:00.000Z"), Role.REGULATOR, "asked for less"),
        (Filters(opened_until="2026-11-30T23:59:59.999Z"), Role.REGULATOR, "asked for less"),
        (Filters(), Role.SELLER, "what one seller may see"),
    ],
)
def test_an_export_of_less_than_the_scope_is_told_from_one_that_hides(filters: Filters, role: Role, words: str) -> None:
    made = lines(Header(filters, role, 0, receipt(0)), [])

    ((outcome, detail),) = complete(made)

    assert outcome is Outcome.UNKNOWN
    assert words in detail
    assert verify_export(made, TRUST, answers(), scopes=(counted(),)).verdict is Verdict.VALID


def test_an_export_of_exactly_the_month_hides_what_it_lacks() -> None:
    whole = Filters("DE", "CN", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z")

    for scope, outcome in ((counted(), Outcome.FAIL), (counted(month=None), Outcome.UNKNOWN)):
        assert complete(lines(Header(whole, Role.PLATFORM, 0, receipt(0)), []), scope)[0][0] is outcome


def test_an_export_from_before_the_seal_need_not_hold_what_it_counts() -> None:
    newer = dataclasses.replace(counted(), seal=len(LOG))

    ((outcome, detail),) = complete(lines(dataclasses.replace(ALL, cases=0), []), newer)

    assert outcome is Outcome.UNKNOWN
    assert f"newer than the export's {len(LOG)} entries" in detail


def test_a_completeness_file_of_a_case_counts_no_scope() -> None:
    assert counted_in(completeness()) is None
    assert counted_in(CaseProof(Scope("DE", "CN"), None, receipt(1), ())) is None


def test_a_first_entry_without_countries_is_none_that_a_scope_counts() -> None:
    coverage = Coverage((counted(),))
    with pytest.raises(FormatError, match="capital letters"):
        coverage.follow(dataclasses.replace(FIRST, facts={}), bytes(32))
