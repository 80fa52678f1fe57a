"""Where an entry stands and what it is, short enough for a QR code: the log's name, the index, the leaf hash.

Whoever has these three can look the leaf up in the log's public tiles (c2sp.org/tlog-tiles), and see later that it is
still the same. Promises: a text that is parsed is written again as it was. Does not: prove anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.errors import FormatError

HASH_BYTES = 32
ORIGIN_CHARACTERS_MAX = 255
_TEXT = re.compile(rf"([\x21-\x7e]{{1,{ORIGIN_CHARACTERS_MAX}}})\n(0|[1-9][0-9]{{0,15}})\n([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Locator:
    """The entry at `index` of the log `origin`, whose leaf hash (32 bytes) is `leaf_hash`."""

    origin: str
    index: int
    leaf_hash: bytes


def encode_locator(locator: Locator) -> str:
    """Return three lines: name of the log, index, leaf hash in hex.

    >>> encode_locator(Locator("returns.example/eu", 12, bytes(32))).splitlines()[:2]
    ['returns.example/eu', '12']
    """
    return f"{locator.origin}\n{locator.index}\n{locator.leaf_hash.hex()}"


def parse_locator(text: str) -> Locator:
    """Return what `encode_locator` wrote.

    Raises:
        FormatError: It is none, or is written in another way.
    """
    match = _TEXT.fullmatch(text)
    if match is None or int(match[2]) > INTEGER_MAX:
        raise FormatError("this is no locator", hint="three lines: name of the log, index, leaf hash in hex")
    return Locator(match[1], int(match[2]), bytes.fromhex(match[3]))
