"""Mutations of the checkpoint: size, root, origin, signatures, spelling, and notes that somebody else signed."""

from __future__ import annotations

import base64
import functools
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import merkle
from ledger_service.core.checkpoint import parse_checkpoint, verifier_key
from ledger_service.errors import InvalidProofError
from tests.campaigns.receipts.draw import Draw, edit
from tests.campaigns.receipts.world import Base

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519 (RFC 8032 §5.1)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x5a" * 32)


@functools.cache
def sizes_of_the_same_root(base: Base) -> tuple[int, ...]:
    """Return the other sizes under which the same proof leads to the same root (threats, fact 1)."""
    root, leaf = base.log.root(base.size), merkle.leaf_hash(base.log.entries[base.index])
    proof = base.log.inclusion(base.index, base.size)
    found = []
    for size in range(1, 2 * base.size + 66):
        try:
            merkle.verify_inclusion(leaf, base.index, size, proof, root)
        except InvalidProofError:
            continue
        found.append(size)
    return tuple(size for size in found if size != base.size)


def note_text(origin: str, size: object, root: bytes) -> str:
    """Return the signed text of a note."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def signature_line(text: str, key: Ed25519PrivateKey, *, name: str, key_id: bytes | None = None) -> str:
    """Return a signature line; `key_id` of another key may be claimed."""
    claimed = verifier_key(name, key).key_id() if key_id is None else key_id
    return f"\u2014 {name} {base64.b64encode(claimed + key.sign(text.encode())).decode()}\n"


def parts(note: str) -> tuple[str, list[str]]:
    """Return a note's text and its signature lines."""
    text, _, tail = note.rpartition("\n\n")
    return text + "\n", tail.splitlines(keepends=True)


def _other_size(draw: Draw) -> int:
    same_root = sizes_of_the_same_root(draw.base)
    if same_root and draw.rng.random() < 0.6:
        return draw.rng.choice(same_root)
    size = draw.base.size
    return draw.rng.choice(
        [size + 1, size - 1, size * 2, size + 2**32, 0, 2**53, 2**63 - 1, draw.rng.randrange(3 * size)]
    )


def _raw(line: str) -> bytes:
    return base64.b64decode(line.split(" ")[2])


def _with_signature(line: str, raw: bytes) -> str:
    return f"\u2014 {line.split(' ')[1]} {base64.b64encode(raw).decode()}\n"


@edit
def size_changed(draw: Draw, value: Any) -> None:
    """The same root under another size, often one under which the inclusion proof holds too (threats, J2)."""
    lines = value["checkpoint"].split("\n")
    lines[1] = str(_other_size(draw))
    value["checkpoint"] = "\n".join(lines)


@edit
def size_changed_and_signed_by_another_key(draw: Draw, value: Any) -> None:
    pinned = parse_checkpoint(value["checkpoint"].encode())[1][0]
    text = note_text(draw.base.log.origin, _other_size(draw), draw.base.log.root(draw.base.size))
    key = draw.rng.choice([STRANGER, draw.other_log().keys[-1]])
    key_id = draw.rng.choice([None, pinned.key_id])  # under its own id, or claiming the pinned one
    value["checkpoint"] = f"{text}\n{signature_line(text, key, name=draw.base.log.origin, key_id=key_id)}"


@edit
def size_spelled_otherwise(draw: Draw, value: Any) -> None:
    size = draw.base.size
    ways = [
        f"0{size}",
        f"+{size}",
        f" {size}",
        f"{size} ",
        f"{size}.0",
        f"{size}e0",
        hex(size),
        f"{size}\r",
        "",
        "-1",
        "１",
    ]
    ways += [f"{size}_0", f"{size}\u00a0", str(size).translate({ord("1"): "١"}), "9" * 30, "9" * 5_000]
    value["checkpoint"] = value["checkpoint"].replace(f"\n{size}\n", f"\n{draw.rng.choice(ways)}\n", 1)


@edit
def root_changed(draw: Draw, value: Any) -> None:
    log, size = draw.base.log, draw.base.size
    root = log.root(size)
    other = bytearray(root)
    other[draw.rng.randrange(32)] ^= 1 << draw.rng.randrange(8)
    leaf = merkle.leaf_hash(value["entry"].encode())
    sizes = [log.root(n) for n in range(1, len(log.entries) + 1) if n != size]
    new = draw.rng.choice([bytes(other), bytes(32), leaf, b"", root[:31], root + b"\0", draw.rng.choice(sizes)])
    text, lines = parts(value["checkpoint"])
    text = note_text(log.origin, size, new)
    value["checkpoint"] = text + "\n" + "".join(lines)


@edit
def root_changed_and_signed_by_another_key(draw: Draw, value: Any) -> None:
    pinned = parse_checkpoint(value["checkpoint"].encode())[1][0]
    text = note_text(draw.base.log.origin, draw.base.size, draw.rng.randbytes(32))
    key_id = draw.rng.choice([None, pinned.key_id])
    value["checkpoint"] = f"{text}\n{signature_line(text, STRANGER, name=draw.base.log.origin, key_id=key_id)}"


@edit
def note_signed_by_another_key(draw: Draw, value: Any) -> None:
    """The true head, signed by nobody pinned."""
    pinned = parse_checkpoint(value["checkpoint"].encode())[1][0]
    text, _ = parts(value["checkpoint"])
    log = draw.base.log
    key = draw.rng.choice(
        [STRANGER, draw.other_log().keys[-1], *log.keys]
    )  # a key of the log's own is not in force now
    key_id = draw.rng.choice([None, pinned.key_id])
    value["checkpoint"] = f"{text}\n{signature_line(text, key, name=log.origin, key_id=key_id)}"


@edit
def note_of_another_log(draw: Draw, value: Any) -> None:
    log = draw.other_log()
    sizes = [draw.base.size] if draw.base.size in log.notes else list(log.notes)
    value["checkpoint"] = log.notes[draw.rng.choice(sizes)].decode()


@edit
def note_of_another_size(draw: Draw, value: Any) -> None:
    notes = draw.base.log.notes
    size = draw.rng.choice([size for size in notes if size != draw.base.size])
    value["checkpoint"] = notes[size].decode()
    if size > draw.base.index and draw.rng.random() < 0.5:  # all of it holds, but this head is not the anchored one
        value["inclusion"] = [one.hex() for one in draw.base.log.inclusion(draw.base.index, size)]


@edit
def signature_of_another_note(draw: Draw, value: Any) -> None:
    text, _ = parts(value["checkpoint"])
    log = draw.rng.choice([draw.base.log, draw.other_log()])
    _, lines = parts(log.notes[draw.rng.choice(list(log.notes))].decode())
    value["checkpoint"] = text + "\n" + lines[0]


@edit
def origin_changed(draw: Draw, value: Any) -> None:
    text, lines = parts(value["checkpoint"])
    origin = draw.base.log.origin
    names = [origin + "x", origin.upper(), draw.other_log().origin, "", origin + " ", origin + "+", "https://" + origin]
    name = draw.rng.choice(names)
    where = draw.rng.choice(["text", "line", "both"])
    if where != "line":
        text = text.replace(origin, name, 1)
    if where != "text":
        lines[0] = lines[0].replace(origin, name, 1)
    value["checkpoint"] = text + "\n" + "".join(lines)


@edit
def signature_line_added(draw: Draw, value: Any) -> None:
    """A second signature: a stranger's, the log's own again, another key's of the log, or an empty one."""
    text, lines = parts(value["checkpoint"])
    log = draw.base.log
    more = [
        signature_line(text, STRANGER, name="witness.example"),
        signature_line(text, STRANGER, name=log.origin),
        signature_line(text, log.keys[0], name=log.origin),
        signature_line(text, log.keys[-1], name=log.origin),
        signature_line(text, draw.other_log().keys[0], name=draw.other_log().origin),
        lines[0],
        _with_signature(lines[0], _raw(lines[0])[:4] + bytes(64)),
        "\n",
    ]
    lines.insert(draw.rng.randint(0, 1), draw.rng.choice(more))
    if draw.rng.random() < 0.1:
        lines += [more[0]] * 100
    value["checkpoint"] = text + "\n" + "".join(lines)


@edit
def extension_line_added(draw: Draw, value: Any) -> None:
    text, lines = parts(value["checkpoint"])
    line = draw.rng.choice(["time 1793700000", "verified", "x", "\u2014 a b", " ", ""])
    rows = text.split("\n")
    rows.insert(draw.rng.randint(0, 3), line)
    text = "\n".join(rows)
    if draw.rng.random() < 0.3:  # signed anew, by whoever can
        lines = [signature_line(text, STRANGER, name=draw.base.log.origin)]
    value["checkpoint"] = text + "\n" + "".join(lines)


@edit
def signatures_removed(draw: Draw, value: Any) -> None:
    text, lines = parts(value["checkpoint"])
    value["checkpoint"] = draw.rng.choice([text, text + "\n", text + "\n\n", text.strip(), "\n" + lines[0], lines[0]])


@edit
def base64_spelled_otherwise(draw: Draw, value: Any) -> None:
    """Unused bits set, padding lost or doubled, the URL alphabet, white space: other text for the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text, lines = parts(value["checkpoint"])
    encoded = draw.rng.choice([text.split("\n")[2], lines[0].split(" ")[2].strip()])
    bare = encoded.rstrip("=")
    pads = len(encoded) - len(bare)
    ways = [
        bare,
        encoded + "=",
        encoded.replace("+", "-").replace("/", "_"),
        encoded[:8] + " " + encoded[8:],
        encoded + "\t",
    ]
    ways += [
        encoded[:8] + "\n" + encoded[8:],
        encoded[:-1],
        "=" + encoded,
        encoded[:8] + "=" + encoded[8:],
        bare + "====",
    ]
    if pads:
        last = alphabet.index(bare[-1])
        unused = 2 * pads  # bits of the last character that no byte holds
        spelt = last ^ draw.rng.randrange(1, 1 << unused)
        ways += [bare[:-1] + alphabet[spelt] + "=" * pads] * len(ways)
    value["checkpoint"] = value["checkpoint"].replace(encoded, draw.rng.choice(ways), 1)


@edit
def signature_altered(draw: Draw, value: Any) -> None:
    """Bits of key id or signature, its length, and the second s of the same signature (RFC 8032 §5.1.7)."""
    text, lines = parts(value["checkpoint"])
    raw = bytearray(_raw(lines[0]))
    scalar = int.from_bytes(raw[36:68], "little")
    flipped = bytearray(raw)
    flipped[draw.rng.randrange(len(raw))] ^= 1 << draw.rng.randrange(8)
    larger = [raw[:36] + (scalar + n * GROUP_ORDER).to_bytes(32, "little") for n in (1, 2, 3)]
    ways = [
        flipped,
        flipped,
        flipped,
        *larger,
        raw[:-1],
        raw + b"\0",
        raw[:4],
        raw[:4] + bytes(64),
        raw[4:],
        b"",
        raw + raw[4:],
    ]
    ways += [
        raw[:4] + b"\x01" + bytes(63),
        raw[:36] + bytes(32),
        raw[:4] + raw[36:] + raw[4:36],
        raw[:4][::-1] + raw[4:],
    ]
    value["checkpoint"] = text + "\n" + _with_signature(lines[0], bytes(draw.rng.choice(ways)))


@edit
def note_spelled_otherwise(draw: Draw, value: Any) -> None:
    note = value["checkpoint"]
    ways = [note.replace("\n", "\r\n"), note.rstrip("\n"), note + "\n", "\n" + note, note.replace("\n\n", "\n")]
    ways += [note.replace("\n\n", "\n\n\n"), note.replace("\u2014", "-"), note.replace("\u2014", "\u2013"), note + " "]
    ways += [
        note.replace("\u2014 ", "\u2014  "),
        note.replace("\u2014 ", "\u2014"),
        note.replace("\n", "\u2028"),
        note * 2,
    ]
    ways += [note.replace("\n", "\x85", 1), note.replace("\u2014 ", "\u2014\u00a0"), "", note[::-1], "\ufeff" + note]
    value["checkpoint"] = draw.rng.choice(ways)
