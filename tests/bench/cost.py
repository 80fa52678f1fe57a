"""What anchoring costs a record: gas as measured, dollars at assumed prices, beside a transaction for each step.

A head is due when an entry waits, so that there are never more heads in a day than records. The prices are assumptions
to compare with, not quotations; the figure of an attestation is not measured here (its source stands beside it).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Any

DAY_SECONDS = 86_400
GAS_PRICES_GWEI = (1, 5, 30)  # a quiet hour, an ordinary one, a dear one on Ethereum
ETHER_USD = 3_000  # assumed, for orders of magnitude
CADENCES = (("1 minute", 60), ("15 minutes", 900), ("1 hour", 3_600), ("1 day", DAY_SECONDS))
RECORDS_PER_DAY = (100, 10_000, 1_000_000)
ATTESTATION_GAS = 204_000  # of an EAS `attest` for one record, the lower of two measured elsewhere: 204,000 to 230,000


def cost_rows(head_gas: int, step_gas: int) -> list[dict[str, Any]]:
    """Return a row for each cadence and number of records, then one a step and one an attestation.

    Args:
        head_gas: Of a transaction that anchors a head.
        step_gas: Of a transaction that stores one hash.
    """
    rows = []
    for name, seconds in CADENCES:
        for records in RECORDS_PER_DAY:
            heads = min(DAY_SECONDS // seconds, records)
            rows.append(_row(f"a head every {name}", records, head_gas * heads / records, heads))
    rows.append(_row("a transaction for each step", None, step_gas, None))
    rows.append(_row("an attestation (EAS) for each step", None, ATTESTATION_GAS, None))
    return rows


def markdown(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the rows as the lines of the README's table."""
    prices = " | ".join(f"USD at {price} gwei" for price in GAS_PRICES_GWEI)
    lines = [f"| what | records a day | heads a day | gas a record | {prices} |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        records, heads = (
            format(row[name], ",") if row[name] else "any" for name in ("records_per_day", "heads_per_day")
        )
        dollars = " | ".join(_dollars(row["usd"][str(price)]) for price in GAS_PRICES_GWEI)
        lines.append(f"| {row['what']} | {records} | {heads} | {_gas(row['gas'])} | {dollars} |")
    return lines


def _row(what: str, records: int | None, gas: float, heads: int | None) -> dict[str, Any]:
    usd = {str(price): round(gas * price * 1e-9 * ETHER_USD, 9) for price in GAS_PRICES_GWEI}
    return {"what": what, "records_per_day": records, "heads_per_day": heads, "gas": round(gas, 3), "usd": usd}


def _gas(gas: float) -> str:
    return format(round(gas), ",") if gas >= 10 else f"{gas:.2g}"


def _dollars(usd: float) -> str:
    return f"{usd:,.2f}" if usd >= 0.1 else f"{usd:.{1 - floor(log10(usd))}f}"
