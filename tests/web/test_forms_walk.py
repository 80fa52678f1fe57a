"""Forms in a real browser: a file that is too large to be read whole, and every control that a step may have."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from playwright.sync_api import Browser

from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import SELLER
from tests.web.test_follow import link_to
from tests.web.test_rows import LINES, signed_in, take
from tests.web.test_steps import APPROVED, ARBITRATOR
from tests.web.test_walk import choose, enter, photo
from tests.web.walking import Walker, walker

pytestmark = pytest.mark.campaign
STEP = "/return/steps/add_evidence"
BUTTON = "form[data-upload] button"


def pretend(who: Walker, size: int) -> None:
    """Let the page believe that every file has this size, which no test could send in time."""
    who.page.evaluate("(size) => Object.defineProperty(Blob.prototype, 'size', { get: () => size })", size)


def test_a_file_too_large_to_be_read_whole_goes_by_the_form(service: Asking, address: str, chromium: Browser) -> None:
    who, context = walker(chromium, address)
    return_id = enter(service, who, "large@forms")
    who.go(STEP)
    content = photo(50)
    assert who.page.locator(BUTTON).count() == 0, "with a script, what is chosen is sent"

    pretend(who, (1 << 28) + 1)
    choose(who.page, content)
    who.look()
    assert "too large to be fingerprinted before it is sent" in who.page.inner_text(".uploads .whole")
    who.follow(BUTTON)
    who.page.select_option(f"#file-{sha256(content).hexdigest()}", "product_photo")
    who.follow("main form.card:not([data-upload]) button.button:not(.quiet)")

    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [one["size"] for one in entry["evidence"]] == [len(content)]
    context.close()


@pytest.mark.parametrize(
    ("size", "count", "told"),
    [
        ((1 << 31) + 1, 1, "An empty file, or one of more than 2,048 MiB, cannot be sent here."),
        (0, 1, "An empty file, or one of more than 2,048 MiB, cannot be sent here."),
        ((1 << 28) + 1, 2, "It is large. Choose it alone, after the others have arrived."),
    ],
)
def test_a_file_that_cannot_be_sent_so_is_refused_in_words_before_it_starts(
    service: Asking, address: str, chromium: Browser, size: int, count: int, told: str
) -> None:
    who, context = walker(chromium, address)
    enter(service, who, f"refused-{size}@forms")
    who.go(STEP)
    asked: list[str] = []
    who.page.on("request", lambda request: asked.append(request.url))

    pretend(who, size)
    choose(who.page, *(photo(20) for _ in range(count)))
    who.page.wait_for_selector(f".uploads .problem >> nth={count - 1}")

    assert told in who.page.inner_text(".uploads .problem >> nth=0")
    assert who.page.locator(BUTTON).count() == 0
    assert asked == []
    context.close()


def test_another_choice_takes_the_place_of_a_large_file_that_was_not_sent(
    service: Asking, address: str, chromium: Browser
) -> None:
    who, context = walker(chromium, address)
    enter(service, who, "instead@forms")
    who.go(STEP)
    real = who.page.evaluate_handle("Object.getOwnPropertyDescriptor(Blob.prototype, 'size')")

    who.page.evaluate("Object.defineProperty(Blob.prototype, 'size', { get: () => 2 ** 28 + 1, configurable: true })")
    choose(who.page, photo(20))
    who.page.evaluate("(real) => Object.defineProperty(Blob.prototype, 'size', real)", real)
    choose(who.page, photo(30))
    who.page.wait_for_selector(".uploads .arrived")

    assert who.page.locator(".uploads li").count() == 1
    assert who.page.locator(BUTTON).count() == 0
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_boxes_choices_of_entries_and_rows_with_numbers_are_open_to_everybody(
    service: Asking, address: str, chromium: Browser, language: str
) -> None:
    name = f"controls-{language}@forms"
    return_id = service.open_case(name, lines=LINES)
    consumer = Party(Role.BUYER, name)
    buyer, seller, neutral = (signed_in(service, return_id, one) for one in (consumer, SELLER, ARBITRATOR))

    def look(party: Party, *verbs: str) -> None:
        who, context = walker(chromium, address, language=language)
        who.go(f"/open#{link_to(service, return_id, party).rpartition('#')[2]}")
        who.follow("main form button")
        for verb in verbs:
            who.go(f"/return/steps/{verb}")
            who.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            who.look()
        context.close()

    take(buyer, "add_evidence", statement="The box was open.")
    take(buyer, "open_dispute", **{"field-type": "adr", "field-claim": "All", "statement": "It broke."})
    (dispute,) = service.ledger.read.case(return_id).case.disputes
    look(SELLER, "request_info", f"acknowledge_service/{dispute.dispute_id}")
    look(consumer, "correct", "open_dispute")
    look(ARBITRATOR, f"appoint_neutral/{dispute.dispute_id}")

    begun = {"field-neutral_id": "adr-7", "to_state": "arbitration"}
    take(neutral, f"appoint_neutral/{dispute.dispute_id}", **begun)
    take(seller, "approve_return", "rma_document", **APPROVED)
    look(ARBITRATOR, f"rule/{dispute.dispute_id}")
    look(SELLER, "approve_refund")
    offer = {"field-remedy": "partial_refund", "field-amount": "3", "statement": "3 euros."}
    take(seller, "offer_settlement", **offer)
    look(consumer, "accept_offer")
