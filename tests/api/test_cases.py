"""What a return looks like to its parties, and what a wallet is given to sign."""

from __future__ import annotations

from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_service.core.case_index import Scope as CaseScope
from ledger_service.core.case_proof import parse_case_proof
from ledger_service.core.entry import Role
from ledger_service.core.report import Outcome
from ledger_service.core.tlog_proof import parse_tlog_proof
from ledger_service.core.verify_case_proof import verify_case_proof
from ledger_service.core.verify_tlog_proof import verify_tlog_proof
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.api.asking import PARTIES, Asking
from tests.documents.reading import attached, text_of
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


def test_a_receipt_for_an_audience_shows_what_both_it_and_the_caller_may_see(service: Asking) -> None:
    return_id = service.open_case(members=(SELLER, CARRIER), comment="my own words")
    path = f"/v1/entries/{service.ledger.read.case(return_id).last_index}/receipt"

    assert "my own words" in service.ask("GET", path + "?audience=arbitrator", SELLER).text
    for_carriers = service.ask("GET", path + "?audience=carrier", SELLER).text
    assert "my own words" not in for_carriers
    assert "line-1" in for_carriers
    assert "line-1" not in service.ask("GET", path + "?audience=carrier&show=comment", SELLER).text
    assert "my own words" not in service.ask("GET", path + "?audience=arbitrator", CARRIER).text
    refused = service.ask("GET", path + "?audience=everybody", SELLER)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


def test_a_receipt_is_printed_with_what_its_reader_may_see(service: Asking) -> None:
    return_id = service.open_case(members=(SELLER, CARRIER), comment="my own words")
    path = f"/v1/entries/{service.ledger.read.case(return_id).last_index}/receipt.pdf"

    seller, carrier, chinese = (
        service.ask("GET", one, who) for one, who in ((path, SELLER), (path, CARRIER), (f"{path}?language=zh", SELLER))
    )

    assert (seller.headers["content-type"], seller.headers["cache-control"]) == ("application/pdf", "private, no-store")
    assert seller.headers["content-disposition"].endswith('.receipt.pdf"')
    assert ["myownwords" in text_of(one.content) for one in (seller, carrier, chinese)] == [True, False, True]
    assert b"my own words" not in next(iter(attached(carrier.content).values()))
    assert "记录内容" in text_of(chinese.content)
    assert service.ask("GET", "/v1/entries/0/receipt.pdf", SELLER).status_code == 404
    assert service.ask("GET", path, None).status_code == 401


def test_the_log_part_of_a_receipt_is_for_who_may_see_the_entry(service: Asking) -> None:
    return_id = service.open_case(members=(SELLER,), comment="my own words")
    index = service.ledger.read.case(return_id).last_index
    answer = service.ask("GET", f"/v1/entries/{index}/tlog-proof", SELLER)
    proof = parse_tlog_proof(answer.content)

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    assert (proof.index, proof.extra) == (index, service.ledger.read.entry(index).encoded)
    found = verify_tlog_proof(answer.content, service.ledger.trust())
    assert [check.name for check in found.checks if check.outcome is not Outcome.PASS] == ["anchor"]
    assert service.ask("GET", f"/v1/entries/{index}/tlog-proof", CARRIER).status_code == 404
    assert parse_tlog_proof(service.ask("GET", "/v1/entries/0/tlog-proof", None).content).index == 0


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


def test_completeness_needs_a_seal_and_then_verifies(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/completeness"
    service.ledger.store.change("DELETE FROM case_index_roots")
    before = service.ask("GET", path, SELLER)
    service.ledger.require_writer().append(LogDraft(make_seal(service.ledger.origin)))

    answer = service.ask("GET", path, SELLER)

    assert (before.status_code, before.json()["type"]) == (409, "/help/problems/not-sealed")
    assert answer.headers["content-disposition"] == f'attachment; filename="return-{return_id}.completeness.json"'
    report = verify_case_proof(answer.content, service.ledger.trust())
    assert [check.outcome.value for check in report.checks if check.name in ("seal", "case_index")] == ["pass", "pass"]


def test_a_regulator_of_either_country_counts_all_returns_of_two(service: Asking) -> None:
    service.open_case()
    service.ledger.require_writer().append(LogDraft(make_seal(service.ledger.origin)))
    path = "/v1/completeness?buyer_country=DE&seller_country=CN"

    answer = service.ask("GET", path, PARTIES[Role.REGULATOR])
    foreign = service.ask("GET", "/v1/completeness?buyer_country=FR&seller_country=US", PARTIES[Role.REGULATOR])
    month = service.ask("GET", f"{path}&month=1999-12", PARTIES[Role.PLATFORM])
    none = [service.ask("GET", f"{path}{bad}", PARTIES[Role.PLATFORM]) for bad in ("&month=1999-13", "&month=1999")]

    assert answer.headers["content-disposition"] == 'attachment; filename="DE-CN.completeness.json"'
    report = verify_case_proof(answer.content, service.ledger.trust())
    said = {check.name: (check.outcome.value, check.detail) for check in report.checks}
    assert said["case_index"][0] == "pass"
    assert "there were exactly" in said["case_index"][1]
    assert (foreign.status_code, foreign.json()["type"]) == (403, "/help/problems/not-permitted")
    assert parse_case_proof(month.content).scope == CaseScope("DE", "CN", "1999-12")
    assert [one.status_code for one in none] == [422, 422]
