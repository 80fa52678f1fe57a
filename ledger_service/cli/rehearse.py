"""`rledger deploy --rehearse`: found, record, anchor, wait and verify on a chain, with a ledger that is thrown away.

Promises: the same code as for a ledger that stays; it lives in a temporary folder, under a name of its own, with a key
of its own; what is left is what stands on the chain. Does not: touch the ledger of the settings.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger_service.cli import output

if TYPE_CHECKING:
    from ledger_service.settings import Settings

POLL_SECONDS = 2.0  # between two looks at a head on its way
ORIGIN = "rehearsal.invalid/{name}"  # .invalid: a name that nobody can own (RFC 2606)
REQUEST: dict[str, Any] = {
    "legal_basis": "non_conformity",
    "lines": [{"line_id": "l1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}],
    "language": "en",
    "buyer_country": "DE",
    "seller_country": "CN",
}


def rehearsal_settings(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a ledger in this folder that goes to the same nodes, with the same account."""
    from ledger_service.settings import load_settings

    return load_settings(
        **{
            **{name: getattr(settings, name) for name in settings.model_fields_set},
            "home": folder / "home",
            "origin": ORIGIN.format(name=secrets.token_hex(8)),
            "database_url": "",
            "migration_database_url": "",
            "application_role": "",
        }
    )


def rehearse(
    settings: Settings,
    names: Sequence[str],
    *,
    patience_seconds: float,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Walk the rest of the way with the ledger that was founded for it; ends with `verify`'s exit code.

    Args:
        settings: Of `rehearsal_settings`; the ledger is founded.
        names: The chains.
        patience_seconds: How long to wait until the head is final.
        as_json: Print `verify`'s JSON document.
        sleep: Waits between two looks.
    """
    from ledger_service.cli.grounds import open_places
    from ledger_service.cli.verify import verify_files
    from ledger_service.core.receipt import encode_receipt
    from ledger_service.operations.prove import prove
    from ledger_service.wiring import open_ledger

    _record(settings)
    with open_places(settings, names, writable=False) as places:
        urls = [url for place in places for url in place.urls]
    _anchor(settings, patience_seconds, sleep)
    receipt = settings.home.parent / "rehearsal.receipt.json"
    with open_ledger(settings) as opened:
        made = prove(opened.ledger, 1)
    receipt.write_bytes(encode_receipt(made))
    output.say(f"receipt made: {made.unprotected['state']}")
    verify_files([receipt], settings.home / "ledger.trust.json", urls, [], as_json=as_json)


def _record(settings: Settings) -> None:
    from ledger_service.core.entry import Role
    from ledger_service.operations.record import Party, Step, record
    from ledger_service.wiring import open_ledger

    photo = settings.home.parent / "photo.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n a rehearsal")
    buyer = Party(Role.BUYER, "rehearsal")
    with open_ledger(settings, write=True) as opened:
        step = Step(
            verb="request_return",
            asserted_by=buyer,
            recorded_by=buyer,
            fields=REQUEST,
            evidence=[("product_photo", photo)],
        )
        recorded = record(opened.ledger, step)
    output.say(f"recorded: {step.verb} as entry {recorded.appended.index}")


def _anchor(settings: Settings, patience_seconds: float, sleep: Callable[[float], None]) -> None:
    from ledger_service.cli.run import open_to_anchor

    with open_to_anchor(settings, now=True) as (_, workers):
        waited, said = 0.0, set[str]()
        while True:
            ends = [worker.anchorer.run() for worker in workers]
            for line in [end.said for end in ends]:
                if line not in said:
                    output.say(line)
                    said.add(line)
            if all(end.anchor is None for end in ends):
                return
            if waited >= patience_seconds:
                output.say(f"not final after {patience_seconds:g} s of waiting")
                return
            sleep(POLL_SECONDS)
            waited += POLL_SECONDS
