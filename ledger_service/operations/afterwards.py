"""Work that no answer waits for, put off until those that were answered could run.

An answer wakes whoever reads it, and on a machine with few processors the system lets it run on ours as soon as we
rest: what an event loop does right after an answer is waited for all the same. Promises: what was put off is done in
the order in which it came, about `REST_SECONDS` later or when it is asked for. Does not: outlive its loop; whoever
ends one asks for it first.

    put_off(partial(note, request))
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

REST_SECONDS = 0.001  # the least that event loops tell apart; a change of process takes a tenth of it

Work = Callable[[], object]

_WAITING: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[Work]] = WeakKeyDictionary()


def put_off(work: Work) -> None:
    """Do this in a moment in the loop that runs; what it raises goes to the loop's handler of exceptions."""
    loop = asyncio.get_running_loop()
    waiting = _WAITING.get(loop)
    if waiting is None:
        waiting = _WAITING[loop] = deque()
    if not waiting:
        loop.call_later(REST_SECONDS, finish)
    waiting.append(work)


def finish() -> None:
    """Do now what was put off in the loop that runs: somebody looks at what comes of it, or the loop ends."""
    loop = asyncio.get_running_loop()
    waiting = _WAITING.get(loop, ())
    while waiting:
        work = waiting.popleft()
        try:
            work()
        except Exception as error:
            loop.call_exception_handler({"message": "work after an answer failed", "exception": error})
