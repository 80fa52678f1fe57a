"""Entries: one form for each, both ways, and everything that differs from it refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given

from ledger_service.core import encoding
from ledger_service.core.entry import (
    ASIDE_KINDS,
    CASE_KINDS,
    COMMITMENTS_MAX,
    ENTRY_BYTES_MAX,
    ENTRY_DEPTH_MAX,
    EVIDENCE_MAX,
    VERSION,
    CaseEntry,
    Entry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    encode_entry,
    kind_of,
    parse_entry,
)
from ledger_service.errors import EntryFormatError, FormatError, JsonFormatError, LimitError
from tests.core.entries import ASIDE, ENTRIES, FIRST, FULL, SAMPLES
from tests.core.spoiled import Path, at, spoil
from tests.core.untraced import untraced

NULLABLE: set[Path] = {
    ("from_state",), ("to_state",), ("occurred_at",), ("rule",), ("predecessor",), ("after",), ("case_index",),
}  # fmt: skip


@given(ENTRIES)
def test_every_entry_that_is_encoded_is_parsed_to_the_same_entry(entry: Entry) -> None:
    encoded = encode_entry(entry)

    assert parse_entry(encoded) == entry
    assert encode_entry(parse_entry(encoded)) == encoded
    assert kind_of(entry) == json.loads(encoded)["kind"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_cover_every_family_and_read_back(name: str) -> None:
    assert parse_entry(encode_entry(SAMPLES[name])) == SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
@untraced
def test_an_entry_with_any_member_missing_added_or_of_another_form_is_refused_or_another_entry(name: str) -> None:
    """Each spoiled copy is refused, except where its new value has the member's form; then it is that other entry.

    The second case is one of two: another value of the same JSON type, or null where the format allows it.
    """
    sample = SAMPLES[name]
    value: Any = json.loads(encode_entry(sample))
    refused = 0

    for what, path, spoiled in spoil(value):
        try:
            other = parse_entry(encoding.encode(spoiled))
        except FormatError:
            refused += 1
            continue
        assert encode_entry(other) == encoding.encode(spoiled) != encode_entry(sample), (what, path)
        if path[:1] != ("facts",):  # any JSON
            assert what not in ("missing", "added"), path
            assert path in NULLABLE or type(at(spoiled, path)) is type(at(value, path)), (what, path)

    assert refused > 200


@pytest.mark.parametrize("kind", sorted(Kind))
def test_every_kind_of_case_entry_reads_back_and_no_other_kind_is_a_case_entry(kind: Kind) -> None:
    entry = dataclasses.replace(ASIDE if kind in ASIDE_KINDS else FULL, kind=kind)

    if kind in CASE_KINDS:
        assert parse_entry(encode_entry(entry)) == entry
    else:
        with pytest.raises(EntryFormatError):
            parse_entry(encode_entry(entry))


def test_kinds_that_stand_aside_carry_neither_seq_nor_prev() -> None:
    for kind in ASIDE_KINDS:
        value = json.loads(encode_entry(dataclasses.replace(ASIDE, kind=kind)))
        assert not {"seq", "prev"} & set(value)
        for extra in ({"seq": None}, {"prev": None}, {"seq": 0, "prev": None}):
            with pytest.raises(EntryFormatError, match="is unknown"):
                parse_entry(encoding.encode(value | extra))


def test_only_the_first_entry_of_a_case_has_no_predecessor() -> None:
    for entry, seq, prev in ((FIRST, 0, bytes(32)), (FULL, 0, FULL.prev), (FULL, 3, None), (FIRST, 1, None)):
        with pytest.raises(EntryFormatError, match="prev"):
            parse_entry(encode_entry(dataclasses.replace(entry, seq=seq, prev=prev)))


@pytest.mark.parametrize("version", [0, 2, -1, "1", 1.0, True, None, [1]])
def test_another_version_is_refused(version: Any) -> None:
    text = encode_entry(FULL).replace(b'"version":1', b'"version":' + json.dumps(version).encode())

    with pytest.raises((EntryFormatError, JsonFormatError)):
        parse_entry(text)
    assert VERSION == 1


@pytest.mark.parametrize("kind", ["", "Transition", "payment", None, 1, ["transition"]])
def test_an_unknown_kind_is_refused(kind: Any) -> None:
    value = json.loads(encode_entry(FULL))

    with pytest.raises(EntryFormatError, match=r"entry\.kind"):
        parse_entry(encoding.encode(value | {"kind": kind}))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'"entry"', b"1", b'{"version":1}', b"\xff"])
def test_what_is_no_entry_at_all_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_entry(text)


def test_an_entry_has_one_spelling() -> None:
    encoded = encode_entry(FULL)

    for other in (encoded + b"\n", b" " + encoded, encoded.replace(b'":', b'": ', 1), encoded.replace(b"/", b"\\/", 1)):
        with pytest.raises(JsonFormatError) as caught:
            parse_entry(other)
        assert caught.value.code == "not_canonical"


@untraced
def test_no_byte_of_an_entry_can_be_changed_without_a_refusal_or_another_entry() -> None:
    encoded = encode_entry(FULL)

    for place in range(len(encoded)):
        for bit in (1, 2, 4, 32, 128):
            changed = encoded[:place] + bytes([encoded[place] ^ bit]) + encoded[place + 1 :]
            try:
                other = parse_entry(changed)
            except FormatError:
                continue
            assert other != FULL
            assert encode_entry(other) == changed


def filled(count: int) -> CaseEntry:
    """An entry with a free text of `count` characters among its facts."""
    return dataclasses.replace(FULL, facts={"note": "x" * count})


def test_an_entry_may_have_65535_bytes_and_not_one_more() -> None:
    room = ENTRY_BYTES_MAX - len(encode_entry(filled(0)))

    largest = encode_entry(filled(room))
    assert len(largest) == ENTRY_BYTES_MAX == 65_535
    assert parse_entry(largest) == filled(room)
    with pytest.raises(LimitError, match="found 65536"):
        encode_entry(filled(room + 1))
    with pytest.raises(LimitError, match="found 65536"):
        parse_entry(largest.replace(b"xx", b"xxx", 1))


def test_facts_nest_as_deep_as_an_entry_may_be_read_back_and_no_deeper() -> None:
    """An entry that is written can be read: a log with one that cannot is a log that nobody can audit."""
    value: Any = 1
    for _ in range(ENTRY_DEPTH_MAX - 2):
        value = [value]

    deepest = dataclasses.replace(FULL, facts={"a": value})
    assert parse_entry(encode_entry(deepest)) == deepest
    with pytest.raises(LimitError, match="the deepest nesting is 12"):
        encode_entry(dataclasses.replace(FULL, facts={"a": [value]}))
    with pytest.raises(LimitError, match="the deepest nesting is 12"):
        parse_entry(encode_entry(deepest).replace(b"[1]", b"[[1]]"))


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a b", "é", "_a", "a" * 65, "a\n"])
def test_facts_have_names_of_ours(name: str) -> None:
    with pytest.raises(EntryFormatError, match=r"entry\.facts"):
        parse_entry(encode_entry(dataclasses.replace(FULL, facts={name: 1})))


@pytest.mark.parametrize("facts", [None, [], "a", 1])
def test_facts_are_an_object(facts: Any) -> None:
    with pytest.raises(EntryFormatError, match=r"entry\.facts: an object is expected"):
        parse_entry(encoding.encode(json.loads(encode_entry(FULL)) | {"facts": facts}))


@pytest.mark.parametrize("value", [1.5, float("nan"), "\ud800", "\x00", b"raw"], ids=repr)
def test_a_fact_without_a_canonical_form_is_not_encoded(value: Any) -> None:
    with pytest.raises(JsonFormatError):
        encode_entry(dataclasses.replace(FULL, facts={"a": value}))


@pytest.mark.parametrize(
    ("member", "most"), [("evidence", EVIDENCE_MAX), ("missing", EVIDENCE_MAX), ("commitments", COMMITMENTS_MAX)]
)
def test_lists_are_read_up_to_their_limits(member: str, most: int) -> None:
    item: Any = getattr(FULL, member)[0]

    def holding(count: int) -> CaseEntry:
        members: dict[str, Any] = {member: (item,) * count}
        return dataclasses.replace(FULL, **members)

    full = holding(most)
    assert parse_entry(encode_entry(full)) == full
    with pytest.raises(EntryFormatError, match=f"at most {most} items, found {most + 1}"):
        parse_entry(encode_entry(holding(most + 1)))


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("verb", ["a", "a" * 64], ["", "a" * 65, "A", "a-b"]),
        ("from_state", [None, "a"], ["", "Received"]),
        ("to_state", [None, "a"], ["", "Received"]),
        ("origin", ["a", "!" * 255], ["", "a b", "a+b", "é", "a" * 256, "a\n"]),
        ("return_id", ["00" * 16], ["", "00" * 15, "00" * 17, "AB" * 16, "0x" + "00" * 15]),
        ("occurred_at", [None, "2024-02-29T23:59:59.999Z"], ["", "2023-02-29T23:59:59.999Z"]),
        ("recorded_at", ["2024-02-29T23:59:59.999Z"], [None, "", "2024-02-29T24:00:00.000Z"]),
    ],
)
def test_the_form_of_each_text_member_at_its_limits(member: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        entry = dataclasses.replace(FULL, **{member: value})
        assert parse_entry(encode_entry(entry)) == entry
    for value in bad:
        with pytest.raises(EntryFormatError, match=rf"entry\.{member}"):
            parse_entry(encode_entry(dataclasses.replace(FULL, **{member: value})))


@pytest.mark.parametrize(
    "media_type", ["", "image", "image/", "/jpeg", "Image/jpeg", "image/jpeg; q=1", "a/b/c", "a/" + "b" * 128]
)
def test_a_media_type_is_type_and_subtype_in_lower_case(media_type: str) -> None:
    good = EvidenceDescriptor("photo", 1, "image/svg+xml", bytes(32))
    entry = dataclasses.replace(FULL, evidence=(good,))

    assert parse_entry(encode_entry(entry)) == entry
    with pytest.raises(EntryFormatError, match=r"media_type"):
        parse_entry(
            encode_entry(dataclasses.replace(FULL, evidence=(dataclasses.replace(good, media_type=media_type),)))
        )


def test_an_evidence_file_has_at_least_one_byte() -> None:
    empty = EvidenceDescriptor("photo", 0, "image/jpeg", bytes(32))

    with pytest.raises(EntryFormatError, match=r"evidence\.size"):
        parse_entry(encode_entry(dataclasses.replace(FULL, evidence=(empty,))))


def test_all_commitments_are_the_files_then_the_fields_in_the_order_of_the_entry() -> None:
    files = (FULL.evidence[0], dataclasses.replace(FULL.evidence[0], kind="courier_slip", commitment=bytes(32)))
    entry = dataclasses.replace(FULL, evidence=files)

    assert entry.all_commitments() == (
        NamedCommitment("evidence:inspection_photo", bytes([1]) * 32),
        NamedCommitment("evidence:courier_slip", bytes(32)),
        *FULL.commitments,
    )


def test_a_field_cannot_take_the_name_of_a_file() -> None:
    plain = dataclasses.replace(FULL, commitments=(NamedCommitment("wallet:evidence:a", bytes(32)),))
    posing = dataclasses.replace(FULL, commitments=(NamedCommitment("evidence:photo", bytes(32)),))

    assert parse_entry(encode_entry(plain)) == plain
    with pytest.raises(EntryFormatError, match=r"commitments\.name"):
        parse_entry(encode_entry(posing))
