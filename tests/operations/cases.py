"""Ways that a case can go, as steps in a real ledger: declined, overturned by appeal or ruling, held by customs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger_service.core.entry import Role, RuleReference
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, SELLER, photo

CUSTOMS = Party(Role.CUSTOMS, "customs-shenzhen")
COURT = Party(Role.ARBITRATOR, "court-5")
POLICY = RuleReference("PLATFORM", "1")
DISPUTE = "d1" * 16
APPROVAL = {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"}
HOLD = {"country": "CN", "hold_reason": "documents_missing"}
CLAIM = {"dispute_id": DISPUTE, "type": "adr", "claim": "it came broken"}


class Story:
    """One case, moved on step by step."""

    def __init__(self, ledger: Ledger, folder: Path, *, seller: Party = SELLER, **fields: Any) -> None:
        """Open the case."""
        self.ledger = ledger
        self.file = photo(folder)
        self.return_id = ""
        given = {**REQUEST_FIELDS, **fields}
        self.return_id = self.take("request_return", BUYER, given, "product_photo", members=(seller,)).return_id

    def take(self, verb: str, by: Party, fields: dict[str, Any], *kinds: str, **more: Any) -> Any:
        """Record a step with a file of each kind."""
        evidence = [(kind, self.file) for kind in kinds]
        return record(self.ledger, Step(verb, by, PLATFORM, fields, evidence, return_id=self.return_id or None, **more))

    def decline(self) -> Story:
        """Refuse the return under the platform's policy."""
        self.take("decline_return", PLATFORM, {"reason_code": "other"}, "policy_snapshot", rule=POLICY)
        return self

    def overturn(self) -> Story:
        """Appeal, and approve after all."""
        self.take("appeal", BUYER, {}, "appeal_statement")
        self.take("approve_return", PLATFORM, APPROVAL, "rma_document")
        return self

    def rule(self, outcome: str) -> Story:
        """Have a neutral decide a dispute."""
        self.take("open_dispute", BUYER, CLAIM, "dispute_notice")
        self.take("appoint_neutral", PLATFORM, {"dispute_id": DISPUTE, "neutral_id": "n-1"}, to_state="arbitration")
        self.take("rule", COURT, {"dispute_id": DISPUTE, "outcome": outcome}, "ruling")
        return self

    def approve(self) -> Story:
        """Approve the return at once."""
        self.take("approve_return", PLATFORM, APPROVAL, "rma_document")
        return self

    def ship(self) -> Story:
        """Send the goods back."""
        self.take("ship_back", BUYER, {"parcels": [{"parcel_id": "P1"}]}, "proof_of_posting")
        return self

    def hold(self) -> Story:
        """Have customs hold the goods."""
        self.take("hold_at_customs", CUSTOMS, HOLD, "customs_notice")
        return self

    def release(self) -> Story:
        """Have customs let them go."""
        self.take("release_from_customs", CUSTOMS, {}, "customs_notice")
        return self
