"""The dockets of cases as the ledger holds them now: entries read, values opened, kept for the next step.

Promises: a docket ends at the head that its case had when it was read; a value whose key was destroyed is not in it,
and neither is one that a docket read earlier had opened. Does not: judge (`core/judge.py`) or write anything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from ledger_service.core.decided import read_decided
from ledger_service.core.disclosure import EVIDENCE_PREFIX
from ledger_service.core.docket import Docket, Known, make_docket
from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, parse_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.errors import UnknownReturnError
from ledger_service.store.drafts import SealedValue
from ledger_service.store.keys import KeyStore
from ledger_service.store.read import LedgerReader, StoredEntry
from ledger_service.store.values import open_value

DOCKETS_REMEMBERED = 4_000  # some tens of megabytes; the steps of a case tend to come close together


class Dockets:
    """The dockets that were read last. Safe to share between threads."""

    def __init__(self, read: LedgerReader, keys: KeyStore) -> None:
        """Take the log and the keys of its values."""
        self._read = read
        self._keys = keys
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[int, Docket, int]] = OrderedDict()  # last index, docket, keys destroyed

    def holds(self, return_id: str) -> bool:
        """Say whether the docket of a case was read and is remembered: then `of` reads what was added at most."""
        return return_id in self._known

    def at(self, return_id: str, head: bytes, *, destroyed: int) -> Docket | None:
        """Return what is remembered of a case that was read just now with this head (leaf hash), without a query.

        Args:
            return_id: The case.
            head: Of the case.
            destroyed: How many keys were destroyed, looked up just now.

        Returns:
            The docket at this head, None where it must be read (`of`).
        """
        with self._lock:
            known = self._known.get(return_id)
            if known is not None and known[2] == destroyed and known[1].head == head:
                self._known.move_to_end(return_id)
                return known[1]
        return None

    def learn(self, return_id: str, docket: Docket, known: Known, *, index: int, destroyed: int) -> None:
        """Remember a docket with the entry that was just appended to it.

        Args:
            return_id: The case.
            docket: As it was when the entry was judged.
            known: The entry, its values open.
            index: Where it stands.
            destroyed: How many keys were destroyed when `docket` was looked up.
        """
        self._remember(return_id, index, docket.follow(known), destroyed)

    def of(self, return_id: str) -> Docket:
        """Return the docket of a case; empty when there is no such case."""
        destroyed = self._keys.destroyed_count()
        with self._lock:
            last, docket, then = self._known.get(return_id, (-1, Docket(), destroyed))
        if then != destroyed:  # what was opened may be erased now
            last, docket = -1, Docket()
        rows = self._read.chain_of(return_id, after=last)
        if rows:
            known = open_entries(self._read, self._keys, return_id, rows, after=last)
            docket = make_docket(known) if not docket.steps else _followed(docket, known)
            last = rows[-1].index
        self._remember(return_id, last, docket, destroyed)
        return docket

    def forget(self) -> None:
        """Forget every docket: values that were opened are not kept in memory after an erasure."""
        with self._lock:
            self._known.clear()

    def _remember(self, return_id: str, last: int, docket: Docket, destroyed: int) -> None:
        with self._lock:
            self._known[return_id] = (last, docket, destroyed)
            self._known.move_to_end(return_id)
            while len(self._known) > DOCKETS_REMEMBERED:
                self._known.popitem(last=False)


def read_docket(read: LedgerReader, keys: KeyStore, return_id: str) -> Docket:
    """Return the docket of a case, read whole.

    Raises:
        UnknownReturnError: There is no such case.
    """
    rows = read.entries_of(return_id)
    if not rows:
        raise UnknownReturnError(
            f"there is no return {return_id:.60}", hint="`rledger show` lists what the ledger holds"
        )
    return make_docket(open_entries(read, keys, return_id, rows))


def open_entries(
    read: LedgerReader, keys: KeyStore, return_id: str, rows: Sequence[StoredEntry], *, after: int = -1
) -> list[Known]:
    """Return the entries of a case with their facts and whatever can be opened, those beside its chain included.

    Fingerprints of files are not opened; one whose key was destroyed is named as erased.

    Raises:
        StoreError: A sealed value does not open to its commitment.
    """
    sealed = read.values_of(return_id, after=after)
    opened: dict[bytes, bytes | None] = {}

    def key_of(key_id: bytes) -> bytes | None:
        if key_id not in opened:
            opened[key_id] = keys.get(key_id)
        return opened[key_id]

    return [_open(row, sealed.get(row.index, ()), key_of) for row in rows]


def _open(row: StoredEntry, sealed: Sequence[SealedValue], key_of: Callable[[bytes], bytes | None]) -> Known:
    known = leaf_hash(row.encoded) == row.leaf_hash  # so these are the bytes that were appended
    entry = read_decided(row.encoded) if known else parse_entry(row.encoded)
    assert isinstance(entry, CaseEntry)  # only these carry a return_id
    values, erased = dict(entry.facts), []
    by_position = {value.position: value for value in sealed}
    for position, named in enumerate(entry.all_commitments()):
        value = by_position.get(position)
        key = None if value is None else key_of(value.key_id)
        if value is None or key is None:
            erased.append(named.name)
        elif not named.name.startswith(EVIDENCE_PREFIX):
            values[named.name] = open_value(key, value.ciphertext, commitment=named.commitment).value
    return Known(row.leaf_hash, entry, values, tuple(erased))


def _followed(docket: Docket, known: Sequence[Known]) -> Docket:
    for one in known:
        if one.entry.kind not in ASIDE_KINDS:
            docket = docket.follow(one)
    return docket
