"""The steps of deploying the registry, registering a log and anchoring a head, as transactions to sign.

Promises: pure, apart from reading the committed artifact: each function returns what to sign, so that the caller can
keep the signed bytes before anything is sent. The deployment's address is known beforehand.

Does not: ask a node for nonces and fees, except `check_deployed`, which compares the code at an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.chain.account import Signer, TxRequest
from ledger_service.chain.answers import FeeQuote
from ledger_service.chain.registry import encode_anchor, encode_register_log
from ledger_service.chain.rpc import BlockName, Node
from ledger_service.core.registry import compute_contract_address, compute_create2_address, format_address
from ledger_service.errors import WrongCodeError

BASE_FEE_FACTOR = 2  # the base fee can double in six full blocks (EIP-1559) before the cap is too low

# The deployment factory that most chains have at this address: it creates what its calldata say, by CREATE2 (EIP-1014),
# so that the registry has one address everywhere. Only its own code, by keccak-256, is taken for it.
FACTORY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
FACTORY_CODE_HASH = bytes.fromhex("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
SALT = bytes.fromhex("72657475726e2d6c65646765722f416e63686f72526567697374727900000000")  # return-ledger/AnchorRegistry


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every transaction of one account carries: chain, nonce, gas limit, and fees in wei per gas."""

    chain_id: int
    nonce: int
    gas: int
    fee: int
    priority_fee: int


@dataclass(frozen=True, slots=True)
class SignedTx:
    """A signed transaction, ready to be kept and then sent."""

    request: TxRequest
    sender: bytes
    raw: bytes
    tx_hash: bytes


def compute_fee_cap(quote: FeeQuote) -> int:
    """Return a fee per gas that stays enough for some full blocks: twice the base fee, and the priority fee."""
    return BASE_FEE_FACTOR * quote.base_fee + quote.priority_fee


def build_deploy_tx(envelope: Envelope) -> TxRequest:
    """Return the creation of the registry with the committed bytecode; it takes no constructor arguments."""
    return _request(envelope, None, deploy_code())


def compute_deploy_address(sender: bytes, nonce: int) -> bytes:
    """Return where the registry will be when `sender` deploys it with this nonce."""
    return compute_contract_address(sender, nonce)


def build_create2_tx(envelope: Envelope) -> TxRequest:
    """Return the call of the deployment factory that creates the registry at `common_address`."""
    return _request(envelope, FACTORY, create2_data())


def create2_data() -> bytes:
    """Return the calldata of the factory: the salt, and the code that creates the registry."""
    return SALT + deploy_code()


def common_address() -> bytes:
    """Return where the registry is on every chain on which the factory created it."""
    return compute_create2_address(FACTORY, SALT, deploy_code())


def has_factory(node: Node) -> bool:
    """Say whether the chain has the deployment factory, with its own code."""
    from eth_hash.auto import keccak

    code = node.code(FACTORY)
    return bool(code) and keccak(code) == FACTORY_CODE_HASH


def build_register_log_tx(
    envelope: Envelope,
    registry: bytes,
    *,
    origin_hash: bytes,
    genesis_leaf_hash: bytes,
    owner: bytes,
    anchorer: bytes,
    max_growth: int,
) -> TxRequest:
    """Return the registration of a log; its sender becomes the registrar in the log id."""
    data = encode_register_log(origin_hash, genesis_leaf_hash, owner=owner, anchorer=anchorer, max_growth=max_growth)
    return _request(envelope, registry, data)


def build_anchor_tx(
    envelope: Envelope, registry: bytes, *, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> TxRequest:
    """Return the anchoring of a head; `proof` is the consistency proof from the registry's last head."""
    return _request(envelope, registry, encode_anchor(log_id, size, root=root, proof=proof))


def sign_tx(signer: Signer, request: TxRequest) -> SignedTx:
    """Return the signed transaction and its hash.

    Raises:
        AccountError: The signer refuses, or returned something else.
    """
    from eth_hash.auto import keccak

    raw = signer.sign_transaction(request)
    return SignedTx(request=request, sender=signer.address, raw=raw, tx_hash=keccak(raw))


def check_deployed(node: Node, address: bytes, block: BlockName = "latest") -> None:
    """Compare the code at an address with the committed artifact's.

    Raises:
        WrongCodeError: There is no contract, or another one.
    """
    found = node.code(address, block)
    if not found:
        raise WrongCodeError(
            f"there is no contract at {format_address(address)}", hint="was the chain reset? check the address"
        )
    if found != deployed_code():
        raise WrongCodeError(f"the contract at {format_address(address)} is not this version's AnchorRegistry")


def deploy_code() -> bytes:
    """Return the bytecode that creates the registry."""
    from ledger_service.chain.artifact import load_artifact

    return load_artifact().bytecode


def deployed_code() -> bytes:
    """Return the code that the registry has once created; its keccak-256 is what trust files pin."""
    from ledger_service.chain.artifact import load_artifact

    return load_artifact().deployed_bytecode


def _request(envelope: Envelope, to: bytes | None, data: bytes) -> TxRequest:
    return TxRequest(
        chain_id=envelope.chain_id,
        nonce=envelope.nonce,
        gas=envelope.gas,
        fee=envelope.fee,
        priority_fee=envelope.priority_fee,
        to=to,
        data=data,
    )
