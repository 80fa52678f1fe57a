"""Make a receipt of one entry out of what the ledger holds now.

The receipt uses the smallest head that covers the entry and stands, final, at the most targets; failing that one that
is included; failing that the checkpoint of the entry's own commit. Made again later, it has grown. Anchors at the
targets of the genesis entry are enough where they meet the policy: a trust file that was pinned before a target was
added knows no others. State proofs are those that the worker kept (`prove_state.py`).

Promises: what it shows is chosen by the caller; a value whose key was destroyed is named as erased.
Does not: ask a chain: it repeats what the worker saw and saved.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.checkpoint import VerifierKey, parse_signature
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import CaseEntry, Entry, Role, parse_entry
from ledger_service.core.log_entry import KeyEntry
from ledger_service.core.receipt import KeyChange, Receipt
from ledger_service.errors import UnknownEntryError
from ledger_service.operations.anchored import anchors_of, covering, life, lost_heads
from ledger_service.operations.disclosing import names_for
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove_anchor import after_proof, proved
from ledger_service.store.read import StoredCheckpoint
from ledger_service.store.values import open_value


def prove(
    ledger: Ledger,
    index: int,
    *,
    show: Collection[str] | None = None,
    audience: Role | None = None,
    anchors: Sequence[Anchor] | None = None,
    at: Collection[bytes] | None = None,
) -> Receipt:
    """Return the receipt of the entry at `index`.

    Args:
        ledger: Opened to read or to write.
        index: Zero-based index.
        show: Names of commitments to open; None opens all that can be opened.
        audience: Of these, open what anybody in this role may be shown; None leaves it at `show`.
        anchors: As `anchors_of` returned them, for who proves many entries; None: they are read.
        at: Log ids of the targets that it may rest on; None: any, those of the genesis entry first.

    Raises:
        UnknownEntryError: There is no such entry, or a name to show that it has no commitment of.
    """
    size = ledger.read.size()
    if not 0 <= index < size:
        raise UnknownEntryError(f"there is no entry {index}: the ledger holds {size}", hint="indexes start at 0")
    row = ledger.read.entry(index)
    entry = parse_entry(row.encoded)
    if audience is not None:
        show = _for_audience(ledger, index, entry, audience, show)
    records, erased = records_of(ledger, index, entry, show)
    if anchors is None:
        anchors = anchors_of(ledger)
    required = ledger.genesis()[0].required
    holding = resting(ledger, anchors, index, at)
    checkpoint = ledger.read.checkpoint_at(holding[0].size) if holding else None
    if checkpoint is None:
        checkpoint, holding = ledger.read.first_checkpoint_covering(index), ()
        assert checkpoint is not None  # every commit group stores one
    covered = checkpoint.size
    unprotected: dict[str, Any] = {"state": life(anchors, index, required=required)[0]}
    if holding:
        unprotected["transactions"] = ["0x" + one.tx_hash.hex() for anchor in holding for one in anchor.attempts]
        if cosignatures := ledger.cosignatures.of(covered):
            unprotected["cosignatures"] = cosignatures
    if unprotected["state"] != AnchorState.FINALIZED and (lost := lost_heads(ledger, index)):
        unprotected["contradicted"] = lost
    if erased:
        unprotected["erased"] = erased
    return Receipt(
        entry=row.encoded,
        index=index,
        records=records,
        inclusion=tuple(ledger.read.inclusion_proof(index, covered)),
        checkpoint=checkpoint.note,
        anchors=tuple(proved(ledger, anchor) for anchor in holding),
        key_changes=key_changes(ledger, checkpoint.note, covered),
        unprotected=unprotected,
        after=after_proof(ledger, index, holding, anchors, size=covered),
    )


def prove_head(ledger: Ledger, checkpoint: StoredCheckpoint, *, anchors: Sequence[Anchor]) -> Receipt:
    """Return the receipt of the genesis entry in a tree head: it shows which log that head is of, and who signed it.

    Args:
        ledger: Opened to read or to write.
        checkpoint: The head.
        anchors: Of the log; where one holds exactly this head, the receipt says so.
    """
    held = [one for one in anchors if one.size == checkpoint.size]
    holding = resting(ledger, held, 0, None)
    return Receipt(
        entry=ledger.read.entry(0).encoded,
        index=0,
        records=(),
        inclusion=tuple(ledger.read.inclusion_proof(0, checkpoint.size)),
        checkpoint=checkpoint.note,
        anchors=tuple(proved(ledger, anchor) for anchor in holding),
        key_changes=key_changes(ledger, checkpoint.note, checkpoint.size),
    )


def resting(
    ledger: Ledger, anchors: Sequence[Anchor], index: int, at: Collection[bytes] | None = None
) -> tuple[Anchor, ...]:
    """Return the anchors that a receipt of the entry rests on: any of these, or those at the targets named."""
    genesis = ledger.genesis()[0]
    if at is not None:
        return covering([one for one in anchors if one.log_id in at], index, required=genesis.required)
    first = {target.log_id for target in genesis.targets}
    holding = covering([one for one in anchors if one.log_id in first], index, required=genesis.required)
    if sum(one.state is AnchorState.FINALIZED for one in holding) >= genesis.required:
        return holding
    return covering(anchors, index, required=genesis.required)


def records_of(
    ledger: Ledger, index: int, entry: Entry, show: Collection[str] | None
) -> tuple[tuple[Record, ...], list[str]]:
    """Return one record for each commitment of an entry, and the names of those that were erased.

    Raises:
        UnknownEntryError: A name to show that the entry has no commitment of.
    """
    commitments = entry.all_commitments() if isinstance(entry, CaseEntry) else ()
    _require_names(index, entry, show)
    sealed = {value.position: value for value in ledger.read.sealed_values(index)}
    records, erased = [], []
    for position, named in enumerate(commitments):
        value = sealed.get(position)
        key = None if value is None else ledger.keys.get(value.key_id)
        if value is None or key is None:
            records.append(Record(named.name, None))
            erased.append(named.name)
        elif show is not None and named.name not in show:
            records.append(Record(named.name, None))
        else:
            records.append(Record(named.name, open_value(key, value.ciphertext, commitment=named.commitment)))
    return tuple(records), erased


def _for_audience(
    ledger: Ledger, index: int, entry: Entry, audience: Role, show: Collection[str] | None
) -> frozenset[str]:
    """Return the names to open for a role: of those asked for, or of all.

    Raises:
        UnknownEntryError: A name to show that the entry has no commitment of.
    """
    _require_names(index, entry, show)
    allowed = names_for(ledger, index, entry, audience) if isinstance(entry, CaseEntry) else frozenset()
    return allowed if show is None else allowed & frozenset(show)


def _require_names(index: int, entry: Entry, show: Collection[str] | None) -> None:
    names = {named.name for named in entry.all_commitments()} if isinstance(entry, CaseEntry) else set()
    if show is not None and (unknown := sorted(set(show) - names)):
        has = "it has: " + ", ".join(sorted(names)) if names else "it has none"
        raise UnknownEntryError(f"entry {index} has no committed value {unknown[0]!r}", hint=has)


def key_changes(ledger: Ledger, note: bytes, size: int) -> tuple[KeyChange, ...]:
    """Return the changes that lead to the key which signed this note: none if it is a genesis key."""
    signers = _signers(note)
    if not signers.isdisjoint(_ids_of(ledger.genesis()[0].keys)):
        return ()
    changes: list[KeyChange] = []
    for row in ledger.read.log_entries():
        entry = parse_entry(row.encoded)
        if row.index < size and isinstance(entry, KeyEntry):
            changes.append(KeyChange(row.encoded, row.index, tuple(ledger.read.inclusion_proof(row.index, size))))
            if entry.new_key.key_id() in signers:
                break
    return tuple(changes)


@lru_cache(maxsize=16)  # the answers of one commit share its note, and come one after the other
def _signers(note: bytes) -> frozenset[bytes]:
    """Return the ids of the keys that a note of this ledger names; its text is not read, as every answer asks this."""
    return frozenset(parse_signature(line).key_id for line in note.decode().rpartition("\n\n")[2].splitlines())


@lru_cache(maxsize=16)
def _ids_of(keys: tuple[VerifierKey, ...]) -> frozenset[bytes]:
    return frozenset(key.key_id() for key in keys)
