"""Pictures of each page, on a phone and a desk, in every language, for whoever wants to look: `scripts/screenshots`.

They go to `.cache/screenshots/`, which git ignores. Does not: judge (`test_walk.py` does).
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser

from ledger_service.cli.connection import server_config
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from ledger_service.operations.prove import prove
from ledger_service.operations.verifier_file import VERIFIER, verifier_file
from tests.api.asking import asking
from tests.chromium import ROOT, NoBrowserError, browser
from tests.operations.conftest import make_world
from tests.web.all_pages import Prepared, cookie_of, prepare
from tests.web.walking import PHONE

FOLDER = ROOT / ".cache" / "screenshots"
SCREENS = {"phone": PHONE, "desk": {"width": 1280, "height": 900}}
LANGUAGES = ("en", "zh-CN")
SHOWN = {  # by whoever looks: what the picture is called, and the page
    "": {
        "home": "/", "log": "/log", "proves": "/what-it-proves", "open": "/open", "verify": "/verify",
        "staff": "/staff", "help": "/help", "problem": "/help/problems/stale-head", "nothing": "/return/recorded/0",
    },
    "buyer": {
        "return": "/return", "step": "/return/steps/add_evidence", "dispute": "/return/steps/open_dispute",
        "case": "/return/case", "pictures": "/return/pictures", "proofs": "/return/proofs",
        "receipt": "/return/entries/{recorded}", "recorded": "/return/recorded/{recorded}",
        "again": "/return/recorded/{recorded}/again",
    },
    "seller": {"approve": "/return/steps/approve_return", "decline": "/return/steps/decline_return"},
    "approved": {"parcels": "/return/steps/ship_back"},
    "arriving": {"receive": "/return/steps/receive"},
    "inspecting": {"inspect": "/return/steps/complete_inspection"},
    "inspected": {"refund": "/return/steps/approve_refund", "offer": "/return/steps/offer_settlement"},
    "offered": {"accept": "/return/steps/accept_offer"},
    "new": {
        "start": "/return", "request": "/return/steps/request_return/non_conformity",
        "withdrawal": "/return/steps/request_return/statutory_withdrawal",
    },
    "regulator": {"regulator": "/regulator"},
    "staff": {"signed_in": "/staff", "operator": "/operator"},
}  # fmt: skip


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(server_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def take(chromium: Browser, address: str, prepared: Prepared, held: dict[str, bytes], alone: Path) -> None:
    """Take the pictures of a service, of a report on what somebody holds, and of the verifier as one file."""
    for (screen, viewport), language in product(SCREENS.items(), LANGUAGES):
        context = chromium.new_context(viewport=viewport, locale=language)  # type: ignore[arg-type]
        page, ending = context.new_page(), f"{screen}-{language}.png"
        for who, shown in SHOWN.items():
            context.clear_cookies()
            if who:
                cookie, value = cookie_of(prepared, who)
                context.add_cookies([{"name": cookie, "value": value, "url": address}])
            for name, path in shown.items():
                page.goto(address + path.format(recorded=prepared.recorded))
                page.screenshot(path=FOLDER / f"{name}-{ending}", full_page=True)
        for name, place in (("report", f"{address}/verify"), ("alone", alone.as_uri())):
            page.goto(place)
            files = [{"name": one, "mimeType": "", "buffer": content} for one, content in held.items()]
            page.set_input_files("#verifier-files", files)  # type: ignore[arg-type]  # what playwright documents
            page.wait_for_selector(f".chosen li >> nth={len(files) - 1}")
            page.click("[data-part=go]")
            page.wait_for_selector(".report")
            page.screenshot(path=FOLDER / f"{name}-{ending}", full_page=True)
        context.close()


def main() -> int:
    """Make the pictures and say where they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        world, alone = make_world(Path(place) / "home"), Path(place) / VERIFIER
        world.found()
        alone.write_bytes(verifier_file())
        try:
            with asking(world, Path(place)) as service, served(service.app) as address, browser() as chromium:
                prepared = prepare(service)
                receipt = encode_receipt(prove(service.ledger, prepared.recorded, show=frozenset()))
                held = {"step.receipt.json": receipt, "ledger.trust.json": encode_trust(service.ledger.trust())}
                take(chromium, address, prepared, held, alone)
        except NoBrowserError as error:
            sys.stderr.write(f"screenshots: {error}\n")
            return 1
    sys.stdout.write(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}/\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
