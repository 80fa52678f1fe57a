"""Follow a log with nothing but Python's standard library, written from the RFC and C2SP texts: RFC 6962 hashes,
RFC 8032 signatures, c2sp.org/signed-note, tlog-checkpoint, tlog-tiles and tlog-proof.

    follow_log.py URL KEY STATE [TLOG-PROOF...]

The same program as `follow_log.go`, for machines without Go; it imports nothing of return-ledger. Exit code 0 and one
line when all holds, 1 and the reason when not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import urllib.request
from pathlib import Path

WIDTH = 256  # hashes in a full tile

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


class Contradicted(Exception):
    """Something does not hold."""


def need(holds: bool, reason: str) -> None:
    """Stop where something does not hold."""
    if not holds:
        raise Contradicted(reason)


# RFC 8032 §5.1: Ed25519 in extended coordinates.


def add(a: Point, b: Point) -> Point:
    """Add two points (§5.1.4)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def multiply(times: int, point: Point) -> Point:
    """Add a point to itself so many times."""
    total: Point = (0, 1, 1, 0)
    while times:
        if times & 1:
            total = add(total, point)
        point, times = add(point, point), times >> 1
    return total


def recover(y: int, sign: int) -> Point:
    """Return the point of a y coordinate (§5.1.3)."""
    need(y < P, "a point is out of range")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    need((x * x - square) % P == 0 and not (x == 0 and sign), "not a point of the curve")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def decode(data: bytes) -> Point:
    """Return the point of 32 bytes."""
    value = int.from_bytes(data, "little")
    return recover(value & ((1 << 255) - 1), value >> 255)


BASE = recover(4 * pow(5, P - 2, P) % P, 0)


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature verifies (§5.1.7)."""
    if len(signature) != 64:
        return False
    first, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(first + public + message).digest(), "little") % Q
    left, right = multiply(s, BASE), add(decode(first), multiply(h, decode(public)))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# RFC 6962 §2.1, by its recursive definitions.


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """Return the largest power of two below n."""
    return 1 << ((n - 1).bit_length() - 1)


def root_of(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root_of(leaves[:k]), root_of(leaves[k:]))


def root_by_path(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to."""
    if size == 1:
        need(not proof, "the inclusion proof is too long")
        return leaf
    need(bool(proof), "the inclusion proof is too short")
    k = split(size)
    if index < k:
        return node(root_by_path(leaf, index, k, proof[:-1]), proof[-1])
    return node(proof[-1], root_by_path(leaf, index - k, size - k, proof[:-1]))


def roots_by_proof(m: int, n: int, proof: list[bytes], old: bytes, *, whole: bool = True) -> tuple[bytes, bytes]:
    """Return the older and the newer root that a consistency proof leads to."""
    if m == n:
        if whole:
            need(not proof, "the consistency proof is too long")
            return old, old
        need(len(proof) == 1, "the consistency proof has the wrong length")
        return proof[0], proof[0]
    need(bool(proof), "the consistency proof is too short")
    k = split(n)
    if m <= k:
        older, newer = roots_by_proof(m, k, proof[:-1], old, whole=whole)
        return older, node(newer, proof[-1])
    older, newer = roots_by_proof(m - k, n - k, proof[:-1], old, whole=False)
    return node(proof[-1], older), node(proof[-1], newer)


# c2sp.org: signed-note, tlog-checkpoint, tlog-tiles, tlog-proof.


def opened(note: bytes, key: str) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that this key signed."""
    name, key_id, encoded = key.split("+", 2)
    raw = base64.b64decode(encoded)
    need(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id, "the key id is not the key's")
    text, _, tail = note.decode().rpartition("\n\n")
    text += "\n"
    lines = text.split("\n")
    need(lines[0] == name, "the checkpoint is of another log")
    verified = 0
    for line in tail.splitlines():
        dash, signer, signature = line.split(" ")
        data = base64.b64decode(signature)
        if (dash, signer, data[:4].hex()) == ("—", name, key_id):
            need(signed_by(raw[1:], text.encode(), data[4:]), "the signature does not verify")
            verified += 1
    need(verified == 1, "the checkpoint bears no signature by this key")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


def get(url: str, path: str, media_type: str) -> bytes:
    """Fetch a resource of this type."""
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        need(answer.headers["Content-Type"] == media_type, f"{path} has the type {answer.headers['Content-Type']}")
        data: bytes = answer.read()
        return data


def place(number: int) -> str:
    """Return the index of a tile as a path: groups of three digits, all but the last after an x."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    return "/".join(groups)


def tiles(url: str, level: int, count: int) -> list[bytes]:
    """Return the first `count` hashes of a level, from full tiles and one partial tile."""
    found: list[bytes] = []
    while len(found) < count:
        width = min(WIDTH, count - len(found))
        partial = "" if width == WIDTH else f".p/{width}"
        path = f"/tile/{level}/{place(len(found) // WIDTH)}{partial}"
        data = get(url, path, "application/octet-stream")
        need(len(data) == 32 * width, f"{path} has {len(data)} bytes")
        found += [data[start : start + 32] for start in range(0, len(data), 32)]
    return found


def leaves_of(url: str, size: int) -> list[bytes]:
    """Return all leaf hashes; tiles of higher levels must hold the roots of those below."""
    leaves = level = tiles(url, 0, size)
    number = 1
    while len(level) >= WIDTH:
        above = [root_of(level[start : start + WIDTH]) for start in range(0, len(level) - WIDTH + 1, WIDTH)]
        need(tiles(url, number, len(above)) == above, f"tiles of level {number} are not the roots of those below")
        level, number = above, number + 1
    return leaves


def check_extension(url: str, leaves: list[bytes], size: int, root: bytes, older: tuple[int, bytes]) -> None:
    """Accept only a log that begins with the one seen before, by its leaves and by the proof that it serves."""
    old_size, old_root = older
    need(old_size <= size, "the log is shorter than the one seen before")
    need(root_of(leaves[:old_size]) == old_root, "the log is no extension of the one seen before")
    served = json.loads(get(url, f"/v1/proofs/consistency?from={old_size}&to={size}", "application/json"))
    proof = [bytes.fromhex(value) for value in served["hashes"]]
    need(roots_by_proof(old_size, size, proof, old_root) == (old_root, root), "the served proof leads elsewhere")


def check_proof(path: Path, key: str) -> None:
    """Accept only a c2sp.org/tlog-proof@v1 whose extra data are the record."""
    head, _, note = path.read_bytes().partition(b"\n\n")
    lines = head.decode().split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1", "not a tlog-proof")
    record = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
    index, proof = int(lines[2].removeprefix("index ")), [base64.b64decode(line, validate=True) for line in lines[3:]]
    size, root = opened(note, key)
    need(index < size, "the index is beyond the tree")
    leaf = hashlib.sha256(b"\x00" + record).digest()
    need(root_by_path(leaf, index, size, proof) == root, "the inclusion proof leads elsewhere")


def main(url: str, key: str, state: str, *proofs: str) -> str:
    """Follow the log; return what was seen."""
    fetched = get(url, "/checkpoint", "text/plain; charset=utf-8")
    size, root = opened(fetched, key)
    leaves = leaves_of(url, size)
    need(root_of(leaves) == root, "the tiles have another root than the checkpoint")
    kept = Path(state)
    older = opened(kept.read_bytes(), key) if kept.exists() else None
    if older is not None:
        check_extension(url, leaves, size, root, older)
    for path in proofs:
        check_proof(Path(path), key)
    kept.write_bytes(fetched)
    return f"size {size}, extends {0 if older is None else older[0]}, proofs {len(proofs)}"


if __name__ == "__main__":
    try:
        told = main(*sys.argv[1:])
    except (Contradicted, ValueError) as reason:
        sys.stderr.write(f"{reason}\n")
        sys.exit(1)
    sys.stdout.write(f"{told}\n")
