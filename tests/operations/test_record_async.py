"""Recording from an event loop: the same answers, refusals and attempts, and a loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ledger_service.core.docket import Docket
from ledger_service.errors import (
    BackPressureError,
    ContradictedError,
    IdempotencyMismatchError,
    LedgerError,
    SettingsError,
    WrongRoleError,
)
from ledger_service.operations.afterwards import finish
from ledger_service.operations.asked import Step
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import Recorded, record
from ledger_service.operations.record_async import record_async
from ledger_service.store.writer import Writer
from tests.operations.test_attempts import attempts
from tests.operations.world import (
    BUYER,
    SELLER,
    World,
    answer_step,
    ask_step,
    open_case,
    photo,
    request_step,
    stored_files,
)

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own; it must not take long."""

    async def within() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(within())


def test_a_case_is_recorded_from_a_loop_as_from_a_thread(each_world: World, tmp_path: Path) -> None:
    async def walk(ledger: Ledger) -> list[Recorded]:
        opening = await record_async(ledger, request_step(photo(tmp_path)))
        asked = await record_async(ledger, ask_step(opening.return_id, idempotency_key="k"))
        answered = await record_async(ledger, answer_step(opening.return_id, photo(tmp_path)))
        return [opening, asked, answered, await record_async(ledger, ask_step(opening.return_id, idempotency_key="k"))]

    with each_world.opened() as opened:
        ledger = opened.ledger
        opening, asked, answered, again = run(walk(ledger))

        assert [one.appended.index for one in (opening, asked, answered, again)] == [1, 2, 3, 2]
        assert again.appended.replayed
        assert ledger.read.case(opening.return_id).case.head == answered.appended.leaf_hash
        assert audit(ledger, None).findings == []
    assert len(stored_files(each_world)) == 2


def test_callers_of_one_loop_share_a_commit_and_each_gets_its_own_entry(world: World, tmp_path: Path) -> None:
    async def ask(ledger: Ledger, cases: list[str]) -> list[Recorded]:
        for return_id in cases:
            ledger.dockets.of(return_id)
        with ledger.mark._lock:  # the first commit cannot answer: the others gather behind it
            tasks = [asyncio.create_task(record_async(ledger, ask_step(return_id))) for return_id in cases]
            await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
        return await asyncio.gather(*tasks)

    with world.opened() as opened:
        ledger = opened.ledger
        cases = [open_case(ledger, tmp_path).return_id for _ in range(5)]
        before = len(list(ledger.read.checkpoints()))
        recorded = run(ask(ledger, cases))

        assert [one.return_id for one in recorded] == cases
        assert len({one.appended.index for one in recorded}) == 5
        assert len(list(ledger.read.checkpoints())) - before < 5
        for one in recorded:
            assert ledger.read.entry(one.appended.index).leaf_hash == one.appended.leaf_hash


def test_what_a_loop_has_at_hand_is_one_commit_and_a_step_alone_waits_for_nobody(world: World, tmp_path: Path) -> None:
    async def ask(ledger: Ledger, *cases: str) -> set[int]:
        recorded = await asyncio.gather(*(record_async(ledger, ask_step(return_id)) for return_id in cases))
        return {one.appended.size for one in recorded}

    with world.opened() as opened:
        ledger = opened.ledger
        cases = [open_case(ledger, tmp_path).return_id for _ in range(6)]
        for return_id in cases:
            ledger.dockets.of(return_id)
        real = ledger.require_writer()
        rules = real._log.rules  # type: ignore[attr-defined] # of a `LogWriter`
        options: dict[str, Any] = {"sign": rules.sign, "clock": rules.clock, "before_answer": rules.before_answer}
        with Writer(ledger.store, **options, group_age_seconds=600) as patient:
            ledger.writer = patient

            assert len(run(ask(ledger, *cases[:5]))) == 1
            assert len(run(ask(ledger, cases[5]))) == 1
        ledger.writer = real


def test_of_those_who_take_the_same_step_at_once_one_wins_and_the_others_are_attempts(
    each_world: World, tmp_path: Path
) -> None:
    async def race(ledger: Ledger, return_id: str) -> Counter[str]:
        outcomes = await asyncio.gather(
            *(record_async(ledger, ask_step(return_id)) for _ in range(16)), return_exceptions=True
        )
        return Counter(type(outcome).__name__ for outcome in outcomes)

    with each_world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)

        assert run(race(ledger, case.return_id)) == Counter({"Recorded": 1, "WrongStateError": 15})
        assert len(attempts(ledger, case.return_id)) == 15
        assert audit(ledger, None).findings == []


def test_the_loop_goes_on_while_an_attempt_waits_to_be_durable(world: World, tmp_path: Path) -> None:
    async def try_it(ledger: Ledger, return_id: str) -> None:
        ledger.dockets.of(return_id)
        with ledger.mark._lock:
            task = asyncio.create_task(record_async(ledger, ask_step(return_id, asserted_by=BUYER)))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not task.done()
        with pytest.raises(WrongRoleError):
            await task

    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        run(try_it(opened.ledger, case.return_id))

        assert len(attempts(opened.ledger, case.return_id)) == 1


def test_a_caller_that_is_cancelled_while_it_waits_finds_its_entry_again(world: World, tmp_path: Path) -> None:
    async def cancel(ledger: Ledger, return_id: str) -> None:
        ledger.dockets.of(return_id)
        with ledger.mark._lock:
            task = asyncio.create_task(record_async(ledger, ask_step(return_id, idempotency_key="k")))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        run(cancel(opened.ledger, case.return_id))

        assert record(opened.ledger, ask_step(case.return_id, idempotency_key="k")).appended.replayed


def test_a_loop_that_is_closed_does_not_take_the_writer_with_it(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        ledger.dockets.of(case.return_id)
        step = ask_step(case.return_id, idempotency_key="k")
        loop = asyncio.new_event_loop()
        with ledger.mark._lock:
            task = loop.create_task(record_async(ledger, step))
            loop.run_until_complete(asyncio.sleep(0))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                loop.run_until_complete(task)
            loop.close()

        assert record(ledger, step).appended.replayed  # the writer goes in order: the first answer was given, to nobody


def test_what_the_writer_refuses_and_what_ends_it_reach_the_caller(world: World, tmp_path: Path) -> None:
    async def fail(ledger: Ledger, step: Any, error: type[LedgerError]) -> None:
        with pytest.raises(error):
            await record_async(ledger, step)

    def contradict(*_: object) -> None:
        raise ContradictedError("the mark says no")

    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id, idempotency_key="k"))
        answer = answer_step(case.return_id, photo(tmp_path), idempotency_key="k")
        run(fail(ledger, answer, IdempotencyMismatchError))
        real = ledger.require_writer()
        rules = real._log.rules  # type: ignore[attr-defined] # of a `LogWriter`
        options: dict[str, Any] = {"sign": rules.sign, "clock": ledger.clock, "before_answer": contradict}
        with Writer(ledger.store, **options, queue_max=0) as full:
            ledger.writer = full
            run(fail(ledger, request_step(photo(tmp_path)), BackPressureError))
            run(fail(ledger, answer_step(case.return_id, photo(tmp_path), evidence=()), LedgerError))
        with Writer(ledger.store, **options) as contradicted:
            ledger.writer = contradicted
            other = ask_step(case.return_id, verb="withdraw_request", asserted_by=BUYER, fields={})
            run(fail(ledger, other, ContradictedError))
            run(fail(ledger, ask_step(case.return_id, asserted_by=SELLER), ContradictedError))
        ledger.writer = real


def test_a_loop_that_ended_is_not_kept(world: World, tmp_path: Path) -> None:
    async def record_one(ledger: Ledger, step: Step) -> weakref.ref[asyncio.AbstractEventLoop]:
        await record_async(ledger, step)
        return weakref.ref(asyncio.get_running_loop())

    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        ended = run(record_one(ledger, ask_step(case.return_id)))
        until = time.monotonic() + 60
        while ended() is not None:  # the writer's thread may be at its last words to it
            assert time.monotonic() < until, "kept"
            gc.collect()


def test_a_long_case_is_read_in_a_thread_and_only_for_a_step_that_looks_at_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bool] = []  # in a thread of the loop, or in the loop itself

    async def walk(ledger: Ledger, case: str) -> None:
        here, of = threading.get_ident(), ledger.dockets.of

        def counted(return_id: str) -> Docket:
            read.append(threading.get_ident() != here)
            return of(return_id)

        monkeypatch.setattr(ledger.dockets, "of", counted)
        await record_async(ledger, ask_step(case))
        finish()
        assert read == []
        ended = ask_step(case, verb="withdraw_request", asserted_by=BUYER, fields={})
        await record_async(ledger, ended)
        finish()
        assert read == []
        with suppress(LedgerError):
            await record_async(ledger, ask_step(case, verb="close", fields={}))
        assert read == [True]
        with pytest.raises(LedgerError):
            await record_async(ledger, ask_step(case, verb="no_step", fields={"charges": 1}))
        assert read == [True]

    monkeypatch.setattr("ledger_service.operations.record_async.READ_AT_ONCE_MAX", 0)
    monkeypatch.setattr("ledger_service.operations.record.READ_AT_ONCE_MAX", 0)
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path).return_id
        opened.ledger.dockets.forget()
        run(walk(opened.ledger, case))


def test_a_ledger_opened_to_read_records_nothing(world: World) -> None:
    async def fail(ledger: Ledger) -> None:
        with pytest.raises(SettingsError, match="opened to read"):
            await record_async(ledger, ask_step("00" * 16))

    with world.opened(write=False) as opened:
        run(fail(opened.ledger))
