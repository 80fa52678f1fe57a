"""The events of a package: each entry of the case on a line of canonical JSON, for programs.

A line holds the entry itself, the values and fingerprints that this reader is shown, the names of the others, and where
receipt and originals stand. Promises: one spelling of a line; the SHA-256 of 0x00 and the canonical bytes of `entry` is
`leaf_hash`. Does not: write a line (`package_sheets.py`), or say whether one is true (`verify_events.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core import encoding
from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package import PackageFormatError, receipt_name
from ledger_service.core.receipt import RECEIPT_BYTES_MAX

LINE_BYTES_MAX = RECEIPT_BYTES_MAX  # an entry with all its values, as in a receipt
_MEMBERS = {
    "anchored_at", "entry", "erased", "evidence", "index", "leaf_hash", "receipt", "shown", "state", "withheld",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """What a line says that its receipt says too.

    `leaf` is the leaf hash of the entry in the line, `files` the SHA-256 of its evidence (hex; None: not shown), `told`
    the digest of the committed values that are shown, with the names of the others (`digest_of`).
    """

    index: int
    leaf: bytes
    files: tuple[str | None, ...]
    told: bytes


def digest_of(shown: Mapping[str, Json], hidden: Collection[str]) -> bytes:
    """Return one digest of values by name and of the names of what is not shown, so that copies can be compared."""
    return sha256(encoding.encode([dict(shown), sorted(hidden)])).digest()


def parse_event(line: bytes) -> Event:
    """Return what a line says.

    Args:
        line: With its line feed.

    Raises:
        FormatError: Not the one spelling of a line, or its own members contradict each other.
    """
    if len(line) > LINE_BYTES_MAX + 1:
        raise PackageFormatError(f"a line of events has more than {LINE_BYTES_MAX} bytes")
    if not line.endswith(b"\n"):
        raise PackageFormatError("a line of events ends with a line feed")
    value = encoding.parse_canonical(line[:-1], bytes_max=LINE_BYTES_MAX)
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise PackageFormatError("a line of events has other members")
    index, entry, shown = value["index"], value["entry"], value["shown"]
    if type(index) is not int or not 0 <= index <= INTEGER_MAX or value["receipt"] != receipt_name(index):
        raise PackageFormatError("a line of events names no receipt of its index")
    leaf = leaf_hash(encoding.encode(entry))
    if value["leaf_hash"] != leaf.hex():
        raise PackageFormatError(f"the line of entry {index} names another leaf hash than that of its entry")
    if not isinstance(shown, dict) or not isinstance(value["evidence"], list):
        raise PackageFormatError(f"the line of entry {index} shows no values")
    return Event(
        index=index,
        leaf=leaf,
        files=tuple(_fingerprint(one) for one in value["evidence"]),
        told=digest_of(shown, _names(value["erased"]) | _names(value["withheld"])),
    )


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file that comes in pieces, each with its line feed as far as it has one.

    Of a line that is too long so much is yielded as shows it, and nothing after it.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(rest) > LINE_BYTES_MAX + 1:
            break
    if rest:
        yield rest


def _fingerprint(value: Json) -> str | None:
    found = value.get("sha256", "") if isinstance(value, dict) else ""
    if found is not None and not isinstance(found, str):
        raise PackageFormatError("a file of an event has no fingerprint")
    return found


def _names(value: Json) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise PackageFormatError("names of an event are texts")
    return frozenset(value)
