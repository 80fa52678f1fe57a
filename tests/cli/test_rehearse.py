"""A rehearsal goes the whole way, says each step, ends as `verify` does, and leaves the ledger that there is alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.chain.local_nodes import ask, local_node
from tests.cli.program import Program, assert_told

STEPS = ("contract deployed at", "genesis entry recorded", "log registered", "recorded: request_return", "receipt made")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of our own for what is thrown away."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_rehearsal_on_the_embedded_chain_ends_valid_and_leaves_nothing(rledger: Program, temporary: Path) -> None:
    ended = rledger.done("deploy", "--rehearse")

    for step in STEPS:
        assert step in ended.err
    assert "valid: the entry is in the pinned log" in ended.out
    assert "rehearsal.invalid/" in ended.out
    assert not rledger.home.exists()
    assert list(temporary.iterdir()) == []


def test_a_rehearsal_changes_nothing_of_the_ledger_of_the_settings(rledger: Program) -> None:
    rledger.done("deploy")
    before = {path: path.read_bytes() for path in rledger.home.rglob("*") if path.is_file()}

    (report,) = rledger.done("deploy", "--rehearse", "--json").json()
    rledger.done("deploy", "--rehearse", "--dry-run")

    assert report["verdict"] == "valid"
    assert {path: path.read_bytes() for path in rledger.home.rglob("*") if path.is_file()} == before


@pytest.mark.node
@pytest.mark.parametrize(
    ("kind", "options"), [("hardhat", []), ("anvil", ["--block-time", "1", "--slots-in-an-epoch", "1"])]
)
def test_a_rehearsal_on_a_local_node_goes_the_same_way(rledger: Program, kind: str, options: list[str]) -> None:
    with local_node(kind, *options) as url:
        ended = rledger.with_settings(rpc_url=url).done("deploy", "--chain", "hardhat_local", "--rehearse")

    for step in STEPS:
        assert step in ended.err
    assert "valid: the entry is in the pinned log" in ended.out
    assert not rledger.home.exists()


@pytest.mark.node
def test_a_rehearsal_that_loses_patience_is_inconclusive(rledger: Program) -> None:
    with local_node("anvil") as url:  # mines for transactions only: its finalized block stays far behind
        ended = rledger.with_settings(rpc_url=url)("deploy", "--rehearse", "--patience", "0")
        height = ask(url, "eth_blockNumber")

    assert ended.code == 3, ended.reported
    assert "not final after 0 s" in ended.err
    assert "inconclusive: nothing contradicts it" in ended.out
    assert int(str(height), 16) == 3  # contract, registration, anchor


def test_a_rehearsal_on_a_node_that_is_not_there_is_inconclusive(rledger: Program) -> None:
    settings = rledger.with_settings(rpc_url="http://127.0.0.1:1")

    assert_told(settings("deploy", "--rehearse"), 3, "cannot be reached")
