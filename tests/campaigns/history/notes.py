"""What clients and readers of a campaign write down, and what the log held at the end.

Times are of one monotonic clock, in seconds. A body is known by its SHA-256; each body is asked for under one
idempotency key, in one attempt or several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What a client knows after an attempt."""

    OK = "ok"
    FAIL = "fail"  # the ledger said that it is not recorded and will not be
    UNKNOWN = "unknown"  # no answer, or one that does not say


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of one client; `receipt` is the signed receipt of an `ok`, as a receipt file."""

    client: int
    key: str
    body: bytes
    invoked_at: float
    ended_at: float
    outcome: Outcome
    index: int = -1
    leaf_hash: bytes = b""
    receipt: bytes = b""


@dataclass(frozen=True, slots=True)
class Read:
    """A tree head that a reader was shown, between two moments."""

    reader: str
    asked_at: float
    answered_at: float
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Logged:
    """A row of the final log; `body` is that of the request it came from, None where no client asked for it."""

    index: int
    leaf_hash: bytes
    encoded: bytes
    body: bytes | None


@dataclass(slots=True)
class History:
    """Everything that was written down."""

    attempts: list[Attempt] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
