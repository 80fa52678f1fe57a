"""Somebody who holds a published entry and tries phone numbers until one gives its commitment.

It tries what a careless design would have made: the number alone, as text and as JSON, with its name, and with an empty
or an all-zero salt. Given the salt it tries that too, and then finds the number: so its silence means something.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

SALT_BYTES = 32


def guess(commitment: bytes, name: str, numbers: Iterable[str], *, salt: bytes | None = None) -> tuple[str | None, int]:
    """Return the number whose hash is the commitment, None if none is, and how many numbers were tried.

    Args:
        commitment: Of the entry, 32 bytes.
        name: Of the committed value.
        numbers: Candidates.
        salt: 32 bytes, where it is known.
    """
    around = [("", ""), ('"', '"'), (f'["{name}","', '"]'), (f'["","{name}","', '"]')]
    around.append((f'["{"00" * SALT_BYTES}","{name}","', '"]'))
    if salt is not None:
        around.append((f'["{salt.hex()}","{name}","', '"]'))
    # What stands before the number is hashed once.
    begun = [(sha256(before.encode()), after.encode()) for before, after in around]
    tried = 0
    for number in numbers:
        text = number.encode()
        tried += 1
        for start, after in begun:
            digest = start.copy()
            digest.update(text + after)
            if digest.digest() == commitment:
                return number, tried
    return None, tried
