"""`rledger deploy` on real local nodes: one address on every chain, several chains at once, nothing sent by a look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.chains import FORMAT
from ledger_service.chain.deploy import common_address
from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES, EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import open_node
from ledger_service.core.registry import format_address
from tests.chain.local_nodes import local_node
from tests.cli.program import BUYER, REQUEST, Program, assert_told, fields

ACCOUNT = DEVELOPMENT_ADDRESSES[0]


def both(rledger: Program, url: str, **more: Any) -> Program:
    """Return the program over the embedded chain and a local node."""
    named = f"embedded=embedded:{rledger.home / 'chain'} hardhat_local={url}"
    return rledger.with_settings(rpc_url=named, **more)


def test_a_look_at_what_is_not_there_yet_makes_nothing(rledger: Program) -> None:
    shown = rledger.done("deploy", "--dry-run")

    assert "a demonstration chain would be made" in shown.out
    assert not rledger.home.exists()
    assert rledger.done("deploy", "--dry-run", "--json").json() == []
    rledger.done("deploy")
    assert "founded already as localhost/return-ledger" in rledger.done("deploy", "--dry-run").out


@pytest.mark.node
def test_a_look_shows_address_and_cost_and_sends_nothing(rledger: Program) -> None:
    with local_node("anvil") as url, open_node(url) as node:
        program = rledger.with_settings(rpc_url=url)
        (plan,) = program.done("deploy", "--chain", "hardhat_local", "--dry-run", "--json").json()

        assert (plan["how"], plan["contract"]) == ("factory", format_address(common_address()))
        assert plan["suffices"] is True
        assert int(plan["cost_wei"]) == int(plan["fee_wei"]) * sum(plan["gas"].values()) > 0
        assert node.nonce(ACCOUNT) == 0
        assert not rledger.home.exists()
        told = program.done("deploy", "--dry-run")
        assert "by the deployment factory" in told.out
        assert "nothing was sent" in told.err


@pytest.mark.node
def test_the_contract_has_one_address_and_is_deployed_once(rledger: Program, tmp_path: Path) -> None:
    with local_node("anvil") as url, open_node(url) as node:
        first = rledger.with_settings(rpc_url=url).done("deploy", "--json").json()
        sent = node.nonce(ACCOUNT)
        other = Program(tmp_path / "other").with_settings(rpc_url=url, origin="other.example/log")
        second = other.done("deploy", "--json").json()

        assert first["contract"] == second["contract"] == "0x" + common_address().hex()
        assert first["log_id"] != second["log_id"]
        assert (sent, node.nonce(ACCOUNT)) == (2, 3)  # contract and log, then a log alone
        (path,) = first["deployment_files"]
        kept = json.loads(Path(path).read_text())
        assert kept["contract"] == format_address(common_address())
        assert kept["salt"] is not None
        receipt = node.tx_receipt(bytes.fromhex(kept["transaction"][2:]))
        assert receipt is not None
        assert kept["block_hash"] == "0x" + receipt.block_hash.hex()
        assert rledger.with_settings(rpc_url=url).done("deploy", "--json").json() == first  # again: nothing changes
        assert node.nonce(ACCOUNT) == 3


@pytest.mark.node
def test_where_there_is_no_factory_the_contract_is_created_plainly(rledger: Program) -> None:
    with local_node("hardhat") as url:
        program = rledger.with_settings(rpc_url=url)
        (plan,) = program.done("deploy", "--dry-run", "--json").json()
        done = program.done("deploy", "--json").json()

        assert plan["how"] == "creation"
        assert done["contract"] == plan["contract"].lower()
        kept = json.loads(Path(done["deployment_files"][0]).read_text())
        assert (kept["salt"], kept["creator"], kept["nonce"]) == (None, format_address(ACCOUNT), 0)


@pytest.mark.node
def test_a_log_on_two_chains_has_the_same_heads_on_both_and_its_receipts_carry_both(
    rledger: Program, tmp_path: Path
) -> None:
    with local_node("anvil", "--slots-in-an-epoch", "1") as url, open_node(url) as node:
        program = both(rledger, url, confirmations="1")
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


def test_what_cannot_be_is_refused_before_anything_is_sent(rledger: Program, tmp_path: Path) -> None:
    assert_told(rledger("deploy", "--chain", "mainnet"), 2, "there is no chain called 'mainnet'", "hint: ")
    assert_told(rledger("deploy", "--required", "2"), 2, "2 of 1 targets cannot be required")
    assert_told(both(rledger, "http://127.0.0.1:1")("deploy", "--chain", "base"), 2, "names 0 nodes of the chain base")


@pytest.mark.node
def test_a_public_chain_wants_a_yes_money_and_an_account_of_its_own(rledger: Program, tmp_path: Path) -> None:
    """A node of this machine, called a public chain by a file of chains."""
    public = {"block_seconds": 1, "chain_id": 4_242, "confirmations": 1, "ends": None, "explorer": None,
              "genesis": None, "kind": "testnet", "limit": None, "name": "ours"}  # fmt: skip
    chains = tmp_path / "chains.json"
    with local_node("anvil", "--chain-id", "4242") as url, open_node(url) as node:
        public["genesis"] = "0x" + node.genesis_hash().hex()
        chains.write_text(json.dumps({"format": FORMAT, "chains": [public]}))
        program = rledger.with_settings(rpc_url=url, chains_file=str(chains))
        assert_told(program("deploy", "--chain", "ours"), 4, "no development chain and no account is set")
        key = "0x" + "17" * 32
        poor = program.with_settings(anchorer_private_key=key)
        assert_told(poor("deploy", "--chain", "ours", "--yes"), 4, "holds 0 wei on ours", "hint: ")
        from ledger_service.chain.account import key_signer

        node.request("anvil_setBalance", [format_address(key_signer(key).address), hex(10**18)])
        refused = poor("deploy", "--chain", "ours")
        assert_told(refused, 4, "nothing was sent: this costs money", "hint: say `--yes`")
        assert format_address(common_address()) in refused.err
        assert node.nonce(key_signer(key).address) == 0
        other = {**public, "genesis": "0x" + "00" * 32}
        chains.write_text(json.dumps({"format": FORMAT, "chains": [other]}))
        assert_told(poor("deploy", "--chain", "ours", "--yes"), 4, "another genesis block than ours")
