"""What the clocks say is recorded by the system, once: expiry, lapsed offers, missed deadlines."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.errors import ClockRefusedError, FieldValueError
from ledger_service.operations.audit import audit
from ledger_service.operations.keep_time import CLOCK, TimeKeeper
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import Step, record
from tests.operations.world import BUYER, PLATFORM, SELLER, World, open_case, photo

DAY = 86_400.0
APPROVAL = {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"}
OFFER = {"remedy": "partial_refund", "amount": {"minor": 500, "currency": "EUR"}, "valid_days": 3}


def step(verb: str, fields: dict[str, Any], return_id: str, *evidence: tuple[str, Path], by: Any = SELLER) -> Step:
    return Step(verb, by, PLATFORM, fields, evidence, return_id=return_id)


def approved(ledger: Ledger, folder: Path) -> str:
    case = open_case(ledger, folder)
    record(ledger, step("approve_return", APPROVAL, case.return_id, ("rma_document", photo(folder))))
    return case.return_id


def entries(ledger: Ledger, return_id: str) -> list[CaseEntry]:
    found = [parse_entry(row.encoded) for row in ledger.read.entries_of(return_id)]
    return [entry for entry in found if isinstance(entry, CaseEntry)]


def test_goods_that_are_not_sent_in_time_let_the_authorisation_expire_once(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        return_id = approved(ledger, tmp_path)
        keeper = TimeKeeper(ledger)
        assert keeper.run() == []

        each_world.clock.pass_seconds(40 * DAY)
        kept = keeper.run()
        again = [*keeper.run(), *TimeKeeper(ledger).run()]

        assert ("expire", "ship_back") in {(one.what, one.clock_id) for one in kept}
        assert again == []
        last = entries(ledger, return_id)[-1]
        assert (last.verb, last.to_state, last.asserted_by.role) == ("expire", "expired", Role.SYSTEM)
        assert last.rule is not None
        assert audit(ledger, None).findings == []


def test_an_offer_that_nobody_answers_is_refused_by_the_system_and_can_not_be_accepted_any_more(
    world: World, tmp_path: Path
) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        return_id = approved(ledger, tmp_path)
        offer = photo(tmp_path)
        record(ledger, step("offer_settlement", OFFER, return_id, ("offer_document", offer)))
        with pytest.raises(ClockRefusedError, match="before the offer has expired"):
            record(ledger, Step("refuse_offer", CLOCK, CLOCK, return_id=return_id))
        world.clock.pass_seconds(5 * DAY)
        with pytest.raises(ClockRefusedError, match="the offer expired at"):
            record(ledger, step("accept_offer", {}, return_id, ("offer_document", offer), by=BUYER))
        kept = TimeKeeper(ledger).run()

        assert ("refuse_offer", "offer_expiry") in {(one.what, one.clock_id) for one in kept}
        assert ledger.read.case(return_id).case.state == "approved"


def test_an_offer_is_accepted_while_it_stands(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        return_id = approved(ledger, tmp_path)
        offer = photo(tmp_path)
        record(ledger, step("offer_settlement", OFFER, return_id, ("offer_document", offer)))
        world.clock.pass_seconds(DAY)

        record(ledger, step("accept_offer", {}, return_id, ("offer_document", offer), by=BUYER))

        assert ledger.dockets.of(return_id).balance.refund_approved_minor == 500


def test_a_duty_that_was_missed_is_a_finding_beside_the_case(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        world.clock.pass_seconds(3 * DAY)  # the platform's own policy: a review takes a day
        kept = TimeKeeper(ledger).run()
        before = ledger.read.case(case.return_id).case

        assert [(one.what, one.clock_id) for one in kept] == [("clock_breached", "review")]
        (finding,) = [entry for entry in entries(ledger, case.return_id) if entry.kind is Kind.FINDING]
        assert finding.facts["clock_id"] == "review"
        assert finding.facts["started_by"] == case.appended.leaf_hash.hex()
        assert before.count == 1
        assert finding.rule is not None


def test_an_expiry_before_its_day_or_for_another_day_is_refused(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        return_id = approved(ledger, tmp_path)
        fields = {"clock_id": "ship_back", "due_at": "2026-12-24T00:00:00.000Z"}
        with pytest.raises(ClockRefusedError, match="no clock 'ship_back'"):
            record(ledger, Step("expire", CLOCK, CLOCK, fields, return_id=return_id))
        world.clock.pass_seconds(100 * DAY)
        with pytest.raises(FieldValueError, match="was due at"):
            record(ledger, Step("expire", CLOCK, CLOCK, fields, return_id=return_id))
        assert [entry.kind for entry in entries(ledger, return_id)].count(Kind.ATTEMPT) == 0


def test_of_eight_workers_at_once_each_breach_and_expiry_stands_once(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        cases = [approved(ledger, tmp_path) for _ in range(4)]
        each_world.clock.pass_seconds(40 * DAY)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: TimeKeeper(ledger).run(), range(8)))

        for return_id in cases:
            found = entries(ledger, return_id)
            assert Counter(entry.verb for entry in found)["expire"] == 1
            clocks = [entry.facts["clock"] for entry in found if entry.kind is Kind.FINDING]
            assert len(clocks) == len(set(clocks)) > 0
