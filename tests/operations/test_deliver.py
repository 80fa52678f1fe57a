"""Notices are delivered: signed, at least once under one id, again after a failure, and no receiver delays another."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.errors import StoreError
from ledger_service.operations import deliver
from ledger_service.operations.access import share
from ledger_service.operations.deliver import (
    ATTEMPTS_MAX,
    CLAIM_SECONDS,
    OF_HOST_MAX,
    OF_PARTY_MAX,
    Deliverer,
    pause_seconds,
)
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.notices import Event
from ledger_service.operations.notify import Notifier
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from ledger_service.operations.webhooks import Added, list_webhooks, send_again
from ledger_service.outbound.post import Outbound
from ledger_service.store.webhooks import StoredDelivery, Webhooks
from tests import receiver as behaves
from tests.operations.hooks import HOUR, approve, caller, developing, hook, told
from tests.operations.world import BUYER, PLATFORM, World, answer_step, ask_step, open_case, photo
from tests.receiver import Receiver, receiving

STATE = [Event.STATE_CHANGED]
WAIT_SECONDS_MAX = 30.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@contextmanager
def delivering(ledger: Ledger, **options: Any) -> Iterator[Deliverer]:
    """Give what sends, with pauses that no chance spreads."""
    deliverer = Deliverer(ledger, **({"chance": lambda: 0.5} | options))
    try:
        yield deliverer
    finally:
        deliverer.close()


@contextmanager
def opened(world: World) -> Iterator[tuple[Ledger, Deliverer]]:
    """Open a ledger whose webhooks may go to this machine, and what sends."""
    with developing(world).opened() as found, delivering(found.ledger) as deliverer:
        yield found.ledger, deliverer


def one_notice(ledger: Ledger, receiver: Receiver, folder: Path, path: str = "/hook") -> Added:
    """Add a webhook and let a case begin."""
    added = hook(ledger, PLATFORM, STATE, url=receiver.url(path))
    open_case(ledger, folder)
    Notifier(ledger).run()
    return added


def ids(receiver: Receiver) -> list[str]:
    """Return the ids of what arrived."""
    return [got.headers["webhook-id"] for got in receiver.received]


def last(ledger: Ledger, added: Added) -> StoredDelivery:
    return told(ledger, added)[-1]


# --- delivered, or sent again ----------------------------------------------------------------------------------------


def test_a_notice_is_delivered_once_as_it_was_made(each_world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(each_world) as (ledger, deliverer):
        added = one_notice(ledger, receiver, tmp_path, "/hook?token=1")

        deliverer.send_due()
        deliverer.send_due()

        (got,) = receiver.received
        (kept,) = told(ledger, added)
        assert (kept.state, kept.attempts, kept.answered) == ("delivered", 1, "200")
        assert got.path == "/hook?token=1"
        assert got.headers["webhook-id"] == json.loads(got.body)["id"] == f"msg_{kept.id}"
        assert got.headers["webhook-timestamp"] == str(int(each_world.clock.now.timestamp()))
        assert json.loads(got.body)["type"] == "return.state_changed"


def test_notices_of_one_webhook_arrive_in_the_order_of_the_log(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    with opened(world) as (ledger, deliverer):
        hook(ledger, PLATFORM, STATE, url=receiver.url())
        case = open_case(ledger, tmp_path)
        for _ in range(5):
            record(ledger, ask_step(case.return_id))
            record(ledger, answer_step(case.return_id, photo(tmp_path)))
        Notifier(ledger).run()

        deliverer.send_due()

        indexes = [json.loads(got.body)["data"]["index"] for got in receiver.received]
        assert indexes == sorted(set(indexes))
        assert len(indexes) == 11


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (behaves.answer(500), "500"),
        (behaves.answer(404), "404"),
        (behaves.answer(302, location="http://127.0.0.1:1/"), "302"),
        (behaves.nonsense, "no HTTP answer"),
    ],
)
def test_what_is_not_taken_is_sent_again_later_under_the_same_id(
    each_world: World, receiver: Receiver, tmp_path: Path, behaviour: behaves.Behaviour, said: str
) -> None:
    with opened(each_world) as (ledger, deliverer):
        receiver.behave = [behaviour, behaves.answer(200)]
        added = one_notice(ledger, receiver, tmp_path)

        deliverer.send_due()
        waiting = last(ledger, added)
        deliverer.send_due()
        each_world.clock.pass_seconds(4.5)
        assert deliverer.start() == 0
        each_world.clock.pass_seconds(1)
        deliverer.send_due()

        assert (waiting.state, waiting.attempts, waiting.answered) == ("waiting", 1, said)
        assert (last(ledger, added).state, last(ledger, added).attempts) == ("delivered", 2)
        assert len(ids(receiver)) == 2
        assert len(set(ids(receiver))) == 1
        first, second = receiver.received
        assert first.body == second.body
        assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
        assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_receiver_that_asks_for_time_gets_it(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(world) as (ledger, deliverer):
        receiver.behave = [behaves.answer(429, retry_after="600"), behaves.answer(200)]
        one_notice(ledger, receiver, tmp_path)
        deliverer.send_due()
        world.clock.pass_seconds(590)
        deliverer.send_due()
        assert len(receiver.received) == 1
        world.clock.pass_seconds(11)
        deliverer.send_due()
        assert len(receiver.received) == 2


def test_pauses_grow_from_seconds_to_hours_for_about_three_days() -> None:
    pauses = [pause_seconds(attempts, chance=0.5) for attempts in range(1, ATTEMPTS_MAX)]

    assert pauses[:4] == pytest.approx([5, 20, 80, 320])
    assert pauses[-1] == pytest.approx(6 * 3600)
    assert pauses == sorted(pauses)
    assert 2.5 * 86_400 < sum(pauses) < 3.5 * 86_400
    assert pause_seconds(1, chance=0) == pytest.approx(4)
    assert pause_seconds(1, chance=1) == pytest.approx(6)


def test_after_its_last_attempt_a_notice_has_failed_and_can_be_sent_again_by_hand(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    with developing(world).opened() as found:
        ledger = found.ledger
        said: list[str] = []
        receiver.behave = [behaves.answer(500)]
        added = one_notice(ledger, receiver, tmp_path, "/canary-path")
        with delivering(ledger, report=said.append) as deliverer:
            for _ in range(ATTEMPTS_MAX + 3):
                deliverer.send_due()
                world.clock.pass_seconds(8 * HOUR)

            failed = last(ledger, added)
            assert (failed.state, failed.attempts, failed.answered) == ("failed", ATTEMPTS_MAX, "500")
            assert len(receiver.received) == ATTEMPTS_MAX
            receiver.behave = [behaves.answer(200)]
            send_again(ledger, caller(ledger, PLATFORM), added.webhook.id, failed.id)
            deliverer.send_due()

        assert last(ledger, added).state == "delivered"
        assert len(set(ids(receiver))) == 1
        assert said == [f"webhook {added.webhook.id}: msg_{failed.id} given up after {ATTEMPTS_MAX} attempts: 500"]


def test_a_receiver_that_is_gone_gets_nothing_more(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with developing(world).opened() as found:
        ledger = found.ledger
        said: list[str] = []
        receiver.behave = [behaves.answer(410)]
        added = one_notice(ledger, receiver, tmp_path)
        open_case(ledger, tmp_path)
        Notifier(ledger).run()
        with delivering(ledger, report=said.append) as deliverer:
            deliverer.send_due()
            world.clock.pass_seconds(HOUR)
            open_case(ledger, tmp_path)
            Notifier(ledger).run()
            deliverer.send_due()

        assert len(receiver.received) == 1
        assert {(one.state, one.answered) for one in told(ledger, added)} == {("failed", "410")}
        assert list_webhooks(ledger, caller(ledger, PLATFORM))[0].disabled_at is not None
        assert said == [f"webhook {added.webhook.id}: its receiver is gone (410), it is used no more"]


def test_no_redirect_leads_a_notice_inside(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with receiving() as internal, opened(world) as (ledger, deliverer):
        receiver.behave = [behaves.answer(307, location=internal.url("/admin"))]
        added = one_notice(ledger, receiver, tmp_path)

        deliverer.send_due()

        assert internal.received == []
        assert last(ledger, added).answered == "307"


@pytest.mark.parametrize("behaviour", [behaves.flood, behaves.drip_body])
def test_an_answer_that_is_too_long_is_an_answer(
    world: World, receiver: Receiver, tmp_path: Path, behaviour: behaves.Behaviour
) -> None:
    with opened(world) as (ledger, deliverer):
        receiver.behave = [behaviour]
        added = one_notice(ledger, receiver, tmp_path)

        deliverer.send_due()

        assert last(ledger, added).state == "delivered"


def test_where_this_machine_is_not_allowed_any_more_nothing_is_sent(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    with opened(world) as (ledger, _), delivering(ledger, outbound=Outbound()) as deliverer:
        added = one_notice(ledger, receiver, tmp_path)

        deliverer.send_due()

        assert receiver.received == []
        assert (last(ledger, added).state, last(ledger, added).answered) == ("waiting", "address refused")


def test_a_name_that_leads_inside_gets_nothing_whatever_it_led_to_when_it_was_added(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    names = ["127.0.0.1"]
    with opened(world) as (ledger, _):
        hook(ledger, PLATFORM, STATE, url=f"https://hooks.example.com:{receiver.port}/")
        open_case(ledger, tmp_path)
        Notifier(ledger).run()
        with delivering(ledger, outbound=Outbound(resolve=lambda *_: names)) as deliverer:
            deliverer.send_due()

        (kept,) = ledger.webhooks.deliveries(ledger.webhooks.all()[0].id)
        assert kept.answered == "address refused"
        assert receiver.received == []


# --- who may be told when it is sent ---------------------------------------------------------------------------------


def test_who_may_no_longer_see_the_case_is_not_told(world: World, receiver: Receiver, tmp_path: Path) -> None:
    stranger = Party(Role.SELLER, "seller-9999")
    with opened(world) as (ledger, deliverer):
        added = hook(ledger, stranger, [Event.DUE_SOON], url=receiver.url())
        case = open_case(ledger, tmp_path)
        share(ledger, case.return_id, stranger)
        Notifier(ledger).run()
        assert last(ledger, added).state == "waiting"
        ledger.credentials.unshare(case.return_id, caller(ledger, stranger).mark)

        deliverer.send_due()

        assert receiver.received == []
        assert (last(ledger, added).state, last(ledger, added).attempts) == ("failed", 1)


def test_who_was_erased_is_not_told(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(world) as (ledger, deliverer):
        one_notice(ledger, receiver, tmp_path)
        (stored,) = ledger.webhooks.all()
        ledger.keys.destroy(stored.key_id)

        deliverer.send_due()
        assert receiver.received == []
        Notifier(ledger).run()

        assert ledger.webhooks.all() == []


def test_a_deadline_that_was_kept_meanwhile_is_not_warned_of(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(world) as (ledger, deliverer):
        added = hook(ledger, PLATFORM, [Event.DUE_SOON], url=receiver.url())
        case = open_case(ledger, tmp_path)
        Notifier(ledger).run()
        approve(ledger, case.return_id, tmp_path)

        deliverer.send_due()

        assert receiver.received == []
        assert (last(ledger, added).state, last(ledger, added).answered) == ("failed", "not sent: it is no longer so")


# --- several workers, and workers that die ---------------------------------------------------------------------------


def test_two_workers_on_one_database_send_each_notice_once(
    each_world: World, receiver: Receiver, tmp_path: Path
) -> None:
    with developing(each_world).opened() as one, each_world.opened(write=False) as two:
        added = [hook(one.ledger, PLATFORM, STATE, url=receiver.url()) for _ in range(3)]
        for _ in range(8):
            open_case(one.ledger, tmp_path)

        def work(ledger: Ledger) -> None:
            Notifier(ledger).run()
            with delivering(ledger) as deliverer:
                deliverer.send_due()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, [one.ledger, two.ledger, one.ledger, two.ledger]))
        work(one.ledger)  # whatever one of them had claimed and another looked for

        made = [delivery for each in added for delivery in told(one.ledger, each)]
        assert len(made) == 24
        assert {(delivery.state, delivery.attempts) for delivery in made} == {("delivered", 1)}
        assert sorted(ids(receiver)) == sorted(f"msg_{delivery.id}" for delivery in made)


class Dying(Webhooks):
    """Rows of a process that dies after it has sent and before it saves."""

    def settle(self, claimed: StoredDelivery, *, state: str, next_at: str, answered: str) -> bool:
        """Die."""
        raise StoreError("the process died here")


def test_a_worker_that_dies_between_sending_and_saving_sends_again_under_the_same_id(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    with opened(world) as (ledger, deliverer):
        added = one_notice(ledger, receiver, tmp_path)
        ledger.webhooks, alive = Dying(ledger.store), ledger.webhooks
        with delivering(ledger) as dying:
            dying.send_due()
        ledger.webhooks = alive
        assert (last(ledger, added).state, last(ledger, added).attempts) == ("waiting", 1)

        world.clock.pass_seconds(CLAIM_SECONDS - 5)
        deliverer.send_due()
        assert len(receiver.received) == 1  # it may still be at it
        world.clock.pass_seconds(10)
        deliverer.send_due()

        assert ids(receiver) == [f"msg_{last(ledger, added).id}"] * 2
        assert receiver.received[0].body == receiver.received[1].body
        assert (last(ledger, added).state, last(ledger, added).attempts) == ("delivered", 2)


def test_attempts_that_die_each_time_come_to_an_end(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(world) as (ledger, deliverer):
        added = one_notice(ledger, receiver, tmp_path)
        for _ in range(ATTEMPTS_MAX):
            claim = ledger.webhooks.claim(last(ledger, added), until="2026-11-03T12:00:00.000Z")
            assert claim is not None

        deliverer.send_due()

        assert receiver.received == []
        assert (last(ledger, added).state, last(ledger, added).answered) == ("failed", "not sent")


# --- nobody delays anybody -------------------------------------------------------------------------------------------


def test_a_receiver_that_does_not_answer_delays_nobody_else(world: World, receiver: Receiver, tmp_path: Path) -> None:
    """The slow ones are of two parties, have more to get than they take, and are on the same host as the quick one."""
    stranger = Party(Role.SELLER, "seller-9999")
    with receiving() as silent, opened(world) as (ledger, deliverer):
        silent.behave = [behaves.silence]
        slow = [hook(ledger, who, url=silent.url()) for who in (PLATFORM, stranger) for _ in range(OF_PARTY_MAX + 1)]
        quick = hook(ledger, BUYER, STATE, url=receiver.url())
        for _ in range(3):
            share(ledger, open_case(ledger, tmp_path).return_id, stranger)
        Notifier(ledger).run()

        begun = deliverer.start()
        assert OF_PARTY_MAX < begun <= OF_HOST_MAX
        deliverer_again = deliverer.start()
        assert deliverer_again <= 1
        for _ in range(2_000):
            if {one.state for one in told(ledger, quick)} == {"delivered"}:
                break
            deliverer.start()
            threading.Event().wait(0.01)

        assert len(receiver.received) == 3
        assert all(one.state == "waiting" for added in slow for one in told(ledger, added))
        silent.held.set()


def test_places_are_shared_between_parties_and_hosts(world: World, tmp_path: Path) -> None:
    with receiving() as silent, opened(world) as (ledger, deliverer):
        silent.behave = [behaves.silence]
        for who in (PLATFORM, BUYER, Party(Role.REGULATOR, "de")):
            for _ in range(OF_PARTY_MAX + 1):
                hook(ledger, who, STATE, url=silent.url(), countries=["DE"] if who.role is Role.REGULATOR else [])
        open_case(ledger, tmp_path)
        Notifier(ledger).run()

        assert deliverer.start() == OF_HOST_MAX
        assert deliverer.start() == 0
        silent.held.set()
        deliverer.wait()


def test_a_party_takes_a_few_places_however_many_webhooks_it_has(world: World, tmp_path: Path) -> None:
    with receiving() as silent, opened(world) as (ledger, deliverer):
        silent.behave = [behaves.silence]
        for _ in range(OF_PARTY_MAX + 2):
            hook(ledger, PLATFORM, STATE, url=silent.url())
        open_case(ledger, tmp_path)
        Notifier(ledger).run()

        assert deliverer.start() == OF_PARTY_MAX
        assert deliverer.start() == 0
        silent.held.set()
        deliverer.wait()


def test_a_webhook_that_takes_nothing_rests_longer_each_time(world: World, receiver: Receiver, tmp_path: Path) -> None:
    """A receiver that is down, with many notices before it, is asked once in a while and not once for each."""
    with opened(world) as (ledger, deliverer):
        receiver.behave = [behaves.answer(503)]
        hook(ledger, PLATFORM, STATE, url=receiver.url())
        for _ in range(40):
            open_case(ledger, tmp_path)
        Notifier(ledger).run()

        for _ in range(60):  # a minute
            deliverer.start()
            deliverer.wait()
            world.clock.pass_seconds(1)
        down = len(receiver.received)
        receiver.behave = [behaves.answer(200)]
        world.clock.pass_seconds(HOUR)
        deliverer.send_due()

        assert 4 <= down <= 6
        assert len(set(ids(receiver))) == 40


def test_a_row_that_cannot_be_opened_stops_nobody_else(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with developing(world).opened() as found:
        ledger = found.ledger
        said: list[str] = []
        broken, whole = (hook(ledger, who, STATE, url=receiver.url()) for who in (PLATFORM, BUYER))
        open_case(ledger, tmp_path)
        Notifier(ledger).run()
        ledger.store.change("UPDATE webhooks SET sealed = ? WHERE id = ?", bytes(64), broken.webhook.id)
        with delivering(ledger, report=said.append) as deliverer:
            deliverer.send_due()
            deliverer.send_due()

        assert last(ledger, whole).state == "delivered"
        assert last(ledger, broken).state == "waiting"
        assert said == [f"webhook {broken.webhook.id}: nothing can be sent: a sealed text does not open"]


def test_what_goes_wrong_with_one_notice_is_said_without_a_word_of_it(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    class Broken(Outbound):
        def post(self, url: str, body: bytes, headers: object) -> Any:
            raise RuntimeError(f"{url} {body!r} {headers}")

    with opened(world) as (ledger, _):
        said: list[str] = []
        added = one_notice(ledger, receiver, tmp_path, "/canary-path")
        with delivering(ledger, outbound=Broken(allow_loopback=True), report=said.append) as deliverer:
            deliverer.send_due()

        assert said == [f"webhook {added.webhook.id}: sending stopped, trying again later: RuntimeError"]


def test_after_the_end_nothing_is_begun(world: World, receiver: Receiver, tmp_path: Path) -> None:
    with opened(world) as (ledger, _), receiving() as silent:
        silent.behave = [behaves.silence]
        added = hook(ledger, PLATFORM, STATE, url=silent.url())
        for _ in range(2):
            open_case(ledger, tmp_path)
        Notifier(ledger).run()
        deliverer = Deliverer(ledger)
        deliverer.start()
        assert silent.arrived.wait(WAIT_SECONDS_MAX)
        closing = threading.Thread(target=deliverer.close)
        closing.start()
        silent.held.set()
        closing.join(WAIT_SECONDS_MAX)
        deliverer.close()

        assert not closing.is_alive()
        assert len(silent.received) == 1
        assert sorted(one.attempts for one in told(ledger, added)) == [0, 1]


def test_the_pool_has_room_for_several_hosts_and_a_host_for_several_parties() -> None:
    assert OF_PARTY_MAX < OF_HOST_MAX < deliver.IN_FLIGHT_MAX
    assert OF_HOST_MAX < 3 * OF_PARTY_MAX
