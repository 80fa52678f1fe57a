"""The heads that the contract holds, compared with the log that was shown: are they of this log?

The newest final head is read from the contract's view. Each one before it is what the log says it is, if the contract
holds the commitment that follows from it and from its block; so neither the log nor old events of the chain are
believed.

Promises: a node that does not answer, or a list that does not fit the contract, is unknown; only a head that the
contract holds, final, and that is not of the log shown, fails. Does not: decide whose fault that is: the key that
anchors may be another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.registry import compute_commitment
from ledger_service.core.report import Check, Outcome
from ledger_service.core.trust import PinnedTarget, Trust
from ledger_service.errors import ChainError, FormatError
from ledger_service.watch.leaf_file import LeafFile

FIRST = 1  # head 0 is the genesis entry, whose leaf is pinned
ANCHORS_MAX = 100_000
CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the log says of one of its anchors; it is believed as far as the contract's commitment bears it out."""

    size: int
    root: bytes
    block_number: int


Claims = Mapping[tuple[bytes, int], Claim]


def read_claims(value: Json) -> Claims:
    """Return what `GET /v1/anchors` says of anchors that are in a block, by log id and sequence.

    Raises:
        FormatError: It has not its form.
    """
    read = Reader(FormatError, "anchors")
    items = value.get("items") if isinstance(value, dict) else None
    found: dict[tuple[bytes, int], Claim] = {}
    for item in read.items(items, ANCHORS_MAX, lambda v: v):
        m = item if isinstance(item, dict) else {}
        if m.get("block_number") is not None:
            key = read.hexadecimal(m.get("log_id"), HASH), read.integer(m.get("sequence"))
            root = read.hexadecimal(m.get("root"), HASH)
            found[key] = Claim(read.integer(m.get("size"), least=1), root, read.integer(m.get("block_number")))
    return found


@dataclass(frozen=True, slots=True)
class Compared:
    """What one node said: the checks, and by log id in hex the sequence of the next head to compare."""

    checks: tuple[Check, ...]
    reached: Mapping[str, int]


def compare_anchors(
    node: Node, trust: Trust, claims: Claims, *, leaves: LeafFile, size: int, reached: Mapping[str, int]
) -> Compared:
    """Compare what one node shows of each pinned target on its chain with the log that was seen.

    Args:
        node: Open.
        trust: What is pinned.
        claims: What the log says of its anchors.
        leaves: Of the log that was seen, at least `size` of them.
        size: Of the newest head seen.
        reached: By log id in hex, the next sequence; those before were compared in earlier rounds.
    """
    try:
        chain_id, genesis = node.chain_id(), node.genesis_hash()
    except ChainError as error:
        return Compared((Check(CHAIN, Outcome.UNKNOWN, f"{node.name}: {error.message}"),), reached)
    mine = [one for one in trust.targets if (one.target.chain_id, one.target.chain_genesis) == (chain_id, genesis)]
    if not mine:
        reason = f"{node.name}: serves chain {chain_id}, on which no pinned contract is"
        return Compared((Check(CHAIN, Outcome.UNKNOWN, reason),), reached)
    checks, next_ones = [], dict(reached)
    for pinned in mine:
        name = pinned.target.log_id.hex()
        try:
            check, following = _compare(node, pinned, claims, leaves, size, next_ones.get(name, FIRST))
        except ChainError as error:
            check, following = Check(CHAIN, Outcome.UNKNOWN, f"{node.name}: {error.message}"), None
        checks.append(check)
        if following is not None:
            next_ones[name] = following
    return Compared(tuple(checks), next_ones)


def _compare(
    node: Node, pinned: PinnedTarget, claims: Claims, leaves: LeafFile, size: int, start: int
) -> tuple[Check, int | None]:
    def said(outcome: Outcome, reason: str) -> Check:
        return Check(CHAIN, outcome, f"{node.name}, {pinned.name}: {reason}")

    final = _final_number(node, pinned.confirmations)
    if final is None:
        return said(Outcome.UNKNOWN, "the node knows no final block yet"), None
    target = pinned.target
    code = node.code(target.contract, final)
    if not code or keccak(code) != target.code_hash:
        return said(Outcome.FAIL, "the code at the pinned contract's address is not the pinned code"), None
    registry = Registry(node, target.contract)
    newest = registry.head(target.log_id, final)
    proved = _proved(node, registry, pinned, claims, range(start, newest.sequence + 1), final)
    heads = {**proved, newest.sequence: (newest.size, newest.root)}
    roots = leaves.roots({one for one, _ in heads.values() if one <= size})
    for sequence, (its_size, its_root) in sorted(heads.items()):
        if its_size <= size and roots[its_size] != its_root:
            reason = f"head {sequence} of the contract has another root for {its_size} entries than the log shown"
            return said(Outcome.FAIL, reason), None
    following = start
    while following in proved and proved[following][0] <= size:
        following += 1
    if newest.size > size:
        reason = f"the contract holds a head of {newest.size} entries, and the log shows {size}"
        return said(Outcome.UNKNOWN, reason), following
    if following <= newest.sequence:
        reason = f"what the log says of its anchor {following} does not fit the contract"
        return said(Outcome.UNKNOWN, reason), following
    return said(Outcome.PASS, f"{newest.sequence + 1} final heads are of the log shown"), following


def _proved(
    node: Node, registry: Registry, pinned: PinnedTarget, claims: Claims, sequences: Sequence[int], final: int
) -> dict[int, tuple[int, bytes]]:
    """Return size and root of the heads, as far as the contract's commitments bear out what the log says of them."""
    found: dict[int, tuple[int, bytes]] = {}
    log_id = pinned.target.log_id
    for sequence in sequences:
        claim = claims.get((log_id, sequence))
        block = None if claim is None or claim.block_number > final else node.block(claim.block_number)
        if claim is None or block is None:
            break
        commitment = compute_commitment(
            log_id,
            sequence,
            size=claim.size,
            root=claim.root,
            time=block.time,
            block_number=block.number,
            parent_hash=block.parent_hash,
        )
        if registry.stored_commitment(log_id, sequence, final) != commitment:
            break
        found[sequence] = claim.size, claim.root
    return found


def _final_number(node: Node, confirmations: int | None) -> int | None:
    block = node.block("finalized" if confirmations is None else "latest")
    if block is None:
        return None
    return block.number if confirmations is None else max(block.number - confirmations, 0)
