"""A step signed with a wallet: one spelling, one place, one head, in time; and all of it again from the entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.disclosure import Disclosure, Record
from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import Actor, Authenticity, Kind, NamedCommitment, Role, encode_entry, parse_entry
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.signing import (
    RECORDING_SECONDS_MAX,
    SIGNATURE_NAME,
    SIGNER_NAME,
    Domain,
    SignatureValue,
    Statement,
    parse_signature_value,
    recover,
    signer_value,
    typed_data,
    verify_signed_entry,
    verify_statement,
)
from ledger_service.errors import (
    EntryFormatError,
    InvalidProofError,
    InvalidSignatureError,
    LimitError,
    SignatureRefusedError,
    StaleHeadError,
    StatementExpiredError,
    WithheldError,
    WrongSignerError,
)
from tests.core.entries import ADDRESSES, COUNTS, HASHES, NAMES
from tests.core.signatures import (
    BUYER,
    DEADLINE,
    DOMAIN,
    HEAD,
    OPENING,
    ORDER,
    RETURN_ID,
    STATEMENT,
    STRANGER,
    address,
    high_s,
    sign,
    signed_entry,
    wallet,
    with_commitments,
)
from tests.core.test_statement import CHANGES, DOMAIN_CHANGES, DOMAINS, HEADS, STATEMENTS

SIGNED = sign(BUYER, DOMAIN, STATEMENT)
KEYS = st.integers(1, ORDER - 1)


def verify(
    domain: Domain = DOMAIN,
    statement: Statement = STATEMENT,
    signature: bytes = SIGNED,
    *,
    expected_address: bytes = address(BUYER),
    now: int = DEADLINE,
    head: bytes | None = HEAD,
) -> None:
    """Check the sample, with changes."""
    verify_statement(domain, statement, signature, expected_address=expected_address, now=now, head=head)


# ── the signature ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(KEYS, DOMAINS, STATEMENTS)
def test_what_another_library_signs_is_recovered_here(key: int, domain: Domain, statement: Statement) -> None:
    account = wallet(key)
    signed = Account.sign_typed_data(account.key, full_message=typed_data(domain, statement))

    assert recover(domain, statement, bytes(signed.signature)) == address(account)


@given(KEYS, DOMAINS, STATEMENTS)
def test_what_is_signed_here_is_recovered_by_another_library(key: int, domain: Domain, statement: Statement) -> None:
    account = wallet(key)
    signable = encode_typed_data(full_message=typed_data(domain, statement))

    assert Account.recover_message(signable, signature=sign(account, domain, statement)) == account.address


def test_the_second_signature_that_everybody_can_make_is_refused() -> None:
    """Another library takes both, and both name the same wallet: so the bytes are no name of a statement."""
    other = high_s(SIGNED)
    signable = encode_typed_data(full_message=typed_data(DOMAIN, STATEMENT))
    assert other != SIGNED
    assert Account.recover_message(signable, signature=other) == BUYER.address

    assert recover(DOMAIN, STATEMENT, SIGNED) == address(BUYER)
    with pytest.raises(SignatureRefusedError, match="high s"):
        recover(DOMAIN, STATEMENT, other)


@given(KEYS, STATEMENTS)
def test_of_any_two_spellings_one_is_refused(key: int, statement: Statement) -> None:
    signature = sign(wallet(key), DOMAIN, statement)

    recover(DOMAIN, statement, signature)
    with pytest.raises(SignatureRefusedError, match="high s"):
        recover(DOMAIN, statement, high_s(signature))


def words(r: int, s: int, v: int) -> bytes:
    """Return r ‖ s ‖ v."""
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


R, S, V = int.from_bytes(SIGNED[:32], "big"), int.from_bytes(SIGNED[32:64], "big"), SIGNED[64]


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (b"", "has 65 bytes"),
        (SIGNED[:64], "has 65 bytes"),
        (SIGNED + b"\x1b", "has 65 bytes"),
        (b"0x" + SIGNED.hex().encode(), "has 65 bytes"),
        (words(R, S, V - 27), "27 or 28"),
        (words(R, S, 0), "27 or 28"),
        (words(R, S, 1), "27 or 28"),
        (words(R, S, 26), "27 or 28"),
        (words(R, S, 29), "27 or 28"),
        (words(R, S, 37), "27 or 28"),
        (words(0, S, V), "from 1 to n"),
        (words(ORDER, S, V), "from 1 to n"),
        (words(2**256 - 1, S, V), "from 1 to n"),
        (words(R, 0, V), "from 1 to n"),
        (words(R, ORDER, V), "from 1 to n"),
        (words(R, 2**256 - 1, V), "from 1 to n"),
        (words(R, ORDER - 1, V), "high s"),
        (words(R, ORDER // 2 + 1, V), "high s"),
        (words(5, S, V), "no key"),  # 5 is the x of no point: 5³ + 7 is no square modulo p
    ],
    ids=lambda value: value if isinstance(value, str) else value.hex()[-8:],
)
def test_bytes_that_are_not_the_one_spelling_of_a_signature_are_refused(signature: bytes, reason: str) -> None:
    with pytest.raises(SignatureRefusedError, match=reason):
        recover(DOMAIN, STATEMENT, signature)
    with pytest.raises(SignatureRefusedError, match=reason):
        verify(signature=signature)


def test_the_ends_of_the_ranges_are_taken() -> None:
    """They are signatures by some key, which nobody holds, and so by no party."""
    for signature in (words(1, S, 27), words(R, 1, 27), words(R, ORDER // 2, 28)):
        assert len(recover(DOMAIN, STATEMENT, signature)) == 20
        with pytest.raises(WrongSignerError):
            verify(signature=signature)


# ── whether it counts now ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_statement_counts_for_its_signer_on_its_head_until_its_deadline() -> None:
    verify()
    verify(now=0)
    verify(statement=OPENING, signature=sign(BUYER, DOMAIN, OPENING), head=None)


@pytest.mark.parametrize("name", CHANGES)
def test_a_signature_over_another_step_is_refused(name: str) -> None:
    changed = replace(STATEMENT, **{name: CHANGES[name]})

    verify(statement=changed, signature=sign(BUYER, DOMAIN, changed), head=changed.previous)
    with pytest.raises(WrongSignerError):
        verify(statement=changed, head=changed.previous)


@pytest.mark.parametrize("name", DOMAIN_CHANGES)
def test_a_signature_for_another_origin_chain_or_contract_is_refused(name: str) -> None:
    elsewhere = replace(DOMAIN, **{name: DOMAIN_CHANGES[name]})

    verify(elsewhere, signature=sign(BUYER, elsewhere, STATEMENT))
    with pytest.raises(WrongSignerError):
        verify(elsewhere)
    with pytest.raises(WrongSignerError):
        verify(signature=sign(BUYER, elsewhere, STATEMENT))


def test_another_wallet_than_the_partys_is_refused() -> None:
    foreign = sign(STRANGER, DOMAIN, STATEMENT)

    verify(signature=foreign, expected_address=address(STRANGER))
    with pytest.raises(WrongSignerError) as caught:
        verify(signature=foreign)
    assert "registered" in caught.value.hint


def test_a_statement_cannot_be_replayed_on_another_head() -> None:
    for head in (bytes(32), bytes(reversed(HEAD)), None):
        with pytest.raises(StaleHeadError, match=HEAD.hex()):
            verify(head=head)


def test_a_statement_that_opens_a_case_is_not_one_about_a_case() -> None:
    signature = sign(BUYER, DOMAIN, OPENING)

    verify(statement=OPENING, signature=signature, head=None)
    with pytest.raises(StaleHeadError, match="signed on no case"):
        verify(statement=OPENING, signature=signature, head=HEAD)


def test_a_statement_expires_after_its_last_second() -> None:
    verify(now=DEADLINE)
    with pytest.raises(StatementExpiredError, match=str(DEADLINE)):
        verify(now=DEADLINE + 1)


def test_nothing_is_said_of_head_or_deadline_to_whoever_is_not_the_signer() -> None:
    with pytest.raises(WrongSignerError):
        verify(expected_address=address(STRANGER), now=DEADLINE + 1, head=None)


# ── the committed values ─────────────────────────────────────────────────────────────────────────────────────────────

VALUE = SignatureValue(1, bytes([0xC0]) * 20, HEAD, "in_transit", bytes(range(32)), DEADLINE, SIGNED)
VALUES = st.builds(
    SignatureValue,
    chain_id=COUNTS,
    contract=ADDRESSES,
    previous=st.none() | HEADS,
    to_state=st.none() | NAMES,
    nonce=HASHES,
    deadline=st.integers(0, INTEGER_MAX),
    signature=st.binary(min_size=65, max_size=65),
)


@given(VALUES)
def test_a_signature_value_reads_back(value: SignatureValue) -> None:
    assert parse_signature_value(value.as_json()) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 0},
        {"chain_id": "1"},
        {"contract": "c0" * 20},
        {"contract": "0x" + "C0" * 20},
        {"contract": "0x" + "c0" * 19},
        {"previous": ""},
        {"previous": "00" * 32},
        {"previous": "0x" + HEAD.hex()},
        {"to_state": ""},
        {"to_state": "In transit"},
        {"to_state": 1},
        {"nonce": "00" * 31},
        {"nonce": None},
        {"deadline": -1},
        {"deadline": INTEGER_MAX + 1},
        {"deadline": "1"},
        {"signature": "0x" + SIGNED.hex()[:-2]},
        {"signature": SIGNED.hex()},
        {"signature": "0x" + SIGNED.hex().upper()},
        {"extra": 1},
    ],
    ids=repr,
)
def test_a_signature_value_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    assert parse_signature_value(VALUE.as_json()) == VALUE
    with pytest.raises(EntryFormatError, match="statement:signature"):
        parse_signature_value(VALUE.as_json() | changes)


@pytest.mark.parametrize("name", VALUE.as_json())
def test_a_signature_value_lacks_no_member(name: str) -> None:
    value = VALUE.as_json()
    del value[name]

    with pytest.raises(EntryFormatError, match=name):
        parse_signature_value(value)


def test_no_field_of_any_step_has_the_name_of_a_signature_or_signer() -> None:
    """`confirm_delivery` has a field `signer`: who signed for the parcel."""
    machines = (LIFECYCLE.case, LIFECYCLE.dispute)
    names = {name for machine in machines for row in machine.transitions.values() for name in row.fields}

    assert "signer" in names
    assert names.isdisjoint({SIGNATURE_NAME, SIGNER_NAME})
    assert not [name for name in names if ":" in name]


# ── the entry ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seq": 0, "prev": None, "verb": "request_return", "from_state": None, "to_state": "requested"},
        {"occurred_at": None, "rule": None, "facts": {}, "committed": (), "files": ()},
        {"files": (("product_photo", bytes([2]) * 32), ("product_photo", bytes([3]) * 32))},
        {"committed": (("signer", "M. Mustermann"), ("signature", "seen"))},
        {"kind": Kind.DISPUTE, "to_state": None},
        {"kind": Kind.ATTEMPT, "seq": None, "prev": None},
        {"domain": Domain("returns.example/us", 1, bytes(20))},
        {"signer": STRANGER},
    ],
    ids=lambda changes: "-".join(changes) or "as it is",
)
def test_whoever_sees_all_values_recovers_the_signer_from_the_entry(changes: dict[str, Any]) -> None:
    entry, records = signed_entry(**changes)
    domain, signer = changes.get("domain", DOMAIN), changes.get("signer", BUYER)

    assert parse_entry(encode_entry(entry)) == entry
    assert verify_signed_entry(entry, records, [replace(DOMAIN, chain_id=5), domain]) == address(signer)


def test_an_entry_names_neither_wallet_nor_signature() -> None:
    entry, records = signed_entry()
    by_name = {record.name: record.disclosure for record in records}
    shown = by_name[SIGNATURE_NAME]
    assert shown is not None
    value = parse_signature_value(shown.value)

    encoded = encode_entry(entry).decode().lower()

    assert BUYER.address[2:].lower() not in encoded
    assert value.signature.hex() not in encoded
    assert value.nonce.hex() not in encoded


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "ship_bacl"},
        {"asserted_by": Actor(Role.SELLER, "55" * 16)},
        {"occurred_at": None},
        {"occurred_at": "2026-11-03T10:20:00.001Z"},
        {"return_id": "5b" * 16},
        {"rule": None},
        {"facts": {}},
        {"facts": {"carrier_code": "dhl", "parcels": 2}},
        {"facts": {"carrier_code": "dhl", "parcels": 1, "more": True}},
    ],
    ids=repr,
)
def test_an_entry_that_says_something_else_than_was_signed_is_found_out(changes: dict[str, Any]) -> None:
    entry, records = signed_entry()

    assert verify_signed_entry(entry, records, [DOMAIN]) == address(BUYER)
    with pytest.raises(InvalidSignatureError, match="not by the committed signer"):
        verify_signed_entry(replace(entry, **changes), records, [DOMAIN])


@pytest.mark.parametrize(
    ("committed", "files"),
    [
        ([("note", "left at the door"), ("tracking_no", "RR123456785CN")], None),
        ([("note", "left with the neighbour")], None),
        ([], None),
        (None, [("proof_of_posting", bytes([1]) * 32)]),
        (None, [("product_photo", bytes([2]) * 32), ("proof_of_posting", bytes([1]) * 32)]),
        (None, [("proof_of_posting", bytes([1]) * 32), ("product_photo", bytes([3]) * 32)]),
        (None, [("proof_of_posting", bytes([1]) * 32), ("product_video", bytes([2]) * 32)]),
    ],
    ids=repr,
)
def test_values_and_files_that_were_committed_to_but_not_signed_are_found_out(committed: Any, files: Any) -> None:
    """The operator, who draws the salts, commits to something else and keeps the signature."""
    entry, records = signed_entry()
    shown = [record.disclosure for record in records if record.disclosure is not None]
    fields = [(one.name, one.value) for one in shown[2:]]
    own = [(item.kind, bytes.fromhex(str(one.value))) for item, one in zip(entry.evidence, shown, strict=False)]
    same = with_commitments(entry, fields, own)
    assert verify_signed_entry(*same, [DOMAIN]) == address(BUYER)

    changed = with_commitments(
        entry, fields if committed is None else [*committed, *fields[2:]], own if files is None else files
    )

    with pytest.raises(InvalidSignatureError, match="not by the committed signer"):
        verify_signed_entry(*changed, [DOMAIN])


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"statement_changes": {"return_id": "5b" * 16}}, "not by the committed signer"),
        ({"statement_changes": {"previous": bytes(31) + b"\x01"}}, "not by the committed signer"),
        ({"statement_changes": {"nonce": bytes(32)}}, "not by the committed signer"),
        ({"statement_changes": {"deadline": DEADLINE + 1}}, "not by the committed signer"),
        ({"value_changes": {"previous": None}}, "another head"),
        ({"value_changes": {"previous": "01" * 32}}, "another head"),
        ({"value_changes": {"to_state": None}}, "another state"),
        ({"value_changes": {"to_state": "lost"}}, "another state"),
        ({"value_changes": {"nonce": "00" * 32}}, "not by the committed signer"),
        ({"value_changes": {"deadline": DEADLINE + 1}}, "not by the committed signer"),
        ({"value_changes": {"chain_id": 1}}, "signed for chain 1"),
        ({"value_changes": {"contract": "0x" + "c1" * 20}}, "contract 0xc1"),
        ({"value_changes": {"signature": "0x" + words(R, S, 0).hex()}}, "27 or 28"),
        ({"value_changes": {"signature": "0x" + high_s(SIGNED).hex()}}, "high s"),
        ({"signer_shown": signer_value(address(STRANGER))}, "not by the committed signer"),
        ({"authenticity": Authenticity.PLATFORM_ATTESTED}, "marked platform_attested"),
        ({"recorded_at": "2026-11-03T12:20:00.000Z"}, "after the deadline"),
    ],
    ids=repr,
)
def test_a_statement_that_does_not_fit_its_entry_is_invalid(made: dict[str, Any], reason: str) -> None:
    assert verify_signed_entry(*signed_entry(), [DOMAIN]) == address(BUYER)
    with pytest.raises(InvalidSignatureError, match=reason):
        verify_signed_entry(*signed_entry(**made), [DOMAIN])


def test_a_verifier_that_pins_another_place_or_none_does_not_take_the_statement() -> None:
    for domains in ([], [replace(DOMAIN, origin="returns.example/us")], [replace(DOMAIN, chain_id=1)]):
        with pytest.raises(InvalidSignatureError, match="signed for chain 11155111"):
            verify_signed_entry(*signed_entry(), domains)


def test_an_entry_is_recorded_a_minute_after_the_deadline_at_most() -> None:
    assert (DEADLINE, RECORDING_SECONDS_MAX) == (1_793_704_800, 60)  # 2026-11-03T11:20:00Z

    assert verify_signed_entry(*signed_entry(recorded_at="2026-11-03T11:21:00.999Z"), [DOMAIN]) == address(BUYER)
    with pytest.raises(InvalidSignatureError, match="after the deadline"):
        verify_signed_entry(*signed_entry(recorded_at="2026-11-03T11:21:01.000Z"), [DOMAIN])


@pytest.mark.parametrize("kept", [(), (SIGNATURE_NAME,), (SIGNER_NAME,)])
def test_an_entry_marked_signed_that_carries_no_statement_is_invalid(kept: tuple[str, ...]) -> None:
    entry, records = signed_entry(files=())
    fields = [(one.name, one.disclosure.value) for one in records if one.disclosure is not None]
    fields = [(name, value) for name, value in fields if not name.startswith("statement:") or name in kept]

    with pytest.raises(InvalidSignatureError, match="carries no statement"):
        verify_signed_entry(*with_commitments(entry, fields, ()), [DOMAIN])


@pytest.mark.parametrize("place", range(6))
def test_a_value_that_is_withheld_leaves_the_signature_unknown_not_invalid(place: int) -> None:
    entry, records = signed_entry()
    records[place] = Record(records[place].name, None)
    assert len(records) == 6

    with pytest.raises(WithheldError, match=records[place].name) as caught:
        verify_signed_entry(entry, records, [DOMAIN])
    assert caught.value.names == (records[place].name,)
    assert "erased" in caught.value.hint


def test_a_false_value_is_found_out_even_beside_a_withheld_one() -> None:
    entry, records = signed_entry()
    records[0] = Record(records[0].name, None)
    records[2] = Record("note", Disclosure("note", bytes(32), "something else"))

    with pytest.raises(InvalidProofError, match="does not open the commitment 'note'"):
        verify_signed_entry(entry, records, [DOMAIN])


@pytest.mark.parametrize("wrong", ["fewer", "more", "order", "name", "inner name", "value", "salt"])
def test_records_that_do_not_open_the_commitments_prove_nothing(wrong: str) -> None:
    entry, records = signed_entry()
    assert verify_signed_entry(entry, records, [DOMAIN]) == address(BUYER)
    note = records[2].disclosure
    assert note is not None
    if wrong == "inner name":  # the entry says "note", what is committed to says "comment"
        note = replace(note, name="comment")
        commitments = (NamedCommitment("note", note.commitment()), *entry.commitments[1:])
        entry, records[2] = replace(entry, commitments=commitments), Record("note", note)
    else:
        records = {
            "fewer": records[:-1],
            "more": [*records, records[-1]],
            "order": [records[1], records[0], *records[2:]],
            "name": [*records[:2], Record("comment", note), *records[3:]],
            "value": [*records[:2], Record("note", replace(note, value="left with nobody")), *records[3:]],
            "salt": [*records[:2], Record("note", replace(note, salt=bytes(32))), *records[3:]],
        }[wrong]

    with pytest.raises(InvalidProofError, match=r"the (records are not|value shown does not)"):
        verify_signed_entry(entry, records, [DOMAIN])


@pytest.mark.parametrize(
    "fields",
    [
        [("note", "a"), ("note", "b")],
        [("parcels", 1)],
        [(SIGNATURE_NAME, VALUE.as_json())],
        [(SIGNER_NAME, signer_value(address(BUYER)))],
    ],
    ids=lambda fields: fields[0][0],
)
def test_a_field_that_stands_twice_is_refused(fields: list[tuple[str, Any]]) -> None:
    """Else a reader could not tell which of the two the party signed."""
    with pytest.raises(EntryFormatError, match="stands twice"):
        verify_signed_entry(*signed_entry(committed=fields), [DOMAIN])


@pytest.mark.parametrize(
    "made",
    [
        {"value_changes": {"signature": "0x"}},
        {"value_changes": {"more": 1}},
        {"signer_shown": BUYER.address},
        {"signer_shown": address(BUYER).hex()},
        {"signer_shown": [signer_value(address(BUYER))]},
        {"files": (("product_photo", bytes(31)),)},
    ],
    ids=repr,
)
def test_a_committed_value_of_another_form_is_refused(made: dict[str, Any]) -> None:
    with pytest.raises(EntryFormatError):
        verify_signed_entry(*signed_entry(**made), [DOMAIN])


def test_a_salt_that_is_none_is_refused() -> None:
    entry, records = signed_entry()
    note = records[2].disclosure
    assert note is not None
    records[2] = Record("note", replace(note, salt=b""))

    with pytest.raises(LimitError):
        verify_signed_entry(entry, records, [DOMAIN])


@given(KEYS, HASHES, st.data())
def test_any_bit_of_a_committed_signature_matters(key: int, nonce: bytes, data: st.DataObject) -> None:
    account = wallet(key)
    statement = replace(STATEMENT, nonce=nonce, return_id=RETURN_ID)
    signature = bytearray(sign(account, DOMAIN, statement))
    bit = data.draw(st.integers(0, 65 * 8 - 1))
    signature[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SignatureRefusedError):
        verify(statement=statement, signature=bytes(signature), expected_address=address(account))
