"""Trust files: what is pinned reads back, and a file whose parts contradict each other is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ledger_service.core import encoding
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import KEYS_MAX, TARGETS_MAX
from ledger_service.core.trust import CONFIRMATIONS_MAX, FORMAT, PinnedTarget, Trust, encode_trust, parse_trust
from ledger_service.errors import TrustFormatError
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN
from tests.core.receipts import EMBEDDED, FIRST_KEY, SECOND_KEY, SEPOLIA, TRUST, target
from tests.core.spoiled import replaced, spoil
from tests.core.untraced import untraced

FILE = encode_trust(TRUST)


def test_a_trust_file_reads_back() -> None:
    assert parse_trust(FILE) == TRUST
    assert encode_trust(parse_trust(FILE)) == FILE
    assert parse_trust(encoding.encode(json.loads(FILE))) == TRUST
    assert json.loads(FILE)["format"] == FORMAT == "return-ledger/trust@v1"


def test_a_target_is_found_by_its_log_id_and_by_nothing_else() -> None:
    assert TRUST.target_of(SEPOLIA.target.log_id) == SEPOLIA
    assert TRUST.target_of(EMBEDDED.target.log_id) == EMBEDDED
    assert TRUST.target_of(bytes(32)) is None


@untraced
def test_a_trust_file_with_any_member_missing_added_or_of_another_form_is_refused_or_another_one() -> None:
    value: Any = json.loads(FILE)
    refused = 0

    for what, path, spoiled in spoil(value):
        file = encoding.encode(spoiled)
        try:
            other = parse_trust(file)
        except TrustFormatError:
            refused += 1
            continue
        assert encoding.encode(json.loads(encode_trust(other))) == file != encoding.encode(value), (what, path)
        assert what not in ("missing", "added"), (what, path)

    assert refused > 500


@pytest.mark.parametrize("member", ["chain_id", "contract", "registrar", "log_id"])
def test_a_log_id_follows_from_chain_contract_registrar_and_origin(member: str) -> None:
    other = {"chain_id": 1, "contract": bytes(20), "registrar": bytes(20), "log_id": bytes(32)}[member]
    changes: dict[str, Any] = {member: other}
    spoiled = PinnedTarget("sepolia", dataclasses.replace(SEPOLIA.target, **changes), None)

    with pytest.raises(TrustFormatError, match="the log id of 'sepolia' does not follow"):
        parse_trust(encode_trust(dataclasses.replace(TRUST, targets=(EMBEDDED, spoiled))))


def test_another_origin_contradicts_the_log_ids_and_the_names_of_the_keys() -> None:
    with pytest.raises(TrustFormatError, match="keys"):
        parse_trust(encode_trust(dataclasses.replace(TRUST, origin="another.example")))
    renamed = dataclasses.replace(TRUST, origin="another.example", keys=(verifier_key("another.example", OLD_KEY),))
    with pytest.raises(TrustFormatError, match="does not follow"):
        parse_trust(encode_trust(renamed))
    bare = dataclasses.replace(renamed, targets=())
    assert parse_trust(encode_trust(bare)) == bare


@pytest.mark.parametrize(
    "trust",
    [
        dataclasses.replace(TRUST, keys=()),
        dataclasses.replace(TRUST, keys=(FIRST_KEY, verifier_key("another.example", NEW_KEY))),
        dataclasses.replace(TRUST, keys=(FIRST_KEY,) * (KEYS_MAX + 1)),
        dataclasses.replace(TRUST, targets=(EMBEDDED, EMBEDDED)),
        dataclasses.replace(TRUST, targets=(EMBEDDED,) * (TARGETS_MAX + 1)),
        dataclasses.replace(TRUST, required=0),
        dataclasses.replace(TRUST, required=3),
        dataclasses.replace(TRUST, targets=(), required=2),
        dataclasses.replace(TRUST, genesis=bytes(31)),
        dataclasses.replace(TRUST, targets=(dataclasses.replace(EMBEDDED, confirmations=0),)),
        dataclasses.replace(TRUST, targets=(dataclasses.replace(EMBEDDED, confirmations=CONFIRMATIONS_MAX + 1),)),
        dataclasses.replace(TRUST, targets=(dataclasses.replace(EMBEDDED, name=""),)),
        dataclasses.replace(TRUST, targets=(dataclasses.replace(EMBEDDED, name="Main Net"),)),
    ],
    ids=range(13),
)
def test_a_trust_file_outside_its_limits_is_refused(trust: Trust) -> None:
    with pytest.raises(TrustFormatError):
        parse_trust(encode_trust(trust))


def test_a_trust_file_at_its_limits_is_read() -> None:
    keys = (FIRST_KEY, SECOND_KEY) * (KEYS_MAX // 2)
    targets = tuple(PinnedTarget(f"chain-{i}", target(i + 1), CONFIRMATIONS_MAX) for i in range(TARGETS_MAX))

    for trust in (
        dataclasses.replace(TRUST, keys=keys, targets=targets, required=TARGETS_MAX),
        dataclasses.replace(TRUST, targets=(), required=1),
    ):
        assert parse_trust(encode_trust(trust)) == trust


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"null", b"[]", b'{"format":"return-ledger/receipt@v1"}', b"\xef\xbb\xbf{}", b"[" * 99, b" " * 70_000],
)
def test_what_is_no_trust_file_is_refused(data: bytes) -> None:
    with pytest.raises(TrustFormatError, match="trust file: "):
        parse_trust(data)


@pytest.mark.parametrize("member", ["confirmations", "name", "log_id"])
@pytest.mark.parametrize("targets", [[], [None], ["x"], [[]]])
def test_a_target_is_an_object_with_all_its_members(member: str, targets: list[Any]) -> None:
    value = json.loads(FILE)
    lacking = {name: item for name, item in value["targets"][0].items() if name != member}

    for wrong in ([lacking], [value["targets"][1], lacking], *([targets] if targets else [])):
        with pytest.raises(TrustFormatError, match="targets"):
            parse_trust(encoding.encode(replaced(value, ("targets",), wrong)))
    assert value["origin"] == ORIGIN
