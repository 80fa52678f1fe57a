"""Keystore v3 files (Web3 Secret Storage Definition): opened strictly.

Promises: a file must be readable by its owner alone and use a key derivation strong enough to make guessing passwords
dear; neither password nor key appears in a message or an error chain. Does not: write one, or sign.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from ledger_service.chain.account import LocalSigner, Signer
from ledger_service.chain.recursion import cap_recursion
from ledger_service.errors import AccountError

KEYSTORE_BYTES_MAX = 64 * 1024  # a keystore v3 file has about 500
SCRYPT_N_MIN = 2**17  # below this a password is guessed too cheaply; geth's "light" keystores have 2^12
SCRYPT_MEMORY_MAX = 2**30  # bytes: 128·n·r; a crooked file must not take all memory
PBKDF2_ROUNDS_MIN = 200_000
PBKDF2_ROUNDS_MAX = 20_000_000


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
    return LocalSigner(Account.from_key(key))


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
