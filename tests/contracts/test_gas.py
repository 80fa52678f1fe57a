"""What anchoring costs: the promised bounds, and the committed table to the last unit of gas."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.cost import ETHER_USD, markdown
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


def test_a_record_costs_what_the_readme_says(figures: dict[str, Any]) -> None:
    """After a change that is meant: python -m tests.contracts.test_gas prints the new table."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")

    assert "\n".join(markdown(figures["cost"])) in readme
    assert f"one ether at {ETHER_USD:,} USD" in readme


def test_costs_follow_from_heads_and_records(figures: dict[str, Any]) -> None:
    rows = figures["cost"]
    by_key = {(row["what"], row["records_per_day"]): row for row in rows}
    head = figures["head_2p20_minus_1_plus_64"]

    assert len(rows) == 4 * 3 + 2
    assert by_key["a head every 1 minute", 1_000_000]["gas"] == round(head * 1440 / 1_000_000, 3)
    assert by_key["a head every 1 minute", 100]["heads_per_day"] == 100  # never more heads than records
    assert by_key["a head every 1 day", 100]["usd"]["30"] == pytest.approx(head / 100 * 30e-9 * ETHER_USD, rel=1e-6)
    assert 40_000 < figures["step_tx_gas"] < 50_000  # 21,000, a new slot 22,100, and the calldata


if __name__ == "__main__":
    found = measure(short=False)["figures"]
    TABLE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(markdown(found["cost"])) + "\n")
