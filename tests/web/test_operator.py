"""The operator sees how the service is doing and the way out of each alarm; nobody else does, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium

from ledger_service.core.alarms import LINES, Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.registry import format_address
from ledger_service.operations.notices import Event
from ledger_service.operations.principal import Scope
from ledger_service.operations.revoke import revoke
from ledger_service.operations.webhooks import add_webhook
from ledger_service.store.anchor_status import AnchorStatuses
from ledger_service.store.webhooks import FAILED, Batch, StoredDelivery
from ledger_service.web.site import environment
from ledger_service.web.talk import TAGS, talk
from tests.api.asking import Asking
from tests.operations.world import PLATFORM
from tests.web.browsing import Browser
from tests.web.test_follow import opened
from tests.web.test_staff import key_for, signed_in
from tests.web.walking import walker


def words(tag: str, template: str) -> Any:
    """Return the macros of a template in a language."""
    return environment(talk(tag)).get_template(template).make_module({"talk": talk(tag), "anchors": []})


def test_the_operator_sees_size_disk_anchoring_and_keys(service: Asking) -> None:
    ended = key_for(service, PLATFORM, label="old shop")
    revoke(service.ledger, ended.credential)
    browser, key = signed_in(service, PLATFORM, label="own <key>")

    page = browser.get("/operator")

    assert page.status == 200
    assert f"Entries in the log {service.ledger.read.size()} " in page.text
    assert "MiB; below" in page.text
    assert "Promised from recording to block: 1 hour." in page.text
    assert "nothing keeps it waiting" in page.text
    assert key.credential.prefix in page.text
    assert "own <key>" in page.text
    assert "old shop" in page.text
    assert page.text.count("ended 3 Nov 2026") == 1
    assert key.token.split("_", 2)[2] not in page.html
    assert "/operator" in browser.get("/staff").links
    (target,) = service.ledger.targets()
    assert f"Contract {format_address(target.contract)} Id of the log there 0x{target.log_id.hex()}" in page.text
    assert all(one.encode() in page.text for one in service.ledger.checkpoint_keys())


def test_a_full_disk_needs_somebody(service: Asking) -> None:
    ledger = service.ledger
    browser, _ = signed_in(service, PLATFORM)
    least, ledger.free_bytes_min = ledger.free_bytes_min, 1 << 62

    page = browser.get("/operator")
    ledger.free_bytes_min = least

    assert "Something needs you: see below." in page.text
    assert "too little: nothing is recorded" in page.text
    assert "All is well." in browser.get("/operator").text


@pytest.mark.parametrize("alarm", list(Alarm))
def test_each_alarm_is_told_with_its_way_out(service: Asking, alarm: Alarm) -> None:
    target = service.ledger.targets()[0]
    now = "2026-11-03T12:00:00.000Z"
    AnchorStatuses(service.ledger.store).save(target.log_id, alarm=alarm.value, detail="0 wei", now=now)
    browser, _ = signed_in(service, PLATFORM)

    page = browser.get("/operator")
    AnchorStatuses(service.ledger.store).save(target.log_id, alarm=None, detail="", now=now)

    assert "Something needs you: see below." in page.text
    assert LINES[alarm].meaning in page.text
    assert LINES[alarm].way_out in page.text
    assert "0 wei" in page.text


@pytest.mark.parametrize("tag", TAGS)
def test_alarms_and_states_have_words_in_every_language(tag: str) -> None:
    said, drawn = words(tag, "alarms.html"), words(tag, "anchors.html")

    told = {alarm: (str(said.meaning(alarm.value)), str(said.way_out(alarm.value))) for alarm in Alarm}
    states = {str(drawn.state(state.value)) for state in AnchorState}

    assert len(states) == len(AnchorState)
    if tag == "en":
        assert {alarm: (line.meaning, line.way_out) for alarm, line in LINES.items()} == {
            alarm: tuple(one.replace("&#39;", "'") for one in pair) for alarm, pair in told.items()
        }
    else:
        assert not {pair[0] for pair in told.values()} & {line.meaning for line in LINES.values()}


def test_notices_that_were_given_up_are_listed_without_where_they_went(service: Asking) -> None:
    ledger = service.ledger
    browser, key = signed_in(service, PLATFORM)
    principal = service.app.state.service.callers.of(key.token)
    made = add_webhook(ledger, principal, "https://hooks.example/secret-path", [Event.STATE_CHANGED])
    hook = made.webhook.id
    failed = StoredDelivery(
        id="f" * 32, webhook_id=hook, event=Event.STATE_CHANGED.value, subject="9", return_id=None, state=FAILED,
        attempts=12, created_at="2026-11-03T12:00:00.000Z", next_at="2026-11-03T13:00:00.000Z", answered="HTTP 500",
    )  # fmt: skip
    assert ledger.webhooks.make([Batch(hook, (failed,))]) == 1

    page = browser.get("/operator")

    assert "HTTP 500" in page.text
    assert hook[:8] in page.text
    assert "3 Nov 2026 13:00 UTC" in page.text
    assert "hooks.example" not in page.html


def test_nobody_else_sees_it_and_looking_changes_nothing(service: Asking) -> None:
    stranger, (regulator, _), (shop, _, _) = Browser(service.app), signed_in(service), opened(service, "shop@operator")
    limited, _ = signed_in(service, PLATFORM, scopes=[Scope.READ, Scope.EXPORT])
    operator, _ = signed_in(service, PLATFORM)
    before = service.ledger.read.size()

    asked = [browser.get("/operator").status for browser in (stranger, shop, regulator, limited, operator)]

    assert asked == [401, 401, 403, 403, 200]
    assert "/operator" not in limited.get("/staff").links
    assert service.ledger.read.size() == before


def test_the_page_speaks_chinese_and_writes_numbers_so(service: Asking) -> None:
    browser, _ = signed_in(service, PLATFORM, accepts="zh-CN")

    page = browser.get("/operator")

    assert page.headings[0] == "服务状态"
    assert "承诺从记录到上链的时间：1小时。" in page.text
    assert talk("zh-Hans").number(1234567) == "1,234,567"


@pytest.mark.campaign
def test_the_page_is_accessible_on_a_phone(service: Asking, address: str, chromium: Chromium) -> None:
    key = key_for(service, PLATFORM)
    who, context = walker(chromium, address)
    who.go("/staff")
    who.page.fill("#key", key.token)
    who.follow("main form button")
    who.follow('a[href="/operator"]')

    assert who.page.inner_text("h1") == "State of the service"
    context.close()
