"""Walk cases by chance through judge, decide, evolve and docket, beside a second reading of table and history.

The model (`tests/core/case_model.py`, `case_verdict.py`) is written from the raw table and knows nothing of the code
it is held against. After every step both agree on state, disputes, quantities and money; a refusal by one is a refusal
by the other, for the same kind of reason; and a case read again from its entries is the same case.
"""

from __future__ import annotations

from typing import Any

from tests.core.case_walk import tally, walk

EXAMPLES, EXAMPLES_SHORT = 20_000, 500
STEPS = 30


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; AssertionError where the two readings differ."""
    before = tally.copy()
    examples = EXAMPLES_SHORT if short else EXAMPLES
    walk(examples=examples, steps=STEPS, number=seed)
    done = tally - before
    refused = {name: number for name, number in done.items() if name.endswith("Error")}
    return {
        "cases": examples,
        "steps_recorded": sum(done.values()) - sum(refused.values()),
        "steps_refused": sum(refused.values()),
        "verbs_recorded": len(set(done) - set(refused)),
        "refusals": dict(sorted(refused.items())),
    }
