"""What anchoring costs: the promised bounds, and the committed table to the last unit of gas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.gas import measure

TABLE = Path(__file__).parent / "gas.json"
VERIFY_CONSTANT_MAX = 500
VERIFY_PER_ELEMENT_MAX = 650


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """All figures, measured once."""
    measured: dict[str, Any] = measure(short=False)["figures"]
    return measured


def test_a_head_costs_at_most_what_was_promised(figures: dict[str, Any]) -> None:
    assert figures["head_2p20_minus_1_plus_64"] <= 90_000
    assert figures["head_1000_plus_64"] <= 72_000


def test_every_verification_stays_under_650_gas_an_element_over_a_constant_500(figures: dict[str, Any]) -> None:
    table = figures["table"]
    rows = [*table["heads"], *table["consistency"], *table["inclusion"]]

    over = [row for row in rows if row["verify_gas"] > VERIFY_CONSTANT_MAX + VERIFY_PER_ELEMENT_MAX * row["elements"]]

    assert over == []
    assert figures["verify_per_element"] <= VERIFY_PER_ELEMENT_MAX
    assert figures["verify_constant"] <= VERIFY_CONSTANT_MAX


def test_the_committed_table_is_what_the_contract_costs(figures: dict[str, Any]) -> None:
    """After a change that is meant: python -m tests.contracts.test_gas writes the new table."""
    assert json.loads(TABLE.read_text(encoding="utf-8")) == figures


def test_the_short_form_gives_the_same_figures(figures: dict[str, Any]) -> None:
    short = measure(short=True)["figures"]

    assert short["head_2p20_minus_1_plus_64"] == figures["head_2p20_minus_1_plus_64"]
    assert short["head_1000_plus_64"] == figures["head_1000_plus_64"]
    assert short["verify_per_element"] == figures["verify_per_element"]


if __name__ == "__main__":
    TABLE.write_text(json.dumps(measure(short=False)["figures"], indent=1) + "\n", encoding="utf-8")
