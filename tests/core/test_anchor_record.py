"""The record of an anchor reads back from its canonical bytes, and from nothing else."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core import encoding
from ledger_service.core.anchor_record import (
    UNFINISHED,
    Anchor,
    AnchorState,
    Attempt,
    Block,
    encode_anchor_record,
    parse_anchor_record,
)
from ledger_service.errors import EntryFormatError, FormatError, JsonFormatError
from tests.core.entries import ADDRESSES, COUNTS, HASHES, INDEXES, TEXT
from tests.core.spoiled import spoil
from tests.core.untraced import untraced

WEI = st.integers(0, 2**256 - 1)
ATTEMPTS = st.builds(
    Attempt, raw=st.binary(max_size=80), tx_hash=HASHES, max_fee=WEI, priority_fee=WEI, signed_at=INDEXES, gas=INDEXES,
    nonce=INDEXES,
)  # fmt: skip
BLOCKS = st.builds(Block, number=COUNTS, block_hash=HASHES, parent_hash=HASHES, time=INDEXES)
RECORDS = st.builds(
    Anchor,
    log_id=HASHES,
    chain_id=COUNTS,
    contract=ADDRESSES,
    sequence=INDEXES,
    size=COUNTS,
    root=HASHES,
    old_size=COUNTS,
    proof=st.lists(HASHES, max_size=3).map(tuple),
    state=st.sampled_from(AnchorState),
    planned_at=INDEXES,
    nonce=st.none() | INDEXES,
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    block=st.none() | BLOCKS,
    commitment=st.none() | HASHES,
    reason=TEXT,
    oldest_at=st.none() | INDEXES,
    fee_paid=st.none() | WEI,
)
SAMPLE = Anchor(
    log_id=bytes([1]) * 32,
    chain_id=1,
    contract=bytes([2]) * 20,
    sequence=7,
    size=576,
    root=bytes([3]) * 32,
    old_size=512,
    proof=(bytes([4]) * 32,),
    state=AnchorState.INCLUDED,
    planned_at=1_793_700_000,
    nonce=40,
    attempts=(Attempt(b"\x02\xf8", bytes([5]) * 32, 30 * 10**9, 2 * 10**9, 1_793_700_001, 90_000, 40),),
    block=Block(100, bytes([6]) * 32, bytes([7]) * 32, 1_793_700_012),
    commitment=bytes([8]) * 32,
    reason="",
    oldest_at=1_793_699_990,
    fee_paid=71_632 * 20 * 10**9,
)


@given(RECORDS)
def test_every_record_reads_back_from_its_bytes(anchor: Anchor) -> None:
    encoded = encode_anchor_record(anchor)

    assert parse_anchor_record(encoded) == anchor
    assert encode_anchor_record(parse_anchor_record(encoded)) == encoded


@untraced
def test_a_record_with_any_member_missing_added_or_of_another_form_is_refused_or_another_record() -> None:
    value: Any = json.loads(encode_anchor_record(SAMPLE))
    refused = 0

    for what, path, spoiled in spoil(value):
        file = encoding.encode(spoiled)
        try:
            other = parse_anchor_record(file)
        except FormatError:
            refused += 1
            continue
        assert encode_anchor_record(other) == file != encode_anchor_record(SAMPLE), (what, path)
        assert what not in ("missing", "added"), (what, path)

    assert refused > 400


@pytest.mark.parametrize(
    "wei", ["", "01", "+1", "-1", "1.0", "1e3", " 1", "1 ", "٣", "x", "1" * 79, "9" * 5000, 1, None]
)
def test_wei_stand_as_decimal_text_of_at_most_78_digits(wei: Any) -> None:
    value = json.loads(encode_anchor_record(SAMPLE))
    largest = dataclasses.replace(SAMPLE.attempts[0], max_fee=2**256 - 1)

    whole = dataclasses.replace(SAMPLE, attempts=(largest,))
    assert parse_anchor_record(encode_anchor_record(whole)) == whole
    for member in ("max_fee", "priority_fee"):
        changed = value | {"attempts": [value["attempts"][0] | {member: wei}]}
        with pytest.raises(EntryFormatError, match=member):
            parse_anchor_record(encoding.encode(changed))


def test_other_bytes_of_the_same_value_are_refused() -> None:
    encoded = encode_anchor_record(SAMPLE)

    for other in (encoded + b"\n", encoded.replace(b":", b": ", 1), b"{}", b"[]", b""):
        with pytest.raises((EntryFormatError, JsonFormatError)):
            parse_anchor_record(other)


def test_unfinished_states_are_those_before_final_that_ended_in_nothing_else() -> None:
    assert [state for state in AnchorState if state in UNFINISHED] == ["planned", "signed", "submitted", "included"]


def test_the_same_bytes_are_parsed_once() -> None:
    encoded = encode_anchor_record(SAMPLE)

    assert parse_anchor_record(encoded) is parse_anchor_record(bytes(bytearray(encoded)))
