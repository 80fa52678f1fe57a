"""A PDF as another program reads it: its text, fonts, attached files, and what it would do."""

from __future__ import annotations

import io
from typing import Any

from pypdf import PdfReader


def opened(data: bytes) -> PdfReader:
    """Return a PDF."""
    return PdfReader(io.BytesIO(data), strict=True)


def text_of(data: bytes) -> str:
    """Return the text of every page, white space and break marks aside."""
    text = "".join(page.extract_text() for page in opened(data).pages)
    return "".join(text.replace("\u200b", "").split())


def fonts_of(data: bytes) -> set[str]:
    """Return the names of the fonts on its pages, each without the tag of its subset."""
    found: set[str] = set()
    for page in opened(data).pages:
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            found.add(str(font.get_object()["/BaseFont"]).rpartition("+")[2].strip("/"))
    return found


def attached(data: bytes) -> dict[str, bytes]:
    """Return the files inside it by name."""
    root: Any = opened(data).trailer["/Root"]
    found = {}
    for one in root.get("/AF", []):
        named = one.get_object()
        found[str(named["/UF"])] = named["/EF"]["/F"].get_object().get_data()
    return found
