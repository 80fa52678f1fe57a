"""What a chain shows about one anchor: the values that `anchoring.py` decides on, read from one node or several.

Promises: nothing but values; what is missing is None, never guessed. Does not: read (`operations/target_chain.py`), or
compare the nodes (`quorum.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger_service.core.anchor_record import Attempt, Block


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest head the contract holds."""

    sequence: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A mined transaction: whether it succeeded, its block, the head it anchored (None: none of ours), wei it cost."""

    succeeded: bool
    block: Block
    head: ChainHead | None
    fee_paid: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the contract says to our call now: the gas to allow, or (gas 0) the error it refuses with and its words."""

    gas: int
    refused_with: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the node says now.

    `own_root`: our root at `head.size`, None if we have fewer entries. `code_matches`: the contract's code is the
    pinned one. `nonce`, `pending_nonce`: transactions of our account in the newest block, and with those that wait.
    `balance`: of our account, in wei. `inclusions`: one for each attempt, None if there is no receipt. `at_head`: the
    inclusion that placed `head`, None if it was not found. `latest_number`, `final_number`: newest block, newest final
    block. `block_hash`: hash now at the number of the anchor's block. `commitment`: what the contract holds for the
    anchor's sequence. `base_fee`, `priority_fee`: in wei. `estimate`: None where none is needed.
    """

    head: ChainHead
    own_root: bytes | None
    code_matches: bool
    nonce: int
    pending_nonce: int
    balance: int
    inclusions: tuple[Inclusion | None, ...]
    at_head: Inclusion | None
    latest_number: int
    final_number: int
    block_hash: bytes | None
    commitment: bytes
    base_fee: int
    priority_fee: int
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class OwnRows:
    """What our own records say beside the anchor: `spent`, wei of the last 24 hours that others of our anchors cost or
    may still cost; `waiting`: by nonce, the highest caps of attempts of anchors that ended, which may wait."""

    spent: int = 0
    waiting: Mapping[int, Attempt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FinalView:
    """What the node says about a head that was final: `block_hash` at its height, `commitment` in its slot."""

    latest_number: int
    final_number: int
    block_hash: bytes | None
    commitment: bytes
