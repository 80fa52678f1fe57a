"""When a head is due: by how many entries wait, how old the oldest is, how urgent one of them is, and by heartbeat.

| rule | what waits | due |
|---|---|---|
| urgent | an entry of an urgent kind | now |
| count | at least `count` entries | now |
| age | the oldest entry is at least `age_seconds` old | now |
| heartbeat | nothing but seals, and the newest anchor is `heartbeat_seconds` old | now |
| quiet | anything else | not yet |

Disputes and erasures are urgent: whoever rules on one wants to say when it began; and a key, because what follows it
is signed with it. Promises: pure. Does not: look at a log or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.entry import Kind

URGENT = frozenset({Kind.DISPUTE, Kind.ERASURE, Kind.KEY, Kind.TARGET})


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often heads are anchored; times in seconds, `heartbeat_seconds` 0: no anchor without entries."""

    age_seconds: int = 60
    count: int = 10_000
    heartbeat_seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class Backlog:
    """What no anchor covers yet: `count` entries that are no seals, the oldest recorded at `oldest_at`.

    `urgent`: one of them is of an urgent kind. `anchored_at`: when the newest head was placed. Seconds since 1970.
    """

    count: int
    oldest_at: int | None
    urgent: bool
    anchored_at: int | None


def due(backlog: Backlog, cadence: Cadence, now: int) -> str | None:
    """Return the rule by which a head is due now, None while it is not."""
    if backlog.count == 0:
        quiet_since = backlog.anchored_at
        beat = cadence.heartbeat_seconds
        return "heartbeat" if beat and quiet_since is not None and now - quiet_since >= beat else None
    if backlog.urgent:
        return "urgent"
    if backlog.count >= cadence.count:
        return "count"
    if backlog.oldest_at is not None and now - backlog.oldest_at >= cadence.age_seconds:
        return "age"
    return None
