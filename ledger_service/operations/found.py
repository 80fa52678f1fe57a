"""Found a ledger: deploy the contract, append the genesis entry that names it, register the log.

The order follows from who quotes whom: the genesis entry names the contract, the registration names the genesis
entry. Each signed transaction is kept in a small file before it is sent, so that a run that died goes on with the
same bytes, and running it again when all is done changes nothing.

Promises: after it, head 0 of the log on chain is the genesis leaf. Does not: found a second ledger in one database.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eth_hash.auto import keccak

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.chain.deploy import (
    Envelope,
    build_deploy_tx,
    build_register_log_tx,
    check_deployed,
    compute_deploy_address,
    compute_fee_cap,
    deploy_code,
    deployed_code,
    sign_tx,
)
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.registry import Registry, RegistryHead, encode_register_log
from ledger_service.chain.rpc import Node
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import GenesisEntry, Target
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from ledger_service.errors import AccountError, ChainError, ContractRevertedError, NodeAnswerError, StoreError
from ledger_service.operations.gate import check_place
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import LogDraft, WriteView

GAS_MARGIN_PERCENT = 120
RECEIPT_SECONDS_MAX = 600  # a public chain's block with room to spare; the signed bytes are kept, so run it again
POLL_SECONDS = 2.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Founded:
    """What stands after founding: the target, the genesis leaf hash, and the chain's head 0."""

    target: Target
    genesis_leaf: bytes
    head: RegistryHead


def found(
    ledger: Ledger,
    node: Node,
    signer: Signer,
    *,
    max_growth: int,
    progress_file: Path,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
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

    Raises:
        ChainError: The chain refused or did not answer; run it again.
        AccountError: Another account began it.
        GateClosedError: The chain or the contract is not the one that the genesis entry names.
    """
    sender = _Sender(node, signer, progress_file, sleep)
    if ledger.read.size() == 0:
        target = _deploy(ledger, node, signer, sender, say)
        _append_genesis(ledger, target, max_growth)
        say(f"genesis entry recorded for the log {ledger.origin}")
    genesis, leaf = ledger.genesis()
    target = genesis.targets[0]
    registry = Registry(node, target.contract)
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
        say(f"log registered: 0x{target.log_id.hex()}")
    if head.sequence == 0 and head.root != leaf:
        raise ChainError("head 0 on chain is not this ledger's genesis leaf", hint="run `rledger audit`")
    progress_file.unlink(missing_ok=True)
    return Founded(target, leaf, head)


def _deploy(ledger: Ledger, node: Node, signer: Signer, sender: _Sender, say: Say) -> Target:
    contract = sender.send("deploy", None, deploy_code(), build_deploy_tx)
    check_deployed(node, contract)
    say(f"contract deployed at 0x{contract.hex()} on chain {node.chain_id()}")
    chain_id = node.chain_id()
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


def _append_genesis(ledger: Ledger, target: Target, max_growth: int) -> None:
    assert ledger.signing_key is not None  # wiring opens no ledger to write without it
    key = verifier_key(ledger.origin, ledger.signing_key)

    def make(_: WriteView, recorded_at: str) -> GenesisEntry:
        return GenesisEntry(
            origin=ledger.origin,
            recorded_at=recorded_at,
            keys=(key,),
            targets=(target,),
            required=1,
            max_growth=max_growth,
        )

    ledger.require_writer().append(LogDraft(make))


def _head_or_none(registry: Registry, log_id: bytes) -> RegistryHead | None:
    try:
        return registry.head(log_id)
    except ContractRevertedError:
        return None


class _Sender:
    """Signs, keeps, sends and waits: the kept bytes are sent again until they are in a block."""

    def __init__(self, node: Node, signer: Signer, path: Path, sleep: Callable[[float], None]) -> None:
        self._node = node
        self._signer = signer
        self._path = path
        self._sleep = sleep

    def send(self, name: str, to: bytes | None, data: bytes, build: Callable[[Envelope], TxRequest]) -> bytes:
        """Return the address of the contract called or created, once the transaction is in a block."""
        kept = self._kept()
        if name not in kept:
            nonce = self._node.nonce(self._signer.address)
            fees = self._node.fee_quote()
            gas = self._node.estimate_gas(self._signer.address, to, data) * GAS_MARGIN_PERCENT // 100
            envelope = Envelope(self._node.chain_id(), nonce, gas, compute_fee_cap(fees), fees.priority_fee)
            tx = sign_tx(self._signer, build(envelope))
            address = to if to is not None else compute_deploy_address(self._signer.address, nonce)
            kept[name] = {"address": address.hex(), "raw": tx.raw.hex()}
            self._keep(kept)  # before it is sent: the same bytes, however often we die
        raw, address = bytes.fromhex(kept[name]["raw"]), bytes.fromhex(kept[name]["address"])
        self._deliver(name, raw)
        return address

    def _deliver(self, name: str, raw: bytes) -> None:
        tx_hash = keccak(raw)
        passed = False
        try:
            self._node.send_raw(raw)
        except JsonRpcError as error:
            if error.reason is not NodeRefusal.NONCE_TOO_LOW:
                raise
            passed = True  # it may be in a block already; if it is not, it never will be
        waited = 0.0
        while (receipt := self._node.tx_receipt(tx_hash)) is None:
            if passed:
                self._drop(name)
                raise ChainError(
                    f"{name}: another transaction of this account took the place of 0x{tx_hash.hex()}",
                    hint="run it again: it will be signed anew",
                )
            if waited >= RECEIPT_SECONDS_MAX:
                raise NodeAnswerError(
                    f"{name}: no block holds 0x{tx_hash.hex()} after {RECEIPT_SECONDS_MAX} s", hint="run it again"
                )
            self._sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        if not receipt.succeeded:
            self._drop(name)
            raise ContractRevertedError(name, hint="run it again: it will be signed anew")

    def _drop(self, name: str) -> None:
        self._keep({other: kept for other, kept in self._kept().items() if other != name})

    def _keep(self, kept: dict[str, dict[str, str]]) -> None:
        """Replace the file, durably: its old content or its new one, whatever kills the process."""
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            with beside.open("w") as stream:
                json.dump(kept, stream)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}", hint="nothing was sent yet") from None

    def _kept(self) -> dict[str, dict[str, str]]:
        try:
            kept = json.loads(self._path.read_text())
            return {str(n): {k: bytes.fromhex(v[k]).hex() for k in ("address", "raw")} for n, v in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise StoreError(
                f"{self._path} cannot be read: it holds the transactions of a founding that is under way",
                hint="restore it; if nothing was sent yet, delete it and run this again",
            ) from None
