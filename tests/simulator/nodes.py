"""Nodes of one chain that lag, fall silent, sit on abandoned branches or lie; and what a quorum of them shows.

`SimulatedTarget` stands where `operations/target_chain.py: NodesChain` does and puts the answers together by the same
rules: with a quorum of one the first answer counts, with a larger one all are asked and `core/quorum.py` makes them
one view.

Promises: of several nodes fewer than the quorum lie; a node alone lags but does not lie.
Does not: judge (`core/quorum.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import TypeVar

from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.core.anchor_record import Anchor, AnchorState, Block
from ledger_service.core.chain_view import ChainHead, ChainView, Estimate, FinalView, Inclusion
from ledger_service.core.quorum import Disagreement, combine, combine_final
from ledger_service.errors import ChainError, NodeAnswerError, NodeUnreachableError
from ledger_service.operations.target_chain import NodesDisagreeError, Place
from tests.simulator.chain import ACCOUNT, PRIORITY_FEE, Chain, ChainBlock, gas_of, refusal
from tests.simulator.log import SimulatedLog

T = TypeVar("T")
LIES = (
    "forged inclusion",
    "all is final",
    "larger head",
    "smaller head",
    "other root",
    "other block",
    "nonce used",
    "no receipts",
    "dear",
    "poor",
    "refusing",
    "waiting stranger",
)
FAR = 1_000  # blocks


@dataclass(slots=True)
class Node:
    """One node: which branch it follows and how far behind its tip it is; `stuck`: it follows no more."""

    name: str
    branch: list[ChainBlock]
    height: int = 0
    lag: int = 0
    stuck: bool = False
    silent: bool = False
    lie: str = ""
    loses_answers: float = 0.0
    loses_requests: float = 0.0
    swallows: float = 0.0  # takes a transaction and forgets it
    refuses_gaps: bool = False

    def catch_up(self, chain: Chain) -> None:
        """Follow the chain, as far as it does."""
        if not self.stuck:
            self.branch = chain.blocks
            self.height = max(0, len(chain.blocks) - 1 - self.lag)

    @property
    def tip(self) -> ChainBlock:
        """The newest block that it knows."""
        return self.branch[self.height]

    def block(self, number: int) -> ChainBlock | None:
        """Return a block of its branch, None beyond its tip."""
        return self.branch[number] if 0 <= number <= self.height else None


class SimulatedTarget:
    """The chain as one worker sees it (`TargetChain`)."""

    def __init__(
        self,
        chain: Chain,
        nodes: Sequence[Node],
        log: SimulatedLog,
        *,
        chance: Random,
        quorum: int,
        meanwhile: Callable[[], None],
    ) -> None:
        """Take the truth, who tells of it, and what may happen between two answers."""
        self._chain = chain
        self._nodes = nodes
        self._log = log
        self._chance = chance
        self._quorum = quorum
        self._meanwhile = meanwhile

    is_embedded = False

    def place(self) -> Place:
        """Return what the contract holds about our log."""
        places = self._ask(lambda node: Place(self._head(node), ACCOUNT, self._chain.cap, False, bytes(32)))
        heads = {place.head for place in places}
        if len({head.sequence for head in heads}) < len(heads):
            raise NodesDisagreeError("two nodes show different heads under the same number")
        by_sequence = sorted(places, key=lambda place: place.head.sequence, reverse=True)
        return by_sequence[self._quorum - 1 if len(places) > 1 else 0]

    def view(self, anchor: Anchor) -> ChainView | Disagreement:
        """Return what the chain shows about an unfinished anchor."""
        return combine(anchor, self._ask(lambda node: self._view(node, anchor)), self._quorum)

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Return what the chain shows about an anchor that was final."""
        return combine_final(anchor, self._ask(lambda node: self._final_view(node, anchor)), self._quorum)

    def was_placed_lately(self, sequence: int) -> bool:
        """Say whether the chain shows who placed a head."""
        return any(self._ask(lambda node: sequence < len(node.tip.state.heads)))

    def send(self, raw: bytes) -> None:
        """Send to the first node that answers, as `NodesChain.send` does."""
        for node in self._nodes[:-1]:
            try:
                return self._deliver(node, raw)
            except NodeUnreachableError:
                continue
        return self._deliver(self._nodes[-1], raw)

    def mine(self) -> None:
        """Nobody calls this: the chain is no demonstration chain."""
        raise AssertionError("only the embedded chain is mined")

    def _deliver(self, node: Node, raw: bytes) -> None:
        if node.silent or self._chance.random() < node.loses_requests:
            raise NodeUnreachableError(f"{node.name} did not answer")
        nonce = int.from_bytes(raw[10:20], "big")
        if node.refuses_gaps and nonce > self._chain.pending_nonce(self._chain.tip.state.nonce):
            raise JsonRpcError(-32000, "nonce too high")
        if self._chance.random() >= node.swallows:
            self._chain.receive(raw)
        if self._chance.random() < node.loses_answers:
            raise NodeUnreachableError(f"{node.name} did not answer in time")

    def _ask(self, question: Callable[[Node], T]) -> list[T]:
        answers: list[T] = []
        failed: ChainError | None = None
        for node in self._nodes:
            if answers:
                self._meanwhile()
            if node.silent or (node.loses_answers and self._chance.random() < node.loses_answers):
                failed = NodeUnreachableError(f"{node.name} did not answer")
            elif node.loses_requests and self._chance.random() < node.loses_requests / 2:
                failed = NodeAnswerError(f"{node.name} answered with a page of HTML")
            else:
                node.catch_up(self._chain)
                answers.append(question(node))
            if self._quorum == 1 and answers:
                return answers
        if len(answers) >= self._quorum:
            return answers
        assert failed is not None
        raise failed

    def _head(self, node: Node) -> ChainHead:
        heads = node.tip.state.heads
        head = ChainHead(len(heads) - 1, heads[-1].size, heads[-1].root)
        if node.lie == "larger head":
            size = min(head.size + 5, self._log.size())
            return ChainHead(head.sequence + 1, size, self._log.root(size))
        if node.lie == "smaller head" and head.sequence:
            return ChainHead(head.sequence - 1, heads[-2].size, heads[-2].root)
        if node.lie == "other root":
            return replace(head, root=sha256(head.root).digest())
        return head

    def _view(self, node: Node, anchor: Anchor) -> ChainView:
        tip, head = node.tip, self._head(node)
        state, number = tip.state, tip.place.number
        inclusions = tuple([self._inclusion(node, attempt.tx_hash) for attempt in anchor.attempts])
        at_block = None if anchor.block is None else node.block(anchor.block.number)
        at_head = None
        ours = any(found is not None and found.succeeded for found in inclusions)
        if not ours and head.size == anchor.size and anchor.block is None and head.sequence < len(state.heads):
            at_head = self._inclusion(node, state.heads[head.sequence].tx_hash)
        planned = anchor.state is AnchorState.PLANNED and head.size == anchor.old_size
        heads = state.heads
        view = ChainView(
            head=head,
            own_root=self._log.own_root(head.size),
            code_matches=True,
            nonce=state.nonce,
            pending_nonce=max(state.nonce, self._chain.pending_nonce(state.nonce)),
            balance=state.balance,
            inclusions=inclusions,
            at_head=at_head,
            latest_number=number,
            final_number=max(number - self._chain.final_depth, 0),
            block_hash=None if at_block is None else at_block.place.block_hash,
            commitment=heads[anchor.sequence].commitment if anchor.sequence < len(heads) else bytes(32),
            base_fee=tip.base_fee,
            priority_fee=PRIORITY_FEE,
            estimate=self._estimate(tip, anchor) if planned else None,
        )
        return _lie(node.lie, view, anchor) if node.lie else view

    def _final_view(self, node: Node, anchor: Anchor) -> FinalView:
        assert anchor.block is not None
        number, heads = node.tip.place.number, node.tip.state.heads
        block = node.block(anchor.block.number)
        view = FinalView(
            latest_number=number,
            final_number=max(number - self._chain.final_depth, 0),
            block_hash=None if block is None else block.place.block_hash,
            commitment=heads[anchor.sequence].commitment if anchor.sequence < len(heads) else bytes(32),
        )
        if node.lie in ("other block", "forged inclusion"):
            return replace(view, block_hash=sha256(anchor.block.block_hash).digest())
        return replace(view, final_number=number + FAR) if node.lie == "all is final" else view

    def _inclusion(self, node: Node, tx_hash: bytes) -> Inclusion | None:
        for block, mined in self._chain.mined.get(tx_hash, ()):
            if node.block(block.place.number) is not block:
                continue
            head = None
            if mined.sequence is not None:
                head = ChainHead(mined.sequence, mined.tx.size, mined.tx.root)
            return Inclusion(mined.succeeded, block.place, head, mined.fee_paid)
        return None

    def _estimate(self, tip: ChainBlock, anchor: Anchor) -> Estimate:
        name = refusal(tip.state, self._chain.cap, anchor.size, root=anchor.root, proof=anchor.proof)
        return Estimate(0, name, name) if name else Estimate(gas_of(anchor.proof) * 120 // 100)


def _lie(lie: str, view: ChainView, anchor: Anchor) -> ChainView:
    if lie == "forged inclusion":
        head = ChainHead(anchor.sequence, anchor.size, anchor.root)
        block = Block(max(view.latest_number, 1), sha256(anchor.root).digest(), bytes(32), anchor.planned_at)
        forged = Inclusion(True, block, head, 1)
        return replace(
            view,
            head=head if anchor.sequence > view.head.sequence else view.head,
            own_root=anchor.root if anchor.sequence > view.head.sequence else view.own_root,
            inclusions=tuple(forged for _ in anchor.attempts),
            at_head=None if anchor.attempts else forged,
            final_number=view.latest_number + FAR,
            latest_number=view.latest_number + FAR,
            block_hash=None if anchor.block is None else anchor.block.block_hash,
            commitment=anchor.commitment or bytes(32),
        )
    if lie == "all is final":
        return replace(view, final_number=view.latest_number + FAR, latest_number=view.latest_number + FAR)
    if lie == "other block":
        return replace(view, block_hash=sha256(b"no block").digest(), commitment=sha256(b"no slot").digest())
    if lie == "nonce used":
        return replace(
            view, nonce=view.nonce + 5, pending_nonce=view.nonce + 5, inclusions=(None,) * len(view.inclusions)
        )
    if lie == "no receipts":
        return replace(view, inclusions=(None,) * len(view.inclusions), at_head=None)
    if lie == "dear":
        return replace(view, base_fee=view.base_fee * 1000)
    if lie == "poor":
        return replace(view, balance=0)
    if lie == "refusing" and view.estimate is not None:
        return replace(view, estimate=Estimate(0, "LogIsClosed", "closed"))
    if lie == "waiting stranger":
        return replace(view, pending_nonce=view.nonce + 3)
    return view
