"""`rledger record --to-sign` and `--signed`: a wallet signs a step, and the program never sees its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from tests.cli.conftest import Story
from tests.cli.program import BUYER, REQUEST, Program, assert_told, fields
from tests.core.signatures import BUYER as WALLET
from tests.core.signatures import STRANGER


@pytest.fixture
def unsigned(story: Story, tmp_path: Path) -> tuple[Program, list[str | Path], Path]:
    ledger, photo = story.rledger, story.photo
    asked: list[str | Path] = [
        "record", "request_return", "--as", BUYER, "--fields", fields(tmp_path, REQUEST),
        "--evidence", f"product_photo={photo}",
    ]  # fmt: skip
    path = tmp_path / "statement.json"
    ended = ledger.done(*asked, "--to-sign", path)
    assert "fill in `address` and `signature`" in ended.err
    return ledger, asked, path


def fill(path: Path, wallet: Any = WALLET, **changes: Any) -> Path:
    value = json.loads(path.read_text())
    signature = wallet.sign_message(encode_typed_data(full_message=value["typed_data"])).signature
    value |= {"address": wallet.address, "signature": "0x" + bytes(signature).hex(), **changes}
    path.write_text(json.dumps(value))
    return path


def test_a_step_is_signed_elsewhere_and_recorded_as_signed(unsigned: tuple[Program, list[str | Path], Path]) -> None:
    program, asked, path = unsigned
    before = program.size()
    recorded = program.done(*asked, "--signed", fill(path), "--json").json()
    entry = program.done("show", str(recorded["index"])).json()["entry"]

    assert recorded["index"] == before
    assert entry["authenticity"] == "signed"
    assert [item["name"] for item in entry["commitments"]][-2:] == ["statement:signature", "statement:signer"]
    assert WALLET.address.lower()[2:] not in json.dumps(entry).lower()

    receipt = path.with_name("signed.receipt.json")
    program.done("receipt", str(recorded["index"]), "--out", receipt)
    (report,) = program("verify", receipt, "--trust", program.trust(), "--json").json()
    (statement,) = [check for check in report["checks"] if check["name"] == "statement"]
    assert statement["outcome"] == "pass"
    assert WALLET.address.lower() in statement["detail"]
    program.done("receipt", str(recorded["index"]), "--out", receipt, "--show", "lines")
    (report,) = program("verify", receipt, "--trust", program.trust(), "--json").json()
    assert "statement" not in {check["name"] for check in report["checks"]}


def test_another_wallet_than_the_one_named_is_refused(unsigned: tuple[Program, list[str | Path], Path]) -> None:
    program, asked, path = unsigned
    ended = program(*asked, "--signed", fill(path, STRANGER, address=WALLET.address))

    assert_told(ended, 4, "not by the wallet of this party")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signature": None}, ("signature", "fill in")),
        ({"signature": "0x12"}, ("signature",)),
        ({"address": 7}, ("address",)),
        ({"deadline": "soon"}, ("deadline",)),
        ({"more": 1}, ("more",)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_file_that_was_not_filled_in_is_told(
    unsigned: tuple[Program, list[str | Path], Path], changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    program, asked, path = unsigned
    before = program.size()
    assert_told(program(*asked, "--signed", fill(path, **changes)), 2, "--signed", *words)

    assert program.size() == before


def test_a_file_that_is_not_there_or_no_json_is_told(
    unsigned: tuple[Program, list[str | Path], Path], tmp_path: Path
) -> None:
    program, asked, path = unsigned
    path.write_text("{")
    assert_told(program(*asked, "--signed", path), 2, "--signed", "not JSON")
    assert_told(program(*asked, "--signed", tmp_path / "nowhere.json"), 2, "No such file")


def test_what_a_statement_says_of_a_missing_photo_is_told(
    unsigned: tuple[Program, list[str | Path], Path], tmp_path: Path
) -> None:
    program, asked, _ = unsigned
    ended = program(*asked[:-1], f"product_photo={tmp_path / 'none.png'}", "--to-sign", tmp_path / "s.json")

    assert ended.code != 0
    assert "none.png" in ended.err
