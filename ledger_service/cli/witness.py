"""`rledger witness`: cosign the heads of logs, so that nobody is shown another log than everybody else.

Promises: it speaks c2sp.org/tlog-witness, so any log and any client that do can use it; its key is a file for its owner
alone. Does not: load any part of the ledger's service.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PORT = 8090
KEY_BYTES_MAX = 1_024

witness = typer.Typer(
    help=(
        "Cosign tree heads as a witness.\n\n"
        "\b\nrledger witness key --name witness.example/eu --out witness.key\n"
        "rledger witness serve --state witness --key witness.key --trust ledger.trust.json"
    ),
)


@witness.callback(invoke_without_command=True)
def _witness(context: typer.Context) -> None:
    output.require_command(context)


@witness.command("key", short_help="make the key of a witness; prints what others pin")
def key_command(
    name: Annotated[str, typer.Option(help="what the witness is called: a URL without https://", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="where the key is kept, for its owner alone", metavar="FILE")],
) -> None:
    """Make the key of a witness, and print the verifier key that ledgers and verifiers pin.

    \b
    rledger witness key --name witness.example/eu --out witness.key
    rledger witness key --name witness.example/eu --out witness.key > witness.pub
    """

    def run() -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from ledger_service.core.cosignature import encode_private_key, parse_witness_key, witness_key
        from ledger_service.errors import CheckpointFormatError, SettingsError

        private = Ed25519PrivateKey.generate()
        public = witness_key(name, private).encode()
        try:
            parse_witness_key(public)
        except CheckpointFormatError as error:
            raise SettingsError(f"--name: {error.message}", hint="as in witness.example/eu, without '+'") from None
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as target:
            target.write(encode_private_key(name, private) + "\n")
            target.flush()
            os.fsync(target.fileno())
        output.answer(public)
        output.say(f"{out} is the witness's key: whoever has it cosigns in its name")

    output.run(run)


@witness.command("serve", short_help="cosign what continues the log")
def serve_command(
    state: Annotated[Path, typer.Option(help="where to remember what was cosigned, durably", metavar="FOLDER")],
    key: Annotated[Path, typer.Option(help="the key that `rledger witness key` made", metavar="FILE")],
    trust: Annotated[list[Path], typer.Option(help="the trust file of a log to witness", metavar="FILE")],
    host: Annotated[str, typer.Option(help="the address to listen at", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="the port to listen at")] = PORT,
) -> None:
    """Serve `POST /add-checkpoint` (c2sp.org/tlog-witness): a head is cosigned if it continues the last one cosigned.

    \b
    rledger witness serve --state witness --key witness.key --trust ledger.trust.json
    rledger witness serve --state witness --key witness.key --trust a.trust.json --trust b.trust.json --port 8090

    Never begin FOLDER anew for a key that cosigned before: a witness that forgets would cosign a fork.
    """
    output.run(lambda: _serve(state, key, trust, host=host, port=port))


def _serve(state: Path, key: Path, trusts: list[Path], *, host: str, port: int) -> None:
    import socket
    import time

    import uvicorn

    from ledger_service.cli.connection import server_config
    from ledger_service.cli.verify import read_trust
    from ledger_service.watch.durable import locked
    from ledger_service.watch.witness import Witness
    from ledger_service.watch.witness_http import witness_app

    name, private = _read_key(key)
    pinned = [read_trust(path) for path in trusts]
    with locked(state):
        made = Witness(state, name, private, pinned, now=time.time)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listener:
            output.say(f"the witness {name} listens at {host}, port {port}; Ctrl-C stops it")
            config = server_config(witness_app(made, report=output.say))
            uvicorn.Server(config).run(sockets=[listener])


def _read_key(path: Path) -> tuple[str, Ed25519PrivateKey]:
    """Return name and key of a file that is for its owner alone.

    Raises:
        SettingsError: It is none.
    """
    from ledger_service.core.cosignature import parse_private_key
    from ledger_service.errors import CheckpointFormatError, SettingsError

    with path.open("rb") as source:
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        content = source.read(KEY_BYTES_MAX)
    if mode & 0o077:
        raise SettingsError(f"{path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}")
    try:
        return parse_private_key(content.decode("ascii", "replace").strip())
    except CheckpointFormatError as error:
        raise SettingsError(f"{path}: {error.message}", hint="`rledger witness key` makes one") from None
