"""Found a ledger: deploy the contract, append the genesis entry that names it, register the log.

The order follows from who quotes whom: the genesis entry names the contract, the registration names the genesis
entry. Each signed transaction is kept in a small file before it is sent, so that a run that died goes on with the
same bytes, and running it again when all is done changes nothing.

Promises: after it, head 0 of the log on chain is the genesis leaf. Does not: found a second ledger in one database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_hash.auto import keccak

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.chain.deploy import (
    FACTORY,
    SALT,
    Envelope,
    build_create2_tx,
    build_deploy_tx,
    build_register_log_tx,
    check_deployed,
    common_address,
    create2_data,
    deploy_code,
    deployed_code,
    has_factory,
)
from ledger_service.chain.registry import Registry, RegistryHead, encode_register_log
from ledger_service.chain.rpc import Node
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import GenesisEntry, Predecessor, Target
from ledger_service.core.registry import compute_log_id, compute_origin_hash, format_address
from ledger_service.errors import AccountError, ChainError, ContractRevertedError, SettingsError
from ledger_service.operations.gate import check_place
from ledger_service.operations.kept_sender import KeptSender
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import LogDraft, WriteView

DEPLOY, REGISTER = "deploy", "register"  # names of the transactions that are kept
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """A chain to found on: a writable node of it, and the account that pays there."""

    node: Node
    signer: Signer


@dataclass(frozen=True, slots=True)
class Deployed:
    """The contract on one chain: `salt` where the factory created it, else creator's `nonce`; `tx_hash` None where it
    was there already."""

    address: bytes
    salt: bytes | None
    nonce: int | None
    tx_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Founded:
    """What stands after founding: the first target, the genesis leaf hash, that chain's head 0, and all targets."""

    target: Target
    genesis_leaf: bytes
    head: RegistryHead
    targets: tuple[Target, ...]
    deployed: tuple[Deployed, ...]


def found(
    ledger: Ledger,
    node: Node,
    signer: Signer,
    *,
    max_growth: int,
    progress_file: Path,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
    further: Sequence[Ground] = (),
    required: int = 1,
    predecessor: Predecessor | None = None,
) -> Founded:
    """Found the ledger, or finish what an earlier run began.

    Args:
        ledger: Opened to write, empty or founded.
        node: A writable node of the chain to anchor on.
        signer: Pays, becomes registrar, owner and anchorer.
        max_growth: Entries that one anchor may add at most.
        progress_file: Where signed transactions are kept until they are mined.
        say: Told what happens.
        sleep: Waits for blocks.
        further: More chains to anchor the same heads on.
        required: On how many of all these a head must be final before a receipt is `valid`.
        predecessor: The last honest head of the log that this one continues.

    Raises:
        ChainError: The chain refused or did not answer; run it again.
        AccountError: Another account began it.
        SettingsError: More targets are required than there are.
        GateClosedError: The chain or the contract is not the one that the genesis entry names.
    """
    grounds = [Ground(node, signer), *further]
    if not 1 <= required <= len(grounds):
        raise SettingsError(f"{required} of {len(grounds)} targets cannot be required", hint="name more chains")
    senders = [KeptSender(ground.node, ground.signer, progress_file, sleep) for ground in grounds]
    if ledger.read.size() == 0:
        targets = [_deploy(ledger, ground, sender, say) for ground, sender in zip(grounds, senders, strict=True)]
        if len({target.log_id for target in targets}) < len(targets):
            raise SettingsError("two of the chains are one and the same", hint="name each chain once")
        _append_genesis(ledger, targets, max_growth, required, predecessor)
        say(f"genesis entry recorded for the log {ledger.origin}")
    genesis, leaf = ledger.genesis()
    heads, deployed = [], []
    for target in genesis.targets:
        ground, sender = _ground_of(target, grounds, senders)
        heads.append(register(ledger, target, ground, sender, say))
        deployed.append(_deployed(target, sender))
    progress_file.unlink(missing_ok=True)
    return Founded(genesis.targets[0], leaf, heads[0], genesis.targets, tuple(deployed))


def deploy_contract(ground: Ground, sender: KeptSender) -> bytes:
    """Put the contract on a chain and return its address: by the factory, unless it is there already; where there is no
    factory, as a creation of its own."""
    node, address = ground.node, common_address()
    if node.code(address) == deployed_code():
        return address
    if has_factory(node):
        sender.send(DEPLOY, FACTORY, create2_data(), build_create2_tx)
        return address
    return sender.create(DEPLOY, deploy_code(), build_deploy_tx)


def _deployed(target: Target, sender: KeptSender) -> Deployed:
    kept = sender.known(DEPLOY)
    by_factory = target.contract == common_address()
    return Deployed(
        target.contract,
        SALT if by_factory else None,
        None if by_factory or kept is None else kept[1],
        None if kept is None else kept[0],
    )


def register(ledger: Ledger, target: Target, ground: Ground, sender: KeptSender, say: Say) -> RegistryHead:
    """Register the log at a target, unless it is; return its head there.

    Raises:
        AccountError: Another account is the registrar that the log id holds.
        GateClosedError: The chain or the contract is not the target's.
    """
    genesis, leaf = ledger.genesis()
    registry, signer = Registry(ground.node, target.contract), ground.signer
    check_place(target, registry)
    head = _head_or_none(registry, target.log_id)
    if head is None:
        if signer.address != target.registrar:  # the log id holds its registrar
            raise AccountError(
                f"0x{target.registrar.hex()} began to found this ledger, this account is 0x{signer.address.hex()}",
                hint="finish with the account that began",
            )
        data = encode_register_log(
            compute_origin_hash(ledger.origin),
            leaf,
            owner=signer.address,
            anchorer=signer.address,
            max_growth=genesis.max_growth,
        )

        def build(envelope: Envelope) -> TxRequest:
            return build_register_log_tx(
                envelope,
                target.contract,
                origin_hash=compute_origin_hash(ledger.origin),
                genesis_leaf_hash=leaf,
                owner=signer.address,
                anchorer=signer.address,
                max_growth=genesis.max_growth,
            )

        sender.send(REGISTER, target.contract, data, build)
        head = registry.head(target.log_id)
        say(f"log registered: 0x{target.log_id.hex()} on chain {target.chain_id}")
    if head.sequence == 0 and head.root != leaf:
        raise ChainError("head 0 on chain is not this ledger's genesis leaf", hint="run `rledger audit`")
    return head


def _ground_of(target: Target, grounds: Sequence[Ground], senders: Sequence[KeptSender]) -> tuple[Ground, KeptSender]:
    """Return the chain that a target is on; the first one where none fits, whose answers say what is wrong."""
    for ground, sender in zip(grounds, senders, strict=True):
        if ground.node.genesis_hash() == target.chain_genesis and ground.node.code(target.contract):
            return ground, sender
    return grounds[0], senders[0]


def _deploy(ledger: Ledger, ground: Ground, sender: KeptSender, say: Say) -> Target:
    node, signer = ground.node, ground.signer
    contract = deploy_contract(ground, sender)
    check_deployed(node, contract)
    chain_id = node.chain_id()
    how = "there already" if sender.known(DEPLOY) is None else "deployed"
    say(f"contract {how} at {format_address(contract)} on chain {chain_id}")
    return Target(
        chain_id=chain_id,
        chain_genesis=node.genesis_hash(),
        contract=contract,
        code_hash=keccak(deployed_code()),
        registrar=signer.address,
        log_id=compute_log_id(
            chain_id, contract, registrar=signer.address, origin_hash=compute_origin_hash(ledger.origin)
        ),
    )


def _append_genesis(
    ledger: Ledger, targets: Sequence[Target], max_growth: int, required: int, predecessor: Predecessor | None
) -> None:
    assert ledger.signing_key is not None  # wiring opens no ledger to write without it
    key = verifier_key(ledger.origin, ledger.signing_key)

    def make(_: WriteView, recorded_at: str) -> GenesisEntry:
        return GenesisEntry(
            origin=ledger.origin,
            recorded_at=recorded_at,
            keys=(key,),
            targets=tuple(targets),
            required=required,
            max_growth=max_growth,
            predecessor=predecessor,
        )

    ledger.require_writer().append(LogDraft(make))


def _head_or_none(registry: Registry, log_id: bytes) -> RegistryHead | None:
    try:
        return registry.head(log_id)
    except ContractRevertedError:
        return None
