"""What the anchoring worker must do next: a pure decision over an anchor, a view of its chain, and the time.

| rule | state | the chain shows | step |
|---|---|---|---|
| unknown_code | any unfinished | the contract's code is not the pinned one | `Halt` |
| contradicted | any unfinished | at its head's size we have another root, or fewer entries | `Halt` |
| foreign_success | planned, signed, submitted | our head stands there, whoever paid | `Include` |
| include | submitted | a receipt of any of our transactions shows our head | `Include` |
| passed | planned, signed, submitted | a later head stands there | `End(superseded)` |
| plan_stale | planned, signed unsent | its head moved, ours still ahead | `End(superseded)`: plan anew |
| send | signed | – | `Send` the newest attempt |
| moved | planned | the contract says that its head moved | `Wait`: look again |
| over_cap | planned | the contract lets the head grow less now | `End(superseded)`: plan anew |
| not_authorised | planned | it takes heads from another account | `Wait`, alarm |
| log_closed | planned | the log is closed | `Wait`, alarm |
| contract_refuses | planned | it refuses for another reason | `Wait`, alarm |
| foreign_waits | planned | a transaction of our account that is not ours waits, not for long | `Wait`, alarm |
| cheaper_hour | planned | the base fee is dear, and the promise leaves time | `Wait` |
| fee_ceiling | planned | the caps would pass the ceiling | `Wait`, alarm |
| over_budget | planned | the day's budget could be passed | `Wait`, alarm |
| no_funds | planned | the balance is below the most it could cost | `Wait`, alarm |
| sign | planned | its head is the one our proof starts from | `Sign` with the next nonce |
| outbid | planned | an earlier attempt of ours waits at that nonce | `Sign`, both caps at least 10 % above it |
| reverted | submitted | a receipt failed, our head is not there | `End(reverted)` |
| replaced | submitted | our nonce is used, no receipt is ours | `End(replaced)` |
| wait | submitted | no receipt yet | `Wait` |
| bump | submitted | no receipt for `bump_after_seconds` | `Sign` again, both caps at least 10 % higher |
| fill_gap | submitted | the same, and an earlier nonce is free | `Sign` again with that nonce |
| resend | submitted | the same, and ceiling, budget or balance forbid more | `Send` the same bytes |
| attempts_full | submitted | the same, and the record holds no further attempt | `Send` the same bytes, alarm |
| lagging | included | the node has not reached our block | `Wait`, alarm |
| vanished | included | its block is not on the chain any more | `Reopen` as submitted |
| wait_final | included | block not final yet | `Wait` |
| slot_differs | included | block final and unchanged, but the slot holds another commitment | `Halt` |
| finalize | included | block final, hash unchanged, slot re-read | `Finalize` |

and, once a day, of what is final (`recheck`):

| rule | the chain shows | step |
|---|---|---|
| lagging | the node has not reached the block, or does not call it final | `Wait` |
| still_final | the same block, and the same commitment in the slot | `Keep` |
| lost | another block at that height, called final; or another commitment | `Contradict` |

Promises: no clock, no node, no key: all are passed in; fees are integers of wei.
Does not: act (`operations/anchor.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import ATTEMPTS_MAX, Anchor, AnchorState, Block
from ledger_service.core.chain_view import ChainHead, ChainView, FinalView, OwnRows
from ledger_service.core.fees import Caps, FeePolicy, first_caps


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign the anchor's call with this nonce, these caps and this gas limit, save it, and only then send."""

    nonce: int
    max_fee: int
    priority_fee: int
    gas: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the newest attempt's bytes; `already known` is success. `alarm`: why nothing more is offered."""

    alarm: Alarm | None = None


@dataclass(frozen=True, slots=True)
class Include:
    """The head stands in this block, under the sequence that was planned; `fee_paid` None: another account paid."""

    block: Block
    fee_paid: int | None = None


@dataclass(frozen=True, slots=True)
class Reopen:
    """The block is gone: back to submitted."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """Final: block unchanged, commitment re-read."""

    commitment: bytes


@dataclass(frozen=True, slots=True)
class End:
    """Ended without success in this state; a new plan follows."""

    state: AnchorState
    reason: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop and raise an alarm: never to be fixed by a program."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet; what is awaited, and whether a person should know."""

    reason: str
    alarm: Alarm | None = None


Step = Sign | Send | Include | Reopen | Finalize | End | Halt | Wait


@dataclass(frozen=True, slots=True)
class Keep:
    """Still final."""


@dataclass(frozen=True, slots=True)
class Contradict:
    """It was final, and is not on the chain any more."""

    reason: str


def next_step(
    anchor: Anchor, view: ChainView, now: int, *, policy: FeePolicy | None = None, own: OwnRows | None = None
) -> Step:
    """Return what to do about an unfinished anchor.

    Args:
        anchor: Its newest record.
        view: The chain, read in one go.
        now: Seconds since 1970.
        policy: Fee limits; the defaults when None.
        own: What our other records say; nothing when None.
    """
    if not view.code_matches:
        return Halt("the code at the contract's address is not the pinned code")
    if view.own_root != view.head.root:
        return Halt(f"the chain holds head {view.head.sequence} of size {view.head.size}, which is not a head of ours")
    if anchor.state is AnchorState.INCLUDED:
        return _after_inclusion(anchor, view)
    found = _our_inclusion(anchor, view)
    if found is not None:
        return found
    if view.head.size >= anchor.size:
        return End(AnchorState.SUPERSEDED, f"head {view.head.sequence} of size {view.head.size} stands there already")
    policy, own = policy or FeePolicy(), own or OwnRows()
    if anchor.state is AnchorState.SUBMITTED:
        return _while_submitted(anchor, view, now, policy, own)
    if view.head.size != anchor.old_size:
        return End(
            AnchorState.SUPERSEDED, f"the chain's head moved to size {view.head.size}: the proof starts elsewhere"
        )
    if anchor.state is AnchorState.SIGNED:
        return Send()
    return _refused(view) or _first_signature(anchor, view, now, policy, own)


def recheck(anchor: Anchor, view: FinalView) -> Keep | Contradict | Wait:
    """Return whether a final anchor still is."""
    assert anchor.block is not None  # set with the state
    number = anchor.block.number
    if view.latest_number < number or view.final_number < number:
        return Wait(f"a node that reaches block {number} and calls it final", Alarm.NODE_BEHIND)
    if view.block_hash is None:
        return Wait(f"a node that knows block {number}", Alarm.NODE_BEHIND)
    if view.block_hash != anchor.block.block_hash:
        return Contradict(f"block {number} is another one now, and called final")
    if view.commitment != anchor.commitment:
        return Contradict(f"block {number} is unchanged, but the slot of head {anchor.sequence} holds something else")
    return Keep()


def _our_inclusion(anchor: Anchor, view: ChainView) -> Include | None:
    """Find the transaction that placed our head: one of ours, or whoever's placed the head that stands there now."""
    ours = ChainHead(anchor.sequence, anchor.size, anchor.root)
    for inclusion in view.inclusions:
        if inclusion is not None and inclusion.succeeded and inclusion.head == ours:
            return Include(inclusion.block, inclusion.fee_paid)
    other = view.at_head
    if other is not None and other.succeeded and other.head == ours:
        return Include(other.block)
    return None


def _refused(view: ChainView) -> Step | None:
    """Return the step that the contract's refusal of our call leads to; None where it would take it."""
    estimate = view.estimate
    assert estimate is not None  # of a planned anchor
    name, words = estimate.refused_with, estimate.words
    if estimate.gas:
        return None
    if name == "HeadNotGrowing":
        return Wait(f"the chain, which moved on meanwhile: {words}")
    if name == "HeadGrowthOverCap":
        return End(AnchorState.SUPERSEDED, f"the contract lets the head grow less: {words}")
    if name == "LogAnchorerOnly":
        return Wait(f"permission: {words}", Alarm.NOT_AUTHORISED)
    if name == "LogIsClosed":
        return Wait(f"nothing: {words}", Alarm.LOG_CLOSED)
    return Wait(f"a change of the contract's mind: {words}", Alarm.CONTRACT_REFUSES)


def _first_signature(anchor: Anchor, view: ChainView, now: int, policy: FeePolicy, own: OwnRows) -> Step:
    assert view.estimate is not None
    ours = max(own.waiting, default=-1)
    foreign = view.pending_nonce > view.nonce and view.pending_nonce - 1 > ours
    if foreign and now - anchor.planned_at < policy.foreign_seconds:
        return Wait(f"another program's transaction with nonce {view.nonce}", Alarm.FOREIGN_TRANSACTION)
    caps = first_caps(view.base_fee, view.priority_fee)
    if (rival := own.waiting.get(view.nonce)) is not None:
        caps = caps.above(Caps(rival.max_fee, rival.priority_fee))
    dear = policy.cheap_fee is not None and view.base_fee > policy.cheap_fee
    if dear and now < anchor.waiting_since + policy.promise_seconds - policy.lead_seconds:
        return Wait(f"a cheaper hour: the base fee is {view.base_fee} wei")
    forbidden = _forbidden(caps, view.estimate.gas, view, policy, own)
    if forbidden is not None:
        return forbidden
    return Sign(view.nonce, caps.max_fee, caps.priority_fee, view.estimate.gas)


def _while_submitted(anchor: Anchor, view: ChainView, now: int, policy: FeePolicy, own: OwnRows) -> Step:
    assert anchor.nonce is not None  # set with the first signature, before submitted
    if any(inclusion is not None and not inclusion.succeeded for inclusion in view.inclusions):
        return End(AnchorState.REVERTED, "the contract refused the transaction")
    if view.nonce > max(attempt.nonce for attempt in anchor.attempts):
        return End(AnchorState.REPLACED, f"nonce {anchor.nonce} was used by a transaction that is not ours")
    newest = anchor.attempts[-1]
    if now - newest.signed_at < policy.bump_after_seconds:
        return Wait("a block that includes the transaction")
    if len(anchor.attempts) >= ATTEMPTS_MAX:
        return Send(Alarm.FEE_CEILING)  # so many bids, and none was enough
    nonce = view.nonce  # below ours: earlier transactions left the chain, and ours waits behind a gap
    caps = first_caps(view.base_fee, view.priority_fee)
    for attempt in (*anchor.attempts, *([own.waiting[nonce]] if nonce in own.waiting else [])):
        if attempt.nonce == nonce:
            caps = caps.above(Caps(attempt.max_fee, attempt.priority_fee))
    forbidden = _forbidden(caps, newest.gas, view, policy, own)
    if forbidden is not None:
        return Send(forbidden.alarm)
    return Sign(nonce, caps.max_fee, caps.priority_fee, newest.gas)


def _forbidden(caps: Caps, gas: int, view: ChainView, policy: FeePolicy, own: OwnRows) -> Wait | None:
    """Return why no transaction with these caps may be signed now; None if it may."""
    if caps.max_fee > policy.max_fee_ceiling:
        return Wait(
            f"a cheaper hour: {caps.max_fee} wei for each gas, the ceiling is {policy.max_fee_ceiling}",
            Alarm.FEE_CEILING,
        )
    worst = caps.max_fee * gas
    if policy.daily_budget is not None and own.spent + worst > policy.daily_budget:
        return Wait(
            f"tomorrow: {own.spent} wei are spent, {worst} more could pass the budget of {policy.daily_budget}",
            Alarm.OVER_BUDGET,
        )
    if view.balance < worst:
        return Wait(f"money: the account holds {view.balance} wei, {worst} may be needed", Alarm.NO_FUNDS)
    return None


def _after_inclusion(anchor: Anchor, view: ChainView) -> Step:
    assert anchor.block is not None  # set with the state
    if view.latest_number < anchor.block.number:
        return Wait(f"a node that reaches block {anchor.block.number}", Alarm.NODE_BEHIND)
    if view.block_hash != anchor.block.block_hash:
        return Reopen()
    if view.final_number < anchor.block.number:
        return Wait(f"finality: block {anchor.block.number}, final is {view.final_number}")
    if view.commitment != anchor.commitment:
        return Halt(f"the contract holds another commitment for head {anchor.sequence} than its block showed")
    return Finalize(view.commitment)
