"""One target's chain as anchoring sees it: what it holds, what it says to our call, and a way to send.

`TargetChain` is all that the worker needs of a chain; `NodesChain` asks one node or several. With a quorum of one the
first node that answers is asked, and the next when it does not; with a larger one all are asked, and what they say is
made into one view (`core/quorum.py`).

Promises: chain, contract code and genesis block are compared with the pinned ones each time; a transaction goes to one
node, and to the next only when nobody answered; what one view holds was said by one node in one go.
Does not: decide (`core/anchoring.py`), or keep anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ledger_service.chain.registry import Registry, RegistryHead, encode_anchor, parse_anchored
from ledger_service.chain.rpc import Node
from ledger_service.core.anchor_record import Anchor, AnchorState, Block
from ledger_service.core.chain_view import ChainHead, ChainView, Estimate, FinalView, Inclusion
from ledger_service.core.log_entry import Target
from ledger_service.core.quorum import Disagreement, combine, combine_final
from ledger_service.errors import (
    ChainError,
    ContractRevertedError,
    ContradictedError,
    NodeAnswerError,
    NodeUnreachableError,
)
from ledger_service.operations.gate import check_chain_identity, check_place, fetch_code_hash, fetch_head

GAS_MARGIN_PERCENT = 120  # the estimate is of this block; another head's proof may cost a little more
Roots = Callable[[int], bytes | None]  # our root at a size, None beyond our size
T = TypeVar("T")


class NodesDisagreeError(ContradictedError):
    """The nodes that are asked cannot all be telling the truth."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the contract holds about our log now. Addresses are 20 bytes."""

    head: ChainHead
    anchorer: bytes
    max_growth: int
    closed: bool
    successor: bytes


class TargetChain(Protocol):
    """A chain on which heads of one log are placed."""

    @property
    def is_embedded(self) -> bool:
        """Whether this is the demonstration chain, to which nobody else adds blocks."""

    def place(self) -> Place:
        """Return what the contract holds; `NodesDisagreeError` where nodes contradict each other."""

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        """Return what the chain shows about an unfinished anchor."""

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Return what the chain shows about an anchor that was final."""

    def was_placed_lately(self, sequence: int) -> bool:
        """Say whether the chain shows who placed a head."""

    def send(self, raw: bytes) -> None:
        """Send a signed transaction; `JsonRpcError` says why it was refused."""

    def mine(self) -> None:
        """Add a block to the demonstration chain."""


class NodesChain:
    """A target asked through its nodes."""

    def __init__(
        self,
        target: Target,
        nodes: Sequence[Node],
        *,
        sender: bytes,
        roots: Roots,
        confirmations: int | None,
        quorum: int = 1,
    ) -> None:
        """Take the target and its nodes.

        Args:
            target: The pinned place.
            nodes: At least `quorum`; the first is written to.
            sender: Our account, 20 bytes.
            roots: Our own root at a size.
            confirmations: Blocks that make a head final; None: the nodes' `finalized` tag.
            quorum: How many nodes must have seen something before it counts.
        """
        assert 1 <= quorum <= len(nodes)  # the settings say so (`wiring.py`)
        self._target = target
        self._registries = [Registry(node, target.contract) for node in nodes]
        self._sender = sender
        self._roots = roots
        self._confirmations = confirmations
        self._quorum = quorum

    @property
    def is_embedded(self) -> bool:
        """Whether this is the demonstration chain."""
        return self._registries[0].node.is_embedded

    def place(self) -> Place:
        """Return what the contract holds about our log."""
        places = self._ask(self._place)
        heads = {place.head for place in places}
        if len({head.sequence for head in heads}) < len(heads):
            raise NodesDisagreeError("two nodes show different heads under the same number")
        return sorted(places, key=lambda place: place.head.sequence, reverse=True)[
            self._quorum - 1 if len(places) > 1 else 0
        ]

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        """Return what the chain shows about an unfinished anchor."""
        return combine(anchor, self._ask(lambda registry: self._view(registry, anchor)), self._quorum)

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Return what the chain shows about an anchor that was final."""
        return combine_final(anchor, self._ask(lambda registry: self._final_view(registry, anchor)), self._quorum)

    def was_placed_lately(self, sequence: int) -> bool:
        """Say whether the chain shows who placed a head; public nodes refuse to search their whole history."""
        with suppress(NodeAnswerError):
            found = self._ask(lambda registry: registry.find_anchored_tx(self._target.log_id, sequence))
            return any(tx_hash is not None for tx_hash in found)
        return False

    def send(self, raw: bytes) -> None:
        """Send a signed transaction to the first node that answers.

        Raises:
            NodeUnreachableError: Nobody answered; somebody may have it all the same.
            JsonRpcError: Refused.
        """
        for registry in self._registries[:-1]:
            with suppress(NodeUnreachableError):
                registry.node.send_raw(raw)
                return
        self._registries[-1].node.send_raw(raw)

    def mine(self) -> None:
        """Add a block to the demonstration chain."""
        self._registries[0].node.mine()

    def _ask(self, question: Callable[[Registry], T]) -> list[T]:
        """Return the answers: of the first node that gives one, or with a quorum of all that do.

        Raises:
            GateClosedError: A node serves another chain, or other code.
            ChainError: Too few answered; the last one's words.
        """
        answers: list[T] = []
        failed: ChainError | None = None
        for registry in self._registries:
            try:
                check_chain_identity(self._target, registry.node)
                answers.append(question(registry))
            except ContractRevertedError:
                raise
            except ChainError as error:
                failed = error
            if self._quorum == 1 and answers:
                return answers
        if len(answers) >= self._quorum:
            return answers
        assert failed is not None  # each node answered or failed
        if self._quorum > 1:
            message = f"{len(answers)} of {len(self._registries)} nodes answered, {self._quorum} must: {failed.message}"
            raise NodeUnreachableError(message, hint=failed.hint)
        raise failed

    def _place(self, registry: Registry) -> Place:
        check_place(self._target, registry)
        head = fetch_head(registry, self._target.log_id)
        log = registry.log(self._target.log_id)
        return Place(_head(head), log.anchorer, log.max_growth, log.closed, log.successor)

    def _view(self, registry: Registry, anchor: Anchor) -> ChainView:
        node = registry.node
        code_hash = fetch_code_hash(registry)
        if code_hash is None:  # a node that is still syncing must not halt anchoring
            check_place(self._target, registry)  # raises
        if code_hash != self._target.code_hash:
            return _of_other_code(anchor)  # what it answers to our calls means nothing
        head = _head(fetch_head(registry, anchor.log_id))
        fees = node.fee_quote()
        at_block = node.block(anchor.block.number) if anchor.block is not None else None
        nonce = node.nonce(self._sender)  # before the receipts: what used it meanwhile shows up in them
        inclusions = tuple(_inclusion(registry, anchor, attempt.tx_hash) for attempt in anchor.attempts)
        planned = anchor.state is AnchorState.PLANNED and head.size == anchor.old_size
        latest_number, final_number = self._numbers(node)
        return ChainView(
            head=head,
            own_root=self._roots(head.size),
            code_matches=True,
            nonce=nonce,
            pending_nonce=max(nonce, node.nonce(self._sender, "pending")),
            balance=node.balance(self._sender),
            inclusions=inclusions,
            at_head=_head_inclusion(registry, anchor, head, inclusions),
            latest_number=latest_number,
            final_number=final_number,
            block_hash=None if at_block is None else at_block.block_hash,
            commitment=registry.commitment(anchor.log_id, anchor.sequence),
            base_fee=fees.base_fee,
            priority_fee=fees.priority_fee,
            estimate=self._estimate(registry, anchor) if planned else None,
        )

    def _final_view(self, registry: Registry, anchor: Anchor) -> FinalView:
        assert anchor.block is not None  # it was final
        latest_number, final_number = self._numbers(registry.node)
        block = registry.node.block(anchor.block.number)
        return FinalView(
            latest_number=latest_number,
            final_number=final_number,
            block_hash=None if block is None else block.block_hash,
            commitment=registry.stored_commitment(anchor.log_id, anchor.sequence),
        )

    def _numbers(self, node: Node) -> tuple[int, int]:
        latest = node.block("latest")
        newest = 0 if latest is None else latest.number
        if self._confirmations is not None:
            return newest, max(newest - self._confirmations, 0)
        final = node.block("finalized")
        return newest, 0 if final is None else final.number

    def _estimate(self, registry: Registry, anchor: Anchor) -> Estimate:
        data = encode_anchor(anchor.log_id, anchor.size, root=anchor.root, proof=anchor.proof)
        try:
            gas = registry.node.estimate_gas(self._sender, anchor.contract, data)
            return Estimate(gas * GAS_MARGIN_PERCENT // 100)
        except ContractRevertedError as error:
            if fetch_head(registry, anchor.log_id).size != anchor.old_size:
                return Estimate(0, "HeadNotGrowing", "another head was placed between two questions")
            return Estimate(0, error.name, error.message)


def _head(found: RegistryHead) -> ChainHead:
    return ChainHead(found.sequence, found.size, found.root)


def _of_other_code(anchor: Anchor) -> ChainView:
    """Return the view of a chain on which other code stands at the contract's address: nothing else is known."""
    nothing = bytes(32)
    return ChainView(
        head=ChainHead(0, 0, nothing),
        own_root=None,
        code_matches=False,
        nonce=0,
        pending_nonce=0,
        balance=0,
        inclusions=(None,) * len(anchor.attempts),
        at_head=None,
        latest_number=0,
        final_number=0,
        block_hash=None,
        commitment=nothing,
        base_fee=0,
        priority_fee=0,
    )


def _inclusion(registry: Registry, anchor: Anchor, tx_hash: bytes) -> Inclusion | None:
    receipt = registry.node.tx_receipt(tx_hash)
    if receipt is None:
        return None
    block = registry.node.block(receipt.block_number)
    if block is None or block.block_hash != receipt.block_hash:
        return None  # the node is between two chains: ask again later
    found = parse_anchored(receipt, anchor.contract, log_id=anchor.log_id)
    head = None if found is None else ChainHead(found.sequence, found.size, found.root)
    placed = Block(block.number, block.block_hash, block.parent_hash, block.time)
    return Inclusion(receipt.succeeded, placed, head, receipt.gas_used * receipt.effective_gas_price)


def _head_inclusion(
    registry: Registry, anchor: Anchor, head: ChainHead, inclusions: tuple[Inclusion | None, ...]
) -> Inclusion | None:
    """Find the transaction that placed a head of our size, if one stands there and none of ours did.

    Asked only then: public nodes refuse to search their whole history.
    """
    ours = any(found is not None and found.succeeded for found in inclusions)
    if ours or head.size != anchor.size or anchor.block is not None:
        return None
    tx_hash = registry.find_anchored_tx(anchor.log_id, head.sequence)
    return None if tx_hash is None else _inclusion(registry, anchor, tx_hash)
