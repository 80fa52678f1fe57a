"""Steps of the log itself: genesis, key, target and seal."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger_service.core import encoding
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import encode_entry, parse_entry
from ledger_service.core.log_entry import (
    KEYS_MAX,
    TARGETS_MAX,
    key_change_message,
    parse_target,
    target_members,
    target_message,
)
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, TrustFormatError
from tests.core.entries import ADDED, GENESIS, KEY, NEW_KEY, OLD_KEY, ORIGIN, SEAL, TARGET
from tests.core.spoiled import replaced


def test_chain_values_stand_with_0x_and_hashes_of_the_log_without() -> None:
    genesis, seal = json.loads(encode_entry(GENESIS)), json.loads(encode_entry(SEAL))

    assert genesis["targets"][0]["contract"] == "0x" + "05" * 20
    assert genesis["predecessor"]["log_id"] == "0x" + "09" * 32
    assert genesis["predecessor"]["root"] == "0a" * 32
    assert seal["after"]["commitment"] == "0x" + "0c" * 32
    assert seal["case_index"] == "0b" * 32


def test_a_target_reads_back_under_the_error_of_whoever_reads_it() -> None:
    read = Reader(TrustFormatError, "trust file")

    assert parse_target(read, target_members(TARGET)) == TARGET
    with pytest.raises(TrustFormatError, match="contract"):
        parse_target(read, target_members(TARGET) | {"contract": "0x05"})


def test_a_key_change_is_signed_over_a_text_that_no_checkpoint_has() -> None:
    """The message starts with its own name, and a checkpoint's second line is a number: no signature fits both."""
    old, new = verifier_key(ORIGIN, OLD_KEY), verifier_key(ORIGIN, NEW_KEY)
    message = key_change_message(ORIGIN, new)

    assert message == f"return-ledger/key@v1\n{ORIGIN}\n{new.encode()}\n".encode()
    Ed25519PublicKey.from_public_bytes(old.public).verify(OLD_KEY.sign(message), message)
    assert not message.split(b"\n")[1].isdigit()
    assert message != key_change_message("returns.example/us", new) != key_change_message(ORIGIN, old)


def test_a_target_is_added_by_a_signature_over_every_member_of_it_and_the_name_of_the_log() -> None:
    message = target_message(ORIGIN, TARGET)
    others: tuple[dict[str, Any], ...] = (
        {"chain_id": 1}, {"chain_genesis": bytes(32)}, {"contract": bytes(20)}, {"code_hash": bytes(32)},
        {"registrar": bytes(20)}, {"log_id": bytes(32)},
    )  # fmt: skip
    changed = {target_message(ORIGIN, dataclasses.replace(TARGET, **other)) for other in others}

    assert message.split(b"\n")[:2] == [b"return-ledger/target@v1", ORIGIN.encode()]
    assert message.count(b"\n") == 3
    assert len(changed | {message, target_message("returns.example/us", TARGET)}) == 8
    assert not message.startswith(key_change_message(ORIGIN, verifier_key(ORIGIN, NEW_KEY))[:21])


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        (("target",), [None, [], {}]),
        (("target", "chain_id"), [0, "1", None]),
        (("target", "contract"), ["05" * 20, "0x" + "05" * 32, None]),
        (("target", "more"), [1]),
        (("key",), [None, "", ORIGIN]),
        (("signature",), [None, "", "00" * 63, "0x" + "00" * 64]),
        (("more",), [1]),
    ],
)
def test_the_form_of_each_member_of_a_target_entry(path: tuple[Any, ...], bad: list[Any]) -> None:
    value = json.loads(encode_entry(ADDED))

    assert parse_entry(encode_entry(ADDED)) == ADDED
    for other in bad:
        with pytest.raises(EntryFormatError, match=str(path[-1] if path[-1] != "more" else "unknown")):
            parse_entry(encoding.encode(replaced(value, path, other)))


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (("policy", "required"), [0, 1], [-1, 2, None, "1", True]),
        (("policy", "max_growth"), [2, INTEGER_MAX], [1, 0, None]),
        (("predecessor",), [None], [{}, [], "x"]),
        (("predecessor", "size"), [1], [0]),
        (("predecessor", "sequence"), [0], [-1]),
        (("targets", 0, "chain_id"), [1, INTEGER_MAX], [0, "1"]),
        (("targets",), [], [None, {}, [None], [{}]]),
        (("keys",), [], [None, {}, [], [None], ["x"], [verifier_key(ORIGIN, OLD_KEY).encode() + "="]]),
        (("keys", 0), [], [verifier_key("another.example", OLD_KEY).encode()]),
    ],
)
def test_the_form_of_each_genesis_member_at_its_limits(path: tuple[Any, ...], good: list[Any], bad: list[Any]) -> None:
    value = json.loads(encode_entry(GENESIS))

    for other in good:
        encoded = encoding.encode(replaced(value, path, other))
        assert encode_entry(parse_entry(encoded)) == encoded
    for other in bad:
        with pytest.raises(EntryFormatError, match=str(path[0])):
            parse_entry(encoding.encode(replaced(value, path, other)))


def test_the_policy_asks_for_no_more_targets_than_there_are() -> None:
    two = dataclasses.replace(GENESIS, targets=(TARGET, dataclasses.replace(TARGET, log_id=bytes(32))), required=2)

    assert parse_entry(encode_entry(two)) == two
    with pytest.raises(EntryFormatError, match=r"policy\.required"):
        parse_entry(encode_entry(dataclasses.replace(two, required=3)))


def test_keys_and_targets_are_read_up_to_their_limits() -> None:
    key = GENESIS.keys[0]
    full = dataclasses.replace(GENESIS, keys=(key,) * KEYS_MAX, targets=(TARGET,) * TARGETS_MAX)

    assert parse_entry(encode_entry(full)) == full
    with pytest.raises(EntryFormatError, match=f"keys: at most {KEYS_MAX}"):
        parse_entry(encode_entry(dataclasses.replace(full, keys=(key,) * (KEYS_MAX + 1))))
    with pytest.raises(EntryFormatError, match=f"targets: at most {TARGETS_MAX}"):
        parse_entry(encode_entry(dataclasses.replace(full, targets=(TARGET,) * (TARGETS_MAX + 1))))


def test_a_seal_may_stand_before_any_final_anchor_and_before_any_case_index() -> None:
    first = dataclasses.replace(SEAL, after=None, case_index=None)

    assert parse_entry(encode_entry(first)) == first
    assert b'"after":null,"case_index":null' in encode_entry(first)


@pytest.mark.parametrize("member", ["old_key", "new_key"])
def test_a_key_entry_names_two_keys_of_the_one_form(member: str) -> None:
    value = json.loads(encode_entry(KEY))

    for bad in (None, 1, "", ORIGIN, value[member].replace("+", "-"), value[member][:-1], value[member] + " "):
        with pytest.raises(EntryFormatError, match=member):
            parse_entry(encoding.encode(value | {member: bad}))
