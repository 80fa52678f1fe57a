"""The boot gate: may this ledger write? (design §6)

A database that was restored from an old copy would fork the log with its first new entry. Two things that are never
restored with it say how far the log had come: the high-water mark (a small file), and the chain.

| seen | answer |
|---|---|
| the mark is gone | `MissingMarkError`, until an operator accepts it with a command |
| fewer entries than the mark | `BehindMarkError` |
| another root at the mark's size | `ContradictedError` |
| the node serves another chain | `WrongChainError` |
| no contract at the address, or other code | `WrongCodeError` |
| the chain's head is larger than the database | `BehindChainError` |
| another root at the chain's head's size | `ContradictedError` |
| the chain gives no sensible answer, or knows no such log; the mark is fine | open, unconfirmed: said loudly |

Promises: reading stays possible whatever the answer. Does not: repair anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eth_hash.auto import keccak

from ledger_service.chain.registry import Registry, RegistryHead
from ledger_service.chain.rpc import Node
from ledger_service.core.log_entry import Target
from ledger_service.errors import (
    BehindChainError,
    BehindMarkError,
    ChainError,
    ContractRevertedError,
    ContradictedError,
    MissingMarkError,
    WrongChainError,
    WrongCodeError,
)
from ledger_service.operations.ledger import Ledger

_RESTORED = "this looks like a restored backup: bring the database up to date from a mirror, never write on"


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate is open. `confirmed` False: the chain did not answer, `reason` says why."""

    confirmed: bool
    reason: str = ""


def check_gate(
    ledger: Ledger, registry: Registry | None, unreachable: str = "", *, target: Target | None = None
) -> Gate:
    """Return an open gate.

    Args:
        ledger: Opened to read.
        registry: The contract at the pinned address, or None if its node cannot be asked.
        unreachable: Why not.
        target: Which of the log's targets it is at; None: the first.

    Raises:
        GateClosedError: The ledger must not write; the subclass says why.
    """
    check_mark(ledger)
    if registry is None:
        return Gate(False, unreachable)
    try:
        check_chain(ledger, registry, target)
    except ChainError as error:
        return Gate(False, error.message)
    return Gate(True)


def check_mark(ledger: Ledger) -> None:
    """Compare the database with the high-water mark.

    Raises:
        MissingMarkError, BehindMarkError, ContradictedError: As the table says.
    """
    mark = ledger.mark.read()  # before the database: another process may write meanwhile
    size = ledger.read.size()
    if mark is None:
        if size == 0:
            return
        raise MissingMarkError(
            f"the high-water mark {ledger.mark.path.name} is missing, the database holds {size} entries",
            hint="if you know that this database is the newest, say so: `rledger database accept-mark`",
        )
    if size < mark.size:
        raise BehindMarkError(f"the database holds {size} entries, receipts were given for {mark.size}", hint=_RESTORED)
    if ledger.read.root(mark.size) != mark.root:
        raise ContradictedError(
            f"the database has another root at size {mark.size} than the one receipts were given for",
            hint="its history was rewritten: keep it for the audit, do not write on",
        )


def check_chain(ledger: Ledger, registry: Registry, target: Target | None = None) -> RegistryHead:
    """Compare the database with the chain of a target (None: the first); return the chain's head.

    Raises:
        WrongChainError, WrongCodeError, BehindChainError, ContradictedError: As the table says.
        ChainError: Nobody answered, or not sensibly; or the log is not registered there yet.
    """
    target = target or ledger.target()
    check_place(target, registry)
    head = fetch_head(registry, target.log_id)
    compare_head(head.size, head.root, size=ledger.read.size(), root=ledger.read.root)
    return head


def compare_head(head_size: int, head_root: bytes, *, size: int, root: Callable[[int], bytes]) -> None:
    """Compare the chain's head with a log of `size` entries, `root` being its root hash at a size.

    Raises:
        BehindChainError, ContradictedError: As the table says.
    """
    if head_size > size:
        raise BehindChainError(
            f"the chain holds a head of {head_size} entries, the database holds {size}", hint=_RESTORED
        )
    if root(head_size) != head_root:
        raise ContradictedError(
            f"the chain holds another root at size {head_size} than the database",
            hint="history was rewritten on one side: run `rledger audit`, do not write on",
        )


def check_place(target: Target, registry: Registry) -> None:
    """Compare chain and code with the pinned ones.

    Raises:
        WrongChainError, WrongCodeError: As the table says.
        ChainError: Nobody answered, or not sensibly.
    """
    check_chain_identity(target, registry.node)
    code_hash = fetch_code_hash(registry)
    if code_hash != target.code_hash:
        found = "no contract" if code_hash is None else "another contract"
        raise WrongCodeError(
            f"there is {found} at 0x{target.contract.hex()} on chain {target.chain_id}",
            hint="nothing is deployed anew: find out what happened to the chain",
        )


def check_chain_identity(target: Target, node: Node) -> None:
    """Compare chain id and genesis block with the pinned ones.

    Raises:
        WrongChainError: Another chain.
        ChainError: Nobody answered, or not sensibly.
    """
    chain_id, chain_genesis = node.chain_id(), node.genesis_hash()
    if (chain_id, chain_genesis) != (target.chain_id, target.chain_genesis):
        raise WrongChainError(
            f"the node {node.name} serves chain {chain_id}, this log is anchored on chain {target.chain_id}"
            + (" with another genesis block" if chain_id == target.chain_id else ""),
            hint="correct LEDGER_RPC_URL",
        )


def fetch_code_hash(registry: Registry) -> bytes | None:
    """Return keccak-256 of the code at the contract's address, None where there is none."""
    code = registry.node.code(registry.address)
    return keccak(code) if code else None


def fetch_head(registry: Registry, log_id: bytes) -> RegistryHead:
    """Return the newest head of the log.

    Raises:
        ChainError: The log is not registered there yet.
    """
    try:
        return registry.head(log_id)
    except ContractRevertedError as error:
        raise ChainError(
            f"{error.message}: the contract does not know this log", hint="finish with `rledger deploy`"
        ) from None
