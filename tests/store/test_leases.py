"""Leases: one holder at a time, and none that slept through its end."""

from __future__ import annotations

import threading

import pytest

from ledger_service.store.anchor_status import AnchorStatuses
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.engine import Store
from ledger_service.store.leases import HeldLease, Lease, LeaseLostError, Leases

NOON, LATER, EVENING = "2026-11-03T12:00:00.000Z", "2026-11-03T12:01:00.000Z", "2026-11-03T18:00:00.000Z"
LOG = bytes([7]) * 32


def take(store: Store, holder: str, now: str = NOON, until: str = LATER) -> Lease | None:
    return Leases(store).take("anchor", holder=holder, now=now, until=until)


def test_one_holds_it_until_it_runs_out_and_each_new_holder_has_a_larger_token(store: Store) -> None:
    first = take(store, "a")

    assert first == Lease("anchor", 1)
    assert take(store, "b") is None
    assert take(store, "a", until=EVENING) == first  # renewed
    assert Leases(store).held("anchor") == HeldLease("a", 1, EVENING)
    assert take(store, "b", now=LATER) is None
    assert take(store, "b", now=EVENING) == Lease("anchor", 2)
    assert take(store, "a", now=EVENING, until="2026-11-04T00:00:00.000Z") == Lease("anchor", 3)  # b's ran out too
    assert Leases(store).take("another", holder="b", now=NOON, until=LATER) == Lease("another", 1)


def test_one_that_is_given_back_is_free_at_once_and_a_lost_one_cannot_be_given_back(store: Store) -> None:
    first = take(store, "a")
    assert first is not None
    Leases(store).give_back(first, now=NOON)
    second = take(store, "b")
    Leases(store).give_back(first, now=NOON)

    assert second == Lease("anchor", 2)
    assert take(store, "a") is None


def test_of_many_that_want_it_at_once_one_gets_it(store: Store) -> None:
    found: list[Lease | None] = []
    barrier = threading.Barrier(8)

    def want(number: int) -> None:
        barrier.wait()
        found.append(take(store, f"holder-{number}"))

    threads = [threading.Thread(target=want, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [lease for lease in found if lease is not None] == [Lease("anchor", 1)]


def test_a_holder_that_slept_through_its_end_changes_nothing(store: Store) -> None:
    history, statuses = AnchorHistory(store), AnchorStatuses(store)

    def save(step: int, lease: Lease | None) -> None:
        history.save(LOG, 1, step=step, size=2, state="planned", record=b"{}", recorded_at=NOON, lease=lease)

    zombie = take(store, "a")
    assert zombie is not None
    save(0, zombie)
    statuses.save(LOG, alarm=None, detail="first", now=NOON, lease=zombie)
    successor = take(store, "b", now=EVENING)
    with pytest.raises(LeaseLostError):
        save(1, zombie)
    with pytest.raises(LeaseLostError):
        statuses.save(LOG, alarm="late", detail="too late", now=EVENING, lease=zombie)

    assert [row.step for row in history.history(LOG, 1)] == [0]
    assert statuses.all()[LOG].detail == "first"
    save(1, successor)


def test_a_status_keeps_since_when_its_alarm_stands(store: Store) -> None:
    statuses = AnchorStatuses(store)

    def said(alarm: str | None, now: str) -> tuple[str | None, str, str]:
        statuses.save(LOG, alarm=alarm, detail=now, now=now)
        found = statuses.all()[LOG]
        return found.alarm, found.since, found.looked_at

    assert said(None, NOON) == (None, NOON, NOON)
    assert said(None, LATER) == (None, NOON, LATER)
    assert said("late", LATER) == ("late", LATER, LATER)
    assert said("late", EVENING) == ("late", LATER, EVENING)
    assert said("no_funds", EVENING) == ("no_funds", EVENING, EVENING)
