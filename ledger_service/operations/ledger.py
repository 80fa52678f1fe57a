"""The opened ledger: what every verb of this package works on.

Promises: nothing here was opened for writing before the boot gate let it (`gate.py`); `writer` is None in a ledger
that was opened to read. Does not: decide anything.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.chain.chains import Chains, load_chains
from ledger_service.chain.deployments import Deployments
from ledger_service.core.checkpoint import VerifierKey
from ledger_service.core.entry import parse_entry
from ledger_service.core.log_entry import GenesisEntry, KeyEntry, Target, TargetEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.trust import PinnedTarget, Trust
from ledger_service.errors import EntryFormatError, LedgerMissingError, SettingsError, StorageFullError, StoreError
from ledger_service.evidence.folder import EvidenceFolder
from ledger_service.operations.case_tallies import Tallies
from ledger_service.operations.dockets import Dockets
from ledger_service.store.case_figures import CaseFiguresStore
from ledger_service.store.cosignatures import Cosignatures
from ledger_service.store.credentials import Credentials
from ledger_service.store.engine import Store
from ledger_service.store.erasure_list import ErasureList
from ledger_service.store.erasures import Erasures
from ledger_service.store.keys import KeyStore
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.read import LedgerReader
from ledger_service.store.requests import Requests
from ledger_service.store.saved_questions import SavedQuestions
from ledger_service.store.staff_sessions import StaffSessions
from ledger_service.store.uploads import Uploads
from ledger_service.store.webhooks import Webhooks
from ledger_service.store.writer import Writer

SPACE_SECONDS = 0.25  # how long a look at the free space counts; what is recorded meanwhile is some megabytes at most

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def format_instant(moment: datetime) -> str:
    """Return RFC 3339 UTC with milliseconds.

    >>> format_instant(datetime(2026, 11, 3, 10, 22, 5, 1999, tzinfo=UTC))
    '2026-11-03T10:22:05.001Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


@dataclass(slots=True)
class Ledger:
    """An opened ledger.

    `confirmations` is the finality rule of the settings (None: each chain's own, from `chains`). `free_bytes_min`: with
    less free space, nothing is recorded. `upload_bytes_max` and `upload_hours`: what one party may have sent that no
    step uses yet, and how long it waits for one. `retention_years`: how long joint facts are kept after the end of a
    case. `webhook_allow_loopback`: for development, webhooks may name this machine. `promise_seconds`: from the
    recording of an entry to the block of its anchor. `deployments`: where it may be recorded how a contract came about.
    """

    origin: str
    store: Store
    read: LedgerReader
    keys: KeyStore
    evidence: EvidenceFolder
    mark: HighWaterMark
    signing_key: Ed25519PrivateKey | None
    evidence_bytes_max: int
    confirmations: int | None
    clock: Clock
    erasure_list: ErasureList
    retention_years: int = 3
    free_bytes_min: int = 0
    writer: Writer | None = None
    webhook_allow_loopback: bool = False
    upload_bytes_max: int = 4 * 1024**3
    upload_hours: int = 72
    promise_seconds: int = 3_600
    chains: Chains = field(default_factory=load_chains)
    deployments: tuple[Deployments, ...] = ()
    dockets: Dockets = field(init=False)
    case_figures: CaseFiguresStore = field(init=False)
    tallies: Tallies = field(init=False)
    credentials: Credentials = field(init=False)
    requests: Requests = field(init=False)
    webhooks: Webhooks = field(init=False)
    uploads: Uploads = field(init=False)
    erasures: Erasures = field(init=False)
    cosignatures: Cosignatures = field(init=False)
    staff_sessions: StaffSessions = field(init=False)
    saved_questions: SavedQuestions = field(init=False)
    _space: tuple[float, int] = field(init=False, default=(float("-inf"), 0), repr=False)  # when and what was free
    _genesis: tuple[GenesisEntry, bytes] | None = field(init=False, default=None, repr=False)
    _added: tuple[int, tuple[Target, ...]] = field(init=False, default=(0, ()), repr=False)  # looked for below; found

    def __post_init__(self) -> None:
        self.dockets = Dockets(self.read, self.keys)
        self.case_figures = CaseFiguresStore(self.store)
        self.tallies = Tallies(self.read, self.keys, self.case_figures)
        self.credentials = Credentials(self.store)
        self.requests = Requests(self.store)
        self.webhooks = Webhooks(self.store)
        self.uploads = Uploads(self.store)
        self.erasures = Erasures(self.store)
        self.staff_sessions = StaffSessions(self.store)
        self.saved_questions = SavedQuestions(self.store)
        self.cosignatures = Cosignatures(self.mark.path.parent / "cosignatures")

    def require_writer(self) -> Writer:
        """Return the writer.

        Raises:
            SettingsError: The ledger was opened to read.
        """
        if self.writer is None:
            raise SettingsError("this ledger was opened to read")
        return self.writer

    def require_space(self) -> None:
        """Return only while there is room to write: a log that dies half way loses what it promised.

        That there is room is believed for a moment; that there is none, never.

        Raises:
            StorageFullError: Less is free than `free_bytes_min` where the mark, or SQLite's file, lies.
        """
        at, free = self._space
        if time.monotonic() - at < SPACE_SECONDS and free >= self.free_bytes_min:
            return
        folders = {self.mark.path.parent, self.store.folder or self.mark.path.parent}
        free, folder = min((shutil.disk_usage(one).free, str(one)) for one in folders)
        if free < self.free_bytes_min:
            raise StorageFullError(
                f"{free} bytes are free in {folder}, at least {self.free_bytes_min} are wanted",
                hint="free space, then go on; reading and verifying work meanwhile",
            )
        self._space = time.monotonic(), free

    def genesis(self) -> tuple[GenesisEntry, bytes]:
        """Return the genesis entry and its leaf hash; read once, since no log has two.

        Raises:
            LedgerMissingError: Nothing was founded here yet.
            FormatError: The row of index 0 is no genesis entry: somebody altered it.
        """
        if self._genesis is not None:
            return self._genesis
        if self.read.size() == 0:
            raise LedgerMissingError(
                f"there is no ledger in {self.store.shown_url} yet", hint="found it with `rledger deploy`"
            )
        encoded = self.read.entry(0).encoded
        entry = parse_entry(encoded)
        if not isinstance(entry, GenesisEntry):  # the writer appends nothing else at index 0
            raise EntryFormatError("entry 0 is no genesis entry", hint="its row was altered: run `rledger audit`")
        self._genesis = entry, leaf_hash(encoded)
        return self._genesis

    def target(self) -> Target:
        """Return the first place where heads are anchored: the one that steps are signed for."""
        return self.genesis()[0].targets[0]

    def targets(self) -> tuple[Target, ...]:
        """Return every place where heads are anchored: those of the genesis entry, then each that was added since.

        While the database is away, those that are known: the trust file can be fetched all the same.
        """
        first, (looked, added) = self.genesis()[0].targets, self._added
        try:
            size = self.read.size()
        except StoreError:
            return first + added
        if size > looked:
            entries = [parse_entry(row.encoded) for row in self.read.target_entries(looked, size)]
            added += tuple(entry.target for entry in entries if isinstance(entry, TargetEntry))
            self._added = size, added
        return first + added

    def confirmations_of(self, target: Target) -> int | None:
        """Return how many blocks on top make a head final at a target; None: what its nodes call `finalized`."""
        chain = self.chains.of_id(target.chain_id)
        return self.confirmations if self.confirmations is not None or chain is None else chain.confirmations

    def checkpoint_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys of this log: those of its genesis, then each that a key entry brought in."""
        keys = list(self.genesis()[0].keys)
        for row in self.read.log_entries():
            entry = parse_entry(row.encoded)
            if isinstance(entry, KeyEntry):
                keys.append(entry.new_key)
        return tuple(keys)

    def trust(self) -> Trust:
        """Return what a verifier should pin: the genesis keys and policy, and all targets."""
        genesis, leaf = self.genesis()
        targets = tuple(
            PinnedTarget(
                name=self.chains.name_of(target.chain_id),
                target=target,
                confirmations=self.confirmations_of(target),
            )
            for target in self.targets()
        )
        return Trust(genesis.origin, genesis.keys, leaf, targets, genesis.required)

    def close(self) -> None:
        """Answer what is queued, then close everything. Safe to call twice."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
        self.mark.close()
        self.keys.close()
        self.store.close()
