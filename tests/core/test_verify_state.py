"""A state proof counts for the pinned contract, code and log alone, with nobody asked and one block hash given."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.receipt import AnchorProof, encode_receipt
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.verify import verify
from ledger_service.core.verify_state import check_state
from tests.campaigns.receipts.judge import planted
from tests.core.receipts import EMBEDDED, SEPOLIA, anchor, head, held_of, receipt
from tests.core.receipts import TRUST as PINNED
from tests.core.states import state_of

TARGET = SEPOLIA.target
SHOWN = anchor(SEPOLIA)
OTHER = bytes([99])


def commitment(shown: AnchorProof = SHOWN) -> bytes:
    """Return what the contract holds of an anchor of the log's head."""
    return held_of(shown, size=head().size, root=head().root)


def stated(**changed: Any) -> tuple[AnchorProof, bytes]:
    """Return the anchor with a state that holds it, and the hash of that state's block; `changed` is what is wrong."""
    given: dict[str, Any] = {
        "contract": TARGET.contract,
        "slot": compute_commitment_slot(TARGET.log_id, SHOWN.sequence),
        "value": commitment(),
        "code_hash": TARGET.code_hash,
        "number": SHOWN.block_number + 5,
        "time": SHOWN.time + 60,
        **changed,
    }
    proof, block_hash = state_of(given.pop("contract"), given.pop("slot"), given.pop("value"), **given)
    return dataclasses.replace(SHOWN, block_hash=None, state=proof), block_hash


def reported(shown: AnchorProof, *known: bytes) -> Report:
    """Verify a receipt on this anchor, with nobody asked, knowing these block hashes."""
    data = encode_receipt(dataclasses.replace(receipt(on=()), anchors=(shown,)))
    return verify(data, PINNED, (), block_hashes=known)


WRONG: dict[str, dict[str, Any]] = {
    "other code": {"code_hash": OTHER * 32},
    "another contract": {"contract": OTHER * 20},
    "the slot of another log": {"slot": compute_commitment_slot(EMBEDDED.target.log_id, SHOWN.sequence)},
    "the slot of another head": {"slot": compute_commitment_slot(TARGET.log_id, SHOWN.sequence + 1)},
    "another commitment": {"value": OTHER * 32},
    "a block before the anchor's": {"number": SHOWN.block_number - 1},
    "a time before the anchor's": {"time": SHOWN.time - 1},
}


def test_one_block_hash_is_all_that_a_final_receipt_needs() -> None:
    shown, block_hash = stated()

    assert reported(shown, block_hash).verdict is Verdict.VALID
    for nothing in ((), (OTHER * 32,)):
        report = reported(shown, *nothing)
        assert report.verdict is Verdict.INCONCLUSIVE
        (missing,) = [check.detail for check in report.checks if check.name == "block"]
        assert f"block {SHOWN.block_number + 5} of sepolia" in missing
        assert f"--block-hash 0x{block_hash.hex()}" in missing


@pytest.mark.parametrize("name", WRONG)
def test_a_state_that_does_not_hold_the_head_is_refused_whatever_block_hash_is_given(name: str) -> None:
    shown, block_hash = stated(**WRONG[name])

    report = reported(shown, block_hash)

    assert report.verdict is Verdict.INVALID
    assert "state" in {check.name for check in report.checks if check.outcome is Outcome.FAIL}


def test_a_receipt_that_names_another_contract_gains_nothing_by_a_state_of_it() -> None:
    shown, block_hash = stated(contract=OTHER * 20)

    report = reported(dataclasses.replace(shown, contract=OTHER * 20), block_hash)

    assert report.verdict is Verdict.INVALID


WEAK: dict[str, tuple[str, str, str]] = {
    "no code hash": ("if account.code_hash != pinned.target.code_hash:", "if False:", "other code"),
    "contract taken from the receipt": (
        "prove_account(header.state_root, pinned.target.contract,",
        "prove_account(header.state_root, anchor.contract,",
        "another contract",
    ),
    "log id not pinned": ("if held != commitment:", "if False:", "another commitment"),
    "age not compared": (
        "if header.number < anchor.block_number or header.time < anchor.time:",
        "if False:",
        "a block before the anchor's",
    ),
}


@pytest.mark.parametrize("name", WEAK)
def test_each_check_that_is_taken_out_is_missed(tmp_path: Path, name: str) -> None:
    check, without, wrong = WEAK[name]
    shown, _ = stated(**WRONG[wrong])
    shown = dataclasses.replace(shown, contract=WRONG[wrong].get("contract", shown.contract))
    package = "state_" + name.replace(" ", "_")
    with planted(tmp_path, package, (("core/verify_state", check, without),)):
        weak: Callable[..., Any] = importlib.import_module(f"{package}.core.verify_state").check_state
        assert weak(shown, commitment(), SEPOLIA).outcome.value == "pass"

    assert check_state(shown, commitment(), SEPOLIA).outcome is Outcome.FAIL
