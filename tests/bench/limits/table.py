"""What measured figures must not pass: the table behind `scripts/bench NAME --check`.

Promises: a limit whose figure was not measured is missed, as one whose figure is beyond it. Does not: measure, or hold
for `--short`, whose sizes are smaller than those that the limits are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.core.large import BYTES_MAX, STATED_BYTES_MAX


class Side(StrEnum):
    """On which side of its limit a figure has to be."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True, slots=True)
class Limit:
    """One figure or ratio of one benchmark, and what it must keep to."""

    benchmark: str
    figure: str
    side: Side
    value: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A limit and what was measured; None where nothing was."""

    limit: Limit
    measured: float | None

    @property
    def held(self) -> bool:
        """Say whether the figure keeps to the limit; what is no number does not."""
        if self.measured is None:
            return False
        if self.limit.side is Side.AT_MOST:
            return self.measured <= self.limit.value
        return self.measured >= self.limit.value

    def as_json(self) -> dict[str, Any]:
        """Return it as an element of the answer with --json."""
        limit = self.limit
        return {"name": limit.figure, limit.side.value: limit.value, "measured": self.measured, "held": self.held}


LIMITS: tuple[Limit, ...] = (
    Limit("http", "vs_validate_only", Side.AT_LEAST, 0.2),
    Limit("http", "vs_orm_commit_each", Side.AT_LEAST, 4.0),
    Limit("http", "two_processes_vs_one", Side.AT_LEAST, 1.1),
    Limit("http", "p99_vs_bare_group_commit", Side.AT_MOST, 1.5),
    Limit("case_index", "update_seconds", Side.AT_MOST, 2.0),  # of 1,000 changed cases among a million
    Limit("case_index", "appends_beside_the_index", Side.AT_LEAST, 0.9),
    Limit("case_index", "prove_ms", Side.AT_MOST, 5.0),
    Limit("verify", "large_offline_ms", Side.AT_MOST, 50.0),
    Limit("verify", "large_bytes", Side.AT_MOST, STATED_BYTES_MAX),
    Limit("verify", "large_plain_bytes", Side.AT_MOST, BYTES_MAX),
    Limit("package", "package_s", Side.AT_MOST, 3.0),  # 40 entries with 20 files
)


def check_limits(
    benchmark: str, measured: Mapping[str, Mapping[str, Any]], limits: tuple[Limit, ...] = LIMITS
) -> list[Checked]:
    """Return the limits of a benchmark with what was measured.

    Args:
        benchmark: Its name.
        measured: What its `measure` returned: figures and ratios.
        limits: The table.
    """
    found = {**measured["figures"], **measured["ratios"]}
    return [Checked(limit, _number(found.get(limit.figure))) for limit in limits if limit.benchmark == benchmark]


def _number(value: object) -> float | None:
    """Return a number; NaN, which compares with nothing, and what is no number are None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return float(value)
