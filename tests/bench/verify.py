"""Verifying final receipts, without a network: receipts a second, against the bare cryptography that it cannot avoid.

Ours: `verify` of the file's bytes with the pinned trust file and a node's answers, every check included. Baseline, on
the same bytes in the same rounds: `json.loads`, the Ed25519 verification of the note, the SHA-256 of leaf, inclusion
proof and opened commitments, and the keccak-256 of the anchor's commitment; nothing is parsed strictly, compared with
a trust file or reported. The receipts are those of the demonstration's story, anchored on the embedded chain.

`large_offline_ms` is one receipt of a log of a million entries with the state proofs of a chain the size of a main
network, made synthetically (`tests/core/large.py`), verified with one block hash; `large_plain_bytes` is its size
without these proofs.
"""

from __future__ import annotations

import base64
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_hash.auto import keccak

from ledger_service.chain.facts import answer_from
from ledger_service.chain.rpc import open_node
from ledger_service.core.facts import Answer
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, verify
from tests.campaigns.receipts.logs import build, plans
from tests.core.large import Large, large

ROUNDS = 9
LARGE_ROUNDS = 51
REPEATS, REPEATS_SHORT = 40, 4  # of the whole set in one round: about half a second of verifying


@dataclass(frozen=True, slots=True)
class Case:
    """One receipt with what a node answered about it."""

    data: bytes
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The receipts and the trust file that they are all verified under."""

    cases: list[Case]
    trust: Trust


def measure(short: bool) -> dict[str, Any]:
    """Return figures and ratios of verifying; `short` takes fewer repeats and rounds."""
    prepared = prepare()
    files = [case.data for case in prepared.cases]
    public = prepared.trust.keys[0].public
    repeats = REPEATS_SHORT if short else REPEATS
    ours, bare, ratios = [], [], []
    for _ in range(3 if short else ROUNDS):
        seconds = [0.0, 0.0]
        for _ in range(repeats):  # pass by pass, so that both meet the same load of the machine
            seconds[0] += _seconds(lambda: verify_all(prepared))
            seconds[1] += _seconds(lambda: primitives(files, public))
        ours.append(repeats * len(files) / seconds[0])
        bare.append(repeats * len(files) / seconds[1])
        ratios.append(ours[-1] / bare[-1])
    made = large(stated=True)
    data = encode_receipt(made.receipt)
    offline = [_seconds(partial(verify_large, data, made)) for _ in range(LARGE_ROUNDS)]
    return {
        "figures": {
            "large_offline_ms": round(statistics.median(offline) * 1000, 2),
            "large_bytes": len(data),
            "large_plain_bytes": len(encode_receipt(large(stated=False).receipt)),
            "receipts_per_second": round(statistics.median(ours)),
            "primitives_per_second": round(statistics.median(bare)),
            "receipt_bytes": round(statistics.mean(map(len, files))),
            "receipts": len(files),
            "rounds": len(ratios),
        },
        "ratios": {"vs_primitives": round(statistics.median(ratios), 4)},
    }


def prepare() -> Prepared:
    """Return the receipts of one story, each `valid`."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as name:
        folder = Path(name)
        with open_node(f"embedded:{folder / 'chain'}", writable=True) as node:
            log = build(plans()[0], node, folder / "main")
            files = [encode_receipt(receipt) for receipt in log.receipts]
            cases = [Case(data, answer_from(node, questions(data, log.trust))) for data in files]
    return Prepared(cases, log.trust)


def verify_all(prepared: Prepared) -> None:
    """Verify every receipt; AssertionError if one is not valid."""
    for case in prepared.cases:
        if verify(case.data, prepared.trust, case.answers).verdict is not Verdict.VALID:
            raise AssertionError("a final receipt is not valid")


def verify_large(data: bytes, made: Large) -> None:
    """Verify the large receipt with nobody asked; AssertionError if it is not valid."""
    if verify(data, made.trust, (), block_hashes=(made.block_hash,)).verdict is not Verdict.VALID:
        raise AssertionError("the large receipt is not valid")


def primitives(files: Sequence[bytes], public: bytes) -> None:
    """Do the bare cryptography of every receipt, and compare its results."""
    for data in files:
        value = json.loads(data)
        text, _, tail = value["checkpoint"].rpartition("\n\n")
        signature = base64.b64decode(tail.rsplit(" ", 1)[1])[4:]
        Ed25519PublicKey.from_public_bytes(public).verify(signature, (text + "\n").encode())
        entry = json.loads(value["entry"])
        commitments = {one["commitment"] for name in ("evidence", "commitments") for one in entry.get(name, ())}
        root = sha256(b"\x00" + value["entry"].encode()).digest()
        size, index = int(text.split("\n")[1]), value["index"]
        last = size - 1
        for step in value["inclusion"]:
            while index == last and not index & 1:
                index, last = index >> 1, last >> 1
            sibling = bytes.fromhex(step)
            left, right = (sibling, root) if index & 1 else (root, sibling)
            root = sha256(b"\x01" + left + right).digest()
            index, last = index >> 1, last >> 1
        opened = {
            sha256(
                json.dumps(
                    [r["salt"], r["name"], r["value"]], ensure_ascii=False, separators=(",", ":"), sort_keys=True
                ).encode()
            ).hexdigest()
            for r in value["records"]
            if "salt" in r
        }
        if base64.b64encode(root).decode() != text.split("\n")[2] or not opened <= commitments:
            raise AssertionError("the baseline does not compute what a verifier must")
        for anchor in value["anchors"]:
            keccak(bytes.fromhex(anchor["log_id"][2:]) + bytes(5 * 32) + bytes.fromhex(anchor["parent_hash"][2:]))


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
