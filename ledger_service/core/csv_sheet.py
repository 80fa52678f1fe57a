"""A table as CSV (RFC 4180) that a spreadsheet shows as it is: nothing in it is ever computed.

Promises: a text that a spreadsheet would take for a formula begins with an apostrophe; text from outside is escaped, so
that a row is one line. UTF-8 with a byte order mark, without which spreadsheets garble Chinese. Does not: choose
columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger_service.core import encoding
from ledger_service.core.pages.escaping import escaped

_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20|%")  # the wide forms too: some spreadsheets take them for the others


def csv_sheet(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return the file: a line of column names, then the rows; lists and objects stand in it as JSON.

    >>> csv_sheet(["a", "b"], [["=1+1", -2]]).decode("utf-8-sig").splitlines()[1]
    '"\\'=1+1","-2"'
    """
    lines = [_line(columns), *(_line(row) for row in rows)]
    return b"\xef\xbb\xbf" + "".join(lines).encode()


def _line(cells: Sequence[object]) -> str:
    return ",".join('"' + _cell(cell).replace('"', '""') + '"' for cell in cells) + "\r\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # a number is shown as one, below zero too
        return str(value)
    text = escaped(value if isinstance(value, str) else encoding.encode(value).decode())  # type: ignore[arg-type]
    return "'" + text if text.lstrip()[:1] in _FORMULA else text
