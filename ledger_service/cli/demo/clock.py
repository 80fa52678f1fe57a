"""The time of a demonstration: the machine's, or one that is moved through the days of its story.

Promises: it never goes back. Does not: hide that it is moved (`command.py` says so).
"""

from __future__ import annotations

from datetime import UTC, datetime


class StoryClock:
    """A clock for ledger and chain alike."""

    def __init__(self, begins: datetime | None) -> None:
        """Stand at an instant until moved on; None: follow the machine's clock."""
        self._at = None if begins is None else begins.astimezone(UTC)

    def __call__(self) -> datetime:
        """Return the time now, in UTC."""
        return datetime.now(UTC) if self._at is None else self._at

    @property
    def moved(self) -> bool:
        """Whether it is not the machine's."""
        return self._at is not None

    def seconds(self) -> int:
        """Return the time now for a chain, in seconds since 1970."""
        return int(self().timestamp())

    def move(self, to: datetime) -> None:
        """Go on to an instant, if it lies ahead and the clock is one that is moved."""
        if self._at is not None:
            self._at = max(self._at, to.astimezone(UTC))
