"""Revoke a credential: it stops counting within a second, in every process.

Promises: with the last key of a party go its webhooks, for nobody is left who may look at them or remove them; so a
stolen key leaves no listener behind. A key that only expires leaves them: it is renewed. Does not: end what others
issue (tokens of an issuer); their party adds its webhooks anew.
"""

from __future__ import annotations

from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.webhooks import remove_webhooks_of
from ledger_service.store.credentials import StoredCredential


def revoke(ledger: Ledger, credential: StoredCredential) -> bool:
    """Revoke a credential, and remove its party's webhooks if it was the last key; say whether it counted until now.

    Done again, it ends what a process that died in between left undone: the revocation is durable first.
    """
    now = format_instant(ledger.clock())
    counted = ledger.credentials.revoke(credential.prefix, now=now)
    if credential.kind == "key" and not ledger.credentials.has_key(credential.mark, now=now):
        remove_webhooks_of(ledger, credential.mark)
    return counted
