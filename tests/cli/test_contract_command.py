"""What an owner may do in the contract: each call is shown first, is the owner's alone, and does what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger_service.chain.account import development_signer
from ledger_service.chain.deploy import Envelope, build_anchor_tx, compute_fee_cap, sign_tx
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import open_node
from ledger_service.core.log_entry import GenesisEntry, Target
from ledger_service.core.merkle import (
    complete_nodes,
    compute_root,
    fold_consistency,
    leaf_hash,
    nodes_for_consistency,
    nodes_for_root,
)
from ledger_service.core.registry import format_address
from ledger_service.core.trust import parse_trust
from ledger_service.settings import load_settings
from ledger_service.wiring import open_ledger
from tests.cli.conftest import Story
from tests.cli.program import Program, assert_told

SECOND = format_address(development_signer(1, EMBEDDED_CHAIN_ID).address)
FIRST = format_address(development_signer(0, EMBEDDED_CHAIN_ID).address)
KEYS = {FIRST: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"}
KEYS[SECOND] = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


def by(rledger: Program, address: str) -> Program:
    """Return the program with the key of another development account."""
    return rledger.with_settings(anchorer_private_key=KEYS[address])


def stands(rledger: Program) -> dict[str, object]:
    """Return how the log stands in its contract."""
    shown = rledger.done("contract", "show", "--json").json()
    assert isinstance(shown, dict)
    return shown


def target_of(story: Story) -> Target:
    return parse_trust(story.trust.read_bytes()).targets[0].target


def steal(rledger: Program, target: Target) -> None:
    """Anchor a head with a leaf of junk, as whoever stole the anchoring key can: it extends the last one."""
    with open_ledger(load_settings(home=rledger.home)) as opened, open_node(rledger.rpc(), writable=True) as node:
        size = Registry(node, target.contract).head(target.log_id).size
        leaves = [leaf_hash(opened.ledger.read.entry(index).encoded) for index in range(size)]
        nodes = complete_nodes([*leaves, leaf_hash(b"junk")])
        quote, signer = node.fee_quote(), development_signer(0, EMBEDDED_CHAIN_ID)
        fees = (compute_fee_cap(quote), quote.priority_fee)
        tx = build_anchor_tx(
            Envelope(EMBEDDED_CHAIN_ID, node.nonce(signer.address), 2_000_000, *fees),
            target.contract,
            log_id=target.log_id,
            size=size + 1,
            root=compute_root(size + 1, [nodes[one] for one in nodes_for_root(size + 1)]),
            proof=fold_consistency(size, size + 1, [nodes[one] for one in nodes_for_consistency(size, size + 1)]),
        )
        node.send_raw(sign_tx(signer, tx).raw)
        assert Registry(node, target.contract).head(target.log_id).size == size + 1


@pytest.mark.parametrize(
    ("arguments", "function"),
    [
        (["close", "--last-honest", "1"], "closeLog"),
        (["set-anchorer", SECOND], "setAnchorer"),
        (["set-growth", "7"], "setMaxGrowth"),
        (["transfer", SECOND], "transferOwnership"),
    ],
)
def test_a_dry_run_shows_the_call_and_sends_nothing(story: Story, arguments: list[str], function: str) -> None:
    before = stands(story.rledger)
    with open_node(story.rledger.rpc()) as node:
        height = node.block("latest")

    document = story.rledger.done("contract", *arguments, "--dry-run", "--json").json()
    shown = story.rledger.done("contract", *arguments, "--dry-run").out

    assert (document["function"], document["sent"]) == (function, False)
    for word in (function, FIRST, document["calldata"], document["contract"], "gas", "nothing was sent"):
        assert word in shown
    assert stands(story.rledger) == before
    with open_node(story.rledger.rpc()) as node:
        assert node.block("latest") == height


def test_a_rotated_anchorer_anchors_and_the_old_one_does_not_any_more(story: Story) -> None:
    story.rledger.done("contract", "set-anchorer", SECOND)

    assert stands(story.rledger)["anchorer"] == SECOND
    refused = story.rledger("worker", "--once")
    assert refused.code == 4
    assert f"takes heads from {SECOND}" in refused.err

    by(story.rledger, SECOND).done("worker", "--once")

    assert stands(story.rledger)["head"]["size"] == 5  # type: ignore[index]
    story.rledger.done("receipt", "3", "--out", story.young)
    assert story.rledger("verify", story.young, *story.pinned).code == 0


def test_a_log_goes_to_another_owner_in_two_steps(story: Story) -> None:
    assert_told(by(story.rledger, SECOND)("contract", "accept"), 4, "is offered to nobody")

    story.rledger.done("contract", "transfer", SECOND)
    assert stands(story.rledger)["offered_to"] == SECOND
    assert stands(story.rledger)["owner"] == FIRST
    assert_told(story.rledger("contract", "accept"), 4, f"is offered to {SECOND}")
    by(story.rledger, SECOND).done("contract", "accept")

    assert (stands(story.rledger)["owner"], stands(story.rledger)["offered_to"]) == (SECOND, None)
    assert_told(story.rledger("contract", "set-growth", "9"), 4, f"the log is {SECOND}'s, this account is {FIRST}")
    by(story.rledger, SECOND).done("contract", "set-growth", "9")
    assert stands(story.rledger)["max_growth"] == 9


def test_the_owner_needs_no_database_but_the_trust_file(story: Story, tmp_path: Path) -> None:
    elsewhere = Program(tmp_path / "elsewhere").with_settings(rpc_url=story.rledger.rpc())

    elsewhere.done("contract", "set-growth", "5", "--trust", story.trust)

    assert stands(story.rledger)["max_growth"] == 5
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["set-anchorer", "0x12"], 2, ["40 hexadecimal digits"]),
        (["set-anchorer", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"], 2, ["checksum"]),
        (["set-anchorer", "0x" + "0" * 40], 4, ["LogZeroValue"]),
        (["close", "--last-honest", "9"], 4, ["LogSequenceUnknown"]),
        (["close", "--last-honest", "1", "--successor", "12"], 2, ["a log id is 0x and 64"]),
        (["show", "--chain", "sepolia"], 2, ["the log is not on 'sepolia'", "embedded"]),
    ],
)
def test_what_cannot_be_is_refused_and_sends_nothing(
    story: Story, arguments: list[str], code: int, words: list[str]
) -> None:
    before = stands(story.rledger)

    assert_told(story.rledger("contract", *arguments), code, *words)

    assert stands(story.rledger) == before


def test_after_a_stolen_key_anchored_junk_the_log_is_closed_and_its_successor_quotes_its_last_honest_head(
    story: Story, tmp_path: Path
) -> None:
    """What was final stays valid, and the successor goes on from the last head that was honest."""
    old = story.rledger
    new = Program(tmp_path / "new").with_settings(rpc_url=old.rpc(), origin="next.example")
    steal(old, target_of(story))
    halted = old("worker", "--once")
    assert halted.code == 4
    assert "the chain holds another root at size 4" in halted.err
    assert stands(old)["head"]["sequence"] == 2  # type: ignore[index]

    (planned,) = new.done("deploy", "--dry-run", "--json").json()["chains"]
    founded = new.done("deploy", "--continues", story.final, "--trust", story.trust, "--json").json()
    old.done("contract", "close", "--last-honest", "1", "--successor", founded["log_id"])

    assert planned["log_id"] == founded["log_id"]
    shown = stands(old)
    assert (shown["closed"], shown["last_honest_sequence"], shown["successor"]) == (True, 1, founded["log_id"])
    with open_ledger(load_settings(home=new.home, origin="next.example")) as opened:
        genesis, leaf = opened.ledger.genesis()
        assert leaf == leaf_hash(opened.ledger.read.entry(0).encoded)
    assert isinstance(genesis, GenesisEntry)
    assert genesis.predecessor is not None
    assert genesis.predecessor.log_id == target_of(story).log_id
    assert (genesis.predecessor.sequence, genesis.predecessor.size) == (1, 3)
    assert old("verify", story.final, *story.pinned).code == 0
    assert_told(old("contract", "set-growth", "5"), 4, "LogIsClosed")


def test_a_closed_log_is_anchored_no_more(story: Story) -> None:
    story.rledger.done("contract", "close", "--last-honest", "1")

    stopped = story.rledger("worker", "--once")

    assert stopped.code == 4
    assert "the log is closed in its contract" in stopped.err
    assert story.rledger("verify", story.final, *story.pinned).code == 0


def test_a_successor_quotes_only_what_is_final_and_what_the_owner_named(story: Story, tmp_path: Path) -> None:
    new = Program(tmp_path / "new").with_settings(rpc_url=story.rledger.rpc(), origin="next.example")
    crooked = tmp_path / "crooked.json"
    document = json.loads(story.final.read_text())
    document["anchors"][0]["sequence"] += 1
    crooked.write_text(json.dumps(document, indent=2) + "\n")

    unfinal = new("deploy", "--continues", story.young, "--trust", story.trust)
    spoiled = new("deploy", "--continues", crooked, "--trust", story.trust)
    halved = new("deploy", "--continues", story.final)
    story.rledger.done("contract", "close", "--last-honest", "0")
    contradicted = new("deploy", "--continues", story.final, "--trust", story.trust)

    assert_told(unfinal, 4, "is inconclusive", "policy")
    assert_told(spoiled, 4, "is invalid", "chain")
    assert_told(halved, 2, "go together")
    assert_told(contradicted, 4, "naming head 0 as its last honest one, the receipt rests on head 1")
    assert not new.home.exists()
