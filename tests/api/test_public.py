"""The public log over HTTP: what a stranger needs to follow it, and nothing of a case."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger_service.app import make_app
from ledger_service.core.checkpoint import verify_checkpoint
from ledger_service.core.merkle import Frontier, compute_root, leaf_hash, nodes_for_root
from ledger_service.core.trust import parse_trust
from ledger_service.errors import StoreError
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.seal import make_seal
from ledger_service.settings import load_settings
from ledger_service.store.drafts import LogDraft
from tests.operations.conftest import make_world
from tests.operations.world import World, open_cases

FIXED = "public, max-age=31536000, immutable"
ENTRIES = 300  # more than one full tile


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A ledger with more entries than one tile has hashes."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    folder = tmp_path_factory.mktemp("public")
    made = make_world(folder / "home")
    made.found()
    with made.opened() as opened:
        writer = opened.ledger.require_writer()
        open_cases(opened.ledger, folder, 2)
        while opened.ledger.read.size() < ENTRIES:
            writer.append(LogDraft(make_seal(opened.ledger.origin)))
    yield made
    os.environ.update(kept)


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    """That ledger, opened to read."""
    with world.opened(write=False) as opened:
        yield opened.ledger


def get(ledger: Ledger, path: str, *, method: str = "GET") -> httpx.Response:
    """Ask the application as a client would."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(ledger, load_settings()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger.test") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def test_the_checkpoint_is_the_newest_signed_head_and_is_never_cached(ledger: Ledger) -> None:
    answer = get(ledger, "/checkpoint")
    head = verify_checkpoint(answer.content, ledger.checkpoint_keys(), origin=ledger.origin)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert (head.size, head.root) == (ledger.read.size(), ledger.read.root(ledger.read.size()))


def test_the_root_follows_from_the_tiles_alone(ledger: Ledger) -> None:
    full, part = get(ledger, "/tile/0/000"), get(ledger, f"/tile/0/001.p/{ENTRIES - 256}")
    hashes = [*_hashes(full), *_hashes(part)]
    frontier = Frontier.empty()
    for value in hashes:
        frontier.append(value)

    assert len(hashes) == ENTRIES
    assert hashes[0] == leaf_hash(ledger.read.entry(0).encoded)
    assert frontier.root() == ledger.read.root(ENTRIES)
    assert {answer.headers["cache-control"] for answer in (full, part)} == {FIXED}
    assert full.headers["content-type"] == "application/octet-stream"


def test_a_tile_of_a_higher_level_holds_the_roots_of_full_tiles(ledger: Ledger) -> None:
    (root,) = _hashes(get(ledger, "/tile/1/000.p/1"))

    assert root == ledger.read.root(256)
    assert compute_root(256, ledger.read.nodes(nodes_for_root(256))) == root


def _hashes(answer: httpx.Response) -> list[bytes]:
    assert answer.status_code == 200
    assert len(answer.content) % 32 == 0
    return [answer.content[start : start + 32] for start in range(0, len(answer.content), 32)]


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/001",  # not full yet
        f"/tile/0/001.p/{ENTRIES - 255}",
        "/tile/1/000.p/2",
        "/tile/1/000",
        "/tile/2/000.p/1",
        "/tile/8/000.p/1",
        "/tile/9/000",
        "/tile/0/x001/000",
        "/tile/0/x999/x999/x999/x999/x999/999",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/01",
        "/tile/0/000.p/",
        "/tile/0/000.p/1.p/1",
        "/tile/0/000.p/-1",
        "/tile/0/0",
        "/tile/0/0000",
        "/tile/0/x000/000",
        "/tile/0/" + "x999/" * 2000 + "999",
        "/tile/-1/000",
        "/tile/10/000",
        "/tile/00/000",
        "/tile/0/00a",
        "/tile/0/%D9%A0%D9%A0%D9%A0",  # digits of another script
        "/tile/entries/000",
        "/tile/0",
        "/elsewhere",
        "/docs",
    ],
)
def test_what_is_not_there_is_a_problem_document_that_nobody_caches(ledger: Ledger, path: str) -> None:
    answer = get(ledger, path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["status"] == 404


def test_nothing_can_be_written_here(ledger: Ledger) -> None:
    answer = get(ledger, "/checkpoint", method="POST")

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_trust_file_is_the_one_to_pin(ledger: Ledger) -> None:
    answer = get(ledger, "/.well-known/return-ledger")

    assert parse_trust(answer.content) == ledger.trust()
    assert answer.headers["cache-control"] == "no-store"


def test_health_says_that_the_process_answers_and_how_large_the_log_is(ledger: Ledger) -> None:
    assert get(ledger, "/health/live").json() == {"live": True}
    told = get(ledger, "/health/ready").json()
    assert (told["ready"], told["size"]) == (True, ENTRIES)
    (target,) = told["anchoring"]
    assert (target["chain"], target["state"], target["alarm"], target["final_size"]) == ("embedded", None, None, 0)


@pytest.mark.parametrize("path", ["/checkpoint", "/health/ready", "/.well-known/return-ledger"])
def test_a_ledger_that_is_not_founded_yet_is_not_ready(tmp_path: Path, path: str) -> None:
    with make_world(tmp_path / "home").opened(create=True) as opened:
        answer = get(opened.ledger, path)
        live = get(opened.ledger, "/health/live")

    assert (answer.status_code, answer.json()["type"]) == (503, "/help/problems/not-founded")
    assert live.status_code == 200


class BrokenReader:
    """A reader whose database is gone."""

    def __getattr__(self, name: str) -> object:
        raise StoreError("the disk failed under the database (secret-path)")


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/000", "/health/ready"])
def test_a_database_that_fails_is_unavailable_and_says_nothing_of_itself(ledger: Ledger, path: str) -> None:
    ledger.read = BrokenReader()  # type: ignore[assignment]
    answer = get(ledger, path)

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret-path" not in answer.text
    assert get(ledger, "/health/live").status_code == 200


def test_the_trust_file_needs_no_database_once_the_ledger_is_open(ledger: Ledger) -> None:
    before = get(ledger, "/.well-known/return-ledger")
    ledger.read = BrokenReader()  # type: ignore[assignment]

    assert get(ledger, "/.well-known/return-ledger").content == before.content
