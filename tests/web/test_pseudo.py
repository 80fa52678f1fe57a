"""Every page in a pseudo-language: no words past the catalogue, and nothing too wide from right to left."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser as Chromium

from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.pages.words import WORDS
from tests.api.asking import Asking
from tests.web.all_pages import Prepared, cookie_of, is_a_file, looking, pages_of, prepare
from tests.web.browsing import Page
from tests.web.pseudo import outside, pseudo_app
from tests.web.screenshots import served
from tests.web.walking import walker

_CODES = re.compile(  # media types, rules, the chain of the test
    r"\b(?:image|text|application)/[a-z.+-]+|\b[A-Z]{2,}(?:-[A-Z]+)*\b|\bembedded\b"
)
_NAMES = frozenset({  # of fields, choices, states, steps, kinds and deadlines: for programs, not for readers
    *(code for codes in WORDS.values() for code in codes),
    *CLOCK_KINDS,
    *LIFECYCLE.evidence_kinds,
    *(name for machine in (LIFECYCLE.case, LIFECYCLE.dispute) for name in (*machine.states, *machine.transitions)),
})  # fmt: skip
_JOINED = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")
# What was given: marked as another language or as somebody's own words. Data: that, and what is marked as code.
_MARKED = (
    r"<(code|pre|textarea|blockquote|bdi|option|title|legend|li)\b[^>]*\b(?:lang=\"en\"|dir=\"auto\")[^>]*>.*?</\1>",
    r"<(?!html\b)(\w+)\b[^>]*\blang=\"(?:en|zh-Hans)\"[^>]*>.*?</\2>",
    r"<(?!html\b)(\w+)\b[^>]*\bdir=\"auto\"[^>]*>.*?</\3>",
)
_GIVEN = re.compile("|".join(_MARKED), re.DOTALL)
_DATA = re.compile("|".join((*_MARKED, r"<(code|pre|svg|style)\b.*?</\4>")), re.DOTALL)
_TITLED = re.compile(r'<dt title="[a-z0-9_]+">')  # the name of a field, for whoever looks for it in the receipt

_SPOKEN = re.compile(  # attributes that are shown or read out; the last ones are said by the script that sends files
    r'(?:aria-label|alt|title|placeholder|data-(?:size|hashing|sending|done|failed|elsewhere))="([^"]*)"'
)

_CUT_OFF = """() => [...document.querySelectorAll("svg text")].flatMap((text) => {
  const [words, drawing] = [text, text.ownerSVGElement].map((one) => one.getBoundingClientRect());
  const inside = words.left >= drawing.left - 1 && words.right <= drawing.right + 1;
  return inside ? [] : [`${text.textContent}: ${words.left} to ${words.right} of ${drawing.left} to ${drawing.right}`];
})"""  # words of a drawing that stand beside it, where nobody sees them


def words_past_the_catalogue(html: str) -> list[str]:
    """Return the words of a page that stand outside of brackets and are no data."""
    shown = _DATA.sub(" ", html)
    shown += " ".join(_SPOKEN.findall(_TITLED.sub("<dt>", html)))
    text = outside(re.sub(r"<[^>]*>", " ", shown))
    return re.findall(r"[A-Za-z]{3,}", _CODES.sub(" ", text))


def names_for_programs(html: str) -> list[str]:
    """Return the names that a page shows in its text, inside of brackets and of `<code>` too; a title may hold one."""
    shown = _GIVEN.sub(" ", html)
    found = _JOINED.findall(re.sub(r"<[^>]*>", " ", shown))
    for code in re.findall(r"<code\b[^>]*>([^<]*)</code>", shown):
        words = re.findall(r"[\w-]+", code)
        if words and all(word in _NAMES for word in words):
            found.append(code)
    return found


@pytest.fixture(scope="module")
def prepared(service: Asking) -> Prepared:
    """Return a session for each kind of person."""
    return prepare(service)


def test_no_word_on_any_page_comes_past_the_catalogue(service: Asking, prepared: Prepared) -> None:
    app, found = pseudo_app(service), dict[str, list[str]]()

    for who, path in pages_of(prepared):
        answer = looking(app, prepared, who).raw("GET", path, headers={"Accept": "text/html"})
        if is_a_file(path, answer):
            continue
        page = Page(answer)
        assert page.language == "en-XA", path
        assert page.html.count("⟦") > 5, path
        if words := words_past_the_catalogue(page.html):
            found[f"{who} {path}"] = words
        if names := names_for_programs(page.html):
            found[f"{who} {path}, names"] = names

    assert not found, "\n".join(f"{path}: {words}" for path, words in found.items())


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<p>⟦said⟧ unsaid</p>", ["unsaid"]),
        ('<img alt="unsaid">', ["unsaid"]),
        ("<p>⟦all of ⟦it⟧ said⟧ <code>code</code> image/png</p>", []),
        ('<p dir="auto">own words</p><span lang="en">English</span>', []),
    ],
)
def test_a_word_past_the_catalogue_is_found(planted: str, found: list[str]) -> None:
    assert words_past_the_catalogue(planted) == found


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<dt><code>deduction</code></dt>", ["deduction"]),
        ("<p><code>requested → approved</code></p>", ["requested → approved"]),
        ("<dd>⟦reason⟧ damaged_in_transit</dd>", ["damaged_in_transit"]),
        ("<li>⟦the start is not recorded; missing: ordered_at⟧</li>", ["ordered_at"]),
        ("<pre>approved_lines</pre>", ["approved_lines"]),
        ('<dt title="approved_lines">⟦approved⟧</dt><code>ab12</code><code>rledger verify</code>', []),
        ('<bdi dir="auto">approved_lines</bdi><strong lang="en">entry_format</strong>', []),
    ],
)
def test_a_name_for_programs_is_found_wherever_it_hides(planted: str, found: list[str]) -> None:
    assert names_for_programs(planted) == found


@pytest.mark.campaign
def test_longer_words_from_right_to_left_fit_a_small_phone(
    service: Asking, prepared: Prepared, chromium: Chromium
) -> None:
    wide, cut, drawn = dict[str, int](), dict[str, list[str]](), set[str]()
    with served(pseudo_app(service, "rtl")) as address:
        who, context = walker(chromium, address, viewport={"width": 360, "height": 740})
        for name, path in pages_of(prepared):
            context.clear_cookies()
            if name:
                cookie, value = cookie_of(prepared, name)
                context.add_cookies([{"name": cookie, "value": value, "url": address}])
            if path.endswith("completeness"):
                continue  # a file, where there is a seal
            who.page.goto(address + path)
            assert who.page.evaluate("document.documentElement.dir") == "rtl"
            over = who.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                wide[path] = over
            if outside_of_drawing := who.page.evaluate(_CUT_OFF):
                cut[path] = outside_of_drawing
            drawn |= {one for one in (".lanes", ".chart svg") if who.page.locator(f"{one} text").count()}
        context.close()

    assert wide == {}
    assert cut == {}
    assert drawn == {".lanes", ".chart svg"}
