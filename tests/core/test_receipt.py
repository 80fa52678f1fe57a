"""Receipts: one spelling, both ways, and everything that differs refused or another receipt."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core import encoding
from ledger_service.core.disclosure import Disclosure, Record
from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import ENTRY_BYTES_MAX
from ledger_service.core.receipt import (
    ANCHORS_MAX,
    FORMAT,
    KEY_CHANGES_MAX,
    PROOF_MAX,
    RECEIPT_BYTES_MAX,
    AnchorProof,
    KeyChange,
    Receipt,
    encode_receipt,
    parse_receipt,
)
from ledger_service.errors import FormatError, ReceiptFormatError
from tests.core.entries import ADDRESSES, COUNTS, FACTS, HASHES, INDEXES, TEXT
from tests.core.receipts import EMBEDDED, SEPOLIA, anchor, receipt
from tests.core.spoiled import Path, spoil
from tests.core.untraced import untraced

WHOLE = receipt(rotated=True, on=(EMBEDDED, SEPOLIA))
FILE = encode_receipt(WHOLE)
PROOFS = st.lists(HASHES, max_size=4).map(tuple)
NOTES = TEXT.map(str.encode)


def log_id_of(anchor: AnchorProof) -> bytes:
    return anchor.log_id


ANCHORS = st.builds(
    AnchorProof,
    chain_id=COUNTS,
    contract=ADDRESSES,
    log_id=HASHES,
    sequence=INDEXES,
    time=INDEXES,
    block_number=COUNTS,
    block_hash=HASHES,
    parent_hash=HASHES,
)
RECORDS = st.builds(Record, TEXT, st.none()) | st.builds(
    lambda d: Record(d.name, d), st.builds(Disclosure, TEXT, HASHES, FACTS)
)
RECEIPTS = st.builds(
    Receipt,
    entry=NOTES,
    index=INDEXES,
    records=st.lists(RECORDS, max_size=3).map(tuple),
    inclusion=PROOFS,
    checkpoint=NOTES,
    anchors=st.lists(ANCHORS, max_size=3, unique_by=lambda a: a.log_id).map(lambda a: tuple(sorted(a, key=log_id_of))),
    key_changes=st.lists(st.builds(KeyChange, entry=NOTES, index=INDEXES, inclusion=PROOFS), max_size=2).map(tuple),
    unprotected=st.dictionaries(TEXT, FACTS, max_size=2),
)


@given(RECEIPTS)
def test_every_receipt_reads_back_from_its_file(drawn: Receipt) -> None:
    file = encode_receipt(drawn)

    assert parse_receipt(file) == drawn
    assert encode_receipt(parse_receipt(file)) == file


def test_white_space_between_members_may_differ_and_nothing_else() -> None:
    value = json.loads(FILE)

    for other in (encoding.encode(value), FILE.replace(b"\n", b"\r\n"), b"\n " + FILE, FILE[:-1]):
        assert parse_receipt(other) == WHOLE
    for other in (
        json.dumps(value, sort_keys=True).encode(),  # escapes what needs no escape
        json.dumps(dict(reversed(value.items())), ensure_ascii=False).encode(),
        FILE + b"x",
        b"\xef\xbb\xbf" + FILE,
        FILE.decode().encode("utf-16"),
        FILE[:-3],
    ):
        with pytest.raises(ReceiptFormatError):
            parse_receipt(other)


@untraced
def test_a_receipt_with_any_member_missing_added_or_of_another_form_is_refused_or_another_receipt() -> None:
    value: Any = json.loads(FILE)
    refused = 0

    for what, path, spoiled in spoil(value):
        file = encoding.encode(spoiled)
        try:
            other = parse_receipt(file)
        except ReceiptFormatError:
            refused += 1
            continue
        assert encoding.encode(json.loads(encode_receipt(other))) == file != encoding.encode(value), (what, path)
        assert what not in ("missing", "added") or is_free(path), (what, path)

    assert refused > 1000


def is_free(path: Path) -> bool:
    """Say whether any JSON may stand here, or a record turns from shown into withheld."""
    return path[0] == "unprotected" or (path[0] == "records" and path[2:3] == ("value",))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'{"format":1}',
        b'{"format":"return-ledger/receipt@v2"}',
        b"not json",
        b"\xff\xfe",
    ],
)
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    with pytest.raises(ReceiptFormatError, match="receipt: "):
        parse_receipt(data)


def test_the_paper_is_told_from_the_receipt() -> None:
    with pytest.raises(ReceiptFormatError, match="attached inside it"):
        parse_receipt(b"%PDF-1.7\n")


def test_the_format_is_named_and_versioned() -> None:
    assert json.loads(FILE)["format"] == FORMAT == "return-ledger/receipt@v1"
    with pytest.raises(ReceiptFormatError, match="receipt@v1"):
        parse_receipt(FILE.replace(b"receipt@v1", b"receipt@v2"))


def refused(**members: Any) -> None:
    """Assert that the whole receipt is refused with these members, and that it is not without them."""
    assert parse_receipt(FILE) == WHOLE
    with pytest.raises(ReceiptFormatError):
        parse_receipt(encode_receipt(dataclasses.replace(WHOLE, **members)))


def accepted(**members: Any) -> None:
    changed = dataclasses.replace(WHOLE, **members)
    assert parse_receipt(encode_receipt(changed)) == changed


def test_every_list_and_text_is_read_up_to_its_limit() -> None:
    many = tuple(dataclasses.replace(anchor(EMBEDDED), log_id=bytes([i]) * 32) for i in range(ANCHORS_MAX + 1))
    change = WHOLE.key_changes[0]

    accepted(anchors=many[:-1])
    refused(anchors=many)
    accepted(inclusion=(bytes(32),) * PROOF_MAX)
    refused(inclusion=(bytes(32),) * (PROOF_MAX + 1))
    accepted(key_changes=(change,) * KEY_CHANGES_MAX)
    refused(key_changes=(change,) * (KEY_CHANGES_MAX + 1))
    refused(key_changes=(dataclasses.replace(change, inclusion=(bytes(32),) * (PROOF_MAX + 1)),))
    accepted(records=(Record("a", None),) * 192)
    refused(records=(Record("a", None),) * 193)
    accepted(entry=b"x" * ENTRY_BYTES_MAX)
    refused(entry=b"x" * (ENTRY_BYTES_MAX + 1))
    refused(entry="é".encode() * (ENTRY_BYTES_MAX // 2 + 1))
    accepted(index=INTEGER_MAX)


def test_a_file_over_its_limit_is_refused() -> None:
    room = RECEIPT_BYTES_MAX - len(encode_receipt(dataclasses.replace(WHOLE, unprotected={"a": ""})))

    accepted(unprotected={"a": "x" * room})
    refused(unprotected={"a": "x" * (room + 1)})


@pytest.mark.parametrize("unprotected", [None, [], "a", 1])
def test_what_is_unprotected_is_an_object(unprotected: Any) -> None:
    accepted(unprotected={})
    refused(unprotected=unprotected)


def test_one_log_is_anchored_once_in_a_receipt() -> None:
    twice = (anchor(EMBEDDED), dataclasses.replace(anchor(EMBEDDED), sequence=4))

    with pytest.raises(ReceiptFormatError, match="each log id once"):
        parse_receipt(encode_receipt(dataclasses.replace(WHOLE, anchors=twice)))


def test_anchors_have_one_order_whoever_names_them() -> None:
    value = json.loads(FILE)
    value["anchors"].reverse()

    assert encode_receipt(dataclasses.replace(WHOLE, anchors=WHOLE.anchors[::-1])) == FILE
    with pytest.raises(ReceiptFormatError, match="ascending order of their log ids"):
        parse_receipt(encoding.encode(value))


def test_nesting_and_size_of_a_hostile_file_are_refused_as_no_receipt() -> None:
    for data in (
        b"[" * 200_000,
        b'{"unprotected":' + b"[" * 33,
        b" " * (RECEIPT_BYTES_MAX + 1),
        FILE.replace(b"120", b"1.2"),
    ):
        with pytest.raises(ReceiptFormatError):
            parse_receipt(data)


def test_a_refusal_of_a_receipt_is_a_format_error_like_every_other() -> None:
    assert issubclass(ReceiptFormatError, FormatError)
