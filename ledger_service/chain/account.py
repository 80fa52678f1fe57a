"""Accounts that sign transactions: keystore files and development keys, behind a two-method interface.

Promises: what a signer returns is decoded and compared with what was asked for, and the sender recovered, before it
leaves; keys never appear in `repr`, messages or error chains. Development keys, which are public, work only on the
chain ids of `parameters.DEVELOPMENT_CHAIN_IDS`. Keystore files must be readable by their owner alone and use a key
derivation strong enough to make guessing passwords dear.

Does not: keep nonces, choose fees or send anything.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
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

KEYSTORE_BYTES_MAX = 64 * 1024  # a keystore v3 file has about 500
SCRYPT_N_MIN = 2**17  # below this a password is guessed too cheaply; geth's "light" keystores have 2^12
SCRYPT_MEMORY_MAX = 2**30  # bytes: 128·n·r; a crooked file must not take all memory
PBKDF2_ROUNDS_MIN = 200_000
PBKDF2_ROUNDS_MAX = 20_000_000
SECP256K1_HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2: low s only


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
    return _LocalSigner(development_account(index), chain_ids=DEVELOPMENT_CHAIN_IDS)


def keystore_signer(path: Path, password: str) -> Signer:
    """Return the key in a keystore v3 file (Web3 Secret Storage Definition).

    Raises:
        AccountError: No such file, readable by others, no keystore, a weak key derivation, or a wrong password.
    """
    stored = _read_keystore(path)
    _check_derivation(stored, path)
    from eth_account.account import Account
    from eth_keyfile.keyfile import decode_keyfile_json

    cap_recursion()
    try:
        key = decode_keyfile_json(stored, password.encode())
    except ValueError as exc:
        if "MAC" in str(exc):
            raise AccountError(f"the password does not open the keystore {path}") from None
        raise AccountError(f"{path} is not a whole keystore v3 file", hint="restore it from a copy") from None
    except Exception:  # eth-keyfile lets KeyError, TypeError and binascii's errors through
        raise AccountError(f"{path} is not a whole keystore v3 file", hint="restore it from a copy") from None
    return _LocalSigner(Account.from_key(key), chain_ids=None)


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


class _LocalSigner:
    """A key in this process's memory."""

    __slots__ = ("_account", "_chain_ids")

    def __init__(self, account: LocalAccount, *, chain_ids: frozenset[int] | None) -> None:
        self._account = account
        self._chain_ids = chain_ids

    def __repr__(self) -> str:
        return f"<signer {self._account.address}>"

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return bytes.fromhex(self._account.address[2:])

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw signed transaction."""
        if self._chain_ids is not None and request.chain_id not in self._chain_ids:
            raise AccountError(f"development keys are public and not used on chain {request.chain_id}")
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


def _read_keystore(path: Path) -> dict[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hang us
    except OSError as exc:
        raise AccountError(f"the keystore {path} cannot be opened: {exc.strerror}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise AccountError(f"the keystore {path} is not a file")
        if mode & 0o077:
            raise AccountError(
                f"the keystore {path} can be read by others (mode {stat.S_IMODE(mode):04o})",
                hint=f"chmod 600 {path}",
            )
        content = os.read(descriptor, KEYSTORE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    try:
        stored = json.loads(content) if len(content) <= KEYSTORE_BYTES_MAX else None
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict):
        raise AccountError(f"{path} is not a whole keystore v3 file", hint="restore it from a copy")
    return stored


def _check_derivation(stored: dict[str, Any], path: Path) -> None:
    lowered = {str(name).lower(): value for name, value in stored.items()}
    crypto = lowered.get("crypto")
    values = crypto.get("kdfparams") if isinstance(crypto, dict) else None
    if lowered.get("version") != 3 or not isinstance(crypto, dict) or not isinstance(values, dict):
        raise AccountError(f"{path} is not a whole keystore v3 file", hint="restore it from a copy")
    hint = "make a new keystore: `geth account new` (scrypt n = 262144), and move the funds to it"
    if crypto.get("kdf") == "scrypt":
        n, r, p = (_count(values, name, path) for name in ("n", "r", "p"))
        if n < SCRYPT_N_MIN or r < 1 or p < 1:
            raise AccountError(
                f"the keystore {path} is too easily guessed: scrypt n is {n}, at least {SCRYPT_N_MIN} is needed",
                hint=hint,
            )
        if 128 * n * r > SCRYPT_MEMORY_MAX or p > 16:
            raise AccountError(f"the keystore {path} asks for more memory or time than is sensible", hint=hint)
    elif crypto.get("kdf") == "pbkdf2":
        rounds = _count(values, "c", path)
        if not PBKDF2_ROUNDS_MIN <= rounds <= PBKDF2_ROUNDS_MAX:
            raise AccountError(
                f"the keystore {path} has {rounds} PBKDF2 rounds, not {PBKDF2_ROUNDS_MIN} to {PBKDF2_ROUNDS_MAX}",
                hint=hint,
            )
    else:
        raise AccountError(f"the keystore {path} has no known key derivation (scrypt or pbkdf2)", hint=hint)


def _count(values: dict[str, Any], name: str, path: Path) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise AccountError(f"{path} is not a whole keystore v3 file", hint="restore it from a copy")
    return value
