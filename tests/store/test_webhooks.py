"""Webhooks and deliveries as rows, on both databases: one delivery a subject, one worker a delivery."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ledger_service.store.engine import Store
from ledger_service.store.webhooks import Batch, StoredDelivery, StoredWebhook, Webhooks

NOW = "2026-11-03T12:00:00.000Z"
SOON = "2026-11-03T12:01:00.000Z"
LATER = "2026-11-03T12:05:00.000Z"
HOOK = StoredWebhook(
    id="1" * 32,
    mark=b"m" * 32,
    role="seller",
    key_id=b"k" * 16,
    sealed=b"sealed",
    events=("return.state_changed", "clock.breached"),
    countries=("DE", "FR"),
    cursor=7,
    created_at=NOW,
)
OTHER = replace(HOOK, id="2" * 32, mark=b"n" * 32, countries=(), cursor=9)
NOTICE = StoredDelivery(
    id="a" * 32,
    webhook_id=HOOK.id,
    event="return.state_changed",
    subject="7",
    return_id="ab" * 16,
    state="waiting",
    attempts=0,
    created_at=NOW,
    next_at=NOW,
)


@pytest.fixture
def webhooks(store: Store) -> Webhooks:
    """Two webhooks of two parties."""
    found = Webhooks(store)
    assert found.add(HOOK, most=9)
    assert found.add(OTHER, most=9)
    return found


def made(webhooks: Webhooks, *deliveries: StoredDelivery) -> None:
    for one in deliveries:
        webhooks.make([Batch(one.webhook_id, (one,))])


def test_a_webhook_comes_back_as_it_was_stored(webhooks: Webhooks) -> None:
    assert webhooks.find(HOOK.id) == HOOK
    assert webhooks.find("3" * 32) is None
    assert webhooks.all() == [HOOK, OTHER]
    assert webhooks.of(OTHER.mark) == [OTHER]


def test_a_party_has_no_more_than_it_may(webhooks: Webhooks) -> None:
    assert not webhooks.add(replace(HOOK, id="3" * 32), most=1)
    assert webhooks.add(replace(HOOK, id="3" * 32), most=2)


def test_a_cursor_moves_with_the_deliveries_and_of_two_workers_one_moves_it(webhooks: Webhooks) -> None:
    batch = Batch(HOOK.id, (NOTICE,), (7, 12))
    slower = Batch(HOOK.id, (replace(NOTICE, id="b" * 32, subject="8"),), (7, 9))

    assert webhooks.make([batch]) == 1
    assert webhooks.make([slower]) == 0

    assert webhooks.find(HOOK.id) == replace(HOOK, cursor=12)
    assert webhooks.deliveries(HOOK.id) == [NOTICE]


def test_a_subject_is_told_once_to_each_webhook(webhooks: Webhooks) -> None:
    again = replace(NOTICE, id="b" * 32)
    made(webhooks, NOTICE, again, replace(NOTICE, id="c" * 32, webhook_id=OTHER.id), replace(again, subject="8"))

    assert [one.subject for one in webhooks.deliveries(HOOK.id)] == ["8", "7"]
    assert [one.subject for one in webhooks.deliveries(OTHER.id)] == ["7"]


def test_eight_workers_at_once_make_each_delivery_once(webhooks: Webhooks) -> None:
    def work(number: int) -> int:
        found = tuple(replace(NOTICE, id=f"{number:x}{index:031x}", subject=str(index)) for index in range(7, 27))
        return webhooks.make([Batch(OTHER.id, ()), Batch(HOOK.id, found, (7, 27))])

    with ThreadPoolExecutor(8) as pool:
        done = sorted(pool.map(work, range(8)))

    assert done == [1, 1, 1, 1, 1, 1, 1, 2]
    subjects = [one.subject for one in webhooks.deliveries(HOOK.id)]
    assert sorted(map(int, subjects)) == list(range(7, 27))


def test_deliveries_come_in_pages_newest_first(webhooks: Webhooks) -> None:
    made(webhooks, *(replace(NOTICE, id=f"{number:032x}", subject=str(number)) for number in range(5)))

    first = webhooks.deliveries(HOOK.id, limit=2)
    rest = webhooks.deliveries(HOOK.id, before=first[-1].id)

    assert [one.subject for one in first + rest] == ["4", "3", "2", "1", "0"]


def test_what_is_due_is_asked_by_webhook_and_the_longest_due_comes_first(webhooks: Webhooks) -> None:
    made(
        webhooks,
        replace(NOTICE, id="b" * 32, subject="8", next_at=SOON),
        NOTICE,
        replace(NOTICE, id="c" * 32, webhook_id=OTHER.id, next_at="2026-11-03T11:00:00.000Z"),
        replace(NOTICE, id="d" * 32, subject="9", next_at=LATER),
    )

    assert webhooks.due(now=NOW) == [OTHER.id, HOOK.id]
    assert webhooks.due(now="2026-11-03T11:30:00.000Z") == [OTHER.id]
    assert webhooks.next_due(HOOK.id, now=SOON) == NOTICE
    assert webhooks.next_due(OTHER.id, now="2026-11-03T10:00:00.000Z") is None


def test_of_eight_workers_one_claims_a_delivery(webhooks: Webhooks) -> None:
    made(webhooks, NOTICE)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: webhooks.claim(NOTICE, until=SOON), range(8)))

    assert [claim for claim in claims if claim] == [replace(NOTICE, attempts=1, next_at=SOON)]
    assert webhooks.next_due(HOOK.id, now=NOW) is None
    assert webhooks.next_due(HOOK.id, now=SOON) == replace(NOTICE, attempts=1, next_at=SOON)


def test_who_lost_its_claim_changes_nothing(webhooks: Webhooks) -> None:
    """A worker that was stopped for longer than its claim, and goes on."""
    made(webhooks, NOTICE)
    zombie = webhooks.claim(NOTICE, until=SOON)
    assert zombie is not None
    other = webhooks.claim(zombie, until=LATER)
    assert other is not None

    assert not webhooks.settle(zombie, state="failed", next_at=NOW, answered="no answer in time")
    assert webhooks.settle(other, state="delivered", next_at=LATER, answered="200")
    assert not webhooks.settle(other, state="failed", next_at=LATER, answered="500")

    (kept,) = webhooks.deliveries(HOOK.id)
    assert (kept.state, kept.attempts, kept.answered) == ("delivered", 2, "200")


def test_a_delivery_is_sent_again_from_the_beginning(webhooks: Webhooks) -> None:
    made(webhooks, NOTICE)
    claim = webhooks.claim(NOTICE, until=SOON)
    assert claim is not None
    webhooks.settle(claim, state="failed", next_at=SOON, answered="500")

    assert not webhooks.again(OTHER.id, NOTICE.id, now=LATER)
    assert webhooks.again(HOOK.id, NOTICE.id, now=LATER)

    assert webhooks.deliveries(HOOK.id) == [replace(NOTICE, next_at=LATER, answered="500")]


def test_a_disabled_webhook_gets_nothing_new_and_nothing_old(webhooks: Webhooks) -> None:
    made(webhooks, NOTICE, replace(NOTICE, id="b" * 32, subject="8", state="delivered"))

    assert webhooks.disable(HOOK.id, now=SOON, answered="410")
    assert not webhooks.disable(HOOK.id, now=LATER, answered="410")
    assert webhooks.make([Batch(HOOK.id, (replace(NOTICE, id="c" * 32, subject="9"),))]) == 0
    assert webhooks.make([Batch(HOOK.id, (replace(NOTICE, id="c" * 32, subject="9"),), (7, 8))]) == 0

    assert webhooks.find(HOOK.id) == replace(HOOK, disabled_at=SOON)
    assert [(one.state, one.answered) for one in webhooks.deliveries(HOOK.id)] == [
        ("delivered", None),
        ("failed", "410"),
    ]
    assert webhooks.due(now=LATER) == []


def test_a_webhook_is_removed_with_its_deliveries(webhooks: Webhooks) -> None:
    made(webhooks, NOTICE, replace(NOTICE, id="b" * 32, webhook_id=OTHER.id))

    assert webhooks.remove(HOOK.id)
    assert not webhooks.remove(HOOK.id)
    assert webhooks.make([Batch(HOOK.id, (NOTICE,))]) == 0

    assert webhooks.all() == [OTHER]
    assert webhooks.deliveries(HOOK.id) == []
    assert len(webhooks.deliveries(OTHER.id)) == 1


def test_what_ended_long_ago_goes_and_what_waits_stays(webhooks: Webhooks) -> None:
    made(
        webhooks,
        NOTICE,
        replace(NOTICE, id="b" * 32, subject="8", state="delivered"),
        replace(NOTICE, id="c" * 32, subject="9", state="failed"),
        replace(NOTICE, id="d" * 32, subject="10", state="delivered", next_at=LATER),
    )

    assert webhooks.purge(before=SOON) == 2
    assert [one.subject for one in webhooks.deliveries(HOOK.id)] == ["10", "7"]
