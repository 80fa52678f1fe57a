"""What no honest file holds: each odd form of a state proof and of what stands around it is refused or left open."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_hash.auto import keccak

from ledger_service.core import encoding, kept_proof, state_proof, verify_after
from ledger_service.core.members import Reader
from ledger_service.core.receipt_state import parse_after
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.report import Outcome
from ledger_service.core.rlp_items import Item, encode_item
from ledger_service.errors import EntryFormatError, InvalidProofError, ReceiptFormatError
from tests.core.states import state_of

HASH = bytes(range(32))


def walk(items: list[Item], key: bytes) -> None:
    """Follow a key through a trie of one node."""
    node = encode_item(items)
    state_proof._walk(keccak(node), key, [node])


def test_a_path_that_ends_in_a_branch_is_refused() -> None:
    with pytest.raises(InvalidProofError, match="ends in a branch"):
        walk([HASH, HASH, *[b""] * 15], b"")


def test_an_extension_without_nibbles_is_refused() -> None:
    with pytest.raises(InvalidProofError, match="without nibbles"):
        walk([b"\x00", HASH], HASH)


def test_a_branch_with_a_value_is_refused() -> None:
    with pytest.raises(InvalidProofError, match="holds a value"):
        walk([HASH, HASH, *[b""] * 14, b"x"], HASH)


def test_kept_slots_are_an_object() -> None:
    data = encoding.encode({"account": [], "header": "0x00", "slots": []})
    with pytest.raises(EntryFormatError, match="object"):
        kept_proof.parse_kept_proof(data)


def test_a_seal_is_the_text_of_an_entry() -> None:
    names = ("block_number", "log_id", "parent_hash", "root", "sequence", "size", "time")
    value: Any = {"anchor": dict.fromkeys(names, 1), "inclusion": [], "index": 1, "seal": 5, "storage": None}
    with pytest.raises(ReceiptFormatError, match="text of an entry"):
        parse_after(Reader(ReceiptFormatError, "receipt").at("after"), value)


def test_a_storage_proof_needs_the_state_that_it_belongs_to() -> None:
    after = cast(Any, SimpleNamespace(storage=(b"x",), log_id=HASH))
    receipt = cast(Any, SimpleNamespace(anchors=()))
    with pytest.raises(InvalidProofError, match="without the state"):
        verify_after._check_storage(after, receipt, cast(Any, None), HASH)


def test_another_chain_and_a_head_that_is_not_final_leave_it_open() -> None:
    target = SimpleNamespace(chain_id=1, chain_genesis=HASH, code_hash=HASH)
    pinned = cast(Any, SimpleNamespace(target=target, name="main"))
    after = cast(Any, SimpleNamespace(block_number=9))
    for chain_id, final in ((2, 10), (1, 8)):
        answer = cast(Any, SimpleNamespace(source="node", chain_id=chain_id, chain_genesis=HASH, final_number=final))
        found = verify_after._check_answer(answer, after, pinned, HASH)
        assert (found.outcome, found.decisive) == (Outcome.UNKNOWN, False)


def test_a_node_whose_contract_holds_another_head_or_other_code_speaks_against_the_bound() -> None:
    target = SimpleNamespace(chain_id=1, chain_genesis=HASH, code_hash=HASH)
    pinned = cast(Any, SimpleNamespace(target=target, name="main"))
    after = cast(Any, SimpleNamespace(index=4, sequence=2, block_number=9))
    other = bytes(32)
    for code_hash, commitment, outcome in (
        (HASH, HASH, Outcome.PASS),
        (HASH, other, Outcome.FAIL),
        (other, HASH, Outcome.FAIL),
    ):
        answer = cast(
            Any,
            SimpleNamespace(
                source="node",
                chain_id=1,
                chain_genesis=HASH,
                final_number=9,
                code_hash=code_hash,
                commitment=commitment,
            ),
        )
        assert verify_after._check_answer(answer, after, pinned, HASH).outcome is outcome


def test_a_time_beyond_all_calendars_is_told_as_it_is() -> None:
    assert verify_after._utc(verify_after._SECONDS_MAX + 1).endswith("seconds after 1970")


def test_a_slot_that_holds_another_commitment_is_found() -> None:
    address, log_id, code_hash = bytes(range(20)), HASH, bytes(range(1, 33))
    slot = compute_commitment_slot(log_id, 3)
    state, _ = state_of(address, slot, bytes(range(2, 34)), code_hash=code_hash, number=120, time=1_793_701_400)
    shown = SimpleNamespace(log_id=log_id, state=state)
    target = SimpleNamespace(contract=address, code_hash=code_hash, log_id=log_id)
    pinned, receipt = cast(Any, SimpleNamespace(target=target)), cast(Any, SimpleNamespace(anchors=(shown,)))
    after = cast(Any, SimpleNamespace(storage=state.storage, log_id=log_id, sequence=3, index=5, block_number=9))

    with pytest.raises(InvalidProofError, match="does not hold the head that the seal quotes"):
        verify_after._check_storage(after, receipt, pinned, HASH)
    assert verify_after._check_storage(after, receipt, pinned, bytes(range(2, 34))).outcome is Outcome.PASS
