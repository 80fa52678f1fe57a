"""Papers carry a code and say what it holds; a receipt as PDF has the receipt inside, byte for byte."""

from __future__ import annotations

import pytest

from ledger_service.core.locator import Locator, encode_locator
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.receipt_page import receipt_code
from ledger_service.core.receipt import encode_receipt
from ledger_service.documents.printed import receipt_pdf, report_pdf
from tests.core.bound import bound
from tests.core.cases import begun
from tests.core.packages import REQUEST, receipt
from tests.documents.reading import attached, text_of


@pytest.mark.parametrize(("language", "words"), [(Language.EN, "Thispaperisnottheproof"), (Language.ZH, "不是证明")])
def test_the_receipt_inside_is_the_proof_and_the_paper_says_so(language: Language, words: str) -> None:
    given = receipt(1)

    data = receipt_pdf(given, REQUEST, begun().timeline(), language)

    assert attached(data) == {"entry-1.receipt.json": encode_receipt(given)}
    assert words in text_of(data)
    assert "·".join(receipt_code(given, REQUEST).splitlines()) in text_of(data)
    assert data == receipt_pdf(given, REQUEST, begun().timeline(), language)


@pytest.mark.parametrize("language", list(Language))
def test_the_report_has_a_code_of_the_last_entry_that_it_knows(language: Language) -> None:
    case = bound()
    last = max(case.timeline.rows, key=lambda row: row.index)
    place = encode_locator(Locator(case.timeline.origin, last.index, last.placed.known.leaf))

    data = report_pdf(case, language)

    assert "·".join(place.splitlines()) in text_of(data)
    assert data == report_pdf(case, language)
