"""A whole ledger in a folder: settings, clock, an embedded chain, and the steps that tests record in it.

Promises: everything is real (database, files, contract, chain); only the clock is a test's, and the transport can be
told to fail. `copy_of` gives each test a founded ledger of its own for the price of copying some files.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.embedded_transport import EmbeddedTransport
from ledger_service.chain.facts import answer_from
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node, Transport
from ledger_service.core.entry import Role
from ledger_service.core.fees import FeePolicy
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Report
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, verify
from ledger_service.errors import NodeUnreachableError
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.found import Founded, found
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import Party, Recorded, Step, record
from ledger_service.settings import Settings
from ledger_service.store.schema import upgrade
from ledger_service.wiring import Opened, open_ledger

NOON = datetime(2026, 11, 3, 12, 0, 0, tzinfo=UTC)
BUYER = Party(Role.BUYER, "buyer-58113")
SELLER = Party(Role.SELLER, "seller-0071")
PLATFORM = Party(Role.PLATFORM, "marketplace")
REQUEST_FIELDS: dict[str, Any] = {
    "legal_basis": "non_conformity",
    "lines": [{"line_id": "line-1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}],
    "language": "de",
    "buyer_country": "DE",
    "seller_country": "CN",
}


class Clock:
    """Moves on by a millisecond at each look; a test may move it further."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def seconds(self) -> int:
        """Return the same time for the chain."""
        return int(self.now.timestamp())

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Wire:
    """A transport over the embedded chain that a test can cut, and whose answers it can change.

    `down_at`: from this request on (counted from 1) nobody answers. `after_acting`: the node has acted on that
    request, and only the answer is lost. `answers`: method -> what to make of (params, true answer).
    """

    def __init__(self, inner: Transport) -> None:
        self.name = "wire"
        self.inner = inner
        self.count = 0
        self.sent: list[str] = []
        self.down_at: int | None = None
        self.after_acting = False
        self.answers: dict[str, Callable[[Sequence[object], Callable[[], object]], object]] = {}

    def request(self, method: str, params: Sequence[object]) -> object:
        """Answer one request, or be unreachable."""
        self.count += 1
        down = self.down_at is not None and self.count >= self.down_at
        arrives = not down or (self.after_acting and self.count == self.down_at)
        if arrives and method == "eth_sendRawTransaction":
            self.sent.append(str(params[0]))
        if down:
            if arrives:
                self.inner.request(method, params)
            raise NodeUnreachableError("the wire was cut")
        if method in self.answers:
            return self.answers[method](params, lambda: self.inner.request(method, params))
        return self.inner.request(method, params)

    def heal(self) -> None:
        """Answer again, and count from the beginning."""
        self.count, self.down_at, self.after_acting = 0, None, False

    def close(self) -> None:
        """Close the chain under it."""
        self.inner.close()


@dataclass
class World:
    """One ledger's home and everything around it."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    owner_url: str = ""

    @property
    def home(self) -> Path:
        """Where its files lie."""
        return self.settings.home

    @property
    def database(self) -> Path:
        """SQLite's file."""
        return self.home / "ledger.sqlite3"

    @property
    def signer(self) -> Signer:
        """The account that deploys and anchors."""
        return development_signer(0, EMBEDDED_CHAIN_ID)

    def transport(self, *, writable: bool = True) -> EmbeddedTransport:
        """Open the embedded chain; the caller closes it."""
        return EmbeddedTransport(self.home / "chain", read_only=not writable, clock=self.clock.seconds)

    def node(self, *, writable: bool = True) -> Node:
        """Open a node of the embedded chain; the caller closes it."""
        return Node(self.transport(writable=writable), sleep=lambda _: None)

    @contextmanager
    def wired(self) -> Iterator[tuple[Wire, Node]]:
        """Open a node whose answers the test can change; it does not count as embedded."""
        wire = Wire(self.transport())
        with Node(wire, sleep=lambda _: None) as node:
            yield wire, node

    @contextmanager
    def opened(self, node: Node | None = None, *, write: bool = True, create: bool = False) -> Iterator[Opened]:
        """Open the ledger as the commands do."""
        with open_ledger(self.settings, write=write, create=create, node=node, clock=self.clock) as opened:
            yield opened

    @contextmanager
    def anchoring(self, policy: FeePolicy | None = None) -> Iterator[tuple[Ledger, Node, Anchorer]]:
        """Open chain, ledger and worker, as `rledger worker` does."""
        with self.node() as node, self.opened(node) as opened:
            yield opened.ledger, node, make_anchorer(opened.ledger, [node], self.signer, policy=policy)

    def found(self) -> Founded:
        """Found the ledger."""
        if self.owner_url:
            upgrade(self.owner_url, application_role=self.settings.application_role)
        with self.opened(create=True) as opened, self.node() as node:
            return found(
                opened.ledger,
                node,
                self.signer,
                max_growth=self.settings.max_growth,
                progress_file=opened.places.founding,
                say=lambda _: None,
                sleep=lambda _: None,
            )

    def copy(self, home: Path) -> World:
        """Return this ledger (SQLite, closed) copied into another folder."""
        shutil.copytree(self.home, home)
        world = World(self.settings.model_copy(update={"home": home}))
        world.clock.now = self.clock.now
        return world

    def sql(self, *statements: str, values: Sequence[Any] = ()) -> None:
        """Rewrite the SQLite database as whoever owns the file can: without our triggers."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement, values if "?" in statement else ())
            for _, trigger in triggers:
                connection.execute(trigger)


def photo(folder: Path, content: bytes = b"\x89PNG\r\n\x1a\n a lamp with a crack") -> Path:
    """Return a file that looks like a photo."""
    path = folder / "photo.png"
    path.write_bytes(content)
    return path


def request_step(file: Path, /, **changed: Any) -> Step:
    """Return the step that opens a case."""
    values: dict[str, Any] = {
        "verb": "request_return",
        "asserted_by": BUYER,
        "recorded_by": PLATFORM,
        "fields": REQUEST_FIELDS,
        "evidence": [("product_photo", file)],
    }
    return Step(**(values | changed))


def ask_step(return_id: str, **changed: Any) -> Step:
    """Return the platform's question, the second step of a case; it needs no file."""
    values: dict[str, Any] = {
        "verb": "request_info",
        "asserted_by": PLATFORM,
        "recorded_by": PLATFORM,
        "fields": {"asked_for": ["product_photo"], "reason": "the serial number, please"},
        "return_id": return_id,
    }
    return Step(**(values | changed))


def answer_step(return_id: str, file: Path, /, **changed: Any) -> Step:
    """Return the buyer's answer, which leads back to `requested`."""
    values: dict[str, Any] = {
        "verb": "provide_info",
        "asserted_by": BUYER,
        "recorded_by": PLATFORM,
        "fields": {"comment": "under the foot"},
        "evidence": [("product_photo", file)],
        "return_id": return_id,
    }
    return Step(**(values | changed))


def open_case(ledger: Ledger, folder: Path) -> Recorded:
    """Record a first step."""
    return record(ledger, request_step(photo(folder)))


def open_cases(ledger: Ledger, folder: Path, count: int) -> list[Recorded]:
    """Record that many first steps."""
    return [open_case(ledger, folder) for _ in range(count)]


def check(receipt: Receipt, trust: Trust, node: Node | None) -> Report:
    """Verify a receipt as a stranger would, asking this node."""
    data = encode_receipt(receipt)
    answers = [] if node is None else answer_from(node, questions(data, trust))
    return verify(data, trust, answers)


def registry(ledger: Ledger, node: Node) -> Registry:
    """Return the contract of this ledger."""
    return Registry(node, ledger.target().contract)


def stored_files(world: World) -> list[str]:
    """Return the names of the evidence files that lie in the home."""
    return sorted(path.name for path in (world.home / "files").rglob("*") if path.is_file())
