"""The keys of an issuer: each counts for what it fits and was pinned for; what is private or weak for nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from ledger_service.operations.key_set import (
    ALGORITHMS,
    KEY_SET_BYTES_MAX,
    KEYS_MAX,
    KeySetFormatError,
    decode_segment,
    parse_key_set,
    read_key_set,
)
from tests.issuer import key_of, key_set, public_jwk

EACH = sorted(ALGORITHMS)


def one(value: object, *algorithms: str) -> tuple[str, ...]:
    """Return why the only key of a set was left out; nothing if it counts."""
    return read_key_set({"keys": [value]}, algorithms or EACH).left_out


@pytest.mark.parametrize("algorithm", EACH)
def test_a_key_counts_for_the_algorithms_that_fit_it(algorithm: str) -> None:
    found = read_key_set({"keys": [public_jwk(algorithm)]}, EACH)
    named = read_key_set({"keys": [{k: v for k, v in public_jwk(algorithm).items() if k != "alg"}]}, EACH)

    (key,), (any_fitting,) = found.keys.values(), named.keys.values()
    assert key.algorithms == {algorithm}
    assert any_fitting.algorithms == {name for name in EACH if ALGORITHMS[name] == ALGORITHMS[algorithm]}


def test_a_key_counts_for_no_algorithm_that_is_not_pinned() -> None:
    assert one(public_jwk("RS256"), "ES256", "PS256")
    assert one(public_jwk("ES256"), "ES384")
    assert not one(public_jwk("ES256"), "ES256")


@pytest.mark.parametrize("algorithm", EACH)
def test_a_private_key_counts_for_nothing(algorithm: str) -> None:
    private = {**key_of(algorithm).as_dict(private=True), "kid": "k"}

    assert "private key" in one(private)[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"kid": None}, {"kid": "a/b"}, {"kid": ""}, {"kid": "k" * 129}, {"kid": 1}, {"use": "enc"}, {"use": 1},
        {"key_ops": ["sign"]}, {"key_ops": 1}, {"key_ops": "verify"}, {"kty": "oct"}, {"kty": None}, {"kty": ["EC"]},
        {"crv": "P-384"}, {"crv": "secp256k1"},
        {"crv": 1}, {"x": 1}, {"x": ""}, {"x": "!"}, {"y": None}, {"y": "AAAA"}, {"alg": "RS256"}, {"alg": "none"},
        {"alg": ["ES256"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_is_not_what_it_should_be_is_left_out(changed: dict[str, Any]) -> None:
    value = {name: item for name, item in {**public_jwk("ES256"), **changed}.items() if item is not None}

    assert one(value), changed


def test_a_symmetric_key_counts_for_nothing() -> None:
    assert one({**OctKey.generate_key(256).as_dict(private=True), "kid": "k"})


def test_a_weak_or_giant_rsa_key_counts_for_nothing() -> None:
    with pytest.warns(match="2048 bits"):
        weak = RSAKey.generate_key(1024)
    giant = {"kty": "RSA", "e": "AQAB", "n": "_" * 1400, "kid": "giant"}

    assert "2048 to 8192 bits, this one 1024" in one({**weak.as_dict(private=False), "kid": "k"})[0]
    assert "this one 8400" in one(giant)[0]
    assert one({**public_jwk("RS256"), "e": "AA"})


def test_a_name_that_two_keys_have_is_nobody_s() -> None:
    twice = [public_jwk("ES256", kid="same"), public_jwk("ES256", 1, kid="same"), public_jwk("RS256")]

    found = read_key_set({"keys": twice}, EACH)

    assert list(found.keys) == ["rs256-0"]
    assert found.left_out == ("two keys are called 'same'",)


def test_what_is_unknown_in_a_set_is_left_out_and_said() -> None:
    value = {"keys": [{"kty": "AKP", "kid": "later"}, public_jwk("ES256", x5c=["MIIB"])], "more": 1}

    found = parse_key_set(json.dumps(value).encode(), EACH)

    assert list(found.keys) == ["es256-0"]
    assert found.left_out[0].startswith("key 0: its type is none of")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}', b"<html>", b'{"keys": [], "keys": []}', b"\xff",
        b'{"keys": [' + b",".join([b"{}"] * (KEYS_MAX + 1)) + b"]}",
        b'{"keys": []}' + b" " * KEY_SET_BYTES_MAX,
    ],
)  # fmt: skip
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(KeySetFormatError):
        parse_key_set(data, EACH)


def test_a_signature_counts_only_under_an_algorithm_of_the_key() -> None:
    key = read_key_set(key_set("PS256"), EACH).keys["ps256-0"]

    assert not key.signed("RS256", b"message", b"signature")
    assert not key.signed("none", b"message", b"")
    assert not key.signed("PS256", b"message", b"")


@pytest.mark.parametrize("text", ["AA=", "AB", "A", "A A", "AA+A", "AA/A", "é", "AAA\n"])
def test_bytes_have_one_spelling(text: str) -> None:
    with pytest.raises(KeySetFormatError):
        decode_segment(text)


def test_the_one_spelling_is_read() -> None:
    assert decode_segment("-_8") == b"\xfb\xff"
    assert decode_segment("") == b""
