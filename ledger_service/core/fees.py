"""What an anchor may cost, and when it is worth waiting: EIP-1559 caps in wei for each gas, integers only.

Promises: no cap above the ceiling; a replacement raises both caps by at least 10 %, rounded up; in any 24 hours no
more than the budget can be spent, at worst; an hour that is too dear is waited out only while the promise allows it.
Does not: ask a chain, or know what was spent (`operations/spending.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

BUMP_PERCENT = 110  # geth and others refuse a replacement below +10 % on both caps
BASE_FEE_FACTOR = 2  # the cap covers six full blocks in a row (EIP-1559: +12.5 % each)
GWEI = 10**9


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """Limits in wei, and times in seconds.

    `max_fee_ceiling`: for each gas. `bump_after_seconds`: how long a transaction may wait before its fees rise.
    `cheap_fee`: a base fee up to this is not waited out (None: none is). `daily_budget`: of any 24 hours (None: none).
    `promise_seconds`: from the recording of an entry to its block. `lead_seconds`: how long before that runs out the
    head is sent whatever the hour costs. `foreign_seconds`: how long another program's transaction is let pass first.
    """

    max_fee_ceiling: int = 500 * GWEI
    bump_after_seconds: int = 180
    cheap_fee: int | None = None
    daily_budget: int | None = None
    promise_seconds: int = 3600
    lead_seconds: int = 900
    foreign_seconds: int = 600


@dataclass(frozen=True, slots=True)
class Caps:
    """The two fee caps of a transaction, in wei for each gas; the priority fee is never above the whole."""

    max_fee: int
    priority_fee: int

    def above(self, floor: Caps) -> Caps:
        """Return caps that replace a transaction with `floor` caps, and are at least these."""
        priority = max(self.priority_fee, raised(floor.priority_fee))
        return Caps(max(self.max_fee, raised(floor.max_fee), priority), priority)


def first_caps(base_fee: int, priority_fee: int) -> Caps:
    """Return the caps with which a transaction stays in time for some full blocks."""
    max_fee = BASE_FEE_FACTOR * base_fee + priority_fee
    return Caps(max_fee, min(priority_fee, max_fee))


def raised(fee: int) -> int:
    """Return a fee 10 % higher, rounded up."""
    return -(-fee * BUMP_PERCENT // 100)
