"""The decision about a person's data, and the entry that tells of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.decided import encode_decided
from ledger_service.core.docket import make_docket
from ledger_service.core.entry import Actor, Authenticity, CaseEntry, Kind, NamedCommitment, Role, encode_entry
from ledger_service.core.erasure import (
    CITATIONS,
    RESTRICTING,
    ErasureDecision,
    Extent,
    Ground,
    Holding,
    Outcome,
    Reason,
    decide_erasure,
    holding_of,
    review_after,
)
from ledger_service.core.erasure_entry import (
    ERASE,
    ERASED_ENTRIES_MAX,
    ERASED_POSITIONS_MAX,
    Erased,
    Erasure,
    erasure_facts,
    in_entries,
    parse_erasure,
)
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.returns import Case, Command, allowed_verbs, decide, evolve
from ledger_service.errors import EntryFormatError, UnknownReturnError, WrongRoleError
from tests.core.cases import REQUEST, Told
from tests.core.steps import RETURN_ID

NOW = "2026-11-03T12:00:00.000Z"
EARLIER, LATER = "2026-11-03T11:59:59.999Z", "2029-11-03T12:00:00.000Z"
PLATFORM, BUYER = Actor(Role.PLATFORM, "66" * 16), Actor(Role.BUYER, "55" * 16)
CASE_1, CASE_2 = "01" * 16, "02" * 16


def ended(return_id: str, until: str | None, **changed: Any) -> Holding:
    """Return a case that came to its end."""
    return replace(Holding(return_id, EARLIER, False, until), **changed)


@pytest.mark.parametrize("ground", sorted(set(Ground) - RESTRICTING))
def test_what_nobody_else_rests_on_goes_whatever_the_ground(ground: Ground) -> None:
    assert decide_erasure([], ground=ground, own=True, now=NOW) == ErasureDecision(Outcome.DONE, ground)
    assert decide_erasure([ended(CASE_1, None)], ground=ground, own=True, now=NOW).outcome is Outcome.DONE


@pytest.mark.parametrize("ground", sorted(RESTRICTING))
def test_a_ground_of_restriction_restricts_even_where_a_dispute_is_open(ground: Ground) -> None:
    disputed = ended(CASE_1, LATER, dispute_open=True)

    assert decide_erasure([disputed], ground=ground, own=True, now=NOW) == ErasureDecision(Outcome.RESTRICTED, ground)


def test_an_open_dispute_or_an_open_case_defers_everything_for_a_month() -> None:
    """One key holds a person's words of all their cases, so one open case keeps all of them."""
    closed = ended(CASE_1, EARLIER)
    for blocking, reason in (
        (ended(CASE_2, LATER, dispute_open=True), Reason.OPEN_DISPUTE),
        (Holding(CASE_2, None, True, None), Reason.OPEN_DISPUTE),
        (Holding(CASE_2, None, False, None), Reason.OPEN_CASE),
    ):
        decided = decide_erasure([closed, blocking], ground=Ground.OBJECTION, own=True, now=NOW)

        assert decided == ErasureDecision(
            Outcome.DEFERRED, Ground.OBJECTION, reason, review_at="2026-12-03T12:00:00.000Z"
        )


def test_own_words_go_while_joint_facts_stay_until_their_retention_ends() -> None:
    cases = [ended(CASE_1, LATER), ended(CASE_2, NOW)]

    decided = decide_erasure(cases, ground=Ground.PURPOSE_FULFILLED, own=True, now=NOW)

    assert decided.outcome is Outcome.DONE
    assert (decided.kept, decided.whole, decided.review_at) == (((CASE_1, LATER),), (CASE_2,), LATER)
    a_moment_before = decide_erasure(cases, ground=Ground.PURPOSE_FULFILLED, own=True, now=EARLIER)
    assert (a_moment_before.whole, a_moment_before.review_at) == ((), NOW)


def test_who_has_nothing_but_joint_facts_waits_for_the_first_retention_to_end() -> None:
    sooner = "2028-01-01T00:00:00.000Z"
    cases = [ended(CASE_1, LATER), ended(CASE_2, sooner)]

    deferred = decide_erasure(cases, ground=Ground.OBJECTION, own=False, now=NOW)

    assert (deferred.outcome, deferred.reason, deferred.review_at) == (Outcome.DEFERRED, Reason.RETENTION, sooner)
    assert decide_erasure(cases, ground=Ground.OBJECTION, own=False, now=sooner).outcome is Outcome.DONE


def test_every_ground_and_reason_names_its_article() -> None:
    assert set(CITATIONS) == {*Ground, *Reason}
    assert all(citation.startswith(("GDPR Art. ", "PIPL Art. ")) for citation in CITATIONS.values())
    decided = decide_erasure([Holding(CASE_1, None, True, None)], ground=Ground.OBJECTION, own=True, now=NOW)
    assert decided.citation == "GDPR Art. 17(1)(c); GDPR Art. 17(3)(e)"
    assert decide_erasure([], ground=Ground.OBJECTION, own=True, now=NOW).citation == "GDPR Art. 17(1)(c)"
    assert review_after("2026-01-31T00:00:00.000Z") == "2026-03-02T00:00:00.000Z"


def told(*steps: str, **fields: dict[str, Any]) -> Told:
    """Return a case that was requested, and then had these steps, an hour after each other from 2 March 2026, 9:00."""
    case = Told()
    case.step("request_return", fields=REQUEST)
    for verb in steps:
        case.step(verb, fields=fields.get(verb))
    return case


def held(case: Told, *, joint_facts: bool = True, retention_years: int = 3) -> Holding:
    """Return how the decision sees a case."""
    assert case.case is not None
    return holding_of(case.case, case.docket, joint_facts=joint_facts, retention_years=retention_years)


def test_retention_begins_with_the_last_step_into_an_end() -> None:
    assert held(told()) == Holding(RETURN_ID, None, False, None)
    canceled = held(told("withdraw_request"))
    assert canceled == Holding(RETURN_ID, "2026-03-02T10:00:00.000Z", False, "2029-03-02T10:00:00.000Z")
    talked_about = held(told("withdraw_request", "give_feedback", give_feedback={"score": 5}))
    assert talked_about == canceled
    closed = held(told("withdraw_request", "give_feedback", "close", give_feedback={"score": 5}))
    assert (closed.ended_at, closed.retention_until) == ("2026-03-02T12:00:00.000Z", "2029-03-02T12:00:00.000Z")
    assert held(told("withdraw_request", "reopen", reopen={"reason": "a mistake"})).ended_at is None


def test_an_open_dispute_is_seen_on_a_case_that_ended() -> None:
    case = told("withdraw_request", "close")
    case.step("open_dispute", fields={"dispute_id": "ef" * 16, "type": "adr", "claim": "where is my money"})

    assert held(case).dispute_open


def test_the_retention_that_closing_names_counts_where_it_can_be_seen() -> None:
    named = {"retention_until": "2036-01-01T00:30:00+01:00"}
    case = told("withdraw_request", "close", close=named)

    assert held(case).retention_until == "2035-12-31T23:30:00.000Z"
    assert held(case, joint_facts=False).retention_until is None
    hidden = replace(case.docket.steps[-1], values={}, erased=("retention_until",))
    case.docket = make_docket([*case.docket.steps[:-1], hidden])
    assert held(case).retention_until == "2029-03-02T11:00:00.000Z"


@pytest.mark.parametrize(
    ("ended_at", "years", "until"),
    [
        ("2028-02-29T10:00:00.000Z", 3, "2031-02-28T10:00:00.000Z"),
        ("2028-02-29T10:00:00.000Z", 4, "2032-02-29T10:00:00.000Z"),
        ("2028-03-01T10:00:00.000Z", 0, "2028-03-01T10:00:00.000Z"),
        ("9998-03-01T10:00:00.000Z", 30, "9999-03-01T10:00:00.000Z"),
    ],
)
def test_years_are_counted_by_the_calendar(ended_at: str, years: int, until: str) -> None:
    case = told("withdraw_request")
    last = case.docket.steps[-1]
    case.docket = make_docket([*case.docket.steps[:-1], replace(last, entry=replace(last.entry, recorded_at=ended_at))])

    assert held(case, retention_years=years).retention_until == until


ERASURE = Erasure(
    erasure_id="e0" * 16,
    ground=Ground.OBJECTION,
    asked_by=Role.BUYER,
    asked_at=EARLIER,
    decided_at=NOW,
    subject=BUYER,
    extent=Extent.OWN,
    erased=(Erased(b"\x01" * 32, (0, 3)), Erased(b"\x02" * 32, (191,))),
)


def command(case: Case, **changed: Any) -> Command:
    """Return the platform's command to record an erasure."""
    values: dict[str, Any] = {
        "origin": case.origin,
        "return_id": case.return_id,
        "verb": ERASE,
        "asserted_by": PLATFORM,
        "recorded_by": PLATFORM,
        "authenticity": Authenticity.PLATFORM_ATTESTED,
        "occurred_at": None,
        "recorded_at": NOW,
        "facts": erasure_facts(ERASURE),
    }
    return Command(**(values | changed))


def a_case() -> Case:
    """Return a case that ended."""
    case = told("withdraw_request").case
    assert case is not None
    return case


def test_an_erasure_is_the_next_entry_of_its_case_and_leaves_its_state() -> None:
    case = a_case()

    entry = decide(case, command(case))
    after = evolve(case, entry)

    assert (entry.kind, entry.seq, entry.prev, entry.recorded_at) == (Kind.ERASURE, 2, case.head, NOW)
    assert decide(case, command(case), recorded_at=LATER).recorded_at == LATER
    assert parse_erasure(entry.facts) == ERASURE
    assert encode_decided(entry) == encode_entry(entry)
    assert after == replace(case, count=3, head=leaf_hash(encode_entry(entry)))
    assert evolve(case, decide(case, command(case, asserted_by=Actor(Role.SYSTEM, "00" * 16)))) != after


def test_only_the_platform_and_the_ledger_itself_say_what_was_erased_and_only_of_a_case() -> None:
    case = a_case()
    for role in set(Role) - {Role.PLATFORM, Role.SYSTEM}:
        with pytest.raises(WrongRoleError):
            decide(case, command(case, asserted_by=Actor(role, "55" * 16)))
        assert ERASE not in allowed_verbs(case, role)
    with pytest.raises(UnknownReturnError):
        decide(None, command(case))
    with pytest.raises(UnknownReturnError):
        decide(case, command(case, return_id="00" * 16))


SPOILED: list[dict[str, Any]] = [
    {"erasure_id": "e0" * 15},
    {"ground": "whim"},
    {"asked_by": "passer_by"},
    {"asked_at": "yesterday"},
    {"decided_at": None},
    {"extent": "all"},
    {"subject": "Li Lei"},
    {"subject": {"party": "55" * 16, "role": "passer_by"}},
    {"subject": {"party": "buyer-58113", "role": "buyer"}},
    {"subject": {"party": "55" * 16, "role": "buyer", "name": "Li Lei"}},
    {"erased": None},
    {"erased": [{"entry": "01" * 31, "positions": [0]}]},
    {"erased": [{"entry": "01" * 32, "positions": []}]},
    {"erased": [{"entry": "01" * 32, "positions": [0, 0]}]},
    {"erased": [{"entry": "01" * 32, "positions": [1, 0]}]},
    {"erased": [{"entry": "01" * 32, "positions": [192]}]},
    {"erased": [{"entry": "01" * 32, "positions": [0], "value": "+49 151"}]},
    {"erased": [{"entry": "01" * 32, "positions": [0]}] * 2},
    {"erased": [{"entry": f"{n:064x}", "positions": [0]} for n in range(ERASED_ENTRIES_MAX + 1)]},
    {"erased": [{"entry": f"{n:064x}", "positions": list(range(33))} for n in range(ERASED_ENTRIES_MAX)]},
    {"remark": "also"},
]


@pytest.mark.parametrize("spoiled", SPOILED, ids=lambda value: next(iter(value)))
def test_facts_that_are_no_erasure_are_neither_decided_nor_replayed(spoiled: dict[str, Any]) -> None:
    case = a_case()
    facts = erasure_facts(ERASURE) | spoiled

    with pytest.raises(EntryFormatError):
        decide(case, command(case, facts=facts))
    with pytest.raises(EntryFormatError):
        evolve(case, replace(decide(case, command(case)), facts=facts))


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "forget"},
        {"asserted_by": BUYER},
        {"from_state": "approved"},
        {"to_state": "closed"},
        {"commitments": (NamedCommitment("comment", bytes(32)),)},
    ],
    ids=lambda value: next(iter(value)),
)
def test_an_entry_that_does_more_than_tell_of_an_erasure_is_not_replayed(changed: dict[str, Any]) -> None:
    case = a_case()
    entry: CaseEntry = decide(case, command(case))

    with pytest.raises(EntryFormatError, match="does not follow"):
        evolve(case, replace(entry, **changed))


def test_what_is_too_much_for_one_entry_stands_in_several_that_are_within_every_limit() -> None:
    case = a_case()
    assert list(in_entries([])) == [()]
    for count, width, portions in ((1, 192, 1), (128, 32, 1), (129, 1, 2), (128, 33, 2), (300, 192, 15)):
        erased = [Erased(n.to_bytes(32, "big"), tuple(range(width))) for n in range(count)]

        found = list(in_entries(erased))

        assert [one for portion in found for one in portion] == erased
        assert len(found) == portions
        for portion in found:
            assert sum(len(one.positions) for one in portion) <= ERASED_POSITIONS_MAX
            entry = decide(case, command(case, facts=erasure_facts(replace(ERASURE, erased=portion))))
            assert len(encode_entry(entry)) < 40_000
