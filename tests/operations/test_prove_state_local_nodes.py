"""State proofs that anvil and Hardhat make are carried by receipts, and are enough without any node."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.state_proof import StateProof, read_header
from ledger_service.core.trust import Trust, encode_trust
from ledger_service.core.verify import verify
from tests.chain.local_nodes import local_node
from tests.cli.program import Program
from tests.operations.local_world import Local, founded, stated

pytestmark = pytest.mark.node

CHANGES = 40  # of each part; tests/campaigns/mutate_state_proofs.py changes every byte of these proofs


@pytest.fixture(scope="module", params=["anvil", "hardhat"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Receipt, Trust]:
    """A receipt that was anchored on a local chain, and its trust file; the node is gone when a test sees them."""
    folder = tmp_path_factory.mktemp(request.param)
    with local_node(request.param) as url:
        world = founded(Local(request.param, url), folder / "home", origin=f"returns.example/{request.param}")
        return stated(world, folder)


def state_of(receipt: Receipt) -> StateProof:
    """Return the state proof of the receipt's one anchor."""
    (anchor,) = receipt.anchors
    assert anchor.state is not None
    return anchor.state


def test_a_receipt_with_a_client_s_proof_is_valid_with_one_block_hash_and_no_node(
    made: tuple[Receipt, Trust],
) -> None:
    receipt, trust = made
    known = read_header(state_of(receipt).header).block_hash

    report = verify(encode_receipt(receipt), trust, block_hashes=(known,))

    assert report.verdict is Verdict.VALID, report
    assert receipt.anchors[0].block_hash is None
    assert [check.outcome for check in report.checks if check.name in ("state", "after")] == [Outcome.PASS] * 2
    assert receipt.after is not None
    assert receipt.after.storage is not None  # the earlier anchor is proved in the same state
    assert verify(encode_receipt(receipt), trust).verdict is Verdict.INCONCLUSIVE
    assert verify(encode_receipt(receipt), trust, block_hashes=(bytes(32),)).verdict is Verdict.INCONCLUSIVE


def test_so_says_the_program(made: tuple[Receipt, Trust], tmp_path: Path) -> None:
    receipt, trust = made
    file, pinned = tmp_path / "1.receipt.json", tmp_path / "ledger.trust.json"
    file.write_bytes(encode_receipt(receipt))
    pinned.write_bytes(encode_trust(trust))
    known = "0x" + read_header(state_of(receipt).header).block_hash.hex()

    ended = Program(tmp_path / "nowhere").done("verify", file, "--trust", pinned, "--block-hash", known)

    assert "valid: the entry is in the pinned log" in ended.out


def test_one_byte_of_header_or_node_changed_makes_it_another_block_s_or_nobody_s(made: tuple[Receipt, Trust]) -> None:
    receipt, trust = made
    state, rng = state_of(receipt), random.Random(random.getrandbits(32))
    known = read_header(state.header).block_hash

    for _ in range(CHANGES):
        changes = [
            dataclasses.replace(state, header=_changed(state.header, rng)),
            dataclasses.replace(state, account=_changed_node(state.account, rng)),
            dataclasses.replace(state, storage=_changed_node(state.storage, rng)),
        ]
        for changed in changes:
            anchor = dataclasses.replace(receipt.anchors[0], state=changed)
            data = encode_receipt(dataclasses.replace(receipt, anchors=(anchor,)))
            verdict = verify(data, trust, block_hashes=(known,)).verdict
            # The header of another block is that of no block that anybody knows.
            assert verdict is Verdict.INVALID or (changed is changes[0] and verdict is Verdict.INCONCLUSIVE)


def _changed(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


def _changed_node(nodes: tuple[bytes, ...], rng: random.Random) -> tuple[bytes, ...]:
    at = rng.randrange(len(nodes))
    return (*nodes[:at], _changed(nodes[at], rng), *nodes[at + 1 :])
