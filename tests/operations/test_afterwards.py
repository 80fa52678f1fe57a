"""What is put off: done in order, after those that were answered could run, and not lost when the loop ends."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from functools import partial
from typing import Any

from ledger_service.operations.afterwards import REST_SECONDS, finish, put_off


def test_work_is_done_in_order_once_the_loop_has_rested() -> None:
    done: list[int] = []

    async def walk() -> float:
        began = time.perf_counter()
        for n in range(3):
            put_off(partial(done.append, n))
        for _ in range(3):
            await asyncio.sleep(0)  # turns of the loop are no rest
        assert not done or time.perf_counter() - began >= REST_SECONDS
        while len(done) < 3:
            await asyncio.sleep(REST_SECONDS)
        return time.perf_counter() - began

    assert asyncio.run(walk()) >= REST_SECONDS
    assert done == [0, 1, 2]


def test_what_is_put_off_later_is_done_too() -> None:
    done: list[str] = []

    async def walk() -> None:
        async with asyncio.timeout(60):
            for name in ("first", "second"):
                put_off(partial(done.append, name))
                while name not in done:
                    await asyncio.sleep(REST_SECONDS)

    asyncio.run(walk())
    assert done == ["first", "second"]


def test_whoever_looks_at_what_comes_of_it_finds_all_of_it() -> None:
    done: list[int] = []

    async def walk() -> None:
        put_off(partial(done.append, 1))
        put_off(partial(done.append, 2))
        finish()
        assert done == [1, 2]
        finish()  # nothing is left
        put_off(partial(done.append, 3))
        finish()

    asyncio.run(walk())
    assert done == [1, 2, 3]


def test_work_that_fails_is_reported_and_stops_nothing() -> None:
    done: list[int] = []
    reported: list[dict[str, Any]] = []

    async def walk() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        put_off(partial(int, "no number"))
        put_off(partial(done.append, 1))
        finish()

    asyncio.run(walk())
    assert done == [1]
    assert [type(one["exception"]) for one in reported] == [ValueError]


def test_each_loop_has_its_own_and_is_not_kept_for_it() -> None:
    done: list[int] = []

    async def leave(n: int) -> weakref.ref[asyncio.AbstractEventLoop]:
        put_off(partial(done.append, n))
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(leave(n)) for n in range(2)]

    async def look() -> None:
        finish()

    before = list(done)  # a loop that ends slowly may have come to it
    asyncio.run(look())
    assert done == before  # what is left ended with its loop: whoever ends one asks for it first
    until = time.monotonic() + 60
    while any(loop() is not None for loop in loops):  # another thread may be collecting: then this does nothing
        assert time.monotonic() < until, "kept"
        gc.collect()
