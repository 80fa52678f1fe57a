"""Both ways to another chain, walked as the README has them: a target is added, or a successor is founded."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from ledger_service.core.trust import parse_trust
from tests.chain.local_nodes import ask, local_node
from tests.cli.conftest import PAPER, PHOTO
from tests.cli.program import APPROVAL, BUYER, REQUEST, SELLER, Program, assert_told, fields

pytestmark = pytest.mark.node
WAIT_SECONDS_MAX = 60
OLD = "hardhat_local"  # the chain that ends; the embedded one is the chain that follows


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded in the checkout of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


def request(rledger: Program, folder: Path) -> str:
    """Record the beginning of a return, and return its id."""
    photo = folder / "photo.png"
    photo.write_bytes(PHOTO)
    given = fields(folder, REQUEST, "request.json")
    arguments: list[str | Path] = ["--as", BUYER, "--fields", given, "--evidence", f"product_photo={photo}", "--json"]
    return str(rledger.done("record", "request_return", *arguments).json()["return_id"])


def approve(rledger: Program, folder: Path, return_id: str) -> int:
    """Record the answer of the seller, and return its index."""
    paper = folder / "rma.pdf"
    paper.write_bytes(PAPER)
    given = fields(folder, APPROVAL, "approval.json")
    arguments: list[str | Path] = [
        "--as",
        SELLER,
        "--return",
        return_id,
        "--fields",
        given,
        "--evidence",
        f"rma_document={paper}",
    ]
    return int(rledger.done("record", "approve_return", *arguments, "--json").json()["index"])


def anchor(rledger: Program, url: str) -> None:
    """Anchor what there is, and let it become final on both chains."""
    rledger.done("worker", "--once")
    ask(url, "anvil_mine", ["0x8"])
    rledger.done("worker", "--once")


def receipt(rledger: Program, index: int, path: Path, *options: str) -> Path:
    """Write the receipt of an entry."""
    rledger.done("receipt", str(index), "--out", path, *options)
    return path


def test_a_target_is_added_before_the_old_chain_ends(rledger: Program, tmp_path: Path) -> None:
    old_trust, on_old, on_new = tmp_path / "old.trust.json", tmp_path / "1.receipt.json", tmp_path / "1b.receipt.json"
    with local_node("anvil", "--slots-in-an-epoch", "1") as url:
        program = rledger.with_settings(rpc_url=f"{OLD}={url}", anchor_interval_seconds="1")
        program.done("deploy", "--chain", OLD)
        old_trust.write_bytes(program.trust().read_bytes())
        return_id = request(program, tmp_path)
        anchor(program, url)
        receipt(program, 1, on_old)
        (planned,) = program.done("deploy", "--add-target", "--chain", "embedded", "--dry-run", "--json").json()[
            "chains"
        ]

        added = program.done("deploy", "--add-target", "--chain", "embedded", "--json").json()
        again = program.done("deploy", "--add-target", "--chain", "embedded", "--json").json()
        anchor(program, url)

        assert planned["log_id"] == added["log_id"] == again["log_id"]
        assert [one.name for one in parse_trust(program.trust().read_bytes()).targets] == [OLD, "embedded"]
        for made in (on_old, receipt(program, 1, tmp_path / "again.receipt.json")):
            for trust in (old_trust, program.trust()):
                program.done("verify", made, "--trust", trust, "--rpc", url)
        receipt(program, 1, on_new, "--chain", "embedded")
        program.done("verify", on_new, "--trust", program.trust(), "--rpc", program.rpc())
        program.done("audit")
        assert_told(program("receipt", "1", "--chain", "sepolia"), 2, "the log is not on 'sepolia'")
    index = approve(program, tmp_path, return_id)  # the old chain has ended; the ledger goes on

    with program.start("worker") as worker:
        state = ""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while state != "finalized" and time.monotonic() < end:
            state = program.done("receipt", str(index)).json()["unprotected"]["state"]
        worker.send_signal(signal.SIGINT)
        _, talk = worker.communicate(timeout=60)

    assert state == "finalized", talk.decode()
    last = receipt(program, index, tmp_path / "last.receipt.json")
    for made in (on_new, last):
        program.done("verify", made, "--trust", program.trust(), "--rpc", program.rpc())
    assert program("verify", last, "--trust", old_trust, "--rpc", program.rpc()).code == 1


def test_a_successor_is_founded_on_another_chain(rledger: Program, tmp_path: Path) -> None:
    with local_node("anvil", "--slots-in-an-epoch", "1") as url:
        old = rledger.with_settings(rpc_url=f"{OLD}={url}")
        old.done("deploy", "--chain", OLD)
        request(old, tmp_path)
        anchor(old, url)
        made = receipt(old, 1, tmp_path / "1.receipt.json")
        new = Program(tmp_path / "next").with_settings(rpc_url=f"{OLD}={url}", origin="next.example/eu")

        continued: list[str | Path] = [
            "deploy",
            "--chain",
            "embedded",
            "--continues",
            made,
            "--trust",
            old.trust(),
            "--json",
        ]
        founded = new.done(*continued).json()
        old.done("contract", "close", "--last-honest", "1", "--successor", founded["log_id"])

        shown = old.done("contract", "show", "--json").json()
        assert (shown["closed"], shown["successor"]) == (True, founded["log_id"])
        old.done("verify", made, "--trust", old.trust(), "--rpc", url)
    request(new, tmp_path)
    new.done("worker", "--once")
    ours = receipt(new, 1, tmp_path / "new.receipt.json")
    new.done("verify", ours, "--trust", new.trust(), "--rpc", new.rpc())


@pytest.mark.parametrize("wrong", [[], ["--chain", "a", "--chain", "b"], ["--chain", "a", "--rehearse"]])
def test_a_target_is_added_with_one_chain_and_nothing_else(rledger: Program, wrong: list[str]) -> None:
    assert_told(rledger("deploy", "--add-target", *wrong), 2, "--add-target stands with one --chain")
