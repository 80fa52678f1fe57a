"""The package of a case: which files an archive holds, the manifest that lists them, and its detached signature.

Promises: one spelling of a manifest and of its note; a note of a package is never a checkpoint, nor the other way round
(the second line of one is a word, of the other a number). Does not: fill the files (`operations/package.py`), or say
whether they are true (`verify_package.py`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import encoding
from ledger_service.core.archive import MEMBERS_MAX
from ledger_service.core.checkpoint import VerifierKey, verifier_key
from ledger_service.core.encoding import Json
from ledger_service.core.entry import RETURN_ID_BYTES
from ledger_service.core.log_entry import HASH, ORIGIN
from ledger_service.core.members import Reader
from ledger_service.errors import FormatError, InvalidSignatureError

FORMAT = "return-ledger/package@v1"
MANIFEST, NOTE = "manifest.json", "manifest.note"
HEAD_RECEIPT, TRUST = "head.receipt.json", "ledger.trust.json"
COMPLETENESS = "completeness.json"  # there as soon as a seal covers the case
VERIFIER = "verifier.html"  # a page that verifies without this ledger
EVENTS = "events.jsonl"
PDF = "report.pdf"  # in the language that was asked for
REPORTS = ("report.html", PDF, "report.zh.html")
LATER = (EVENTS, *REPORTS, VERIFIER)  # what the first packages did not have: they still verify without
RECEIPTS, EVIDENCE = "receipts", "evidence"
NOTE_BYTES_MAX = 1_024  # origin, format, return, digest and one signature have at most 700
PAGES = (
    "README.txt",
    "access.csv",
    "balances.json",
    "case.json",
    "clocks.csv",
    "clocks.json",
    "dispute_form.json",
    "evidence.csv",
    "findings.txt",
    "findings.zh.txt",
    "integrity.json",
    "issues.json",
    "limits.txt",
    "timeline.csv",
    "timeline.json",
    "timeline.txt",
    "timeline.zh.txt",
)  # what people and their programs read; derived from the entries
FIXED = (*PAGES, HEAD_RECEIPT, TRUST, MANIFEST, NOTE)

_RECEIPT = re.compile(r"receipts/([0-9]{8,16})\.receipt\.json")
_EVIDENCE = re.compile(r"evidence/([0-9]{8,16})-([0-9]{2})-[a-z][a-z0-9_]{0,63}\.[a-z0-9]{2,5}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_EXTENSIONS = {
    "application/json": "json",
    "application/pdf": "pdf",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "text/plain": "txt",
    "video/mp4": "mp4",
}  # a file of any other type is not opened by a click


class PackageFormatError(FormatError):
    """The archive is no package of this version, or its parts contradict each other."""


@dataclass(frozen=True, slots=True)
class FileSum:
    """A file of the package: name, size in bytes, SHA-256 (32 bytes)."""

    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package holds, and of what.

    `entries` counts all entries of the case in it, `chain` those on its chain, whose last has the leaf hash `head`
    (32 bytes). `size` and `root` are the tree head of `HEAD_RECEIPT`. `generated_at` is RFC 3339 UTC with milliseconds.
    `files` are all others, in the order of their names.
    """

    origin: str
    return_id: str
    generated_at: str
    entries: int
    chain: int
    head: bytes
    size: int
    root: bytes
    files: tuple[FileSum, ...]


def receipt_name(index: int) -> str:
    """Return the name of the receipt of an entry.

    >>> receipt_name(12)
    'receipts/00000012.receipt.json'
    """
    return f"{RECEIPTS}/{index:08d}.receipt.json"


def evidence_file_name(index: int, position: int, *, kind: str, media_type: str) -> str:
    """Return the name of an original: entry, place in its evidence, kind, and an extension for its type.

    >>> evidence_file_name(12, 0, kind="product_photo", media_type="image/png")
    'evidence/00000012-00-product_photo.png'
    """
    return f"{EVIDENCE}/{index:08d}-{position:02d}-{kind}.{_EXTENSIONS.get(media_type, 'bin')}"


def receipt_index(name: str) -> int | None:
    """Return the index of the entry whose receipt has this name, None where it is no such name."""
    match = _RECEIPT.fullmatch(name)
    return int(match[1]) if match and receipt_name(int(match[1])) == name else None


def evidence_place(name: str) -> tuple[int, int] | None:
    """Return the entry and the position of the original that has this name, None where it is no such name."""
    match = _EVIDENCE.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def require_layout(names: Sequence[str]) -> None:
    """Return only if these are names of a package: each fixed one, receipts, originals, and maybe what not all have.

    Raises:
        PackageFormatError: One is missing or none of a package.
    """
    present = set(names)
    if missing := sorted(set(FIXED) - present):
        raise PackageFormatError(f"{missing[0]} is missing")
    for name in sorted(present - {*FIXED, *LATER, COMPLETENESS}):
        if receipt_index(name) is None and evidence_place(name) is None:
            raise PackageFormatError(f"{name[:80]} is no file of a package")


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest file."""
    return encoding.encode_document(
        {
            "chain": manifest.chain,
            "entries": manifest.entries,
            "files": [{"name": one.name, "sha256": one.sha256.hex(), "size": one.size} for one in manifest.files],
            "format": FORMAT,
            "generated_at": manifest.generated_at,
            "head": manifest.head.hex(),
            "origin": manifest.origin,
            "return_id": manifest.return_id,
            "root": manifest.root.hex(),
            "size": manifest.size,
        }
    )


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest of a manifest file.

    Raises:
        PackageFormatError: Not a manifest of this version, or spelled another way.
    """
    read = Reader(PackageFormatError, "manifest")
    try:
        value = encoding.parse_document(data)
    except FormatError as error:
        raise PackageFormatError(f"manifest: {error.message}", hint=error.hint) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    names = ("chain", "entries", "files", "format", "generated_at", "head", "origin", "return_id", "root", "size")
    m = read.members(value, names)
    files = read.at("files").items(m["files"], MEMBERS_MAX, lambda v: _parse_file(read.at("files"), v))
    if [one.name for one in files] != sorted({one.name for one in files}):
        raise read.at("files").fail("files stand in the order of their names, each once")
    return Manifest(
        origin=read.at("origin").text(m["origin"], ORIGIN),
        return_id=read.at("return_id").hexadecimal(m["return_id"], RETURN_ID_BYTES).hex(),
        generated_at=read.at("generated_at").instant(m["generated_at"]),
        entries=read.at("entries").integer(m["entries"], least=1),
        chain=read.at("chain").integer(m["chain"], least=1),
        head=read.at("head").hexadecimal(m["head"], HASH),
        size=read.at("size").integer(m["size"], least=2),
        root=read.at("root").hexadecimal(m["root"], HASH),
        files=files,
    )


def _parse_file(read: Reader, value: Json) -> FileSum:
    m = read.members(value, ("name", "sha256", "size"))
    return FileSum(
        name=read.at("name").text(m["name"], _FILE_NAME),
        size=read.at("size").integer(m["size"]),
        sha256=read.at("sha256").hexadecimal(m["sha256"], HASH),
    )


def sign_manifest(manifest: bytes, private: Ed25519PrivateKey, *, origin: str, return_id: str) -> bytes:
    """Return the note that signs a manifest file; the key's name is the origin."""
    text = _note_text(manifest, origin=origin, return_id=return_id)
    key = verifier_key(origin, private)
    return text + _signature_line(origin, key.key_id() + private.sign(text))


def verify_manifest(note: bytes, manifest: bytes, keys: Sequence[VerifierKey], *, origin: str, return_id: str) -> None:
    """Accept only the one note that one of these keys made for these bytes.

    Raises:
        InvalidSignatureError: Another text, spelling or key, or a signature that does not verify.
    """
    text = _note_text(manifest, origin=origin, return_id=return_id)
    if not note.startswith(text):
        raise InvalidSignatureError("the note is not about this manifest")
    for key in keys:
        raw = _signature_of(note[len(text) :], key)
        if raw is not None:
            key.verify(raw, text)
            return
    raise InvalidSignatureError("the note bears no signature by a key of the log")


def _note_text(manifest: bytes, *, origin: str, return_id: str) -> bytes:
    lines = (origin, FORMAT, return_id, base64.b64encode(sha256(manifest).digest()).decode())
    return "".join(f"{line}\n" for line in lines).encode()


def _signature_line(name: str, raw: bytes) -> bytes:
    return f"\n— {name} {base64.b64encode(raw).decode()}\n".encode()


def _signature_of(line: bytes, key: VerifierKey) -> bytes | None:
    """Return the signature of the one line that a note has, if it claims this key."""
    start = f"\n— {key.name} ".encode()
    if len(line) > NOTE_BYTES_MAX or not line.startswith(start):
        return None
    try:
        raw = base64.b64decode(line[len(start) : -1], validate=True)
    except ValueError:
        return None
    spelled = raw[:4] == key.key_id() and _signature_line(key.name, raw) == line
    return raw[4:] if spelled else None
