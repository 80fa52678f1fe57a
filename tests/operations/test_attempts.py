"""A step that was refused stands in the log beside its case: who tried what, and why it was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import CaseEntry, Kind, parse_entry
from ledger_service.errors import (
    BalanceError,
    LedgerError,
    MissingEvidenceError,
    RefusedError,
    StaleHeadError,
    UnknownVerbError,
    WrongRoleError,
    WrongStateError,
)
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import Step, record
from ledger_service.store.values import open_value
from tests.operations.world import BUYER, PLATFORM, SELLER, World, ask_step, open_case, photo, request_step


def attempts(ledger: Ledger, return_id: str) -> list[CaseEntry]:
    found = [parse_entry(row.encoded) for row in ledger.read.entries_of(return_id)]
    return [entry for entry in found if isinstance(entry, CaseEntry) and entry.kind is Kind.ATTEMPT]


@pytest.mark.parametrize(
    ("verb", "party", "error", "code", "recorded"),
    [
        ("close", PLATFORM, WrongStateError, "wrong_state", "close"),
        ("request_info", BUYER, WrongRoleError, "wrong_role", "request_info"),
        ("approve_return", SELLER, MissingEvidenceError, "missing_evidence", "approve_return"),
        ("give up!", BUYER, UnknownVerbError, "unknown_verb", "unknown_step"),
    ],
)
def test_a_refused_step_is_an_attempt_and_the_case_does_not_move(
    each_world: World, tmp_path: Path, verb: str, party: object, error: type[LedgerError], code: str, recorded: str
) -> None:
    fields: dict[str, Any] = {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"}
    with each_world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        before = ledger.read.case(case.return_id)
        asked = fields if verb == "approve_return" else {"asked_for": ["product_photo"]} if "info" in verb else {}
        with pytest.raises(error) as refused:
            record(ledger, Step(verb, party, PLATFORM, asked, return_id=case.return_id))  # type: ignore[arg-type]

        (attempt,) = attempts(ledger, case.return_id)
        assert ledger.read.case(case.return_id) == before
        assert (attempt.verb, attempt.from_state, attempt.to_state) == (recorded, "requested", None)
        assert attempt.facts == {"refused": code, "case_head": case.appended.leaf_hash.hex()}
        (sealed,) = ledger.read.sealed_values(ledger.read.size() - 1)
        key = ledger.keys.get(sealed.key_id)
        assert key is not None
        why = open_value(key, sealed.ciphertext, commitment=attempt.commitments[0].commitment)
        assert (why.name, why.value) == ("why", refused.value.message)
        assert audit(ledger, None).findings == []


def test_who_tried_has_the_pseudonym_of_the_case(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        with pytest.raises(WrongRoleError):
            record(opened.ledger, ask_step(case.return_id, asserted_by=BUYER))
        (attempt,) = attempts(opened.ledger, case.return_id)

        assert isinstance(case.appended.entry, CaseEntry)
        assert attempt.asserted_by == case.appended.entry.asserted_by


def test_a_stale_head_and_a_case_that_does_not_exist_are_no_attempts(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        record(opened.ledger, ask_step(case.return_id))
        size = opened.ledger.read.size()
        with pytest.raises(StaleHeadError):
            record(opened.ledger, ask_step(case.return_id, expected_head=case.appended.leaf_hash))
        with pytest.raises(RefusedError):
            record(opened.ledger, request_step(photo(tmp_path), fields={}))

        assert opened.ledger.read.size() == size


def test_a_claimed_time_that_is_none_is_not_recorded_with_the_attempt(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        for occurred_at in ("yesterday", "2026-11-02T10:00:00.000Z"):
            with pytest.raises(WrongStateError):
                record(
                    opened.ledger, Step("close", PLATFORM, PLATFORM, return_id=case.return_id, occurred_at=occurred_at)
                )

        assert [one.occurred_at for one in attempts(opened.ledger, case.return_id)] == [
            None,
            "2026-11-02T10:00:00.000Z",
        ]


def test_numbers_that_refuse_a_step_are_an_attempt_too(world: World, tmp_path: Path) -> None:
    too_many: dict[str, Any] = {"approved_lines": [{"line_id": "line-1", "qty": 2}], "return_cost_payer": "seller"}
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        step = Step(
            "approve_return", SELLER, PLATFORM, too_many, [("rma_document", photo(tmp_path))], return_id=case.return_id
        )
        with pytest.raises(BalanceError, match="2 approved, 1 requested"):
            record(opened.ledger, step)
        (attempt,) = attempts(opened.ledger, case.return_id)

        assert attempt.facts["refused"] == "balance"
