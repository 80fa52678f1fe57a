"""The thread beside worker and server that tells webhooks what happened.

Promises: whatever a receiver does keeps no head and no entry waiting; what fails is said, without a URL, and tried
again after a pause that grows. Does not: run for a ledger that nobody opened to write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ledger_service.cli import output
from ledger_service.errors import LedgerError

if TYPE_CHECKING:
    from ledger_service.operations.deliver import Deliverer
    from ledger_service.operations.ledger import Ledger
    from ledger_service.operations.notify import Notifier

PAUSE_SECONDS = 2  # between rounds: how late a notice may come
RETRY_SECONDS_MAX = 300


@contextmanager
def notifying(ledger: Ledger, stop: threading.Event, *, due_soon_hours: int) -> Iterator[None]:
    """Tell webhooks in a thread of its own until `stop` is set; at the end of the block it is."""
    from ledger_service.operations.deliver import Deliverer
    from ledger_service.operations.notify import Notifier

    notifier, deliverer = Notifier(ledger, due_soon_hours=due_soon_hours), Deliverer(ledger, report=output.say)
    thread = threading.Thread(target=keep_notifying, args=(notifier, deliverer, stop), name="notifier")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def notify_once(ledger: Ledger, *, due_soon_hours: int) -> None:
    """Make every notice that is due and try once to send it.

    Raises:
        StoreError: The database cannot be read or written now.
    """
    from ledger_service.operations.deliver import Deliverer
    from ledger_service.operations.notify import Notifier

    notifier, deliverer = Notifier(ledger, due_soon_hours=due_soon_hours), Deliverer(ledger, report=output.say)
    try:
        while notifier.run().behind:
            pass
        deliverer.send_due()
    finally:
        deliverer.close()


def keep_notifying(
    notifier: Notifier, deliverer: Deliverer, stop: threading.Event, *, say: Callable[[str], None] = output.say
) -> None:
    """Make and send notices until told to stop; what is being sent then is waited for."""
    after_failure: float = PAUSE_SECONDS
    try:
        while not stop.is_set():
            pause: float = PAUSE_SECONDS
            try:
                if notifier.run().behind:
                    pause = 0
                deliverer.start()
                after_failure = PAUSE_SECONDS
            except Exception as error:  # the thread goes on, whatever one round ran into
                pause, after_failure = after_failure, min(after_failure * 2, RETRY_SECONDS_MAX)
                reason = error.message if isinstance(error, LedgerError) else type(error).__name__
                say(f"webhooks: trying again in {pause:g} s: {reason}")
            stop.wait(pause)
    finally:
        deliverer.close()
