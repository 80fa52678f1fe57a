"""Ways to change a package so that it must not be `valid` any more.

Three hands: a stranger who changes bytes (`BYTES`), a stranger who packs files anew with every checksum right and,
sometimes, a signature of their own (`REPACKED`), and the operator, whose own key signs the list again (`SIGNED`): what
that key can say is only what contradicts receipts, which it cannot make anew. `TABLE` are the hostile packages that
people thought of one by one.
"""

from __future__ import annotations

import dataclasses
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.archive import Member, directory, header, place
from ledger_service.core.case_index import prove
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.entry import encode_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package import (
    COMPLETENESS,
    EVENTS,
    HEAD_RECEIPT,
    MANIFEST,
    NOTE,
    PAGES,
    TRUST,
    Manifest,
    receipt_name,
)
from ledger_service.core.trust import encode_trust
from tests.campaigns.receipts.document import covered
from tests.core.entries import NEW_KEY
from tests.core.hostile_packages import HOSTILE
from tests.core.packages import (
    ASKED,
    OF_CASE,
    PHOTO_NAME,
    REQUEST,
    STRANGER,
    WORDS,
    Draft,
    completeness,
    event,
    files,
    honest,
    indexed,
    pack,
)
from tests.core.receipts import TRUST as PINNED

Kind = Callable[[random.Random], bytes]
RECEIPTS = [receipt_name(index) for index in OF_CASE]
DIGITS = b"0123456789abcdef"


@cache
def contents() -> dict[str, bytes]:
    """Return every file of the honest package."""
    return Draft(files()).contents()


def spoiled(rng: random.Random, data: bytes) -> bytes:
    """Change bytes at one place: one flipped, set, put in or taken out, or some moved, doubled or cut off."""
    if len(data) < 2:
        return data + rng.randbytes(3)
    at, other = sorted(rng.sample(range(len(data)), 2))
    span = slice(at, min(at + rng.randint(1, 40), len(data)))
    return rng.choice(
        [
            data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :],
            data[:at] + rng.randbytes(1) + data[at + 1 :],
            data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at:],
            data[: span.start] + data[span.stop :],
            data[:other] + data[span] + data[other:],
            data[:at],
            data[:at] + data[other:] + data[at:other],
            data + rng.randbytes(rng.randint(1, 30)),
            rng.randbytes(rng.randint(1, 30)) + data,
        ]
    )


def retyped(rng: random.Random, data: bytes) -> bytes:
    """Change one digit of a text, so that it still reads as a document of its kind."""
    places = [at for at, value in enumerate(data) if value in DIGITS]
    if not places:
        return spoiled(rng, data)
    at = rng.choice(places)
    return data[:at] + bytes([rng.choice(DIGITS)]) + data[at + 1 :]


def _any_file(rng: random.Random) -> bytes:
    changed = dict(contents())
    name = rng.choice(sorted(changed))
    changed[name] = rng.choice([spoiled, retyped])(rng, changed[name] or b"\n")
    return pack(changed)


def _exchanged(rng: random.Random) -> bytes:
    changed = dict(contents())
    one, other = rng.sample(sorted(changed), 2)
    changed[one], changed[other] = changed[other], changed[one]
    return pack(changed)


def _left_out(rng: random.Random) -> bytes:
    changed = dict(contents())
    for name in rng.sample(sorted(changed), rng.randint(1, 4)):
        del changed[name]
    return pack(changed)


def _put_in(rng: random.Random) -> bytes:
    name = rng.choice(
        [
            f"evidence/{rng.choice(OF_CASE):08d}-{rng.randrange(9):02d}-other.png",
            receipt_name(rng.randrange(6, 99)),
            f"{rng.choice(PAGES)}.bak",
            "verify.exe",
        ]
    )
    return pack({**contents(), name: rng.choice(sorted(contents().values()))})


def _renamed(rng: random.Random) -> bytes:
    changed = dict(contents())
    name = rng.choice(sorted(changed))
    changed[rng.choice([f"x{name}", name[:-1], name.upper(), receipt_name(rng.randrange(99)), PHOTO_NAME])] = (
        changed.pop(name)
    )
    return pack(changed)


def _wrong_checksum(rng: random.Random) -> bytes:
    found = contents()
    chosen = rng.choice(sorted(found))
    members = [
        Member(name, len(found[name]), zlib.crc32(found[name]) ^ (1 << rng.randrange(32) if name == chosen else 0))
        for name in sorted(found)
    ]
    placed = place(members)
    return b"".join(header(one.member) + found[one.member.name] for one in placed) + directory(placed)


def _strangers_key(rng: random.Random) -> bytes:
    changed = dict(files())
    if rng.random() < 0.5:
        name = rng.choice(PAGES)
        changed[name] = spoiled(rng, changed[name])
    return Draft(changed, key=NEW_KEY).packed()


def _foreign_note(rng: random.Random) -> bytes:
    """A list that somebody made, with the note of the honest one."""
    changed = dict(files())
    name = rng.choice([*PAGES, PHOTO_NAME])
    changed[name] = spoiled(rng, changed[name])
    return pack({**Draft(changed).contents(), NOTE: contents()[NOTE]})


def _own_receipt(rng: random.Random) -> bytes:
    changed = dict(files())
    name = rng.choice([*RECEIPTS, HEAD_RECEIPT])
    changed[name] = rng.choice([spoiled, retyped])(rng, changed[name])
    return Draft(changed).packed()


def _own_original(rng: random.Random) -> bytes:
    changed = dict(files())
    changed[PHOTO_NAME] = spoiled(rng, changed[PHOTO_NAME])
    return Draft(changed).packed()


def _own_numbers(rng: random.Random) -> bytes:
    def other(manifest: Manifest) -> Manifest:
        return rng.choice(
            [
                dataclasses.replace(manifest, entries=manifest.entries + rng.choice([-1, 1, rng.randrange(2, 99)])),
                dataclasses.replace(manifest, chain=manifest.chain + rng.choice([-1, 1, rng.randrange(2, 99)])),
                dataclasses.replace(manifest, head=rng.randbytes(32)),
                dataclasses.replace(manifest, size=manifest.size + rng.randrange(1, 99)),
                dataclasses.replace(manifest, root=rng.randbytes(32)),
                dataclasses.replace(manifest, return_id=rng.randbytes(16).hex()),
            ]
        )

    return Draft(files(), changed=other).packed()


def _own_omission(rng: random.Random) -> bytes:
    """Receipts left out, and the counts of the manifest as somebody hides that: right, or as they were."""
    gone = rng.sample(RECEIPTS, rng.randint(1, 3))
    left = {name: data for name, data in files().items() if name not in gone}
    left[EVENTS] = _lines([index for index in OF_CASE if receipt_name(index) not in gone])
    if receipt_name(OF_CASE[0]) in gone:
        del left[PHOTO_NAME]
    chained = len([index for index in OF_CASE if index != 4 and receipt_name(index) not in gone])
    keep = rng.random() < 0.3

    def counted(manifest: Manifest) -> Manifest:
        return manifest if keep else dataclasses.replace(manifest, entries=len(OF_CASE) - len(gone), chain=chained)

    if gone == [receipt_name(4)] and not keep:  # an access left out and counted right is what a package cannot show
        return _own_numbers(rng)
    return Draft(left, changed=counted).packed()


def _own_completeness(rng: random.Random) -> bytes:
    """The last entry left out, with a case index that counts without it: another one than the sealed."""
    left = {name: data for name, data in files().items() if name != receipt_name(OF_CASE[-1])}
    left[EVENTS] = _lines(OF_CASE[:-1])
    others = [(STRANGER, STRANGER)] if rng.random() < 0.5 else []
    root, nodes = indexed([(REQUEST, ASKED), *others])
    proof = completeness()
    left[COMPLETENESS] = encode_case_proof(
        dataclasses.replace(proof, nodes=tuple(prove(root, proof.prefix, nodes.__getitem__)))
    )
    last = leaf_hash(encode_entry(ASKED))

    def counted(manifest: Manifest) -> Manifest:
        return dataclasses.replace(manifest, entries=len(OF_CASE) - 1, chain=2, head=last)

    return Draft(left, changed=counted).packed()


def _own_renaming(rng: random.Random) -> bytes:
    changed = dict(files())
    name = rng.choice(RECEIPTS)
    changed[receipt_name(rng.choice([n for n in range(9) if n not in OF_CASE]))] = changed.pop(name)
    return Draft(changed).packed()


def _own_events(rng: random.Random) -> bytes:
    """Events that say something else than the receipts, each line in its one spelling."""
    lines = {index: event(index) for index in OF_CASE}
    line = lines[rng.choice(OF_CASE)]
    match rng.randrange(4):
        case 0:
            line["shown"] = {**line["shown"], WORDS.name: rng.randbytes(4).hex()}
        case 1:
            line["withheld"] = [*line["withheld"], rng.choice(["lines", WORDS.name])]
        case 2:
            line["evidence"] = [*line["evidence"], {"file": None, "sha256": rng.randbytes(32).hex(), "state": "erased"}]
        case _:
            line["entry"] = {**line["entry"], "recorded_at": "2020-01-01T00:00:00.000Z"}
            line["leaf_hash"] = leaf_hash(encoding.encode(line["entry"])).hex()
    return Draft({**files(), EVENTS: _lines(OF_CASE, lines)}).packed()


def _lines(indexes: Sequence[int], changed: Mapping[int, dict[str, Any]] | None = None) -> bytes:
    told = changed or {index: event(index) for index in indexes}
    return b"".join(encoding.encode(told[index]) + b"\n" for index in indexes)


def _own_trust(rng: random.Random) -> bytes:
    return Draft({**files(), TRUST: encode_trust(dataclasses.replace(PINNED, genesis=rng.randbytes(32)))}).packed()


def _own_addition(rng: random.Random) -> bytes:
    name = rng.choice(["evidence/00000001-01-return_label.pdf", "evidence/00000002-00-photo.png", "verify.exe"])
    return Draft({**files(), name: rng.randbytes(20)}).packed()


BYTES: dict[str, Kind] = {
    "bytes of the archive": lambda rng: spoiled(rng, honest()),
    "bytes of a hostile archive": lambda rng: spoiled(rng, HOSTILE[rng.choice(sorted(HOSTILE))]()),
}
REPACKED: dict[str, Kind] = {
    "any file": _any_file,
    "files exchanged": _exchanged,
    "files left out": _left_out,
    "a file put in": _put_in,
    "a file renamed": _renamed,
    "a wrong checksum": _wrong_checksum,
    "a stranger's key": _strangers_key,
    "another list's note": _foreign_note,
}
SIGNED: dict[str, Kind] = {
    "own key, receipt": _own_receipt,
    "own key, original": _own_original,
    "own key, numbers": _own_numbers,
    "own key, omission": _own_omission,
    "own key, completeness": _own_completeness,
    "own key, renaming": _own_renaming,
    "own key, events": _own_events,
    "own key, trust file": _own_trust,
    "own key, addition": _own_addition,
}
TABLE: dict[str, Kind] = {"the table": lambda rng: HOSTILE[rng.choice(sorted(HOSTILE))]()}
KINDS: dict[str, Kind] = {**BYTES, **REPACKED, **SIGNED, **TABLE}


def is_lawful(kind: str, data: bytes) -> bool:
    """Say whether a change changed nothing: the honest bytes, or receipts that only differ where nothing is verified.

    Only the operator can sign a list of such receipts, so only there it matters.
    """
    if data == honest():
        return True
    if kind != "own key, receipt":
        return False
    return _covered_of(data) == _covered_of(honest())


def _covered_of(data: bytes) -> list[object]:
    """Return what is verified of each receipt that an archive of ours carries."""
    found: list[object] = []
    at = 0
    while data[at : at + 4] == b"PK\3\4":
        size, length = (
            int.from_bytes(data[at + 22 : at + 26], "little"),
            int.from_bytes(data[at + 26 : at + 28], "little"),
        )
        name, content = data[at + 30 : at + 30 + length].decode(), data[at + 30 + length : at + 30 + length + size]
        found.append((name, covered(content) if name in (*RECEIPTS, HEAD_RECEIPT) else name in (MANIFEST, NOTE)))
        at += 30 + length + size
    return found
