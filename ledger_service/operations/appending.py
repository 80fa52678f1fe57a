"""Work that appends without waiting for it: a generator that yields each draft and goes on once that is durable.

What is decided before an append and after it is then written once, whoever waits: a thread (`finish`, here) or an
event loop (`record_async.py`). A draft that was refused or could not be written is thrown into the work as its error.
Does not: append (`store/writer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeAlias, TypeVar

from ledger_service.store.drafts import Appended, Draft
from ledger_service.store.writer import Writer

T = TypeVar("T")
Appending: TypeAlias = Generator[Draft, Appended, T]


def finish(writer: Writer, work: Appending[T]) -> T:
    """Do the work, blocking on each append; return what it returns.

    Raises:
        LedgerError: As the work does.
    """
    go_on: Callable[[], Draft] = partial(next, work)
    while True:
        try:
            draft = go_on()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            go_on = partial(work.send, writer.append(draft))
        except BaseException as error:
            go_on = partial(work.throw, error)
