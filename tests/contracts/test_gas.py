"""What anchoring costs: the promised bounds, and the committed table to the last unit of gas."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.gas import measure
from tests.contracts.costs import Gas, cost_table, readme_lines

README = Path(__file__).resolve().parents[2] / "README.md"
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


def test_the_readme_shows_what_anchoring_costs(figures: dict[str, Any]) -> None:
    """After a change that is meant: python -m tests.contracts.test_gas prints the lines to put there."""
    readme = README.read_text(encoding="utf-8")

    assert "\n".join(readme_lines(figures["costs"])) in readme
    prices = figures["costs"]["prices"]
    assert f"{prices['usd_per_ether']:,} USD an ether" in readme
    assert prices["date"] in readme


def test_anchoring_costs_what_its_heads_cost_and_the_comparison_says_what_is_measured() -> None:
    costs = cost_table(Gas(head=100_000, step=50_000))

    assert costs["day"][1] == {
        "cadence": "15 minutes",
        "heads": 96,
        "gas": 9_600_000,
        "usd_by_gwei": {"1": 28.8, "10": 288.0, "50": 1440.0},
    }
    assert costs["record"][5]["gas"] == 9.6
    assert costs["record"][5]["usd_by_gwei"]["10"] == 0.000288
    assert costs["one_transaction_a_step"]["gas"] == 50_000
    assert [line for line in readme_lines(costs) if "EAS" in line] == [
        "| one EAS attestation a step (published figure, not measured here) | any | 200,000 | 0.6 | 6.00 | 30.00 |"
    ]


if __name__ == "__main__":
    written = measure(short=False)["figures"]
    TABLE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(readme_lines(written["costs"])) + "\n")
