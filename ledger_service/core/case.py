"""A case and a command as values, and the case as JSON for whoever stores it.

Promises: `parse_case(case_members(case)) == case`. Does not: know how a case changes (`returns.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ledger_service.core.encoding import Json
from ledger_service.core.entry import (
    RETURN_ID_BYTES,
    Actor,
    Authenticity,
    EvidenceDescriptor,
    NamedCommitment,
    RuleReference,
)
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.log_entry import HASH, ORIGIN
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError

COUNTRY = re.compile(r"[A-Z]{2}")  # the shape of ISO 3166-1 alpha-2; the list may grow, old entries stay readable
DISPUTES_MAX = 64  # of one case; a hundredth claim about one return is a matter for people
_TYPE = re.compile(r"[a-z_]{1,32}")
_READ = Reader(EntryFormatError, "case")


@dataclass(frozen=True, slots=True)
class Command:
    """What a party asks to be recorded.

    `facts` are the fields in clear, `commitments` the committed ones; `to_state` chooses where the table leaves a
    choice; `expected_head` is the head that the caller saw (32 bytes), None to compare nothing. Times are RFC 3339
    UTC with milliseconds.
    """

    origin: str
    return_id: str
    verb: str
    asserted_by: Actor
    recorded_by: Actor
    authenticity: Authenticity
    occurred_at: str | None
    recorded_at: str
    facts: dict[str, Json] = field(default_factory=dict)
    commitments: tuple[NamedCommitment, ...] = ()
    evidence: tuple[EvidenceDescriptor, ...] = ()
    rule: RuleReference | None = None
    to_state: str | None = None
    expected_head: bytes | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute beside the case's own states: its random id, its state, and its type (`dispute_type` of the table)."""

    dispute_id: str
    state: str
    type: str

    @property
    def open(self) -> bool:
        """Say whether it still awaits something."""
        return not LIFECYCLE.dispute.states[self.state].terminal


@dataclass(frozen=True, slots=True)
class Case:
    """A case after some of its entries.

    `count` is the number of entries on its chain (so the next `seq`), `head` the leaf hash of the newest of them,
    `opened_at` when the first was recorded; `state_before_offer` is set while an offer is open; `shipped` says that
    goods were sent back; `disputes` are all that were opened, in their order.
    """

    origin: str
    return_id: str
    state: str
    count: int
    head: bytes
    opened_at: str
    buyer_country: str
    seller_country: str
    state_before_offer: str | None
    shipped: bool
    disputes: tuple[Dispute, ...] = ()


def case_members(case: Case) -> dict[str, Json]:
    """Return the case as a JSON object; `parse_case` reads it."""
    return {
        "buyer_country": case.buyer_country,
        "count": case.count,
        "disputes": [[one.dispute_id, one.state, one.type] for one in case.disputes],
        "head": case.head.hex(),
        "opened_at": case.opened_at,
        "origin": case.origin,
        "return_id": case.return_id,
        "seller_country": case.seller_country,
        "shipped": case.shipped,
        "state": case.state,
        "state_before_offer": case.state_before_offer,
    }


_CASE_MEMBERS = tuple(name for name in Case.__dataclass_fields__)


def parse_case(value: Json) -> Case:
    """Return the case that `case_members` wrote.

    Raises:
        EntryFormatError: Anything else.
    """
    m = _READ.members(value, _CASE_MEMBERS)
    if not isinstance(m["shipped"], bool):
        raise _READ.at("shipped").fail("true or false is expected")
    return Case(
        origin=_READ.at("origin").text(m["origin"], ORIGIN),
        return_id=_READ.at("return_id").hexadecimal(m["return_id"], RETURN_ID_BYTES).hex(),
        state=_READ.at("state").choice(m["state"], _state),
        count=_READ.at("count").integer(m["count"], least=1),
        head=_READ.at("head").hexadecimal(m["head"], HASH),
        opened_at=_READ.at("opened_at").instant(m["opened_at"]),
        buyer_country=_READ.at("buyer_country").text(m["buyer_country"], COUNTRY),
        seller_country=_READ.at("seller_country").text(m["seller_country"], COUNTRY),
        state_before_offer=_READ.nullable(
            m["state_before_offer"], lambda v: _READ.at("state_before_offer").choice(v, _state)
        ),
        shipped=m["shipped"],
        disputes=_READ.at("disputes").items(m["disputes"], DISPUTES_MAX, _parse_dispute),
    )


def _parse_dispute(value: Json) -> Dispute:
    read = _READ.at("disputes")
    if not isinstance(value, list) or len(value) != 3:
        raise read.fail("id, state and type are expected")
    return Dispute(
        dispute_id=read.hexadecimal(value[0], RETURN_ID_BYTES).hex(),
        state=read.choice(value[1], _dispute_state),
        type=read.text(value[2], _TYPE),
    )


def _dispute_state(name: str) -> str:
    if name not in LIFECYCLE.dispute.states:
        raise ValueError(name)
    return name


def _state(name: str) -> str:
    if name not in LIFECYCLE.case.states:
        raise ValueError(name)
    return name
