"""The witness: cosigns a head of a log only if it continues the last one that it cosigned (c2sp.org/tlog-witness).

So whoever asks for cosignatures of several witnesses is not shown another log than everybody else. A witness that is
asked to sign a second log under the first one's key refuses, and where what it was sent shows it, writes the
contradiction file.

Promises: the newest head of each log is durable before a cosignature of it leaves, compared and replaced in one step; a
document that is broken or gone stops it, for a witness that forgets would cosign a fork. Does not: look at entries, or
follow changes of a log's key: who runs it pins the log anew.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import (
    NOTE_BYTES_MAX,
    Checkpoint,
    decode_base64,
    parse_checkpoint,
    verify_checkpoint,
)
from ledger_service.core.contradiction import (
    Contradiction,
    SignedHead,
    encode_contradiction,
    rewritten,
    sole_signature,
    two_roots,
)
from ledger_service.core.cosignature import cosign
from ledger_service.core.encoding import Json
from ledger_service.core.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX, verify_consistency
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.errors import FormatError, InvalidProofError, LedgerError
from ledger_service.watch.durable import BrokenStateError, DurableDocument, write_whole

FORMAT = "return-ledger/witness@v1"
PROOF_LINES_MAX = 63  # of a consistency proof, by c2sp.org/tlog-witness
BODY_BYTES_MAX = NOTE_BYTES_MAX + 64 * 64  # a note, and lines of a proof
SIZE_TYPE = "text/x.tlog.size"
TEXT = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the witness answers: the status of HTTP, the body and its media type."""

    status: int
    body: bytes
    media_type: str = TEXT


class RefusedCheckpointError(Exception):
    """The witness does not cosign; `answer` says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = Answer(status, reason.encode() + b"\n")


class Witness:
    """Cosigns the heads of several logs. May be asked from several threads; its folder is one process's."""

    def __init__(
        self, folder: Path, name: str, private: Ed25519PrivateKey, trusts: Sequence[Trust], *, now: Callable[[], float]
    ) -> None:
        """Take the folder (held by this process), name and key, the logs, and a clock of seconds since 1970.

        Raises:
            BrokenStateError: What was cosigned before cannot be read.
        """
        self._name = name
        self._private = private
        self._now = now
        self._evidence = folder / "evidence"
        self._logs = {trust.origin: _WitnessedLog(folder, trust) for trust in trusts}

    def add(self, body: bytes) -> Answer:
        """Answer a request of `POST /add-checkpoint`.

        Raises:
            OSError: The head cannot be made durable; nothing is cosigned.
        """
        try:
            old, proof, note = parse_request(body)
            checkpoint, _ = _parsed(note)
            log = self._logs.get(checkpoint.origin)
            if log is None:
                raise RefusedCheckpointError(404, "the log is not one of this witness")
            return self._cosign(log, old, proof, note)
        except RefusedCheckpointError as refused:
            return refused.answer

    def _cosign(self, log: _WitnessedLog, old: int, proof: Sequence[bytes], note: bytes) -> Answer:
        try:
            checkpoint = verify_checkpoint(note, log.trust.keys, origin=log.trust.origin)
            sole = sole_signature(note, log.trust.keys)
        except LedgerError as error:
            raise RefusedCheckpointError(403, error.message) from None
        if old > checkpoint.size:
            raise RefusedCheckpointError(400, "the old size is larger than the checkpoint's")
        with log.lock:
            before = log.newest
            if before is not None and before.size == checkpoint.size and before.root != checkpoint.root:
                self._keep(two_roots(log.signed(), SignedHead(sole)), log.trust)
                return _conflict(before.size)
            size = 0 if before is None else before.size
            if size != old:
                return _conflict(size)
            try:
                _require_growth(before, checkpoint, proof)
            except InvalidProofError as error:
                if before is not None:
                    self._keep(rewritten(log.signed(), SignedHead(sole), proof), log.trust)
                raise RefusedCheckpointError(422, error.message) from None
            if before != checkpoint:
                log.keep(checkpoint, sole)
        line = cosign(checkpoint, self._name, self._private, seconds=int(self._now())).line()
        return Answer(200, line.encode())

    def _keep(self, found: Contradiction, trust: Trust) -> None:
        """Write down what contradicts itself, if it does: anybody can send a proof that leads nowhere."""
        data = encode_contradiction(found)
        if verify_contradiction(data, trust).verdict is Verdict.VALID:
            self._evidence.mkdir(exist_ok=True)
            name = f"{found.kind.value}-{sha256(data).hexdigest()[:16]}.contradiction.json"
            write_whole(self._evidence / name, data)


class _WitnessedLog:
    """One log: what is pinned of it, and the newest head that was cosigned."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        self.trust = trust
        self.lock = threading.Lock()
        self.newest: Checkpoint | None = None
        self._note = b""
        self._document = DurableDocument(folder, "log-" + sha256(trust.origin.encode()).hexdigest()[:16])
        members = self._document.newest()
        if members is not None:
            try:
                self._note = str(members.get("checkpoint")).encode()
                self.newest, _ = parse_checkpoint(self._note)
            except FormatError as error:
                raise BrokenStateError(error.message, hint="restore the folder; never begin anew") from None

    def signed(self) -> SignedHead:
        """Return the newest head that was cosigned."""
        return SignedHead(self._note)

    def keep(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Remember a head, durably."""
        members: dict[str, Json] = {"checkpoint": note.decode(), "format": FORMAT, "origin": checkpoint.origin}
        self._document.write(members)
        self.newest, self._note = checkpoint, note


def parse_request(body: bytes) -> tuple[int, list[bytes], bytes]:
    """Return old size, consistency proof and note of a request.

    Raises:
        RefusedCheckpointError: 400, it is none.
    """
    head, separator, note = body.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    found = _OLD.fullmatch(lines[0])
    if not separator or found is None:
        raise RefusedCheckpointError(400, "the first line is 'old' and a size, an empty line ends the proof")
    if int(found[1]) > SIZE_MAX or len(lines) - 1 > PROOF_LINES_MAX:
        raise RefusedCheckpointError(400, f"a size is below 2^63, and a proof has at most {PROOF_LINES_MAX} hashes")
    try:
        proof = [decode_base64(line) for line in lines[1:]]
    except FormatError as error:
        raise RefusedCheckpointError(400, error.message) from None
    if any(len(one) != HASH_BYTES for one in proof):
        raise RefusedCheckpointError(400, f"a hash of the proof has {HASH_BYTES} bytes")
    return int(found[1]), proof, note


def _parsed(note: bytes) -> tuple[Checkpoint, object]:
    try:
        return parse_checkpoint(note)
    except FormatError as error:
        raise RefusedCheckpointError(400, error.message) from None


def _require_growth(before: Checkpoint | None, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    """Accept only a checkpoint that continues the one before; from nothing everything grows, without a proof."""
    if before is not None and before.size:
        verify_consistency(before.size, checkpoint.size, proof, before.root, checkpoint.root)
    elif proof or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
        raise InvalidProofError("from the empty tree there is no proof, and its root is that of no leaves")


def _conflict(size: int) -> Answer:
    return Answer(409, f"{size}\n".encode(), SIZE_TYPE)
