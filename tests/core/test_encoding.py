"""Canonical bytes out: what RFC 8785 asks for, held against its reference implementation."""

from __future__ import annotations

import json
import random
from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.encoding import DEPTH_MAX, INTEGER_MAX, as_read, encode, encode_document, parse, parse_document
from ledger_service.errors import JsonFormatError, LedgerError, LimitError
from tests.core.untraced import untraced

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXT
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXT, v, max_size=4), max_leaves=20)
ALPHABET = (
    'a"\\/\x01\b\f\n\r\t\x1f \x7f\x80\u00e9\u20ac\u2028\ud7ff\ue000\ufb33\ufffd\uffff\U00010000\U0001f600\U0010ffff'
)


def random_value(draw: random.Random, depth: int) -> Any:
    """A JSON value that leans to what sorts and escapes in a surprising way."""
    kind = draw.randrange(7 if depth else 4)
    if kind == 0:
        return draw.choice([None, True, False])
    if kind == 1:
        return draw.choice([0, 1, -1, INTEGER_MAX, -INTEGER_MAX, draw.randint(-INTEGER_MAX, INTEGER_MAX)])
    if kind in (2, 3):
        return "".join(draw.choices(ALPHABET, k=draw.randrange(6)))
    if kind == 4:
        return [random_value(draw, depth - 1) for _ in range(draw.randrange(5))]
    names = ["".join(draw.choices(ALPHABET, k=draw.randrange(4))) for _ in range(draw.randrange(6))]
    return {name: random_value(draw, depth - 1) for name in names}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, b"{}"),
        (
            {"refund": {"minor": 1999, "currency": "EUR"}, "lines": [], "partial": True, "note": None},
            b'{"lines":[],"note":null,"partial":true,"refund":{"currency":"EUR","minor":1999}}',
        ),
        # RFC 8785 §3.2.2.2: short escapes where JSON has them, lower-case \u00xx below U+0020, nothing else escaped
        (
            '\b\t\n\f\r"\\/\x01\x1f\x7f\u20ac',
            b'"\\b\\t\\n\\f\\r\\"\\\\/\\u0001\\u001f\x7f\xe2\x82\xac"',
        ),
        # RFC 8785 §3.2.3: names sorted by UTF-16 units, so U+1F600 (D83D DE00) stands before U+FB33
        (
            {"\ufb33": 4, "\U0001f600": 3, "\u00e9": 2, "b": 1, "a": 0, "": -1},
            '{"":-1,"a":0,"b":1,"é":2,"\U0001f600":3,"\ufb33":4}'.encode(),
        ),
        ([INTEGER_MAX, -INTEGER_MAX, 0], b"[9007199254740991,-9007199254740991,0]"),
        # sorted as text, not as numbers, and upper case before lower case
        ({"10": 0, "9": 0, "Z": 0, "a": 0, "_": 0}, b'{"10":0,"9":0,"Z":0,"_":0,"a":0}'),
    ],
)
def test_worked_examples_of_canonical_bytes(value: Any, expected: bytes) -> None:
    assert encode(value) == expected
    assert rfc8785.dumps(value) == expected
    assert parse(expected) == value


@given(VALUES)
def test_canonical_bytes_are_those_of_the_reference(value: Any) -> None:
    assert encode(value) == rfc8785.dumps(value)


@untraced
def test_3000_awkward_values_have_the_bytes_of_the_reference() -> None:
    """The fast path through json.dumps and the reference agree wherever the fast path is taken, and elsewhere."""
    draw = random.Random(8785)
    fast = 0

    for _ in range(3000):
        value = random_value(draw, 4)
        expected = rfc8785.dumps(value)
        assert encode(value) == expected
        assert parse(expected) == value
        fast += not isinstance(value, dict) or all(name.isascii() for name in value)

    assert 1000 < fast < 3000


@given(VALUES)
def test_what_is_encoded_is_parsed_to_the_same_value_and_bytes(value: Any) -> None:
    encoded = encode(value)

    assert parse(encoded) == value == as_read(value)
    assert encode(parse(encoded)) == encoded
    assert parse_document(encoded) == value


@given(VALUES)
def test_a_document_reads_back_as_the_same_value(value: Any) -> None:
    document = encode_document(value)

    assert parse_document(document) == value
    assert document.endswith(b"\n")


def test_a_document_sorts_names_as_the_canonical_form_does() -> None:
    document = encode_document({"\ufb33": 1, "\U0001f600": [], "a": {"c": {}, "b": None}})

    assert (
        document.decode() == '{\n  "a": {\n    "b": null,\n    "c": {}\n  },\n  "\U0001f600": [],\n  "\ufb33": 1\n}\n'
    )


def test_a_tuple_is_written_as_an_array() -> None:
    value: Any = (1, ("é", {"é": ()}))

    assert encode(value) == '[1,["é",{"é":[]}]]'.encode()


class Word(StrEnum):
    """Texts that are not plain."""

    GOOD = "é"
    BAD = "a\x00"


def test_a_value_is_read_without_its_bytes_as_it_would_be_from_them() -> None:
    inner: list[Any] = [{"a": (1, Word.GOOD)}]
    value: Any = {"list": inner, "tuple": ("x", [True, None]), "name": Word.GOOD, Word.GOOD: 1}

    read: Any = as_read(value)
    inner.append("changed")

    assert read == {"list": [{"a": [1, "é"]}], "tuple": ["x", [True, None]], "name": "é", "é": 1}
    assert [type(one) for one in (read["name"], read["list"][0]["a"][1])] == [str, str]
    assert {type(name) for name in read} == {str}


def test_an_enumeration_of_texts_is_written_as_its_text_down_to_the_deepest_level() -> None:
    assert encode({"é": Word.GOOD, "a": [Word.GOOD]}) == '{"a":["é"],"é":"é"}'.encode()
    assert encode(nested(DEPTH_MAX, Word.GOOD)) == encode(nested(DEPTH_MAX, "é"))


class Number(IntEnum):
    """An integer that is not plain: it prints as itself in some places and as its name in others."""

    ONE = 1


@pytest.mark.parametrize("value", [None, True, 7, "x", ["x"], {"x": 1}], ids=range(6))
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        (float("inf"), "float"),
        ("\x00", "nul"),
        ("a\ud800", "surrogate"),
        ("\udc00\ud800", "surrogate"),
        ({"\ud83d": 1}, "surrogate"),
        ({"a\x00": 1}, "nul"),
        (Word.BAD, "nul"),
        ({1: 1}, "syntax"),
        ({None: 1}, "syntax"),
        (b"bytes", "syntax"),
        ({1, 2}, "syntax"),
        (Number.ONE, "syntax"),
        (object(), "syntax"),
    ],
    ids=range(15),
)
def test_what_has_no_canonical_form_is_refused_wherever_it_stands(value: Any, bad: Any, code: str) -> None:
    encode([value, {"a": value, "é": value}])
    for whole in (bad, [bad], [value, bad], {"a": bad}, {"é": bad}, {"é": value, "a": [bad]}):
        with pytest.raises(JsonFormatError) as caught:
            encode(whole)
        assert caught.value.code == code
        with pytest.raises(JsonFormatError):
            encode_document(whole)


@pytest.mark.parametrize(
    "value", [INTEGER_MAX + 1, -INTEGER_MAX - 1, 2**64, -(10**5000)], ids=["2^53", "-2^53", "2^64", "-10^5000"]
)
def test_an_integer_that_some_reader_would_round_is_not_written(value: int) -> None:
    with pytest.raises(LimitError) as caught:
        encode({"é": value})

    assert (caught.value.limit, caught.value.most) == ("the largest integer", INTEGER_MAX)


def nested(depth: int, leaf: Any = 1) -> Any:
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def test_nesting_is_written_down_to_its_limit_and_no_deeper() -> None:
    assert parse(encode(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    assert encode(nested(3), depth_max=3) == json.dumps(nested(3), separators=(",", ":")).encode()

    with pytest.raises(LimitError):
        encode(nested(DEPTH_MAX + 1))
    with pytest.raises(LimitError) as caught:
        encode(nested(4), depth_max=3)
    assert caught.value.most == 3
    with pytest.raises(LimitError):
        encode([[], nested(10_000)])


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(LedgerError):
        encode(endless)
