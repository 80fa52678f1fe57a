"""Catalogues are complete: every message of every page in every language, none fuzzy, none left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.web.talk import TAGS, Languages, Talk, known, talk
from ledger_service.web.talk import catalogue as catalogue_of
from tests.web.catalogues import FOLDER, extracted, faults, main, messages, path_of, read, update, wanted


@pytest.mark.parametrize("tag", TAGS[1:])
def test_a_catalogue_holds_every_message_translated_and_no_other(tag: str) -> None:
    assert list(faults(tag)) == []
    assert set(extracted()) <= {first for first, _, _, _ in messages(read(tag))}


@pytest.mark.parametrize(
    ("written", "changed", "fault"),
    [
        ('msgid "My return"\nmsgstr "我的退货"', "", "missing: 'My return'"),
        ('msgid "My return"', '#, fuzzy\nmsgid "My return"', "fuzzy: 'My return'"),
        ('msgstr "我的退货"', 'msgstr ""', "not translated: 'My return'"),
        ('msgid "My return"', 'msgid "Our return"\nmsgstr "x"\n\nmsgid "My return"', "left over: 'Our return'"),
        ('msgstr "截至 %(now)s。"', 'msgstr "截至 now。"', "other places than in 'As of %(now)s.'"),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_found(tmp_path: Path, written: str, changed: str, fault: str) -> None:
    good, place = path_of("zh-Hans").read_text(), path_of("zh-Hans", locales=tmp_path)
    place.parent.mkdir(parents=True)
    assert good.count(written) == 1
    place.write_text(good.replace(written, changed))

    assert list(faults("zh-Hans", locales=tmp_path)) == [fault]


def test_a_message_that_nobody_translated_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "new.html").write_text('<p>{{ _("A sentence that nobody translated") }}</p>')

    assert set(extracted(tmp_path)) - {first for first, _, _, _ in messages(read(TAGS[1]))}


def test_the_check_of_the_house_asks_for_the_catalogues(project_root: Path) -> None:
    assert "tests.web.catalogues" in (project_root / "scripts" / "check").read_text()
    assert main([]) == 0


def test_a_third_language_is_one_catalogue_away(tmp_path: Path) -> None:
    """As CONTRIBUTING.md says: the words of the pages and of the core, dates and amounts, from one file."""
    assert main(["--update", "fr", str(tmp_path)]) == 0
    path = path_of("fr", locales=tmp_path)
    missing = list(faults("fr", locales=tmp_path))
    assert {one.partition(":")[0] for one in missing} == {"not translated"}
    assert len(missing) == len(wanted("fr"))
    with path.open("rb") as file:
        catalogue = read_po(file, locale="fr")
    for message in catalogue:
        if message.id:
            forms = (message.id,) if isinstance(message.id, str) else message.id
            plural = tuple(f"« {forms[-1]} »" for _ in message.string or ())  # as many forms as the language has
            message.string = f"« {forms[0]} »" if len(forms) == 1 else plural
    with path.open("wb") as file:
        write_po(file, catalogue)
    assert list(faults("fr", locales=tmp_path)) == []
    french = Talk("fr", catalogue_of("fr", locales=tmp_path))

    assert french.speech.of(LIFECYCLE.case.transitions["ship_back"].words) == "« Send the goods back »"
    assert french.speech.say("entry", index=7) == "« entry 7 »"
    assert french.instant("2026-11-03T10:22:05.000Z") == "3 nov. 2026 10:22 UTC"
    assert french.amount(123456, "EUR").replace("\u202f", " ").replace("\xa0", " ") == "1 234,56 €"
    assert Languages([talk("en"), french]).choose(cookie=None, accepted="fr-CA, en;q=0.5") is french
    before = list(messages(read("fr", locales=tmp_path)))
    update("fr", locales=tmp_path)
    assert list(messages(read("fr", locales=tmp_path))) == before, "what was translated stays"


def test_no_words_stand_in_a_template_outside_of_the_catalogue() -> None:
    for path in sorted((FOLDER / "templates").glob("*.html")):
        assert bare_words(path.read_text()) == [], path.name
    assert bare_words('<p title="x">{{ _("said") }} unsaid</p>') == ["unsaid"]


def bare_words(template: str) -> list[str]:
    """Return the words of a template that no catalogue holds; code samples and addresses are none."""
    left = re.sub(r"<pre>.*?</pre>|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    left = re.sub(r'<[^>]*>|[\w-]+="[^"]*"|/checkpoint|/\.well-known/return-ledger', " ", left)
    return re.findall(r"[A-Za-z]{2,}", left)


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "zh", "zh-Hans"),
        (None, "zh-TW, en;q=0.9", "zh-Hans"),
        (None, "en;q=0.4, zh;q=0.5", "zh-Hans"),
        (None, "zh;q=0", "en"),
        (None, "zh;q=2, en;q=0.1", "en"),
        (None, "de, *;q=0.5", "en"),
        ("zh-Hans", "en", "zh-Hans"),
        ("xx", "en", "en"),
        (None, "zh;q=nan", "en"),
        (None, "," * 5000 + "zh", "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_best(cookie: str | None, accepted: str, expected: str) -> None:
    assert known().choose(cookie=cookie, accepted=accepted).tag == expected


def test_amounts_days_and_times_follow_the_language() -> None:
    english, chinese = talk("en"), talk("zh-Hans")

    assert english.amount(123456, "EUR") == "€1,234.56"
    assert english.amount(123456, "JPY") == "¥123,456"
    assert english.amount(1, "KWD") == "KWD 0.001"
    assert chinese.amount(123456, "CNY") == "¥1,234.56"
    assert english.day("2026-11-03") == "November 3, 2026"
    assert chinese.day("2026-11-03") == "2026年11月3日"
    assert english.instant("2026-11-03T10:22:05.000Z") == "3 Nov 2026 10:22 UTC"
    assert chinese.instant("2026-11-03T10:22:05.000Z") == "2026年11月3日 10:22 UTC"
    assert (english.length(86_400 * 3), chinese.length(3600)) == ("3 days", "1小时")
