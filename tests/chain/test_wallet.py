"""A development wallet signs what any wallet signs, on development chains and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES, EMBEDDED_CHAIN_ID
from ledger_service.chain.wallet import development_wallet
from ledger_service.core.entry import Role
from ledger_service.core.signing import Domain, Statement, recover, typed_data
from ledger_service.errors import AccountError

DOMAIN = Domain("returns.example/eu", EMBEDDED_CHAIN_ID, bytes(20))
STATEMENT = Statement(None, None, "request_return", Role.BUYER, None, bytes(32), nonce=bytes(32), deadline=7)


def test_it_signs_the_digest_that_a_statement_has() -> None:
    wallet = development_wallet(3, EMBEDDED_CHAIN_ID)

    signature = wallet.sign_typed_data(typed_data(DOMAIN, STATEMENT))

    assert wallet.address == DEVELOPMENT_ADDRESSES[3]
    assert recover(DOMAIN, STATEMENT, signature) == wallet.address
    assert recover(DOMAIN, replace(STATEMENT, deadline=8), signature) != wallet.address


@pytest.mark.parametrize("chain_id", [1, 11155111])
def test_it_is_refused_on_a_public_chain(chain_id: int) -> None:
    with pytest.raises(AccountError, match="public"):
        development_wallet(3, chain_id)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (typed_data(replace(DOMAIN, chain_id=1), STATEMENT), "signs for chain 1919706468 alone"),
        ({}, "signs for chain 1919706468 alone"),
        ({"domain": {"chainId": EMBEDDED_CHAIN_ID}}, "cannot be signed"),
    ],
)
def test_what_is_of_another_chain_or_no_statement_is_not_signed(typed: dict[str, Any], words: str) -> None:
    with pytest.raises(AccountError, match=words):
        development_wallet(3, EMBEDDED_CHAIN_ID).sign_typed_data(typed)
