"""Chains as data: the file that ships is whole, a user's file adds to it, and what is wrong with one is said."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.chains import FORMAT, ChainKind, load_chains, parse_chains
from ledger_service.chain.parameters import (
    DEVELOPMENT_CHAIN_IDS,
    EMBEDDED_CHAIN_ID,
    EMBEDDED_GENESIS_HASH,
    HARDHAT_CHAIN_ID,
)
from ledger_service.errors import FormatError, SettingsError

OWN: dict[str, Any] = {
    "block_seconds": 5,
    "chain_id": 4_242,
    "confirmations": 12,
    "ends": None,
    "explorer": {
        "address": "https://look.example/a/{address}",
        "block": "https://look.example/b/{block}",
        "transaction": "https://look.example/t/{transaction}",
    },
    "genesis": "0x" + "ab" * 32,
    "kind": "main",
    "limit": None,
    "name": "consortium",
}


def written(path: Path, *chains: dict[str, Any], **members: Any) -> Path:
    path.write_text(json.dumps({"format": FORMAT, "chains": list(chains), **members}))
    return path


def test_the_chains_that_ship_are_whole_and_say_what_final_does_not_mean() -> None:
    chains = load_chains()

    assert {chain.kind for chain in chains.all} == set(ChainKind)
    assert chains.named("embedded").genesis == EMBEDDED_GENESIS_HASH
    assert {chain.chain_id for chain in chains.all if not chain.is_public} == DEVELOPMENT_CHAIN_IDS
    assert chains.name_of(HARDHAT_CHAIN_ID) == "hardhat_local"
    assert chains.name_of(99) == "chain-99"
    assert chains.of_id(99) is None
    for chain in chains.all:
        assert chain.genesis is not None or chain.kind is ChainKind.DEVELOPMENT
        assert chain.explorer is not None or not chain.is_public
        assert chain.limit is not None or chain.kind in (ChainKind.MAIN, ChainKind.TESTNET)
        assert chain.ends is not None or chain.kind is not ChainKind.TESTNET


def test_a_file_of_the_users_own_adds_chains_and_replaces_others_by_name(tmp_path: Path) -> None:
    renamed = {**OWN, "name": "sepolia", "chain_id": 11155111, "ends": "it has ended"}
    chains = load_chains(written(tmp_path / "chains.json", OWN, renamed))

    own = chains.named("consortium")
    assert (own.chain_id, own.confirmations, own.genesis) == (4_242, 12, bytes([0xAB]) * 32)
    assert own.explorer is not None
    assert own.explorer.transaction == "https://look.example/t/{transaction}"
    assert chains.named("sepolia").ends == "it has ended"
    assert chains.name_of(1) == "ethereum"
    assert len(chains.all) == len(load_chains().all) + 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "Upper"}, "chains.name"),
        ({"chain_id": 0}, "chains.chain_id"),
        ({"chain_id": EMBEDDED_CHAIN_ID}, "the id 1919706468 stands twice"),
        ({"genesis": "ab" * 32}, "chains.genesis"),
        ({"kind": "sidechain"}, "chains.kind"),
        ({"confirmations": 0}, "chains.confirmations"),
        ({"block_seconds": 1.5}, "1.5 is not an integer"),
        ({"limit": "two\nlines"}, "chains.limit"),
        ({"explorer": {**OWN["explorer"], "block": "https://look.example/b"}}, "a URL with {block} in it"),
        ({"explorer": {**OWN["explorer"], "block": "javascript:{block}"}}, "chains.explorer.block"),
        ({"rpc": "https://me:secret@node.example"}, "'rpc' is unknown"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_chains(written(tmp_path / "chains.json", {**OWN, **changed}))

    assert words in caught.value.message
    assert str(tmp_path / "chains.json") in caught.value.message
    assert "secret" not in caught.value.message


def test_a_name_that_stands_twice_and_another_format_are_refused(tmp_path: Path) -> None:
    for path in (
        written(tmp_path / "twice.json", OWN, {**OWN, "chain_id": 4_243}),
        written(tmp_path / "format.json", OWN, format="return-ledger/chains@v2"),
        tmp_path / "missing.json",
    ):
        with pytest.raises(SettingsError):
            load_chains(path)
    with pytest.raises(SettingsError, match="there is no chain called 'mainnet'; there are: embedded, hardhat_local"):
        load_chains().named("mainnet")


def test_a_chain_without_any_one_member_is_no_chain() -> None:
    whole = json.loads((files("ledger_service.chain") / "data" / "chains.json").read_bytes())
    for name in whole["chains"][0]:
        spoiled = {**whole, "chains": [{k: v for k, v in whole["chains"][0].items() if k != name}]}
        with pytest.raises(FormatError, match=name):
            parse_chains(json.dumps(spoiled).encode())
