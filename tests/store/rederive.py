"""Everything that a database says, derived again from the entries' bytes; AssertionError names what differs.

Promises: shares nothing with the write path but the core's formats, so that a fault in the one shows in the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger_service.core.checkpoint import verifier_key, verify_checkpoint
from ledger_service.core.entry import encode_entry, parse_entry
from ledger_service.core.merkle import Frontier, leaf_hash
from ledger_service.operations.audit_entries import EntryWalk
from ledger_service.store.connection import Database
from ledger_service.store.mark import Mark
from ledger_service.store.projection import compare_cases
from ledger_service.store.read import LedgerReader
from tests.store.drafts import KEY, ORIGIN


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a caller was answered: the entry's index and leaf hash."""

    index: int
    leaf_hash: bytes


def check(store: Database, *, acknowledged: Iterable[Acknowledged] = (), mark: Mark | None = None) -> int:
    """Re-derive the whole database; return its size."""
    read = LedgerReader(store)
    leaves: list[bytes] = []
    nodes: list[bytes] = []
    roots: list[bytes] = []
    frontier = Frontier.empty()
    last_time = ""
    for expected, row in enumerate(read.entries()):
        assert row.index == expected, f"a gap before index {row.index}"
        assert row.leaf_hash == leaf_hash(row.encoded), f"entry {expected}: the leaf hash is of other bytes"
        entry = parse_entry(row.encoded)
        assert encode_entry(entry) == row.encoded, f"entry {expected} is not canonical"
        assert row.recorded_at == entry.recorded_at >= last_time, f"entry {expected}: time goes back"
        last_time = row.recorded_at
        leaves.append(row.leaf_hash)
        nodes.extend(frontier.append(row.leaf_hash))
        roots.append(frontier.root())
    assert list(read.stored_nodes()) == nodes, "the stored nodes are not those of the entries"
    sizes = []
    for checkpoint in read.checkpoints():
        signed = verify_checkpoint(checkpoint.note, [verifier_key(ORIGIN, KEY)], origin=ORIGIN)
        sizes.append(checkpoint.size)
        assert (signed.size, signed.root) == (checkpoint.size, checkpoint.root), f"checkpoint {checkpoint.size} differs"
        assert signed.root == roots[signed.size - 1], f"the root of checkpoint {signed.size} is not that of the entries"
    assert (sizes[-1] if sizes else 0) == len(leaves), "entries without a checkpoint"
    assert compare_cases(store) == [], "the projection is not what the entries give"
    _check_audit(read)
    _check_acknowledged(leaves, acknowledged)
    if mark is not None and mark.size > 0:
        assert mark.size <= len(leaves), f"the mark says {mark.size}, the database holds {len(leaves)}"
        assert mark.root == roots[mark.size - 1], "the mark holds another root"
    return len(leaves)


def _check_acknowledged(leaves: list[bytes], acknowledged: Iterable[Acknowledged]) -> None:
    places: dict[bytes, int] = {}
    for index, leaf in enumerate(leaves):
        assert leaf not in places, f"the leaf at {places[leaf]} stands again at {index}"
        places[leaf] = index
    for answer in acknowledged:
        assert answer.index < len(leaves), f"the acknowledged entry {answer.index} is lost"
        assert leaves[answer.index] == answer.leaf_hash, f"the acknowledged entry {answer.index} was replaced"


def _check_audit(read: LedgerReader) -> None:
    """Let the walk that `rledger audit` makes over the same entries find nothing either."""
    findings: list[tuple[str, str]] = []
    walk = EntryWalk(read, origin=ORIGIN, add=lambda *found: findings.append(found), count=lambda *_: None)
    walk.run(also_at=set(), say=lambda *_: None)
    assert findings == [], f"the audit finds {findings[0]}"
