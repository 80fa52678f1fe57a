"""What a verification says: named checks, each with an outcome and a reason, and one verdict.

Promises: `unknown` never turns into `fail`, and neither into `pass`. Does not: print.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Of one check."""

    PASS = "pass"  # noqa: S105 (an outcome, no secret)
    FAIL = "fail"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """Of one file."""

    VALID = "valid"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: stable `name`, `outcome`, and `detail` for a person.

    `decisive` False: unknown here does not hold the verdict back, because another source answered.
    """

    name: str
    outcome: Outcome
    detail: str
    decisive: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one file, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Return invalid if any check failed, else inconclusive if a decisive one is unknown, else valid."""
        if any(check.outcome is Outcome.FAIL for check in self.checks):
            return Verdict.INVALID
        if not self.checks or any(check.decisive and check.outcome is Outcome.UNKNOWN for check in self.checks):
            return Verdict.INCONCLUSIVE
        return Verdict.VALID
