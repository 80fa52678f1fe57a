"""What the table of states cannot refuse: numbers, names of nothing, deadlines that have passed or have not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest

from ledger_service.core.docket import Docket, Known
from ledger_service.core.entry import Authenticity, NamedCommitment, Role, RuleReference, encode_entry
from ledger_service.core.judge import judge, looks_back
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.returns import Case, Command, decide, evolve
from ledger_service.errors import (
    BalanceError,
    ClockRefusedError,
    CorrectionRefusedError,
    FieldValueError,
    MissingFieldError,
)
from tests.core.steps import clear, command, descriptors, least_evidence

EUR = "EUR"
RULE = RuleReference("PLATFORM", "1")
REQUEST: dict[str, Any] = {
    "legal_basis": "statutory_withdrawal",
    "lines": [{"line_id": "a", "qty": 2, "reason": "changed_mind", "wanted": "refund", "paid": euro}
              for euro in ({"minor": 4000, "currency": EUR},)],
    "language": "de",
    "buyer_country": "DE",
    "seller_country": "CN",
    "buyer_zone": "Europe/Berlin",
    "outbound_delivered_at": "2026-11-02T10:00:00+01:00",
}  # fmt: skip
APPROVE = {"approved_lines": [{"line_id": "a", "qty": 2}], "return_cost_payer": "seller"}
SHIP = {"parcels": [{"parcel_id": "P1"}]}
RECEIVE = {"lines": [{"line_id": "a", "received_qty": 2}]}
GRADE = {"lines": [{"line_id": "a", "accepted_qty": 2, "rejected_qty": 0, "missing_qty": 0}]}
REFUND = {"lines": [{"line_id": "a", "amount": {"minor": 4000, "currency": EUR}}]}
ISSUE = {
    "refund_id": "re-1",
    "amount": {"minor": 4000, "currency": EUR},
    "method": "original",
    "original_payment_ref": "pi-1",
}


@dataclass
class Book:
    """A case with its docket, moved by steps that the judge lets through."""

    case: Case | None = None
    docket: Docket = field(default_factory=Docket)
    day: int = 3

    def judge(self, verb: str, values: dict[str, Any], role: Role | None = None, **changes: Any) -> str | None:
        return judge(self.docket, self.case, self.ask(verb, values, role, **changes), values, now=self.now())

    def ask(self, verb: str, values: dict[str, Any], role: Role | None = None, **changes: Any) -> Command:
        transition = LIFECYCLE.transition(verb)
        assert transition is not None
        fields = transition.fields
        facts = {name: value for name, value in values.items() if clear(fields[name])}
        names = tuple(NamedCommitment(name, bytes(32)) for name in values if not clear(fields[name]))
        base = command("request_return")
        asked = replace(
            base,
            verb=verb,
            asserted_by=replace(base.asserted_by, role=role or transition.actors[0]),
            facts=facts,
            commitments=names,
            evidence=(),
            recorded_at=self.now(),
            occurred_at=self.now(),
            rule=RULE,
            to_state=None,
        )
        return replace(asked, **changes)

    def now(self) -> str:
        return f"2026-{11 + self.day // 30:02d}-{self.day % 30 + 1:02d}T12:00:00.000Z"

    def take(self, verb: str, values: dict[str, Any], role: Role | None = None, **changes: Any) -> Book:
        transition = LIFECYCLE.transition(verb)
        assert transition is not None
        asked = self.ask(verb, values, role, evidence=descriptors(least_evidence(transition)), **changes)
        target = judge(self.docket, self.case, asked, values, now=self.now())
        entry = decide(self.case, asked if target is None else replace(asked, to_state=target))
        self.case = evolve(self.case, entry)
        self.docket = self.docket.follow(Known(sha256(b"\x00" + encode_entry(entry)).digest(), entry, values))
        assert self.docket.head == self.case.head
        return self


def requested() -> Book:
    return Book().take("request_return", REQUEST)


def received() -> Book:
    return requested().take("approve_return", APPROVE).take("ship_back", SHIP).take("receive", RECEIVE)


def inspected() -> Book:
    return received().take("start_inspection", {}).take("complete_inspection", GRADE)


def refunding() -> Book:
    return inspected().take("approve_refund", REFUND).take("issue_refund", ISSUE)


def test_the_state_after_a_receipt_follows_from_the_pieces() -> None:
    shipped = requested().take("approve_return", APPROVE).take("ship_back", SHIP)
    one = {"lines": [{"line_id": "a", "received_qty": 1}]}

    assert shipped.judge("receive", RECEIVE) == "received"
    assert shipped.judge("receive", one) == "partially_received"
    with pytest.raises(FieldValueError, match="leads to partially_received here, not to received"):
        shipped.judge("receive", one, to_state="received")
    assert shipped.judge("receive", one, to_state="partially_received") == "partially_received"


def test_the_last_settlement_resolves_the_case_and_no_earlier_one_does() -> None:
    book = refunding()

    assert book.judge("settle_refund", {"refund_id": "re-1"}) == "resolved"
    half = inspected().take("approve_refund", REFUND)
    half.take("issue_refund", {**ISSUE, "amount": {"minor": 1000, "currency": EUR}})
    assert half.judge("settle_refund", {"refund_id": "re-1"}) == "resolving"
    with pytest.raises(FieldValueError, match="not to resolved"):
        half.judge("settle_refund", {"refund_id": "re-1"}, to_state="resolved")


def test_numbers_that_do_not_fit_are_refused_with_the_numbers() -> None:
    with pytest.raises(BalanceError, match="3 approved, 2 requested"):
        requested().judge("approve_return", {**APPROVE, "approved_lines": [{"line_id": "a", "qty": 3}]})
    with pytest.raises(MissingFieldError, match="names its amount"):
        inspected().judge("offer_settlement", {"remedy": "partial_refund"})
    with pytest.raises(BalanceError, match="sent already"):
        refunding().judge("issue_refund", ISSUE)


@pytest.mark.parametrize("verb", ["resolve", "close"])
def test_a_case_with_open_matters_is_neither_resolved_nor_closed(verb: str) -> None:
    with pytest.raises(BalanceError, match="not settled"):
        refunding().judge(verb, {})


def test_a_case_is_not_closed_while_an_appeal_may_come() -> None:
    book = requested().take("decline_return", {"reason_code": "other", "appeal_days": 5})

    with pytest.raises(ClockRefusedError, match="the appeal window runs until 2026-11-"):
        book.judge("close", {})
    book.day += 20
    assert book.judge("close", {}) is None


def test_an_authorisation_expires_on_the_computed_day_and_not_before() -> None:
    book = requested().take("approve_return", APPROVE)
    wrong = {"clock_id": "ship_back", "due_at": "2027-01-01T00:00:00.000Z"}

    with pytest.raises(ClockRefusedError, match="no clock 'ship_back'"):
        book.judge("expire", wrong)
    book.day += 40
    with pytest.raises(FieldValueError, match="was due at") as refused:
        book.judge("expire", wrong)
    due_at = refused.value.message.split("due at ")[1].split(",")[0]
    assert book.judge("expire", {**wrong, "due_at": due_at}) is None


def test_silence_is_refusal_after_the_offer_has_expired_and_acceptance_is_possible_before() -> None:
    offer = {"remedy": "partial_refund", "amount": {"minor": 100, "currency": EUR}, "valid_days": 2}
    book = inspected().take("offer_settlement", offer)

    assert book.judge("accept_offer", {}) is None
    assert book.judge("refuse_offer", {}, Role.BUYER) is None
    with pytest.raises(ClockRefusedError, match="silence"):
        book.judge("refuse_offer", {}, Role.SYSTEM)
    sent = book.now()
    book.day += 9
    with pytest.raises(ClockRefusedError, match="expired at"):
        book.judge("accept_offer", {})
    assert book.judge("accept_offer", {}, occurred_at=sent) is None  # sent in time, and the platform vouches for it
    with pytest.raises(ClockRefusedError, match="expired at"):
        book.judge("accept_offer", {}, occurred_at=sent, authenticity=Authenticity.SIGNED)
    assert book.judge("refuse_offer", {}, Role.SYSTEM) is None


def test_a_zone_and_a_law_exist() -> None:
    assert Book().judge("request_return", {**REQUEST, "governing_law": ["GB"]}) is None
    with pytest.raises(FieldValueError, match="no time zone 'Europe/Atlantis'"):
        Book().judge("request_return", {**REQUEST, "buyer_zone": "Europe/Atlantis"})
    with pytest.raises(FieldValueError, match="no rule set 'XX'"):
        Book().judge("request_return", {**REQUEST, "governing_law": ["XX"]})


def test_an_entry_that_is_named_is_one_of_the_case() -> None:
    book = requested()
    assert book.docket.head is not None
    mine, other = book.docket.head.hex(), "ab" * 32

    book.take("request_info", {"asked_for": ["product_photo"]})
    assert book.judge("provide_info", {"answers_entry": mine}) is None
    with pytest.raises(FieldValueError, match="answers_entry"):
        book.judge("provide_info", {"answers_entry": other})
    dispute = {"dispute_id": "ef" * 16, "type": "adr", "claim": "x"}
    book.take("open_dispute", dispute)
    submit = {"dispute_id": "ef" * 16, "evidence_entries": [mine, other]}
    with pytest.raises(FieldValueError, match=f"evidence_entries: {other}"):
        book.judge("submit_evidence", submit)


def test_a_correction_is_judged_by_its_own_rules() -> None:
    book = requested()
    assert book.docket.head is not None
    wrong = book.docket.head.hex()

    assert book.judge("correct", _correct(wrong, corrected={"language": "en"}), Role.PLATFORM) is None
    with pytest.raises(CorrectionRefusedError, match="either a corrective entry or the corrected values"):
        book.judge("correct", _correct(wrong), Role.PLATFORM)


def _correct(wrong: str, **more: Any) -> dict[str, Any]:
    return {"wrong_entry": wrong, "reason": "incorrect_data", **more}


def test_a_step_looks_back_for_numbers_names_and_what_may_still_run() -> None:
    ask = {"asked_for": ["product_photo"], "reason": "the label"}
    assert not any(looks_back(verb, {}) for verb in ("request_info", "withdraw_request", "start_inspection"))
    assert not looks_back("request_info", ask)
    assert looks_back("request_info", {**ask, "charges": [{"minor": 500, "currency": EUR}]})
    assert all(looks_back(verb, {}) for verb in ("request_return", "receive", "resolve", "close", "correct", "expire"))
    assert not looks_back("no step", {"charges": [1]})
    assert looks_back("request_info", {"charges": 1})  # of a form that is refused later
    naming = [
        (verb, name)
        for machine in (LIFECYCLE.case, LIFECYCLE.dispute)
        for verb, row in machine.transitions.items()
        for name, known in row.fields.items()
        if known.form.name == "leaf_hash" and not looks_back(verb, {})
    ]
    assert naming
    for verb, name in naming:
        transition = LIFECYCLE.transition(verb)
        assert transition is not None
        many = transition.fields[name].form.many
        assert looks_back(verb, {name: ["aa" * 32] if many else "aa" * 32})
        assert looks_back(verb, {name: 1})
