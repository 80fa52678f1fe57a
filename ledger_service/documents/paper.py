"""A document as PDF/A-3a and PDF/UA-1: set by typst, with fonts from packages, and files attached inside.

Promises: equal input gives equal bytes; what a person wrote is data for the template and never a part of it; a
character without a glyph is printed as its escape, and the standard refuses a PDF in which one were missing; nothing is
read but the template and the fonts, and nothing is fetched. Does not: choose words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal
from unicodedata import east_asian_width

from ledger_service.core.pages.document import Document, Facts, Items, Part, Pictures, Section, Table, Text
from ledger_service.core.pages.language import Language
from ledger_service.documents.glyphs import FAMILIES, folders, printable
from ledger_service.errors import BackPressureError, LedgerError

if TYPE_CHECKING:
    import typst

MEDIA_TYPE: Final = "application/pdf"
STANDARDS: Final[list[Literal["a-3a", "ua-1"]]] = [
    "a-3a",  # ISO 19005-3: to be kept; of the levels of PDF/A the one that may carry files of any type
    "ua-1",  # ISO 14289-1: to be read aloud
]
_TEMPLATE: Final = Path(__file__).with_name("document.typ")
_LANGUAGES: Final = {Language.EN: ("en", None), Language.ZH: ("zh", "cn")}
WAIT_SECONDS_MAX: Final = 20.0  # for others that are being set: a thread that waits serves nobody
RETRY_SECONDS: Final = 5
_COLUMN_LEAST, _COLUMN_MOST = 4, 40  # characters by which the widths of columns are weighed
_setting = Lock()  # one at a time: typst takes every core that there is


class DocumentError(LedgerError):
    """A document could not be set."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside a PDF: its name, content (UTF-8), media type, and what it is."""

    name: str
    content: bytes
    media_type: str
    about: str


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code, and beside it what it holds."""

    content: str
    about: str


def set_pdf(
    document: Document, *, footer: str, code: Code | None = None, files: Sequence[Attached] = (), wide: bool = False
) -> bytes:
    """Return a document as PDF.

    Args:
        document: What it says, no heading of it empty; pictures are left out, since they lie beside the document.
        footer: On every page.
        code: A QR code under the lead.
        files: Attached inside.
        wide: On pages that lie on their long side.

    Raises:
        BackPressureError: Others are being set for longer than anybody should wait.
        DocumentError: It could not be set.
    """
    import typst  # eighty megabytes that most runs do not need

    given = json.dumps(_given(document, footer, code, files, wide=wide), ensure_ascii=False)
    if not _setting.acquire(timeout=WAIT_SECONDS_MAX):
        raise BackPressureError("other documents are being set", retry_after_seconds=RETRY_SECONDS)
    try:
        return typst.compile(
            _TEMPLATE,
            root=_TEMPLATE.parent,
            font_paths=_fonts(),
            format="pdf",
            sys_inputs={"given": given},
            pdf_standards=list(STANDARDS),
        )
    except (typst.TypstError, RuntimeError) as error:
        raise DocumentError(f"the document could not be set: {error}") from None
    finally:
        _setting.release()


@cache
def _fonts() -> typst.Fonts:
    """Return our fonts and no others, read once: they take three quarters of the time of a short document."""
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders()))


def _given(
    document: Document, footer: str, code: Code | None, files: Sequence[Attached], *, wide: bool
) -> dict[str, Any]:
    lang, region = _LANGUAGES[document.language]
    at = datetime.fromisoformat(document.made_at)
    return {
        "title": printable(document.title),
        "author": "return-ledger",
        "date": [at.year, at.month, at.day, at.hour, at.minute, at.second],
        "lang": lang,
        "region": region,
        "families": list(FAMILIES),
        "wide": wide,
        "footer": printable(footer),
        "lead": [_part(one) for one in document.lead],
        "sections": [_section(one) for one in document.sections],
        "code": None if code is None else {"picture": _qr(code.content), "about": printable(code.about)},
        "files": [
            {"name": one.name, "content": one.content.decode(), "type": one.media_type, "about": one.about}
            for one in files
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    parts = [_part(one) for one in section.parts if not isinstance(one, Pictures)]
    return {"heading": printable(section.heading), "parts": parts}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"kind": "text", "text": printable(part.text), "strong": part.strong}
    if isinstance(part, Facts):
        return {"kind": "facts", "rows": [_row(row) for row in part.rows]}
    if isinstance(part, Items):
        return {"kind": "items", "items": [_row(item) for item in part.items]}
    assert isinstance(part, Table)  # pictures were left out
    rows = [_row(row) for row in part.rows]
    return {
        "kind": "table",
        "caption": printable(part.caption),
        "head": _row(part.head),
        "rows": rows,
        "marked": sorted(part.marked),
        "widths": [_width(column) for column in zip(_row(part.head), *rows, strict=True)],
    }


def _row(cells: Sequence[str]) -> list[str]:
    return [printable(cell) for cell in cells]


def _width(column: Sequence[str]) -> int:
    """Return the weight of a column: its longest line, within bounds, so that no column starves another."""
    longest = max(_places(line) for cell in column for line in cell.split("\n"))
    return min(max(longest, _COLUMN_LEAST), _COLUMN_MOST)


def _places(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


def _qr(content: str) -> str:
    """Return a QR code (ISO/IEC 18004) as SVG."""
    import segno

    drawn = BytesIO()
    segno.make(content, micro=False, error="m").save(drawn, kind="svg", xmldecl=False, nl=False)
    return drawn.getvalue().decode()
