"""Signing: development keys stay on development chains, keystores are strict, what was signed is what was asked."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keyfile.keyfile import create_keyfile_json

from ledger_service.chain.account import (
    SECP256K1_HALF_N,
    TxRequest,
    check_signed,
    development_signer,
    key_signer,
)
from ledger_service.chain.embedded_state import decode_tx
from ledger_service.chain.keystore import keystore_signer
from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES, EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError

KEY = bytes.fromhex("c0ffee" * 10 + "c0ff")
PASSWORD = "correct horse 电池"
REQUEST = TxRequest(
    chain_id=11155111, nonce=3, gas=90_000, fee=30, priority_fee=2, to=bytes(range(20)), data=b"\x01\x02", value=5
)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    """A keystore with the weakest derivation that is accepted, since each opening costs its price."""
    return dict(create_keyfile_json(KEY, PASSWORD.encode(), kdf="scrypt", iterations=2**17))


def keep(folder: Path, stored: object, *, mode: int = 0o600) -> Path:
    path = folder / "keystore.json"
    path.write_text(stored if isinstance(stored, str) else json.dumps(stored))
    path.chmod(mode)
    return path


def weaker(stored: dict[str, Any], **values: object) -> dict[str, Any]:
    return {**stored, "crypto": {**stored["crypto"], "kdfparams": {**stored["crypto"]["kdfparams"], **values}}}


def test_a_development_key_signs_on_the_embedded_chain_and_hardhats() -> None:
    for chain_id in (EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID):
        signer = development_signer(1, chain_id)
        raw = signer.sign_transaction(replace(REQUEST, chain_id=chain_id))

        assert signer.address == DEVELOPMENT_ADDRESSES[1]
        assert Account.recover_transaction(raw) == format_address(signer.address)


@pytest.mark.parametrize("chain_id", [0, 1, 10, 8453, 17000, 11155111, 560048])
def test_a_development_key_is_refused_on_any_public_chain(chain_id: int) -> None:
    with pytest.raises(AccountError, match="public"):
        development_signer(0, chain_id)


def test_a_development_signer_refuses_to_sign_for_another_chain_later() -> None:
    signer = development_signer(0, EMBEDDED_CHAIN_ID)

    with pytest.raises(AccountError, match="not used on chain 11155111"):
        signer.sign_transaction(REQUEST)


@pytest.mark.parametrize("index", [-1, 10])
def test_there_are_ten_development_keys(index: int) -> None:
    with pytest.raises(AccountError, match="0 to 9"):
        development_signer(index, EMBEDDED_CHAIN_ID)


def test_a_keystore_opens_with_its_password_and_signs_exactly_the_request(
    tmp_path: Path, stored: dict[str, Any]
) -> None:
    signer = keystore_signer(keep(tmp_path, stored), PASSWORD)

    raw = signer.sign_transaction(REQUEST)
    tx = decode_tx(raw)

    assert format_address(signer.address) == Account.from_key(KEY).address
    assert (tx.chain_id, tx.nonce, tx.gas, tx.fee, tx.priority_fee) == (11155111, 3, 90_000, 30, 2)
    assert (tx.to, tx.data, tx.value, tx.access_list) == (REQUEST.to, REQUEST.data, 5, ())
    assert tx.s <= SECP256K1_HALF_N


def test_a_contract_creation_has_no_receiver(tmp_path: Path) -> None:
    signer = development_signer(0, EMBEDDED_CHAIN_ID)

    raw = signer.sign_transaction(replace(REQUEST, chain_id=EMBEDDED_CHAIN_ID, to=None))

    assert decode_tx(raw).to == b""


def test_the_key_and_password_appear_in_no_text(tmp_path: Path, stored: dict[str, Any]) -> None:
    path = keep(tmp_path, stored)
    signer = keystore_signer(path, PASSWORD)
    with pytest.raises(AccountError) as wrong:
        keystore_signer(path, "hunter2")
    with pytest.raises(AccountError) as unsigned:
        signer.sign_transaction(replace(REQUEST, nonce=-1))

    texts = [repr(signer), str(signer)]
    for caught in (wrong, unsigned):
        texts += [repr(caught.value), str(caught.value.__cause__), caught.value.hint]
        assert caught.value.__suppress_context__

    for secret in (KEY.hex(), PASSWORD, "hunter2"):
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex(), "0x" + KEY.hex().upper(), f"  {KEY.hex()}\n"])
def test_a_key_of_the_environment_is_an_account(text: str, tmp_path: Path, stored: dict[str, Any]) -> None:
    signer = key_signer(text)

    assert signer.address == keystore_signer(keep(tmp_path, stored), PASSWORD).address
    assert Account.recover_transaction(signer.sign_transaction(REQUEST)) == format_address(signer.address)
    assert KEY.hex() not in repr(signer)


@pytest.mark.parametrize("text", ["", "0x", "c0ffee", "0x" + "00" * 32, "ff" * 32, "0x" + "g" * 64, "0X" + "11" * 32])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AccountError, match="the private key is") as caught:
        key_signer(text)

    assert len(text) < 10 or text[2:] not in repr(caught.value) + caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("index", [0, 9])
def test_a_development_key_is_refused_on_a_public_chain_whatever_way_it_comes(index: int, tmp_path: Path) -> None:
    from ledger_service.chain.account import development_account

    key = bytes(development_account(index).key)
    stored = dict(create_keyfile_json(key, PASSWORD.encode(), kdf="pbkdf2", iterations=200_000))
    for signer in (key_signer(key.hex()), keystore_signer(keep(tmp_path, stored), PASSWORD)):
        assert signer.address == DEVELOPMENT_ADDRESSES[index]
        with pytest.raises(AccountError, match="its key is public and not used on chain 11155111"):
            signer.sign_transaction(REQUEST)
        assert signer.sign_transaction(replace(REQUEST, chain_id=HARDHAT_CHAIN_ID))


def test_a_wrong_password_is_told_plainly(tmp_path: Path, stored: dict[str, Any]) -> None:
    with pytest.raises(AccountError, match="the password does not open"):
        keystore_signer(keep(tmp_path, stored), PASSWORD + " ")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_keystore_that_others_can_read_is_refused(tmp_path: Path, stored: dict[str, Any], mode: int) -> None:
    with pytest.raises(AccountError, match=f"mode 0{mode:o}") as caught:
        keystore_signer(keep(tmp_path, stored, mode=mode), PASSWORD)

    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"n": 2}, "scrypt n is 2,"),
        ({"n": 2**12}, "too easily guessed"),
        ({"n": 2**17 - 1}, "too easily guessed"),
        ({"n": 2**30}, "more memory or time"),
        ({"r": 2**20}, "more memory or time"),
        ({"p": 10_000}, "more memory or time"),
        ({"p": 0}, "too easily guessed"),
        ({"n": "262144"}, "not a whole keystore"),
        ({"n": None}, "not a whole keystore"),
        ({"n": True}, "not a whole keystore"),
    ],
)
def test_a_weak_or_absurd_scrypt_is_refused(
    tmp_path: Path, stored: dict[str, Any], values: dict[str, object], words: str
) -> None:
    with pytest.raises(AccountError, match=words):
        keystore_signer(keep(tmp_path, weaker(stored, **values)), PASSWORD)


def test_pbkdf2_needs_enough_rounds_and_not_too_many(tmp_path: Path) -> None:
    enough = dict(create_keyfile_json(KEY, PASSWORD.encode(), kdf="pbkdf2", iterations=200_000))

    assert keystore_signer(keep(tmp_path, enough), PASSWORD).address
    for rounds in (1, 199_999, 10**9):
        with pytest.raises(AccountError, match=f"{rounds} PBKDF2 rounds"):
            keystore_signer(keep(tmp_path, weaker(enough, c=rounds)), PASSWORD)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"x"', "{}", '{"version": 3}', '{"version": 3, "crypto": {}}', "[" * 60_000],
)
def test_what_is_no_keystore_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(AccountError, match="not a whole keystore v3 file"):
        keystore_signer(keep(tmp_path, content), PASSWORD)


def test_a_truncated_damaged_or_huge_keystore_is_refused(tmp_path: Path, stored: dict[str, Any]) -> None:
    crypto = stored["crypto"]
    whole = json.dumps(stored)
    for content in (
        whole[: len(whole) // 2],
        whole + " " * 70_000,
        {**stored, "version": 4},
        {**stored, "crypto": {**crypto, "ciphertext": "zz"}},
        {**stored, "crypto": {**crypto, "cipherparams": {}}},
        {name: value for name, value in stored.items() if name != "crypto"},
    ):
        with pytest.raises(AccountError, match="not a whole keystore v3 file"):
            keystore_signer(keep(tmp_path, content), PASSWORD)
    with pytest.raises(AccountError, match="no known key derivation"):
        keystore_signer(keep(tmp_path, {**stored, "crypto": {**crypto, "kdf": "md5"}}), PASSWORD)


def test_a_keystore_with_one_byte_changed_does_not_open(tmp_path: Path, stored: dict[str, Any]) -> None:
    cipher = stored["crypto"]["ciphertext"]
    flipped = f"{int(cipher[0], 16) ^ 1:x}{cipher[1:]}"

    with pytest.raises(AccountError, match="does not open"):
        keystore_signer(keep(tmp_path, {**stored, "crypto": {**stored["crypto"], "ciphertext": flipped}}), PASSWORD)


def test_a_missing_keystore_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="cannot be opened"):
        keystore_signer(tmp_path / "none.json", PASSWORD)
    with pytest.raises(AccountError, match="is not a file"):
        keystore_signer(tmp_path, PASSWORD)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(AccountError, match="is not a file"):
        keystore_signer(tmp_path / "pipe", PASSWORD)


def signed() -> tuple[TxRequest, bytes, bytes]:
    signer = development_signer(0, EMBEDDED_CHAIN_ID)
    request = replace(REQUEST, chain_id=EMBEDDED_CHAIN_ID)
    return request, signer.sign_transaction(request), signer.address


def test_what_a_signer_returned_is_accepted_when_it_is_what_was_asked() -> None:
    check_signed(*signed())


@pytest.mark.parametrize(
    "other",
    [
        {"chain_id": 1},
        {"nonce": 4},
        {"gas": 90_001},
        {"fee": 31},
        {"priority_fee": 1},
        {"to": bytes(20)},
        {"to": None},
        {"data": b""},
        {"value": 6},
    ],
)
def test_a_signer_that_signed_anything_else_is_refused(other: dict[str, Any]) -> None:
    request, raw, address = signed()

    with pytest.raises(AccountError, match="another transaction"):
        check_signed(replace(request, **other), raw, address)


def test_a_signer_that_signed_as_somebody_else_is_refused() -> None:
    request, raw, _ = signed()

    with pytest.raises(AccountError, match="instead of"):
        check_signed(request, raw, DEVELOPMENT_ADDRESSES[1])


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x01\xc0", b"\x02\xc0", bytes(100)])
def test_a_signer_that_returned_no_transaction_is_refused(raw: bytes) -> None:
    request, _, address = signed()

    with pytest.raises(AccountError, match="no EIP-1559 transaction"):
        check_signed(request, raw, address)


def test_a_high_s_is_refused_although_the_sender_recovers() -> None:
    import rlp

    request, raw, address = signed()
    items = rlp.decode(raw[1:])
    order = 2 * SECP256K1_HALF_N + 1
    items[11] = (order - int.from_bytes(items[11], "big")).to_bytes(32, "big")
    items[9] = b"" if items[9] else b"\x01"

    with pytest.raises(AccountError, match="high s"):
        check_signed(request, b"\x02" + rlp.encode(items), address)
