"""Packages that somebody made to be believed: each kind a function from the honest archive to a hostile one.

The first table is about the archive (its bytes contradict themselves, hide something or expand), the second about what
is in it (files exchanged, left out or added, some with everything signed again by the log's own key).
"""

from __future__ import annotations

import dataclasses
import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator

from ledger_service.core import merkle
from ledger_service.core.checkpoint import sign_checkpoint
from ledger_service.core.entry import encode_entry
from ledger_service.core.package import HEAD_RECEIPT, MANIFEST, NOTE, TRUST, Manifest, receipt_name
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from tests.core.entries import NEW_KEY, ORIGIN
from tests.core.packages import (
    ANSWERED,
    ASKED,
    HIDDEN,
    OTHER,
    PHOTO,
    PHOTO_NAME,
    SLIP,
    Draft,
    files,
    head,
    honest,
    other_signature,
    pack,
    receipt,
)
from tests.core.receipts import TRUST as PINNED

LOCAL, CENTRAL, END = 30, 46, 22
Kind = Callable[[], bytes]


def whole() -> bytearray:
    """Return a copy of the honest archive."""
    return bytearray(honest())


def central_at() -> int:
    """Return where the directory begins."""
    return int(struct.unpack_from("<I", honest(), len(honest()) - 6)[0])


def put(at: int, value: bytes) -> Kind:
    """Return the honest archive with these bytes at a place (from the end where it is negative)."""

    def make() -> bytes:
        data = whole()
        start = at if at >= 0 else len(data) + at
        assert bytes(data[start : start + len(value)]) != value
        data[start : start + len(value)] = value
        return bytes(data)

    return make


def in_local(at: int, value: bytes) -> Kind:
    """Change the first local header."""
    return put(at, value)


def in_central(at: int, value: bytes) -> Kind:
    """Change the first row of the directory."""
    return lambda: put(central_at() + at, value)()


def in_end(at: int, value: bytes) -> Kind:
    """Change the end record."""
    return put(at - END, value)


def zipped(
    *,
    method: int = zipfile.ZIP_STORED,
    first: str | None = None,
    extra: tuple[tuple[str, bytes], ...] = (),
    mode: int = 0o100644,
    comment: bytes = b"",
) -> Kind:
    """Return the honest files as another program packs them."""

    def make() -> bytes:
        out = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
            warnings.simplefilter("ignore")  # it warns of names that stand twice
            archive.comment = comment
            for place, (name, content) in enumerate([*sorted(Draft(files()).contents().items()), *extra]):
                told = zipfile.ZipInfo(first if first is not None and place == 0 else name)
                told.external_attr, told.create_system = mode << 16, 3
                archive.writestr(told, content, compress_type=method)
        return out.getvalue()

    return make


def gap() -> bytes:
    """Bytes between the last member and the directory, with the end record corrected."""
    data, at = whole(), central_at()
    data[at:at] = b"hidden"
    struct.pack_into("<I", data, len(data) - 6, at + 6)
    return bytes(data)


def prepended() -> bytes:
    """A program before the archive, every offset corrected."""
    data, at = whole(), central_at()
    for start in _rows(bytes(data), at):
        struct.pack_into("<I", data, start + 42, struct.unpack_from("<I", data, start + 42)[0] + 4)
    struct.pack_into("<I", data, len(data) - 6, at + 4)
    return b"#!/x" + bytes(data)


def overlapping() -> bytes:
    """Two rows of the directory share one content."""
    data = whole()
    first, second, *_ = _rows(bytes(data), central_at())
    struct.pack_into("<I", data, second + 42, struct.unpack_from("<I", data, first + 42)[0])
    return bytes(data)


def reordered() -> bytes:
    """Two rows of the directory change places."""
    data = bytes(honest())
    rows = [*_rows(data, central_at()), len(data) - END]
    a, b, c = rows[0], rows[1], rows[2]
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def doubled_row() -> bytes:
    """A row of the directory stands twice, and is counted twice."""
    data = bytes(honest())
    a, b, *_ = [*_rows(data, central_at()), len(data) - END]
    grown = bytearray(data[:b] + data[a:b] + data[b:])
    count, size = (
        struct.unpack_from("<H", grown, len(grown) - 12)[0],
        struct.unpack_from("<I", grown, len(grown) - 10)[0],
    )
    struct.pack_into("<HHI", grown, len(grown) - 14, count + 1, count + 1, size + b - a)
    return bytes(grown)


def zip64() -> bytes:
    """A zip64 end record that tells another story."""
    data, at = whole(), central_at()
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 0, at)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(data) - END, 1)
    return bytes(data[:-END]) + record + locator + bytes(data[-END:])


def _rows(data: bytes, at: int) -> Iterator[int]:
    while data[at : at + 4] == b"PK\1\2":
        yield at
        at += CENTRAL + sum(struct.unpack_from("<HHH", data, at + 28))


def renamed(old: str, new: str) -> Kind:
    """A member under another name, in both headers."""
    assert len(old) == len(new)
    return lambda: bytes(honest()).replace(old.encode(), new.encode())


def split_name() -> bytes:
    """A member whose two headers say two names."""
    data = bytes(honest())
    at = data.index(b"limits.txt")
    return data[:at] + b"limitz.txt" + data[at + 10 :]


def truncated(count: int) -> Kind:
    """The archive without its last bytes."""
    return lambda: bytes(honest())[:-count]


def flipped_content() -> bytes:
    """One bit of an original."""
    data = whole()
    data[data.index(PHOTO) + 10] ^= 1
    return bytes(data)


def flipped_with_crc() -> bytes:
    """One bit of an original, its checksums corrected."""
    changed = PHOTO[:10] + bytes([PHOTO[10] ^ 1]) + PHOTO[11:]
    return pack({**Draft(files()).contents(), PHOTO_NAME: changed})


ARCHIVES: dict[str, Kind] = {
    "nothing": lambda: b"",
    "no archive": lambda: b"PK" + bytes(1000),
    "an empty archive": lambda: b"PK\5\6" + bytes(18),
    "only the end record": lambda: bytes(honest())[-END:],
    "the end cut off": truncated(1),
    "the directory cut off": truncated(END),
    "half of it": lambda: bytes(honest())[: len(honest()) // 2],
    "bytes before": lambda: b"#!/bin/sh\n" + bytes(honest()),
    "bytes before, offsets corrected": prepended,
    "bytes after": lambda: bytes(honest()) + b"x",
    "a second archive after": lambda: bytes(honest()) * 2,
    "a comment": lambda: bytes(honest())[:-2] + b"\x04\x00seen",
    "a comment by another program": zipped(comment=b"seen"),
    "a gap before the directory": gap,
    "rows that overlap": overlapping,
    "rows in another order": reordered,
    "a row twice": doubled_row,
    "a name twice": zipped(extra=(("timeline.csv", b"other"),)),
    "a name twice, capitals aside": zipped(extra=(("TIMELINE.CSV", b"other"),)),
    "a name that leaves the folder": zipped(first="../README.txt"),
    "a name that leaves it on Windows": zipped(first="..\\README.txt"),
    "an absolute name": zipped(first="/README.txt"),
    "a drive": zipped(first="C:/README.txt"),
    "a name with an empty part": zipped(first="evidence//README.txt"),
    "a name with a dot part": zipped(first="./README.txt"),
    "a name that is not ASCII": zipped(first="REΑDME.txt"),
    "a name with a control character": zipped(first="README.txt\x1b"),
    "a name with U+0000": renamed("README.txt", "READ\0E.txt"),
    "a folder as a member": zipped(extra=(("evidence/zz/", b""),)),
    "a deep name": zipped(extra=(("evidence/a/b.png", b"x"),)),
    "a link": zipped(mode=0o120777),
    "a program": zipped(mode=0o100755),
    "deflated": zipped(method=zipfile.ZIP_DEFLATED),
    "packed by bzip2": zipped(method=zipfile.ZIP_BZIP2),
    "a bomb": zipped(method=zipfile.ZIP_DEFLATED, extra=(("zeros.bin", bytes(5_000_000)),)),
    "packed by another program": zipped(),
    "an unexpected member": lambda: pack({**Draft(files()).contents(), "setup.exe": b"MZ"}),
    "a member that looks like ours": lambda: pack({**Draft(files()).contents(), "receipts/1.receipt.json": b"{}"}),
    "two names in two headers": split_name,
    "local: mark": in_local(0, b"PK\3\5"),
    "local: version": in_local(4, b"\x2d"),
    "local: encrypted": in_local(6, b"\x01"),
    "local: sizes follow the content": in_local(6, b"\x08"),
    "local: method": in_local(8, b"\x08"),
    "local: time": in_local(10, b"\x01"),
    "local: CRC-32": in_local(14, b"\xff\xff"),
    "local: packed size": in_local(18, b"\x01\x00"),
    "local: size": in_local(22, b"\xff\xff\xff\xff"),
    "local: length of the name": in_local(26, b"\x09"),
    "local: an extra field": in_local(28, b"\x04"),
    "central: made by": in_central(4, b"\x00"),
    "central: version": in_central(6, b"\x2d"),
    "central: encrypted": in_central(8, b"\x01"),
    "central: method": in_central(10, b"\x08"),
    "central: date": in_central(14, b"\x22"),
    "central: CRC-32": in_central(16, b"\xff\xff"),
    "central: packed size": in_central(20, b"\x00\x00"),
    "central: size": in_central(24, b"\xff\xff\xff\xff"),
    "central: length of the name": in_central(28, b"\xff\xff"),
    "central: an extra field": in_central(30, b"\x04"),
    "central: a comment": in_central(32, b"\x04"),
    "central: another disk": in_central(34, b"\x01"),
    "central: internal attributes": in_central(36, b"\x01"),
    "central: external attributes": in_central(38, b"\xff"),
    "central: offset": in_central(42, b"\x01"),
    "end: this disk": in_end(4, b"\x01"),
    "end: rows here": in_end(8, b"\x01\x00"),
    "end: rows in all": in_end(10, b"\x01\x00"),
    "end: more rows than there are": in_end(8, b"\xff\xff\xff\xff"),
    "end: one row": in_end(8, b"\x01\x00\x01\x00"),
    "end: a row more": in_end(8, b"\x1c\x00\x1c\x00"),
    "end: size of the directory": in_end(12, b"\x00\x00"),
    "end: offset": in_end(16, b"\x00\x00\x00\x00"),
    "zip64": zip64,
}


def with_files(*left_out: str, **_: object) -> dict[str, bytes]:
    """Return the honest files without some."""
    return {name: content for name, content in files().items() if name not in left_out}


def signed(changed: dict[str, bytes], **manifest: object) -> Kind:
    """Files exchanged or added, listed and signed again by the log's own key."""

    def change(value: Manifest) -> Manifest:
        return dataclasses.replace(value, **manifest)  # type: ignore[arg-type]

    return lambda: Draft({**files(), **changed}, changed=change).packed()


def without(*names: str, **manifest: object) -> Kind:
    """Files left out, the rest listed and signed again by the log's own key."""

    def change(value: Manifest) -> Manifest:
        return dataclasses.replace(value, **manifest)  # type: ignore[arg-type]

    return lambda: Draft(with_files(*names), changed=change).packed()


def swapped(name: str, content: bytes) -> Kind:
    """A file exchanged and nothing signed again."""
    return lambda: pack({**Draft(files()).contents(), name: content})


def relisted(**manifest: object) -> Kind:
    """A manifest that says something else, signed by the log's own key."""
    return signed({}, **manifest)


ASKED_LEAF = merkle.leaf_hash(encode_entry(ASKED))
LAST = receipt_name(5)
CONTENTS: dict[str, Kind] = {
    "a bit of an original": flipped_content,
    "a bit of an original, checksums corrected": flipped_with_crc,
    "a page rewritten": swapped("findings.txt", b"nothing is proven\n"),
    "a page emptied": swapped("timeline.csv", b""),
    "the trust file of somebody else": swapped(TRUST, encode_trust(dataclasses.replace(PINNED, genesis=bytes(32)))),
    "a trust file of another log, signed": signed(
        {TRUST: encode_trust(dataclasses.replace(PINNED, genesis=bytes(32)))}
    ),
    "no trust file at all, signed": signed({TRUST: b"{}\n"}),
    "a receipt exchanged": swapped(LAST, encode_receipt(receipt(2))),
    "a receipt under another index, signed": signed({LAST: encode_receipt(receipt(2))}),
    "a receipt of another case, signed": signed({receipt_name(3): encode_receipt(receipt(3))}, entries=5),
    "a receipt of the log itself, signed": signed({receipt_name(6): encode_receipt(receipt(6))}, entries=5),
    "a receipt that is none, signed": signed({LAST: b"{}\n"}),
    "a receipt that lies about its index, signed": signed(
        {LAST: encode_receipt(dataclasses.replace(receipt(5), index=4))}
    ),
    "an entry rewritten, signed": signed(
        {
            LAST: encode_receipt(
                dataclasses.replace(receipt(5), entry=encode_entry(dataclasses.replace(ANSWERED, verb="x")))
            )
        }
    ),
    "the last entry left out, signed": without(LAST),
    "the last entry left out, counts corrected": without(LAST, entries=3, chain=2),
    "an entry in the middle left out, counts corrected": without(receipt_name(2), entries=3, chain=2),
    "the first entry left out, counts corrected": without(receipt_name(1), PHOTO_NAME, entries=3, chain=2),
    "an access left out, not counted": without(receipt_name(4)),
    "more entries claimed": relisted(entries=9),
    "another length of the chain": relisted(chain=4),
    "another head of the case": relisted(head=ASKED_LEAF),
    "another return": relisted(return_id=OTHER),
    "another log": relisted(origin="returns.example/other"),
    "another size": relisted(size=head().size + 1),
    "another root": relisted(root=bytes(32)),
    "a file more than is listed": lambda: pack(
        {**Draft(files()).contents(), "evidence/00000002-00-product_photo.png": PHOTO}
    ),
    "a file listed that is not there": lambda: pack(
        {name: data for name, data in Draft(files()).contents().items() if name != PHOTO_NAME}
    ),
    "an original that nobody recorded, signed": signed({"evidence/00000002-00-product_photo.png": PHOTO}),
    "an original exchanged, signed": signed({PHOTO_NAME: PHOTO + b" and a scratch"}),
    "an original whose fingerprint is withheld, signed": signed({"evidence/00000001-01-return_label.pdf": SLIP}),
    "an original in a field's place, signed": signed({"evidence/00000001-02-comment.txt": str(HIDDEN.value).encode()}),
    "an original of another case, signed": signed({"evidence/00000003-00-product_photo.png": PHOTO}),
    "two originals in one place, signed": signed({"evidence/00000001-00-product_video.mp4": PHOTO}),
    "signed by another key": lambda: Draft(files(), key=NEW_KEY).packed(),
    "signed by another key in the log's name": lambda: Draft(files(), note=other_signature).packed(),
    "no signature": lambda: Draft(files(), note=lambda note: b"").packed(),
    "a signature with a second line": lambda: Draft(files(), note=lambda n: n + n.split(b"\n\n")[1]).packed(),
    "a signature with a space too many": lambda: Draft(files(), note=lambda n: n[:-1] + b" \n").packed(),
    "a checkpoint as the signature": lambda: Draft(files(), note=lambda _: honest_note()).packed(),
    "the signature of another manifest": lambda: pack(
        {**Draft(files()).contents(), NOTE: Draft(with_files(PHOTO_NAME)).contents()[NOTE]}
    ),
    "a manifest with a word more": lambda: Draft(
        files(), manifest=lambda d: d.replace(b'{\n  "chain"', b'{\n  "aside": 1,\n  "chain"')
    ).packed(),
    "a manifest spelled another way": lambda: Draft(
        files(), manifest=lambda d: d.replace(b'"chain": 3', b'"chain": 3.0')
    ).packed(),
    "a manifest that is none": lambda: Draft(files(), manifest=lambda _: b"[]\n").packed(),
    "a manifest without a page": without("limits.txt"),
    "no head": without(HEAD_RECEIPT),
    "a head by another key, signed by it too": lambda: Draft(
        {**files(), HEAD_RECEIPT: encode_receipt(receipt(0, anchored=False, key=NEW_KEY))}, key=NEW_KEY
    ).packed(),
    "a head that is no receipt": signed({HEAD_RECEIPT: b"{}\n"}),
    "a head that shows another entry": signed({HEAD_RECEIPT: encode_receipt(receipt(6, anchored=False))}),
    "receipts by another key": signed(
        {receipt_name(index): encode_receipt(receipt(index, key=NEW_KEY)) for index in (1, 2, 4, 5)}
    ),
    "a note beside the manifest": lambda: pack({**Draft(files()).contents(), "manifest.notes": b""}),
    "a page of a thousand zeros": swapped("case.json", bytes(1000)),
    "a manifest larger than any": lambda: Draft(files(), manifest=lambda d: d + b" " * 5_000_000).packed(),
    "a receipt larger than any": signed({LAST: encode_receipt(receipt(5)) + b" " * 2_000_000}),
    "no manifest": lambda: pack({n: d for n, d in Draft(files()).contents().items() if n != MANIFEST}),
}


def honest_note() -> bytes:
    """Return the log's signature over a checkpoint whose root is any 32 bytes."""
    from tests.core.entries import OLD_KEY

    return sign_checkpoint(dataclasses.replace(head(), origin=ORIGIN), OLD_KEY)


HOSTILE: dict[str, Kind] = {**ARCHIVES, **CONTENTS}
