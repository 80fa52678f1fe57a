"""Hostile uploads: none ends in an error of ours, none leaves the store, none is served as anything that runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger_service.evidence.media_type import SERVED
from ledger_service.operations.audit import audit
from tests.api.asking import Asking
from tests.api.forms import body, raw
from tests.api.hostile import NAMES, Hostile, corpus
from tests.api.test_evidence import request_with
from tests.operations.world import PLATFORM

CORPUS = corpus()
STORED = re.compile(r"home/files/([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{28}")
PIECES = 7  # a body comes in so many pieces, cut anywhere


@pytest.fixture(scope="module")
def many(service: Asking) -> Iterator[Asking]:
    """The service, whose caller sends more than a caller should."""
    kept = service.app.state.service.limiter
    service.app.state.service.limiter = type(kept)(rate=0, burst=1)
    yield service
    service.app.state.service.limiter = kept


def files(service: Asking) -> set[str]:
    """Return every file below the folder of the test, the database's own aside."""
    found = (path.relative_to(service.folder) for path in service.folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "sqlite3" not in path.name and "/chain/" not in f"/{path}"}


def send(service: Asking, hostile: Hostile, *, whole: bool) -> Any:
    """Send an upload as ASGI messages: whole, or cut into pieces anywhere."""
    cuts = sorted({0, len(hostile.body), *(secrets.randbelow(len(hostile.body) + 1) for _ in range(PIECES))})
    pieces = [hostile.body] if whole else [hostile.body[first:last] for first, last in pairwise(cuts)] or [b""]
    return raw(service, "POST", "/v1/evidence", PLATFORM, hostile.headers.items(), body(*pieces))


def test_the_corpus_is_large_and_each_of_it_is_another() -> None:
    assert len(CORPUS) >= 150
    assert len({hostile.name for hostile in CORPUS}) == len(CORPUS)
    assert sum(hostile.kept for hostile in CORPUS) >= 100
    assert sum(not hostile.kept for hostile in CORPUS) >= 80


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in pieces"])
@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
def test_a_hostile_upload_is_kept_as_bytes_or_refused_without_a_trace(
    many: Asking, hostile: Hostile, whole: bool
) -> None:
    before = files(many)

    answer = send(many, hostile, whole=whole)

    assert answer.status is not None
    added = files(many) - before
    if not hostile.kept:
        assert answer.status in (400, 413, 415, 422), answer
        assert answer.headers["content-type"] == "application/problem+json"
        assert not added
        return
    assert answer.status == 201, answer
    assert hostile.content is not None
    assert sha256(hostile.content).hexdigest() in answer.body.decode()
    assert len(added) == 1  # a name of its own, whatever was sent
    assert all(STORED.fullmatch(path) for path in added)
    for name in NAMES.values():
        assert len(name) < 5 or name not in answer.body


@pytest.mark.parametrize("hostile", [one for one in CORPUS if one.kept], ids=lambda hostile: hostile.name)
def test_a_hostile_file_comes_back_unchanged_and_as_nothing_that_runs(many: Asking, hostile: Hostile) -> None:
    assert hostile.content is not None
    send(many, hostile, whole=True)
    opened = many.post("/v1/returns", PLATFORM, request_with(sha256(hostile.content).hexdigest()))
    assert opened.status_code == 201, opened.text

    answer = many.ask("GET", f"/v1/entries/{opened.json()['index']}/evidence/0", PLATFORM)

    assert answer.status_code == 200
    assert answer.content == hostile.content
    served = answer.headers["content-type"]
    assert served == "application/octet-stream" or served in SERVED
    assert not re.search("html|xml|svg|script|json|text", served)
    assert re.fullmatch(
        r'attachment; filename="entry-[0-9]+-product_photo-0\.[a-z0-9]{3,4}"', answer.headers["content-disposition"]
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "private, no-store"
    assert "set-cookie" not in answer.headers


def test_a_file_is_never_opened_up(many: Asking) -> None:
    """A bomb costs what its bytes cost: nothing larger than the corpus lies in the store."""
    for hostile in CORPUS:
        if hostile.name.startswith("bomb-"):
            assert send(many, hostile, whole=True).status == 201

    largest = max(len(hostile.content or b"") for hostile in CORPUS)
    stored = (many.folder / "home" / "files").rglob("*")
    assert max(path.stat().st_size for path in stored if path.is_file()) <= largest
    assert not Path("/tmp/slipped").exists()
    assert audit(many.ledger, None).findings == []


def test_a_hostile_path_names_no_file(many: Asking) -> None:
    before = files(many)
    for digest in ("..", "%2e%2e%2f", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "%00", "%00" * 64, "a" * 5_000):
        for method in ("PUT", "GET"):
            sent: dict[str, Any] = {"content": b"x"} if method == "PUT" else {}
            answer = many.ask(method, f"/v1/evidence/{digest}", PLATFORM, **sent)
            assert answer.status_code in (404, 405, 415, 422), (digest, answer.text)
    assert files(many) == before
