"""Keys and values of the case index, and what its proofs say of a case and of a country pair."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from ledger_service.core.case_index import EMPTY_ROOT, Indexed, Scope, key_of, parse_value, prove, read_proof, update
from ledger_service.core.case_index import value_of as value
from ledger_service.core.rlp_items import encode_item
from ledger_service.errors import FormatError, InvalidProofError

RETURN = "0123456789abcdef0123456789abcdef"
LAST = bytes(range(32))


def key(
    return_id: str = RETURN, buyer: str = "DE", seller: str = "CN", opened: str = "2026-10-31T23:59:59.999Z"
) -> bytes:
    return key_of(return_id, buyer_country=buyer, seller_country=seller, opened_at=opened)


def test_a_key_is_countries_month_and_name() -> None:
    months = (2026 - 1970) * 12 + 9

    assert key() == b"DECN" + months.to_bytes(2, "big") + keccak(bytes.fromhex(RETURN))[:26]
    assert key(opened="1970-01-01T00:00:00.000Z")[4:6] == b"\0\0"
    assert key(opened="2026-11-01T00:00:00.000Z")[4:6] == (months + 1).to_bytes(2, "big")


@pytest.mark.parametrize(
    "wrong",
    [
        {"return_id": RETURN[:-1]}, {"return_id": RETURN.upper()}, {"return_id": "x" * 32}, {"buyer": "de"},
        {"seller": "CHN"}, {"buyer": "D1"}, {"opened": "1969-12-31"}, {"opened": "2026-13-01"},
        {"opened": "9999-12-31"}, {"opened": "today"}, {"opened": "２０２６-10-31"},
        {"return_id": f"{RETURN[:16]} {RETURN[16:]}"},
    ],
)  # fmt: skip
def test_what_has_no_key_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        key(**wrong)


def test_a_value_is_a_count_and_a_leaf() -> None:
    assert value(Indexed(3, LAST)) == encode_item([b"\x03", LAST])
    assert parse_value(value(Indexed(300, LAST))) == Indexed(300, LAST)


@pytest.mark.parametrize(
    "items",
    [
        [b"", LAST],
        [b"\x00\x01", LAST],
        [b"\x01", LAST[:-1]],
        [b"\x01", LAST, b""],
        [b"\x01", [LAST]],
        [b"\x01" * 7, LAST],
    ],
)
def test_another_value_is_refused(items: list[bytes]) -> None:
    with pytest.raises(InvalidProofError):
        parse_value(encode_item(items))


@pytest.mark.parametrize("wrong", [("de", "CN", None), ("DE", "", None), ("DE", "CN", "2026"), ("DE", "CN", "2026-00")])
def test_what_is_no_scope_is_refused(wrong: tuple[str, str, str | None]) -> None:
    with pytest.raises(FormatError):
        Scope(*wrong)


def test_a_scope_is_a_prefix_of_its_cases_and_of_no_others() -> None:
    ids = [f"{n:032x}" for n in range(6)]
    where = [("DE", "CN", "2026-10-01"), ("DE", "CN", "2026-10-31"), ("DE", "CN", "2026-11-01"),
             ("DE", "CH", "2026-10-02"), ("CN", "DE", "2026-10-03"), ("FR", "CN", "2026-10-04")]  # fmt: skip
    keys = [key(one, buyer, seller, opened) for one, (buyer, seller, opened) in zip(ids, where, strict=True)]
    root, nodes = update(EMPTY_ROOT, {one: value(Indexed(1, LAST)) for one in keys}, dict[bytes, bytes]().__getitem__)

    def shown(scope: Scope) -> set[bytes]:
        return set(read_proof(root, scope.prefix, prove(root, scope.prefix, nodes.__getitem__)))

    assert shown(Scope("DE", "CN")) == set(keys[:3])
    assert shown(Scope("DE", "CN", "2026-10")) == set(keys[:2])
    assert shown(Scope("DE", "CN", "2026-12")) == set()
    assert shown(Scope("IT", "CN")) == set()
