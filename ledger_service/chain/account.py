"""Accounts that sign transactions, behind a two-method interface: here keys in memory; `keystore.py` opens files,
`remote_signer.py` asks a service.

Promises: what a signer returns is decoded and compared with what was asked for, and the sender recovered, before it
leaves; keys never appear in `repr`, messages or error chains. Development keys, which are public, work only on the
chain ids of `parameters.DEVELOPMENT_CHAIN_IDS`, whatever way they come.

Does not: keep nonces, choose fees or send anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ledger_service.chain.embedded_state import decode_tx
from ledger_service.chain.parameters import (
    DEVELOPMENT_ADDRESSES,
    DEVELOPMENT_CHAIN_IDS,
    DEVELOPMENT_MNEMONIC,
    DEVELOPMENT_PATH,
)
from ledger_service.chain.recursion import cap_recursion
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

SECP256K1_HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2: low s only

_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class TxRequest:
    """An EIP-1559 transaction to sign; fees in wei per gas, `to` None to create a contract."""

    chain_id: int
    nonce: int
    gas: int
    fee: int
    priority_fee: int
    to: bytes | None
    data: bytes
    value: int = 0


class Signer(Protocol):
    """Whoever holds a key: a keystore file, a development key, or a service elsewhere."""

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw signed transaction, or raise `AccountError`."""


def development_signer(index: int, chain_id: int) -> Signer:
    """Return a public development key, funded on the embedded chain and on Hardhat's and anvil's.

    Raises:
        AccountError: `chain_id` is another chain's, where anybody could take what this account holds.
    """
    if chain_id not in DEVELOPMENT_CHAIN_IDS:
        raise AccountError(
            f"development keys are public and not used on chain {chain_id}",
            hint="give a keystore file of your own (mode 0600)",
        )
    if not 0 <= index < len(DEVELOPMENT_ADDRESSES):
        raise AccountError(f"there are development keys 0 to {len(DEVELOPMENT_ADDRESSES) - 1}, not {index}")
    return LocalSigner(development_account(index))


def key_signer(text: str) -> Signer:
    """Return the account of a private key in hexadecimal, as the environment hands it over.

    Raises:
        AccountError: Not 32 bytes in hexadecimal, or no key of the curve; the message does not repeat it.
    """
    from eth_account.account import Account

    cap_recursion()
    digits = text.strip().removeprefix("0x")
    if not _KEY.fullmatch(digits):
        raise AccountError("the private key is not 64 hexadecimal digits", hint="give it as 0x and 64 digits")
    try:
        account: LocalAccount = Account.from_key(bytes.fromhex(digits))
    except Exception:  # eth-keys has errors of its own, which may quote the key
        raise AccountError("the private key is no key of the curve secp256k1") from None
    return LocalSigner(account)


def refuse_development_key(address: bytes, chain_id: int) -> None:
    """Refuse an account whose key is public on a chain where that matters, whatever way the key came.

    Raises:
        AccountError: It is one of the development accounts, and the chain is no development chain.
    """
    if address in DEVELOPMENT_ADDRESSES and chain_id not in DEVELOPMENT_CHAIN_IDS:
        raise AccountError(
            f"{format_address(address)} is a development account: its key is public and not used on chain {chain_id}",
            hint="give an account of your own: a keystore, a key or a signing service",
        )


def check_signed(request: TxRequest, raw: bytes, address: bytes) -> None:
    """Compare a signed transaction with what was asked for, whoever signed it.

    Raises:
        AccountError: It says something else, another account signed it, or its signature has a high s (EIP-2).
    """
    from eth_account.account import Account

    cap_recursion()
    try:
        tx = decode_tx(raw)
        sender = bytes.fromhex(Account.recover_transaction(raw)[2:])
    except Exception:  # whatever a foreign signer's bytes do to the decoders
        raise AccountError("the signer returned something that is no EIP-1559 transaction") from None
    said = TxRequest(
        chain_id=tx.chain_id,
        nonce=tx.nonce,
        gas=tx.gas,
        fee=tx.fee,
        priority_fee=tx.priority_fee,
        to=tx.to or None,
        data=tx.data,
        value=tx.value,
    )
    if said != request or tx.access_list:
        raise AccountError("the signer returned another transaction than the one asked for; it was not sent")
    if sender != address:
        raise AccountError(
            f"the signer signed as {format_address(sender)} instead of {format_address(address)}; nothing was sent"
        )
    if tx.s > SECP256K1_HALF_N:
        raise AccountError("the signer returned a signature with a high s, which chains refuse (EIP-2)")


class LocalSigner:
    """A key in this process's memory."""

    __slots__ = ("_account",)

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"<signer {self._account.address}>"

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return bytes.fromhex(self._account.address[2:])

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw signed transaction."""
        refuse_development_key(self.address, request.chain_id)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": request.chain_id,
            "nonce": request.nonce,
            "gas": request.gas,
            "maxFeePerGas": request.fee,
            "maxPriorityFeePerGas": request.priority_fee,
            "value": request.value,
            "data": request.data,
        }
        if request.to is not None:
            fields["to"] = format_address(request.to)
        try:
            raw = bytes(self._account.sign_transaction(fields).raw_transaction)
        except Exception as exc:  # eth-account and rlp have errors of their own for each crooked field
            raise AccountError(f"the transaction cannot be signed: {exc}") from None
        check_signed(request, raw, self.address)
        return raw


@lru_cache(maxsize=len(DEVELOPMENT_ADDRESSES))
def development_account(index: int) -> LocalAccount:
    """Return the account of a public development key, for callers that have checked chain and number."""
    from eth_account.account import Account
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    cap_recursion()
    seed = seed_from_mnemonic(DEVELOPMENT_MNEMONIC, "")
    account: LocalAccount = Account.from_key(key_from_seed(seed, DEVELOPMENT_PATH.format(index=index)))
    return account
