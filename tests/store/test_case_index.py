"""The case index in the database: made under the lock or before it, the same roots, and nothing older than is kept."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.core import trie
from ledger_service.core.case_index import EMPTY_ROOT, Indexed, key_of, parse_value, prove, read_proof, update, value_of
from ledger_service.core.log_entry import SealEntry
from ledger_service.store import case_index
from ledger_service.store.drafts import LogDraft, WriteView
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.projection import rebuild_cases
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.outcomes import appended

Make = Callable[..., LogWriter]


def make_seal(view: WriteView, now: str) -> SealEntry:
    """Return a seal with the case index."""
    return SealEntry(drafts.ORIGIN, now, view.case_index(), view.newest_final_anchor)


SEAL = LogDraft(make_seal)


def derived(store: Store) -> bytes:
    """Return the root that the cases give, made by no incremental way."""
    rows = store.rows("SELECT return_id, buyer_country, seller_country, opened_at, count, head FROM cases")
    values = {
        key_of(row[0], buyer_country=row[1], seller_country=row[2], opened_at=row[3]): value_of(
            Indexed(row[4], bytes(row[5]))
        )
        for row in rows
    }
    return update(EMPTY_ROOT, values, dict[bytes, bytes]().__getitem__)[0]


def sealed(log: LogWriter) -> tuple[int, bytes]:
    """Seal and return the seal's index and the root in it."""
    (outcome,) = log.append_group([SEAL])
    entry = appended(outcome).entry
    assert isinstance(entry, SealEntry)
    assert entry.case_index is not None
    return appended(outcome).index, entry.case_index


def hash_at(store: Store, size: int) -> bytes | None:
    """Return the root over so many entries, None where there is none."""
    root = case_index.root_at(store, size)
    return None if root is None else root.hash


def read(store: Store, size: int) -> trie.ReadNode:
    """Return what reads the nodes of the root over so many entries."""
    root = case_index.root_at(store, size)
    assert root is not None
    return case_index.nodes_of(store, root)


def test_a_seal_holds_the_index_of_everything_before_it(store: Store, make_log: Make) -> None:
    log = make_log(store)
    outcomes = log.append_group([drafts.genesis(), drafts.request("a"), SEAL, drafts.request("b"), drafts.request("c")])
    seal = appended(outcomes[2]).entry
    assert isinstance(seal, SealEntry)
    case = LedgerReader(store).case(drafts.return_id("a")).case

    index, root = sealed(log)

    first = {
        key_of(case.return_id, buyer_country="DE", seller_country="CN", opened_at=case.opened_at): value_of(
            Indexed(1, case.head)
        )
    }
    assert seal.case_index == update(EMPTY_ROOT, first, dict[bytes, bytes]().__getitem__)[0]
    assert (index, root) == (5, derived(store))
    assert hash_at(store, 2) == seal.case_index
    assert hash_at(store, 5) == root
    assert case_index.root_at(store, 4) is None


def test_what_was_made_before_the_lock_gives_the_same_root(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), *(drafts.request(n) for n in range(30))])
    assert case_index.catch_up(store)
    assert not case_index.catch_up(store)
    log.append_group([drafts.request("late")])

    index, root = sealed(log)

    assert root == derived(store)
    assert case_index.root_at(store, 31) is not None
    case = LedgerReader(store).case(drafts.return_id("late")).case
    key = key_of(case.return_id, buyer_country="DE", seller_country="CN", opened_at=case.opened_at)
    shown = read_proof(root, key.hex(), prove(root, key.hex(), read(store, index)))
    assert parse_value(shown[key]) == Indexed(1, case.head)
    assert hash_at(store, index) == root


def test_a_seal_of_what_was_just_caught_up_with_takes_that_root(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a")])
    assert case_index.catch_up(store)

    index, root = sealed(log)

    assert index == 2
    assert root == hash_at(store, 2) == derived(store)


def test_a_seal_that_was_faster_is_left_as_it_is(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a")])
    overtaken: list[int] = []
    plain = store.changing

    def late() -> object:
        if not overtaken:
            overtaken.append(sealed(log)[0])
        return plain()

    store.changing = late  # type: ignore[assignment]  # another process, between two looks
    try:
        assert case_index.catch_up(store)
    finally:
        del store.changing

    assert overtaken == [2]
    assert [row[0] for row in store.rows("SELECT size FROM case_index_roots ORDER BY size")] == [2]


def test_a_group_that_is_refused_leaves_no_trace_in_the_index(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a")])

    def fails(view: WriteView, now: str) -> SealEntry:
        view.case_index()
        return drafts.make_seal(view, "2020-01-01T00:00:00.000Z")

    log.append_group([LogDraft(fails)])

    assert store.rows("SELECT size FROM case_index_roots") == []
    assert sealed(log)[1] == derived(store)


def test_old_roots_go_and_the_newest_stay_whole(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis()])
    roots = []
    for n in range(12):
        log.append_group([drafts.request((n, m)) for m in range(5)])
        roots.append(sealed(log))
    before = len(store.rows("SELECT id FROM case_index_nodes"))

    gone = case_index.prune(store, keep=3)

    assert gone > 0
    assert len(store.rows("SELECT id FROM case_index_nodes")) == before - gone
    for n, (index, root) in enumerate(roots):
        kept = n >= 9
        assert (hash_at(store, index) == root) is kept
        if kept:
            nodes = prove(root, "", read(store, index))
            assert len(read_proof(root, "", nodes)) == 5 * (n + 1)
    assert case_index.prune(store, keep=3) == 0
    assert case_index.prune(store, keep=100) == 0


def test_a_lost_index_is_made_anew(store: Store, make_log: Make) -> None:
    log = make_log(store)
    log.append_group([drafts.genesis(), drafts.request("a"), drafts.request("b")])
    sealed(log)
    store.change("DELETE FROM case_index_nodes")
    log.append_group([drafts.request("c")])
    (refused,) = log.append_group([SEAL])

    rebuild_cases(store)

    assert isinstance(refused, Exception)
    assert "rebuild-cases" in str(getattr(refused, "hint", ""))
    assert sealed(log)[1] == derived(store)
