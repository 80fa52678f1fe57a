"""The service in a process of its own, for `uploads.py` to measure and to kill.

Prints one line of JSON when it listens: its port, and the token of a platform's key. `planted` puts before it what
holds every body whole in memory, so that the campaign can show that it would notice.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import SCOPES_OF
from ledger_service.operations.pseudonyms import Party
from ledger_service.settings import load_settings
from ledger_service.wiring import open_ledger

PLATFORM = Party(Role.PLATFORM, "marketplace")


class Hoarder:
    """Reads a body to its end before the application sees any of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        held: list[Message] = []
        while scope["type"] == "http" and (not held or held[-1].get("more_body")):
            held.append(await receive())
        coming = iter(held)

        async def hand_on() -> Message:
            return next(coming, None) or await receive()

        await self._app(scope, hand_on, send)


def main(home: str, kind: str) -> None:
    """Serve the ledger of a home until killed."""
    settings = load_settings(home=Path(home))
    with open_ledger(settings, write=True) as opened, socket.create_server(("127.0.0.1", 0)) as listener:
        made = issue_key(
            opened.ledger, PLATFORM, label="campaign", scopes=SCOPES_OF[Role.PLATFORM], acts_for=[Role.BUYER]
        )
        app: ASGIApp = make_app(opened.ledger, settings)
        server = uvicorn.Server(
            uvicorn.Config(Hoarder(app) if kind == "planted" else app, log_level="error", access_log=False)
        )
        sys.stderr.write(json.dumps({"port": listener.getsockname()[1], "token": made.token}) + "\n")
        sys.stderr.flush()
        server.run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
