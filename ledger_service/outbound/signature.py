"""The signature of a message as Standard Webhooks has it (symmetric, version `v1`).

Signed is `id.seconds.body`, with HMAC-SHA-256 under the webhook's secret of 32 bytes, which people see as `whsec_` and
base64. Promises: only who knows the secret can make the headers. Does not: keep secrets.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - the name of the form, no secret


def show_secret(secret: bytes) -> str:
    """Return a secret as people see it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(secret: bytes, message_id: str, *, seconds: int, body: bytes) -> dict[str, str]:
    """Return the three headers that a receiver checks.

    Args:
        secret: Of the webhook, `SECRET_BYTES`.
        message_id: The same at every attempt to deliver this message.
        seconds: When this attempt is made, since 1970.
        body: What is sent, byte for byte.
    """
    message = f"{message_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, message, sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
