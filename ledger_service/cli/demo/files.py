"""The evidence files of the demonstration, made here: photos (PNG), papers (PDF), messages (JSON).

Promises: small, valid files that any viewer opens; the same call gives the same bytes. Does not: touch a disk.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable

Colour = tuple[int, int, int]

PHOTO_WIDTH = 240
PHOTO_HEIGHT = 180
_WALL: Colour = (233, 228, 219)
_TABLE: Colour = (150, 111, 80)
_SHADE: Colour = (246, 211, 120)
_STAND: Colour = (70, 78, 92)
_CRACK: Colour = (40, 22, 16)
_CARTON: Colour = (196, 154, 108)
_TAPE: Colour = (222, 199, 160)


def photo(*, cracked: bool, light: int = 0) -> bytes:
    """Return a PNG photo of a table lamp; `cracked` shows the damage, `light` shifts the exposure (-40 … 40)."""

    def colour_at(x: int, y: int) -> Colour:
        if cracked and 96 <= x <= 146 and 34 <= y <= 96 and abs((x - 96) - (y - 34) * 4 // 5 + (y * 7 % 5) - 2) <= 1:
            return _CRACK
        if 34 <= y <= 96 and abs(x - 120) <= 18 + (y - 34) // 2:
            return _SHADE
        if (96 < y <= 138 and abs(x - 120) <= 4) or (138 < y <= 148 and abs(x - 120) <= 34):
            return _STAND
        return _TABLE if y > 144 else _WALL

    return _png(lambda x, y: _lit(colour_at(x, y), light - (x + y) // 24))


def box_photo(*, light: int = 0, torn: bool = False) -> bytes:
    """Return a PNG photo of a packed parcel; `torn` shows a torn corner, `light` shifts the exposure (-40 … 40)."""

    def colour_at(x: int, y: int) -> Colour:
        if not (48 <= x <= 192 and 50 <= y <= 146):
            return _TABLE if y > 144 else _WALL
        if torn and x - 48 + y - 50 < 34 + x * 5 % 4:
            return _CRACK
        if 126 <= x <= 176 and 92 <= y <= 128:
            return _CRACK if x % 5 < 2 and y < 110 else _WALL  # its label
        return _TAPE if abs(x - 110) <= 7 else _CARTON

    return _png(lambda x, y: _lit(colour_at(x, y), light - (x + y) // 24))


def paper(title: str, lines: list[tuple[str, str]]) -> bytes:
    """Return a one-page PDF with a title and labelled lines (ASCII)."""
    rows = [f"BT /F1 18 Tf 56 770 Td ({_pdf_text(title)}) Tj ET"]
    for n, (label, value) in enumerate(lines):
        y = 730 - 24 * n
        rows.append(f"BT /F1 9 Tf 56 {y} Td ({_pdf_text(label)}) Tj ET")
        rows.append(f"BT /F1 12 Tf 210 {y} Td ({_pdf_text(value)}) Tj ET")
    content = "\n".join(rows).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def message(value: object) -> bytes:
    """Return a JSON message as another system would send it."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _png(colour_at: Callable[[int, int], Colour]) -> bytes:
    rows = b"".join(b"\x00" + b"".join(bytes(colour_at(x, y)) for x in range(PHOTO_WIDTH)) for y in range(PHOTO_HEIGHT))
    header = struct.pack(">IIBBBBB", PHOTO_WIDTH, PHOTO_HEIGHT, 8, 2, 0, 0, 0)  # 8 bits, RGB
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _lit(colour: Colour, light: int) -> Colour:
    red, green, blue = (max(0, min(255, part + light)) for part in colour)
    return red, green, blue


def _pdf_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
