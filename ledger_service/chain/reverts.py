"""Revert data, decoded: a contract's refusal as a name and its values.

Promises: the registry's custom errors come back under their Solidity names; `Error(string)` and `Panic(uint256)`
under theirs; anything else as an unnamed refusal with the raw bytes. Never raises because data are odd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ledger_service.errors import ContractRevertedError

SELECTOR_BYTES = 4  # the first bytes of keccak-256 of the signature (Solidity ABI specification)
_BUILT_IN: tuple[tuple[str, tuple[str, ...]], ...] = (("Error", ("string",)), ("Panic", ("uint256",)))


def decode_revert(data: bytes | None, *, hint: str = "") -> ContractRevertedError:
    """Return the error that revert data stand for; addresses and hashes are bytes, numbers ints.

    >>> decode_revert(b"").name
    ''
    """
    if not data or len(data) < SELECTOR_BYTES:
        return ContractRevertedError("", [data] if data else [], hint=hint)
    known = _signatures().get(data[:SELECTOR_BYTES])
    if known is None:
        return ContractRevertedError("", [data], hint=hint)
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    name, types = known
    try:
        values = decode(types, data[SELECTOR_BYTES:])
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ContractRevertedError(name, [data], hint=hint)
    return ContractRevertedError(
        name,
        [bytes.fromhex(v[2:]) if t == "address" else v for t, v in zip(types, values, strict=True)],
        hint=hint,
    )


@lru_cache(maxsize=1)
def _signatures() -> Mapping[bytes, tuple[str, tuple[str, ...]]]:
    from eth_hash.auto import keccak

    from ledger_service.chain.artifact import load_artifact

    errors = [*_BUILT_IN, *_errors_of(load_artifact().abi)]
    return {keccak(f"{name}({','.join(types)})".encode())[:SELECTOR_BYTES]: (name, types) for name, types in errors}


def _errors_of(abi: Sequence[Mapping[str, object]]) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for item in abi:
        inputs = item.get("inputs")
        if item.get("type") == "error" and isinstance(inputs, list):
            found.append((str(item["name"]), tuple(str(value["type"]) for value in inputs)))
    return found
