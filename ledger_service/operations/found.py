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
from ledger_service.chain.artifact import load_artifact
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
from ledger_service.chain.deployments import Deployment, Deployments
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

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """A chain to found on: a node of it, the account that pays there, and where it is recorded what was deployed."""

    node: Node
    signer: Signer
    deployments: Deployments | None = None


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
    deployments: Deployments | None = None,
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
        deployments: Where it is recorded what was deployed on the first chain; None: nowhere.

    Raises:
        ChainError: The chain refused or did not answer; run it again.
        AccountError: Another account began it.
        SettingsError: More targets are required than there are.
        GateClosedError: The chain or the contract is not the one that the genesis entry names.
    """
    grounds = [Ground(node, signer, deployments), *further]
    if not 1 <= required <= len(grounds):
        raise SettingsError(f"{required} of {len(grounds)} targets cannot be required", hint="name more chains")
    senders = [KeptSender(ground.node, ground.signer, progress_file, sleep) for ground in grounds]
    if ledger.read.size() == 0:
        targets = [place_contract(ledger, ground, sender, say) for ground, sender in zip(grounds, senders, strict=True)]
        if len({target.log_id for target in targets}) < len(targets):
            raise SettingsError("two of the chains are one and the same", hint="name each chain once")
        _append_genesis(ledger, targets, max_growth, required, predecessor)
        say(f"genesis entry recorded for the log {ledger.origin}")
    genesis, leaf = ledger.genesis()
    heads = []
    for target in genesis.targets:
        ground, sender = _ground_of(target, grounds, senders)
        heads.append(register(ledger, target, ground, sender, say))
        keep_record(target, ground, sender)  # before the progress file goes, which knows the transactions
    progress_file.unlink(missing_ok=True)
    return Founded(genesis.targets[0], leaf, heads[0], genesis.targets)


def deploy_contract(ground: Ground, sender: KeptSender, name: str) -> Deployed:
    """Put the contract on a chain: by the factory, unless it is there already; else as a creation of its own."""
    node = ground.node
    address = common_address()
    there = find_contract(ground)
    if there is not None:
        return Deployed(there, SALT if there == address else None, sender.nonce_of(name), sender.known(name))
    if has_factory(node):
        sender.send(name, FACTORY, create2_data(), build_create2_tx)
        return Deployed(address, SALT, None, sender.known(name))
    created, nonce = sender.create(name, deploy_code(), build_deploy_tx)
    return Deployed(created, None, nonce, sender.known(name))


def place_contract(ledger: Ledger, ground: Ground, sender: KeptSender, say: Say) -> Target:
    """Put the contract on a chain, unless it is there, and return the target that the log has there."""
    node, signer = ground.node, ground.signer
    deployed = deploy_contract(ground, sender, "deploy")
    check_deployed(node, deployed.address)
    chain_id = node.chain_id()
    how = "deployed" if deployed.tx_hash is not None else "there already"
    where = ", its address on every chain with the factory" if deployed.salt is not None else ""
    say(f"contract {how} at {format_address(deployed.address)} on chain {chain_id}{where}")
    if deployed.salt is None:
        say(f"chain {chain_id} has no deployment factory: the address is the contract's on this chain alone")
    return Target(
        chain_id=chain_id,
        chain_genesis=node.genesis_hash(),
        contract=deployed.address,
        code_hash=keccak(deployed_code()),
        registrar=signer.address,
        log_id=compute_log_id(
            chain_id, deployed.address, registrar=signer.address, origin_hash=compute_origin_hash(ledger.origin)
        ),
    )


def find_contract(ground: Ground) -> bytes | None:
    """Return where the chain has the contract already: at the address that all chains share, or at the recorded one.

    Raises:
        SettingsError: What is recorded is of another chain with the same id.
    """
    node, recorded = ground.node, None
    if ground.deployments is not None:
        recorded = ground.deployments.of(node.chain_id(), node.genesis_hash())
    addresses = (common_address(),) if recorded is None else (recorded.contract, common_address())
    return next((address for address in addresses if node.code(address) == deployed_code()), None)


def keep_record(target: Target, ground: Ground, sender: KeptSender) -> None:
    """Record where the contract of a target is and what made it, unless that is recorded.

    Raises:
        SettingsError: Something else is recorded.
    """
    if ground.deployments is None:
        return
    tx_hash, nonce = sender.known("deploy"), sender.nonce_of("deploy")
    receipt = None if tx_hash is None else ground.node.tx_receipt(tx_hash)
    common = target.contract == common_address()
    own = not common and nonce is not None
    artifact = load_artifact()
    ground.deployments.keep(
        Deployment(
            chain_id=target.chain_id,
            chain_genesis=target.chain_genesis,
            contract=target.contract,
            code_hash=target.code_hash,
            salt=SALT if common else None,
            creator=ground.signer.address if own else None,
            nonce=nonce if own else None,
            tx_hash=tx_hash,
            block_number=None if receipt is None else receipt.block_number,
            block_hash=None if receipt is None else receipt.block_hash,
            solc=str(artifact.compiler["version"]),
            source_sha256=bytes.fromhex(artifact.source_sha256),
        )
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

        sender.send("register", target.contract, data, build)
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
