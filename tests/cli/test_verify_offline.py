"""`rledger verify` with networking off: a receipt and one block hash are enough, and nothing is even tried."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from tests.core.large import large

NO_SOCKETS = """
import sys

def refuse(event, _arguments):
    if event.startswith("socket."):
        raise OSError(f"networking is off: {event}")

sys.addaudithook(refuse)
from ledger_service.__main__ import main
sys.argv = ["rledger", *sys.argv[1:]]
main()
"""
WAYS = {"no socket can be made": (), "a namespace without networks": ("unshare", "--map-root-user", "--net")}


@pytest.mark.parametrize("way", WAYS)
def test_a_receipt_of_a_large_log_verifies_with_networking_off(way: str, tmp_path: Path) -> None:
    before = WAYS[way]
    if before and not (
        shutil.which(before[0]) and subprocess.run([*before, "true"], capture_output=True).returncode == 0
    ):
        pytest.skip("this machine lets nobody make a network namespace")
    made = large(stated=True)
    receipt, trust = tmp_path / "large.receipt.json", tmp_path / "ledger.trust.json"
    receipt.write_bytes(encode_receipt(made.receipt))
    trust.write_bytes(encode_trust(made.trust))

    def verify(*more: str) -> tuple[int, str]:
        command = [*before, sys.executable, "-c", NO_SOCKETS, "verify", str(receipt), "--trust", str(trust), "--json"]
        ended = subprocess.run(
            [*command, *more], capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, text=True
        )
        assert ended.returncode in (0, 3), ended.stderr
        return ended.returncode, json.loads(ended.stdout)[0]["verdict"]

    assert verify("--block-hash", f"0x{made.block_hash.hex()}") == (0, "valid")
    assert verify() == (3, "inconclusive")


def test_the_way_without_sockets_lets_none_through() -> None:
    asked = "import socket\nsocket.create_connection(('127.0.0.1', 9))"
    code = NO_SOCKETS.partition("from ledger_service")[0] + asked

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "networking is off" in ended.stderr
