"""The registry's derived values: equal to eth_abi's and web3's encodings, and strict about widths."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from web3.types import Nonce
from web3.utils.address import get_create_address

from ledger_service.core.registry import (
    compute_commitment,
    compute_commitment_slot,
    compute_contract_address,
    compute_create2_address,
    compute_log_id,
    compute_origin_hash,
    format_address,
    parse_address,
)

addresses = st.binary(min_size=20, max_size=20)
words = st.binary(min_size=32, max_size=32)
uint64s = st.integers(0, 2**64 - 1)
HEAD = {"size": 5, "root": b"\x11" * 32, "time": 7, "block_number": 9, "parent_hash": b"\x22" * 32}


@given(st.integers(0, 2**256 - 1), addresses, addresses, words)
def test_log_id_is_the_abi_encoding_hashed(chain_id: int, registry: bytes, registrar: bytes, origin: bytes) -> None:
    expected = keccak(encode(["uint256", "address", "address", "bytes32"], [chain_id, registry, registrar, origin]))

    assert compute_log_id(chain_id, registry, registrar=registrar, origin_hash=origin) == expected


@given(words, uint64s, uint64s, words, uint64s, uint64s, words)
def test_commitment_is_the_abi_encoding_hashed(
    log_id: bytes, sequence: int, size: int, root: bytes, time: int, number: int, parent: bytes
) -> None:
    types = ["bytes32", "uint64", "uint64", "bytes32", "uint64", "uint64", "bytes32"]
    expected = keccak(encode(types, [log_id, sequence, size, root, time, number, parent]))

    found = compute_commitment(
        log_id, sequence, size=size, root=root, time=time, block_number=number, parent_hash=parent
    )

    assert found == expected


@given(words, uint64s)
def test_commitment_slot_follows_the_nested_mapping_layout(log_id: bytes, sequence: int) -> None:
    outer = keccak(encode(["bytes32", "uint256"], [log_id, 0]))

    expected = keccak(encode(["uint64", "bytes32"], [sequence, outer]))

    assert compute_commitment_slot(log_id, sequence) == expected


@given(addresses, uint64s | st.integers(0, 300))
def test_contract_address_equals_web3s(sender: bytes, nonce: int) -> None:
    expected = get_create_address(to_checksum_address(sender), Nonce(nonce))

    assert format_address(compute_contract_address(sender, nonce)) == expected


@pytest.mark.parametrize(
    ("factory", "salt", "init_code", "expected"),
    [
        ("00" * 20, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        ("deadbeef" + "00" * 16, "00" * 32, "00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"),
        ("00" * 20, "00" * 32, "deadbeef", "0x70f2b2914A2a4b783FaEFb75f459A580616Fcb5e"),
        ("00" * 20, "00" * 32, "", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
    ],
)
def test_create2_addresses_are_those_of_the_eip(factory: str, salt: str, init_code: str, expected: str) -> None:
    found = compute_create2_address(*map(bytes.fromhex, (factory, salt, init_code)))
    assert format_address(found) == expected


@given(addresses)
def test_address_text_round_trips_and_is_eip55(address: bytes) -> None:
    text = format_address(address)

    assert text == to_checksum_address(address)
    assert parse_address(text) == address
    assert parse_address(text.lower()) == address
    assert parse_address("0x" + text[2:].upper()) == address


def test_origin_hash_is_keccak_of_the_utf8_name() -> None:
    assert compute_origin_hash("账本.example") == keccak("账本.example".encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA d",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
        "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="40 hexadecimal digits"):
        parse_address(text)


def test_an_address_with_one_letter_of_other_case_is_refused() -> None:
    with pytest.raises(ValueError, match="checksum"):
        parse_address("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")


def test_values_of_a_wrong_width_are_refused() -> None:
    word, address = bytes(32), bytes(20)

    with pytest.raises(ValueError, match="address must have 20 bytes, has 19"):
        compute_log_id(1, bytes(19), registrar=address, origin_hash=word)
    with pytest.raises(ValueError, match="registrar must have 20 bytes"):
        compute_log_id(1, address, registrar=word, origin_hash=word)
    with pytest.raises(ValueError, match="origin_hash must have 32 bytes"):
        compute_log_id(1, address, registrar=address, origin_hash=address)
    with pytest.raises(ValueError, match="chain_id must fit uint256"):
        compute_log_id(-1, address, registrar=address, origin_hash=word)
    with pytest.raises(ValueError, match="sequence must fit uint64"):
        compute_commitment_slot(word, 2**64)
    with pytest.raises(ValueError, match="size must fit uint64"):
        compute_commitment(word, 1, **{**HEAD, "size": 2**64})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="factory must have 20 bytes"):
        compute_create2_address(word, word, b"")
    with pytest.raises(ValueError, match="salt must have 32 bytes"):
        compute_create2_address(address, address, b"")
    with pytest.raises(ValueError, match="sender must have 20 bytes"):
        compute_contract_address(word, 0)
    with pytest.raises(ValueError, match="nonce must fit uint64"):
        compute_contract_address(address, -1)
    with pytest.raises(ValueError, match="address must have 20 bytes"):
        format_address(word)
