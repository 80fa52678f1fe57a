"""The anchors' histories: appended by one worker at a time, read by their newest steps."""

from __future__ import annotations

import threading

import pytest

from ledger_service.core.anchor_record import Anchor, AnchorState, Block, encode_anchor_record
from ledger_service.core.log_entry import After
from ledger_service.errors import StoreBusyError, StoreError
from ledger_service.store.anchors import read_newest_final_anchor
from ledger_service.store.engine import Store
from tests.store.drafts import digest

LOG_ID = digest("log id")
OTHER = digest("other log")
TIME = "2026-11-03T12:00:00.000Z"


def record(sequence: int, state: AnchorState, *, log_id: bytes = LOG_ID, commitment: bytes | None = None) -> bytes:
    """Return the bytes of an anchor in a state."""
    block = Block(1, digest("block"), digest("parent"), 1)
    return encode_anchor_record(
        Anchor(
            log_id=log_id,
            chain_id=31337,
            contract=bytes(20),
            sequence=sequence,
            size=sequence * 10,
            root=digest(sequence),
            old_size=1,
            proof=(),
            state=state,
            planned_at=0,
            block=None if commitment is None else block,
            commitment=commitment,
        )
    )


def save(
    store: Store,
    sequence: int,
    *states: AnchorState,
    log_id: bytes = LOG_ID,
    commitment: bytes | None = None,
    first: int = 0,
    at: str = TIME,
) -> None:
    """Append a step for each state."""
    for step, state in enumerate(states, first):
        final = commitment if state is AnchorState.FINALIZED else None
        store.anchors.save(
            log_id,
            sequence,
            step=step,
            size=sequence * 10,
            state=state.value,
            record=record(sequence, state, log_id=log_id, commitment=final),
            recorded_at=at,
        )


def test_an_anchor_is_read_by_its_newest_step(store: Store) -> None:
    save(store, 1, AnchorState.PLANNED, AnchorState.SIGNED, AnchorState.SUBMITTED)
    save(store, 2, AnchorState.PLANNED)

    assert [(a.sequence, a.step, a.state, a.size) for a in store.anchors.current(LOG_ID)] == [
        (1, 2, "submitted", 10),
        (2, 0, "planned", 20),
    ]
    assert [step.state for step in store.anchors.history(LOG_ID, 1)] == ["planned", "signed", "submitted"]
    assert store.anchors.history(LOG_ID, 1)[0].record == record(1, AnchorState.PLANNED)


def test_only_anchors_with_a_way_to_go_are_unfinished(store: Store) -> None:
    save(store, 1, AnchorState.PLANNED, AnchorState.FINALIZED, commitment=digest("c1"))
    save(store, 2, AnchorState.PLANNED, AnchorState.HALTED)
    save(store, 3, AnchorState.PLANNED, AnchorState.SIGNED)
    save(store, 4, AnchorState.PLANNED, log_id=OTHER)

    assert [anchor.sequence for anchor in store.anchors.unfinished(LOG_ID)] == [3]
    assert [anchor.sequence for anchor in store.anchors.unfinished(OTHER)] == [4]


def test_the_newest_final_anchor_is_the_last_sequence_that_is_final_now(store: Store) -> None:
    assert store.anchors.newest_final(LOG_ID) is None
    save(store, 1, AnchorState.FINALIZED, commitment=digest("c1"))
    save(store, 2, AnchorState.FINALIZED, commitment=digest("c2"))
    save(store, 3, AnchorState.PLANNED)

    found = store.anchors.newest_final(LOG_ID)

    assert found is not None
    assert found.sequence == 2


def test_the_next_step_is_decided_on_what_may_still_wait_and_what_became_final_of_late(store: Store) -> None:
    early, middle, late = (f"2026-11-0{day}T12:00:00.000Z" for day in (1, 3, 5))
    save(store, 1, AnchorState.PLANNED, AnchorState.SUPERSEDED, at=early)
    save(store, 1, AnchorState.PLANNED, AnchorState.REVERTED, first=2, at=middle)
    save(store, 1, AnchorState.FINALIZED, commitment=digest("c1"), first=4, at=middle)
    save(store, 2, AnchorState.FINALIZED, commitment=digest("c2"), at=late)
    save(store, 3, AnchorState.PLANNED, AnchorState.SIGNED, at=early)

    def seen(*, since: str) -> list[tuple[int, int, str]]:
        rows = store.anchors.working_set(LOG_ID, since=since)
        return [(row.sequence, row.step, row.state) for row in rows]

    unfinished = (3, 1, "signed")
    assert seen(since=late) == [(2, 0, "finalized"), unfinished]
    newer = [(1, 3, "reverted"), (1, 4, "finalized"), (2, 0, "finalized"), unfinished]
    assert seen(since=middle) == newer
    assert seen(since=early) == [(1, 1, "superseded"), *newer]


def test_a_seal_quotes_the_anchor_that_became_final_last(store: Store) -> None:
    def newest() -> After | None:
        with store.reading() as connection:
            return read_newest_final_anchor(connection)

    assert newest() is None
    save(store, 1, AnchorState.PLANNED)
    assert newest() is None
    save(store, 1, AnchorState.FINALIZED, commitment=digest("c1"), first=1)
    assert newest() == After(31337, LOG_ID, 1, digest("c1"))
    save(store, 7, AnchorState.FINALIZED, log_id=OTHER, commitment=digest("c7"))
    assert newest() == After(31337, OTHER, 7, digest("c7"))
    save(store, 7, AnchorState.SUBMITTED, log_id=OTHER, first=1)  # an anchor that came undone counts no more
    assert newest() == After(31337, LOG_ID, 1, digest("c1"))


def test_a_final_anchor_without_a_commitment_is_said(store: Store) -> None:
    save(store, 1, AnchorState.FINALIZED)

    with store.reading() as connection, pytest.raises(StoreError, match="no commitment"):
        read_newest_final_anchor(connection)


@pytest.mark.parametrize("step", [0, 1, 3, 17])
def test_a_step_that_is_not_the_next_is_refused(store: Store, step: int) -> None:
    save(store, 1, AnchorState.PLANNED, AnchorState.SIGNED)

    with pytest.raises(StoreBusyError, match="another worker"):
        save(store, 1, AnchorState.SUBMITTED, first=step)
    assert [a.step for a in store.anchors.current(LOG_ID)] == [1]


def test_of_two_workers_one_acts(store: Store) -> None:
    save(store, 1, AnchorState.PLANNED)
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def worker() -> None:
        barrier.wait()
        try:
            save(store, 1, AnchorState.SIGNED, first=1)
            outcomes.append("acted")
        except StoreBusyError:
            outcomes.append("late")

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(60)

    assert sorted(outcomes) == ["acted", *["late"] * 7]
    assert [step.step for step in store.anchors.history(LOG_ID, 1)] == [0, 1]
