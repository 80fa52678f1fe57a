"""What the owner of a log may do with it in the contract: who anchors, how far a head may grow, whose it is, its end.

Nothing else is the owner's: no head can be changed or taken back (design §5). The owner's account need not be the one
that anchors, and better is not: `transfer_call` and `accept_call` move a log to an account that is kept elsewhere.

Promises: a call is built, shown and estimated before it is sent; the signed bytes are kept until it is in a block.
Does not: know which head is honest; whoever closes a log names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

from ledger_service.chain.account import TxRequest
from ledger_service.chain.deploy import Envelope
from ledger_service.chain.registry import (
    Registry,
    encode_accept_ownership,
    encode_close_log,
    encode_set_anchorer,
    encode_set_max_growth,
    encode_transfer_ownership,
)
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError
from ledger_service.operations.found import Ground
from ledger_service.operations.gate import check_place
from ledger_service.operations.kept_sender import KeptSender

NO_SUCCESSOR = bytes(32)


@dataclass(frozen=True, slots=True)
class OwnerCall:
    """A call of the contract: its function, what it does in words, its calldata, and whose it is to make."""

    function: str
    said: str
    data: bytes
    by_pending_owner: bool = False


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """What sending a call would take: gas as the node estimates it, and wei for each gas at the fees of now."""

    gas: int
    fee: int
    balance: int


def set_anchorer_call(target: Target, anchorer: bytes) -> OwnerCall:
    """Let another account (20 bytes) anchor from now on."""
    data = encode_set_anchorer(target.log_id, anchorer)
    return OwnerCall("setAnchorer", f"from now on {format_address(anchorer)} anchors", data)


def set_growth_call(target: Target, max_growth: int) -> OwnerCall:
    """Let one head add at most so many entries."""
    data = encode_set_max_growth(target.log_id, max_growth)
    return OwnerCall("setMaxGrowth", f"one head may add at most {max_growth} entries", data)


def transfer_call(target: Target, owner: bytes) -> OwnerCall:
    """Offer the log to another account (20 bytes); it is theirs once they accept."""
    data = encode_transfer_ownership(target.log_id, owner)
    return OwnerCall("transferOwnership", f"the log is offered to {format_address(owner)}, who has to accept it", data)


def accept_call(target: Target) -> OwnerCall:
    """Take a log that was offered."""
    return OwnerCall("acceptOwnership", "the log is yours", encode_accept_ownership(target.log_id), True)


def close_call(target: Target, *, last_honest_sequence: int, successor: bytes = NO_SUCCESSOR) -> OwnerCall:
    """End the log for good, naming the last head that its owner stands by, and the log id that continues it."""
    data = encode_close_log(target.log_id, successor, last_honest_sequence=last_honest_sequence)
    goes_on = "without a successor" if successor == NO_SUCCESSOR else f"continued by 0x{successor.hex()}"
    return OwnerCall(
        "closeLog", f"the log is closed, head {last_honest_sequence} is its last honest one, {goes_on}", data
    )


def plan_call(target: Target, ground: Ground, call: OwnerCall) -> PlannedCall:
    """Return what the call would take, asking the contract whether it would be let.

    Raises:
        AccountError: The log is another account's.
        ContractRevertedError: The contract refuses.
        GateClosedError: The chain or the contract is not the target's.
    """
    registry, account = Registry(ground.node, target.contract), ground.signer.address
    check_place(target, registry)
    log = registry.log(target.log_id)
    wanted = log.pending_owner if call.by_pending_owner else log.owner
    if wanted != account:
        whose = f"is offered to {format_address(wanted)}" if call.by_pending_owner else f"is {format_address(wanted)}'s"
        if call.by_pending_owner and not any(wanted):
            whose = "is offered to nobody"
        raise AccountError(
            f"the log {whose}, this account is {format_address(account)}",
            hint="set the key of that account for this command: LEDGER_ANCHORER_KEYSTORE or LEDGER_SIGNER_URL",
        )
    fees = ground.node.fee_quote()
    gas = ground.node.estimate_gas(account, target.contract, call.data)
    return PlannedCall(gas, fees.base_fee + fees.priority_fee, ground.node.balance(account))


def send_call(target: Target, call: OwnerCall, sender: KeptSender) -> None:
    """Send the call, and return once it is in a block.

    Raises:
        ChainError: The chain refused or did not answer; run it again.
    """

    def build(envelope: Envelope) -> TxRequest:
        return TxRequest(
            chain_id=envelope.chain_id,
            nonce=envelope.nonce,
            gas=envelope.gas,
            fee=envelope.fee,
            priority_fee=envelope.priority_fee,
            to=target.contract,
            data=call.data,
        )

    # By its calldata too: a call that an earlier run did not finish is not taken for another one.
    sender.send(f"{call.function} {keccak(call.data).hex()[:8]}", target.contract, call.data, build)
