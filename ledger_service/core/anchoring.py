"""What the anchoring worker must do next: a pure decision over an anchor, a view of its chain, and the time.

| rule | state | the chain shows | step |
|---|---|---|---|
| contradicted | any unfinished | at its head's size we have another root, or fewer entries | `Halt` |
| unknown_code | any unfinished | the contract's code is not the pinned one | `Halt` |
| sign | planned | its head is the one our proof starts from | `Sign` with the next nonce |
| plan_stale | planned, signed unsent | its head moved, ours still ahead | `End(superseded)`: plan anew |
| foreign_success | planned, signed, submitted | our head stands there, whoever paid | `Include` |
| passed | planned, signed, submitted | a later head stands there | `End(superseded)` |
| send | signed | – | `Send` the newest attempt |
| include | submitted | a receipt at our nonce shows our head | `Include` |
| reverted | submitted | a receipt failed, our head is not there | `End(reverted)` |
| replaced | submitted | our nonce is used, no receipt is ours | `End(replaced)` |
| bump | submitted | no receipt for `bump_after_seconds` | `Sign` again, both caps at least 10 % higher |
| resend | submitted | no receipt for `bump_after_seconds`, caps at their ceiling | `Send` the same bytes |
| wait | submitted | no receipt yet | `Wait` |
| vanished | included | its block is not on the chain any more, or not ours | `Reopen` as submitted |
| finalize | included | block final, hash unchanged, slot re-read | `Finalize` |
| slot_differs | included | block final and unchanged, but the slot holds another commitment | `Halt` |
| wait_final | included | block not final yet | `Wait` |

Promises: no clock, no node, no key: all are passed in; fees are integers of wei.
Does not: act (`operations/anchor.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.anchor_record import Anchor, AnchorState, Block

BUMP_PERCENT = 110  # geth and others refuse a replacement below +10 % on both caps
BASE_FEE_FACTOR = 2  # the cap covers six full blocks in a row (EIP-1559: +12.5 % each)


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """Limits in wei for each gas, and how long a transaction may wait, in seconds, before its fees rise."""

    max_fee_ceiling: int = 500 * 10**9
    bump_after_seconds: int = 180


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest head the contract holds."""

    sequence: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A mined transaction: whether it succeeded, its block, and the head it anchored (None: none of ours)."""

    succeeded: bool
    block: Block
    head: ChainHead | None


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the node says now.

    `own_root`: our root at `head.size`, None if we have fewer entries. `code_matches`: the contract's code is the
    pinned one. `nonce`: transactions of our account in the newest block. `inclusions`: one for each attempt, None if
    there is no receipt. `at_head`: the inclusion that placed `head`, None if it was not found. `final_number`: newest
    final block. `block_hash`: hash now at the number of the anchor's block. `commitment`: what the contract holds for
    the anchor's sequence. `base_fee`, `priority_fee`: in wei.
    """

    head: ChainHead
    own_root: bytes | None
    code_matches: bool
    nonce: int
    inclusions: tuple[Inclusion | None, ...]
    at_head: Inclusion | None
    final_number: int
    block_hash: bytes | None
    commitment: bytes
    base_fee: int
    priority_fee: int


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign the anchor's call with this nonce and these caps, save it, and only then send."""

    nonce: int
    max_fee: int
    priority_fee: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the newest attempt's bytes; `already known` is success."""


@dataclass(frozen=True, slots=True)
class Include:
    """The head stands in this block, under the sequence that was planned."""

    block: Block


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
    """Nothing to do yet; what is awaited."""

    reason: str


Step = Sign | Send | Include | Reopen | Finalize | End | Halt | Wait


def next_step(anchor: Anchor, view: ChainView, now: int, *, policy: FeePolicy | None = None) -> Step:
    """Return what to do about an unfinished anchor.

    Args:
        anchor: Its newest record.
        view: The chain, read in one go.
        now: Seconds since 1970.
        policy: Fee limits; the defaults when None.
    """
    if not view.code_matches:
        return Halt("the code at the contract's address is not the pinned code")
    if view.own_root != view.head.root:
        return Halt(f"the chain holds head {view.head.sequence} of size {view.head.size}, which is not a head of ours")
    if anchor.state is AnchorState.INCLUDED:
        return _after_inclusion(anchor, view)
    inclusion = _our_inclusion(anchor, view)
    if inclusion is not None:
        return Include(inclusion.block)
    if view.head.size >= anchor.size:
        return End(AnchorState.SUPERSEDED, f"head {view.head.sequence} of size {view.head.size} stands there already")
    if anchor.state is AnchorState.SUBMITTED:
        return _while_submitted(anchor, view, now, policy or FeePolicy())
    if view.head.size != anchor.old_size:
        return End(
            AnchorState.SUPERSEDED, f"the chain's head moved to size {view.head.size}: the proof starts elsewhere"
        )
    if anchor.state is AnchorState.SIGNED:
        return Send()
    return _first_signature(view, policy or FeePolicy())


def _our_inclusion(anchor: Anchor, view: ChainView) -> Inclusion | None:
    """Find the transaction that placed our head: one of ours, or whoever's placed the head that stands there now."""
    ours = ChainHead(anchor.sequence, anchor.size, anchor.root)
    for inclusion in (*view.inclusions, view.at_head):
        if inclusion is not None and inclusion.succeeded and inclusion.head == ours:
            return inclusion
    return None


def _first_signature(view: ChainView, policy: FeePolicy) -> Step:
    max_fee = BASE_FEE_FACTOR * view.base_fee + view.priority_fee
    if max_fee > policy.max_fee_ceiling:
        return Wait(f"a cheaper hour: the base fee is {view.base_fee} wei")
    return Sign(view.nonce, max_fee, min(view.priority_fee, max_fee))


def _while_submitted(anchor: Anchor, view: ChainView, now: int, policy: FeePolicy) -> Step:
    if any(inclusion is not None and not inclusion.succeeded for inclusion in view.inclusions):
        return End(AnchorState.REVERTED, "the contract refused the transaction")
    assert anchor.nonce is not None  # set with the first signature, before submitted
    if view.nonce > anchor.nonce:
        return End(AnchorState.REPLACED, f"nonce {anchor.nonce} was used by a transaction that is not ours")
    newest = anchor.attempts[-1]
    if now - newest.signed_at < policy.bump_after_seconds:
        return Wait("a block that includes the transaction")
    wanted = BASE_FEE_FACTOR * view.base_fee + view.priority_fee
    max_fee = max(_raised(newest.max_fee), wanted)
    priority_fee = max(_raised(newest.priority_fee), view.priority_fee)
    if max(max_fee, priority_fee) > policy.max_fee_ceiling:
        return Send()
    return Sign(anchor.nonce, max(max_fee, priority_fee), priority_fee)


def _after_inclusion(anchor: Anchor, view: ChainView) -> Step:
    assert anchor.block is not None  # set with the state
    if view.block_hash != anchor.block.block_hash:
        return Reopen()
    if view.final_number < anchor.block.number:
        return Wait(f"finality: block {anchor.block.number}, final is {view.final_number}")
    if view.commitment != anchor.commitment:
        return Halt(f"the contract holds another commitment for head {anchor.sequence} than its block showed")
    return Finalize(view.commitment)


def _raised(fee: int) -> int:
    return -(-fee * BUMP_PERCENT // 100)  # rounded up
