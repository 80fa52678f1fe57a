"""Salted commitments, and the records that show or withhold what they stand for."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.disclosure import (
    SALT_BYTES,
    VALUE_BYTES_MAX,
    Disclosure,
    Record,
    evidence_name,
    parse_record,
)
from ledger_service.errors import JsonFormatError, LimitError, ReceiptFormatError
from tests.core.entries import FACTS, HASHES, TEXT

SHOWN = {"name": "tracking_no", "salt": "0a" * 32, "value": "RR123456785CN"}


@given(TEXT, HASHES, FACTS)
def test_a_commitment_is_the_hash_of_the_canonical_salt_name_and_value(name: str, salt: bytes, value: Any) -> None:
    expected = sha256(rfc8785.dumps([salt.hex(), name, value])).digest()

    assert Disclosure(name, salt, value).commitment() == expected


def test_another_salt_name_value_or_type_of_value_opens_another_commitment() -> None:
    shown = [
        Disclosure("a", bytes(32), "1"),
        Disclosure("a", bytes(32), 1),
        Disclosure("a", bytes(32), True),
        Disclosure("a", bytes(32), None),
        Disclosure("a", bytes(32), ["1"]),
        Disclosure("b", bytes(32), "1"),
        Disclosure("a", bytes(31) + b"\x01", "1"),
        Disclosure("a", bytes(32), "1 "),
    ]

    assert len({disclosure.commitment() for disclosure in shown}) == len(shown)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_salt_is_32_bytes(length: int) -> None:
    with pytest.raises(LimitError) as caught:
        Disclosure("a", bytes(length), 1).commitment()

    assert (caught.value.most, caught.value.actual) == (SALT_BYTES, length)


def test_a_value_fills_its_limit_and_no_more() -> None:
    room = VALUE_BYTES_MAX - len(rfc8785.dumps(["00" * 32, "a", ""]))

    assert len(Disclosure("a", bytes(32), "x" * room).commitment()) == 32
    with pytest.raises(LimitError, match="found 65537"):
        Disclosure("a", bytes(32), "x" * (room + 1)).commitment()


@pytest.mark.parametrize("value", [1.5, "\ud800", b"raw"], ids=repr)
def test_a_value_without_a_canonical_form_has_no_commitment(value: Any) -> None:
    with pytest.raises(JsonFormatError):
        Disclosure("a", bytes(32), value).commitment()


def test_a_file_is_named_by_its_kind_apart_from_fields() -> None:
    assert evidence_name("photo") == "evidence:photo"


@given(
    st.builds(Record, TEXT, st.none())
    | st.builds(lambda d: Record(d.name, d), st.builds(Disclosure, TEXT, HASHES, FACTS))
)
def test_a_record_reads_back_shown_or_withheld(record: Record) -> None:
    assert parse_record(record.as_json()) == record


def test_a_shown_null_is_not_a_withheld_value() -> None:
    shown = Record("a", Disclosure("a", bytes(32), None))

    assert shown.as_json() == {"name": "a", "salt": "00" * 32, "value": None}
    assert Record("a", None).as_json() == {"name": "a"}
    assert parse_record(shown.as_json()) == shown


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "tracking_no",
        {},
        {"name": None},
        {"name": 1},
        {"salt": "0a" * 32, "value": 1},
        {"name": "a", "salt": "0a" * 32},
        {"name": "a", "value": 1},
        {"name": "a", "salt": None},
        {"name": "a", "salt": None, "value": None},
        SHOWN | {"salt": 1},
        SHOWN | {"salt": ""},
        SHOWN | {"salt": "0A" * 32},
        SHOWN | {"salt": "0a" * 31},
        SHOWN | {"salt": "0a" * 33},
        SHOWN | {"salt": "0a" * 31 + "0"},
        SHOWN | {"salt": "zz" * 32},
        SHOWN | {"salt": "0x" + "0a" * 31},
        SHOWN | {"salt": "0a " * 32},
        SHOWN | {"extra": 1},
    ],
    ids=repr,
)
def test_a_record_of_another_form_is_refused(value: Any) -> None:
    assert parse_record(dict(SHOWN)).disclosure is not None
    with pytest.raises(ReceiptFormatError):
        parse_record(value)
