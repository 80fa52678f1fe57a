"""What a package is about, and two of its pages: the header of the case and the integrity sheet.

Promises: the same timeline, register and anchors give the same members. Does not: read anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.anchor_record import Anchor
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.package_sheets import RegisterRow
from ledger_service.core.pages.limits import LIMITS
from ledger_service.core.timeline import Timeline, parties
from ledger_service.core.timeline_row import Row, Since
from ledger_service.core.trust import Trust


@dataclass(frozen=True, slots=True)
class Deployed:
    """The block in which the contract of the first target was created: its number and hash (32 bytes)."""

    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Bound:
    """A package's subject: the timeline as its reader sees it, the register, the anchors, and for whom it is.

    `deployed`: where the contract came from, None where the ledger has no record of it.
    """

    timeline: Timeline
    register: Sequence[RegisterRow]
    anchors: Sequence[Anchor]
    trust: Trust
    reader: Role
    deployed: Deployed | None = None


def case_members(bound: Bound) -> dict[str, Json]:
    """Return the header of the case: who, where, under which rules, for how much, and where it is anchored."""
    timeline, target = bound.timeline, bound.trust.targets[0].target
    rules = {(clock.rule.id, clock.rule.version) for clock in timeline.clocks}
    rules |= {(row.entry.rule.id, row.entry.rule.version) for row in timeline.rows if row.entry.rule is not None}
    facts, balance = timeline.request.entry.facts, timeline.balance
    known = ("legal_basis", "language", "buyer_country", "seller_country")
    countries = {role.value: facts.get(f"{role.value}_country") for role in (Role.BUYER, Role.SELLER)}
    sellers = [party for role, party in parties(timeline) if role == Role.SELLER.value]
    return {
        "return_id": timeline.return_id,
        "origin": timeline.origin,
        "generated_at": timeline.now,
        "prepared_for": bound.reader.value,
        "state": timeline.state,
        "state_words": {"en": timeline.state_words.en, "zh": timeline.state_words.zh},
        "opened_at": timeline.request.entry.recorded_at,
        **{name: facts.get(name) for name in known},
        "parties": [
            {"role": role, "party": party, "country": countries.get(role)} for role, party in parties(timeline)
        ],
        "seller_of_record": sellers[0] if sellers else None,
        "order": {
            "ordered_at": timeline.request.values.get("ordered_at"),
            "files": [row.file for row in bound.register if row.file is not None and row.kind == "order_snapshot"],
            "lines": list(balance.lines),
        },
        "rules": [{"id": one, "version": version} for one, version in sorted(rules)],
        "currency": balance.currency,
        "amounts": {
            "paid_minor": balance.paid_minor(),
            "refund_approved_minor": balance.refund_approved_minor,
            "refunded_minor": balance.refunded_minor(),
        },
        "anchored_in": {
            "chain_id": target.chain_id,
            "contract": "0x" + target.contract.hex(),
            "log_id": "0x" + target.log_id.hex(),
            "deployed": None
            if (made := bound.deployed) is None
            else {"block_number": made.block_number, "block_hash": "0x" + made.block_hash.hex()},
        },
    }


def integrity_members(bound: Bound) -> dict[str, Json]:
    """Return the integrity sheet: of each entry its place, leaf hash, the block before it, and those that hold it."""
    chain = [row for row in bound.timeline.rows if row.entry.seq is not None]
    numbers = [row.entry.seq for row in chain]
    return {
        "entries": [
            {
                "index": row.index,
                "leaf_hash": row.placed.known.leaf.hex(),
                "kind": row.entry.kind.value,
                "seq": row.entry.seq,
                "prev": None if row.entry.prev is None else row.entry.prev.hex(),
                "state": row.life,
                "after": None if row.placed.since is None else since_members(row.placed.since),
                "anchor": next((_members(one, bound.anchors) for one in held_by(row, bound.anchors)[:1]), None),
                "anchored_after_seconds": row.anchored_after_seconds,
                "also_in": [_members(one, bound.anchors) for one in held_by(row, bound.anchors)[1:]],
            }
            for row in bound.timeline.rows
        ],
        "count": len(chain),
        "head": chain[-1].placed.known.leaf.hex(),
        "without_holes": numbers == list(range(len(chain))),
        "shows": LIMITS[2],
        "does_not_show": LIMITS[3],
    }


def since_members(since: Since) -> Json:
    """Return the block after which an entry was recorded, and the seal that quotes its anchor."""
    return {
        "seal": since.seal,
        "chain_id": since.chain_id,
        "sequence": since.sequence,
        "block_number": since.block_number,
        "time": since.time,
    }


def held_by(row: Row, anchors: Sequence[Anchor]) -> list[Anchor]:
    """Return the anchors of the smallest head that holds an entry in the state that it has come to, one a target."""
    state = row.life
    holding = [one for one in anchors if one.size > row.index and one.block is not None and one.state.value == state]
    least = min((one.size for one in holding), default=0)
    return [one for one in holding if one.size == least]


def blocks_after(anchor: Anchor, anchors: Sequence[Anchor]) -> int:
    """Return how many blocks came after that of an anchor until the newest that the ledger has seen an anchor in."""
    seen = [one.block.number for one in anchors if one.log_id == anchor.log_id and one.block is not None]
    assert anchor.block is not None  # `held_by` takes no other
    return max(seen) - anchor.block.number


def _members(anchor: Anchor, anchors: Sequence[Anchor]) -> Json:
    block = anchor.block
    assert block is not None  # `held_by` takes no other
    members: dict[str, Json] = {
        "chain_id": anchor.chain_id,
        "contract": "0x" + anchor.contract.hex(),
        "sequence": anchor.sequence,
        "size": anchor.size,
        "root": anchor.root.hex(),
        "block_number": block.number,
        "block_hash": "0x" + block.block_hash.hex(),
        "blocks_after": blocks_after(anchor, anchors),
        "time": block.time,
    }
    return members
