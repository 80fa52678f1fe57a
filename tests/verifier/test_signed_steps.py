"""Both verifiers say the same of a wallet's signature over a step: who signed, and why one that does not fit fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Actor, Authenticity, CaseEntry, Kind, Role, encode_entry
from ledger_service.core.log_entry import Target
from ledger_service.core.merkle import leaf_hash, node_hash
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME, Domain, signer_value
from ledger_service.core.trust import PinnedTarget, Trust, encode_trust
from tests.core.entries import OLD_KEY
from tests.core.signatures import BUYER, DEADLINE, DOMAIN, ORDER, STRANGER, address, high_s, sign, signed_entry
from tests.core.signatures import STATEMENT as OTHER
from tests.core.test_signing import VALUE
from tests.verifier.first import first
from tests.verifier.second import Given, SecondVerifier

pytestmark = pytest.mark.node

SIGNED = sign(BUYER, DOMAIN, OTHER)
BEFORE = bytes(32)  # the leaf hash of the entry before it


def word(value: int) -> bytes:
    """Return a number of 32 bytes."""
    return value.to_bytes(32, "big")


SIGNATURES = {
    "of another step": SIGNED,
    "v 0": SIGNED[:64] + b"\0",
    "v 29": SIGNED[:64] + b"\x1d",
    "high s": high_s(SIGNED),
    "r 0": bytes(32) + SIGNED[32:],
    "r n": word(ORDER) + SIGNED[32:],
    "s 0": SIGNED[:32] + bytes(32) + SIGNED[64:],
    "s n": SIGNED[:32] + word(ORDER) + SIGNED[64:],
    "r of no point": word(5) + SIGNED[32:],
    "short": SIGNED[:64],
}
WRONG_VALUES: list[dict[str, Any]] = [
    {"chain_id": 0}, {"chain_id": 1}, {"contract": "0x" + "c1" * 20}, {"contract": "0x" + "C0" * 20},
    {"previous": None}, {"previous": "01" * 32}, {"previous": "00" * 32}, {"previous": ""}, {"to_state": None},
    {"to_state": "lost"}, {"to_state": "In transit"}, {"nonce": "00" * 32}, {"nonce": None}, {"deadline": -1},
    {"deadline": DEADLINE + 1}, {"deadline": "1"}, {"more": 1}, *({name: None} for name in VALUE.as_json()),
    *({"signature": "0x" + one.hex()} for one in SIGNATURES.values()),
]  # fmt: skip
MADE: list[dict[str, Any]] = [
    {},
    {"seq": 0, "prev": None, "verb": "request_return", "from_state": None, "to_state": "requested"},
    {"occurred_at": None, "rule": None, "facts": {}, "committed": (), "files": ()},
    {"committed": (("words", "\u202e\u2028é😀"), ("rows", [{"b": 1, "a": None}]))},
    {"kind": Kind.DISPUTE, "to_state": None},
    {"kind": Kind.ATTEMPT, "seq": None, "prev": None},
    {"domain": Domain(DOMAIN.origin, 1, bytes(20))},
    {"signer": STRANGER},
    {"authenticity": Authenticity.PLATFORM_ATTESTED},
    {"recorded_at": "2026-11-03T11:21:00.999Z"},
    {"recorded_at": "2026-11-03T11:21:01.000Z"},
    {"statement_changes": {"nonce": bytes(32)}},
    {"statement_changes": {"deadline": DEADLINE + 1}},
    {"signer_shown": signer_value(address(STRANGER))},
    {"signer_shown": BUYER.address},
    {"signer_shown": [1]},
    {"committed": [("note", "a"), ("note", "b")]},
    {"committed": [("parcels", 1)]},
    {"committed": [(SIGNATURE_NAME, VALUE.as_json())]},
    {"committed": [(SIGNER_NAME, 1)]},
    {"files": (("product_photo", bytes(31)),)},
    *({"value_changes": one} for one in WRONG_VALUES),
]


def receipt(entry: CaseEntry, records: Sequence[Record]) -> bytes:
    """Return the receipt of an entry at index 1 of two, not anchored yet."""
    data = encode_entry(entry)
    note = sign_checkpoint(Checkpoint(entry.origin, 2, node_hash(BEFORE, leaf_hash(data))), OLD_KEY)
    return encode_receipt(Receipt(data, 1, tuple(records), (BEFORE,), note))


def trust() -> bytes:
    """Return a trust file whose one target is the place that the statements name."""
    origin_hash = compute_origin_hash(DOMAIN.origin)
    log_id = compute_log_id(DOMAIN.chain_id, DOMAIN.contract, registrar=bytes(20), origin_hash=origin_hash)
    target = Target(DOMAIN.chain_id, bytes(32), DOMAIN.contract, bytes(32), bytes(20), log_id)
    key = verifier_key(DOMAIN.origin, OLD_KEY)
    return encode_trust(Trust(DOMAIN.origin, (key,), bytes(32), (PinnedTarget("chain", target, None),), 1))


def statements(second: SecondVerifier, made: list[tuple[CaseEntry, Sequence[Record]]]) -> list[str | None]:
    """Return the outcome of the check of each signature, None where nothing is said; both verifiers say the same."""
    files = [(str(place), receipt(entry, records)) for place, (entry, records) in enumerate(made)]
    given = Given(files, trust())

    found = first(given)

    assert second.verify(given) == found
    assert first(replace(given, trust=None)) == second.verify(replace(given, trust=None))
    told = [{check["name"]: check["outcome"] for check in report["checks"]} for report in found.reports]
    return [checks.get("statement") for checks in told]


def test_both_say_the_same_of_every_signature_that_fits_or_does_not(second: SecondVerifier) -> None:
    outcomes = statements(second, [signed_entry(**made) for made in MADE])

    assert [place for place, outcome in enumerate(outcomes) if outcome == "pass"] == [0, 1, 2, 3, 4, 5, 7, 9]
    assert outcomes[8] is None
    assert "fail" in outcomes


def test_both_find_an_entry_that_says_something_else_than_was_signed(second: SecondVerifier) -> None:
    entry, records = signed_entry()
    changes: list[dict[str, Any]] = [
        {"verb": "ship_bacl"}, {"asserted_by": Actor(Role.SELLER, "55" * 16)}, {"occurred_at": None},
        {"return_id": "5b" * 16}, {"rule": None}, {"facts": {}}, {"facts": {"carrier_code": "dhl", "parcels": 2}},
        {"facts": {"carrier_code": "dhl", "parcels": 1, "more": True}},
    ]  # fmt: skip

    assert set(statements(second, [(replace(entry, **one), records) for one in changes])) == {"fail"}


def test_both_say_nothing_where_a_value_is_withheld(second: SecondVerifier) -> None:
    entry, records = signed_entry()
    hidden = [Record(one.name, None) for one in records]
    copies = [[*records[:place], hidden[place], *records[place + 1 :]] for place in range(len(records))]

    assert set(statements(second, [(entry, copy) for copy in copies])) == {None}
