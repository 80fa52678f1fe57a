"""A case moves as its entries say, and an entry that does not follow is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ledger_service.core.case import Dispute
from ledger_service.core.decided import encode_decided, read_decided
from ledger_service.core.entry import (
    COMMITMENTS_MAX,
    EVIDENCE_MAX,
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
    RuleReference,
    encode_entry,
    parse_entry,
)
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.returns import (
    Case,
    allowed_verbs,
    case_members,
    decide,
    decide_way,
    evolve,
    parse_case,
    replay,
    sort_fields,
)
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME
from ledger_service.errors import (
    EntryFormatError,
    FieldValueError,
    FormatError,
    LedgerError,
    LimitError,
    MissingEvidenceError,
    MissingFieldError,
    StaleHeadError,
    UnknownReturnError,
    UnknownVerbError,
    WrongRoleError,
    WrongStateError,
)
from tests.core.entries import GENESIS
from tests.core.steps import RETURN_ID, TRANSITIONS, command, descriptors, example_fields, step, ways

STORY = [
    ("request_return", Role.BUYER, None),
    ("request_info", Role.PLATFORM, None),
    ("provide_info", Role.BUYER, None),
    ("approve_return", Role.SELLER, None),
    ("issue_label", Role.CARRIER, None),
    ("ship_back", Role.BUYER, None),
    ("hold_at_customs", Role.CUSTOMS, None),
    ("submit_customs_documents", Role.SELLER, None),
    ("release_from_customs", Role.CUSTOMS, None),
    ("confirm_delivery", Role.CARRIER, None),
    ("receive", Role.INSPECTOR, "received"),
    ("correct", Role.INSPECTOR, None),
    ("start_inspection", Role.INSPECTOR, None),
    ("complete_inspection", Role.INSPECTOR, None),
    ("offer_settlement", Role.SELLER, None),
    ("accept_offer", Role.BUYER, None),
    ("issue_refund", Role.PSP, None),
    ("settle_refund", Role.PSP, "resolved"),
    ("give_feedback", Role.BUYER, None),
    ("close", Role.SYSTEM, None),
]


def tell(story: list[tuple[str, Role, str | None]]) -> list[CaseEntry]:
    entries: list[CaseEntry] = []
    case: Case | None = None
    for verb, role, target in story:
        entry, case = step(case, verb, role, to_state=target)
        entries.append(entry)
    return entries


def case_after(*verbs: str) -> Case:
    case: Case | None = None
    for verb in ("request_return", *verbs):
        _, case = step(case, verb)
    assert case is not None
    return case


def test_a_story_is_told_from_request_to_close() -> None:
    entries = tell(STORY)

    case = replay(entries)

    assert (case.state, case.count, case.shipped, case.state_before_offer) == ("closed", len(STORY), True, None)
    assert (case.buyer_country, case.seller_country, case.opened_at) == ("DE", "DE", entries[0].recorded_at)
    assert case.head == leaf_hash(encode_entry(entries[-1]))
    assert [entry.seq for entry in entries] == list(range(len(STORY)))
    assert [entry.prev for entry in entries[1:]] == [leaf_hash(encode_entry(entry)) for entry in entries[:-1]]


def test_replay_is_the_same_as_one_step_after_the_other() -> None:
    case: Case | None = None
    entries = tell(STORY)
    for count, entry in enumerate(entries, start=1):
        case = evolve(case, entry, encoded=encode_entry(entry))
        assert case == replay(entries[:count]) == parse_case(case_members(case))


def test_a_case_without_entries_is_none() -> None:
    with pytest.raises(EntryFormatError, match="at least one entry"):
        replay([])


def test_an_unknown_verb_is_refused_with_what_is_possible() -> None:
    case = case_after()
    asked = dataclasses.replace(command("request_info"), verb="refund_everything")

    with pytest.raises(UnknownVerbError, match="refund_everything") as caught:
        decide(case, asked)

    assert caught.value.allowed == allowed_verbs(case, Role.PLATFORM)
    assert "approve_return" in caught.value.hint


def test_a_return_is_requested_once() -> None:
    case = case_after()

    with pytest.raises(WrongStateError, match="exists already") as caught:
        decide(case, command("request_return", Role.BUYER))

    assert caught.value.allowed == ("withdraw_request", "correct", "add_evidence")


def test_a_step_of_no_case_or_of_another_case_is_refused() -> None:
    with pytest.raises(UnknownReturnError, match=RETURN_ID):
        decide(None, command("approve_return"))
    for asked in (
        command("approve_return", return_id="77" * 16),
        command("approve_return", origin="other.example/returns"),
    ):
        with pytest.raises(UnknownReturnError):
            decide(case_after(), asked)

    decide(case_after(), command("approve_return"))


def test_a_caller_who_saw_an_older_head_is_told_so() -> None:
    seen = case_after()
    case = case_after("add_evidence")

    decide(case, command("approve_return", expected_head=case.head))
    decide(case, command("approve_return", expected_head=None))
    with pytest.raises(StaleHeadError, match=seen.head.hex()):
        decide(case, command("approve_return", expected_head=seen.head))
    with pytest.raises(StaleHeadError):
        decide(None, command("request_return", expected_head=seen.head))


def test_the_checks_stand_in_their_order() -> None:
    case = case_after()
    asked = command("ship_back", Role.PSP, expected_head=bytes(32), evidence=(), facts={})
    asked = dataclasses.replace(asked, verb="nothing")
    right: dict[type[LedgerError], dict[str, Any]] = {
        UnknownVerbError: {"verb": "ship_back"},
        StaleHeadError: {"expected_head": case.head},
        WrongStateError: {"verb": "approve_return"},
        WrongRoleError: {"asserted_by": Actor(Role.SELLER, "ab" * 16)},
        MissingEvidenceError: {"evidence": descriptors(["rma_document"])},
        FieldValueError: {"commitments": ()},
        MissingFieldError: {
            "facts": {"return_cost_payer": "seller"},
            "commitments": (NamedCommitment("approved_lines", bytes(32)),),
        },
    }

    for error, correction in right.items():
        with pytest.raises(error):
            decide(case, asked)
        asked = dataclasses.replace(asked, **correction)

    assert decide(case, asked).to_state == "approved"


def test_a_way_is_looked_up_before_anything_is_known_of_the_fields() -> None:
    case = case_after()
    asked = command("approve_return", evidence=(), commitments=())

    assert decide_way(case, asked) is TRANSITIONS["approve_return"]
    with pytest.raises(MissingEvidenceError):
        decide(case, asked)
    with pytest.raises(WrongRoleError):
        decide_way(case, command("approve_return", Role.BUYER))


@pytest.mark.parametrize(
    ("authenticity", "names", "right"),
    [
        (Authenticity.SIGNED, [SIGNATURE_NAME, SIGNER_NAME], True),
        (Authenticity.SIGNED, [SIGNATURE_NAME], False),
        (Authenticity.SIGNED, [], False),
        (Authenticity.PLATFORM_ATTESTED, [], True),
        (Authenticity.PLATFORM_ATTESTED, [SIGNATURE_NAME, SIGNER_NAME], False),
        (Authenticity.SIGNED, [SIGNATURE_NAME, SIGNATURE_NAME, SIGNER_NAME], False),
    ],
)
def test_a_step_is_signed_when_it_carries_a_signature_and_its_signer_once_each(
    authenticity: Authenticity, names: list[str], right: bool
) -> None:
    commitments = tuple(NamedCommitment(name, bytes(32)) for name in names)
    asked = command("add_evidence", commitments=commitments, authenticity=authenticity)
    if right:
        assert decide(case_after(), asked).authenticity is authenticity
        return
    with pytest.raises(FieldValueError):
        decide(case_after(), asked)


def test_goods_that_were_sent_cannot_be_cancelled_away() -> None:
    sent = case_after("approve_return", "ship_back", "receive", "start_inspection", "complete_inspection", "appeal")
    approved_again = evolve(sent, decide(sent, command("approve_return")))

    assert "cancel_return" in allowed_verbs(case_after("approve_return"), Role.SELLER)
    assert "cancel_return" not in allowed_verbs(approved_again, Role.SELLER)
    decide(case_after("approve_return"), command("cancel_return"))
    with pytest.raises(WrongStateError, match="sent back already"):
        decide(approved_again, command("cancel_return"))


@pytest.mark.parametrize("before", TRANSITIONS["refuse_offer"].targets)
def test_an_offer_refused_leads_back_to_where_it_was_made(before: str) -> None:
    case = dataclasses.replace(case_after(), state=before)
    _, offered = step(case, "offer_settlement")
    assert (offered.state, offered.state_before_offer) == ("resolving", before)

    _, refused = step(offered, "refuse_offer")

    assert (refused.state, refused.state_before_offer) == (before, None)
    with pytest.raises(FieldValueError, match=f"leads to {before}"):
        decide(offered, command("refuse_offer", to_state="resolved"))


@pytest.mark.parametrize("answer", ["accept_offer", "refuse_offer"])
def test_an_offer_is_answered_once(answer: str) -> None:
    _, offered = step(case_after("approve_return"), "offer_settlement")
    assert answer in allowed_verbs(offered, Role.BUYER)

    _, accepted = step(offered, "accept_offer")

    assert answer not in allowed_verbs(accepted, Role.BUYER)
    with pytest.raises(WrongStateError, match="no offer is open"):
        decide(accepted, command(answer, Role.BUYER))


def test_an_open_offer_stays_open_while_the_case_is_resolving_and_ends_with_it() -> None:
    _, offered = step(case_after("approve_return"), "offer_settlement")

    _, still = step(offered, "approve_refund")
    _, appealed = step(offered, "appeal")

    assert still.state_before_offer == "approved"
    assert appealed.state_before_offer is None


def test_more_files_or_fields_than_an_entry_holds_are_refused() -> None:
    case = case_after()
    files = descriptors(["product_photo"] * EVIDENCE_MAX)
    fields = tuple(NamedCommitment(f"field_{number}", bytes(32)) for number in range(COMMITMENTS_MAX + 1))

    assert len(decide(case, command("add_evidence", evidence=files)).evidence) == EVIDENCE_MAX
    with pytest.raises(LimitError, match=str(EVIDENCE_MAX)):
        decide(case, command("add_evidence", evidence=(*files, *files[:1])))
    with pytest.raises(LimitError, match=str(COMMITMENTS_MAX)):
        decide(case, command("add_evidence", commitments=fields))


@pytest.mark.parametrize("occurred_at", ["2026-11-03T10:22:05Z", "2026-11-03", "2026-02-30T10:22:05.000Z", ""])
def test_a_claimed_time_has_the_form_of_an_entry(occurred_at: str) -> None:
    assert decide(None, command("request_return", occurred_at=None)).occurred_at is None
    with pytest.raises(FieldValueError, match="occurred_at"):
        decide(None, command("request_return", occurred_at=occurred_at))


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": RuleReference("no rule!", "1")},
        {"rule": RuleReference("EU-2011-83", "")},
        {"asserted_by": Actor(Role.BUYER, "customer 17")},
        {"recorded_by": Actor(Role.PLATFORM, "AB" * 16)},
        {"evidence": (EvidenceDescriptor("product_photo", 0, "image/jpeg", bytes(32)),)},
        {"evidence": (EvidenceDescriptor("product_photo", 9, "a picture", bytes(32)),)},
        {"evidence": (EvidenceDescriptor("product_photo", 9, "image/jpeg", bytes(31)),)},
        {"commitments": (NamedCommitment("lines", bytes(33)),)},
    ],
)
def test_what_would_not_read_back_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(FieldValueError):
        decide(None, command("request_return", **changes))

    assert parse_entry(encode_entry(decide(None, command("request_return")))) == decide(None, command("request_return"))


@pytest.mark.parametrize("facts", [{}, {"language": "de", "buyer_country": "DE"}, {"名": "é", "a": [1, {"b": None}]}])
def test_a_decided_entry_is_encoded_as_every_entry_is(facts: dict[str, Any]) -> None:
    for verb in TRANSITIONS:
        decided = next(entry for way in ways().values() for entry in way if entry.verb == "request_return")
        entry = dataclasses.replace(decided, verb=verb, facts=facts)

        assert encode_decided(entry) == encode_entry(entry)


def test_every_entry_that_is_decided_is_encoded_as_every_entry_is() -> None:
    """Those on every way through the table, as they are and with members of every kind."""
    every = list({id(entry): entry for way in ways().values() for entry in way}.values())
    assert any(entry.prev for entry in every)
    assert any(entry.rule for entry in every)
    for entry in every:
        full = dataclasses.replace(
            entry,
            kind=Kind.DISPUTE,
            from_state=None,
            origin='a"quote\\and/backslash',
            rule=RuleReference("EU-2011-83", "2026-06-19"),
            evidence=descriptors(["product_photo", "product_video"]),
            missing=("product_photo", "customs_declaration"),
            commitments=(NamedCommitment("lines", bytes(range(32))), NamedCommitment("comment", bytes([255]) * 32)),
            occurred_at=None,
        )

        for one in (entry, full):
            encoded = encode_decided(one)
            assert encoded == encode_entry(one)
            assert read_decided(encoded) == parse_entry(encoded) == one


def test_what_no_step_gave_is_read_as_any_bytes_are() -> None:
    aside = dataclasses.replace(decide(None, command("request_return")), kind=Kind.ATTEMPT, seq=None, prev=None)
    for entry in (aside, GENESIS):
        assert read_decided(encode_entry(entry)) == entry

    for encoded in (b"{}", b"[]", b"no JSON", encode_entry(aside).replace(b'"attempt"', b'"another"')):
        with pytest.raises(FormatError):
            read_decided(encoded)


@pytest.mark.parametrize("facts", [{"a": "\ud800"}, {"a": 1.5}, {"a": "\x00"}, {"a": 2**53}, {"a": "x" * 70_000}])
def test_what_has_no_form_in_an_entry_is_refused_in_a_decided_one_too(facts: dict[str, Any]) -> None:
    entry = dataclasses.replace(decide(None, command("request_return")), facts=facts)

    for encode in (encode_decided, encode_entry):
        with pytest.raises(FormatError):
            encode(entry)


def test_the_time_under_the_lock_stands_in_for_the_commands() -> None:
    given = command("request_return", recorded_at="")

    assert decide(None, given, recorded_at="2026-11-03T10:22:06.000Z").recorded_at == "2026-11-03T10:22:06.000Z"


@pytest.mark.parametrize("return_id", ["1001", "", "5A" * 16, "5a" * 15, "5a" * 17])
def test_a_return_id_is_128_random_bits_and_no_order_number(return_id: str) -> None:
    with pytest.raises(FieldValueError, match="return_id"):
        decide(None, command("request_return", return_id=return_id))


def entry_changes(**members: Any) -> Callable[[CaseEntry], CaseEntry]:
    return lambda entry: dataclasses.replace(entry, **members)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (entry_changes(seq=1), "the next seq of the case is 2"),
        (entry_changes(seq=3), "the next seq of the case is 2"),
        (entry_changes(prev=bytes(32)), "its prev is not the head"),
        (entry_changes(prev=None), "its prev is not the head"),
        (entry_changes(return_id="77" * 16), "it is not of the case"),
        (entry_changes(origin="other.example/returns"), "it is not of the case"),
        (entry_changes(verb="teleport"), "called 'teleport'"),
        (entry_changes(kind=Kind.CORRECTION), "no correction of a case is called 'ship_back'"),
        (entry_changes(from_state="requested"), "the entry says requested"),
        (entry_changes(verb="receive", to_state="received"), "receive does not lead from approved"),
        (entry_changes(to_state="received"), "ship_back does not lead to received"),
        (entry_changes(to_state=None), "ship_back does not lead to None"),
        (entry_changes(asserted_by=Actor(Role.PSP, "ab" * 16)), "not for the role psp"),
    ],
)
def test_an_entry_that_does_not_follow_is_named(change: Callable[[CaseEntry], CaseEntry], reason: str) -> None:
    case = case_after("approve_return")
    entry = decide(case, command("ship_back"))
    assert evolve(case, entry).state == "in_transit"

    with pytest.raises(EntryFormatError, match=reason):
        evolve(case, change(entry))


@pytest.mark.parametrize(
    "change",
    [
        entry_changes(seq=1, prev=bytes(32)),
        entry_changes(prev=bytes(32)),
        entry_changes(kind=Kind.ACCESS, seq=None),
        entry_changes(kind=Kind.DISPUTE),
        entry_changes(verb="approve_return"),
        entry_changes(from_state="requested"),
        entry_changes(to_state="approved"),
        entry_changes(facts={}),
        entry_changes(facts={"buyer_country": "DE", "seller_country": "cn"}),
    ],
)
def test_a_first_entry_that_opens_no_case_is_named(change: Callable[[CaseEntry], CaseEntry]) -> None:
    entry = decide(None, command("request_return"))
    assert evolve(None, entry).state == "requested"

    with pytest.raises(EntryFormatError):
        evolve(None, change(entry))


def test_a_step_against_a_guard_is_found_in_the_replay_too() -> None:
    case = case_after("approve_return")
    entry = decide(case, command("cancel_return"))
    assert evolve(case, entry).state == "canceled"

    with pytest.raises(EntryFormatError, match="sent back already"):
        evolve(dataclasses.replace(case, shipped=True), entry)


@pytest.mark.parametrize("kind", [Kind.ATTEMPT, Kind.ACCESS, Kind.FINDING])
def test_an_entry_that_stands_aside_leaves_the_case_as_it_is(kind: Kind) -> None:
    case = case_after()
    entry = dataclasses.replace(decide(case, command("approve_return")), kind=kind, seq=None, prev=None)

    assert evolve(case, entry) == case
    with pytest.raises(EntryFormatError, match="not of the case"):
        evolve(case, dataclasses.replace(entry, return_id="77" * 16))


def test_a_dispute_moves_the_head_and_not_the_state() -> None:
    case = case_after()
    dispute_id = "ef" * 16
    entry = dataclasses.replace(
        decide(case, command("approve_return")),
        kind=Kind.DISPUTE,
        verb="open_dispute",
        facts={"dispute_id": dispute_id, "type": "adr"},
        from_state=None,
        to_state="opened",
    )

    after = evolve(case, entry)

    disputes = (Dispute(dispute_id, "opened", "adr"),)
    assert after == dataclasses.replace(case, count=2, head=leaf_hash(encode_entry(entry)), disputes=disputes)
    with pytest.raises(EntryFormatError, match="next seq"):
        evolve(case, dataclasses.replace(entry, seq=5))


CASE = case_members(case_after("approve_return", "offer_settlement"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "in_space"),
        ("state", None),
        ("state", ["approved"]),
        ("state_before_offer", "in_space"),
        ("state_before_offer", 1),
        ("shipped", 0),
        ("count", 0),
        ("count", True),
        ("head", "ab"),
        ("return_id", "AB" * 16),
        ("origin", "two words"),
        ("opened_at", "2026-11-03"),
        ("buyer_country", "Germany"),
        ("seller_country", None),
        ("disputes", {}),
        ("disputes", [["ef" * 16, "opened"]]),
        ("disputes", [["ef" * 16, "asleep", "adr"]]),
        ("disputes", [["ef" * 15, "opened", "adr"]]),
        ("disputes", [["ef" * 16, "opened", "ADR"]]),
        ("mood", "good"),
    ],
)
def test_a_stored_case_that_is_none_is_refused(name: str, value: Any) -> None:
    assert case_members(parse_case(dict(CASE))) == CASE

    with pytest.raises(EntryFormatError):
        parse_case({**CASE, name: value})
    if name in CASE:
        with pytest.raises(EntryFormatError, match=name):
            parse_case({other: value for other, value in CASE.items() if other != name})


def test_fields_are_sorted_by_disclosure_class() -> None:
    fields = example_fields("request_return", required_only=False)

    found = sort_fields("request_return", fields)

    assert {*found.facts, *found.committed} == set(fields)
    assert set(found.committed) == {
        "buyer_zone", "captured_at", "comment", "import_accepted_at", "import_released_at", "lines", "ordered_at",
        "outbound_delivered_at", "outbound_exported_at",
    }  # fmt: skip
    assert found.facts["buyer_country"] == "DE"


@pytest.mark.parametrize("verb", list(TRANSITIONS))
def test_the_fields_of_every_step_are_checked_before_they_are_committed_to(verb: str) -> None:
    fields = example_fields(verb, required_only=False)
    sort_fields(verb, fields)
    sort_fields(verb, example_fields(verb))

    with pytest.raises(FieldValueError, match="'mood' is refused"):
        sort_fields(verb, {**fields, "mood": "good"})
    for name, known in TRANSITIONS[verb].fields.items():
        with pytest.raises(FieldValueError, match=f"'{name}' is refused"):
            sort_fields(verb, {**fields, name: None})
        if known.required:
            with pytest.raises(MissingFieldError, match=name) as caught:
                sort_fields(verb, {other: value for other, value in fields.items() if other != name})
            assert name in caught.value.hint


def test_the_fields_of_an_unknown_verb_are_not_sorted() -> None:
    with pytest.raises(UnknownVerbError, match="teleport") as caught:
        sort_fields("teleport", {})

    assert "ship_back" in caught.value.hint
