"""Change the key that signs checkpoints: an entry of the log, signed by the old key, brings the new one in.

Promises: the commit of that entry is the last that the old key signs; receipts carry the change, so that a trust file
pinned before it still verifies. Does not: keep key files (`wiring.py` does, before and after), or make the old key
worthless: whatever it signed stays signed.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import KeyEntry, key_change_message
from ledger_service.errors import RefusedError, SettingsError
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import Appended, LogDraft, WriteView


def change_key(ledger: Ledger, new: Ed25519PrivateKey) -> Appended:
    """Append the change, and sign with the new key from the next commit on.

    Args:
        ledger: Opened to write; no other process may write it meanwhile, or that one goes on with the old key.
        new: The new key. It must be durable already.

    Raises:
        RefusedError: The log has had this key before.
        StoreError: As for every append; the old key stays in use.
    """
    old = ledger.signing_key
    if old is None:
        raise SettingsError("this ledger was opened to read")
    old_key, new_key = verifier_key(ledger.origin, old), verifier_key(ledger.origin, new)
    if new_key in ledger.checkpoint_keys():
        raise RefusedError("the log has had this key before", hint="make a new one")
    signature = old.sign(key_change_message(ledger.origin, new_key))

    def make(_: WriteView, recorded_at: str) -> KeyEntry:
        return KeyEntry(ledger.origin, recorded_at, old_key, new_key, signature)

    appended = ledger.require_writer().append(LogDraft(make))
    ledger.signing_key = new
    return appended
