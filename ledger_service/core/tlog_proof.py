"""The log part of a receipt in the form that other people's tools read: c2sp.org/tlog-proof@v1.

Example of the bytes::

    c2sp.org/tlog-proof@v1
    extra <base64 of the entry>
    index 12
    <base64 of a 32-byte hash of the inclusion proof, a line each, lowest first>

    <the checkpoint, a signed note>

Promises: one spelling of each proof; the checkpoint stands in it verbatim, cosignatures included. Ours carry the entry
as `extra`, so that the record hash can be computed; what stands there counts only once the inclusion proof leads from
its hash to the signed root. Does not: carry values, key changes or anchors (the receipt does), or say whether it is
true (`verify_tlog_proof.py`).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from ledger_service.core.checkpoint import NOTE_BYTES_MAX, SIGNATURES_MAX, parse_checkpoint
from ledger_service.core.merkle import HASH_BYTES, SIZE_MAX
from ledger_service.core.receipt import PROOF_MAX, Receipt
from ledger_service.core.witness_check import cosignatures_of
from ledger_service.errors import FormatError

FORMAT = "c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX = 65_535  # an entry at its limit
TLOG_PROOF_BYTES_MAX = 4 * 65_536  # extra in base64, 63 hashes and a note at their limits have 156 KB
MEDIA_TYPE = "text/plain; charset=utf-8"

_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


class TlogProofFormatError(FormatError):
    """Not a tlog-proof of this version, or spelled another way."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An inclusion proof with its checkpoint.

    `index` is the entry's, `hashes` 32 bytes each, lowest first, `checkpoint` a signed note, `extra` what the log's
    users agreed on (here: the entry), None where there is none.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def tlog_proof_of(receipt: Receipt) -> TlogProof:
    """Return the log part of a receipt, the cosignatures that it holds of its checkpoint with it."""
    lines = [line.line().encode() for line in cosignatures_of(receipt.unprotected)]
    _, signatures = parse_checkpoint(receipt.checkpoint)
    note = receipt.checkpoint + b"".join(lines[: SIGNATURES_MAX - len(signatures)])
    if len(note) > NOTE_BYTES_MAX:  # lines that no witness of ours writes: the proof is whole without them
        note = receipt.checkpoint
    return TlogProof(receipt.index, receipt.inclusion, note, receipt.entry)


def encode_tlog_proof(proof: TlogProof) -> bytes:
    """Return the text of a proof."""
    lines = [FORMAT]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines += [base64.b64encode(value).decode() for value in proof.hashes]
    return "".join(f"{line}\n" for line in [*lines, ""]).encode() + proof.checkpoint


def is_tlog_proof(data: bytes) -> bool:
    """Say whether a file claims to be a tlog-proof, of any version."""
    return data.startswith(FORMAT.rpartition("@")[0].encode() + b"@")


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Return the proof of a text, whoever made it.

    Raises:
        TlogProofFormatError: Not a tlog-proof of this version.
        CheckpointFormatError: What stands after the empty line is no checkpoint.
    """
    if len(data) > TLOG_PROOF_BYTES_MAX:
        raise TlogProofFormatError(f"a tlog-proof has at most {TLOG_PROOF_BYTES_MAX} bytes, got {len(data)}")
    head, separator, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise TlogProofFormatError("the lines before the checkpoint are ASCII") from None
    if not separator or lines[0] != FORMAT:
        raise TlogProofFormatError(f"the first line {FORMAT!r}, an index, and an empty line are expected")
    rest = lines[1:]
    extra = None
    if rest and rest[0].startswith("extra "):
        extra = _decode(rest.pop(0).removeprefix("extra "))
        if not 1 <= len(extra) <= EXTRA_BYTES_MAX:
            raise TlogProofFormatError(f"extra data has 1 to {EXTRA_BYTES_MAX} bytes, got {len(extra)}")
    name, _, digits = (rest or [""])[0].partition(" ")
    if name != "index" or not _INDEX.fullmatch(digits) or int(digits) >= SIZE_MAX:
        raise TlogProofFormatError("a line 'index ' and a decimal number is expected before the hashes")
    if len(rest) - 1 > PROOF_MAX:
        raise TlogProofFormatError(f"an inclusion proof has at most {PROOF_MAX} hashes, got {len(rest) - 1}")
    hashes = tuple(_decode(line) for line in rest[1:])
    if any(len(value) != HASH_BYTES for value in hashes):
        raise TlogProofFormatError(f"a hash of the proof is {HASH_BYTES} bytes of base64")
    parse_checkpoint(note[: NOTE_BYTES_MAX + 1])
    return TlogProof(int(digits), hashes, note, extra)


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise TlogProofFormatError(f"{text[:40]!r} is not base64 in its one spelling") from None
    if base64.b64encode(raw).decode() != text:  # unused bits set: a second spelling of the same bytes
        raise TlogProofFormatError(f"{text[:40]!r} is not base64 in its one spelling")
    return raw
