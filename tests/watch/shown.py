"""A log of any entries behind a transport, as its operator shows it: honest, or one of several under the same key.

Promises: what it answers is made of its entries alone, so a fork of it is a second one with other entries. Does not:
stand in for the service where the service itself is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.client.asking import Asker, Patience
from ledger_service.core import encoding, merkle
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.export import bundle
from ledger_service.core.receipt import KeyChange, Receipt, encode_receipt
from ledger_service.core.trust import Trust
from ledger_service.watch.case_map import CaseMap
from ledger_service.watch.monitor import Monitor, Round
from ledger_service.watch.seen_log import SeenLog
from tests.client.asking import Hurry

NOT_THERE = 404
Answer = Callable[[httpx.Request], httpx.Response | None]


@dataclass
class ShownLog(httpx.BaseTransport):
    """One view of a log. `answers` are asked first: what they return is sent instead."""

    origin: str
    key: Ed25519PrivateKey
    entries: list[bytes]
    rotations: tuple[int, ...] = ()  # indexes of key entries
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    may_read: bool = True
    anchors: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._leaves: list[bytes] = []
        self._nodes: dict[merkle.Node, bytes] = {}

    @property
    def nodes(self) -> dict[merkle.Node, bytes]:
        """The complete subtrees over the entries."""
        leaves = [merkle.leaf_hash(entry) for entry in self.entries]
        if leaves != self._leaves:
            self._leaves, self._nodes = list(leaves), merkle.complete_nodes(leaves)
        return self._nodes

    def root(self, size: int) -> merkle.RootHash:
        """Return the root over the first entries."""
        return merkle.compute_root(size, [self.nodes[node] for node in merkle.nodes_for_root(size)])

    def head(self, size: int | None = None) -> Checkpoint:
        """Return a head of this view."""
        size = len(self.entries) if size is None else size
        return Checkpoint(self.origin, size, self.root(size))

    def note(self, size: int | None = None) -> bytes:
        """Return a signed head of this view."""
        return sign_checkpoint(self.head(size), self.key)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of an entry."""
        return tuple(merkle.fold_inclusion(index, size, self._hashes(merkle.nodes_for_inclusion(index, size))))

    def consistency(self, older: int, newer: int) -> list[bytes]:
        """Return the consistency proof between two sizes."""
        return merkle.fold_consistency(older, newer, self._hashes(merkle.nodes_for_consistency(older, newer)))

    def fork(self, at: int, entries: Sequence[bytes]) -> ShownLog:
        """Return a view that is the same up to an index, and goes on with other entries."""
        return ShownLog(self.origin, self.key, [*self.entries[:at], *entries], self.rotations)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append(request.url.path)
        for answer in self.answers:
            if (found := answer(request)) is not None:
                return found
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, request.url.params
        if path == "/checkpoint":
            return httpx.Response(200, content=self.note())
        if path == "/v1/proofs/consistency":
            older, newer = int(query["from"]), int(query["to"])
            if not older <= newer <= len(self.entries):
                return httpx.Response(NOT_THERE)
            return _json(
                kind="consistency",
                sizes=[older, newer],
                roots=[self.root(older).hex(), self.root(newer).hex()],
                hashes=[one.hex() for one in self.consistency(older, newer)],
            )
        if path == "/v1/anchors":
            return _json(items=self.anchors, next=None)
        if path == "/v1/entries/0/receipt":
            return httpx.Response(200, content=encode_receipt(self._genesis()))
        if path.startswith("/tile/entries/"):
            return self._bundle(path.removeprefix("/tile/entries/"))
        if path.startswith("/tile/"):
            level, _, place = path.removeprefix("/tile/").partition("/")
            return self._tile(int(level), place)
        return httpx.Response(NOT_THERE)

    def _genesis(self) -> Receipt:
        size = len(self.entries)
        changes = [KeyChange(self.entries[at], at, self.inclusion(at, size)) for at in self.rotations if at < size]
        return Receipt(self.entries[0], 0, (), self.inclusion(0, size), self.note(), key_changes=tuple(changes))

    def _tile(self, level: int, place: str) -> httpx.Response:
        first, width = _span(place)
        if first + width > len(self.entries) >> (8 * level):
            return httpx.Response(NOT_THERE)
        return httpx.Response(200, content=b"".join(self.nodes[8 * level, first + at] for at in range(width)))

    def _bundle(self, place: str) -> httpx.Response:
        first, width = _span(place)
        if not self.may_read or first + width > len(self.entries):
            return httpx.Response(NOT_THERE)
        return httpx.Response(200, content=bundle(self.entries[first : first + width]))

    def _hashes(self, wanted: Sequence[merkle.Node]) -> list[bytes]:
        return [self.nodes[node] for node in wanted]


def _span(place: str) -> tuple[int, int]:
    number, partial, width = place.partition(".p/")
    return int(number.replace("x", "").replace("/", "")) * 256, int(width) if partial else 256


def _json(**members: Any) -> httpx.Response:
    return httpx.Response(200, content=encoding.encode(members))


def asker_of(transport: httpx.BaseTransport, patience: Patience | None = None) -> Asker:
    """Return who asks a log in no time."""
    return Asker("https://log.test", None, transport=transport, patience=patience or Hurry().patience(1.0))


def watch(
    log: httpx.BaseTransport, trust: Trust, folder: Any, *, reads: bool = False, rpcs: Sequence[str] = ()
) -> Round:
    """Start a monitor over its folder, make one round, and end it."""
    seen = SeenLog(folder, trust)
    with ExitStack() as stack:
        cases = None
        if reads:
            cases = stack.enter_context(closing(CaseMap(folder, origin=trust.origin, genesis=trust.genesis)))
        return Monitor(asker_of(log), trust, seen, evidence=folder / "evidence", cases=cases).run(rpcs)
