"""A receipt as PDF has the receipt inside, byte for byte, and says what its code holds."""

from __future__ import annotations

import pytest

from ledger_service.core.pages.language import Language
from ledger_service.core.pages.receipt_page import receipt_code
from ledger_service.core.receipt import encode_receipt
from ledger_service.documents.printed import receipt_pdf
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
