"""Reading: typed rows, proofs that verify, and a clear word about what is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger_service.core.merkle import verify_consistency, verify_inclusion
from ledger_service.core.returns import Case
from ledger_service.errors import InvalidProofError, RefusedError, StoreError, UnknownReturnError
from ledger_service.store import read as reading
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader
from tests.store import drafts

Make = Callable[..., LogWriter]


@pytest.fixture
def read(store: Store, make_log: Make) -> LedgerReader:
    """A ledger of 21 entries in four commits: genesis, two cases, an attempt, a seal."""
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a", key="k")])
    log.append_group([drafts.aside("a"), *(drafts.step("a", n) for n in range(1, 10))])
    log.append_group([drafts.seal()])
    log.append_group([drafts.request("b"), *(drafts.step("b", n) for n in range(1, 8))])
    return LedgerReader(store)


def test_an_empty_ledger_says_so(store: Store) -> None:
    read = LedgerReader(store)

    assert read.size() == read.entry_count() == 0
    assert read.head() is None
    assert read.latest_seal() is None
    assert read.first_checkpoint_covering(0) is None
    assert [*read.entries(), *read.checkpoints(), *read.cases(), *read.stored_nodes(), *read.seals()] == []


def test_entries_are_read_one_by_one_in_runs_and_by_case(read: LedgerReader) -> None:
    rows = list(read.entries())

    assert [row.index for row in rows] == list(range(21))
    assert [read.entry(index) for index in range(21)] == rows
    assert list(read.entries(5, 3)) == rows[5:8]
    assert list(read.entries(19)) == rows[19:]
    assert list(read.entries(3, 0)) == list(read.entries(21)) == []
    assert read.entries_of(drafts.return_id("a")) == rows[1:12]
    assert read.entries_of("0" * 32) == []
    assert [row.kind for row in read.log_entries()] == ["genesis", "seal"]


def test_long_reads_come_in_chunks(read: LedgerReader, monkeypatch: pytest.MonkeyPatch) -> None:
    entries, cases = list(read.entries()), list(read.cases())
    monkeypatch.setattr(reading, "CHUNK", 4)

    assert list(read.entries()) == entries
    assert list(read.cases()) == cases
    assert list(read.entries(2, 9)) == entries[2:11]
    assert [checkpoint.size for checkpoint in read.checkpoints()] == [2, 12, 13, 21]


@pytest.mark.parametrize("index", [-1, 21, 10**9])
def test_an_entry_that_is_not_there_is_refused(read: LedgerReader, index: int) -> None:
    with pytest.raises(RefusedError, match="no entry"):
        read.entry(index)


def test_checkpoints_are_found_by_size_and_by_entry(read: LedgerReader) -> None:
    head = read.head()

    assert head is not None
    assert head.size == read.size() == read.entry_count() == 21
    assert read.checkpoint_at(21) == head
    assert read.checkpoint_at(20) is None
    assert [read.first_checkpoint_covering(n).size for n in (0, 1, 2, 11, 12, 13, 20)] == [  # type: ignore[union-attr]
        2, 2, 12, 12, 13, 21, 21,
    ]  # fmt: skip
    assert read.first_checkpoint_covering(21) is None
    assert [checkpoint.size for checkpoint in read.checkpoints(after=12)] == [13, 21]


def test_every_inclusion_and_consistency_proof_verifies(read: LedgerReader) -> None:
    leaves = [row.leaf_hash for row in read.entries()]
    for size in range(1, 22):
        root = read.root(size)
        for index in range(size):
            verify_inclusion(leaves[index], index, size, read.inclusion_proof(index, size), root)
        for older in range(1, size + 1):
            verify_consistency(older, size, read.consistency_proof(older, size), read.root(older), root)
    head = read.head()
    assert head is not None
    assert read.root(21) == head.root
    with pytest.raises(InvalidProofError):
        verify_inclusion(leaves[3], 4, 21, read.inclusion_proof(4, 21), head.root)


def test_a_proof_beyond_the_log_is_refused(read: LedgerReader) -> None:
    with pytest.raises(StoreError, match="not stored"):
        read.root(22)
    with pytest.raises(StoreError, match="not stored"):
        read.consistency_proof(5, 40)
    with pytest.raises(InvalidProofError):
        read.inclusion_proof(21, 21)
    with pytest.raises(InvalidProofError):
        read.consistency_proof(0, 5)
    with pytest.raises(InvalidProofError):
        read.root(-1)


def test_a_row_of_nodes_is_read_for_a_tile(read: LedgerReader) -> None:
    leaves = [row.leaf_hash for row in read.entries()]

    assert read.tile(0, 3, 5) == leaves[3:8]
    assert read.tile(2, 0, 5) == read.nodes([(2, n) for n in range(5)])
    assert read.nodes([]) == []
    with pytest.raises(StoreError):
        read.tile(0, 20, 2)


def test_cases_are_read_from_the_projection(read: LedgerReader) -> None:
    stored = read.case(drafts.return_id("a"))

    assert (stored.case.count, stored.last_index, stored.case.state) == (10, 11, "requested")
    assert stored.case.head == read.entry(11).leaf_hash
    assert isinstance(read.find_case(drafts.return_id("b")), Case)
    assert read.find_case("0" * 32) is None
    assert {case.case.return_id for case in read.cases()} == {drafts.return_id("a"), drafts.return_id("b")}
    with pytest.raises(UnknownReturnError):
        read.case("0" * 32)


def test_seals_are_found_from_the_newest_back(read: LedgerReader) -> None:
    seal = read.latest_seal()

    assert seal is not None
    assert (seal.index, seal.kind) == (12, "seal")
    assert read.seals() == [seal]
    assert read.latest_seal(before=12) is None
    assert read.latest_seal(before=13) == seal


def test_an_entry_is_found_by_leaf_hash_in_its_case(read: LedgerReader) -> None:
    entry = read.entry(5)

    assert read.find_by_leaf_hash(entry.leaf_hash, return_id=drafts.return_id("a")) == entry
    assert read.find_by_leaf_hash(entry.leaf_hash, return_id=drafts.return_id("b")) is None


def test_values_and_files_are_read_by_entry(read: LedgerReader) -> None:
    assert [value.name for value in read.sealed_values(1)] == ["evidence:product_photo", "lines"]
    assert [file.kind for file in read.files(1)] == ["product_photo"]
    assert read.sealed_values(0) == []
    assert read.files(0) == []
    assert len(read.file_names()) == 18
