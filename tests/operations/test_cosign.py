"""Anchored heads are cosigned by whoever the settings name; what a witness does wrong costs nobody anything."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import Checkpoint
from ledger_service.core.cosignature import cosign, witness_key
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Outcome
from ledger_service.core.verify import verify
from ledger_service.errors import SettingsError
from ledger_service.operations.cosign import Cosigning, WitnessAddress, parse_witnesses
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.watch.witness import Witness
from ledger_service.watch.witness_http import witness_app
from tests.operations.world import World, open_case

NAME, TIME = "witness.example/eu", 1_793_701_400
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(9, 41)))
KEY = witness_key(NAME, PRIVATE)
HERE = WitnessAddress(KEY, "http://witness.test")


class Served(httpx.BaseTransport):
    """A real witness without a socket; `answers` takes its place where it returns something."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        folder.mkdir(exist_ok=True)
        self.witness = Witness(folder, NAME, PRIVATE, [ledger.trust()], now=lambda: TIME)
        self.answers: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked += 1
        if (answer := self.answers(request)) is not None:
            return answer
        app = witness_app(self.witness, report=lambda _: None)

        async def run() -> httpx.Response:
            found = await httpx.ASGITransport(app).handle_async_request(request)
            return httpx.Response(found.status_code, headers=found.headers, content=await found.aread())

        return asyncio.run(run())


def grow(world: World, folder: Path, heads: int) -> None:
    """Record and anchor, so many times."""
    for _ in range(heads):
        with world.anchoring() as (ledger, _, anchorer):
            open_case(ledger, folder)
            anchorer.run()


def test_every_anchored_head_is_cosigned_in_order_and_receipts_carry_it(world: World, tmp_path: Path) -> None:
    grow(world, tmp_path, 2)
    with world.opened() as opened:
        served = Served(tmp_path / "witness", opened.ledger)
        assert Cosigning(opened.ledger, [HERE], transport=served).run() == []
        receipts = [prove(opened.ledger, index) for index in (1, 3)]
        asked = served.asked
        again = Cosigning(opened.ledger, [HERE], transport=served)
        assert again.run() == []
        trust = dataclasses.replace(opened.ledger.trust(), witnesses=(KEY,), witnesses_required=1)

    assert served.asked == asked  # what is kept is not asked for again
    for one in receipts:
        assert len(one.unprotected["cosignatures"]) == 1  # type: ignore[arg-type]
        check = next(c for c in verify(encode_receipt(one), trust).checks if c.name == "witnesses")
        assert check.outcome is Outcome.PASS


def test_after_a_restart_the_witness_says_where_to_go_on(world: World, tmp_path: Path) -> None:
    grow(world, tmp_path, 1)
    with world.opened() as opened:
        Cosigning(opened.ledger, [HERE], transport=Served(tmp_path / "witness", opened.ledger)).run()
    grow(world, tmp_path, 2)

    with world.opened() as opened:
        served = Served(tmp_path / "witness", opened.ledger)
        assert Cosigning(opened.ledger, [HERE], transport=served).run() == []
        kept = [len(opened.ledger.cosignatures.of(size)) for size in (3, 5, 7)]

    assert kept == [1, 1, 1]
    assert served.asked == 3  # the first is refused with the size that it cosigned last


def _text(status: int, body: bytes, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, content=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


WRONG: dict[str, tuple[Callable[[httpx.Request], httpx.Response], str]] = {
    "nobody": (_unreachable, "nobody answered"),
    "a refusal": (_text(403, b"no\n"), "it answered 403"),
    "nothing": (_text(200, b""), "no cosignature"),
    "a large answer": (_text(200, b"x" * 20_000), "too large"),
    "a conflict without a size": (_text(409, b"7\n"), "it answered 409"),
    "a conflict at the size that we know": (_text(409, b"0\n", content_type="text/x.tlog.size"), "it cosigned 0"),
    "always a conflict": (_text(409, b"2\n", content_type="text/x.tlog.size"), "it cosigned 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_witness_that_is_away_or_wrong_is_said_and_keeps_no_other_waiting(
    world: World, tmp_path: Path, name: str
) -> None:
    grow(world, tmp_path, 1)
    answers, words = WRONG[name]
    with world.opened() as opened:
        served = Served(tmp_path / "witness", opened.ledger)
        stranger = WitnessAddress(witness_key("other.example", PRIVATE), "http://other.test")
        served.answers = lambda request: answers(request) if request.url.host == "other.test" else None

        (said,) = Cosigning(opened.ledger, [stranger, HERE], transport=served).run()

        assert "other.example" in said
        assert words in said
        assert len(opened.ledger.cosignatures.of(3)) == 1


def test_a_cosignature_of_another_head_is_not_kept(world: World, tmp_path: Path) -> None:
    grow(world, tmp_path, 1)
    with world.opened() as opened:
        line = cosign(Checkpoint(opened.ledger.origin, 3, bytes(32)), NAME, PRIVATE, seconds=TIME).line()
        served = Served(tmp_path / "witness", opened.ledger)
        served.answers = _text(200, line.encode())

        (said,) = Cosigning(opened.ledger, [HERE], transport=served).run()

        assert "no cosignature" in said
        assert opened.ledger.cosignatures.of(3) == []


def test_the_setting_names_keys_and_urls() -> None:
    text = f"{KEY.encode()}=http://witness.test/ {KEY.encode()}=https://other.test"

    assert parse_witnesses(text) == (HERE, WitnessAddress(KEY, "https://other.test"))
    assert parse_witnesses("") == ()
    for wrong in ("http://witness.test", KEY.encode(), f"{KEY.encode()}=ftp://x", "a+b+c=http://x"):
        with pytest.raises(SettingsError, match="LEDGER_WITNESSES"):
            parse_witnesses(wrong)
