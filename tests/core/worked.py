"""The worked bytes of core/SPEC.md, computed by the library: each name is that of a fenced block there."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from ledger_service.core import calendars, encoding, merkle, registry
from ledger_service.core.archive import Member, directory, header, place
from ledger_service.core.calendars import Territory
from ledger_service.core.case_index import EMPTY_ROOT, Indexed, Scope, key_of, prove, update, value_of
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.clock import instant_text
from ledger_service.core.contradiction import SignedHead, encode_contradiction, rewritten
from ledger_service.core.cosignature import cosign, message, witness_key
from ledger_service.core.counting import count
from ledger_service.core.disclosure import Disclosure, Record, evidence_name
from ledger_service.core.entry import (
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
    RuleReference,
    encode_entry,
    parse_entry,
)
from ledger_service.core.erasure import Extent, Ground
from ledger_service.core.erasure_entry import ERASE, Erased, Erasure, erasure_facts
from ledger_service.core.facts import TargetFacts
from ledger_service.core.log_entry import (
    After,
    GenesisEntry,
    KeyEntry,
    SealEntry,
    Target,
    TargetEntry,
    key_change_message,
    target_message,
)
from ledger_service.core.package import FileSum, Manifest, encode_manifest, sign_manifest
from ledger_service.core.receipt import AnchorProof, Receipt, encode_receipt
from ledger_service.core.report import Report
from ledger_service.core.rules import RULE_SETS, rule_set
from ledger_service.core.signing import (
    SIGNATURE_NAME,
    SIGNER_NAME,
    Domain,
    SignatureValue,
    Statement,
    content_hash,
    digest,
    signer_value,
    typed_data,
)
from ledger_service.core.tlog_proof import TlogProof, encode_tlog_proof
from ledger_service.core.trigger import Trigger
from ledger_service.core.trust import PinnedTarget, Trust, encode_trust
from ledger_service.core.verify import questions, verify

ORIGIN = "returns.example/eu"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEXT = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
KEY, NEXT_KEY = verifier_key(ORIGIN, PRIVATE), verifier_key(ORIGIN, NEXT)

# ── commitments ──────────────────────────────────────────────────────────────────────────────────────────────────────

DELIVERED = Disclosure("outbound_delivered_at", bytes(range(32)), "2026-10-28T15:04:00+01:00")
PHOTO = Disclosure(evidence_name("product_photo"), bytes(range(32, 64)), "9f" * 32)

# ── a place to anchor ────────────────────────────────────────────────────────────────────────────────────────────────

CHAIN_ID, CONTRACT, REGISTRAR = 11155111, bytes([0xC0]) * 20, bytes([0xA0]) * 20
ORIGIN_HASH = registry.compute_origin_hash(ORIGIN)
LOG_ID = registry.compute_log_id(CHAIN_ID, CONTRACT, registrar=REGISTRAR, origin_hash=ORIGIN_HASH)
TARGET = Target(
    chain_id=CHAIN_ID,
    chain_genesis=bytes([0x11]) * 32,
    contract=CONTRACT,
    code_hash=bytes([0x22]) * 32,
    registrar=REGISTRAR,
    log_id=LOG_ID,
)

# ── a log of three entries ───────────────────────────────────────────────────────────────────────────────────────────

GENESIS = encode_entry(
    GenesisEntry(ORIGIN, "2026-11-03T10:00:00.000Z", keys=(KEY,), targets=(TARGET,), required=1, max_growth=4096)
)
GENESIS_LEAF = merkle.leaf_hash(GENESIS)
HEAD_0 = registry.compute_commitment(
    LOG_ID, 0, size=1, root=GENESIS_LEAF, time=1793700012, block_number=100, parent_hash=bytes([0x33]) * 32
)
STEP = encode_entry(
    CaseEntry(
        kind=Kind.TRANSITION,
        origin=ORIGIN,
        return_id="000102030405060708090a0b0c0d0e0f",
        seq=0,
        prev=None,
        verb="request_return",
        from_state=None,
        to_state="requested",
        asserted_by=Actor(Role.BUYER, "55" * 16),
        recorded_by=Actor(Role.PLATFORM, "66" * 16),
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at="2026-11-03T10:20:00.000Z",
        recorded_at="2026-11-03T10:22:05.000Z",
        rule=RuleReference("shop-policy-damaged-goods", "2026-07"),
        facts={
            "buyer_country": "DE",
            "language": "de",
            "legal_basis": "non_conformity",
            "seller_country": "CN",
        },
        evidence=(EvidenceDescriptor("product_photo", 48211, "image/jpeg", PHOTO.commitment()),),
        missing=("order_snapshot",),
        commitments=(NamedCommitment("outbound_delivered_at", DELIVERED.commitment()),),
    )
)
ERASURE = encode_entry(
    CaseEntry(
        kind=Kind.ERASURE,
        origin=ORIGIN,
        return_id="000102030405060708090a0b0c0d0e0f",
        seq=1,
        prev=merkle.leaf_hash(STEP),
        verb=ERASE,
        from_state="requested",
        to_state="requested",
        asserted_by=Actor(Role.PLATFORM, "66" * 16),
        recorded_by=Actor(Role.PLATFORM, "66" * 16),
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at=None,
        recorded_at="2026-12-01T09:00:00.250Z",
        facts=erasure_facts(
            Erasure(
                erasure_id="e0" * 16,
                ground=Ground.PURPOSE_FULFILLED,
                asked_by=Role.BUYER,
                asked_at="2026-11-30T18:30:00.000Z",
                decided_at="2026-12-01T09:00:00.000Z",
                subject=Actor(Role.BUYER, "55" * 16),
                extent=Extent.OWN,
                erased=(Erased(merkle.leaf_hash(STEP), (0,)),),
            )
        ),
    )
)
SEAL = encode_entry(
    SealEntry(ORIGIN, "2026-11-03T10:23:00.000Z", case_index=None, after=After(CHAIN_ID, LOG_ID, 0, HEAD_0))
)
KEY_SIGNATURE = PRIVATE.sign(key_change_message(ORIGIN, NEXT_KEY))
KEY_ENTRY = encode_entry(KeyEntry(ORIGIN, "2026-11-03T10:24:00.000Z", KEY, NEXT_KEY, KEY_SIGNATURE))
FURTHER = Target(
    chain_id=560048,
    chain_genesis=bytes([0x11]) * 32,
    contract=bytes([0xC0]) * 20,
    code_hash=bytes([0x22]) * 32,
    registrar=bytes([0xA0]) * 20,
    log_id=registry.compute_log_id(
        560048, bytes([0xC0]) * 20, registrar=bytes([0xA0]) * 20, origin_hash=registry.compute_origin_hash(ORIGIN)
    ),
)
TARGET_ENTRY = encode_entry(
    TargetEntry(ORIGIN, "2026-11-03T10:25:00.000Z", FURTHER, KEY, PRIVATE.sign(target_message(ORIGIN, FURTHER)))
)

LEAVES = [merkle.leaf_hash(entry) for entry in (GENESIS, STEP, SEAL)]
TREE = merkle.complete_nodes(LEAVES)
HEAD = Checkpoint(ORIGIN, 3, merkle.compute_root(3, [TREE[node] for node in merkle.nodes_for_root(3)]))
CHECKPOINT = sign_checkpoint(HEAD, PRIVATE)
INCLUSION = merkle.fold_inclusion(1, 3, [TREE[node] for node in merkle.nodes_for_inclusion(1, 3)])
PARENT_HASH, BLOCK_HASH, BLOCK_NUMBER, BLOCK_TIME = bytes([0x77]) * 32, bytes([0x88]) * 32, 120, 1793701400
HEAD_1 = registry.compute_commitment(
    LOG_ID, 1, size=3, root=HEAD.root, time=BLOCK_TIME, block_number=BLOCK_NUMBER, parent_hash=PARENT_HASH
)
RECEIPT = encode_receipt(
    Receipt(
        entry=STEP,
        index=1,
        records=(Record(PHOTO.name, None), Record(DELIVERED.name, DELIVERED)),
        inclusion=tuple(INCLUSION),
        checkpoint=CHECKPOINT,
        anchors=(
            AnchorProof(
                chain_id=CHAIN_ID,
                contract=CONTRACT,
                log_id=LOG_ID,
                sequence=1,
                time=BLOCK_TIME,
                block_number=BLOCK_NUMBER,
                block_hash=BLOCK_HASH,
                parent_hash=PARENT_HASH,
            ),
        ),
        unprotected={"state": "finalized"},
    )
)
TRUST = Trust(ORIGIN, (KEY,), GENESIS_LEAF, (PinnedTarget("sepolia", TARGET, None),), 1)

# ── a package ────────────────────────────────────────────────────────────────────────────────────────────────────────

TINY = place([Member("a", 1, zlib.crc32(b"b"))])
ARCHIVE = header(TINY[0].member) + b"b" + directory(TINY)
MANIFEST = encode_manifest(
    Manifest(
        origin=ORIGIN,
        return_id="000102030405060708090a0b0c0d0e0f",
        generated_at="2026-11-03T10:30:00.000Z",
        entries=1,
        chain=1,
        head=LEAVES[1],
        size=3,
        root=HEAD.root,
        files=(FileSum("receipts/00000001.receipt.json", len(RECEIPT), sha256(RECEIPT).digest()),),
    )
)
PACKAGE_NOTE = sign_manifest(MANIFEST, PRIVATE, origin=ORIGIN, return_id="000102030405060708090a0b0c0d0e0f")

# ── a step signed with a wallet ──────────────────────────────────────────────────────────────────────────────────────

WALLET: LocalAccount = Account.from_key(bytes(range(32)))
DOMAIN = Domain(ORIGIN, CHAIN_ID, CONTRACT)
PLAIN_STEP = parse_entry(STEP)
assert isinstance(PLAIN_STEP, CaseEntry)
FIELDS = {**PLAIN_STEP.facts, DELIVERED.name: DELIVERED.value}
FILES = [("product_photo", bytes([0x9F]) * 32)]
STATEMENT = Statement(
    return_id=None,
    previous=None,
    verb=PLAIN_STEP.verb,
    role=PLAIN_STEP.asserted_by.role,
    occurred_at=PLAIN_STEP.occurred_at,
    content_hash=content_hash(fields=FIELDS, evidence=FILES, rule=PLAIN_STEP.rule, to_state=PLAIN_STEP.to_state),
    nonce=bytes(range(64, 96)),
    deadline=1793701800,
)
CONTENT: encoding.Json = {
    "evidence": [[kind, content.hex()] for kind, content in FILES],
    "fields": FIELDS,
    "rule": "shop-policy-damaged-goods@2026-07",
    "to_state": "requested",
}
TYPED_DATA = typed_data(DOMAIN, STATEMENT)
SIGNABLE = encode_typed_data(full_message=TYPED_DATA)  # by another library
SIGNATURE_VALUE = SignatureValue(
    chain_id=CHAIN_ID,
    contract=CONTRACT,
    previous=None,
    to_state=PLAIN_STEP.to_state,
    nonce=STATEMENT.nonce,
    deadline=STATEMENT.deadline,
    signature=bytes(WALLET.sign_message(SIGNABLE).signature),
)
SIGNATURE = Disclosure(SIGNATURE_NAME, bytes(range(64, 96)), SIGNATURE_VALUE.as_json())
SIGNER = Disclosure(SIGNER_NAME, bytes(range(96, 128)), signer_value(bytes.fromhex(WALLET.address[2:])))
SIGNED_STEP = encode_entry(
    replace(
        PLAIN_STEP,
        authenticity=Authenticity.SIGNED,
        commitments=(
            *PLAIN_STEP.commitments,
            NamedCommitment(SIGNATURE_NAME, SIGNATURE.commitment()),
            NamedCommitment(SIGNER_NAME, SIGNER.commitment()),
        ),
    )
)
SIGNED_RECORDS = tuple(Record(one.name, one) for one in (PHOTO, DELIVERED, SIGNATURE, SIGNER))

# ── a tree of five one-byte entries ──────────────────────────────────────────────────────────────────────────────────

FIVE = [merkle.leaf_hash(bytes([byte])) for byte in range(5)]
FIVE_TREE = merkle.complete_nodes(FIVE)
AWKWARD = {"b": [True, None, -1], "a\n": '"é"\\/', "\ufb33": {}, "\U0001f600": []}


def lines(values: list[tuple[str, bytes]]) -> str:
    """Return names and hex values as a table."""
    width = max(len(name) for name, _ in values)
    return "".join(f"{name.ljust(width)}  {value.hex()}\n" for name, value in values)


def roots() -> list[tuple[str, bytes]]:
    """Return the roots of the tree of five at every size."""
    return [
        (f"root {size}", merkle.compute_root(size, [FIVE_TREE[node] for node in merkle.nodes_for_root(size)]))
        for size in range(6)
    ]


def inclusion(index: int, size: int) -> list[tuple[str, bytes]]:
    """Return an inclusion proof of the tree of five."""
    read = [FIVE_TREE[node] for node in merkle.nodes_for_inclusion(index, size)]
    return [(f"proof {i}", value) for i, value in enumerate(merkle.fold_inclusion(index, size, read))]


def consistency(size1: int, size2: int) -> list[tuple[str, bytes]]:
    """Return a consistency proof of the tree of five."""
    read = [FIVE_TREE[node] for node in merkle.nodes_for_consistency(size1, size2)]
    return [(f"proof {i}", value) for i, value in enumerate(merkle.fold_consistency(size1, size2, read))]


def stored() -> str:
    """Return the numbering of the stored nodes of a tree of five."""
    named = {merkle.stored_id(level, place): (level, place) for level, place in FIVE_TREE}
    return "".join(f"{number}  level {named[number][0]}, position {named[number][1]}\n" for number in sorted(named))


def report() -> Report:
    """Return the report on the receipt when an honest node of the pinned chain is asked."""
    (question,) = questions(RECEIPT, TRUST)
    answer = TargetFacts(
        source="node",
        question=question,
        chain_id=CHAIN_ID,
        chain_genesis=TARGET.chain_genesis,
        final_number=BLOCK_NUMBER,
        code_hash=TARGET.code_hash,
        commitment=HEAD_1,
        block_hash=BLOCK_HASH,
    )
    return verify(RECEIPT, TRUST, (answer,))


# ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────

PERIODS = [
    # rule set, clock, start, zone, whose holidays
    ("EU", "withdrawal_window", "2026-03-20T10:00:00+01:00", "Europe/Berlin", "DE"),
    ("EU", "withdrawal_window", "2026-03-02T23:30:00+00:00", "Europe/Berlin", "DE"),
    ("GB", "withdrawal_window", "2026-12-11T10:00:00+00:00", "Europe/London", "GB"),
    ("CN", "withdrawal_window", "2026-09-24T12:00:00+08:00", "Asia/Shanghai", "CN"),
    ("CN", "withdrawal_window", "2026-10-03T12:00:00+08:00", "Asia/Shanghai", "CN"),
    ("JP", "withdrawal_window", "2026-03-02T10:00:00+09:00", "Asia/Tokyo", "JP"),
    ("KR", "refund_deadline", "2026-09-22T14:00:00+09:00", "Asia/Seoul", "KR"),
    ("BR", "refund_deadline", "2026-03-02T20:00:00+00:00", "America/Sao_Paulo", "BR"),
    ("EU-CUSTOMS", "returned_goods_relief", "2024-02-29T12:00:00+00:00", "Europe/Paris", "FR"),
    ("UPU", "carrier_claim", "2025-08-31T12:00:00+02:00", "Europe/Berlin", "DE"),
]


def deadlines() -> str:
    """Return a line for each period: rule, start, first and last day, bound."""
    lines = []
    for identity, kind, start, zone, country in PERIODS:
        period = next(clock.period for clock in rule_set(identity).clocks if clock.kind == kind)
        assert period is not None
        end = count(period, datetime.fromisoformat(start), calendars.zone(zone), Territory(country))
        lines.append(f"{identity} {kind} {start} {zone} {end.first_day} {end.last_day} {instant_text(end.at)}")
    return "\n".join(lines) + "\n"


def counted() -> str:
    """Return a line for each clock of each rule set in force: set, clock, period, offset, roll, starts, confidence."""
    lines = []
    for known in RULE_SETS:
        if known.valid_to is not None:
            continue
        for clock in known.clocks:
            p = clock.period
            period = "as the notice says" if p is None else f"{p.count} {p.unit} {p.offset} {p.roll}"
            starts = " ".join(_phrase(trigger) for trigger in (*clock.starts, *clock.starts_if_idle))
            lines.append(f"{known.id} {clock.kind}: {period}; {starts}; {clock.confidence}")
    return "\n".join(lines) + "\n"


def _phrase(trigger: Trigger) -> str:
    condition = f"?{trigger.field}={'|'.join(sorted(trigger.values))}" if trigger.field else ""
    return trigger.name + (f".{trigger.at}" if trigger.at else "") + condition


INDEXED = [
    ("00" * 15 + "01", "DE", "2026-10-31T09:00:00.000Z", 3), ("00" * 15 + "02", "DE", "2026-11-01T09:00:00.000Z", 1),
    ("00" * 15 + "03", "FR", "2026-11-01T09:00:00.000Z", 300),
]  # fmt: skip


def case_index() -> str:
    """Return keys and values of three cases, the root over them, and the proofs of the first case and of a month."""
    values = {
        key_of(return_id, buyer_country=buyer, seller_country="CN", opened_at=opened): value_of(
            Indexed(count, bytes(32))
        )
        for return_id, buyer, opened, count in INDEXED
    }
    root, nodes = update(EMPTY_ROOT, values, dict[bytes, bytes]().__getitem__)
    first = next(iter(values))
    told = [(f"key {n}", key) for n, key in enumerate(values)]
    told += [(f"value {n}", value) for n, value in enumerate(values.values())]
    told += [("root", root)]
    told += [(f"proof of key 0, node {n}", node) for n, node in enumerate(prove(root, first.hex(), nodes.__getitem__))]
    month = Scope("DE", "CN", "2026-11").prefix
    told += [(f"proof of {month}, node {n}", node) for n, node in enumerate(prove(root, month, nodes.__getitem__))]
    return lines(told)


# ── a log that contradicts itself, and a witness ─────────────────────────────────────────────────────────────────────

OLDER = Checkpoint(ORIGIN, 2, merkle.node_hash(LEAVES[0], LEAVES[1]))
FORKED_NODE = merkle.node_hash(LEAVES[0], merkle.leaf_hash(KEY_ENTRY))  # another entry at index 1
FORKED = Checkpoint(ORIGIN, 3, merkle.node_hash(FORKED_NODE, LEAVES[2]))
CONTRADICTION = encode_contradiction(
    rewritten(
        SignedHead(sign_checkpoint(OLDER, PRIVATE)),
        SignedHead(sign_checkpoint(FORKED, PRIVATE)),
        [FORKED_NODE, LEAVES[2]],
    )
)
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
WITNESS_NAME, WITNESSED_AT = "witness.example/eu", 1793701460


WORKED: dict[str, str] = {
    "case-index": case_index(),
    "deadlines": deadlines(),
    "rules": counted(),
    "canonical": encoding.encode(AWKWARD).decode() + "\n",
    "canonical-hex": encoding.encode(AWKWARD).hex() + "\n",
    "commitment-input": encoding.encode([DELIVERED.salt.hex(), DELIVERED.name, DELIVERED.value]).decode() + "\n",
    "commitment": DELIVERED.commitment().hex() + "\n",
    "evidence-input": encoding.encode([PHOTO.salt.hex(), PHOTO.name, PHOTO.value]).decode() + "\n",
    "evidence-commitment": PHOTO.commitment().hex() + "\n",
    "record-shown": json.dumps(Record(DELIVERED.name, DELIVERED).as_json()) + "\n",
    "record-withheld": json.dumps(Record(PHOTO.name, None).as_json()) + "\n",
    "genesis": GENESIS.decode() + "\n",
    "step": STEP.decode() + "\n",
    "key-message": key_change_message(ORIGIN, NEXT_KEY).decode(),
    "key": KEY_ENTRY.decode() + "\n",
    "target-message": target_message(ORIGIN, FURTHER).decode(),
    "target": TARGET_ENTRY.decode() + "\n",
    "seal": SEAL.decode() + "\n",
    "erasure": ERASURE.decode() + "\n",
    "five-leaves": lines([(f"leaf {i}", leaf) for i, leaf in enumerate(FIVE)]),
    "five-nodes": lines([(f"node({i}, {j})", value) for (i, j), value in sorted(FIVE_TREE.items()) if i]),
    "five-roots": lines(roots()),
    "inclusion-3-5": lines(inclusion(3, 5)),
    "inclusion-4-5": lines(inclusion(4, 5)),
    "consistency-3-5": lines(consistency(3, 5)),
    "consistency-4-5": lines(consistency(4, 5)),
    "stored": stored(),
    "key-text": KEY.encode() + "\n",
    "checkpoint": CHECKPOINT.decode(),
    "log-leaves": lines([(f"leaf {i}", leaf) for i, leaf in enumerate(LEAVES)]),
    "origin-hash": ORIGIN_HASH.hex() + "\n",
    "log-id": LOG_ID.hex() + "\n",
    "head-1": HEAD_1.hex() + "\n",
    "head-1-slot": registry.compute_commitment_slot(LOG_ID, 1).hex() + "\n",
    "receipt": RECEIPT.decode(),
    "tlog-proof": encode_tlog_proof(TlogProof(2, (merkle.node_hash(LEAVES[0], LEAVES[1]),), CHECKPOINT, SEAL)).decode(),
    "trust": encode_trust(TRUST).decode(),
    "archive-hex": ARCHIVE.hex() + "\n",
    "package-manifest": MANIFEST.decode(),
    "package-note": PACKAGE_NOTE.decode(),
    "statement-content": encoding.encode(CONTENT).decode() + "\n",
    "statement": json.dumps(TYPED_DATA, indent=2) + "\n",
    "statement-digest": lines(
        [
            ("content hash", STATEMENT.content_hash),
            ("domain separator", SIGNABLE.header),
            ("message", SIGNABLE.body),
            ("digest", digest(DOMAIN, STATEMENT)),
        ]
    ),
    "signature-value": encoding.encode(SIGNATURE.value).decode() + "\n",
    "signer-value": encoding.encode(SIGNER.value).decode() + "\n",
    "signed-step": SIGNED_STEP.decode() + "\n",
    "contradiction": CONTRADICTION.decode(),
    "witness-key": witness_key(WITNESS_NAME, WITNESS).encode() + "\n",
    "cosignature-message": message(HEAD, WITNESSED_AT).decode(),
    "cosignature": cosign(HEAD, WITNESS_NAME, WITNESS, seconds=WITNESSED_AT).line(),
    "report": "".join(f"{one.outcome:4}  {one.name}\n" for one in report().checks) + f"{report().verdict}\n",
}
