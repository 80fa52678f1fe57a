"""Open a ledger from the settings: the one place that puts the parts together.

Promises: what writes goes through the boot gate first; the folder and every key file are for their owner alone.
Does not: hold any rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.chain.account import Signer, development_signer, key_signer
from ledger_service.chain.chains import load_chains
from ledger_service.chain.deployments import recorded_at
from ledger_service.chain.keystore import keystore_signer
from ledger_service.chain.parameters import DEVELOPMENT_CHAIN_IDS
from ledger_service.chain.registry import Registry
from ledger_service.chain.remote_signer import RemoteSigner
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.log_entry import Target
from ledger_service.errors import (
    AccountError,
    ChainError,
    LedgerError,
    MissingMarkError,
    SettingsError,
    StoreError,
)
from ledger_service.evidence.folder import EvidenceFolder
from ledger_service.operations.erase_again import destroy_keys_again, erase_again
from ledger_service.operations.gate import Gate, check_gate
from ledger_service.operations.key_files import load_signing_key as load_signing_key
from ledger_service.operations.key_files import read_secret, replace_durably, translated
from ledger_service.operations.ledger import Clock, Ledger, system_clock
from ledger_service.operations.lift import restrict_again
from ledger_service.operations.rotate import change_key
from ledger_service.operations.seal import make_seal
from ledger_service.settings import Settings
from ledger_service.store.drafts import Appended
from ledger_service.store.engine import open_store
from ledger_service.store.erasure_list import ErasureList
from ledger_service.store.keys import KeyStore
from ledger_service.store.ledger import LogWriter
from ledger_service.store.log_by_load import MUCH
from ledger_service.store.log_process import Command, WriterApart
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.read import LedgerReader
from ledger_service.store.rules import Rules
from ledger_service.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie in the home folder. Keys and the mark stay outside every backup of the database."""

    home: Path

    @property
    def signing_key(self) -> Path:
        """The key that signs checkpoints."""
        return self.home / "secrets" / "checkpoint.key"

    @property
    def next_signing_key(self) -> Path:
        """The key that is about to take its place."""
        return self.signing_key.with_name("checkpoint.key.next")

    @property
    def subject_keys(self) -> Path:
        """The keys under which values are encrypted."""
        return self.home / "secrets" / "subjects.sqlite3"

    @property
    def mark(self) -> Path:
        """The high-water mark."""
        return self.home / "high-water.mark"

    @property
    def erasures(self) -> Path:
        """The erasure list: what must not come back. Beside the mark, since a copy of `secrets/` may be restored."""
        return self.home / "erasures.list"

    @property
    def evidence(self) -> Path:
        """The evidence files."""
        return self.home / "files"

    @property
    def founding(self) -> Path:
        """Signed transactions of a founding that is under way."""
        return self.home / "founding.json"


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened ledger, and what the boot gate said (None: it was not asked)."""

    ledger: Ledger
    gate: Gate | None
    places: Places


@contextmanager
def open_ledger(
    settings: Settings,
    *,
    write: bool = False,
    create: bool = False,
    node: Node | None = None,
    clock: Clock = system_clock,
    look_only: bool = False,
    apart: Command | None = None,
) -> Iterator[Opened]:
    """Open the ledger of these settings and close it afterwards.

    Args:
        settings: The settings.
        write: Open the writer too; the boot gate is asked first.
        create: Make folders, keys and a SQLite schema that are not there yet.
        node: A node of the anchoring chain that the caller has open already.
        clock: The time now.
        look_only: Change nothing at all, for an audit: a key that an old copy brought back is reported, not destroyed.
        apart: Lets a process of its own append; the command line of one that does (`log_process.py`).

    Raises:
        GateClosedError: It must not write.
        StoreError, SettingsError: It cannot be opened.
    """
    places = Places(settings.home.absolute())
    if create:
        _make_folders(places)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings.database, create=create, unguarded=not write))
        read = LedgerReader(store)
        mark = stack.enter_context(HighWaterMark(places.mark))
        _prepare_mark(read, mark, places, create=create)
        ledger = Ledger(
            origin=settings.origin,
            store=store,
            read=read,
            keys=stack.enter_context(KeyStore.open(places.subject_keys)),
            evidence=EvidenceFolder(places.evidence),
            mark=mark,
            signing_key=None,
            evidence_bytes_max=settings.evidence_bytes_max,
            confirmations=settings.confirmations,
            clock=clock,
            erasure_list=ErasureList(places.erasures),
            retention_years=settings.retention_years,
            free_bytes_min=settings.disk_free_bytes_min,
            webhook_allow_loopback=settings.webhook_allow_loopback,
            upload_bytes_max=settings.upload_bytes_max,
            upload_hours=settings.upload_hours,
            promise_seconds=settings.anchor_promise_seconds,
            chains=load_chains(settings.chains_file),
            deployments=recorded_at(places.home, Path.cwd()),
        )
        stack.callback(ledger.close)  # before the parts: what is queued is answered first
        _adopt_genesis(ledger, settings, write=write)
        gate = None
        if write:
            erase_again(ledger)  # before the gate: what came back goes, whether or not the ledger may write
            restrict_again(ledger)
        elif not look_only:
            destroy_keys_again(ledger)
        if write:
            ledger.require_space()
            ledger.signing_key = _load_own_key(ledger, places, create=create)
            gate = _ask_gate(ledger, settings, node)
            ledger.writer = _open_writer(ledger, settings, apart)
        yield Opened(ledger, gate, places)


def reachable(ledger: Ledger, settings: Settings) -> tuple[Target, ...]:
    """Return the targets whose chain the settings name a node of: of a chain that has ended, none needs to be.

    Where they name a node of no target at all, every target is returned: whoever opens one is told.
    """
    found = tuple(one for one in ledger.targets() if settings.rpcs_of(ledger.chains.name_of(one.chain_id)))
    return found or ledger.targets()


@contextmanager
def open_nodes(settings: Settings, chain_id: int, *, writable: bool = False) -> Iterator[list[Node]]:
    """Open the nodes of one chain, and close them afterwards.

    Raises:
        SettingsError: None is named for it, or fewer than must agree.
        ChainError: One cannot be opened.
    """
    name = load_chains(settings.chains_file).name_of(chain_id)
    urls = settings.rpcs_of(name)
    if len(urls) < settings.rpc_quorum or not urls:
        raise SettingsError(
            f"LEDGER_RPC_URL names {len(urls)} nodes of the chain {name}, {settings.rpc_quorum} must agree",
            hint=f"add {name}=URL to LEDGER_RPC_URL, or correct LEDGER_RPC_QUORUM",
        )
    with ExitStack() as stack:
        yield [stack.enter_context(open_node(url, writable=writable)) for url in urls]


def load_signer(settings: Settings, chain_id: int) -> Signer:
    """Return the account that deploys and anchors: the one source of a key that the settings name, or, on development
    chains where none is named, a public development key.

    Raises:
        AccountError: None is named on any other chain, or it cannot be opened.
        SettingsError: Two are named, or half of one.
    """
    key, url = settings.anchorer_private_key.get_secret_value(), settings.signer_url.get_secret_value()
    named = {
        "LEDGER_ANCHORER_KEYSTORE": settings.anchorer_keystore is not None,
        "LEDGER_ANCHORER_PRIVATE_KEY": bool(key),
        "LEDGER_SIGNER_URL": bool(url),
    }
    if sum(named.values()) > 1:
        both = " and ".join(name for name, there in named.items() if there)
        raise SettingsError(f"{both} are set", hint="name one source of the anchoring account's key")
    if settings.anchorer_keystore is not None:
        if settings.anchorer_password_file is None:
            raise SettingsError("LEDGER_ANCHORER_KEYSTORE is set without LEDGER_ANCHORER_PASSWORD_FILE")
        password = read_secret(settings.anchorer_password_file).decode(errors="replace").rstrip("\r\n")
        return keystore_signer(settings.anchorer_keystore, password)
    if key:
        return key_signer(key)
    if url:
        if not settings.signer_address:
            raise SettingsError("LEDGER_SIGNER_URL is set without LEDGER_SIGNER_ADDRESS")
        return RemoteSigner(url, bytes.fromhex(settings.signer_address[2:]))
    if chain_id not in DEVELOPMENT_CHAIN_IDS:
        raise AccountError(
            f"chain {chain_id} is no development chain and no account is set",
            hint="set LEDGER_ANCHORER_KEYSTORE and LEDGER_ANCHORER_PASSWORD_FILE, or LEDGER_SIGNER_URL",
        )
    return development_signer(0, chain_id)


def rotate_key(opened: Opened) -> Appended:
    """Change the checkpoint key of a ledger that was opened to write, and that nobody else writes.

    The process may die between any two lines: until the entry stands, the old key is the log's; from then on the new
    one is, and opening the ledger puts its file in place.

    Raises:
        LedgerError: As `change_key`; run it again.
    """
    places = opened.places
    new_key = load_signing_key(places.next_signing_key, create=True)  # durable before anything names it
    appended = change_key(opened.ledger, new_key)
    replace_durably(places.next_signing_key, places.signing_key)
    return appended


def _load_own_key(ledger: Ledger, places: Places, *, create: bool) -> Ed25519PrivateKey:
    """Return the key that the log names as its newest; a new ledger gets a new one.

    Raises:
        SettingsError: The file is missing, or holds another key: what it signed would be evidence against the log.
    """
    if ledger.read.size() == 0:
        return load_signing_key(places.signing_key, create=create)
    newest = ledger.checkpoint_keys()[-1]
    if places.next_signing_key.exists():
        found = load_signing_key(places.next_signing_key)
        if verifier_key(ledger.origin, found) == newest:  # a change of key died after its entry stood
            replace_durably(places.next_signing_key, places.signing_key)
    found = load_signing_key(places.signing_key)
    if verifier_key(ledger.origin, found) != newest:
        raise SettingsError(
            f"{places.signing_key} is not the checkpoint key of {ledger.origin}",
            hint=f"restore the key {newest.encode()}",
        )
    return found


def _make_folders(places: Places) -> None:
    with translated(places.home):
        places.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        places.signing_key.parent.mkdir(mode=0o700, exist_ok=True)


def _prepare_mark(read: LedgerReader, mark: HighWaterMark, places: Places, *, create: bool) -> None:
    """Make the mark of a ledger that is about to be founded: before its keys, so that keys without a mark tell.

    Raises:
        MissingMarkError: This home held a ledger, whose database and mark are gone.
        StoreError: The key store is missing: opened anew, it would show every value as erased.
    """
    if places.subject_keys.exists():
        if create and read.size() == 0 and mark.read() is None:
            raise MissingMarkError(
                f"the database is empty and the high-water mark is gone, but {places.home} holds the keys of a ledger",
                hint="bring its database back, or found another ledger in another home: one key must not sign two logs",
            )
        return
    if read.size() > 0 or not create:
        founded = "restore it from its own copy" if read.size() else "found the ledger with `rledger deploy`"
        raise StoreError(f"there is no key store at {places.subject_keys}", hint=founded)
    if mark.read() is None:
        mark.create()


def _adopt_genesis(ledger: Ledger, settings: Settings, *, write: bool) -> None:
    """A founded ledger is called what its genesis says; settings that say otherwise are a mistake."""
    head = ledger.read.head()
    if head is None:
        return
    try:
        genesis, _ = ledger.genesis()
    except LedgerError:
        if write:
            raise
        with suppress(LedgerError):  # an audit must be able to look at it
            ledger.origin = parse_checkpoint(head.note)[0].origin
        return
    if settings.origin != genesis.origin and "origin" in settings.model_fields_set:
        raise SettingsError(
            f"LEDGER_ORIGIN is {settings.origin}, this ledger was founded as {genesis.origin}",
            hint="correct the setting; a log cannot be renamed",
        )
    ledger.origin = genesis.origin


def _ask_gate(ledger: Ledger, settings: Settings, node: Node | None) -> Gate:
    if ledger.read.size() == 0:
        return check_gate(ledger, None, "nothing is founded yet")
    if node is not None:
        return check_gate(ledger, Registry(node, ledger.target().contract))
    unconfirmed = []
    asked = reachable(ledger, settings)
    for target in ledger.targets():
        if target not in asked:
            unconfirmed.append(f"no node of the chain {ledger.chains.name_of(target.chain_id)} is named")
            continue
        try:
            with open_nodes(settings, target.chain_id) as nodes:
                gate = check_gate(ledger, Registry(nodes[0], target.contract), target=target)
        except ChainError as error:
            gate = check_gate(ledger, None, error.message)
        if not gate.confirmed:
            unconfirmed.append(gate.reason)
    return Gate(not unconfirmed, "; ".join(unconfirmed))


def log_writer(ledger: Ledger, settings: Settings) -> LogWriter:
    """Return what appends to a ledger that was opened to write, for a process that does nothing else."""
    return LogWriter(ledger.store, _rules(ledger, settings))


def _open_writer(ledger: Ledger, settings: Settings, apart: Command | None) -> Writer:
    rules = _rules(ledger, settings)
    given: dict[str, Any] = {field.name: getattr(rules, field.name) for field in fields(rules)}
    given |= {"group_count_max": settings.group_count_max, "queue_max": settings.queue_max}
    if apart is None:
        return Writer(ledger.store, **given)
    much = 0.0 if settings.append_apart == "always" else MUCH
    return WriterApart(ledger.store, command=apart, much=much, **given)


def _rules(ledger: Ledger, settings: Settings) -> Rules:
    known: tuple[str, Ed25519PrivateKey, bytes] | None = None  # origin and key of the newest checkpoint, and their id

    def sign(checkpoint: Checkpoint) -> bytes:
        nonlocal known
        key = ledger.signing_key  # asked each time: `rotate_key` changes it
        assert key is not None  # loaded for writing
        if known is None or known[0] != checkpoint.origin or known[1] is not key:
            known = checkpoint.origin, key, verifier_key(checkpoint.origin, key).key_id()
        return sign_checkpoint(checkpoint, key, key_id=known[2])

    founded = ledger.read.size() > 0
    max_growth = ledger.genesis()[0].max_growth if founded else settings.max_growth
    return Rules(
        sign=sign,
        clock=ledger.clock,
        before_answer=ledger.mark.advance,
        seal_every=max_growth // 2,
        make_seal=make_seal(ledger.origin),
    )
