"""A PDF says what its document says, a glyph for each character, equal bytes for equal input, and does nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import typst
from fontTools.ttLib import TTFont

from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.pages.document import Document, Facts, Items, Part, Section, Table, Text, inert
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.report import report
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.pages.words import WORDS
from ledger_service.core.rules import RULE_SETS
from ledger_service.documents import glyphs, paper
from ledger_service.documents.glyphs import FAMILIES, folders, printable
from ledger_service.documents.paper import STANDARDS, Attached, Code, DocumentError, set_pdf
from ledger_service.documents.printed import report_pdf
from ledger_service.errors import BackPressureError
from tests.core.bound import HOSTILE, bound
from tests.documents.reading import attached, fonts_of, opened, text_of

MARKUP = '#read("document.typ") = *b* $x$ `raw` @cite <label> \\u{41} #let a = 1; #import "@preview/a:1.0.0" // /* "'
PLAIN = Document(
    Language.EN,
    "A title",
    "2026-11-03T10:22:05.123Z",
    (Text("the lead", strong=True),),
    (
        Section(
            "first",
            (
                Text(MARKUP),
                Facts((("name", MARKUP),)),
                Items(((MARKUP, "below"), ("one",))),
                Table("caption", ("a", "b"), (("1", MARKUP), ("2", "x" * 200)), frozenset({1})),
            ),
        ),
    ),
)


@cache
def report_in(language: Language) -> bytes:
    """Return the report of the worked case."""
    return report_pdf(bound(), language)


def squeezed(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


ACTING = ("/OpenAction", "/AA", "/JavaScript", "/JS", "/Launch", "/URI", "/SubmitForm", "/RichMedia", "/GoToR")


def actions(data: bytes) -> list[str]:
    """Return whatever in a PDF does something when it is opened or clicked."""
    read = opened(data)
    whole = "".join(repr(read.get_object(number)) for number in range(1, int(str(read.trailer["/Size"]))))
    return [name for name in ACTING if f"'{name}'" in whole]


@pytest.mark.parametrize("language", Language)
def test_a_report_is_set_with_every_word_of_it_in_either_language(language: Language) -> None:
    text = text_of(report_in(language))

    for section in report(bound(), language).sections:
        assert squeezed(section.heading) in text, section.heading
    words = SENTENCES["report_no_proof"]
    assert squeezed(words.zh if language is Language.ZH else words.en) in text
    assert squeezed(inert(HOSTILE))[:30] in text


def test_equal_input_gives_equal_bytes_and_another_time_other_ones() -> None:
    later = replace(PLAIN, made_at="2026-11-03T10:22:06.000Z")

    once, twice, other = (set_pdf(one, footer="f") for one in (PLAIN, PLAIN, later))

    assert once == twice != other
    found: Any = opened(once).metadata
    assert found.creation_date == datetime(2026, 11, 3, 10, 22, 5, tzinfo=UTC)
    assert (found.title, found.author) == ("A title", "return-ledger")


def test_what_a_person_wrote_is_text_and_never_an_instruction() -> None:
    data = set_pdf(PLAIN, footer=MARKUP)

    assert text_of(data).count(squeezed(MARKUP)) == 4 + len(opened(data).pages)
    assert "#setdocument" not in text_of(data)
    assert actions(data) == []
    assert actions(report_in(Language.EN)) == []
    assert actions(typst.compile(b'#link("https://elsewhere.example")[x]', format="pdf")) == ["/URI"]


def test_it_is_made_to_be_kept_and_to_be_read_aloud_and_holds_our_fonts_alone() -> None:
    data = report_in(Language.ZH)

    root: Any = opened(data).trailer["/Root"]
    stated = root["/Metadata"].get_object().get_data().decode()
    assert STANDARDS == ["a-3a", "ua-1"]
    assert "<pdfaid:part>3</pdfaid:part>" in stated
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in stated
    assert "<pdfuaid:part>1</pdfuaid:part>" in stated
    assert (root["/MarkInfo"]["/Marked"], root["/Lang"]) == (True, "zh-CN")
    assert all(name.startswith("NotoSans") for name in fonts_of(data))
    assert any(name.startswith("NotoSansCJK") for name in fonts_of(data))


def every_word() -> list[str]:
    """Return every text of ours that a document can hold."""
    machines = (LIFECYCLE.case, LIFECYCLE.dispute)
    both = [state.words for machine in machines for state in machine.states.values()]
    both += [row.words for machine in machines for row in machine.transitions.values()]
    both += [*LIFECYCLE.evidence_kinds.values(), *(kind.words for kind in CLOCK_KINDS.values())]
    both += [*(known.words for known in RULE_SETS), *SENTENCES.values()]
    both += [words for group in WORDS.values() for words in group.values()]
    return [text for words in both for text in (words.en, words.zh)] + [*LIMITS, *LIMITS_ZH]


def test_every_character_of_our_words_has_a_glyph() -> None:
    words = every_word()

    assert len(words) > 800
    assert [text for text in words if printable(text) != inert(text)] == []


def test_the_fonts_have_what_fonttools_says_of_them() -> None:
    """Names of glyphs are left out where the characters are read; with them the answer is the same."""
    latin, chinese = (TTFont(glyphs._path(font), fontNumber=font[2]) for font in (glyphs._LATIN, glyphs._CHINESE))

    assert glyphs.characters(glyphs._LATIN) == set(latin.getBestCmap())
    assert glyphs.characters(glyphs._CHINESE) == set(chinese.getBestCmap())
    assert [one["name"].getDebugName(1) for one in (latin, chinese)] == list(FAMILIES)
    assert all("SIL Open Font License" in str(one["name"].getDebugName(13)) for one in (latin, chinese))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\u0639\u0631", "\\u0639\\u0631"),
        ("\U0001f600", "\\U0001f600"),
        ("\u202e\x1b\u200b", "\\u202e\\x1b\\u200b"),
        ("Łódź Ärger Ελλάδα Київ 退货 かな 한국어", "Łódź Ärger Ελλάδα Київ 退货 かな 한국어"),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_a_character_without_a_glyph_is_printed_as_its_escape(text: str, wanted: str) -> None:
    assert printable(text) == wanted


def test_a_missing_glyph_would_be_refused_by_the_standard_and_without_it_would_go_unseen() -> None:
    """What `printable` keeps out: the compiler itself says nothing of it, unless a PDF/A is asked for."""
    source = (
        f"#set text(font: {json.dumps(list(FAMILIES)).replace('[', '(').replace(']', ')')}, fallback: false); \u0639"
    )
    given: dict[str, Any] = {
        "font_paths": [str(one) for one in folders()],
        "ignore_system_fonts": True,
        "format": "pdf",
    }

    assert typst.compile(source.encode(), **given)
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typst.compile(source.encode(), **given, pdf_standards=["a-3a", "ua-1"])


def test_a_file_is_attached_byte_for_byte() -> None:
    content = '{"entry": "Ä 退货"}\n'.encode()

    data = set_pdf(PLAIN, footer="f", files=[Attached("entry-1.receipt.json", content, "application/json", "receipt")])

    assert attached(data) == {"entry-1.receipt.json": content}


def test_a_code_stands_beside_what_it_holds() -> None:
    data = set_pdf(PLAIN, footer="f", code=Code("held", "It holds: held"))
    without = set_pdf(PLAIN, footer="f")

    assert "Itholds:held" in text_of(data)
    assert "Itholds" not in text_of(without)


def test_who_waits_too_long_for_others_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "WAIT_SECONDS_MAX", 0.01)
    with paper._setting, pytest.raises(BackPressureError) as told:
        set_pdf(PLAIN, footer="f")

    assert told.value.retry_after_seconds == paper.RETRY_SECONDS
    assert set_pdf(PLAIN, footer="f")


@pytest.mark.parametrize("part", [Text(""), Facts(()), Items(()), Items((("",),)), Table("", ("", "b"), (("", ""),))])
def test_what_is_empty_is_set_too(part: Part) -> None:
    assert set_pdf(replace(PLAIN, sections=(Section("heading", (part,)), Section("bare", ()))), footer="")


def test_a_document_that_cannot_be_set_says_so() -> None:
    with pytest.raises(DocumentError, match="could not be set"):
        set_pdf(PLAIN, footer="f", files=[Attached("", b"", "no type", "")])
    assert set_pdf(PLAIN, footer="f")
