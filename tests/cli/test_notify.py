"""Worker and server tell webhooks from a thread of their own, and stop with it in order."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator

import pytest

from ledger_service.cli import notify
from ledger_service.core.entry import Role
from ledger_service.errors import StoreBusyError
from ledger_service.operations.credentials import authenticate, issue_key
from ledger_service.operations.notices import Event
from ledger_service.operations.notify import Round
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.webhooks import add_webhook
from ledger_service.settings import load_settings
from ledger_service.wiring import open_ledger
from tests.cli.conftest import Story
from tests.cli.program import PLATFORM, Program
from tests.cli.test_run_commands import Impatient, free_port, running, stop
from tests.receiver import Receiver, receiving

WAIT_SECONDS_MAX = 60.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def hooked(story: Story, receiver: Receiver) -> Program:
    """The program with a webhook of the platform, which is told of the anchor that is to come."""
    settings = load_settings(home=story.rledger.home, webhook_allow_loopback=True)
    with open_ledger(settings) as opened:
        party = Party(Role.PLATFORM, PLATFORM.partition(":")[2])
        issued = issue_key(opened.ledger, party, label="shop", scopes=[Scope.NOTIFY])
        principal = authenticate(opened.ledger, issued.token)
        add_webhook(opened.ledger, principal, receiver.url("/canary-path"), list(Event))
    return story.rledger.with_settings(webhook_allow_loopback="true")


def events(receiver: Receiver) -> list[str]:
    """Return the events that arrived."""
    return [json.loads(got.body)["type"] for got in receiver.received]


def test_one_round_of_the_worker_tells_what_it_anchored(hooked: Program, receiver: Receiver) -> None:
    ended = hooked.done("worker", "--once")

    assert events(receiver) == ["anchor.finalized"]
    assert "canary-path" not in ended.out + ended.err
    hooked.done("worker", "--once")
    assert len(receiver.received) == 1


def test_without_the_setting_for_development_nothing_is_told_to_this_machine(
    hooked: Program, receiver: Receiver
) -> None:
    hooked.with_settings(webhook_allow_loopback="false").done("worker", "--once")

    assert receiver.received == []


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_running_worker_or_server_tells_and_stops_at_a_signal(
    hooked: Program, receiver: Receiver, command: str
) -> None:
    options = ["--port", str(free_port())] if command == "serve" else []
    soon = hooked.with_settings(anchor_interval_seconds="1")  # its entries may have been recorded just now
    with running(soon, command, *options) as (process, _):
        assert receiver.arrived.wait(WAIT_SECONDS_MAX)
        code, said = stop(process, signal.SIGTERM)

    assert code == 0, said
    assert "Traceback" not in said
    assert "canary-path" not in said
    assert set(events(receiver)) == {"anchor.finalized"}


class Scripted:
    """A notifier that fails as scripted and stops its thread when the script is over."""

    def __init__(self, stop: threading.Event, *script: Exception | bool) -> None:
        self.stop = stop
        self.left = list(script)

    def run(self) -> Round:
        """Do the next round: fail, or say whether entries are left."""
        act = self.left.pop(0)
        if not self.left:
            self.stop.set()
        if isinstance(act, Exception):
            raise act
        return Round(0, behind=act)


class Sender:
    """What sends nothing and counts."""

    def __init__(self) -> None:
        self.begun = self.closed = 0

    def start(self) -> int:
        """Begin nothing."""
        self.begun += 1
        return 0

    def close(self) -> None:
        """Note the end."""
        self.closed += 1


def test_what_fails_is_said_without_a_url_and_tried_again_after_a_pause_that_grows() -> None:
    stop, sender, said = Impatient(), Sender(), list[str]()
    busy, fault = StoreBusyError("another writer held the lock"), ValueError("https://shop.example.com/canary-path")
    rounds = Scripted(stop, busy, busy, fault, True, False, busy, False)

    notify.keep_notifying(rounds, sender, stop, say=said.append)  # type: ignore[arg-type]  # stand-ins

    assert stop.pauses == [2, 4, 8, 0, 2, 2, 2]
    assert said == [
        "webhooks: trying again in 2 s: another writer held the lock",
        "webhooks: trying again in 4 s: another writer held the lock",
        "webhooks: trying again in 8 s: ValueError",
        "webhooks: trying again in 2 s: another writer held the lock",
    ]
    assert (sender.begun, sender.closed) == (3, 1)


def test_the_thread_ends_with_its_block_whatever_ends_it(story: Story) -> None:
    stop = threading.Event()

    def fail_beside_it() -> None:
        settings = load_settings(home=story.rledger.home)
        with open_ledger(settings) as opened, notify.notifying(opened.ledger, stop, due_soon_hours=1):
            assert "notifier" in {thread.name for thread in threading.enumerate()}
            raise KeyError

    with pytest.raises(KeyError):
        fail_beside_it()

    assert stop.is_set()
    assert "notifier" not in {thread.name for thread in threading.enumerate()}
