"""Real ledgers to attack: founded, recorded, sealed, anchored on embedded chains and proved by the product's own verbs.

| log | what it is |
|---|---|
| main | the demonstration's story, several anchored heads on chain A |
| rotated | another origin on chain A whose checkpoint key changed twice |
| other | another origin, keys and chain folder (chain B) |
| impostor | founded by an attacker on chain A under main's origin, with a key and a contract of its own |

Beside them an attacker placed main's own heads a second time on chain A: under a registrar of its own in main's
contract, and in a contract of its own with the same code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.deploy import (
    Envelope,
    build_anchor_tx,
    build_deploy_tx,
    build_register_log_tx,
    compute_deploy_address,
    compute_fee_cap,
    deployed_code,
    sign_tx,
)
from ledger_service.chain.registry import Registry, parse_anchored
from ledger_service.chain.rpc import Node
from ledger_service.cli.demo.stories.damaged_lamp import PARTIES, story
from ledger_service.cli.demo.story import StoryStep
from ledger_service.core import merkle
from ledger_service.core.checkpoint import parse_checkpoint, verifier_key
from ledger_service.core.entry import Role, parse_entry
from ledger_service.core.kept_proof import KeptProof, parse_kept_proof
from ledger_service.core.log_entry import KeyEntry, Target, key_change_message
from ledger_service.core.receipt import AnchorProof, KeyChange, Receipt
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from ledger_service.core.trust import Trust
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.found import found
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.prove import prove
from ledger_service.operations.record import Party, Step, record
from ledger_service.settings import Settings
from ledger_service.store.anchor_proofs import AnchorProofs
from ledger_service.store.drafts import LogDraft, WriteView
from ledger_service.wiring import load_signing_key, open_ledger

GAS = 3_000_000  # enough to deploy the registry; the demonstration chain's gas is free
FINAL_BLOCKS = 3  # one more than the embedded chain's finality distance


@dataclass(slots=True, eq=False)
class Log:
    """One log as its operator knows it: entries, notes and keys, and where its heads stand, by head size."""

    name: str
    node: Node
    trust: Trust
    keys: list[Ed25519PrivateKey]
    entries: list[bytes]
    notes: dict[int, bytes]
    anchors: dict[int, AnchorProof]
    receipts: list[Receipt]  # of each entry as `prove` makes it, everything shown
    nodes: dict[merkle.Node, bytes] = field(default_factory=dict)
    kept: dict[int, KeptProof] = field(default_factory=dict)  # state proofs of heads, by head size

    @property
    def origin(self) -> str:
        """Return the log's name."""
        return self.trust.origin

    def root(self, size: int) -> bytes:
        """Return the root hash at a size."""
        return merkle.compute_root(size, [self._nodes()[node] for node in merkle.nodes_for_root(size)])

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of an entry at a size."""
        hashes = [self._nodes()[node] for node in merkle.nodes_for_inclusion(index, size)]
        return tuple(merkle.fold_inclusion(index, size, hashes))

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """Return the consistency proof between two sizes."""
        hashes = [self._nodes()[node] for node in merkle.nodes_for_consistency(size1, size2)]
        return merkle.fold_consistency(size1, size2, hashes)

    def key_changes(self, size: int) -> tuple[KeyChange, ...]:
        """Return the key changes that lead to the key which signed the note of a size."""
        _, (signature, *_) = parse_checkpoint(self.notes[size])
        changes = []
        for index, encoded in enumerate(self.entries[:size]):
            entry = parse_entry(encoded)
            if isinstance(entry, KeyEntry):
                changes.append((entry.new_key.key_id(), KeyChange(encoded, index, self.inclusion(index, size))))
        wanted = next((n for n, (key_id, _) in enumerate(changes, start=1) if key_id == signature.key_id), 0)
        return tuple(change for _, change in changes[:wanted])

    def afters(self, index: int) -> list[AfterProof]:
        """Return the proofs that an entry came after an anchor: by the last seal before it, and by those before."""
        known = (receipt.after for receipt in self.receipts[index::-1])
        return list({after.index: after for after in known if after is not None}.values())

    def after_at(self, after: AfterProof, size: int, *, stated: bool) -> AfterProof:
        """Return such a proof in the head of a size; `stated`: with the storage proof, where it was kept."""
        kept = self.kept.get(size) if stated else None
        storage = None if kept is None else kept.slots.get(after.sequence)
        return dataclasses.replace(after, inclusion=self.inclusion(after.index, size), storage=storage)

    def _nodes(self) -> dict[merkle.Node, bytes]:
        if not self.nodes:
            self.nodes.update(merkle.complete_nodes(merkle.leaf_hash(entry) for entry in self.entries))
        return self.nodes


@dataclass(frozen=True, slots=True)
class Plan:
    """How a log comes to be: lists of story steps, each list anchored as one head; a `None` changes the key."""

    name: str
    origin: str
    account: int
    heads: Sequence[Sequence[StoryStep] | None]
    small_files: bool = True


def plans() -> list[Plan]:
    """Return the plans of all four logs."""
    steps = story(datetime.now(UTC)).steps
    ends = [n for n, step in enumerate(steps, start=1) if step.anchor]
    whole = [steps[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    opening = steps[:5]
    return [
        Plan("main", "returns.example/eu", 0, whole, small_files=False),
        Plan(
            "rotated", "returns.example/rotated", 1, [opening[:1], None, opening[1:2], opening[2:3], None, opening[3:]]
        ),
        Plan("impostor", "returns.example/eu", 2, [steps[:1], steps[1:4]]),
        Plan("other", "returns.example/us", 0, [steps[:1], steps[1:3], steps[3:5]]),
    ]


def build(plan: Plan, node: Node, folder: Path) -> Log:
    """Found, record, anchor and prove one log; `folder` is new."""
    folder.mkdir()
    settings = Settings(home=folder / "home", origin=plan.origin, max_growth=1_000)
    signer = development_signer(plan.account, node.chain_id())
    keys: list[Ed25519PrivateKey] = []
    return_id = None
    for steps in (None, *plan.heads):  # the first time: found it
        with open_ledger(settings, write=True, create=not keys, node=node) as opened:
            ledger = opened.ledger
            if not keys:
                found(ledger, node, signer, max_growth=1_000, progress_file=opened.places.founding, say=lambda _: None)
            elif steps is None:
                _change_key(ledger, opened.places.signing_key)
            else:
                return_id = _walk(ledger, steps, folder, return_id, small_files=plan.small_files)
                make_anchorer(ledger, [node], signer).run()
        keys = [*keys, load_signing_key(settings.home / "secrets" / "checkpoint.key")]
    node.mine(FINAL_BLOCKS)
    with open_ledger(settings) as opened:
        return _read(plan.name, node, opened.ledger, keys)


def place_again(log: Log, signer: Signer, *, contract: bytes | None) -> tuple[Target, dict[int, AnchorProof]]:
    """Anchor a log's heads once more for another registrar, in `contract` or in a new one; return where they stand."""
    node, chain_id = log.node, log.node.chain_id()
    if contract is None:
        nonce = node.nonce(signer.address)
        node.send_raw(sign_tx(signer, build_deploy_tx(_envelope(node, signer))).raw)
        contract = compute_deploy_address(signer.address, nonce)
    origin_hash = compute_origin_hash(log.origin)
    log_id = compute_log_id(chain_id, contract, registrar=signer.address, origin_hash=origin_hash)
    register = build_register_log_tx(
        _envelope(node, signer),
        contract,
        origin_hash=origin_hash,
        genesis_leaf_hash=merkle.leaf_hash(log.entries[0]),
        owner=signer.address,
        anchorer=signer.address,
        max_growth=1_000,
    )
    placed = {1: _send(node, sign_tx(signer, register).raw, contract, log_id)}
    for size in sorted(log.anchors):
        if size > 1:
            request = build_anchor_tx(
                _envelope(node, signer),
                contract,
                log_id=log_id,
                size=size,
                root=log.root(size),
                proof=log.consistency(max(placed), size),
            )
            placed[size] = _send(node, sign_tx(signer, request).raw, contract, log_id)
    node.mine(FINAL_BLOCKS)
    code_hash = keccak(deployed_code())
    return Target(chain_id, node.genesis_hash(), contract, code_hash, signer.address, log_id), placed


def _walk(
    ledger: Ledger, steps: Sequence[StoryStep], folder: Path, return_id: str | None, *, small_files: bool
) -> str | None:
    for step in steps:
        files = []
        for kind, name, content in step.files:
            path = folder / name
            path.write_bytes(f"evidence {name}\n".encode() if small_files else content)
            files.append((kind, path))
        done = record(
            ledger,
            Step(
                verb=step.verb,
                asserted_by=Party(step.role, PARTIES[step.role]),
                recorded_by=Party(Role.PLATFORM, "marketplace"),
                fields=step.fields,
                evidence=files,
                return_id=return_id,
                authenticity=step.authenticity,
                occurred_at=format_instant(step.at),
                rule=step.rule,
                to_state=step.to_state,
            ),
        )
        return_id = done.return_id
    return return_id


def _change_key(ledger: Ledger, path: Path) -> None:
    old = ledger.signing_key
    assert old is not None
    new = Ed25519PrivateKey.generate()
    old_key, new_key = verifier_key(ledger.origin, old), verifier_key(ledger.origin, new)
    signature = old.sign(key_change_message(ledger.origin, new_key))

    def make(_: WriteView, recorded_at: str) -> KeyEntry:
        return KeyEntry(ledger.origin, recorded_at, old_key, new_key, signature)

    ledger.require_writer().append(LogDraft(make))
    path.write_bytes(
        new.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _read(name: str, node: Node, ledger: Ledger, keys: list[Ed25519PrivateKey]) -> Log:
    trust = ledger.trust()
    target = trust.targets[0].target
    tx_hash = Registry(node, target.contract).find_anchored_tx(target.log_id, 0)
    assert tx_hash is not None
    anchors = {1: _placed(node, tx_hash, target.contract, target.log_id)}
    for anchor in anchors_of(ledger):
        anchors[anchor.size] = _placed(node, anchor.attempts[-1].tx_hash, target.contract, target.log_id)
    distinct = {key.private_bytes_raw(): key for key in keys}
    return Log(
        name=name,
        node=node,
        trust=trust,
        keys=list(distinct.values()),
        entries=[row.encoded for row in ledger.read.entries()],
        notes={stored.size: stored.note for stored in ledger.read.checkpoints()},
        anchors=anchors,
        receipts=[prove(ledger, index) for index in range(ledger.read.size())],
        kept={
            anchor.size: parse_kept_proof(record)
            for anchor in anchors_of(ledger)
            if (record := AnchorProofs(ledger.store).record(anchor.log_id, anchor.sequence)) is not None
        },
    )


def _envelope(node: Node, signer: Signer) -> Envelope:
    fees = node.fee_quote()
    return Envelope(node.chain_id(), node.nonce(signer.address), GAS, compute_fee_cap(fees), fees.priority_fee)


def _send(node: Node, raw: bytes, contract: bytes, log_id: bytes) -> AnchorProof:
    return _placed(node, node.send_raw(raw), contract, log_id)


def _placed(node: Node, tx_hash: bytes, contract: bytes, log_id: bytes) -> AnchorProof:
    receipt = node.tx_receipt(tx_hash)
    assert receipt is not None
    head = parse_anchored(receipt, contract, log_id=log_id)
    assert head is not None
    return AnchorProof(
        chain_id=node.chain_id(),
        contract=contract,
        log_id=log_id,
        sequence=head.sequence,
        time=head.time,
        block_number=head.block_number,
        block_hash=receipt.block_hash,
        parent_hash=head.parent_hash,
    )
