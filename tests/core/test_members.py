"""Checked reading: each member has one form, and every refusal names the member and the reader's own error."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import pytest

from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.members import Reader
from ledger_service.errors import ReceiptFormatError, TrustFormatError

READ = Reader(TrustFormatError, "trust file")


class Colour(StrEnum):
    """Two choices."""

    RED = "red"
    BLUE = "blue"


def test_an_object_has_exactly_its_members() -> None:
    value = {"a": 1, "b": None}

    assert READ.members(value, ("a", "b")) == value
    assert READ.members(value, ("a",), optional=("b", "c")) == value
    with pytest.raises(TrustFormatError, match=r"trust file: the member 'c' is missing"):
        READ.members(value, ("a", "b", "c"))
    with pytest.raises(TrustFormatError, match=r"trust file: the member 'b' is unknown"):
        READ.members(value, ("a",), optional=("c",))


@pytest.mark.parametrize("value", [None, True, 1, "a", [], ["a"]])
def test_what_is_no_object_has_no_members(value: Any) -> None:
    with pytest.raises(TrustFormatError, match="an object is expected"):
        READ.members(value, ())


def test_a_refusal_names_the_path_of_the_member_and_stays_short() -> None:
    with pytest.raises(ReceiptFormatError, match=r"^receipt\.anchors\.time: an integer from 0 to 9 is expected$"):
        Reader(ReceiptFormatError, "receipt").at("anchors").at("time").integer(10, most=9)
    with pytest.raises(TrustFormatError) as caught:
        READ.members({"x" * 10_000: 1}, ())
    assert len(str(caught.value)) < 100


def test_an_array_has_at_most_its_limit_of_items_and_keeps_their_order() -> None:
    assert READ.items([3, 1, 2], 3, READ.integer) == (3, 1, 2)
    assert READ.items([], 0, READ.integer) == ()
    with pytest.raises(TrustFormatError, match="at most 2 items, found 3"):
        READ.items([3, 1, 2], 2, READ.integer)
    with pytest.raises(TrustFormatError, match="an integer"):
        READ.items([3, "1"], 3, READ.integer)
    others: list[Any] = [None, {}, "abc", 3]
    for value in others:
        with pytest.raises(TrustFormatError, match="an array is expected"):
            READ.items(value, 3, READ.integer)


@pytest.mark.parametrize("value", [None, 1, "", "ab1", " ab", "ab\n", "AB", "a" * 9, ["ab"]])
def test_a_text_matches_as_a_whole(value: Any) -> None:
    pattern = re.compile("[a-z]{1,8}")

    assert READ.text("ab", pattern) == "ab"
    with pytest.raises(TrustFormatError, match=r"has not the form \[a-z\]"):
        READ.text(value, pattern)


@pytest.mark.parametrize("value", [None, 1, "", "RED", "red ", "green", ["red"], "x" * 10_000])
def test_a_choice_is_one_of_the_values(value: Any) -> None:
    assert READ.choice("red", Colour) is Colour.RED
    with pytest.raises(TrustFormatError, match="is unknown") as caught:
        READ.choice(value, Colour)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("value", [None, True, False, "1", 1.0, [1], 0, 4, -1, INTEGER_MAX + 1])
def test_an_integer_is_in_its_range_and_no_other_type(value: Any) -> None:
    assert [READ.integer(n, least=1, most=3) for n in (1, 2, 3)] == [1, 2, 3]
    assert READ.integer(0) == 0
    assert READ.integer(INTEGER_MAX) == INTEGER_MAX
    with pytest.raises(TrustFormatError, match="an integer from 1 to 3"):
        READ.integer(value, least=1, most=3)


@pytest.mark.parametrize(
    "value",
    [
        None,
        255,
        "",
        "0x",
        "0xff",
        "0xFFff",
        "0XFFFF",
        "ffff",
        "0xffff ",
        "0xff f",
        "0x fff",
        "0xfffg",
        "0xf\u06600f",
        "0xffffff",
    ],
)
def test_hexadecimal_has_one_spelling(value: Any) -> None:
    assert READ.hexadecimal("0xff0a", 2, prefix="0x") == b"\xff\x0a"
    assert READ.hexadecimal("ff0a", 2) == b"\xff\x0a"
    assert READ.hexadecimal("", 0) == b""
    with pytest.raises(TrustFormatError, match="2 bytes of lower-case hex are expected after 0x"):
        READ.hexadecimal(value, 2, prefix="0x")
    with pytest.raises(TrustFormatError, match=r"3 bytes of lower-case hex are expected$"):
        READ.hexadecimal(value, 3)


@pytest.mark.parametrize(
    "value",
    ["2026-11-03T10:22:05.000Z", "0001-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
)
def test_an_instant_is_read_as_it_stands(value: str) -> None:
    assert READ.instant(value) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        1_793_700_125,
        "",
        "2026-11-03",
        "2026-11-03T10:22:05Z",
        "2026-11-03T10:22:05.0Z",
        "2026-11-03T10:22:05.000000Z",
        "2026-11-03T10:22:05,000Z",
        "2026-11-03T10:22:05.000",
        "2026-11-03T10:22:05.000z",
        "2026-11-03t10:22:05.000Z",
        "2026-11-03 10:22:05.000Z",
        "2026-11-03T10:22:05.000+00:00",
        "2026-11-03T10:22:05.000Z\n",
        " 2026-11-03T10:22:05.000Z",
        "20261103T102205.000Z",
        "2026-11-03T24:00:00.000Z",
        "2026-11-03T25:00:00.000Z",
        "2026-11-03T23:60:00.000Z",
        "2026-11-03T23:59:60.000Z",
        "2026-02-29T10:22:05.000Z",
        "2026-13-03T10:22:05.000Z",
        "2026-00-03T10:22:05.000Z",
        "2026-11-00T10:22:05.000Z",
        "0000-01-01T00:00:00.000Z",
        "-001-01-01T00:00:00.000Z",
        "12026-11-03T10:22:05.000Z",
        "٢٠٢٦-11-03T10:22:05.000Z",
    ],
)
def test_no_other_spelling_of_a_time_and_no_time_that_does_not_exist_is_read(value: Any) -> None:
    with pytest.raises(TrustFormatError, match="a time is RFC 3339 in UTC with milliseconds"):
        READ.instant(value)


def test_null_is_read_where_it_is_allowed_and_only_as_null() -> None:
    assert READ.nullable(None, READ.integer) is None
    assert READ.nullable(0, READ.integer) == 0
    with pytest.raises(TrustFormatError):
        READ.nullable("", READ.integer)
