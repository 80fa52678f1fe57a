"""The attacks of the demonstration, each on a copy, each made with the operator's own means.

Promises: every attack returns what it did and what caught it, or raises `AttackNotCaughtError`. Does not: touch the
demonstration's own ledger.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.chain.deploy import Envelope, build_anchor_tx, compute_fee_cap, sign_tx
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.facts import Answer
from ledger_service.core.merkle import Frontier, fold_consistency, leaf_hash, nodes_for_consistency
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, verify
from ledger_service.errors import ContractRevertedError, GateClosedError, LedgerError
from ledger_service.operations.audit import audit
from ledger_service.settings import Settings
from ledger_service.wiring import load_signer, load_signing_key, open_ledger


class AttackNotCaughtError(LedgerError):
    """An attack went through: the demonstration has found a fault of ours."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What was tried, and what stopped it."""

    attack: str
    by: str


def flip_file(receipt: bytes, trust: Trust, answers: list[Answer], file: Path) -> Caught:
    """Change one bit of a file of evidence and show it beside the receipt."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    changed = EvidenceFile(file.name, Sha256Hex(hashlib.sha256(content).hexdigest()))
    return _rejected("one bit of an evidence file", verify(receipt, trust, answers, evidence=[changed]))


def flip_entry(receipt: bytes, trust: Trust, answers: list[Answer]) -> Caught:
    """Change one character of the entry inside a receipt: the country of the seller."""
    changed = re.sub(
        rb'(\\"seller_country\\":\\"[A-Z])([A-Z])', lambda m: m[1] + (b"H" if m[2] != b"H" else b"N"), receipt
    )
    assert changed != receipt  # a story starts with this entry
    return _rejected("one character of an entry", verify(changed, trust, answers))


def rewrite_database(settings: Settings, node: Node, scratch: Path, index: int) -> Caught:
    """Rewrite one row and, with the operator's key, every hash and checkpoint that follows from it."""
    copy = _copy_home(settings, scratch / "rewritten")
    key = load_signing_key(copy.home / "secrets" / "checkpoint.key")
    _rewrite(copy.home / "ledger.sqlite3", index, key, settings.origin)
    (copy.home / "high-water.mark").unlink()  # the attacker removes what would tell at once
    with open_ledger(copy) as opened:
        ledger = opened.ledger
        report = audit(ledger, Registry(node, ledger.target().contract))
    if not any(finding.stage == "anchors" for finding in report.findings):
        raise AttackNotCaughtError("a rewritten row went through the audit")
    finding = next(finding for finding in report.findings if finding.stage == "anchors")
    return Caught("a row rewritten with all its hashes, re-signed", f"audit, {finding.stage}: {finding.what}")


def rewrite_on_chain(settings: Settings, node: Node) -> Caught:
    """Offer the contract a head that does not extend the last one, from the anchorer's own account."""
    with open_ledger(settings) as opened:
        target = opened.ledger.target()
    head = Registry(node, target.contract).head(target.log_id)
    signer = load_signer(settings, target.chain_id)
    fees = node.fee_quote()
    envelope = Envelope(target.chain_id, node.nonce(signer.address), 500_000, compute_fee_cap(fees), fees.priority_fee)
    # A well-formed proof of another history: as long as the right one, every hash invented.
    forged = build_anchor_tx(
        envelope,
        target.contract,
        log_id=target.log_id,
        size=head.size + 1,
        root=leaf_hash(b"another history"),
        proof=[leaf_hash(bytes([n])) for n in range(_proof_length(head.size))],
    )
    receipt = node.tx_receipt(node.send_raw(sign_tx(signer, forged).raw))
    if receipt is None or receipt.succeeded or Registry(node, target.contract).head(target.log_id) != head:
        raise AttackNotCaughtError("the contract took a head that rewrites history")
    reason = _why(node, signer.address, target.contract, forged.data)
    return Caught("a head that rewrites history, offered by the anchorer", f"the contract reverted: {reason}")


def restore_old_copy(settings: Settings, node: Node, scratch: Path, old: Path) -> list[Caught]:
    """Put yesterday's database in place and go on writing; then with yesterday's mark, too."""
    caught = []
    copy = _copy_home(settings, scratch / "restored")
    _restore(old / "ledger.sqlite3", copy.home)
    caught.append(_refused("a database restored from an old copy", copy, node))
    shutil.copyfile(old / "high-water.mark", copy.home / "high-water.mark")
    caught.append(_refused("the same, with the high-water mark of that day", copy, node))
    return caught


def keep_old_copy(settings: Settings, folder: Path) -> None:
    """Keep a copy of database and mark as a backup would: used by `restore_old_copy` later."""
    folder.mkdir(parents=True)
    with sqlite3.connect(settings.home / "ledger.sqlite3") as source, _connect(folder / "ledger.sqlite3") as target:
        source.backup(target)
    source.close()
    shutil.copyfile(settings.home / "high-water.mark", folder / "high-water.mark")


def _rejected(attack: str, report: Report) -> Caught:
    if report.verdict is not Verdict.INVALID:
        raise AttackNotCaughtError(f"{attack}: the receipt still verifies as {report.verdict.value}")
    check = next(check for check in report.checks if check.outcome is Outcome.FAIL)
    return Caught(attack, f"verify, {check.name}: {check.detail}")


def _refused(attack: str, settings: Settings, node: Node) -> Caught:
    try:
        with open_ledger(settings, write=True, node=node):
            raise AttackNotCaughtError(f"{attack}: the ledger would write on")
    except GateClosedError as error:
        return Caught(attack, f"boot gate, {error.reason}: {error.message}")


def _copy_home(settings: Settings, home: Path) -> Settings:
    shutil.copytree(settings.home, home, ignore=shutil.ignore_patterns("ledger.sqlite3*"))
    with sqlite3.connect(settings.home / "ledger.sqlite3") as source, _connect(home / "ledger.sqlite3") as target:
        source.backup(target)
    source.close()
    return settings.model_copy(update={"home": home})


def _restore(old: Path, home: Path) -> None:
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copyfile(old, home / "ledger.sqlite3")


@contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def _rewrite(path: Path, index: int, key: Ed25519PrivateKey, origin: str) -> None:
    """What an operator can do to its own database file: drop the triggers, change a row, make all hashes fit."""
    with _connect(path) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        frontier = Frontier.empty()
        roots: dict[int, bytes] = {}
        nodes: list[tuple[bytes, int]] = []
        rows: list[tuple[bytes, bytes, int]] = []
        moved: list[tuple[bytes, bytes]] = []  # old and new leaf hashes: later entries of the case name them as prev
        for at, stored in connection.execute("SELECT idx, entry FROM entries ORDER BY idx").fetchall():
            body = bytes(stored)
            if at == index:
                body = body.replace(b'"seal_state":"intact"', b'"seal_state":"broken"')
            for old, new in moved:
                body = body.replace(old, new)
            leaf = leaf_hash(body)
            if body != bytes(stored):
                moved.append((leaf_hash(bytes(stored)).hex().encode(), leaf.hex().encode()))
            rows.append((body, leaf, at))
            nodes += [(value, len(nodes) + n) for n, value in enumerate(frontier.append(leaf))]
            roots[frontier.size] = frontier.root()
        assert moved  # the entry holds the word that is rewritten
        connection.executemany("UPDATE entries SET entry = ?, leaf_hash = ? WHERE idx = ?", rows)
        connection.executemany("UPDATE nodes SET hash = ? WHERE id = ?", nodes)
        for (size,) in connection.execute("SELECT size FROM checkpoints").fetchall():
            note = sign_checkpoint(Checkpoint(origin, size, roots[size]), key)
            connection.execute("UPDATE checkpoints SET root = ?, note = ? WHERE size = ?", (roots[size], note, size))
        for old, new in moved:
            connection.execute(
                "UPDATE cases SET head = ?, snapshot = replace(snapshot, ?, ?) WHERE head = ?",
                (bytes.fromhex(new.decode()), old.decode(), new.decode(), bytes.fromhex(old.decode())),
            )
        for _, statement in guards:  # and nobody sees that they were gone
            connection.execute(statement)


def _proof_length(size: int) -> int:
    wanted = nodes_for_consistency(size, size + 1)
    return len(fold_consistency(size, size + 1, [bytes(32)] * len(wanted)))


def _why(node: Node, sender: bytes, contract: bytes, data: bytes) -> str:
    try:
        node.estimate_gas(sender, contract, data)
    except ContractRevertedError as error:
        return error.name or error.message
    raise AttackNotCaughtError("the contract would take a head that rewrites history")
