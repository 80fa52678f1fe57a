"""`rledger serve` with several API processes: one socket, one figure, one end."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import psutil

from tests.cli.conftest import Story
from tests.cli.program import SELLER
from tests.cli.test_run_commands import START_SECONDS_MAX, free_port, get, running, stop


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the API processes."""
    return started(psutil.Process(process.pid), "--listener")


def appenders(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that append for the API processes."""
    return [one for api in children(process) for one in started(api, "--appender")]


def started(parent: psutil.Process, option: str) -> list[psutil.Process]:
    """Return the processes that a process started with an option and that run."""
    found = []
    for one in parent.children():
        with suppress(psutil.NoSuchProcess):  # a zombie too: it ended and nobody asked for it yet
            if option in one.cmdline():
                found.append(one)
    return found


def until(true: Callable[[], bool]) -> None:
    """Poll with a deadline."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_that_is_killed_is_replaced_and_requests_go_on(story: Story) -> None:
    port = free_port()
    with running(story.rledger, "serve", "--port", str(port), "--processes", "2", "--no-worker") as (process, _):
        until(lambda: len(children(process)) == 2)
        assert get(port, "/health/ready").json()["ready"] is True
        first = {one.pid for one in children(process)}
        victim = children(process)[0]

        victim.kill()

        until(lambda: len({one.pid for one in children(process)} - {victim.pid}) == 2)
        for _ in range(20):
            assert get(port, "/health/live").status_code == 200
        assert {one.pid for one in children(process)} & first
        code, told = stop(process, signal.SIGTERM)

    assert code == 0, told
    assert "another one takes its place" in told
    assert not psutil.pid_exists(victim.pid)


def test_the_processes_end_with_the_first_one_however_it_ends(story: Story) -> None:
    port = free_port()
    with running(story.rledger, "serve", "--port", str(port), "--processes", "2", "--no-worker") as (process, _):
        until(lambda: len(children(process)) == 2)
        get(port, "/health/live")
        orphans = children(process) + appenders(process)

        process.kill()
        process.wait()

        gone, alive = psutil.wait_procs(orphans, timeout=START_SECONDS_MAX)

    assert alive == []
    assert len(gone) == 4


def test_a_process_that_appends_and_is_killed_is_replaced_and_nothing_is_recorded_twice(story: Story) -> None:
    port = free_port()
    made = story.rledger.done("key", "create", SELLER, "--label", "killed", "--scope", "record")
    cancel: dict[str, object] = {"verb": "cancel_return", "fields": {"reason": "sold out"}}
    inspect: dict[str, object] = {"verb": "start_inspection", "fields": {}}  # refused, and an attempt is recorded

    def post(key: str, step: dict[str, object]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {made.out.strip()}", "Idempotency-Key": key}
        url = f"http://127.0.0.1:{port}/v1/returns/{story.return_id}/transitions"
        return httpx.post(url, json=step, headers=headers, timeout=START_SECONDS_MAX, trust_env=False)

    program = story.rledger.with_settings(append_apart="always")
    with running(program, "serve", "--port", str(port), "--no-worker") as (process, _):
        until(lambda: len(children(process)) == 1)
        until(lambda: len(appenders(process)) == 1)
        first = post("before", inspect)
        (victim,) = appenders(process)

        victim.kill()
        lost = post("lost", cancel)  # the process is gone, and what becomes of its drafts nobody knows
        found = [post("lost", cancel), post("lost", cancel)]
        successors = appenders(process)
        code, told = stop(process, signal.SIGTERM)

    assert code == 0, told
    assert first.status_code == 409, first.text
    assert (lost.status_code, lost.json()["type"]) == (503, "/help/problems/outcome-unknown"), lost.text
    assert [one.status_code for one in found] == [201, 201]
    assert [one.headers.get("idempotent-replayed") for one in found] == [None, "true"]
    assert [one.json()["index"] for one in found] == [5, 5]
    assert [one.pid != victim.pid for one in successors] == [True]
    assert "Traceback" not in told


def test_processes_that_do_not_come_up_end_the_service_with_a_reason(story: Story) -> None:
    port = free_port()
    with running(story.rledger, "serve", "--port", str(port), "--no-worker") as (process, _):
        until(lambda: len(children(process)) == 1)
        get(port, "/health/live")
        (story.rledger.home / "secrets" / "checkpoint.key").chmod(0o640)  # others may read it: no process starts so

        children(process)[0].kill()

        process.wait(START_SECONDS_MAX)
        assert process.stderr is not None
        told = process.stderr.read().decode()

    assert process.returncode == 4, told
    assert "3 times in a row" in told
    assert "can be read by others" in told
    assert "Traceback" not in told


def test_figures_are_of_all_processes(story: Story) -> None:
    port = free_port()
    made = story.rledger.done("key", "create", "platform:desk-1", "--label", "figures", "--scope", "operate")
    headers = {"Authorization": f"Bearer {made.out.strip()}"}
    with running(story.rledger, "serve", "--port", str(port), "--processes", "2", "--no-worker") as (process, _):
        until(lambda: len(children(process)) == 2)
        for _ in range(40):  # each on a connection of its own: both processes answer some
            get(port, "/health/live")

        url = f"http://127.0.0.1:{port}/metrics"
        shown = httpx.get(url, headers=headers, timeout=START_SECONDS_MAX, trust_env=False).text
        code, told = stop(process, signal.SIGTERM)

    assert code == 0, told
    counted = re.search(r'ledger_http_requests_total\{[^}]*route="/health/live"[^}]*\} (\d+)', shown)
    assert counted, shown
    assert int(counted[1].split(".")[0]) == 40
