"""`rledger monitor`: follow a ledger from outside, round by round, and write down what contradicts itself.

Exit code 0: what was seen is one log that grew; 1: the log contradicts itself, or the chain or an entry contradicts it;
3: somebody could not be asked, or did not answer sensibly; 4: our own folder is broken, which says nothing of the log.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output

if TYPE_CHECKING:
    from ledger_service.watch.monitor import Round

INTERVAL_SECONDS = 60.0  # a commit group is signed at once, a head is anchored every few minutes
REPORT = "report.json"  # in the state folder: the newest round, for whoever scrapes it
TOKEN_BYTES_MAX = 4_096


def monitor_command(
    url: Annotated[str, typer.Argument(help="where the ledger's service answers", metavar="URL")],
    trust: Annotated[Path, typer.Option(help="the trust file that you pinned", metavar="FILE")],
    state: Annotated[Path, typer.Option(help="where to remember what was seen, durably", metavar="FOLDER")],
    rpc: Annotated[
        list[str] | None, typer.Option(help="a node to compare anchors with", metavar="URL|embedded:FOLDER")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="a file with an API key that may read all entries", metavar="FILE")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="make one round and end")] = False,
    interval: Annotated[float, typer.Option(min=1.0, help="seconds between two rounds")] = INTERVAL_SECONDS,
    evidence: Annotated[
        Path | None, typer.Option(help="where contradictions are written to [FOLDER/evidence]", metavar="FOLDER")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the last round as one JSON document")] = False,
) -> None:
    """Follow a ledger: every signed head must be the one before it, grown.

    \b
    rledger monitor https://ledger.example --trust ledger.trust.json --state seen --rpc https://node.example
    rledger monitor https://ledger.example --trust ledger.trust.json --state seen --key-file regulator.key --once

    Each round re-derives the root from the leaf hashes, with --rpc compares every anchored head, and with --key-file
    reads the entries and re-derives the case index of every seal. The newest round stands in FOLDER/report.json. What
    contradicts itself is written to a file that `rledger verify` checks offline, and ends the program.
    Exit code 0 if all agrees, 1 if something contradicts, 3 if not all could be asked, 4 if FOLDER is broken.
    """
    output.run(
        lambda: _monitor(
            url,
            trust,
            state,
            rpcs=rpc or [],
            key_file=key_file,
            interval=None if once else interval,
            evidence=evidence,
            as_json=as_json,
        )
    )


def _monitor(
    url: str,
    trust_path: Path,
    state: Path,
    *,
    rpcs: list[str],
    key_file: Path | None,
    interval: float | None,
    evidence: Path | None,
    as_json: bool,
) -> None:
    from ledger_service.cli.run import stop_at_signal
    from ledger_service.cli.verify import read_trust
    from ledger_service.client.asking import Asker, Patience
    from ledger_service.core.report import Verdict
    from ledger_service.watch.case_map import CaseMap
    from ledger_service.watch.durable import locked
    from ledger_service.watch.monitor import Monitor
    from ledger_service.watch.seen_log import SeenLog

    trust = read_trust(trust_path)
    token = None if key_file is None else _read_token(key_file)
    asker = Asker(_base(url), token, transport=None, patience=Patience())
    try:
        with locked(state), ExitStack() as stack:
            seen = SeenLog(state, trust)
            folder = state / "evidence" if evidence is None else evidence
            cases = None
            if token is not None:
                cases = stack.enter_context(closing(CaseMap(state, origin=trust.origin, genesis=trust.genesis)))
            monitor = Monitor(asker, trust, seen, evidence=folder, cases=cases)
            stop = None if interval is None else stop_at_signal()
            while True:
                found = monitor.run(rpcs)
                _keep(state, found)
                if stop is None or found.report.verdict is Verdict.INVALID:
                    break
                _say(found)
                if stop.wait(interval):
                    break
    finally:
        asker.close()
    if as_json:
        output.answer_json(found.as_json())
    else:
        _print(found)
    if found.report.verdict is Verdict.INVALID:
        raise SystemExit(output.EXIT_INVALID)
    if found.report.verdict is Verdict.INCONCLUSIVE:
        raise SystemExit(output.EXIT_INCONCLUSIVE)


def _base(url: str) -> str:
    """Return an address that requests can be sent to.

    Raises:
        SettingsError: It is none.
    """
    from ledger_service.errors import SettingsError

    if not url.startswith(("http://", "https://")) or any(c.isspace() for c in url):
        raise SettingsError("URL: an address as in https://ledger.example is expected")
    return url


def _read_token(path: Path) -> str:
    """Return the API key in a file.

    Raises:
        SettingsError: There is none in it.
    """
    from ledger_service.errors import SettingsError

    with path.open("rb") as source:
        content = source.read(TOKEN_BYTES_MAX + 1).strip()
    if not content or len(content) > TOKEN_BYTES_MAX or not content.isascii() or not content.decode().isprintable():
        raise SettingsError(f"{path} holds no API key", hint="the key that `rledger key create` printed, and no more")
    return content.decode()


def _keep(state: Path, found: Round) -> None:
    from ledger_service.watch.durable import write_whole

    write_whole(state / REPORT, json.dumps(found.as_json(), ensure_ascii=False, indent=2).encode() + b"\n")


def _say(found: Round) -> None:
    output.say(f"{found.report.verdict.value}: {found.size} entries, {found.anchors} anchors compared")
    for check in found.report.checks:
        if check.outcome.value != "pass":
            output.say(f"{check.outcome.value}: {check.name}: {check.detail}")


def _print(found: Round) -> None:
    output.answer(f"{found.origin}: {found.size} entries, root {found.root.hex()}")
    for check in found.report.checks:
        output.answer(f"  {check.outcome.value:<8} {check.name:<12} {check.detail}")
    meaning = {
        "valid": "what was seen is one log that only grew",
        "inconclusive": "nothing contradicts it; what is unknown stands above",
        "invalid": "what stands above contradicts the log",
    }
    output.answer(f"{found.report.verdict.value}: {meaning[found.report.verdict.value]}")
    if found.evidence is not None:
        output.answer(f"evidence: {found.evidence}")
        output.say("hint: keep the file, and hand it to whoever relies on this log: `rledger verify` checks it offline")
