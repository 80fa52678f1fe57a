"""A monitor that reads entries re-derives the case index of every seal, and no power cut makes it accuse anybody."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from ledger_service.core.case_index import EMPTY_ROOT, Indexed, case_key, update, value_of
from ledger_service.core.encoding import Json
from ledger_service.core.entry import CaseEntry, encode_entry
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.returns import Case, evolve
from ledger_service.watch.case_map import FILE, CaseMap
from ledger_service.watch.durable import BrokenStateError
from ledger_service.watch.monitor import Round
from tests.core.entries import ASIDE, FIRST, OLD_KEY, ORIGIN, RECORDED_AT
from tests.core.receipts import LOG, TRUST
from tests.watch.conftest import Real
from tests.watch.shown import ShownLog, watch

FACTS: dict[str, Json] = {"buyer_country": "DE", "seller_country": "CN"}

NOTHING = dict[bytes, bytes]().__getitem__  # there is no node before the first


class Cases:
    """Cases that grow step by step, the entries of a log that tells of them, and the index over what it tells."""

    def __init__(self) -> None:
        self.entries = [encode_entry(LOG[0])]
        self.cases: dict[str, Case] = {}

    def step(self, number: int) -> None:
        """Append the next entry of a case."""
        return_id = f"{number:032x}"
        case = self.cases.get(return_id)
        if case is None:
            entry = dataclasses.replace(FIRST, return_id=return_id, facts=FACTS)
        else:
            entry = dataclasses.replace(
                FIRST,
                return_id=return_id,
                seq=case.count,
                prev=case.head,
                verb="add_evidence",
                from_state=case.state,
                to_state=case.state,
            )
        self.append(entry)

    def append(self, entry: CaseEntry) -> None:
        """Append an entry of a case."""
        self.entries.append(encode_entry(entry))
        if entry.seq is not None:
            self.cases[entry.return_id] = evolve(self.cases.get(entry.return_id), entry)

    def root(self, *, without: str | None = None, short: str | None = None) -> bytes:
        """Return the root over the cases; one may be left out, one may be an entry short."""
        values = {}
        for case in self.cases.values():
            if case.return_id != without:
                count = case.count - (case.return_id == short)
                values[case_key(case)] = value_of(Indexed(count, case.head))
        return update(EMPTY_ROOT, values, NOTHING)[0]

    def seal(self, root: bytes | None) -> None:
        """Append a seal that commits to this root."""
        self.entries.append(encode_entry(SealEntry(ORIGIN, RECORDED_AT, root, None)))

    def shown(self) -> ShownLog:
        """Return the log as its operator shows it."""
        return ShownLog(ORIGIN, OLD_KEY, list(self.entries))


@pytest.fixture
def told() -> Cases:
    """Three cases of two, three and one entries, an access beside them, and two seals."""
    cases = Cases()
    cases.seal(None)  # of before the index was kept
    for number in (1, 2, 2):
        cases.step(number)
    cases.append(ASIDE)
    cases.seal(cases.root())
    for number in (1, 3, 2):
        cases.step(number)
    return cases


def entries_check(found: Round) -> tuple[Outcome, str]:
    """Return what a round says of the entries."""
    check = next(one for one in found.report.checks if one.name == "entries")
    return check.outcome, check.detail


def test_every_case_index_is_re_derived_over_restarts(told: Cases, tmp_path: Path) -> None:
    assert watch(told.shown(), TRUST, tmp_path, reads=True).report.verdict is Verdict.VALID
    told.seal(told.root())
    told.step(2)
    told.seal(told.root())

    found = watch(told.shown(), TRUST, tmp_path, reads=True)

    assert entries_check(found) == (
        Outcome.PASS,
        f"{len(told.entries)} entries are those of their leaves, in order; the case index of 3 seals follows from them",
    )


@pytest.mark.parametrize("lie", ["a case left out", "an entry left out", "nothing new", "empty"])
def test_a_seal_that_leaves_something_out_fails_each_time(told: Cases, tmp_path: Path, lie: str) -> None:
    roots = {
        "a case left out": told.root(without=f"{3:032x}"),
        "an entry left out": told.root(short=f"{2:032x}"),
        "nothing new": Cases.root(_first_half()),
        "empty": EMPTY_ROOT,
    }
    at = len(told.entries)
    told.seal(roots[lie])
    told.step(1)

    for _ in range(2):
        found = watch(told.shown(), TRUST, tmp_path, reads=True)
        outcome, detail = entries_check(found)
        assert (outcome, found.entries) == (Outcome.FAIL, at)
        assert f"entry {at}: its case index is not that of the entries before it" in detail


def _first_half() -> Cases:
    cases = Cases()
    for number in (1, 2, 2):
        cases.step(number)
    return cases


def test_a_seal_that_has_a_case_which_is_not_in_the_log_fails(told: Cases, tmp_path: Path) -> None:
    shown = list(told.entries)
    told.step(9)
    told.entries = shown
    told.seal(told.root())

    assert entries_check(watch(told.shown(), TRUST, tmp_path, reads=True))[0] is Outcome.FAIL


@pytest.mark.parametrize("change", ["a gap", "another predecessor", "again"])
def test_a_step_that_does_not_follow_its_case_fails(told: Cases, tmp_path: Path, change: str) -> None:
    case = told.cases[f"{2:032x}"]
    seq = {"a gap": case.count + 1, "another predecessor": case.count, "again": case.count - 1}[change]
    prev = bytes(32) if change == "another predecessor" else case.head
    told.entries.append(encode_entry(dataclasses.replace(FIRST, return_id=case.return_id, seq=seq, prev=prev)))

    outcome, detail = entries_check(watch(told.shown(), TRUST, tmp_path, reads=True))

    assert outcome is Outcome.FAIL
    assert "does not follow the 3 entries of its case" in detail


def test_a_power_cut_leaves_the_map_behind_or_ahead_and_accuses_nobody(told: Cases, tmp_path: Path) -> None:
    """The document and the map are two files: either may be of the round before the other's."""
    watch(told.shown(), TRUST, tmp_path, reads=True)
    early = {name: (tmp_path / name).read_bytes() for name in ("seen.json", "leaves", FILE)}
    told.seal(told.root())
    told.step(1)
    told.seal(told.root())
    watch(told.shown(), TRUST, tmp_path, reads=True)

    for name in (FILE, "seen.json"):
        (tmp_path / name).write_bytes(early[name])
        found = watch(told.shown(), TRUST, tmp_path, reads=True)
        assert (found.report.verdict, found.entries) == (Verdict.VALID, len(told.entries)), found.report


def test_a_monitor_that_is_given_the_right_later_reads_all_entries(told: Cases, tmp_path: Path) -> None:
    watch(told.shown(), TRUST, tmp_path)

    assert watch(told.shown(), TRUST, tmp_path, reads=True).entries == len(told.entries)


def test_a_map_that_is_broken_says_nothing_of_the_log(told: Cases, tmp_path: Path) -> None:
    watch(told.shown(), TRUST, tmp_path, reads=True)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("DELETE FROM nodes")
    connection.close()
    told.seal(told.root())
    with pytest.raises(BrokenStateError, match="lacks a node"):
        watch(told.shown(), TRUST, tmp_path, reads=True)
    (tmp_path / FILE).write_bytes(b"no database" * 999)
    with pytest.raises(BrokenStateError, match="cannot be used"):
        watch(told.shown(), TRUST, tmp_path, reads=True)
    (tmp_path / FILE).unlink()

    assert watch(told.shown(), TRUST, tmp_path, reads=True).report.verdict is Verdict.VALID


def test_a_map_of_another_log_is_refused(tmp_path: Path) -> None:
    CaseMap(tmp_path, origin=ORIGIN, genesis=TRUST.genesis).close()

    with pytest.raises(BrokenStateError, match="another log"):
        CaseMap(tmp_path, origin=ORIGIN, genesis=leaf_hash(b"another"))


def test_the_seals_of_a_real_ledger_follow_from_its_entries(real: Real, tmp_path: Path) -> None:
    found = watch(real.shown, real.trust, tmp_path, reads=True)

    outcome, detail = entries_check(found)
    assert outcome is Outcome.PASS
    assert "the case index of 0 seals" not in detail
