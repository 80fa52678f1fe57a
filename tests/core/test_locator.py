"""A locator names one entry of one log, in one spelling."""

from __future__ import annotations

import pytest

from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.locator import Locator, encode_locator, parse_locator
from ledger_service.errors import FormatError

LEAF = bytes(range(32))


@pytest.mark.parametrize("index", [0, 7, INTEGER_MAX])
def test_a_locator_is_read_as_it_was_written(index: int) -> None:
    locator = Locator("returns.example/eu", index, LEAF)

    assert parse_locator(encode_locator(locator)) == locator


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"returns.example/eu\n7\n{LEAF.hex()}\n",
        f"returns.example/eu\r\n7\r\n{LEAF.hex()}",
        f"returns.example/eu\n07\n{LEAF.hex()}",
        f"returns.example/eu\n-7\n{LEAF.hex()}",
        f"returns.example/eu\n{INTEGER_MAX + 1}\n{LEAF.hex()}",
        f"returns example/eu\n7\n{LEAF.hex()}",
        f"\n7\n{LEAF.hex()}",
        f"returns.example/eu\n7\n{LEAF.hex().upper()}",
        f"returns.example/eu\n7\n{LEAF.hex()[:-1]}",
    ],
)
def test_another_spelling_is_none(text: str) -> None:
    with pytest.raises(FormatError):
        parse_locator(text)
