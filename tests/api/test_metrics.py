"""What operators see: figures and log lines, and nothing of a person in either."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
import structlog

from ledger_service.api.metrics import GATE_REASONS
from ledger_service.app import make_app
from ledger_service.errors import ContradictedError
from ledger_service.operations.afterwards import put_off
from ledger_service.operations.gate import Gate
from ledger_service.store.writer import Writer
from tests.api.asking import Asking, asking
from tests.operations.world import BUYER, PLATFORM, World


def figures(service: Asking) -> dict[str, float]:
    """Return the figures without labels, and those of the one chain, by name."""
    text = service.ask("GET", "/metrics", PLATFORM).text.replace('{chain="embedded"}', "")
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#") and "{" not in line]
    return {name: float(value) for name, value in pairs}


def test_the_figures_follow_the_ledger(service: Asking) -> None:
    before = figures(service)
    service.open_case()
    after = figures(service)
    grown = after["ledger_size"] - before["ledger_size"]  # 1, or 2 with a seal that was due

    assert grown >= 1
    assert after["ledger_size"] == service.ledger.read.size()
    assert after["ledger_entries_not_finalized"] == before["ledger_entries_not_finalized"] + grown
    assert after["ledger_anchor_promise_seconds"] == 3600
    assert after["ledger_entries_not_included"] == after["ledger_entries_not_finalized"]
    assert after["ledger_anchor_waiting_seconds"] >= 0
    assert after["ledger_writable"] == after["ledger_readable"] == 1
    assert after["ledger_disk_free_bytes"] > 0


def test_a_writer_that_stopped_is_not_called_writable(world: World, tmp_path: Path) -> None:
    def contradict(*_: Any) -> NoReturn:
        raise ContradictedError("the mark says no")

    with asking(world, tmp_path) as service:
        real = service.ledger.require_writer()
        rules = real._log.rules  # type: ignore[attr-defined] # of a `LogWriter`
        with Writer(service.ledger.store, sign=rules.sign, clock=rules.clock, before_answer=contradict) as writer:
            service.ledger.writer = writer
            assert figures(service)["ledger_writable"] == 1
            with pytest.raises(ContradictedError):
                service.open_case()
            assert figures(service)["ledger_writable"] == 0
        service.ledger.writer = real


def test_each_group_of_steps_is_timed_from_the_queue_to_its_answer(service: Asking) -> None:
    before = figures(service)
    for _ in range(3):
        service.open_case()
    after, until = figures(service), time.monotonic() + 60
    while after["ledger_commit_seconds_count"] - before.get("ledger_commit_seconds_count", 0) < 3:
        assert time.monotonic() < until, after  # a group is noted after its answers
        after = figures(service)

    for name in ("ledger_append_seconds", "ledger_commit_seconds"):
        assert after[f"{name}_count"] - before.get(f"{name}_count", 0) == 3, name
    spent = {
        name: after[f"{name}_sum"] - before.get(f"{name}_sum", 0)
        for name in ("ledger_append_seconds", "ledger_commit_seconds")
    }
    assert 0 < spent["ledger_commit_seconds"] <= spent["ledger_append_seconds"] < 60


def gate(service: Asking) -> list[str]:
    """Return the reasons that the gate's figure shows as 1; every other is shown as 0."""
    lines = [
        line for line in service.ask("GET", "/metrics", PLATFORM).text.splitlines() if line.startswith("ledger_gate{")
    ]
    assert [line.partition('"')[2].partition('"')[0] for line in lines] == list(GATE_REASONS)
    return [line.partition('"')[2].partition('"')[0] for line in lines if line.endswith(" 1.0")]


def test_the_gate_says_whether_the_ledger_may_write_and_why_not(world: World, tmp_path: Path) -> None:
    with asking(world, tmp_path) as service:
        service.open_case()
        assert gate(service) == ["open"]

        service.app = make_app(service.ledger, world.settings, gate=Gate(False, "nobody answered"))
        assert gate(service) == ["unconfirmed"]

        mark = service.ledger.mark.path
        kept = mark.read_bytes()
        mark.unlink()
        assert gate(service) == ["mark_missing"]
        mark.write_bytes(kept)

    with asking(world, tmp_path, write=False) as service:
        assert gate(service) == ["read_only"]


def test_requests_are_counted_by_the_template_of_their_route(service: Asking) -> None:
    return_id = service.open_case()
    service.ask("GET", f"/v1/returns/{return_id}", BUYER)

    text = service.ask("GET", "/metrics", PLATFORM).text

    assert 'route="/v1/returns/{return_id}",status="200"' in text
    assert return_id not in text


def test_a_log_line_names_the_request_and_no_person_no_case_and_no_token(
    service: Asking, capsys: pytest.CaptureFixture[str]
) -> None:
    return_id = service.open_case(comment="words of a person")
    with structlog.testing.capture_logs() as lines:
        service.app.state.service.callers._known.clear()
        service.ask("GET", f"/v1/returns/{return_id}/timeline?secret=1", BUYER, headers={"X-Request-ID": "mine-1"})
    wrote: list[Any] = [*lines, capsys.readouterr()]

    assert "mine-1" in str(wrote)
    for hidden in (return_id, service.token(BUYER), BUYER.reference, "words of a person", "secret=1"):
        assert hidden not in str(wrote)


def test_the_figures_count_what_was_answered_before_they_were_asked_for(service: Asking) -> None:
    labels = {"route": "/health/live", "method": "GET", "status": "200"}
    count = 'ledger_http_requests_total{method="GET",route="/health/live",status="200"} '
    noted = service.app.state.registry.get_sample_value("ledger_http_requests_total", labels) or 0.0

    async def walk() -> str:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger.test") as client:
            await client.get("/health/live")
            asked = {"Authorization": f"Bearer {service.token(PLATFORM)}"}
            return (await client.get("/metrics", headers=asked)).text

    assert f"{count}{noted + 1}" in asyncio.run(walk())


def test_a_server_that_ends_notes_its_last_requests(service: Asking) -> None:
    done: list[str] = []

    async def receive() -> dict[str, str]:
        put_off(partial(done.append, "noted"))
        return {"type": "lifespan.startup" if len(came) == 0 else "lifespan.shutdown"}

    came: list[str] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        came.append(message["type"])

    async def live() -> None:
        await service.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        assert done == ["noted", "noted"]

    asyncio.run(live())
    assert came == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
