"""What a chain shows about one anchor, read in one go: what `core.anchoring.next_step` decides on.

Promises: reads only; what is missing is None, never guessed. Does not: compare or decide, or believe a node that
knows no contract at the pinned address: that raises, because a node that is still syncing must not halt anchoring.
"""

from __future__ import annotations

from ledger_service.chain.registry import Registry, RegistryHead, parse_anchored
from ledger_service.chain.rpc import Node
from ledger_service.core.anchor_record import Anchor, Block
from ledger_service.core.anchoring import ChainHead, ChainView, Inclusion
from ledger_service.operations.gate import check_place, fetch_code_hash, fetch_head
from ledger_service.operations.ledger import Ledger


def read_view(ledger: Ledger, registry: Registry, anchor: Anchor, sender: bytes) -> ChainView:
    """Return what the node says now.

    Args:
        ledger: Opened to read.
        registry: The contract that the anchor goes to.
        anchor: Its newest record.
        sender: Our account, 20 bytes.

    Raises:
        WrongCodeError: No contract at the address.
        ChainError: The node did not answer, or not sensibly.
    """
    node, target = registry.node, ledger.target()
    code_hash = fetch_code_hash(registry)
    if code_hash is None:
        check_place(target, registry)  # raises
    head = fetch_head(registry, anchor.log_id)
    own_root = ledger.read.root(head.size) if head.size <= ledger.read.size() else None
    fees = node.fee_quote()
    at_block = node.block(anchor.block.number) if anchor.block is not None else None
    nonce = node.nonce(sender)  # before the receipts: what used it meanwhile shows up in them
    inclusions = tuple(_inclusion(registry, anchor, attempt.tx_hash) for attempt in anchor.attempts)
    return ChainView(
        head=ChainHead(head.sequence, head.size, head.root),
        own_root=own_root,
        code_matches=code_hash == target.code_hash,
        nonce=nonce,
        inclusions=inclusions,
        at_head=_head_inclusion(registry, anchor, head, inclusions),
        final_number=_final_number(node, ledger.confirmations),
        block_hash=None if at_block is None else at_block.block_hash,
        commitment=registry.commitment(anchor.log_id, anchor.sequence),
        base_fee=fees.base_fee,
        priority_fee=fees.priority_fee,
    )


def _final_number(node: Node, confirmations: int | None) -> int:
    block = node.block("finalized" if confirmations is None else "latest")
    if block is None:
        return 0
    return block.number if confirmations is None else max(block.number - confirmations, 0)


def _inclusion(registry: Registry, anchor: Anchor, tx_hash: bytes) -> Inclusion | None:
    receipt = registry.node.tx_receipt(tx_hash)
    if receipt is None:
        return None
    block = registry.node.block(receipt.block_number)
    if block is None or block.block_hash != receipt.block_hash:
        return None  # the node is between two chains: ask again later
    found = parse_anchored(receipt, anchor.contract, log_id=anchor.log_id)
    head = None if found is None else ChainHead(found.sequence, found.size, found.root)
    return Inclusion(receipt.succeeded, Block(block.number, block.block_hash, block.parent_hash, block.time), head)


def _head_inclusion(
    registry: Registry, anchor: Anchor, head: RegistryHead, inclusions: tuple[Inclusion | None, ...]
) -> Inclusion | None:
    """Find the transaction that placed a head of our size, if one stands there and none of ours did.

    Asked only then: public nodes refuse to search their whole history.
    """
    ours = any(found is not None and found.succeeded for found in inclusions)
    if ours or head.size != anchor.size or anchor.block is not None:
        return None
    tx_hash = registry.find_anchored_tx(anchor.log_id, head.sequence)
    return None if tx_hash is None else _inclusion(registry, anchor, tx_hash)
