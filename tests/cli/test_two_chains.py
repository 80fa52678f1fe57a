"""A log on two chains, the demonstration chain and a real local node: the same heads on both, and receipts of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import open_node
from tests.chain.local_nodes import local_node
from tests.cli.program import BUYER, REQUEST, Program, fields


@pytest.mark.node
def test_a_log_on_two_chains_has_the_same_heads_on_both_and_its_receipts_carry_both(
    rledger: Program, tmp_path: Path
) -> None:
    with local_node("anvil", "--slots-in-an-epoch", "1") as url, open_node(url) as node:
        named = f"embedded=embedded:{rledger.home / 'chain'} hardhat_local={url}"
        program = rledger.with_settings(rpc_url=named, confirmations="1")
        done = program.done("deploy", "--chain", "embedded", "--chain", "hardhat_local", "--required", "2", "--json")
        assert [one["chain_id"] for one in done.json()["targets"]] == [EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID]
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(b"\xff\xd8\xff a lamp")
        program.done("record", "request_return", "--as", BUYER, "--fields", fields(tmp_path, REQUEST),
                     "--evidence", f"product_photo={photo}")  # fmt: skip
        for _ in range(4):
            program.done("worker", "--once")
            node.request("evm_mine")
        file = rledger.home / "receipt.json"
        program.done("receipt", "1", "--out", file)
        receipt = json.loads(file.read_text())
        chains = program.done("show", "--json").json()["anchors"]
        trust = json.loads((rledger.home / "ledger.trust.json").read_text())

        assert sorted(one["chain_id"] for one in receipt["anchors"]) == [HARDHAT_CHAIN_ID, EMBEDDED_CHAIN_ID]
        assert receipt["unprotected"]["state"] == "finalized"
        assert [(one["size"], one["state"]) for one in chains] == [(3, "finalized")] * 2
        assert trust["policy"] == {"required": 2}
        asked = ["--rpc", f"embedded:{rledger.home / 'chain'}", "--rpc", url]
        whole = program("verify", str(file), "--trust", str(rledger.home / "ledger.trust.json"), *asked)
        half = program("verify", str(file), "--trust", str(rledger.home / "ledger.trust.json"), *asked[:2])
        assert whole.code == 0, whole.err
        assert half.code == 3, half.out
        assert program.done("audit").code == 0
        checks = {one["name"]: one["outcome"] for one in program("doctor", "--json").json()}
        assert checks["chain embedded"] == checks["chain hardhat_local"] == "pass"


@pytest.mark.node
def test_a_chain_that_has_ended_or_is_silent_keeps_the_other_from_nothing(rledger: Program, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff a lamp")
    embedded = f"embedded=embedded:{rledger.home / 'chain'}"
    with local_node("anvil") as url:
        both = rledger.with_settings(rpc_url=f"{embedded} hardhat_local={url}", confirmations="1")
        both.done("deploy", "--chain", "embedded", "--chain", "hardhat_local")
    request = fields(tmp_path, REQUEST)
    both.done("record", "request_return", "--as", BUYER, "--fields", request, "--evidence", f"product_photo={photo}")

    silent = both("worker", "--once")
    assert silent.code == 3, silent.err
    assert "one target was left: " in silent.err
    states = both.done("show", "--json").json()["anchors"]
    assert [(one["size"], one["state"]) for one in states] == [(3, "finalized")]

    left_out = rledger.with_settings(rpc_url=embedded, confirmations="1")
    told = left_out.done("worker", "--once")
    assert "warning: no node of the chain hardhat_local is named: nothing is anchored there" in told.err
    assert left_out.done("receipt", "1").json()["unprotected"]["state"] == "finalized"
    audited = left_out("audit")
    assert audited.code == 3
    assert "no node of the chain hardhat_local is named" in audited.out
    assert left_out("record", "request_return", "--as", BUYER, "--fields", request, "--evidence",
                    f"product_photo={photo}").code == 0  # fmt: skip
