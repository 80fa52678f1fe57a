"""A document as one HTML file that is opened from a folder: no script, nothing from elsewhere, made to be printed too.

Promises: every text is escaped, in content and in attributes; the same document gives the same bytes; the file's own
policy lets a browser load the style below and pictures beside it, and nothing else. Does not: choose words.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Final

from ledger_service.core.pages.document import Document, Facts, Items, Part, Pictures, Table, Text, inert
from ledger_service.core.pages.language import Language

LONG_CHARACTERS = 24  # a longer word, such as a fingerprint, may be broken so that a table keeps its width
_TAGS: Final = {Language.EN: "en", Language.ZH: "zh-Hans"}
_STYLE: Final = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,"Noto Sans","Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;max-width:70rem;
margin:0 auto;padding:1rem 1.25rem 4rem;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2}
h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid;padding-bottom:.25rem}
.lead{max-width:46rem}
.strong{font-weight:600}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.25rem 1rem}
dt{font-weight:600}dd{margin:0;white-space:pre-line}
li{margin:.25rem 0}li p{margin:0 0 0 1rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;width:100%}
caption{text-align:start;font-weight:600;padding:.5rem 0}
th,td{border:1px solid;padding:.25rem .5rem;text-align:start;vertical-align:top;white-space:pre-line;
overflow-wrap:normal}
td.long{overflow-wrap:anywhere;min-width:10rem}
tr.marked td:first-child{border-inline-start-width:.375rem;font-weight:600}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1rem}
figure{margin:0 0 1rem}img{max-width:100%;height:auto;border:1px solid}
figcaption{font-size:.875rem}
h3{font-size:1rem}
@media print{body{max-width:none;font-size:10pt}h2{break-after:avoid}tr,figure,li{break-inside:avoid}
.scroll{overflow:visible}th,td{overflow-wrap:anywhere}}
"""
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(_STYLE.encode()).digest()).decode()}';"
    " img-src 'self' file:; base-uri 'none'; form-action 'none'"
)


def format_html(document: Document) -> bytes:
    """Return the file."""
    lines = [
        "<!doctype html>",
        f'<html lang="{_TAGS[document.language]}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_safe(document.title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{_safe(document.title)}</h1>",
    ]
    for text in document.lead:
        lines += _text(text, "lead strong" if text.strong else "lead")
    for place, section in enumerate(document.sections):
        lines.append(f'<section aria-labelledby="s{place}">')
        lines.append(f'<h2 id="s{place}">{_safe(section.heading)}</h2>')
        for part in section.parts:
            lines += _part(part)
        lines.append("</section>")
    lines += ["</main>", "</body>", "</html>"]
    return ("\n".join(lines) + "\n").encode()


def _safe(text: str) -> str:
    return escape(inert(text))


def _part(part: Part) -> Iterator[str]:
    match part:
        case Text():
            yield from _text(part, "strong" if part.strong else "")
        case Facts():
            yield "<dl>"
            for name, value in part.rows:
                yield f'<dt>{_safe(name)}</dt><dd dir="auto">{_safe(value)}</dd>'
            yield "</dl>"
        case Items():
            yield "<ul>"
            for first, *below in part.items:
                told = "".join(f'<p dir="auto">{_safe(one)}</p>' for one in below)
                yield f'<li><span dir="auto">{_safe(first)}</span>{told}</li>'
            yield "</ul>"
        case Table():
            yield from _table(part)
        case _:
            yield from _pictures(part)


def _text(text: Text, style: str) -> Iterator[str]:
    yield f'<p class="{style}">{_safe(text.text)}</p>' if style else f"<p>{_safe(text.text)}</p>"


def _table(table: Table) -> Iterator[str]:
    yield f'<div class="scroll" tabindex="0" role="group" aria-label="{_safe(table.caption)}">'
    yield f"<table><caption>{_safe(table.caption)}</caption>"
    yield "<thead><tr>" + "".join(f'<th scope="col">{_safe(one)}</th>' for one in table.head) + "</tr></thead>"
    yield "<tbody>"
    for place, row in enumerate(table.rows):
        cells = "".join(_cell(one) for one in row)
        yield f'<tr class="marked">{cells}</tr>' if place in table.marked else f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"


def _cell(text: str) -> str:
    one_word = len(text) > LONG_CHARACTERS and not any(map(str.isspace, text))
    return f'<td class="long">{_safe(text)}</td>' if one_word else f'<td dir="auto">{_safe(text)}</td>'


def _pictures(pictures: Pictures) -> Iterator[str]:
    yield '<div class="columns">'
    for heading, listed in pictures.columns:
        yield f"<div><h3>{_safe(heading)}</h3>"
        for one in listed:
            file, about = _safe(one.file), _safe(one.caption)
            yield f'<figure><a href="{file}"><img src="{file}" alt="{about}"></a>'
            yield f"<figcaption>{about}</figcaption></figure>"
        yield "</div>"
    yield "</div>"
