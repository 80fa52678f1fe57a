"""Contradiction files that are none: made of what an honest log signed and proved, or of a true one by one change."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import merkle
from ledger_service.core.checkpoint import sign_checkpoint
from ledger_service.core.contradiction import (
    Contradiction,
    ShownLeaf,
    SignedHead,
    encode_contradiction,
    rewritten,
    two_leaves,
    two_roots,
)
from ledger_service.core.encoding import encode_document
from tests.core.spoiled import spoil
from tests.watch.shown import ShownLog

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))


def forge(true: ShownLog, rng: random.Random) -> bytes:
    """Return a file made of what an honest log signed and proved, and of what anybody can make up."""
    forgery = rng.choice((_forged_roots, _forged_roots, _forged_path, _forged_path, _forged_leaves, _forged_leaves))
    data = encode_contradiction(forgery(true, rng))
    if rng.randrange(8) == 0:
        data = spoiled(data, rng)
    return data


def _forged_roots(true: ShownLog, rng: random.Random) -> Contradiction:
    one, other = rng.choices(range(1, len(true.entries) + 1), k=2)
    note = true.note(one)
    text, _, signature = note.rpartition(b"\n\n")
    made = rng.randrange(6)
    if made == 0:  # two true heads
        forged = true.note(other)
    elif made == 1:  # a head that somebody else signed
        forged = sign_checkpoint(dataclasses.replace(true.head(one), root=rng.randbytes(32)), STRANGER)
    elif made == 2:  # another size over a true signature
        forged = note.replace(f"\n{one}\n".encode(), f"\n{other}\n".encode())
    elif made == 3:  # another root over a true signature
        root = base64.b64encode(rng.randbytes(32))
        forged = b"\n".join([*text.split(b"\n")[:2], root]) + b"\n\n" + signature
    elif made == 4:  # the signature of another head
        forged = true.note(other).rpartition(b"\n\n")[0] + b"\n\n" + signature
    else:  # another log that has the same key
        forged = sign_checkpoint(dataclasses.replace(true.head(one), origin="b.example", root=bytes(32)), true.key)
    return two_roots(SignedHead(note), SignedHead(forged))


def _forged_path(true: ShownLog, rng: random.Random) -> Contradiction:
    size = len(true.entries)
    older = rng.randrange(1, size)
    newer = rng.randrange(older + 1, size + 1)
    path = _path(true, older, newer)
    made = rng.randrange(5)
    if made == 0:
        path[rng.randrange(len(path))] = rng.randbytes(32)
    elif made == 1:
        path = path[1:]
    elif made == 2:
        path.insert(rng.randrange(len(path) + 1), rng.randbytes(32))
    elif made == 3:
        path = _path(true, rng.randrange(1, newer), newer)
    elif made == 4:
        rng.shuffle(path)
    return rewritten(SignedHead(true.note(older)), SignedHead(true.note(newer)), path)


def _forged_leaves(true: ShownLog, rng: random.Random) -> Contradiction:
    size = len(true.entries)
    index = rng.randrange(size - 1)
    one, other = rng.choices(range(index + 1, size + 1), k=2)
    leaf = _leaf(true, index, other)
    made = rng.randrange(5)
    if made == 0:  # the leaf of another index
        leaf = _leaf(true, rng.choice([at for at in range(size) if at != index]), size)
    elif made == 1:  # a leaf that is in no tree
        leaf = dataclasses.replace(leaf, leaf_hash=rng.randbytes(32), entry=None)
    elif made == 2 and leaf.inclusion:  # an inner node in place of a leaf
        sibling, *rest = leaf.inclusion
        left, right = (sibling, leaf.leaf_hash) if index & 1 else (leaf.leaf_hash, sibling)
        leaf = ShownLeaf(merkle.node_hash(left, right), tuple(rest))
    elif made == 3:  # another entry under a true leaf hash
        leaf = dataclasses.replace(leaf, entry=b"{}")
    else:  # a proof of another size
        leaf = dataclasses.replace(_leaf(true, index, rng.randrange(index + 1, size + 1)), leaf_hash=rng.randbytes(32))
    shown = (SignedHead(true.note(one)), _leaf(true, index, one))
    return two_leaves(index, shown, (SignedHead(true.note(other)), leaf))


def spoiled(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one of its parts of another form."""
    return encode_document(rng.choice([changed for _, _, changed in spoil(json.loads(data))]))


def _path(log: ShownLog, older: int, newer: int) -> list[bytes]:
    proof = log.consistency(older, newer)
    return proof if older & (older - 1) else [log.root(older), *proof]


def _leaf(log: ShownLog, index: int, size: int) -> ShownLeaf:
    entry = log.entries[index]
    return ShownLeaf(merkle.leaf_hash(entry), log.inclusion(index, size), entry)


def bent(data: bytes, rng: random.Random) -> bytes:
    """Return the file with one byte changed, put in or taken out."""
    at, made = rng.randrange(len(data)), rng.randrange(3)
    byte = bytes([rng.randrange(256)]) if rng.randrange(4) else bytes([data[at] ^ (1 << rng.randrange(7))])
    return data[:at] + (b"" if made == 2 else byte) + data[at + (made != 1) :]


def withheld(changed: bytes, data: bytes) -> bool:
    """Say whether all that was done is to show one leaf by its hash alone, which its holder may do."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):  # of another shape: something else was done
        one, other = json.loads(changed), json.loads(data)
        for leaf, before in zip(one.get("leaves", ()), other.get("leaves", ()), strict=True):
            if leaf["entry"] is None:
                leaf["entry"] = before["entry"]
        return bool(one == other)
    return False
