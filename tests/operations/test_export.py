"""Promises of exports: who sees what, the access before the lines, every line proved, bundles for who reads all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.core.entry import Kind, Role, parse_entry
from ledger_service.core.export import Filters
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.verify_export import verify_export
from ledger_service.errors import LimitError, RefusedError
from ledger_service.operations import export
from ledger_service.operations.access import local_reader
from ledger_service.operations.bundles import read_bundle
from ledger_service.operations.export import choose_cases, choose_head
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, World, ask_step, photo, request_step

OTHER_BUYER = Party(Role.BUYER, "buyer-2")


def three_cases(ledger: Ledger, folder: Path) -> list[str]:
    """Record cases of two buyers, from Germany, Germany and France, a day apart."""
    found = []
    for who, country in ((BUYER, "DE"), (OTHER_BUYER, "DE"), (BUYER, "FR")):
        fields = {**REQUEST_FIELDS, "buyer_country": country}
        found.append(record(ledger, request_step(photo(folder), asserted_by=who, fields=fields)).return_id)
        record(ledger, ask_step(found[-1]))
    return found


def regulator(ledger: Ledger, *countries: str) -> Principal:
    """Return a regulator of these countries."""
    return replace(local_reader(ledger, Party(Role.REGULATOR, "authority")), countries=frozenset(countries))


def exported(ledger: Ledger, who: Principal, filters: Filters | None = None, **options: bool) -> list[bytes]:
    """Return the lines of an export up to the newest head."""
    head = choose_head(ledger, final=False)
    return list(choose_cases(ledger, who, filters or Filters(), head=head, **options).lines())


def cases_of(lines: list[bytes]) -> set[str]:
    """Return the cases of an export."""
    return {json.loads(json.loads(line)["entry"])["return_id"] for line in lines[1:-1]}


def test_everybody_gets_the_cases_that_they_may_see(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        ledger = running.ledger
        first, second, third = three_cases(ledger, tmp_path)
        buyer, platform = local_reader(ledger, BUYER), local_reader(ledger, PLATFORM)

        found = {
            "buyer": cases_of(exported(ledger, buyer)),
            "other": cases_of(exported(ledger, local_reader(ledger, OTHER_BUYER))),
            "stranger": cases_of(exported(ledger, local_reader(ledger, Party(Role.SELLER, "nobody")))),
            "germany": cases_of(exported(ledger, regulator(ledger, "DE"))),
            "both": cases_of(exported(ledger, regulator(ledger, "DE", "FR"))),
            "china": cases_of(exported(ledger, regulator(ledger, "CN"))),
            "platform": cases_of(exported(ledger, platform)),
            "operator": cases_of(exported(ledger, local_reader(ledger, Party(Role.PLATFORM, "x")), everything=True)),
            "session": cases_of(exported(ledger, replace(buyer, return_id=third))),
            "french": cases_of(exported(ledger, buyer, Filters(buyer_country="FR"))),
            "sold in Italy": cases_of(exported(ledger, buyer, Filters(seller_country="IT"))),
        }

    everything = {first, second, third}
    assert found == {
        "buyer": {first, third},
        "other": {second},
        "stranger": set(),
        "germany": {first, second},
        "both": everything,
        "china": everything,
        "platform": everything,
        "operator": everything,
        "session": {third},
        "french": {third},
        "sold in Italy": set(),
    }


def test_times_bound_the_opening_from_both_sides(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        ledger = running.ledger
        first, second, third = three_cases(ledger, tmp_path)
        at = ledger.read.case(second).case.opened_at
        who = local_reader(ledger, PLATFORM)

        later = cases_of(exported(ledger, who, Filters(opened_from=at)))
        earlier = cases_of(exported(ledger, who, Filters(opened_until=at)))

    assert (later, earlier) == ({second, third}, {first})


def test_an_export_verifies_and_only_the_anchor_is_open(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        three_cases(running.ledger, tmp_path)
        trust = running.ledger.trust()
        lines = exported(running.ledger, regulator(running.ledger, "CN"))

    report = verify_export(lines, trust)

    assert report.verdict is Verdict.INCONCLUSIVE
    assert [one.name for one in report.checks if one.outcome is not Outcome.PASS] == ["policy"]
    assert b"serial number" not in b"".join(lines)  # a regulator sees joint facts


def test_the_access_is_recorded_before_the_lines_of_its_case(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        ledger = running.ledger
        three_cases(ledger, tmp_path)
        size = ledger.read.size()
        head = choose_head(ledger, final=False)
        walk = choose_cases(ledger, local_reader(ledger, PLATFORM), Filters(), head=head).lines()

        next(walk)
        assert ledger.read.size() == size  # the header says nothing of a case
        first = json.loads(json.loads(next(walk))["entry"])["return_id"]

        row = ledger.read.entry(size)
        entry = parse_entry(row.encoded)
        assert (row.kind, row.return_id) == (Kind.ACCESS.value, first)
        assert entry.verb == export.EXPORTED  # type: ignore[union-attr]


def test_final_is_what_the_newest_final_head_holds(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        first = three_cases(running.ledger, tmp_path)
    with world.anchoring() as (ledger, _, anchorer):
        anchorer.run()
        three_cases(ledger, tmp_path)
        head = choose_head(ledger, final=True)

        lines = list(choose_cases(ledger, local_reader(ledger, PLATFORM), Filters(), head=head).lines())

    assert cases_of(lines) == set(first)
    assert json.loads(lines[0])["head"]["anchors"]


def test_without_a_final_head_and_with_too_many_cases_it_is_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.opened() as running:
        ledger = running.ledger
        three_cases(ledger, tmp_path)
        monkeypatch.setattr(export, "CASES_MAX", 2)
        with pytest.raises(LimitError):
            exported(ledger, local_reader(ledger, PLATFORM))
        monkeypatch.setattr(export, "anchors_of", lambda *_: [])
        with pytest.raises(RefusedError):
            choose_head(ledger, final=True)


def test_a_bundle_is_for_who_may_read_every_entry(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        ledger = running.ledger
        three_cases(ledger, tmp_path)
        rows = list(ledger.read.entries(0, 7))
        whole = b"".join(len(row.encoded).to_bytes(2, "big") + row.encoded for row in rows)
        operator = replace(
            local_reader(ledger, Party(Role.PLATFORM, "operator")), scopes=frozenset({Scope.READ, Scope.OPERATE})
        )

        assert read_bundle(ledger, regulator(ledger, "CN"), 0, 7) == whole
        assert read_bundle(ledger, regulator(ledger, "DE", "FR"), 0, 7) == whole
        assert read_bundle(ledger, operator, 0, 7) == whole
        assert read_bundle(ledger, regulator(ledger, "DE"), 0, 7) is None  # one case is French
        assert read_bundle(ledger, regulator(ledger, "DE"), 0, 5) is not None
        assert read_bundle(ledger, replace(operator, scopes=frozenset({Scope.OPERATE})), 0, 7) is None
        assert read_bundle(ledger, local_reader(ledger, BUYER), 0, 7) is None
        assert read_bundle(ledger, None, 0, 7) is None
        assert read_bundle(ledger, None, 0, 1) is not None  # the genesis entry is everybody's
        assert read_bundle(ledger, operator, 0, ledger.read.size() + 1) is None
