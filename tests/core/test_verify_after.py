"""An entry is bounded from both sides: by a seal before it, which quotes an anchor that a chain is shown to hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ledger_service.core.encoding import encode_document
from ledger_service.core.entry import encode_entry
from ledger_service.core.facts import Answer, TargetFacts, Unanswered
from ledger_service.core.receipt import Receipt, encode_receipt, parse_receipt, receipt_members
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.state_proof import StateProof
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, tree_of, verify
from ledger_service.errors import ReceiptFormatError
from tests.core.entries import FIRST, SEAL
from tests.core.large import Large, large
from tests.core.receipts import EMBEDDED, SEPOLIA, held_of

STATED, BARE = large(stated=True), large(stated=False)


def after(changed: Callable[[AfterProof], AfterProof], *, of: Large = STATED) -> Receipt:
    """Return the receipt with another proof of its earlier bound."""
    assert of.receipt.after is not None
    return dataclasses.replace(of.receipt, after=changed(of.receipt.after))


def reported(receipt: Receipt, answers: Sequence[Answer] = (), *, trust: Trust = STATED.trust) -> Report:
    """Verify a receipt with the block hash that is left to know."""
    return verify(encode_receipt(receipt), trust, answers, block_hashes=(STATED.block_hash,))


def said(report: Report) -> list[tuple[Outcome, str]]:
    """Return what the checks of the earlier bound say."""
    return [(check.outcome, check.detail) for check in report.checks if check.name == "after"]


def test_both_bounds_are_told_in_words() -> None:
    report = reported(STATED.receipt)

    assert report.verdict is Verdict.VALID
    assert said(report) == [
        (Outcome.PASS, "the seal at index 999000 quotes head 2000 of block 20999000: by the same state")
    ]
    (time,) = [check.detail for check in report.checks if check.name == "time"]
    assert time == (
        "recorded after 2026-11-03 10:00:00 UTC (block 20999000, or the block just before it)"
        " and no later than 2026-11-03 10:03:20 UTC (block 21000000)"
    )


def replaced(**changed: Any) -> Callable[[AfterProof], AfterProof]:
    """Return a change of these members."""
    return lambda proof: dataclasses.replace(proof, **changed)


WRONG: dict[str, tuple[Callable[[AfterProof], AfterProof], str]] = {
    "no seal": (replaced(seal=encode_entry(FIRST)), "no seal of this log"),
    "a seal of another log": (replaced(seal=encode_entry(dataclasses.replace(SEAL, origin="b.example"))), "no seal of"),
    "a seal that quotes nothing": (replaced(seal=encode_entry(dataclasses.replace(SEAL, after=None))), "no seal of"),
    "a seal after the entry": (replaced(index=STATED.receipt.index), "does not stand before the entry"),
    "a seal elsewhere": (replaced(index=998_999), "root"),
    "an anchor of a log that is not pinned": (replaced(log_id=bytes(32)), "does not pin"),
    "an anchor of another pinned log": (replaced(log_id=EMBEDDED.target.log_id), "another anchor"),
    "another number": (replaced(sequence=1_999), "another anchor"),
    "another size": (replaced(size=990_001), "another anchor"),
    "another root": (replaced(root=bytes(32)), "another anchor"),
    "an earlier time": (replaced(time=1_793_600_000), "another anchor"),
    "an earlier block": (replaced(block_number=20_998_999), "another anchor"),
    "another block before it": (replaced(parent_hash=bytes(32)), "another anchor"),
    "the storage of the newer head": (
        lambda proof: dataclasses.replace(proof, storage=_state().storage),
        "not the hash that its parent names",
    ),
}


def _state() -> StateProof:
    (anchor,) = STATED.receipt.anchors
    assert anchor.state is not None
    return anchor.state


@pytest.mark.parametrize("name", WRONG)
def test_a_bound_that_is_not_shown_makes_the_receipt_invalid(name: str) -> None:
    change, words = WRONG[name]

    report = reported(after(change))

    assert report.verdict is Verdict.INVALID
    ((outcome, detail),) = said(report)
    assert outcome is Outcome.FAIL
    assert words in detail


def test_without_a_storage_proof_a_node_is_asked() -> None:
    bare, pinned = BARE.receipt, BARE.trust.target_of(SEPOLIA.target.log_id)
    assert bare.after is not None
    assert pinned is not None
    asked = questions(encode_receipt(bare), BARE.trust)
    mine = next(one for one in asked if one.sequence == bare.after.sequence)
    held = held_of(bare.after, size=bare.after.size, root=bare.after.root)
    honest = TargetFacts(
        source="node",
        question=mine,
        chain_id=pinned.target.chain_id,
        chain_genesis=pinned.target.chain_genesis,
        final_number=bare.after.block_number,
        code_hash=pinned.target.code_hash,
        commitment=held,
        block_hash=bytes(32),
    )

    (anchor,) = bare.anchors
    newer = next(one for one in asked if one.sequence == anchor.sequence)
    size, root = tree_of(bare)
    own = held_of(anchor, size=size, root=root)
    assert anchor.block_hash is not None
    final = dataclasses.replace(
        honest, question=newer, final_number=anchor.block_number, commitment=own, block_hash=anchor.block_hash
    )

    for answer, outcome in (
        (honest, Outcome.PASS),
        (dataclasses.replace(honest, commitment=bytes(32)), Outcome.FAIL),
        (dataclasses.replace(honest, final_number=9), Outcome.UNKNOWN),
        (Unanswered("node", "no answer", mine), Outcome.UNKNOWN),
    ):
        report = reported(bare, [answer, final])
        assert said(report)[-1][0] is outcome, said(report)
        assert any(check.name == "time" for check in report.checks) is (outcome is Outcome.PASS)
    assert "no node of sepolia said" in said(reported(bare))[-1][1]


def test_a_receipt_without_the_proof_says_that_the_earlier_bound_is_not_known() -> None:
    report = reported(dataclasses.replace(STATED.receipt, after=None))

    assert report.verdict is Verdict.VALID
    assert not said(report)
    assert "not known since when" in report.checks[-1].detail


def test_a_header_that_is_none_fails_as_the_state() -> None:
    (anchor,) = STATED.receipt.anchors
    broken = dataclasses.replace(anchor, state=dataclasses.replace(_state(), header=b"\xc0"))

    report = reported(dataclasses.replace(STATED.receipt, anchors=(broken,)))

    assert "state" in {check.name for check in report.checks if check.outcome is Outcome.FAIL}


def test_an_anchor_has_a_block_hash_or_a_state_and_nodes_are_hex() -> None:
    for name, value in (("block_hash", "0x" + "11" * 32), ("state", None)):
        members = receipt_members(STATED.receipt)
        anchor = members["anchors"][0]  # type: ignore[index]
        anchor[name] = value  # type: ignore[index]
        with pytest.raises(ReceiptFormatError, match="block_hash and state"):
            parse_receipt(encode_document(members))
    members = receipt_members(STATED.receipt)
    members["after"]["storage"][0] = "0xZZ"  # type: ignore[index, call-overload]
    with pytest.raises(ReceiptFormatError, match="lower-case hex"):
        parse_receipt(encode_document(members))
