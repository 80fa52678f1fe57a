"""Make the statement that a party is asked to sign for a step that it wants to have recorded.

Promises: it covers what would be recorded now, the head of the case included; nothing is recorded, unless the step is
refused (`admit.py`). Does not: sign.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.core.entry import RETURN_ID_BYTES
from ledger_service.core.signing import NONCE_BYTES
from ledger_service.errors import EvidenceMissingError
from ledger_service.operations.admit import admit
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.sign_step import Content, ask_to_sign
from ledger_service.operations.uploads import find_upload

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What a wallet is given: EIP-712 typed data, and what comes back with its signature."""

    typed_data: dict[str, Any]
    nonce: bytes
    deadline: int
    previous: bytes | None


def prepare_statement(ledger: Ledger, step: Step, *, valid_seconds: int) -> Unsigned:
    """Return the statement for a step.

    Args:
        ledger: Opened to write: a refused step is recorded as an attempt.
        step: Not marked signed; its files are read, not taken in.
        valid_seconds: How long the signature counts.

    Raises:
        RefusedError: The step is not allowed now.
        EvidenceMissingError: A file cannot be read.
        UnknownUploadError: There is no such upload.
    """
    admitted = admit(ledger, step, step.return_id or secrets.token_hex(RETURN_ID_BYTES))
    content = Content(
        return_id=step.return_id,
        verb=step.verb,
        role=step.asserted_by.role,
        occurred_at=step.occurred_at,
        fields=step.fields,
        evidence=_digests(ledger, step.evidence),
        rule=step.rule,
        to_state=admitted.to_state,
    )
    nonce = secrets.token_bytes(NONCE_BYTES)
    deadline = int(ledger.clock().timestamp()) + valid_seconds
    typed = ask_to_sign(ledger, content, head=admitted.judged_at, nonce=nonce, deadline=deadline)
    return Unsigned(typed, nonce, deadline, admitted.judged_at)


def _digests(ledger: Ledger, evidence: Sequence[tuple[str, Path | Uploaded]]) -> list[tuple[str, bytes]]:
    found = []
    for kind, path in evidence:
        if isinstance(path, Uploaded):  # nobody is to sign for a file that no step can use
            found.append((kind, find_upload(ledger, path).sha256))
            continue
        digest = sha256()
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise EvidenceMissingError(f"{path}: {error.strerror}", hint="check the path") from None
        found.append((kind, digest.digest()))
    return found
