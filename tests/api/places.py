"""Places where somebody looks for objects: its own, another party's of the same case, another case's, and nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger_service.core.entry import Role, RuleReference
from ledger_service.operations.access import member_of
from ledger_service.operations.credentials import authenticate, issue_key
from ledger_service.operations.principal import SCOPES_OF, Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from ledger_service.operations.webhooks import add_webhook, list_webhooks
from tests.api.asking import PARTIES, Asking
from tests.operations.world import BUYER, SELLER

NO_CASE = "0" * 32
ASKED_AT = "2026-11-03T12:00:00.000Z"
STRANGER = Party(Role.BUYER, "somebody-else")
APPROVAL = Step(
    verb="approve_return",
    asserted_by=SELLER,
    recorded_by=PARTIES[Role.PLATFORM],
    fields={"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"},
    rule=RuleReference("shop-policy", "2026-01"),
)

PARTYS_OWN = {"remove_webhook": (204,), "list_deliveries": (200,), "show_upload": (200,)}  # of no other party's


@dataclass(frozen=True)
class Objects:
    """A case with an entry and what lies beside it: a credential, a webhook, an upload, an erasure."""

    return_id: str
    index: int
    prefix: str = "0" * 16
    webhook: str = NO_CASE
    upload: str = "0" * 64
    erasure: str = NO_CASE
    told_at: str = ASKED_AT


class Places:
    """Where an asker looks: at its own objects, another party's in the same case, another case's, and nowhere.

    `own`: the case is the asker's, and so are webhook and upload; `same`: the case is, the rest is another party's.
    """

    names = ("own", "same", "other", "none")

    def __init__(self, service: Asking) -> None:
        self._service, self._ledger = service, service.ledger
        members = tuple(party for role, party in PARTIES.items() if role is not Role.REGULATOR)
        self.case = service.open_case(members=members)
        papers = service.folder / "papers.pdf"
        papers.write_bytes(b"%PDF-1.7 papers")
        record(self._ledger, replace(APPROVAL, return_id=self.case, evidence=[("rma_document", papers)]))
        self._by_buyer, self._by_seller = (row.index for row in self._ledger.read.chain_of(self.case))
        self._elsewhere = service.open_case(STRANGER.reference, members=(), buyer_country="FR")
        platform = member_of(self._ledger, PARTIES[Role.PLATFORM]).mark
        self._ledger.credentials.unshare(self._elsewhere, platform)
        self._kept: dict[tuple[str, Party], str] = {}
        self._erasures = {"own": self._restrict("limited-here"), "other": self._restrict(STRANGER.reference)}

    def at(self, place: str, name: str, asker: Party | None) -> Objects:
        """Return what an asker asks an operation for at a place."""
        if place == "none":
            return Objects(NO_CASE, 2**40)
        other = self._ledger.read.case(self._elsewhere).last_index
        own, same = (self._by_buyer, self._by_seller) if asker == BUYER else (self._by_seller, self._by_buyer)
        found = {
            "own": Objects(self.case, own, **self._erasures["own"]),
            "same": Objects(self.case, same, **self._erasures["own"]),
            "other": Objects(self._elsewhere, other, **self._erasures["other"]),
        }[place]
        owner = {"own": asker, "same": SELLER if asker != SELLER else BUYER, "other": STRANGER}[place]
        if name == "revoke_key":
            made = issue_key(self._ledger, Party(Role.CARRIER, "carrier-7"), label="x", scopes=[Scope.READ])
            found = replace(found, prefix=made.credential.prefix)
        if owner is not None and name in PARTYS_OWN:
            found = replace(found, upload=self._upload(owner), webhook=self._webhook(owner))
        return found

    def _upload(self, owner: Party) -> str:
        if Scope.RECORD not in SCOPES_OF[owner.role]:
            return "0" * 64
        if ("upload", owner) not in self._kept:
            content = f"a file of {owner}".encode()
            sent = self._service.ask("POST", "/v1/evidence", owner, files={"file": content})
            self._kept["upload", owner] = str(sent.json()["sha256"])
        return self._kept["upload", owner]

    def _webhook(self, owner: Party) -> str:
        known = self._kept.pop(("webhook", owner), "")
        listed = [one.id for one in list_webhooks(self._ledger, self._principal(owner))]
        if known not in listed:
            events = ["return.state_changed"]
            known = add_webhook(self._ledger, self._principal(owner), "https://shop.example/mine", events).webhook.id
        self._kept["webhook", owner] = known
        return known

    def _principal(self, owner: Party) -> Principal:
        return authenticate(self._ledger, self._service.token(owner))

    def _restrict(self, reference: str) -> dict[str, str]:
        if reference != STRANGER.reference:
            self._service.open_case(reference)
        party = {"role": "buyer", "reference": reference}
        body = {"party": party, "ground": "accuracy_contested", "asked_by": "buyer", "asked_at": ASKED_AT}
        answer = self._service.post("/v1/erasures", PARTIES[Role.PLATFORM], body)
        assert answer.json()["outcome"] == "restricted", answer.text
        return {"erasure": answer.json()["id"], "told_at": answer.json()["decided_at"]}
