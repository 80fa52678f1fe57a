"""Files of a real ledger, verified by `rledger verify` and by the second verifier, which asks the node itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.facts import answer_from
from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.trust import parse_trust
from ledger_service.core.verify import questions
from ledger_service.errors import NodeUnreachableError
from tests.cli.conftest import Story, no_settings_of_the_machine, tell
from tests.verifier.first import first
from tests.verifier.second import Ask, Given, SecondVerifier

__all__ = ["no_settings_of_the_machine"]  # a fixture for all tests of this module

pytestmark = pytest.mark.node

Made = tuple[Story, list[Path]]
URL = "http://node.example/key"
SHOWN = "http://node.example/…"  # what a report says of it


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A ledger with one return, and every kind of file that it gives out."""
    story = tell(tmp_path_factory.mktemp("ledger"))
    folder, program = story.folder, story.rledger
    package, export, case, scope, redacted, newest = (
        folder / name for name in ("case.zip", "all.ndjson", "case.json", "scope.json", "redacted.json", "newest.json")
    )
    program.done("package", story.return_id, "--out", folder / "early.zip")
    program.done("worker", "--once")
    program.done("package", story.return_id, "--out", package)
    program.done("export", "--out", export, "--final")
    program.done("completeness", story.return_id, "--out", case)
    program.done("completeness", "--scope", "DE-CN", "--out", scope)
    program.done("receipt", "1", "--out", redacted, "--show", "lines")
    program.done("receipt", "3", "--out", newest)
    spoiled = folder / "spoiled.zip"
    spoiled.write_bytes(package.read_bytes().replace(b"What this is", b"what this is"))
    receipts = [story.final, story.young, redacted, newest]
    return story, [*receipts, package, folder / "early.zip", spoiled, export, case, scope, story.trust]


@pytest.fixture(scope="module")
def node(made: Made) -> Iterator[Node]:
    """The node of the ledger's chain."""
    with open_node(made[0].rledger.rpc()) as opened:
        yield opened


def both(made: Made, node: Node, second: SecondVerifier, *, pinned: bool, asked: bool) -> list[dict[str, Any]]:
    """Return the reports of both, which are the same."""
    story, paths = made
    options = [*(["--trust", str(story.trust)] if pinned else []), *(["--rpc", story.rledger.rpc()] if asked else [])]
    ended = story.rledger("verify", *paths, *options, "--evidence", story.photo, "--json")
    told = json.loads(ended.out.replace(story.rledger.rpc(), SHOWN))
    files = [(str(path), path.read_bytes()) for path in paths]
    given = Given(files, story.trust.read_bytes() if pinned else None, evidence=[story_photo(story)])
    said = second.verify_asking(given, [URL] if asked else [], asking(node))

    assert said.reports == told
    return said.reports


def story_photo(story: Story) -> tuple[str, bytes]:
    """Return the photo of the request, offered as evidence."""
    return story.photo.name, story.photo.read_bytes()


def test_both_say_the_same_of_every_file_of_a_ledger_with_its_node(
    made: Made, node: Node, second: SecondVerifier
) -> None:
    reports = both(made, node, second, pinned=True, asked=True)

    verdicts = {Path(report["file"]).name: report["verdict"] for report in reports}
    assert verdicts == {
        "1.receipt.json": "valid",
        "3.receipt.json": "inconclusive",
        "redacted.json": "valid",
        "newest.json": "valid",
        "case.zip": "valid",
        "early.zip": "inconclusive",
        "spoiled.zip": "invalid",
        "all.ndjson": "valid",
        "case.json": "valid",
        "scope.json": "valid",
        "ledger.trust.json": "invalid",
    }


def test_both_say_the_same_with_nobody_to_ask(made: Made, node: Node, second: SecondVerifier) -> None:
    reports = both(made, node, second, pinned=True, asked=False)

    assert "valid" not in {report["verdict"] for report in reports}


def test_both_say_the_same_without_a_trust_file(made: Made, node: Node, second: SecondVerifier) -> None:
    reports = both(made, node, second, pinned=False, asked=False)

    assert "valid" not in {report["verdict"] for report in reports}


@dataclass(slots=True)
class Crooked:
    """A node that answers as another one, but for one method: `core` and `chain` take it as a transport."""

    node: Node
    method: str = ""
    spoil: object = None
    name: str = SHOWN

    def request(self, method: str, params: Sequence[object]) -> object:
        """Return the answer, or what stands in its place; an exception is raised."""
        if method != self.method:
            return self.node.request(method, params)
        if isinstance(self.spoil, Exception):
            raise self.spoil
        return self.spoil

    def close(self) -> None:
        """Nothing is held."""


# A block of another number, and one that lacks a member, are made of what the node answers.
BLOCK = {"number": "0x0", "hash": "0x" + "11" * 32, "parentHash": "0x" + "00" * 32, "timestamp": "0x1"}


@pytest.mark.parametrize(
    ("method", "spoil"),
    [
        ("eth_chainId", "1"),
        ("eth_chainId", "0x01"),
        ("eth_chainId", None),
        ("eth_chainId", 5),
        ("eth_chainId", "0x5"),
        ("eth_chainId", NodeUnreachableError("cannot be reached")),
        ("eth_getBlockByNumber", {}),
        ("eth_getBlockByNumber", None),
        ("eth_getBlockByNumber", "block"),
        ("eth_getBlockByNumber", BLOCK),
        ("eth_getBlockByNumber", {**BLOCK, "hash": "0x11"}),
        ("eth_getBlockByNumber", {**BLOCK, "parentHash": None}),
        ("eth_getBlockByNumber", {**BLOCK, "timestamp": "now"}),
        ("eth_getBlockByNumber", JsonRpcError(-32000, "unknown block")),
        ("eth_getCode", "0x6"),
        ("eth_getCode", "0x"),
        ("eth_getCode", JsonRpcError(-32601, "no such method")),
        ("eth_getStorageAt", "0x00"),
        ("eth_getStorageAt", None),
        ("eth_getStorageAt", "0x" + "00" * 32),
    ],
)
def test_both_say_the_same_where_a_node_answers_crookedly_or_lies(
    made: Made, node: Node, second: SecondVerifier, method: str, spoil: object
) -> None:
    story, _ = made
    receipt, trust = story.final.read_bytes(), story.trust.read_bytes()
    crooked = Crooked(node, method, spoil)
    asked = questions(receipt, parse_trust(trust))
    found = first(Given([("r", receipt)], trust, answer_from(Node(crooked, sleep=lambda _: None), asked)))
    said = second.verify_asking(Given([("r", receipt)], trust), [URL], asking(crooked))

    assert said.reports == found.reports
    lied = spoil in ("0x", "0x" + "00" * 32)  # no code there, no such head: a node may truly say so
    assert said.reports[0]["verdict"] == ("invalid" if lied else "inconclusive")


def asking(node: Node | Crooked) -> Ask:
    """Return a way to ask a node."""

    def ask(_: str, method: str, params: list[Any]) -> object:
        return node.request(method, params)

    return ask
