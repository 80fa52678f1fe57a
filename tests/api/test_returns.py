"""Returns over HTTP: recorded once, answered alike, refused with what is possible instead."""

from __future__ import annotations

from typing import Any

from ledger_service.core import encoding
from ledger_service.core.entry import Role
from ledger_service.core.verify import verify
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import BUYER, PLATFORM, SELLER


def cancel(reason: str = "") -> dict[str, Any]:
    """Return a step that a buyer may take at once and that needs no file."""
    return {"verb": "withdraw_request", "fields": {"reason": reason} if reason else {}}


def test_a_step_is_answered_with_its_place_and_a_receipt_that_holds_so_far(service: Asking) -> None:
    return_id = service.open_case()

    answer = service.post(f"/v1/returns/{return_id}/transitions", BUYER, cancel())

    body = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/entries/{body['index']}"
    assert answer.headers["etag"] == f'"{body["index"]}"'
    report = verify(encoding.encode_document(body["receipt"]), trust=service.ledger.trust())
    assert report.verdict.value == "inconclusive"
    assert not [check for check in report.checks if check.outcome.value == "fail"]
    assert service.ask("GET", f"/v1/returns/{return_id}", BUYER).headers["etag"] == answer.headers["etag"]


def test_fifty_equal_posts_under_one_key_are_one_entry_and_fifty_equal_answers(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/transitions"
    token = service.token(BUYER)

    answers = service.together([("POST", path, token, "one-key", {}, {"json": cancel()})] * 50)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 49
    assert len(service.ledger.read.entries_of(return_id)) == 2


def test_a_used_key_takes_no_other_request(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/transitions"
    service.post(path, BUYER, cancel(), key="used")

    answer = service.post(path, BUYER, cancel("changed"), key="used")

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")


def test_a_post_without_a_key_is_refused(service: Asking) -> None:
    for path in (
        "/v1/returns",
        f"/v1/returns/{service.open_case()}/transitions",
        "/v1/keys",
        "/v1/links",
        "/v1/sessions",
    ):
        answer = service.post(path, PLATFORM, {}, key=None)

        assert (answer.status_code, answer.json()["type"]) == (400, "/help/problems/idempotency-key-missing")


def test_a_step_on_a_return_that_moved_on_is_stale_and_its_retry_is_not(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/transitions"
    seen = service.ask("GET", f"/v1/returns/{return_id}", BUYER).headers["etag"]
    first = service.post(path, BUYER, cancel(), key="moved", headers={"If-Match": seen})

    again = service.post(path, BUYER, cancel(), key="moved", headers={"If-Match": seen})
    late = service.post(path, SELLER, {"verb": "close", "fields": {}}, headers={"If-Match": seen})
    odd = service.post(path, BUYER, cancel(), headers={"If-Match": '"0"'})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert (late.status_code, late.json()["type"]) == (412, "/help/problems/stale-head")
    assert odd.status_code == 412


def test_a_step_that_is_not_allowed_names_what_is(service: Asking) -> None:
    return_id = service.open_case()

    answer = service.post(f"/v1/returns/{return_id}/transitions", SELLER, {"verb": "receive", "fields": {}})

    body = answer.json()
    assert answer.status_code in (409, 422)
    assert body["verb"] == "receive"
    assert body["state"] == "requested"
    assert "decline_return" in body["allowed"]


def test_a_platform_hands_in_the_steps_of_others_and_they_do_not_hand_in_its(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/transitions"
    spoken = {**cancel(), "asserted_by": {"role": "buyer", "reference": BUYER.reference}}

    other = service.post(path, SELLER, spoken)
    named = service.post(path, PLATFORM, spoken)

    assert (other.status_code, other.json()["type"]) == (403, "/help/problems/not-permitted")
    assert named.status_code == 201, named.text


def test_a_return_of_others_answers_as_one_that_does_not_exist(service: Asking) -> None:
    return_id = service.open_case()
    stranger = Party(Role.SELLER, "another-shop")

    for path in (f"/v1/returns/{return_id}", f"/v1/returns/{'0' * 32}"):
        answer = service.ask("GET", path, stranger)
        assert answer.status_code == 404
        asked = answer.json() | {"instance": ""}
        assert asked == {**asked, "type": "/help/problems/unknown-return"}
        assert asked["detail"].replace(path.rsplit("/", 1)[1], "X") == "there is no return 'X' for you"
    mine = service.ask("GET", "/v1/returns", stranger).json()
    assert mine == {"items": [], "next": None}


def test_a_list_comes_in_pages_that_hold_each_return_once(service: Asking) -> None:
    shop = Party(Role.SELLER, "paging-shop")
    opened = sorted(service.open_case(members=(shop,)) for _ in range(5))
    found: list[str] = []
    after = ""

    while after is not None:
        page = service.ask("GET", f"/v1/returns?limit=2&after={after}", shop).json()
        found += [item["return_id"] for item in page["items"]]
        after = page["next"]

    assert found == opened


def test_a_regulator_sees_the_returns_of_its_countries_and_no_others(service: Asking) -> None:
    regulator = Party(Role.REGULATOR, "regulator-1")
    german, french = service.open_case(), service.open_case(buyer_country="FR")

    assert service.ask("GET", f"/v1/returns/{german}", regulator).status_code == 200
    assert service.ask("GET", f"/v1/returns/{french}", regulator).status_code == 404
    assert service.post(f"/v1/returns/{german}/transitions", regulator, cancel()).status_code == 403
