"""Send the few transactions of founding and owning a log: signed once, kept in a small file, sent until they are mined.

Promises: the signed bytes are on disk before they are sent, under a name and the chain's, so that a run that died goes
on with the same bytes. Does not: raise fees; whoever waits too long runs it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from eth_hash.auto import keccak

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.chain.deploy import Envelope, compute_deploy_address, compute_fee_cap, sign_tx
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.rpc import Node
from ledger_service.errors import ChainError, ContractRevertedError, NodeAnswerError, StoreError

GAS_MARGIN_PERCENT = 120
RECEIPT_SECONDS_MAX = 600  # a public chain's block with room to spare; the signed bytes are kept, so run it again
POLL_SECONDS = 2.0


class KeptSender:
    """Signs, keeps, sends and waits: the kept bytes are sent again until they are in a block."""

    def __init__(self, node: Node, signer: Signer, path: Path, sleep: Callable[[float], None]) -> None:
        self._node = node
        self._signer = signer
        self._path = path
        self._sleep = sleep

    def send(self, name: str, to: bytes, data: bytes, build: Callable[[Envelope], TxRequest]) -> None:
        """Return once the call is in a block."""
        self._send(name, to, data, build)

    def create(self, name: str, code: bytes, build: Callable[[Envelope], TxRequest]) -> tuple[bytes, int]:
        """Return the address of the contract created, and the creator's nonce, once it is in a block."""
        kept = self._send(name, None, code, build)
        nonce = int(kept["nonce"])
        return compute_deploy_address(self._signer.address, nonce), nonce

    def known(self, name: str) -> bytes | None:
        """Return the hash of the transaction that was kept under a name, None if none was."""
        kept = self._kept().get(self._named(name))
        return None if kept is None else keccak(bytes.fromhex(kept["raw"]))

    def nonce_of(self, name: str) -> int | None:
        """Return the account's nonce in the transaction that was kept under a name, None if none was."""
        kept = self._kept().get(self._named(name))
        return None if kept is None else int(kept["nonce"])

    def _named(self, name: str) -> str:
        return f"{name}/{self._node.chain_id()}/{self._node.genesis_hash().hex()[:16]}"

    def _send(self, name: str, to: bytes | None, data: bytes, build: Callable[[Envelope], TxRequest]) -> dict[str, str]:
        kept, key = self._kept(), self._named(name)
        if key not in kept:
            nonce = self._node.nonce(self._signer.address)
            fees = self._node.fee_quote()
            gas = self._node.estimate_gas(self._signer.address, to, data) * GAS_MARGIN_PERCENT // 100
            envelope = Envelope(self._node.chain_id(), nonce, gas, compute_fee_cap(fees), fees.priority_fee)
            tx = sign_tx(self._signer, build(envelope))
            kept[key] = {"nonce": str(nonce), "raw": tx.raw.hex()}
            self._keep(kept)  # before it is sent: the same bytes, however often we die
        self._deliver(key, bytes.fromhex(kept[key]["raw"]))
        return kept[key]

    def _deliver(self, name: str, raw: bytes) -> None:
        tx_hash, shown = keccak(raw), name.partition("/")[0]
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
                    f"{shown}: another transaction of this account took the place of 0x{tx_hash.hex()}",
                    hint="run it again: it will be signed anew",
                )
            if waited >= RECEIPT_SECONDS_MAX:
                raise NodeAnswerError(
                    f"{shown}: no block holds 0x{tx_hash.hex()} after {RECEIPT_SECONDS_MAX} s", hint="run it again"
                )
            self._sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        if not receipt.succeeded:
            self._drop(name)
            raise ContractRevertedError(shown, hint="run it again: it will be signed anew")

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
            return {
                str(name): {"nonce": str(int(one["nonce"])), "raw": bytes.fromhex(one["raw"]).hex()}
                for name, one in kept.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise StoreError(
                f"{self._path} cannot be read: it holds the transactions of a founding that is under way",
                hint="restore it; if nothing was sent yet, delete it and run this again",
            ) from None
