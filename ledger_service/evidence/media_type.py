"""The media type of a file, told from its content while it streams past.

Promises: one answer for the same bytes, from a small table of signatures (IANA media types); a name or a header that
came with the file is never asked. Does not: prove that the file is well formed, or open it.

>>> sniffer = Sniffer()
>>> sniffer.feed(b"%PDF-1.7 ...")
>>> sniffer.media_type()
'application/pdf'
"""

from __future__ import annotations

import codecs
import json
import re

OCTET_STREAM = "application/octet-stream"
TEXT = "text/plain"  # UTF-8 that is no JSON and no XML; markup is text too
SERVED = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "application/pdf": "pdf",
}  # what a file may be served as, with its ending; the rest (text, markup, archives) is octets
HEAD_BYTES = 65_536  # what is kept to look at; a JSON text up to this size is parsed, a longer one told by its start
JSON_DEPTH_MAX = 500  # deeper text is not parsed: libraries raise the recursion limit, and json's C code overflows

_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx])", re.DOTALL), "image/heic"),
    (re.compile(rb".{4}ftyp(mif1|msf1)", re.DOTALL), "image/heif"),
    (re.compile(rb".{4}ftyp(avif|avis)", re.DOTALL), "image/avif"),
    (re.compile(rb".{4}ftypqt  ", re.DOTALL), "video/quicktime"),
    (re.compile(rb".{4}ftyp(iso[m2-9]|mp4[12]|avc1|M4V |dash|MSNV|3gp)", re.DOTALL), "video/mp4"),
    (re.compile(rb"%PDF-[0-9]"), "application/pdf"),
    (re.compile(rb"PK(\x03\x04|\x05\x06)"), "application/zip"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # control characters that no text holds
_JSON_START = re.compile(rb'\s*(\{\s*["}]|\[\s*([\[{"\]0-9-]|true|false|null))')
_JSON_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_XML_START = re.compile(rb"(\xef\xbb\xbf)?<\?xml\s")


class Sniffer:
    """Looks at a file chunk by chunk: `feed` every chunk in order, then ask `media_type`."""

    __slots__ = ("_decoder", "_head", "_size", "_textual")

    def __init__(self) -> None:
        self._head = b""
        self._size = 0
        self._textual = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the file."""
        self._size += len(chunk)
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
        if self._textual:
            self._textual = self._decodes(chunk, final=False) and not _BINARY.search(chunk)

    def media_type(self) -> str:
        """Return the media type of what was fed; `application/octet-stream` if no signature fits."""
        for signature, media_type in _SIGNATURES:
            if signature.match(self._head):
                return media_type
        if self._size == 0 or not (self._textual and self._decodes(b"", final=True)):
            return OCTET_STREAM
        if _XML_START.match(self._head):
            return "application/xml"
        return "application/json" if self._is_json() else TEXT

    def _decodes(self, chunk: bytes, *, final: bool) -> bool:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            return False
        return True

    def _is_json(self) -> bool:
        if not _JSON_START.match(self._head):
            return False
        if self._size > HEAD_BYTES:
            return True
        if _depth(self._head) > JSON_DEPTH_MAX:
            return False
        try:
            json.loads(self._head)
        except (ValueError, RecursionError):
            return False
        return True


def _depth(text: bytes) -> int:
    """Return how deep arrays and objects are nested in JSON; of other text, at least where its JSON would end."""
    depth = deepest = 0
    for token in _JSON_TOKENS.findall(text):
        if token in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token in (b"]", b"}"):
            depth -= 1
    return deepest
