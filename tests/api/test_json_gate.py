"""JSON as attackers send it, to a real POST route: 4xx with a code, whatever the bytes, and quickly enough.

What is refused here never comes to a model: encodings, duplicate names, floats, numbers that JavaScript rounds,
nesting and sizes. What is JSON of another form is refused by the model, with nothing coerced. Published vectors
(JSONTestSuite) are used where they are beside this checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger_service.api.bodies import BODY_BYTES_MAX
from ledger_service.core.encoding import DEPTH_MAX, INTEGER_MAX, VALUES_MAX
from tests.api.asking import Asking
from tests.operations.world import PLATFORM

PATH = "/v1/keys"
GOOD = b'{"label":"x","party":{"reference":"shop","role":"seller"},"scopes":["read"]}'


def send(service: Asking, body: bytes, path: str = PATH) -> httpx.Response:
    """Post bytes as JSON."""
    return service.ask("POST", path, PLATFORM, content=body, headers={"Content-Type": "application/json"})


def label(written: bytes) -> bytes:
    """Return the good body with another label, as it stands between the quotes."""
    return GOOD.replace(b'"x"', b'"' + written + b'"')


def value(written: bytes) -> bytes:
    """Return the good body with another value of the label."""
    return GOOD.replace(b'"x"', written)


def test_what_every_case_here_starts_from_is_taken(service: Asking) -> None:
    assert send(service, GOOD).status_code == 201
    assert send(service, b" \t\r\n" + GOOD + b"\n").status_code == 201
    assert send(service, label(b'\\u4e2d\\ud83d\\ude00\\"')).json()["label"] == '中😀"'
    assert send(service, label("e\u0301\u202e\u200b".encode())).json()["label"] == "e\u0301\u202e\u200b"  # as sent


MALFORMED = {
    "a name twice": (GOOD[:-1] + b',"label":"y"}', "duplicate_key"),
    "a name twice after unescaping": (GOOD[:-1] + b',"l\\u0061bel":"y"}', "duplicate_key"),
    "a name twice, both escaped": (b'{"\\u0061":1,"\\u0061":1}', "duplicate_key"),
    "a name twice, deep": (GOOD.replace(b'"role":"seller"', b'"role":"seller","role":"buyer"'), "duplicate_key"),
    "an empty name twice": (b'{"":1,"":2}', "duplicate_key"),
    "NaN": (value(b"NaN"), "float"),
    "Infinity": (value(b"Infinity"), "float"),
    "-Infinity": (value(b"-Infinity"), "float"),
    "1e400": (value(b"1e400"), "float"),
    "-1e400": (value(b"-1e400"), "float"),
    "1.0": (value(b"1.0"), "float"),
    "0.1": (value(b"0.1"), "float"),
    "1e2": (value(b"1e2"), "float"),
    "1E-2": (value(b"1E-2"), "float"),
    "-0": (value(b"-0"), "number"),
    "-0.0": (value(b"-0.0"), "float"),
    "+1": (value(b"+1"), "syntax"),
    "01": (value(b"01"), "syntax"),
    ".5": (value(b".5"), "syntax"),
    "5.": (value(b"5."), "syntax"),
    "0x1": (value(b"0x1"), "syntax"),
    "1_000": (value(b"1_000"), "syntax"),
    "a digit of another script": (value("١".encode()), "syntax"),
    "a lone high surrogate": (label(b"\\ud800"), "surrogate"),
    "a lone low surrogate": (label(b"\\udc00"), "surrogate"),
    "surrogates the wrong way round": (label(b"\\udc00\\ud800"), "surrogate"),
    "a lone surrogate in a name": (b'{"\\ud800":1}', "surrogate"),
    "U+0000": (label(b"\\u0000"), "nul"),
    "U+0000 in a name": (b'{"a\\u0000b":1}', "nul"),
    "a null byte": (label(b"\x00"), "syntax"),
    "a line break in a string": (label(b"\n"), "syntax"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "bom"),
    "UTF-16 with a mark": (GOOD.decode().encode("utf-16"), "utf8"),
    "UTF-16, little endian": (GOOD.decode().encode("utf-16-le"), "syntax"),
    "UTF-16, big endian": (GOOD.decode().encode("utf-16-be"), "syntax"),
    "UTF-32": (GOOD.decode().encode("utf-32"), "utf8"),
    "UTF-32, big endian": (GOOD.decode().encode("utf-32-be"), "syntax"),
    "UTF-7": (label(b"+AGE-").replace(b'"', b"+ACI-"), "syntax"),
    "Latin-1": (label(b"\xe9"), "utf8"),
    "overlong UTF-8": (label(b"\xc0\xaf"), "utf8"),
    "overlong U+0000": (label(b"\xc0\x80"), "utf8"),
    "a surrogate in UTF-8": (label(b"\xed\xa0\x80"), "utf8"),
    "beyond Unicode": (label(b"\xf4\x90\x80\x80"), "utf8"),
    "a cut character": (label(b"\xe2\x82"), "utf8"),
    "nothing": (b"", "syntax"),
    "white space": (b"  ", "syntax"),
    "two texts": (GOOD + GOOD, "syntax"),
    "a comma too many": (GOOD[:-1] + b",}", "syntax"),
    "a comment": (b"/* */" + GOOD, "syntax"),
    "quotes of another kind": (GOOD.replace(b'"', b"'"), "syntax"),
    "an open string": (b'{"a', "syntax"),
    "True": (value(b"True"), "syntax"),
    "a no-break space": ("\u00a0".encode() + GOOD, "syntax"),
    "a form feed": (b"\x0c" + GOOD, "syntax"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_strict_json_is_refused_with_its_code(service: Asking, name: str) -> None:
    body, code = MALFORMED[name]
    answer = send(service, body)

    assert (answer.status_code, answer.json()["type"]) == (400, "/help/problems/invalid-json"), answer.text
    assert answer.json()["code"] == code


LARGE = {
    "an integer beyond 2^53": value(b"%d" % (INTEGER_MAX + 1)),
    "an integer below -2^53": value(b"-%d" % (INTEGER_MAX + 1)),
    "ten thousand digits": value(b"9" * 10_000),
    "nested 200,000 deep": b"[" * 200_000,
    "nested 200,000 deep, closed": b"[" * 100_000 + b"]" * 100_000,
    "objects nested deep": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "nested a level too deep": value(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX),
    "too many values": value(b"[" + b"1," * VALUES_MAX + b"1]"),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_passes_a_limit_is_refused_with_the_limit(service: Asking, name: str) -> None:
    answer = send(service, LARGE[name])

    assert (answer.status_code, answer.json()["type"]) == (400, "/help/problems/limit-exceeded"), answer.text
    assert answer.json()["most"] > 0


@pytest.mark.parametrize(
    "body",
    [
        label(b"a" * 10_000_000),
        b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}",
        b" " * BODY_BYTES_MAX + GOOD,
        b"[" * 1_000_000,
    ],
    ids=["a string of ten megabytes", "a million names", "white space", "a million brackets"],
)
def test_what_is_too_long_is_cut_off(service: Asking, body: bytes) -> None:
    answer = send(service, body)

    assert (answer.status_code, answer.json()["most"]) == (413, BODY_BYTES_MAX)


@pytest.mark.parametrize(
    "written",
    [
        b"1", b"0", b"true", b"false", b"null", b"[]", b"{}", b'["x"]', b'{"x":1}', b'""', b'"' + b"a" * 81 + b'"',
        b"%d" % INTEGER_MAX,
    ],
)  # fmt: skip
def test_nothing_is_taken_for_a_text_that_is_none(service: Asking, written: bytes) -> None:
    answer = send(service, value(written))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/label"


@pytest.mark.parametrize(
    "seconds",
    ['"3600"', "true", "false", "null", "[3600]", "{}", "59", "2592001", "-3600", '"0x100"', str(INTEGER_MAX)],
)
def test_nothing_is_taken_for_an_integer_that_is_none(service: Asking, seconds: str) -> None:
    body = b'{"party":{"reference":"b","role":"buyer"},"return_id":"%s","valid_seconds":%s}'
    answer = send(service, body % (b"0" * 32, seconds.encode()), "/v1/links")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/valid_seconds"


@pytest.mark.parametrize("body", [b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b"{}", GOOD[:-1] + b',"more":1}'])
def test_another_value_than_the_described_object_is_refused(service: Asking, body: bytes) -> None:
    assert send(service, body).status_code == 422


@pytest.mark.parametrize(
    "occurred_at",
    [
        1_798_761_600, 253_402_300_800, "1798761600", "2026-11-03T10:20:00", "2026-11-03T10:20:00.000",
        "2026-11-03T10:20:00Z", "2026-11-03T10:20:00.000+01:00", "2026-11-03T10:20:00.000+99:00",
        "2026-11-03T24:00:00.000Z", "2026-11-03T10:20:60.000Z", "2026-02-30T10:20:00.000Z", "2026-11-03 10:20:00.000Z",
        "2026-11-03T10:20:00.000000Z", "2026-11-03t10:20:00.000Z", "2026-11-03", "now", True, [], {},
    ],
)  # fmt: skip
def test_a_time_has_one_form_and_exists(service: Asking, occurred_at: Any) -> None:
    answer = service.post("/v1/returns", PLATFORM, {"verb": "request_return", "occurred_at": occurred_at})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/occurred_at"


@pytest.mark.parametrize(
    "media_type",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1", "application/json, text/plain", "application/jsonp", "application/ld+json",
    ],
)  # fmt: skip
def test_a_body_says_that_it_is_json(service: Asking, media_type: str) -> None:
    sent = {"Content-Type": media_type} if media_type else {}

    assert service.ask("POST", PATH, PLATFORM, content=GOOD, headers=sent).status_code == 415
    for encoding in ("gzip", "br", "identity, gzip"):
        coded = {"Content-Type": "application/json", "Content-Encoding": encoding}
        assert service.ask("POST", PATH, PLATFORM, content=GOOD, headers=coded).status_code == 415


def suite(shared: Path, first: str) -> list[Path]:
    """Return the files of JSONTestSuite whose names begin with `y`, `n` or `i`."""
    found = sorted(shared.glob(f"vectors/**/test_parsing/{first}_*.json"))
    if not found:
        pytest.skip("the files of JSONTestSuite are not in ../shared/vectors: only our own cases were sent")
    return found


def test_every_text_that_no_reader_may_take_is_refused(service: Asking, shared: Path) -> None:
    files = suite(shared, "n")

    refused = {file.name: send(service, file.read_bytes()).status_code for file in files}
    assert len(files) == 188
    assert {name for name, status in refused.items() if status not in (400, 413)} == set()


def test_every_other_published_text_is_answered_without_an_error_of_ours(service: Asking, shared: Path) -> None:
    for file in [*suite(shared, "y"), *suite(shared, "i")]:
        assert send(service, file.read_bytes()).status_code in (400, 413, 422), file.name
