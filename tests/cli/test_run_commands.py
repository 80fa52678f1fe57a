"""Promises of `worker` and `serve`: both stop at a signal with everything in order, and say what they wait for."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ledger_service.cli import run
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.errors import StorageFullError
from ledger_service.operations.anchor_worker import Round
from ledger_service.operations.uploads import keep_upload
from ledger_service.settings import load_settings
from ledger_service.wiring import open_ledger
from tests.cli.conftest import Story
from tests.cli.program import Program, assert_told

START_SECONDS_MAX = 60.0


@contextmanager
def running(rledger: Program, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a command, wait for its first line of talk, and end it at the latest with the block."""
    process = rledger.start(*arguments)
    try:
        assert process.stderr is not None
        yield process, process.stderr.readline().decode()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stop(process: subprocess.Popen[bytes], how: signal.Signals) -> tuple[int, str]:
    """Send a signal; exit code and the rest of the talk."""
    process.send_signal(how)
    _, err = process.communicate(timeout=START_SECONDS_MAX)
    return process.returncode, err.decode()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> httpx.Response:
    """Ask the server, which may still be starting: its socket waits."""
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=START_SECONDS_MAX, trust_env=False)


# --- worker ----------------------------------------------------------------------------------------------------------


def test_one_round_says_each_step_and_answers_what_is_true_now(story: Story) -> None:
    ended = story.rledger.done("worker", "--once")

    assert ended.out == "nothing to anchor: head 2 covers all 5 entries\n"
    assert [line.split(": ", 2)[1:][-1].split(" ")[0] for line in ended.err.splitlines()] == [
        "planned,", "signed", "sent", "included", "final",
    ]  # fmt: skip


def test_a_round_with_nothing_to_do_is_an_answer_and_no_talk(story: Story) -> None:
    story.rledger.done("worker", "--once")

    ended = story.rledger.done("worker", "--once")

    assert ended.out == "nothing to anchor: head 2 covers all 5 entries\n"
    assert ended.err == ""


def test_a_worker_where_nothing_is_founded_makes_no_folder(rledger: Program) -> None:
    for command in (["worker", "--once"], ["serve", "--port", str(free_port())]):
        assert_told(rledger(*command), 4, "hint: ")
        assert not rledger.home.exists()


def test_a_worker_begins_no_new_chain_where_the_blocks_are_gone(story: Story) -> None:
    (story.rledger.home / "chain").rename(story.folder / "elsewhere")

    assert_told(story.rledger("worker", "--once"), 4, "blocks are missing")

    assert not (story.rledger.home / "chain").exists()
    (story.folder / "elsewhere").rename(story.rledger.home / "chain")
    story.rledger.done("worker", "--once")


def test_a_worker_whose_node_is_silent_is_inconclusive_and_loses_nothing(story: Story) -> None:
    ended = story.rledger.with_settings(rpc_url="http://127.0.0.1:1")("worker", "--once")

    assert_told(ended, 3, "warning: not confirmed by the chain", "cannot be reached")
    story.rledger.done("worker", "--once")
    story.rledger.done("audit")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_at_a_signal_and_leaves_the_chain_free(story: Story, how: signal.Signals) -> None:
    with running(story.rledger, "worker") as (process, first):
        assert "rledger: anchoring every 60 s; Ctrl-C stops" in first
        code, told = stop(process, how)

    assert code == 0
    assert "Traceback" not in told
    story.rledger.done("worker", "--once")
    story.rledger.done("audit")


def test_a_second_worker_on_the_same_chain_is_refused(story: Story) -> None:
    with running(story.rledger, "worker"):
        ended = story.rledger("worker", "--once")

        assert_told(ended, 4, "another process writes the embedded chain", "hint: stop it first")
        assert story.rledger("show").code == 0


class Rounds:
    """A target's worker whose rounds end as scripted, and that stops when the script is over."""

    def __init__(self, stop: threading.Event, *script: Round | Exception) -> None:
        self.stop = stop
        self.left = list(script)

    def round(self, report: object = None) -> Round:
        """Do the next round of the script."""
        act = self.left.pop(0)
        if not self.left:
            self.stop.set()
        if isinstance(act, Exception):
            raise act
        return act


class Impatient(threading.Event):
    """An event whose waits are noted instead of waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note the pause."""
        self.pauses.append(timeout or 0)
        return self.is_set()


def test_what_fails_is_said_and_tried_again_after_a_pause_that_grows(capfd: pytest.CaptureFixture[str]) -> None:
    stop = Impatient()
    silent = Round("nobody\x1b[1m answered", Alarm.NODE_SILENT, failed=True)
    quiet = Round("nothing to anchor")
    rounds = Rounds(stop, silent, silent, ValueError("a fault of ours"), quiet, silent, quiet)

    run.keep_anchoring(rounds, stop, interval_seconds=60)  # type: ignore[arg-type]  # a stand-in

    assert stop.pauses == [60, 120, 240, run.LOOK_SECONDS, 60, run.LOOK_SECONDS]
    told = capfd.readouterr().err.splitlines()
    assert told[0] == r"rledger: alarm node_silent: nobody\x1b[1m answered; trying again in 60 s"
    assert told[2] == "rledger: anchoring failed: ValueError: a fault of ours; trying again in 240 s"


def test_an_alarm_that_only_waits_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    stop = Impatient()
    poor = Round("head 3: waiting for money", Alarm.NO_FUNDS)

    run.keep_anchoring(Rounds(stop, poor, poor, Round("final")), stop, interval_seconds=2)  # type: ignore[arg-type]

    assert stop.pauses == [2, 2, 2]
    assert capfd.readouterr().err == "rledger: alarm no_funds: head 3: waiting for money\n"


def test_what_is_done_in_each_round_keeps_nothing_waiting_when_it_fails(capfd: pytest.CaptureFixture[str]) -> None:
    stop, done = Impatient(), []

    def fail() -> None:
        raise StorageFullError("no room")

    def count() -> None:
        done.append(len(stop.pauses))
        if len(done) == 2:
            stop.set()

    run.keep_house({"this failed": fail, "that failed": count}, stop, interval_seconds=60)

    assert done == [0, 1]
    assert stop.pauses == [60, 60]
    assert capfd.readouterr().err.splitlines() == ["rledger: this failed, trying again: no room"] * 2


def test_every_target_has_a_thread_of_its_own_and_all_end_with_the_signal() -> None:
    stop = threading.Event()
    rounds = [Rounds(threading.Event(), *[Round("quiet")] * 1000) for _ in range(2)]
    seen: list[int] = []

    def end() -> None:
        if all(len(one.left) < 1000 for one in rounds):
            seen.append(threading.active_count())
            stop.set()

    before = threading.active_count()
    run.keep_working(rounds, stop, interval_seconds=0.01, before={"never": end})  # type: ignore[arg-type]

    assert seen == [before + 2]
    assert threading.active_count() == before


def test_a_round_of_the_worker_removes_expired_uploads(rledger: Program) -> None:
    rledger.done("deploy")
    settings = load_settings(home=rledger.home)
    with open_ledger(settings, write=True, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC)) as opened:
        stored = opened.ledger.evidence.store(io.BytesIO(b"a photo"), size_max=100)
        keep_upload(opened.ledger, bytes(32), stored)

    ended = rledger.done("worker", "--once")

    assert "removed 1 expired uploads and 0 that never came whole" in ended.err
    assert not [path for path in (rledger.home / "files").rglob("*") if path.is_file()]


# --- serve -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_public_log_is_served_and_anchored_until_a_signal(story: Story, how: signal.Signals) -> None:
    port = free_port()
    soon = story.rledger.with_settings(anchor_interval_seconds="1")
    with running(soon, "serve", "--port", str(port)) as (process, first):
        assert f"at http://127.0.0.1:{port}/checkpoint; Ctrl-C stops" in first
        checkpoint = get(port, "/checkpoint")
        trust = get(port, "/.well-known/return-ledger")
        assert checkpoint.text.startswith("localhost/return-ledger\n")
        assert trust.content == story.trust.read_bytes()
        assert get(port, "/health/ready").json()["ready"] is True
        until_anchored(story.rledger)
        code, told = stop(process, how)

    assert code == 0, told
    assert "Traceback" not in told
    story.rledger.done("worker", "--once")
    story.rledger.done("audit")


def until_told(port: int, alarm: str) -> None:
    """Wait until the worker has said what keeps it waiting."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while get(port, "/health/ready").json()["anchoring"][0]["alarm"] != alarm:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_anchored(rledger: Program) -> None:
    """Poll until the worker beside the server has anchored what was young."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while [anchor["state"] for anchor in rledger.done("show", "--json").json()["anchors"]] != [
        AnchorState.FINALIZED.value
    ] * 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_port_in_use_is_wrong_usage_never_invalid(story: Story) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = story.rledger("serve", "--port", str(port))

    assert_told(ended, 2, f"cannot listen on 127.0.0.1, port {port}", "in use", "hint: ")


@pytest.mark.parametrize("host", ["nosuch.invalid", "192.0.2.1", "a" * 300])
def test_an_address_that_is_not_ours_is_wrong_usage(story: Story, host: str) -> None:
    assert_told(story.rledger("serve", "--host", host, "--port", "18080"), 2, "cannot listen on", "hint: ")


def test_serving_goes_on_while_the_node_is_silent_and_says_so(story: Story, tmp_path: Path) -> None:
    port = free_port()
    silent = story.rledger.with_settings(rpc_url="http://127.0.0.1:1")
    with running(silent, "serve", "--port", str(port)) as (process, first):
        assert "rledger: warning: not confirmed by the chain: " in first
        until_told(port, "node_silent")
        told = get(port, "/health/ready").json()
        assert (told["ready"], told["size"]) == (True, 4)
        (target,) = told["anchoring"]
        assert (target["chain"], target["final_size"]) == ("embedded", 3)
        assert target["meaning"] == "no node answers"
        assert "LEDGER_RPC_URL" in target["way_out"]
        code, told = stop(process, signal.SIGTERM)

    assert code == 0
    assert "rledger: alarm node_silent: " in told
    assert "; trying again in 60 s" in told
