"""What a wallet signs: equal to EIP-712 by hand and by another library, and every member of it counts."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import Role, RuleReference
from ledger_service.core.signing import Domain, Statement, content_hash, digest, typed_data
from ledger_service.errors import JsonFormatError
from tests.core.entries import ADDRESSES, COUNTS, FACTS, HASHES, NAMES, ORIGINS, PARTIES, RULES, TIMES
from tests.core.signatures import DOMAIN, OPENING, STATEMENT

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
STEP_TYPE = (
    "Step(bytes16 returnId,bytes32 previous,string verb,string role,"
    "string occurredAt,bytes32 contentHash,bytes32 nonce,uint64 deadline)"
)
HEADS = HASHES.filter(any)  # zero stands for no case
DOMAINS = st.builds(Domain, ORIGINS, COUNTS, ADDRESSES)
ABOUT_A_CASE = st.builds(
    Statement,
    return_id=PARTIES,
    previous=HEADS,
    verb=NAMES,
    role=st.sampled_from(Role),
    occurred_at=st.none() | TIMES,
    content_hash=HASHES,
    nonce=HASHES,
    deadline=st.integers(0, INTEGER_MAX),
)
STATEMENTS = ABOUT_A_CASE | ABOUT_A_CASE.map(lambda one: replace(one, return_id=None, previous=None))
FILES = [("product_photo", bytes([1]) * 32), ("product_photo", bytes([2]) * 32)]
RULE = RuleReference("EU-2011-83", "2026-06")
CONTENT: dict[str, Any] = {"fields": {"note": "é", "parcels": 2}, "evidence": FILES, "rule": RULE, "to_state": "sent"}


def by_hand(domain: Domain, statement: Statement) -> bytes:
    """EIP-712 written out a second time, with another library's keccak-256 and ABI encoding."""
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"],
            [
                keccak(text=DOMAIN_TYPE),
                keccak(text="return-ledger"),
                keccak(text="1"),
                domain.chain_id,
                domain.contract,
                keccak(text=domain.origin),
            ],
        )
    )
    message = keccak(
        encode(
            ["bytes32", "bytes16", "bytes32", "bytes32", "bytes32", "bytes32", "bytes32", "bytes32", "uint64"],
            [
                keccak(text=STEP_TYPE),
                bytes.fromhex(statement.return_id or "00" * 16),
                statement.previous or bytes(32),
                keccak(text=statement.verb),
                keccak(text=statement.role.value),
                keccak(text=statement.occurred_at or ""),
                statement.content_hash,
                statement.nonce,
                statement.deadline,
            ],
        )
    )
    return keccak(b"\x19\x01" + separator + message)


@given(DOMAINS, STATEMENTS)
def test_the_digest_is_eip_712_written_out_by_hand(domain: Domain, statement: Statement) -> None:
    assert digest(domain, statement) == by_hand(domain, statement)


@given(DOMAINS, STATEMENTS)
def test_the_typed_data_has_our_digest_in_another_library(domain: Domain, statement: Statement) -> None:
    signable = encode_typed_data(full_message=typed_data(domain, statement))

    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == digest(domain, statement)


def test_a_wallet_is_shown_the_step_in_plain_members() -> None:
    assert typed_data(DOMAIN, STATEMENT)["domain"] == {
        "name": "return-ledger",
        "version": "1",
        "chainId": 11155111,
        "verifyingContract": "0x" + "c0" * 20,
        "salt": "0xa7d027762b325db8201c808a71d38b31b9cde61f8a1b0ca519bd8813114535c0",
    }
    assert typed_data(DOMAIN, OPENING)["message"] == {
        "returnId": "0x" + "00" * 16,
        "previous": "0x" + "00" * 32,
        "verb": "request_return",
        "role": "buyer",
        "occurredAt": "",
        "contentHash": "0x" + bytes(range(32)).hex(),
        "nonce": "0x" + bytes(range(32, 64)).hex(),
        "deadline": 1_793_704_800,
    }


CHANGES: dict[str, Any] = {
    "return_id": "5b" * 16,
    "previous": bytes(31) + b"\x01",
    "verb": "ship_bacl",
    "role": Role.SELLER,
    "occurred_at": "2026-11-03T10:20:00.001Z",
    "content_hash": bytes(31) + b"\x01",
    "nonce": bytes(31) + b"\x01",
    "deadline": STATEMENT.deadline + 1,
}
DOMAIN_CHANGES: dict[str, Any] = {"origin": "returns.example/us", "chain_id": 1, "contract": bytes(19) + b"\x01"}


def test_every_member_of_statement_and_domain_changes_the_digest() -> None:
    assert list(CHANGES) == [member.name for member in fields(Statement)]
    assert list(DOMAIN_CHANGES) == [member.name for member in fields(Domain)]
    digests = [digest(DOMAIN, replace(STATEMENT, **{name: value})) for name, value in CHANGES.items()]
    digests += [digest(replace(DOMAIN, **{name: value}), STATEMENT) for name, value in DOMAIN_CHANGES.items()]
    digests += [
        digest(DOMAIN, STATEMENT),
        digest(DOMAIN, OPENING),
        digest(DOMAIN, replace(STATEMENT, occurred_at=None)),
    ]

    assert len(set(digests)) == len(CHANGES) + len(DOMAIN_CHANGES) + 3


@given(STATEMENTS, STATEMENTS)
def test_two_statements_share_a_digest_only_if_they_are_equal(one: Statement, other: Statement) -> None:
    assert (digest(DOMAIN, one) == digest(DOMAIN, other)) is (one == other)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"return_id": None}, "a case and its head, or neither"),
        ({"previous": None}, "a case and its head, or neither"),
        ({"return_id": "5a" * 15}, "returnId must have 16 bytes"),
        ({"return_id": "5a" * 17}, "returnId must have 16 bytes"),
        ({"return_id": "zz" * 16}, "non-hexadecimal"),
        ({"previous": bytes(32)}, "stands for no case"),
        ({"previous": bytes(31)}, "previous must have 32 bytes"),
        ({"content_hash": bytes(33)}, "contentHash must have 32 bytes"),
        ({"nonce": b""}, "nonce must have 32 bytes"),
        ({"deadline": -1}, "deadline must fit uint64"),
        ({"deadline": 2**64}, "deadline must fit uint64"),
        ({"verb": "\ud800"}, "surrogates not allowed"),
    ],
    ids=repr,
)
def test_a_member_that_does_not_fit_its_type_has_no_digest(changes: dict[str, Any], reason: str) -> None:
    for make in (digest, typed_data):
        make(DOMAIN, replace(STATEMENT, deadline=2**64 - 1))
        with pytest.raises(ValueError, match=reason):
            make(DOMAIN, replace(STATEMENT, **changes))


@pytest.mark.parametrize(
    "changes", [{"chain_id": -1}, {"chain_id": 2**256}, {"contract": bytes(19)}, {"contract": bytes(32)}], ids=repr
)
def test_a_domain_that_does_not_fit_its_type_has_no_digest(changes: dict[str, Any]) -> None:
    assert len(digest(replace(DOMAIN, chain_id=2**256 - 1), STATEMENT)) == 32
    with pytest.raises(ValueError, match="must"):
        digest(replace(DOMAIN, **changes), STATEMENT)


@given(
    st.dictionaries(NAMES, FACTS, max_size=3),
    st.lists(st.tuples(NAMES, HASHES), max_size=3),
    st.none() | st.builds(RuleReference, RULES, RULES),
    st.none() | NAMES,
)
def test_the_content_is_hashed_in_its_canonical_form(
    values: dict[str, Any], files: list[tuple[str, bytes]], rule: RuleReference | None, state: str | None
) -> None:
    content: Any = {
        "fields": values,
        "evidence": [[kind, found.hex()] for kind, found in files],
        "rule": rule and f"{rule.id}@{rule.version}",
        "to_state": state,
    }

    assert (
        content_hash(fields=values, evidence=files, rule=rule, to_state=state)
        == sha256(rfc8785.dumps(content)).digest()
    )


def test_every_part_of_the_content_counts_and_so_does_the_order_of_the_files() -> None:
    changed: list[dict[str, Any]] = [
        {},
        {"fields": {"note": "é", "parcels": "2"}},
        {"fields": {"note": "é"}},
        {"fields": {}},
        {"evidence": FILES[::-1]},
        {"evidence": FILES[:1]},
        {"evidence": [("product_video", bytes([1]) * 32), FILES[1]]},
        {"rule": None},
        {"rule": RuleReference("EU-2011-8", "32026-06")},
        {"to_state": None},
        {"to_state": "approved"},
    ]

    assert len({content_hash(**{**CONTENT, **one}) for one in changed}) == len(changed)


def test_a_field_without_a_canonical_form_cannot_be_signed() -> None:
    assert len(content_hash(**CONTENT)) == 32
    with pytest.raises(JsonFormatError):
        content_hash(**{**CONTENT, "fields": {"weight": 1.5}})
