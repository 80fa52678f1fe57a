"""One founded ledger with its pages for a module's tests, and a real browser for those that need one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser as Chromium

from ledger_service.cli.connection import server_config
from tests.api.asking import Asking
from tests.api.conftest import service
from tests.chromium import NoBrowserError, browser
from tests.installed import not_installed
from tests.operations.conftest import template, world

__all__ = ["service", "template", "world"]


@pytest.fixture(scope="module")
def address(service: Asking) -> Iterator[str]:
    """Return where the pages are served over a socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(server_config(service.app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Return a browser; where this machine cannot run it, a person's run skips, saying so, and CI fails."""
    try:
        with browser() as started:
            yield started
    except NoBrowserError as error:
        not_installed(str(error))
