"""Salted commitments, and what a copy of an entry shows or withholds.

A value that is personal or easy to guess stands in an entry only as its commitment: SHA-256 over the RFC 8785 bytes
of `[salt, name, value]`, the salt being 32 random bytes in lower-case hex, a fresh one for every value. A file is
committed to by the same rule, its name being `evidence:` and its kind, its value the SHA-256 of its content in hex.

Promises: whoever has salt and value can check the commitment; without the salt guessing does not help.
Does not: draw salts (pass them in) or keep values.

>>> disclosure = Disclosure(name="tracking_no", salt=bytes(32), value="RR123456785CN")
>>> disclosure.commitment().hex()[:16]
'3db3319ae255e46b'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core.encoding import Json, encode
from ledger_service.errors import LimitError, ReceiptFormatError

SALT_BYTES = 32  # 256 bits: no table of salts is ever worth making
EVIDENCE_PREFIX = "evidence:"  # keeps names of files apart from names of fields
VALUE_BYTES_MAX = 65_536  # one free text; larger content belongs into an evidence file


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A committed value with the salt that opens its commitment.

    `name` is the commitment's name in the entry, `salt` 32 bytes, `value` any JSON value.
    """

    name: str
    salt: bytes
    value: Json

    def commitment(self) -> bytes:
        """Return the 32-byte commitment.

        Raises:
            LimitError: The salt is not 32 bytes, or the value is over `VALUE_BYTES_MAX`.
            JsonFormatError: The value has no canonical form.
        """
        if len(self.salt) != SALT_BYTES:
            raise LimitError("the bytes of a salt", SALT_BYTES, len(self.salt))
        encoded = encode([self.salt.hex(), self.name, self.value])
        if len(encoded) > VALUE_BYTES_MAX:
            raise LimitError("the most bytes of a committed value", VALUE_BYTES_MAX, len(encoded))
        return sha256(encoded).digest()


@dataclass(frozen=True, slots=True)
class Record:
    """What a copy says of one commitment: its name, and the disclosure if it is shown."""

    name: str
    disclosure: Disclosure | None

    def as_json(self) -> dict[str, Json]:
        """Return `{"name"}` when withheld, `{"name", "salt", "value"}` when shown."""
        if self.disclosure is None:
            return {"name": self.name}
        return {"name": self.name, "salt": self.disclosure.salt.hex(), "value": self.disclosure.value}


def evidence_name(kind: str) -> str:
    """Return the commitment name of an evidence file of this kind."""
    return EVIDENCE_PREFIX + kind


def describe_records(records: Sequence[Record], unprotected: Json) -> str:
    """Say of each name whether its value is shown, withheld or erased.

    Args:
        records: Of one copy, each shown value checked before.
        unprotected: What stands beside them, from anywhere: `erased` lists names. Only withheld ones can be, and
            nothing proves it.

    >>> describe_records([Record("note", None), Record("lines", None)], {"erased": ["note"]})
    '0 of 2 committed values shown, each opens; withheld: lines; erased, as the ledger says: note'
    """
    shown = Counter(record.name for record in records if record.disclosure is not None)
    withheld = Counter(record.name for record in records if record.disclosure is None)
    erased = unprotected.get("erased") if isinstance(unprotected, dict) else None
    gone = Counter(name for name in erased if isinstance(name, str)) if isinstance(erased, list) else Counter()
    gone &= withheld
    told = f"{shown.total()} of {len(records)} committed values shown, each opens"
    for words, names in (("shown", shown), ("withheld", withheld - gone), ("erased, as the ledger says", gone)):
        if names:
            told += f"; {words}: " + ", ".join(name if n == 1 else f"{name} ({n})" for name, n in names.items())
    return told


def parse_record(value: Json) -> Record:
    """Return the record that `Record.as_json` wrote.

    Raises:
        ReceiptFormatError: Anything else.
    """
    if not isinstance(value, dict) or not isinstance(name := value.get("name"), str):
        raise ReceiptFormatError("a record is an object with a name")
    if set(value) == {"name"}:
        return Record(name, None)
    salt = value.get("salt")
    if set(value) != {"name", "salt", "value"} or not isinstance(salt, str):
        raise ReceiptFormatError(f"the record {name!r} has either a salt and a value, or neither")
    try:
        raw = bytes.fromhex(salt)
    except ValueError:
        raw = b""
    if raw.hex() != salt or len(raw) != SALT_BYTES:
        raise ReceiptFormatError(f"the salt of {name!r} is not {SALT_BYTES} bytes of lower-case hex")
    return Record(name, Disclosure(name, raw, value["value"]))
