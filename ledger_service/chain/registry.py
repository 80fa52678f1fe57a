"""AnchorRegistry on one chain: its views, the calldata of its writes, and the event of an anchored head.

Promises: calldata and answers go through web3's contract codec and the committed ABI; a view that reverts raises
`ContractRevertedError` with the contract's own error; an anchored head is read out of a transaction receipt only
when success, contract, topic, log id, block and every word of the data agree.

Does not: sign or send; see `account` and `deploy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ledger_service.chain.answers import Log, TxReceipt, as_object
from ledger_service.chain.jsonrpc import parse_data, to_data, to_quantity
from ledger_service.chain.recursion import cap_recursion
from ledger_service.chain.rpc import BlockName, Node
from ledger_service.core.registry import compute_commitment_slot, format_address
from ledger_service.errors import NodeAnswerError

WORD_BYTES = 32
UINT64_END = 2**64
SEARCHED_BLOCKS = 1_000  # for the event of a head that somebody else anchored; hours on any chain


@dataclass(frozen=True, slots=True)
class RegistryHead:
    """The last head that the registry holds for a log."""

    sequence: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class RegistryLog:
    """Everything else that the registry holds about a log. Addresses are 20 bytes, zero where there is none."""

    origin_hash: bytes
    registrar: bytes
    owner: bytes
    pending_owner: bytes
    anchorer: bytes
    max_growth: int
    closed: bool
    successor: bytes
    last_honest_sequence: int


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """The values of a `HeadAnchored` event: with the log id, all that its commitment is made of."""

    log_id: bytes
    sequence: int
    size: int
    root: bytes
    time: int
    block_number: int
    parent_hash: bytes


class Registry:
    """One deployed AnchorRegistry, asked through one node."""

    def __init__(self, node: Node, address: bytes) -> None:
        self.node = node
        self.address = address

    def head(self, log_id: bytes, block: BlockName = "latest") -> RegistryHead:
        """Return the last head of a log. `ContractRevertedError` (`LogUnknown`) if it was never registered."""
        sequence, size, root = self._view("head", [log_id], block)
        return RegistryHead(sequence, size, root)

    def log(self, log_id: bytes, block: BlockName = "latest") -> RegistryLog:
        """Return roles, cap and closing of a log. `ContractRevertedError` (`LogUnknown`) as for `head`."""
        values = self._view("log", [log_id], block)
        origin_hash, registrar, owner, pending_owner, anchorer, max_growth, closed, successor, last = values
        return RegistryLog(
            origin_hash=origin_hash,
            registrar=_address_bytes(registrar),
            owner=_address_bytes(owner),
            pending_owner=_address_bytes(pending_owner),
            anchorer=_address_bytes(anchorer),
            max_growth=max_growth,
            closed=closed,
            successor=successor,
            last_honest_sequence=last,
        )

    def commitment(self, log_id: bytes, sequence: int, block: BlockName = "latest") -> bytes:
        """Return the commitment of a head by the view, 32 zero bytes where there is none."""
        found: bytes = self._view("commitment", [log_id, sequence], block)[0]
        return found

    def stored_commitment(self, log_id: bytes, sequence: int, block: BlockName = "latest") -> bytes:
        """Return the same from the storage slot itself, as a proof of it would."""
        return self.node.storage_at(self.address, compute_commitment_slot(log_id, sequence), block)

    def find_anchored_tx(self, log_id: bytes, sequence: int) -> bytes | None:
        """Return the hash of the transaction that anchored a head of late, by its event; None where none is shown.

        Public nodes answer for some thousand blocks at once, so only the newest `SEARCHED_BLOCKS` are asked about.
        """
        latest = self.node.block("latest")
        first = 0 if latest is None else max(0, latest.number - SEARCHED_BLOCKS + 1)
        wanted = {
            "address": to_data(self.address),
            "topics": [to_data(anchored_topic()), to_data(log_id), to_data(sequence.to_bytes(WORD_BYTES, "big"))],
            "fromBlock": to_quantity(first),
            "toBlock": "latest",
        }
        found = self.node.request("eth_getLogs", [wanted])
        if not isinstance(found, list):
            raise NodeAnswerError(f"{self.node.name} answered eth_getLogs with no list")
        hashes = {parse_data(as_object(log, "log").get("transactionHash"), "tx hash", size=WORD_BYTES) for log in found}
        return hashes.pop() if len(hashes) == 1 else None

    def verify_consistency(self, size1: int, root1: bytes, *, size2: int, root2: bytes, proof: Sequence[bytes]) -> None:
        """Let the contract check a consistency proof; `ContractRevertedError` says why it fails."""
        self._view("verifyConsistency", [size1, root1, size2, root2, list(proof)], "latest")

    def verify_inclusion(self, leaf_hash: bytes, index: int, *, size: int, proof: Sequence[bytes], root: bytes) -> None:
        """Let the contract check an inclusion proof; `ContractRevertedError` says why it fails."""
        self._view("verifyInclusion", [leaf_hash, index, size, list(proof), root], "latest")

    def _view(self, name: str, arguments: list[object], block: BlockName) -> tuple[Any, ...]:
        from eth_abi.abi import decode
        from eth_abi.exceptions import DecodingError

        data = self.node.call(self.address, _encode(name, arguments), block)
        try:
            return decode(_output_types(name), data)
        except DecodingError as exc:
            raise NodeAnswerError(
                f"{name} of the registry at {format_address(self.address)} answered {len(data)} crooked bytes",
                hint="is the registry deployed at this address, on this chain?",
            ) from exc


def encode_register_log(
    origin_hash: bytes, genesis_leaf_hash: bytes, *, owner: bytes, anchorer: bytes, max_growth: int
) -> bytes:
    """Return the calldata of `registerLog`."""
    arguments = [
        origin_hash,
        genesis_leaf_hash,
        format_address(owner),
        format_address(anchorer),
        max_growth,
    ]
    return _encode("registerLog", arguments)


def encode_anchor(log_id: bytes, size: int, *, root: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the calldata of `anchor`; `proof` is the consistency proof from the last head."""
    return _encode("anchor", [log_id, size, root, list(proof)])


def encode_set_anchorer(log_id: bytes, anchorer: bytes) -> bytes:
    """Return the calldata of `setAnchorer`."""
    return _encode("setAnchorer", [log_id, format_address(anchorer)])


def encode_set_max_growth(log_id: bytes, max_growth: int) -> bytes:
    """Return the calldata of `setMaxGrowth`."""
    return _encode("setMaxGrowth", [log_id, max_growth])


def encode_transfer_ownership(log_id: bytes, new_owner: bytes) -> bytes:
    """Return the calldata of `transferOwnership`."""
    return _encode("transferOwnership", [log_id, format_address(new_owner)])


def encode_accept_ownership(log_id: bytes) -> bytes:
    """Return the calldata of `acceptOwnership`."""
    return _encode("acceptOwnership", [log_id])


def encode_close_log(log_id: bytes, successor: bytes, *, last_honest_sequence: int) -> bytes:
    """Return the calldata of `closeLog`."""
    return _encode("closeLog", [log_id, successor, last_honest_sequence])


def parse_anchored(receipt: TxReceipt, address: bytes, *, log_id: bytes) -> AnchoredHead | None:
    """Return the head of `log_id` that a transaction anchored in the registry at `address`, or None.

    None when the transaction failed, or emitted no such event of this contract and log.

    Raises:
        NodeAnswerError: The event is there but crooked or contradicts its receipt, as no honest node shows it;
            or one transaction anchored the log more than once.
    """
    if not receipt.succeeded:
        return None
    topic = anchored_topic()
    found = [
        log
        for log in receipt.logs
        if log.address == address and log.topics[:1] == (topic,) and log.topics[1:2] == (log_id,)
    ]
    if not found:
        return None
    if len(found) > 1:
        raise NodeAnswerError("one transaction anchored the same log more than once")
    return _parse_head(found[0], receipt)


@lru_cache(maxsize=1)
def anchored_topic() -> bytes:
    """Return the first topic of `HeadAnchored`: keccak-256 of its signature in the committed ABI."""
    from eth_utils.abi import event_abi_to_log_topic

    return event_abi_to_log_topic(_contract().events.HeadAnchored().abi)


def _parse_head(log: Log, receipt: TxReceipt) -> AnchoredHead:
    if len(log.topics) != 3 or len(log.data) != 5 * WORD_BYTES:
        raise NodeAnswerError("the HeadAnchored event has not 3 topics and 5 words of data")
    if log.removed or log.block_hash != receipt.block_hash or log.tx_hash != receipt.tx_hash:
        raise NodeAnswerError("the HeadAnchored event is of another block or transaction than its receipt")
    size, root, time, number, parent = (log.data[at : at + WORD_BYTES] for at in range(0, len(log.data), WORD_BYTES))
    head = AnchoredHead(
        log_id=log.topics[1],
        sequence=_uint64(log.topics[2]),
        size=_uint64(size),
        root=root,
        time=_uint64(time),
        block_number=_uint64(number),
        parent_hash=parent,
    )
    if head.block_number != receipt.block_number:
        raise NodeAnswerError("the HeadAnchored event names another block number than its receipt")
    return head


def _uint64(word: bytes) -> int:
    value = int.from_bytes(word, "big")
    if value >= UINT64_END:
        raise NodeAnswerError("the HeadAnchored event holds a number over 64 bits")
    return value


def _address_bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _encode(name: str, arguments: Sequence[object]) -> bytes:
    return bytes.fromhex(_contract().encode_abi(name, args=arguments)[2:])


def _output_types(name: str) -> list[str]:
    return [str(value["type"]) for value in _contract().get_function_by_name(name).abi["outputs"]]


@lru_cache(maxsize=1)
def _contract() -> Any:
    # web3 takes a second to import, and only whoever encodes calldata needs it.
    from web3 import Web3

    from ledger_service.chain.artifact import load_artifact

    cap_recursion()
    return Web3().eth.contract(abi=load_artifact().abi)
