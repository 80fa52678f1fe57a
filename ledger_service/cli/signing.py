"""The file that travels to a wallet and back: `record --to-sign FILE` writes it, `record --signed FILE` reads it.

Promises: what comes back is read strictly, and told by name where it is wrong. Does not: sign, or hold a key.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ledger_service.core.encoding import DOCUMENT_BYTES_MAX, parse
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.registry import ADDRESS_BYTES
from ledger_service.core.signing import NONCE_BYTES, SIGNATURE_BYTES
from ledger_service.errors import EntryFormatError, FormatError, SettingsError

if TYPE_CHECKING:
    from ledger_service.operations.prepare_statement import Unsigned
    from ledger_service.operations.sign_step import WalletSignature

MEMBERS = ("address", "deadline", "nonce", "previous", "signature")


def unsigned_document(unsigned: Unsigned) -> bytes:
    """Return the file: `typed_data` for `eth_signTypedData_v4`, and `address` and `signature` to fill in."""
    value = {
        "typed_data": unsigned.typed_data,
        "address": None,
        "signature": None,
        "nonce": unsigned.nonce.hex(),
        "deadline": unsigned.deadline,
        "previous": None if unsigned.previous is None else unsigned.previous.hex(),
    }
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def read_signed(path: Path) -> WalletSignature:
    """Return what a wallet signed.

    Raises:
        SettingsError: The file cannot be read, is not what `--to-sign` wrote, or was not filled in.
    """
    from ledger_service.operations.sign_step import WalletSignature

    try:
        with path.open("rb") as stream:
            value = parse(stream.read(DOCUMENT_BYTES_MAX + 1))
        m = Reader(EntryFormatError, str(path)).members(value, MEMBERS, optional=("typed_data",))
        read = Reader(EntryFormatError, str(path)).at
        address = m["address"].lower() if isinstance(m["address"], str) else m["address"]  # wallets mix case (EIP-55)
        return WalletSignature(
            address=read("address").hexadecimal(address, ADDRESS_BYTES, prefix="0x"),
            signature=read("signature").hexadecimal(m["signature"], SIGNATURE_BYTES, prefix="0x"),
            nonce=read("nonce").hexadecimal(m["nonce"], NONCE_BYTES),
            deadline=read("deadline").integer(m["deadline"]),
            previous=read("previous").nullable(m["previous"], lambda v: read("previous").hexadecimal(v, HASH)),
        )
    except OSError as error:
        raise SettingsError(f"--signed {path}: {error.strerror}", hint="check the path") from None
    except FormatError as error:
        hint = "write it with --to-sign FILE, have `typed_data` signed, fill in `address` and `signature`"
        raise SettingsError(f"--signed {error.message}", hint=hint) from None
