"""A node that we ask about a chain, and sometimes send a transaction to; embedded or over HTTP alike.

Promises: every failure is one of three: nobody answered (`NodeUnreachableError`), the answer is none
(`NodeAnswerError`), or the contract refused (`ContractRevertedError`, decoded). Reads are tried again twice at most,
with a growing random pause; what sends a transaction is sent once. What goes in and comes out are ints and bytes.

Does not: believe the node. Whoever asks pins the chain, compares heads and verifies proofs.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder, open_node(f"embedded:{folder}", writable=True) as node:
...     node.chain_id(), node.block("latest").number
(1919706468, 0)
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from ledger_service.chain.answers import (
    AccountProof,
    Block,
    FeeQuote,
    TxReceipt,
    as_object,
    parse_account_proof,
    parse_block,
    parse_tx_receipt,
)
from ledger_service.chain.embedded_transport import EmbeddedTransport
from ledger_service.chain.header import encode_json_header
from ledger_service.chain.jsonrpc import (
    WORD_BYTES,
    JsonRpcError,
    NodeRefusal,
    parse_data,
    parse_quantity,
    to_data,
    to_quantity,
)
from ledger_service.errors import ChainError, NodeAnswerError, NodeUnreachableError, SettingsError

EMBEDDED_SCHEME = "embedded:"
READ_TRIES_MAX = 3  # the first try and two more
RETRY_PAUSE_SECONDS = 0.2  # doubled each time, times a random factor between a half and one and a half

Tag = Literal["earliest", "latest", "safe", "finalized", "pending"]
BlockName = int | Tag


class Transport(Protocol):
    """One way to reach a node. `name` is fit for messages."""

    name: str

    def request(self, method: str, params: Sequence[object]) -> object:
        """Return the `result` of one request or raise `ChainError`."""

    def close(self) -> None:
        """Let go of connections and files."""


class Node:
    """Typed questions to one node. Made by `open_node`, or around a transport of the caller's own."""

    def __init__(
        self,
        transport: Transport,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._jitter = jitter

    @property
    def name(self) -> str:
        """The node's address without secrets, for messages."""
        return self._transport.name

    @property
    def is_embedded(self) -> bool:
        """Whether this is the embedded chain, which proves nothing against its operator."""
        return isinstance(self._transport, EmbeddedTransport)

    def mine(self, count: int = 1) -> None:
        """Add empty blocks to the embedded chain, so that what lies under them becomes final.

        Raises:
            ChainError: Another chain: its blocks come by themselves.
        """
        if not isinstance(self._transport, EmbeddedTransport):
            raise ChainError(f"{self.name} is not the embedded chain: its blocks come by themselves")
        self._transport.chain.mine(count)

    def request(self, method: str, params: Sequence[object] = ()) -> object:
        """Return the `result` of a read, tried again when nobody answered."""
        for attempt in range(1, READ_TRIES_MAX):
            try:
                return self._transport.request(method, params)
            except NodeUnreachableError:
                self._sleep(RETRY_PAUSE_SECONDS * 2 ** (attempt - 1) * (0.5 + self._jitter()))
        return self._transport.request(method, params)

    def chain_id(self) -> int:
        """Return the chain's EIP-155 id."""
        return parse_quantity(self.request("eth_chainId"), "chain id")

    def genesis_hash(self) -> bytes:
        """Return the hash of block 0."""
        block = self.block(0)
        if block is None:
            raise NodeAnswerError(f"{self.name} has no block 0")
        return block.block_hash

    def block(self, name: BlockName) -> Block | None:
        """Return a block by number or tag, or None when the node has none."""
        found = self._block_json(name)
        return None if found is None else parse_block(found)

    def header(self, name: BlockName) -> bytes | None:
        """Return a block's header as the RLP bytes that hash to its block hash, or None."""
        found = self._block_json(name)
        return None if found is None else encode_json_header(as_object(found, "block"))

    def code(self, address: bytes, block: BlockName = "latest") -> bytes:
        """Return a contract's code, empty when there is none."""
        return parse_data(self.request("eth_getCode", [to_data(address), _name(block)]), "code")

    def storage_at(self, address: bytes, slot: bytes, block: BlockName = "latest") -> bytes:
        """Return the 32 bytes in a storage slot."""
        found = self.request("eth_getStorageAt", [to_data(address), to_data(slot), _name(block)])
        return parse_data(found, "storage slot", size=WORD_BYTES)

    def call(self, to: bytes, data: bytes, block: BlockName = "latest") -> bytes:
        """Return what a contract answers to a view call.

        Raises:
            ContractRevertedError: It refused.
        """
        message = {"to": to_data(to), "data": to_data(data)}
        return parse_data(self._contract_request("eth_call", [message, _name(block)]), "call's result")

    def balance(self, address: bytes, block: BlockName = "latest") -> int:
        """Return an account's balance in wei."""
        return parse_quantity(self.request("eth_getBalance", [to_data(address), _name(block)]), "balance")

    def nonce(self, address: bytes, block: BlockName = "latest") -> int:
        """Return the number of an account's next transaction."""
        found = self.request("eth_getTransactionCount", [to_data(address), _name(block)])
        return parse_quantity(found, "transaction count")

    def fee_quote(self) -> FeeQuote:
        """Return the next block's base fee and the priority fee that the node suggests."""
        history = as_object(self.request("eth_feeHistory", [to_quantity(1), "latest", []]), "fee history")
        fees = history.get("baseFeePerGas")
        if not isinstance(fees, list) or not fees:
            raise NodeAnswerError(f"{self.name} answered with a fee history without base fees")
        suggested = self.request("eth_maxPriorityFeePerGas")
        return FeeQuote(
            base_fee=parse_quantity(fees[-1], "base fee"),
            priority_fee=parse_quantity(suggested, "priority fee"),
        )

    def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, *, value: int = 0) -> int:
        """Return the gas that a transaction would need; `to` None creates a contract.

        Raises:
            ContractRevertedError: It would be refused.
        """
        message = {"from": to_data(sender), "data": to_data(data), "value": to_quantity(value)}
        if to is not None:
            message["to"] = to_data(to)
        return parse_quantity(self._contract_request("eth_estimateGas", [message]), "gas estimate")

    def send_raw(self, raw: bytes) -> bytes:
        """Send a signed transaction once and return its hash; one that the node knows already is a success.

        Raises:
            JsonRpcError: Refused; `reason` says why (`nonce_too_low`, `insufficient_funds`, …).
            NodeUnreachableError: Nobody answered. The node may have it all the same: look, or send the same
                bytes again.
        """
        from eth_hash.auto import keccak

        tx_hash = keccak(raw)
        try:
            found = self._transport.request("eth_sendRawTransaction", [to_data(raw)])
        except JsonRpcError as exc:
            if exc.reason is NodeRefusal.ALREADY_KNOWN:
                return tx_hash
            raise
        if parse_data(found, "transaction hash", size=WORD_BYTES) != tx_hash:
            raise NodeAnswerError(f"{self.name} took our transaction but names another hash")
        return tx_hash

    def tx_receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """Return what became of a transaction, or None while it is in no block."""
        found = self.request("eth_getTransactionReceipt", [to_data(tx_hash)])
        if found is None:
            return None
        receipt = parse_tx_receipt(found)
        if receipt.tx_hash != tx_hash:
            raise NodeAnswerError(f"{self.name} answered with the receipt of another transaction")
        return receipt

    def get_proof(self, address: bytes, slots: Sequence[bytes], block: BlockName = "latest") -> AccountProof:
        """Return an account with the proofs of some storage slots, in the order asked for (EIP-1186)."""
        asked = [to_data(address), [to_data(slot) for slot in slots], _name(block)]
        proof = parse_account_proof(self.request("eth_getProof", asked))
        if proof.address != address or [found.slot for found in proof.slots] != list(slots):
            raise NodeAnswerError(f"{self.name} answered with the proof of another account or slot")
        return proof

    def close(self) -> None:
        """Let go of connections and files. Closing twice does nothing."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _block_json(self, name: BlockName) -> object:
        try:
            found = self.request("eth_getBlockByNumber", [_name(name), False])
        except JsonRpcError as exc:
            # Where a tag is not known yet, clients answer with an error instead of null.
            if any(words in exc.text.lower() for words in ("block not found", "unknown block")):
                return None
            raise
        if isinstance(name, int) and found is not None and parse_block(found).number != name:
            raise NodeAnswerError(f"{self.name} answered with another block than {name}")
        return found

    def _contract_request(self, method: str, params: Sequence[object]) -> object:
        from ledger_service.chain.reverts import decode_revert

        try:
            return self.request(method, params)
        except JsonRpcError as exc:
            if exc.reason is NodeRefusal.REVERTED:
                raise decode_revert(exc.data) from exc
            raise


def open_node(
    rpc: str,
    *,
    timeout_seconds: float = 10,
    writable: bool = False,
    clock: Callable[[], int] | None = None,
) -> Node:
    """Open `embedded:FOLDER`, or the node at an http(s) URL, which is asked nothing yet.

    Args:
        rpc: The address; never shown whole in messages.
        timeout_seconds: For one request over HTTP.
        writable: Open the embedded chain as its one writer; means nothing for a URL.
        clock: Block times of the embedded chain, seconds since 1970; the machine's when None.

    Raises:
        SettingsError: Neither form.
        ChainDataMissingError: The embedded chain's blocks are missing.
        ChainBusyError: Another process writes the embedded chain.
    """
    if rpc.startswith(EMBEDDED_SCHEME):
        folder = rpc.removeprefix(EMBEDDED_SCHEME)
        if not folder:
            raise SettingsError("embedded: needs a folder", hint="write embedded:FOLDER")
        return Node(EmbeddedTransport(Path(folder), read_only=not writable, clock=clock))
    from ledger_service.chain.rpc_http import HttpTransport

    return Node(HttpTransport(rpc, timeout_seconds=timeout_seconds))


def _name(block: BlockName) -> str:
    return to_quantity(block) if isinstance(block, int) else block
