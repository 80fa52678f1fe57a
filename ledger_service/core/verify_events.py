"""Verify the events of a package: each line says of its entry what the receipt of that entry says.

Compared are the entry, the values and fingerprints that are shown, and the names of those that are not. Promises: pure;
one line at a time. Does not: compare how far an entry had come, or where a line says that a file stands: that is the
ledger's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger_service.core.package import EVENTS
from ledger_service.core.package_events import Event, lines_of, parse_event
from ledger_service.core.report import Check, Outcome
from ledger_service.errors import FormatError


def check_events(chunks: Iterable[bytes] | None, said: Sequence[Event]) -> Check:
    """Return the check of the file.

    Args:
        chunks: Its bytes in pieces; None where a package has none.
        said: What the receipts that hold say, by index.
    """
    if chunks is None:
        return Check("events", Outcome.UNKNOWN, f"an older package: it has no {EVENTS}", decisive=False)
    count = 0
    try:
        for line in lines_of(chunks):
            event = parse_event(line)
            if count == len(said) or event != said[count]:
                reason = f"line {count + 1} says of entry {event.index} what no receipt says there"
                return Check("events", Outcome.FAIL, reason)
            count += 1
    except FormatError as error:
        return Check("events", Outcome.FAIL, f"line {count + 1}: {error.message}")
    if count != len(said):
        return Check("events", Outcome.FAIL, f"{count} lines, and {len(said)} receipts that hold")
    return Check("events", Outcome.PASS, f"{count} lines, each says of its entry what the receipt says")
