"""What a return looks like to its parties, and what a wallet is given to sign."""

from __future__ import annotations

from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import BUYER, PLATFORM, SELLER

CARRIER = Party(Role.CARRIER, "carrier-1")
WALLET = Account.from_key("0x" + "11" * 32)
WITHDRAW = {"verb": "withdraw_request", "fields": {"reason": "the lamp works after all"}}


def test_a_timeline_shows_a_person_s_words_to_who_argues_about_them_and_to_nobody_else(service: Asking) -> None:
    return_id = service.open_case(members=(SELLER, CARRIER), comment="my own words")
    path = f"/v1/returns/{return_id}/timeline"

    for party in (BUYER, SELLER, PLATFORM):
        assert "my own words" in service.ask("GET", path, party).text
    seen = service.ask("GET", path, CARRIER)
    assert seen.status_code == 200
    assert "my own words" not in seen.text
    assert "line-1" in seen.text


def test_a_receipt_opens_for_each_party_what_it_may_be_shown(service: Asking) -> None:
    return_id = service.open_case(members=(SELLER, CARRIER), comment="my own words")
    index = service.ledger.read.case(return_id).last_index
    path = f"/v1/entries/{index}/receipt"

    assert "my own words" in service.ask("GET", path, SELLER).text
    assert "my own words" not in service.ask("GET", path, CARRIER).text
    assert "my own words" not in service.ask("GET", path + "?show=lines", SELLER).text
    refused = service.ask("GET", path + "?show=comment", CARRIER)
    assert (refused.status_code, refused.json()["type"]) == (404, "/help/problems/unknown-entry")


def test_actions_name_what_each_role_may_do_now(service: Asking) -> None:
    return_id = service.open_case()

    every = service.ask("GET", f"/v1/returns/{return_id}/actions", SELLER).json()
    one = service.ask("GET", f"/v1/returns/{return_id}/actions?role=seller", SELLER).json()

    assert {item["role"] for item in every["items"]} >= {"buyer", "seller", "platform"}
    assert [item["role"] for item in one["items"]] == ["seller"]
    assert "decline_return" in {action["verb"] for action in one["items"][0]["actions"]}


def test_a_wallet_signs_what_it_was_given_and_its_step_is_marked_signed(service: Asking) -> None:
    return_id = service.open_case()
    asked = service.post(f"/v1/returns/{return_id}/statements", BUYER, WITHDRAW).json()
    signed = WALLET.sign_message(encode_typed_data(full_message=asked["typed_data"]))
    statement = {
        "address": WALLET.address,
        "signature": "0x" + signed.signature.hex().removeprefix("0x"),
        **{name: asked[name] for name in ("nonce", "deadline", "previous")},
    }

    answer = service.post(f"/v1/returns/{return_id}/transitions", BUYER, {**WITHDRAW, "signed": statement})
    again = service.post(f"/v1/returns/{return_id}/transitions", BUYER, {**WITHDRAW, "signed": statement})

    assert answer.status_code == 201, answer.text
    assert '"authenticity":"signed"' in answer.json()["receipt"]["entry"]
    assert again.status_code in (409, 412, 422)


def test_a_statement_for_a_step_that_is_refused_is_refused_alike(service: Asking) -> None:
    return_id = service.open_case()

    refused = service.post(f"/v1/returns/{return_id}/statements", SELLER, {"verb": "receive", "fields": {}})
    stale = service.post(f"/v1/returns/{return_id}/statements", BUYER, WITHDRAW, headers={"If-Match": '"0"'})

    assert refused.status_code in (409, 422)
    assert (stale.status_code, stale.json()["type"]) == (412, "/help/problems/stale-head")
