"""Promises of `deploy` on several chains and on public ones: what it shows first, what it asks for, what it records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from ledger_service.chain.chains import FORMAT
from ledger_service.chain.deploy import common_address
from ledger_service.chain.deployments import Deployments, parse_deployment
from ledger_service.chain.rpc import open_node
from ledger_service.core.registry import format_address
from ledger_service.core.trust import parse_trust
from tests.chain.local_nodes import ask, local_node
from tests.cli.conftest import PHOTO
from tests.cli.program import BUYER, REQUEST, Program, assert_told, fields

KEY = "0x" + "42" * 32  # nobody's: an account of the tests
ADDRESS = Account.from_key(KEY).address
PUBLIC_ID = 4_242


def test_a_dry_run_shows_everything_sends_nothing_and_makes_nothing(rledger: Program) -> None:
    (planned,) = rledger.done("deploy", "--dry-run", "--json").json()["chains"]
    shown = rledger.done("deploy", "--dry-run").out
    assert not rledger.home.exists()

    founded = rledger.done("deploy", "--json").json()

    assert (planned["name"], planned["chain_id"], planned["suffices"]) == ("embedded", 1919706468, True)
    assert planned["contract"].lower() == founded["contract"]
    assert planned["log_id"] == founded["log_id"]
    assert [tx["what"] for tx in planned["transactions"]] == ["create the contract", "register the log"]
    assert sum(int(tx["cost_wei"]) for tx in planned["transactions"]) == int(planned["cost_wei"]) > 0
    for word in (planned["account"], planned["contract"], planned["log_id"], "gas", "balance", "nothing was sent"):
        assert word in shown


def test_a_dry_run_of_what_is_founded_has_nothing_to_send(rledger: Program) -> None:
    first = rledger.done("deploy", "--json").json()
    before = sorted((path, path.stat().st_mtime_ns) for path in (rledger.home / "deployments").iterdir())

    (planned,) = rledger.done("deploy", "--dry-run", "--json").json()["chains"]

    assert planned["transactions"] == []
    assert planned["log_id"] == first["log_id"]
    assert sorted((path, path.stat().st_mtime_ns) for path in (rledger.home / "deployments").iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--chain", "nosuch"], 2, ["there is no chain called 'nosuch'", "embedded"]),
        (["--chain", "embedded", "--chain", "embedded"], 2, ["named twice"]),
        (["--chain", "sepolia"], 4, ["serves chain 1919706468, sepolia is chain 11155111"]),
        (["--required", "2"], 2, ["2 of 1 targets cannot be required"]),
    ],
)
def test_what_cannot_be_meant_is_refused(rledger: Program, arguments: list[str], code: int, words: list[str]) -> None:
    assert_told(rledger("deploy", *arguments), code, *words)


def test_a_chain_without_a_node_is_named(rledger: Program) -> None:
    settings = rledger.with_settings(rpc_url="hardhat_local=http://127.0.0.1:1")

    assert_told(settings("deploy", "--chain", "base"), 2, "no node of the chain base", "base=URL")


def test_a_record_of_another_contract_is_not_overwritten(rledger: Program) -> None:
    path = rledger.home / "deployments" / "1919706468.json"
    rledger.done("deploy")
    crooked = path.read_text().replace("0x5fbdb2315678afecb367f032d93f642f64180aa3", "0x" + "ab" * 20)
    path.write_text(crooked)

    assert_told(rledger("deploy"), 2, "1919706468.json says that the contract is at")

    assert path.read_text() == crooked
    path.write_text(crooked.replace("d0c9591d", "d0c9591e"))
    assert_told(rledger("deploy"), 2, "began with another block")
    path.write_text("{}")
    assert_told(rledger("deploy"), 2, "is missing")


@pytest.fixture(scope="module")
def anvil() -> Iterator[str]:
    """A chain that is no development chain, as far as the program can tell."""
    with local_node("anvil", "--chain-id", str(PUBLIC_ID), "--slots-in-an-epoch", "1") as url:
        yield url


@pytest.fixture
def public(rledger: Program, anvil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program with an account of its own on that chain, standing in something like a checkout."""
    chains = tmp_path / "chains.json"
    chain: dict[str, Any] = {
        "block_seconds": 1, "chain_id": PUBLIC_ID, "confirmations": 2, "ends": "some day", "explorer": None,
        "genesis": None, "kind": "testnet", "limit": None, "name": "pretend",
    }  # fmt: skip
    chains.write_text(json.dumps({"format": FORMAT, "chains": [chain]}))
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "AnchorRegistry.sol").touch()
    monkeypatch.chdir(tmp_path)
    ask(anvil, "anvil_setBalance", [ADDRESS, hex(10**18)])
    return rledger.with_settings(
        chains_file=str(chains),
        rpc_url=f"pretend={anvil}",
        anchorer_private_key=KEY,
        origin=f"t.example/{tmp_path.name}",
    )


@pytest.mark.node
def test_on_a_public_chain_nothing_is_sent_without_yes(public: Program, anvil: str) -> None:
    with open_node(anvil) as node:
        before = node.nonce(bytes.fromhex(ADDRESS[2:]))

    refused = public("deploy")

    assert_told(refused, 2, "pretend is no development chain", "--yes", ADDRESS, "some day", "gas", "it does")
    assert not public.home.exists()
    with open_node(anvil) as node:
        assert node.nonce(bytes.fromhex(ADDRESS[2:])) == before


@pytest.mark.node
def test_a_chain_that_no_file_knows_is_called_by_its_id_and_is_public(public: Program, anvil: str) -> None:
    unknown = Program(
        public.home, {name: value for name, value in public.settings.items() if "CHAINS_FILE" not in name}
    )
    named = unknown.with_settings(rpc_url=f"chain-{PUBLIC_ID}={anvil}")

    assert_told(unknown.with_settings(rpc_url=anvil)("deploy"), 2, "chain-4242 is no development chain", "--yes")
    assert_told(named("deploy"), 2, "chain-4242 is no development chain", "not in the file of chains")
    assert_told(unknown.with_settings(rpc_url=f"chain-7={anvil}")("deploy"), 4, "serves chain 4242, not chain-7")
    named.done("deploy", "--yes")
    assert_told(named("contract", "set-growth", "9", "--chain", "chain-4242"), 2, "--yes is not given")
    named.done("contract", "set-growth", "9", "--yes")
    assert named.done("contract", "show", "--json").json()["max_growth"] == 9


@pytest.mark.node
def test_a_chain_that_began_with_another_block_is_not_founded_on(public: Program, tmp_path: Path) -> None:
    path = tmp_path / "chains.json"
    document = json.loads(path.read_text())
    document["chains"][0]["genesis"] = "0x" + "ab" * 32
    path.write_text(json.dumps(document))

    for command in (["deploy", "--yes"], ["deploy", "--dry-run"], ["deploy", "--rehearse", "--yes"]):
        assert_told(public(*command), 4, "chain 4242 with another genesis block than pretend has")

    assert not public.home.exists()


@pytest.mark.node
def test_an_account_that_cannot_pay_founds_nothing(public: Program, anvil: str) -> None:
    ask(anvil, "anvil_setBalance", [ADDRESS, "0x1"])

    planned = public("deploy", "--dry-run", "--json")
    refused = public("deploy", "--yes")

    assert (planned.code, planned.json()["chains"][0]["suffices"]) == (4, False)
    assert_told(refused, 4, "holds 0.000000000000000001 on chain 4242", "are needed")
    assert not public.home.exists()


@pytest.mark.node
def test_development_keys_found_nothing_on_a_public_chain(public: Program) -> None:
    bare = Program(public.home, {name: value for name, value in public.settings.items() if "PRIVATE_KEY" not in name})
    published = bare.with_settings(
        anchorer_private_key="0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    )

    assert_told(bare("deploy", "--yes"), 4, "no account is set")
    assert_told(published("deploy", "--yes"), 4, "its key is public")


@pytest.mark.node
def test_on_a_public_chain_the_contract_has_its_common_address_and_is_used_again(
    public: Program, tmp_path: Path
) -> None:
    (planned,) = public.done("deploy", "--dry-run", "--json").json()["chains"]
    first = public.done("deploy", "--yes", "--json").json()
    second_ledger = Program(tmp_path / "second", {**public.settings, "LEDGER_ORIGIN": f"other.example/{tmp_path.name}"})
    (replanned,) = second_ledger.done("deploy", "--dry-run", "--json").json()["chains"]
    second = second_ledger.done("deploy", "--yes", "--json").json()

    record = parse_deployment((tmp_path / "contracts" / "deployments" / f"{PUBLIC_ID}.json").read_bytes())
    assert planned["contract"] == format_address(common_address())
    assert first["contract"] == second["contract"] == planned["contract"].lower()
    assert [tx["what"] for tx in replanned["transactions"]] == ["register the log"]
    assert first["log_id"] == planned["log_id"] != second["log_id"]
    assert (record.contract, record.salt is None, record.nonce) == (common_address(), False, None)
    assert Deployments(tmp_path / "contracts" / "deployments").of(PUBLIC_ID, record.chain_genesis) == record
    assert not (public.home / "deployments").exists()


@pytest.mark.node
def test_a_ledger_is_founded_on_two_chains_at_once_and_again_changes_nothing(
    rledger: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with local_node("anvil") as url:
        both = rledger.with_settings(rpc_url=f"hardhat_local={url}")
        chains = ["--chain", "embedded", "--chain", "hardhat_local", "--required", "2"]
        planned = both.done("deploy", *chains, "--dry-run", "--json").json()["chains"]

        first = both.done("deploy", *chains, "--json").json()
        again = both.done("deploy", *chains, "--json").json()
        request = fields(tmp_path, REQUEST, "request.json")
        photo = tmp_path / "photo.png"
        photo.write_bytes(PHOTO)
        both.done(
            "record", "request_return", "--as", BUYER, "--fields", request, "--evidence", f"product_photo={photo}"
        )
        both.done("worker", "--once")
        ask(url, "anvil_mine", [hex(100)])
        both.done("worker", "--once")
        receipt = tmp_path / "1.receipt.json"
        both.done("receipt", "1", "--out", receipt)
        one = both("verify", receipt, "--trust", both.trust(), "--rpc", both.rpc())
        two = both("verify", receipt, "--trust", both.trust(), "--rpc", both.rpc(), "--rpc", url)

    trust = parse_trust(both.trust().read_bytes())
    assert first == again
    assert [target["log_id"] for target in first["targets"]] == [chain["log_id"] for chain in planned]
    assert [pinned.name for pinned in trust.targets] == ["embedded", "hardhat_local"]
    assert trust.required == 2
    assert trust.targets[1].target.contract == common_address()  # anvil has the factory
    assert one.code == 3, one.reported
    assert two.code == 0, two.reported
