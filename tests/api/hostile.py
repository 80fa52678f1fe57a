"""Hostile uploads, made by code: names that lie, types that lie, bombs, and forms that are none (threats H1–H6, A10).

Each says what must become of it: `kept` (then it must come back unchanged, as an attachment of a harmless type) or
`refused` (then nothing of it stays). Nothing here does harm: the bombs are small, and the test virus is a text that
scanners agreed on.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain

from tests.api.forms import BOUNDARY, form, form_headers, part

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
PNG = b"\x89PNG\r\n\x1a\n"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass(frozen=True, slots=True)
class Hostile:
    """One upload: its headers and body as they are sent; `content` is the file's, if it is to be kept."""

    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=form_headers)
    content: bytes | None = None

    @property
    def kept(self) -> bool:
        """Say whether the service should take it."""
        return self.content is not None


def corpus() -> list[Hostile]:
    """Return all of them; two have never the same name."""
    return list(chain(_names(), _types(), _bombs(), _broken_forms(), _broken_headers(), _wrong_hashes()))


# --- H2: names -------------------------------------------------------------------------------------------------------

NAMES: dict[str, bytes] = {
    "parent": b"../../../../etc/passwd",
    "parent-windows": b"..\\..\\..\\windows\\win.ini",
    "parent-encoded": b"..%2f..%2f..%2fetc%2fpasswd",
    "parent-twice-encoded": b"..%252f..%252fetc",
    "parent-overlong": b"..\xc0\xaf..\xc0\xafetc",
    "parent-doubled": b"....//....//etc",
    "absolute": b"/etc/cron.d/root",
    "absolute-windows": b"C:\\boot.ini",
    "unc": b"\\\\host\\share\\x",
    "nul": b"photo.jpg\x00.html",
    "nul-encoded": b"photo.jpg%00.html",
    "newline": b"a\nSet-Cookie: x=1",
    "line-feeds": b"a\n\nb",
    "crlf-encoded": b"a%0d%0aSet-Cookie:%20x=1",
    "tab": b"a\tb.jpg",
    "escape": b"\x1b[2J\x1b[1;1H.jpg",
    "bell": b"\x07\x07\x07.jpg",
    "right-to-left": "photo\u202egpj.exe".encode(),
    "zero-width": "a\u200bb\ufeff.jpg".encode(),
    "combining": ("e" + "\u0301" * 200 + ".jpg").encode(),
    "not-utf8": b"\xff\xfe\xfd.jpg",
    "surrogate": b"\xed\xa0\x80.jpg",
    "device": b"CON",
    "device-with-ending": b"nul.jpg",
    "printer": b"LPT1",
    "stream": b"photo.jpg::$DATA",
    "htaccess": b".htaccess",
    "hidden": b".ssh",
    "dot": b".",
    "dots": b"..",
    "empty": b"",
    "spaces": b"   ",
    "ending-twice": b"a.jpg.html",
    "php": b"a.php",
    "trailing-dot": b"a.html.",
    "trailing-space": b"a.html ",
    "shell": b"$(touch /tmp/x);`id`|cat.jpg",
    "option": b"--help",
    "html": b"<img src=x onerror=alert(1)>.jpg",
    "quote": b'a\\" onload=\\"alert(1)',
    "sql": b"'; DROP TABLE entries; --",
    "template": b"{{7*7}}${7*7}<%= 7*7 %>",
    "format": b"%s%s%s%n%n",
    "formula": b"=HYPERLINK(1)",
    "incoming": b"incoming/../partial/x",
    "unicode-dots": "\u2024\u2024\u2215etc".encode(),
    "long": b"a" * 1_500,
    "other-part": b"; name=sha256; name=file",
}


def _names() -> Iterator[Hostile]:
    for name, spelled in NAMES.items():
        content = JPEG + name.encode()
        disposition = b'form-data; name="file"; filename="' + spelled + b'"'
        yield Hostile(f"name-{name}", form(part(content, disposition)), content=content)
    for name in ("parent", "crlf-encoded", "right-to-left", "nul-encoded"):
        content = JPEG + b"extended " + name.encode()
        disposition = b"form-data; name=\"file\"; filename*=UTF-8''" + NAMES[name].replace(b" ", b"%20")
        yield Hostile(f"extended-name-{name}", form(part(content, disposition)), content=content)
    for name, size in (("5000", 5_000), ("a-million", 1_000_000)):
        disposition = b'form-data; name="file"; filename="' + b"a" * size + b'"'
        yield Hostile(f"name-{name}", form(part(JPEG, disposition)))
    crlf = b'form-data; name="file"; filename="a\r\nSet-Cookie: x=1"'
    yield Hostile("name-crlf", form(part(JPEG, crlf)))


# --- H3, H4: types that lie ------------------------------------------------------------------------------------------

SCRIPT = b"<script>alert(document.domain)</script>"
LIES: dict[str, bytes] = {
    "html": b"<!doctype html><html><body>" + SCRIPT,
    "html-indented": b" \n\t<html>" + SCRIPT,
    "html-utf7": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "html-utf16": ("<html>" + SCRIPT.decode()).encode("utf-16"),
    "html-bom": b"\xef\xbb\xbf<html>" + SCRIPT,
    "html-comment": b"<!--" + b"x" * 5_000 + b"--><html>" + SCRIPT,
    "html-late": b"x" * 70_000 + b"<html>" + SCRIPT,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "svg-declared": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "xml-entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "xml-laughs": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "xslt": b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#"?><a/>',
    "javascript": b"alert(1)//",
    "json": b'{"__proto__": {"polluted": true}}',
    "json-deep": b"[" * 60_000,
    "php": b"<?php system($_GET['x']); ?>",
    "shell": b"#!/bin/sh\nrm -rf /\n",
    "elf": b"\x7fELF" + bytes(100),
    "exe": b"MZ" + bytes(100),
    "jar": b"PK\x03\x04" + bytes(26) + b"META-INF/MANIFEST.MF",
    "pdf-script": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "eicar": EICAR,
    "gif-javascript": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//",
    "gif-html": b"GIF89a" + SCRIPT,
    "png-html": PNG + SCRIPT,
    "jpeg-html": JPEG + b"<html>" + SCRIPT,
    "jpeg-php": JPEG + b"<?php phpinfo(); ?>",
    "pdf-zip": b"%PDF-1.7\n" + b"PK\x03\x04" + bytes(40) + SCRIPT,
    "zip-pdf": b"PK\x03\x04" + bytes(26) + b"%PDF-1.7" + SCRIPT,
    "mp4-html": b"\x00\x00\x00\x18ftypmp42" + SCRIPT,
    "webp-html": b"RIFF\x00\x00\x00\x00WEBP" + SCRIPT,
    "heic-html": b"\x00\x00\x00\x18ftypheic" + SCRIPT,
    "one-byte": b"<",
    "nul-bytes": bytes(50),
    "boundary-inside": b"--" + BOUNDARY.encode() + b"x\r\n\r\n--" + BOUNDARY[:-1].encode(),
    "crlf-inside": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + SCRIPT,
}


def _types() -> Iterator[Hostile]:
    for name, lie in LIES.items():
        for declared in (b"image/jpeg", b"text/html"):
            content = lie + b" " + declared
            made = part(content, b'form-data; name="file"; filename="a.jpg"', b"Content-Type: " + declared)
            yield Hostile(f"type-{name}-as-{declared.decode()}", form(made), content=content)
    for number, declared in enumerate((b"", b"image/svg+xml; charset=\x00", b"a" * 1_000, b"text/html\tx")):
        content = JPEG + b"%d" % number
        made = part(content, b'form-data; name="file"', b"Content-Type: " + declared)
        yield Hostile(f"declared-{number}", form(made), content=content)


# --- H5: bombs -------------------------------------------------------------------------------------------------------


def zip_bomb(levels: int, width: int = 4) -> bytes:
    """Return an archive of archives: each level holds the one below several times."""
    inner = bytes(1_000_000)
    for _ in range(levels):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(width):
                archive.writestr(f"{number}.zip", inner)
        inner = made.getvalue()
    return inner


def pixel_bomb(width: int, height: int) -> bytes:
    """Return a picture of few bytes and very many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, held: bytes) -> bytes:
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


def _bombs() -> Iterator[Hostile]:
    slipping = io.BytesIO()
    with zipfile.ZipFile(slipping, "w") as archive:
        archive.writestr("../../../../tmp/slipped", b"x")
    bombs = {
        "zip-once": zip_bomb(1),
        "zip-five-deep": zip_bomb(5),
        "zip-slip": slipping.getvalue(),
        "pixels": pixel_bomb(50_000, 50_000),
        "pixels-most": pixel_bomb(2**31 - 1, 2**31 - 1),
        "gzip": zlib.compress(bytes(10_000_000), 9, 31),
        "gif-large": b"GIF89a\xff\xff\xff\xff" + bytes(10),
    }
    for name, content in bombs.items():
        yield Hostile(f"bomb-{name}", form(part(content)), content=content)


# --- H6: forms that are none -----------------------------------------------------------------------------------------


def _broken_forms() -> Iterator[Hostile]:
    photo = part(JPEG)
    digest = part(sha256(JPEG).hexdigest().encode(), b'form-data; name="sha256"')
    empty = part(b"")
    bodies = {
        "two-files": form(photo, photo),
        "two-hashes": form(digest, digest, photo),
        "no-file": form(digest),
        "no-parts": form(),
        "nothing": b"",
        "only-line-ends": b"\r\n" * 5_000,
        "empty-file": form(empty),
        "empty-file-between": form(digest, empty),
        "other-name": form(part(JPEG, b'form-data; name="upload"')),
        "name-with-case": form(part(JPEG, b'form-data; name="File"')),
        "no-name": form(part(JPEG, b'form-data; filename="x"')),
        "name-twice": form(part(JPEG, b'form-data; name="file"; name="file"')),
        "no-disposition": form(b"Content-Type: image/jpeg\r\n\r\n" + JPEG),
        "attachment": form(part(JPEG, b'attachment; name="file"')),
        "disposition-open-quote": form(part(JPEG, b'form-data; name="file')),
        "disposition-garbage": form(part(JPEG, b"form-data; " + b'";' * 500)),
        "disposition-many": form(part(JPEG, b"form-data" + b"; a=b" * 350)),
        "disposition-backslashes": form(part(JPEG, b'form-data; name="' + b"\\" * 1_900)),
        "header-twice": form(part(JPEG, b'form-data; name="file"', b'Content-Disposition: form-data; name="file"')),
        "header-without-colon": form(b"Content-Disposition\r\n\r\n" + JPEG),
        "header-empty-name": form(b": x\r\n\r\n" + JPEG),
        "header-space": form(b"Content Disposition: form-data\r\n\r\n" + JPEG),
        "headers-many": form(part(JPEG, b'form-data; name="file"', *[b"X-%d: y" % n for n in range(5_000)])),
        "header-long": form(part(JPEG, b'form-data; name="file"', b"X: " + b"y" * 1_000_000)),
        "header-name-long": form(part(JPEG, b'form-data; name="file"', b"X" * 1_000_000 + b": y")),
        "header-spaces": form(part(JPEG, b'form-data; name="file"', b"X:" + b" " * 1_000_000 + b"y")),
        "header-unended": b"--" + BOUNDARY.encode() + b"\r\nX: " + b"y" * 1_000_000,
        "base64": form(part(b"/9j/", b'form-data; name="file"', b"Content-Transfer-Encoding: base64")),
        "quoted-printable": form(part(JPEG, b'form-data; name="file"', b"Content-Transfer-Encoding: Quoted-Printable")),
        "thousands-of-parts": form(*[part(b"x", b'form-data; name="a%d"' % n) for n in range(5_000)]),
        "thousands-of-hashes": form(*[digest] * 5_000),
        "nested": form(part(form(photo, boundary="in"), b'form-data; name="files"',
                            b"Content-Type: multipart/mixed; boundary=in")),
        "preamble": form(photo, before=b"x" * 100),
        "preamble-large": form(photo, before=b"\r\n" + b"x" * 5_000_000 + b"\r\n"),
        "preamble-line-ends": form(photo, before=b"\r\n" * 3_000),
        "preamble-dashes": form(photo, before=b"\r\n" + b"--" * 500_000),
        "epilogue-large": form(photo, after=b"\r\n" + b"x" * 5_000_000),
        "no-end": form(photo, end=False),
        "end-cut": form(photo)[:-4],
        "cut-in-header": form(photo)[:60],
        "cut-in-boundary": form(photo)[:10],
        "line-feeds-only": form(photo).replace(b"\r\n", b"\n"),
        "other-boundary": form(photo, boundary="another"),
        "boundary-longer": form(photo, boundary=BOUNDARY + "x"),
        "json": b'{"file": "x"}',
        "urlencoded": b"file=x&sha256=y",
        "zeros": bytes(100_000),
        "hash-long": form(part(b"a" * 5_000_000, b'form-data; name="sha256"'), photo),
        "hash-of-capitals": form(part(sha256(JPEG).hexdigest().upper().encode(), b'form-data; name="sha256"'), photo),
        "hash-empty": form(part(b"", b'form-data; name="sha256"'), photo),
    }  # fmt: skip
    for name, body in bodies.items():
        yield Hostile(f"form-{name}", body)


def _broken_headers() -> Iterator[Hostile]:
    body = form(part(JPEG))
    types = {
        "no-boundary": "multipart/form-data",
        "empty-boundary": "multipart/form-data; boundary=",
        "quoted-empty": 'multipart/form-data; boundary=""',
        "long-boundary": "multipart/form-data; boundary=" + "a" * 71,
        "huge-boundary": "multipart/form-data; boundary=" + "a" * 10_000,
        "boundary-with-space": 'multipart/form-data; boundary="a "',
        "boundary-with-quote": 'multipart/form-data; boundary="a\\"b"',
        "boundary-outside-ascii": "multipart/form-data; boundary=\xe9",
        "boundary-twice": f"multipart/form-data; boundary={BOUNDARY}; boundary=x",
        "mixed": f"multipart/mixed; boundary={BOUNDARY}",
        "octets": "application/octet-stream",
        "json": "application/json",
        "html": "text/html",
        "nothing": "",
    }
    for name, declared in types.items():
        yield Hostile(f"header-{name}", body, {"Content-Type": declared})
    for length in ("-1", "-0", "+5", "1e3", "0x10", "9" * 40, "5, 5", " ", "NaN"):
        yield Hostile(f"length-{length}", body, form_headers(**{"Content-Length": length}))
    yield Hostile("length-much", body, form_headers(**{"Content-Length": str(10 * 1024**3)}))
    for coding in ("gzip", "deflate", "br", "identity, gzip"):
        yield Hostile(f"coding-{coding}", zlib.compress(body, 9, 31), form_headers(**{"Content-Encoding": coding}))


def _wrong_hashes() -> Iterator[Hostile]:
    named = b'form-data; name="sha256"'
    for name, digest in (("another", sha256(b"another").hexdigest()), ("zeros", "0" * 64), ("short", "0" * 63)):
        announced = part(digest.encode(), named)
        yield Hostile(f"hash-{name}-before", form(announced, part(JPEG)))
        yield Hostile(f"hash-{name}-after", form(part(JPEG), announced))
