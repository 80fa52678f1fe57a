"""Checked reading of parsed JSON: exact member names, exact forms, one error class a format.

Promises: whatever is read through a `Reader` has the one form that its writer gives it; everything else raises the
reader's error with the path of the member. Does not: parse bytes (`encoding.py`) or know any format.

>>> from ledger_service.errors import TrustFormatError
>>> Reader(TrustFormatError, "trust file").hexadecimal("0xff", 1, prefix="0x")
b'\\xff'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.errors import FormatError

T = TypeVar("T")

# The hour is bounded here: newer Pythons read 24:00 as the next day's midnight, a second spelling of one instant.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one kind of object: `error` is what it raises, `what` names the object in messages."""

    error: type[FormatError]
    what: str

    def fail(self, reason: str) -> FormatError:
        """Return the error to raise, naming the object and the reason."""
        return self.error(f"{self.what}: {reason}")

    def at(self, name: str) -> Reader:
        """Return a reader for a member, which names its path."""
        return Reader(self.error, f"{self.what}.{name}")

    def members(self, value: Json, names: Sequence[str], *, optional: Sequence[str] = ()) -> dict[str, Any]:
        """Return the object if it has exactly the members `names`, and none but `optional` beside them."""
        if not isinstance(value, dict):
            raise self.fail("an object is expected")
        if missing := [name for name in names if name not in value]:
            raise self.fail(f"the member {missing[0]!r} is missing")
        if unknown := sorted(set(value).difference(names, optional)):
            raise self.fail(f"the member {unknown[0][:40]!r} is unknown")
        return value

    def items(self, value: Json, most: int, read: Callable[[Json], T]) -> tuple[T, ...]:
        """Return what `read` makes of each item of an array of at most `most`."""
        if not isinstance(value, list):
            raise self.fail("an array is expected")
        if len(value) > most:
            raise self.fail(f"at most {most} items, found {len(value)}")
        return tuple([read(item) for item in value])

    def text(self, value: Json, pattern: re.Pattern[str]) -> str:
        """Return the text if all of it matches."""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            shown = repr(value[:40]) if isinstance(value, str) else type(value).__name__
            raise self.fail(f"{shown} has not the form {pattern.pattern}")
        return value

    def choice(self, value: Json, choices: Callable[[str], T]) -> T:
        """Return the enum member of this value."""
        try:
            if isinstance(value, str):
                return choices(value)
        except ValueError:
            pass
        raise self.fail(f"{value!r:.60} is unknown")

    def integer(self, value: Json, *, least: int = 0, most: int = INTEGER_MAX) -> int:
        """Return the integer if it is in the range, ends included."""
        if type(value) is not int or not least <= value <= most:
            raise self.fail(f"an integer from {least} to {most} is expected")
        return value

    def hexadecimal(self, value: Json, length: int, *, prefix: str = "") -> bytes:
        """Return `length` bytes of lower-case hex with exactly this prefix."""
        if isinstance(value, str) and len(value) == len(prefix) + 2 * length and value.startswith(prefix):
            digits = value[len(prefix) :]
            try:
                raw = bytes.fromhex(digits)
            except ValueError:
                raw = b""
            if raw.hex() == digits:
                return raw
        raise self.fail(f"{length} bytes of lower-case hex are expected" + (f" after {prefix}" if prefix else ""))

    def instant(self, value: Json) -> str:
        """Return an RFC 3339 UTC time with milliseconds, `2026-11-03T10:22:05.000Z`, that exists."""
        if isinstance(value, str) and _TIME.fullmatch(value):
            try:
                datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                return value
        raise self.fail("a time is RFC 3339 in UTC with milliseconds: 2026-11-03T10:22:05.000Z")

    def nullable(self, value: Json, read: Callable[[Json], T]) -> T | None:
        """Return None for null, else what `read` makes of the value."""
        return None if value is None else read(value)
