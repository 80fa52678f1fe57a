"""Add a target to a log that goes on: a chain is to end, or another one is wanted beside it.

The contract is put on the new chain and the log registered there, with the same genesis leaf, before an entry of the
log says so: so whoever reads the entry finds the log where it points. From then on heads go there too, the first ones
over everything that the log holds already.

Promises: it may die between any two lines and be run again, with the same bytes; a chain that the log is on already
changes nothing; what receipts rest on so far stays as it is. Does not: take a target away, or change how many of them
must hold a head (the policy is the genesis entry's).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import TARGETS_MAX, Target, TargetEntry, target_message
from ledger_service.errors import RefusedError
from ledger_service.operations.found import Ground, Say, keep_record, place_contract, register
from ledger_service.operations.kept_sender import KeptSender
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import LogDraft, WriteView


class TargetsFullError(RefusedError):
    """The log has as many targets as a trust file can name."""


def add_target(
    ledger: Ledger,
    ground: Ground,
    *,
    progress_file: Path,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> Target:
    """Return the target on this chain, added if the log was not there yet.

    Args:
        ledger: Founded, opened to write.
        ground: The chain; its account becomes registrar, owner and anchorer there.
        progress_file: Where signed transactions are kept until they are mined.
        say: Told what happens.
        sleep: Waits for blocks.

    Raises:
        TargetsFullError: The log has the most targets already.
        ChainError: The chain refused or did not answer; run it again.
        StoreError: As for every append; run it again.
    """
    sender = KeptSender(ground.node, ground.signer, progress_file, sleep)
    place = (ground.node.chain_id(), ground.node.genesis_hash())
    known = next((one for one in ledger.targets() if (one.chain_id, one.chain_genesis) == place), None)
    if known is None and len(ledger.targets()) >= TARGETS_MAX:
        raise TargetsFullError(
            f"the log has {TARGETS_MAX} targets, the most there can be",
            hint="continue it: `rledger deploy --continues`",
        )
    target = place_contract(ledger, ground, sender, say) if known is None else known
    register(ledger, target, ground, sender, say)
    keep_record(target, ground, sender)
    if known is None:
        _append(ledger, target)
        say(f"target recorded: heads go to chain {target.chain_id} too")
    progress_file.unlink(missing_ok=True)
    return target


def _append(ledger: Ledger, target: Target) -> None:
    assert ledger.signing_key is not None  # wiring opens no ledger to write without it
    key = verifier_key(ledger.origin, ledger.signing_key)
    signature = ledger.signing_key.sign(target_message(ledger.origin, target))

    def make(_: WriteView, recorded_at: str) -> TargetEntry:
        return TargetEntry(ledger.origin, recorded_at, target, key, signature)

    ledger.require_writer().append(LogDraft(make))
