"""What a photo says of itself, in words: each a claim of the file. Does not: say whether it is so."""

from __future__ import annotations

from collections.abc import Iterator

from ledger_service.core.file_claims import Credentials, FileClaims
from ledger_service.core.pages.speech import Speech


def claims_told(claims: FileClaims, speech: Speech) -> Iterator[str]:
    """Yield a line for each thing that a file claims; nothing is left out but what it does not say."""
    if claims.camera is not None:
        yield speech.say("claims_camera", camera=claims.camera)
    if claims.software is not None:
        yield speech.say("claims_software", software=claims.software)
    if claims.taken_at is not None:
        yield speech.say("claims_taken", at=claims.taken_at, offset=claims.offset or speech.say("claims_no_zone"))
    if claims.satellite_at is not None:
        yield speech.say("claims_satellite", at=speech.minute(claims.satellite_at))
    if claims.position:
        yield speech.say("claims_position")
    if claims.credentials is not Credentials.UNREAD:
        state, codes = speech.code("credentials", claims.credentials.value), ", ".join(claims.codes)
        yield speech.say("claims_credentials", state=state, codes=codes or speech.say("none"), reader=claims.reader)
