"""The committed ABI of the registry as tables: what a selector, an error and an event are called and made of.

Promises: read from the artifact that ships. Does not: run anything (`contract.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from eth_hash.auto import keccak

from ledger_service.chain.artifact import load_artifact

METHODS = {
    "registerLog": "register",
    "anchor": "anchor",
    "transferOwnership": "offer",
    "acceptOwnership": "accept",
    "setAnchorer": "set_anchorer",
    "setMaxGrowth": "set_max_growth",
    "closeLog": "close",
    "head": "head",
    "log": "log",
    "commitment": "commitment",
    "computeLogId": "log_id",
    "verifyConsistency": "consistency",
    "verifyInclusion": "inclusion",
}


def abi_value(kind: str, value: Any) -> Any:
    """Return a value as eth_abi takes it: an address as text."""
    return "0x" + value.hex() if kind == "address" else value


def plain(kind: str, value: Any) -> Any:
    """Return a value that eth_abi gave: an address as 20 bytes."""
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _signature(item: Mapping[str, Any]) -> bytes:
    return keccak(f"{item['name']}({','.join(one['type'] for one in item['inputs'])})".encode())


@lru_cache(maxsize=1)
def functions() -> dict[bytes, tuple[str, list[str]]]:
    """Return name and argument types by selector."""
    items = [item for item in load_artifact().abi if item["type"] == "function"]
    return {_signature(item)[:4]: (item["name"], [one["type"] for one in item["inputs"]]) for item in items}


@lru_cache(maxsize=1)
def errors() -> dict[str, tuple[bytes, list[str]]]:
    """Return selector and argument types by name."""
    items = [item for item in load_artifact().abi if item["type"] == "error"]
    return {item["name"]: (_signature(item)[:4], [one["type"] for one in item["inputs"]]) for item in items}


@lru_cache(maxsize=1)
def events() -> dict[str, tuple[bytes, list[str], list[str]]]:
    """Return first topic, types of the indexed values and of the others, by name."""
    found = {}
    for item in load_artifact().abi:
        if item["type"] == "event":
            inputs = item["inputs"]
            indexed = [one["type"] for one in inputs if one["indexed"]]
            others = [one["type"] for one in inputs if not one["indexed"]]
            found[item["name"]] = (_signature(item), indexed, others)
    return found
