"""What people wrote is shown as they wrote it: in any script, with its language, and with what hides in it marked."""

from __future__ import annotations

import re
import secrets

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.pages.escaping import escaped
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from ledger_service.web.own_words import OwnWords, language_of, own_words
from ledger_service.web.site import environment
from ledger_service.web.talk import talk
from tests.api.asking import Asking
from tests.operations.world import PLATFORM
from tests.web.browsing import Browser, Page
from tests.web.test_files import JPEG
from tests.web.test_follow import opened
from tests.web.test_staff import signed_in
from tests.web.test_start import LINES, begun

HIDING = re.compile(r"[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def written(service: Asking, name: str, *, accepts: str = "en", **fields: str) -> tuple[Browser, Page]:
    """Return a browser with a return to which its buyer added a comment, and its page."""
    browser, _, return_id = opened(service, name, accepts=accepts)
    photo = service.folder / f"{secrets.token_hex(4)}.jpg"
    photo.write_bytes(JPEG + secrets.token_bytes(40))
    files = [("product_photo", photo)]
    record(service.ledger, Step("add_evidence", Party(Role.BUYER, name), PLATFORM, fields, files, return_id))
    return browser, browser.get("/return")


@pytest.mark.parametrize("text", ["线缝开了。", "破损", "broken", "The seam is open.", "𠮷"])
def test_a_text_is_shown_whatever_its_script_and_however_short(service: Asking, text: str) -> None:
    browser, page = written(service, f"script-{len(text.encode())}@web", comment=text)

    assert f">{text}</p></blockquote>" in page.html
    assert text in browser.get("/return/case").text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a \u202eevil\u202c b", r"a \u202eevil\u202c b"),
        ("to\u200bday", r"to\u200bday"),
        ("\u2066left\u2069 \u200f", r"\u2066left\u2069 \u200f"),
        ("\ufeffmarked", r"\ufeffmarked"),
        ("one\u2028two", r"one\u2028two"),
        ("tab\there", r"tab\there"),
        ("first\nsecond", "first\nsecond"),
        ("first\r\nsecond", "first\nsecond"),
        ("\x9b31mred", r"\x9b31mred"),
        ("<b>\u202e</b>", r"&lt;b&gt;\u202e&lt;/b&gt;"),
    ],
)
def test_what_hides_in_a_text_is_shown(service: Asking, text: str, shown: str) -> None:
    browser, page = written(service, f"hides-{text.encode().hex()}@web", comment=text)

    for one in (page, browser.get("/return/case")):
        assert shown in one.html
        assert not HIDING.search(one.html)


def test_what_a_terminal_would_obey_is_shown_by_every_template() -> None:
    template = environment(talk("en")).from_string("{{ text|visible }}")

    assert template.render(text="\x1b[2J\x1b]0;<b>\x07\x00") == r"\x1b[2J\x1b]0;&lt;b&gt;\x07\x00"


@pytest.mark.parametrize("name", ["lamp\u202epmal", "la\u200bmp", "lamp\u2067"])
def test_what_hides_in_the_name_of_goods_is_shown(service: Asking, name: str) -> None:
    lines = [{**LINES[0], "name": name}]
    browser, page, _ = begun(service, f"goods-{name.encode().hex()}@web", lines=lines)
    asking = browser.get("/return/steps/request_return/non_conformity")
    wrong = browser.send(asking, "/return/steps/request_return/non_conformity", **{"qty-0": "999"})

    for one in (page, asking, wrong):
        assert escaped(name) in one.html
        assert not HIDING.search(one.html)


def test_what_hides_in_the_label_of_a_key_and_the_name_of_a_question_is_shown(service: Asking) -> None:
    name = "office\u202eeciffo\u200b"
    operator, _ = signed_in(service, PLATFORM, label=name)
    regulator, _ = signed_in(service, Party(Role.REGULATOR, "hides-one"))
    asked = regulator.get("/regulator?buyer_country=DE")
    saved = regulator.send(asked, "/regulator/saved", name="mine\u202e\u200b")

    assert escaped(name) in operator.get("/operator").html
    assert not HIDING.search(operator.get("/operator").html)
    assert saved.html.count(r"mine\u202e\u200b") == 2, "in the link, and where it is removed"
    assert not HIDING.search(saved.html)


@pytest.mark.parametrize(
    ("verb", "values", "found"),
    [
        ("add_evidence", {"comment": "破损", "language": "zh"}, [OwnWords("comment", "破损")]),
        ("decline_return", {"reason_code": "final_sale", "explanation": "a b"}, [OwnWords("explanation", "a b")]),
        (
            "complete_inspection",
            {"lines": [{"line_id": "a b", "condition": "脏"}, {"line_id": "c", "grade": "used"}], "outcome": "failed"},
            [OwnWords("condition", "脏")],
        ),
        ("rule", {"order": [{"who": "seller", "what": "退款"}]}, [OwnWords("what", "退款")]),
        ("add_evidence", {"comment": 7, "captured_at": "2026-11-03 10:22"}, []),
        ("complete_inspection", {"lines": "not rows"}, []),
        ("export_case", {"comment": "a b"}, []),
        ("no_such_step", {"comment": "a b"}, []),
    ],
)
def test_own_words_are_those_of_text_fields_and_no_others(
    verb: str, values: dict[str, object], found: list[OwnWords]
) -> None:
    assert list(own_words(verb, values)) == found


@pytest.mark.parametrize(("values", "tag"), [({"language": "zh-Hans"}, "zh-Hans"), ({}, ""), ({"language": 7}, "")])
def test_the_language_is_what_the_entry_says(values: dict[str, object], tag: str) -> None:
    assert language_of(values) == tag


def test_a_text_stands_with_its_language_and_that_is_named_where_it_is_not_the_page_s(service: Asking) -> None:
    english, page = written(service, "named@web", comment="线缝开了。", language="zh-Hans")
    _, own = written(service, "own@web", accepts="zh-CN", comment="线缝开了。", language="zh-Hans")

    assert '<blockquote lang="zh-Hans"><p dir="auto">线缝开了。</p></blockquote>' in page.html
    assert "comment (written in Simplified Chinese)" in page.text
    assert '<bdi dir="auto" lang="zh-Hans">线缝开了。</bdi>' in english.get("/return/case").html
    assert "(written in Simplified Chinese)" in english.get("/return/case").text
    assert '<blockquote lang="zh-Hans">' in own.html
    assert "书写" not in own.text


def test_a_text_without_a_language_claims_none(service: Asking) -> None:
    browser, page = written(service, "unsaid@web", comment="线缝开了。")

    assert "<blockquote><p" in page.html
    assert '<bdi dir="auto">线缝开了。</bdi>' in browser.get("/return/case").html


@pytest.mark.parametrize(
    ("tag", "en", "zh"),
    [
        ("zh-TW", "Chinese", "中文"),
        ("zh-Hant", "Traditional Chinese", "繁体中文"),
        ("zh-CN", "Chinese", ""),
        ("zh", "Chinese", ""),
        ("en-GB", "", "英国英语"),
        ("de", "German", "德语"),
        ("qq-Zzzz", "qq-Zzzz", "qq-Zzzz"),
        ("", "", ""),
    ],
)
def test_a_language_is_named_where_it_is_another_one(tag: str, en: str, zh: str) -> None:
    assert talk("en").other_language(tag) == en
    assert talk("zh-Hans").other_language(tag) == zh
