"""Ask witnesses to cosign the heads that were anchored, over c2sp.org/tlog-witness, and keep what they answer.

A witness cosigns heads in the order of their sizes and remembers the last; so it is asked from there on, and says
itself where that is. Cosignatures help whoever wants them; nothing waits for them.

Promises: what is kept is a cosignature of that very head by the key that the settings name; a witness that is away,
slow or wrong is said, and keeps no other waiting for longer than its time limit. Does not: sign or change anything of
the log.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from ledger_service.core.checkpoint import Checkpoint, parse_checkpoint, parse_signature
from ledger_service.core.cosignature import WitnessKey, parse_witness_key
from ledger_service.core.witness_check import MEMBER, cosignatures_of
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError, SettingsError
from ledger_service.operations.anchored import PLACED, anchors_of
from ledger_service.operations.ledger import Ledger
from ledger_service.store.read import StoredCheckpoint

SECONDS_MAX = 5.0  # for one request: housekeeping waits for it
ANSWER_BYTES_MAX = 16_384
HEADS_MAX = 16  # asked of one witness in a round; the rest in the next
SIZE_TYPE = "text/x.tlog.size"
_SIZE = re.compile(rb"[0-9]{1,19}\n")


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """A witness: its key, and the URL under which it serves `add-checkpoint`."""

    key: WitnessKey
    url: str


class NotCosignedError(Exception):
    """The witness gave no cosignature; the message says why. `size`: what it says that it cosigned last."""

    def __init__(self, reason: str, size: int | None = None) -> None:
        super().__init__(reason)
        self.size = size


def parse_witnesses(text: str) -> tuple[WitnessAddress, ...]:
    """Return the witnesses of the setting: `KEY=URL`, separated by spaces.

    Raises:
        SettingsError: Another form.
    """
    found = []
    for word in text.split():
        key, equals, url = word.partition("=")
        try:
            witness = WitnessAddress(parse_witness_key(key), url.rstrip("/"))
        except CheckpointFormatError as error:
            hint = "KEY=URL is expected, the key as `rledger witness key` prints it"
            raise SettingsError(f"LEDGER_WITNESSES: {error.message}", hint=hint) from None
        if not equals or not url.startswith(("http://", "https://")):
            raise SettingsError(f"LEDGER_WITNESSES: no URL of {witness.key.name}", hint="KEY=URL is expected")
        found.append(witness)
    return tuple(found)


class Cosigning:
    """Collects cosignatures, round by round; what a witness cosigned last is remembered between rounds."""

    def __init__(
        self, ledger: Ledger, witnesses: Sequence[WitnessAddress], *, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Take the ledger, the witnesses, and a transport of httpx for tests."""
        self._ledger = ledger
        self._witnesses = witnesses
        self._transport = transport
        self._last = {witness.key.encode(): 0 for witness in witnesses}

    def run(self) -> list[str]:
        """Ask every witness for the placed heads that it has not cosigned; return what is worth saying."""
        if not self._witnesses:
            return []
        sizes = sorted({one.size for one in anchors_of(self._ledger) if one.state in PLACED})
        said: list[str] = []
        with httpx.Client(transport=self._transport, timeout=SECONDS_MAX, follow_redirects=False) as client:
            for witness in self._witnesses:
                try:
                    self._ask_for_all(client, witness, sizes)
                except NotCosignedError as error:
                    said.append(f"the witness {witness.key.name} did not cosign: {error}")
        return said

    def _ask_for_all(self, client: httpx.Client, witness: WitnessAddress, sizes: Sequence[int]) -> None:
        name = witness.key.encode()
        asked = 0
        for size in sizes:
            if size < self._last[name] or asked == HEADS_MAX or self._has(witness, size):
                continue
            asked += 1
            try:
                self._ask(client, witness, size)
            except NotCosignedError as error:
                if error.size is None or error.size == self._last[name]:
                    raise
                self._last[name] = error.size  # it knows better: go on from there
                if error.size <= size:
                    self._ask(client, witness, size)

    def _has(self, witness: WitnessAddress, size: int) -> bool:
        """Say whether its cosignature of a head is kept."""
        lines = cosignatures_of({MEMBER: list(self._ledger.cosignatures.of(size))})
        return any(witness.key.made(line) for line in lines)

    def _ask(self, client: httpx.Client, witness: WitnessAddress, size: int) -> None:
        """Ask for the cosignature of one head, and keep it.

        Raises:
            NotCosignedError: There is none.
        """
        old = self._last[witness.key.encode()]
        stored = self._ledger.read.checkpoint_at(size)
        assert stored is not None  # a placed head was signed before
        status, media_type, body = _post(client, witness, self._request(old, stored))
        if status == 409 and media_type.startswith(SIZE_TYPE) and _SIZE.fullmatch(body):
            raise NotCosignedError(f"it cosigned {body.decode().strip()} entries last", int(body))
        if status != 200:
            raise NotCosignedError(f"it answered {status}")
        checkpoint, _ = parse_checkpoint(stored.note)
        self._ledger.cosignatures.add(size, _cosignature(witness.key, body, checkpoint))
        self._last[witness.key.encode()] = size

    def _request(self, old: int, stored: StoredCheckpoint) -> bytes:
        proof = self._ledger.read.consistency_proof(old, stored.size) if 0 < old < stored.size else ()
        lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
        return "".join(line + "\n" for line in lines).encode() + b"\n" + stored.note


def ask_witness(witness: WitnessAddress, stored: StoredCheckpoint) -> int:
    """Ask a witness with a head that it must not cosign, since the old size is above the head's; return its status.

    It looks at the log's name and signature first (c2sp.org/tlog-witness), so 404 says that it does not know the log,
    403 that it does not take the log's key, and 400 that it takes heads of the log. It keeps and cosigns nothing.

    Raises:
        NotCosignedError: Nobody answered.
    """
    body = f"old {stored.size + 1}\n\n".encode() + stored.note
    with httpx.Client(timeout=SECONDS_MAX, follow_redirects=False) as client:
        status, _, _ = _post(client, witness, body)
    return status


def _post(client: httpx.Client, witness: WitnessAddress, body: bytes) -> tuple[int, str, bytes]:
    try:
        with client.stream("POST", f"{witness.url}/add-checkpoint", content=body) as answer:
            read = b""
            for chunk in answer.iter_bytes():
                read += chunk
                if len(read) > ANSWER_BYTES_MAX:
                    raise NotCosignedError("its answer is too large")
            return answer.status_code, answer.headers.get("content-type", ""), read
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotCosignedError(f"nobody answered ({type(error).__name__})") from None


def _cosignature(key: WitnessKey, body: bytes, checkpoint: Checkpoint) -> str:
    """Return the line of an answer that this witness made over the checkpoint.

    Raises:
        NotCosignedError: There is none.
    """
    for line in body.decode("utf-8", "replace").split("\n"):
        try:
            key.verify(parse_signature(line), checkpoint)
        except (CheckpointFormatError, InvalidSignatureError):
            continue
        return line
    raise NotCosignedError("its answer is no cosignature of the head by its key")
