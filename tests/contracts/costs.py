"""What anchoring costs a day and a record, beside one transaction for each step: gas times prices that are named here.

Gas is measured by the run that asks (`tests/bench/gas.py`), except that of an attestation, which is a published
figure. Prices are round numbers to calculate with, no quotes: put in those of the day.

Promises: pure; the same gas gives the same table, in figures and in the README. Does not: know a chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PRICES_DATE = "2026-11-26"
USD_PER_ETHER = 3_000
GAS_PRICES_GWEI = (1, 10, 50)  # a quiet main network, a usual one in busy years, a dear hour
GWEI_PER_ETHER = 10**9
DAY_SECONDS = 86_400
CADENCES = {"1 minute": 60, "15 minutes": 900, "1 hour": 3_600, "1 day": DAY_SECONDS}
RECORDS_A_DAY = (100, 10_000, 1_000_000)
# Not measured here: "Full EAS attest()", 200K gas, as read at https://trust-cost-analysis.pages.dev on 2026-11-26.
ATTESTATION_GAS = 200_000


@dataclass(frozen=True, slots=True)
class Gas:
    """Gas of whole transactions: of a head, and of a call that stores one hash."""

    head: int
    step: int


def cost_table(gas: Gas) -> dict[str, Any]:
    """Return prices, costs of a day by cadence, and costs of a record by cadence and records a day.

    A cadence has a head each time, whether or not anything was recorded: the most that it can cost.
    """
    return {
        "prices": {"date": PRICES_DATE, "usd_per_ether": USD_PER_ETHER, "gas_prices_gwei": list(GAS_PRICES_GWEI)},
        "day": [
            {"cadence": name, "heads": DAY_SECONDS // seconds, **_cost(gas.head * (DAY_SECONDS // seconds))}
            for name, seconds in CADENCES.items()
        ],
        "record": [
            {"cadence": name, "records_a_day": records, **_cost(gas.head * (DAY_SECONDS // seconds) / records)}
            for name, seconds in CADENCES.items()
            for records in RECORDS_A_DAY
        ],
        "one_transaction_a_step": _cost(gas.step),
        "attestation_a_step_not_measured": _cost(ATTESTATION_GAS),
    }


def readme_lines(costs: dict[str, Any]) -> Iterator[str]:
    """Return the two tables as the README shows them."""
    prices = " | ".join(f"USD at {price} gwei" for price in costs["prices"]["gas_prices_gwei"])
    yield f"| a head every | heads a day | gas a day | {prices} |"
    yield "|---|---|---|---|---|---|"
    for row in costs["day"]:
        yield f"| {row['cadence']} | {row['heads']:,} | {row['gas']:,} | {_dollars(row)} |"
    yield ""
    yield f"| one record, with a head every | records a day | gas | {prices} |"
    yield "|---|---|---|---|---|---|"
    for row in costs["record"]:
        yield f"| {row['cadence']} | {row['records_a_day']:,} | {row['gas']:,} | {_dollars(row)} |"
    row = costs["one_transaction_a_step"]
    yield f"| one transaction a step that stores one hash | any | {row['gas']:,} | {_dollars(row)} |"
    row = costs["attestation_a_step_not_measured"]
    name = "one EAS attestation a step (published figure, not measured here)"
    yield f"| {name} | any | {row['gas']:,} | {_dollars(row)} |"


def _cost(gas: float) -> dict[str, Any]:
    """Return gas to the tenth where it is no whole number, and USD to four digits that count."""
    usd = {str(price): float(f"{gas * price / GWEI_PER_ETHER * USD_PER_ETHER:.4g}") for price in GAS_PRICES_GWEI}
    return {"gas": round(gas, 1) if gas % 1 else int(gas), "usd_by_gwei": usd}


def _dollars(row: dict[str, Any]) -> str:
    return " | ".join(_dollar(value) for value in row["usd_by_gwei"].values())


def _dollar(value: float) -> str:
    if value >= 1:
        return f"{value:,.2f}"
    shown = f"{value:.3g}"
    return shown if "e" not in shown else f"{value:.8f}".rstrip("0")
