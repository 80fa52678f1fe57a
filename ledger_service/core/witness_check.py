"""The check `witnesses` of a receipt: how many of the pinned witnesses cosigned its head.

Cosignatures stand under `unprotected`: without them a receipt is as true as before, and to whoever asks for witnesses
it leaves that open. So one that does not verify is passed over, never held against the receipt.

Promises: each pinned witness counts once. Does not: look at the time of a cosignature.
"""

from __future__ import annotations

from ledger_service.core.checkpoint import Checkpoint, NoteSignature, parse_signature
from ledger_service.core.encoding import Json
from ledger_service.core.report import Check, Outcome
from ledger_service.core.trust import Trust
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError

MEMBER = "cosignatures"  # of `unprotected`: signature lines, without their newlines
COSIGNATURES_MAX = 100  # as many as a note has signatures


def check_witnesses(unprotected: Json, checkpoint: Checkpoint, trust: Trust) -> list[Check]:
    """Return the check; none where no witness is pinned."""
    if not trust.witnesses:
        return []
    lines = cosignatures_of(unprotected)
    count = sum(any(_verifies(trust, at, line, checkpoint) for line in lines) for at in range(len(trust.witnesses)))
    detail = (
        f"{count} of {len(trust.witnesses)} pinned witnesses cosigned this head; {trust.witnesses_required} required"
    )
    if count >= max(trust.witnesses_required, 1):
        return [Check("witnesses", Outcome.PASS, detail)]
    return [Check("witnesses", Outcome.UNKNOWN, detail, decisive=trust.witnesses_required > 0)]


def cosignatures_of(unprotected: Json) -> tuple[NoteSignature, ...]:
    """Return the signature lines that a receipt holds beside what it proves; what is none is passed over."""
    given = unprotected.get(MEMBER) if isinstance(unprotected, dict) else None
    found = []
    for line in given[:COSIGNATURES_MAX] if isinstance(given, list) else ():
        try:
            found.append(parse_signature(line if isinstance(line, str) else ""))
        except CheckpointFormatError:
            continue
    return tuple(found)


def _verifies(trust: Trust, at: int, line: NoteSignature, checkpoint: Checkpoint) -> bool:
    try:
        trust.witnesses[at].verify(line, checkpoint)
    except InvalidSignatureError:
        return False
    return True
