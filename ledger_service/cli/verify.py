"""`rledger verify`: check proof files without trusting whoever made them, this ledger's operator included.

Imports `core` and `chain` only. Promises: prints one verdict a file; exit code 1 if any is invalid, else 3 if any is
inconclusive, else 0; 2 for a path that cannot be read. Does not: need an account, a database or a setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ledger_service.cli import output
from ledger_service.cli.file_source import FileSource
from ledger_service.core import receipt, report
from ledger_service.core.entry import CaseEntry
from ledger_service.core.export import LINE_BYTES_MAX
from ledger_service.core.facts import Answer
from ledger_service.core.report import Report, Verdict
from ledger_service.core.trust import TRUST_BYTES_MAX, Trust, parse_trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, entry_of, fingerprints, questions, verify
from ledger_service.core.verify_export import questions_of_export, verify_export
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.errors import LedgerError, SettingsError

CHUNK_BYTES = 1024 * 1024
_EXITS = {
    Verdict.VALID: output.EXIT_DONE,
    Verdict.INVALID: output.EXIT_INVALID,
    Verdict.INCONCLUSIVE: output.EXIT_INCONCLUSIVE,
}
_HINTS = {
    "trust": "give the trust file you pinned: --trust FILE",
    "chain": "ask a node: --rpc URL, or --rpc embedded:FOLDER",
    "finality": "the anchor is not final yet: run again later",
    "policy": "not anchored yet: fetch the receipt again later",
    "receipts": "what a receipt lacks stands above; give --trust and --rpc, or ask for the package again later",
}
_ARCHIVE = b"PK"  # how a ZIP file begins; a receipt is JSON
_EXPORT = b'{"cases":'  # how the first line of an export begins


def verify_command(
    files: Annotated[
        list[Path], typer.Argument(help="receipts, folders of receipts, packages, exports", metavar="FILE...")
    ],
    trust: Annotated[Path | None, typer.Option(help="the trust file that you pinned", metavar="FILE")] = None,
    rpc: Annotated[
        list[str] | None, typer.Option(help="a node to ask; several are compared", metavar="URL|embedded:FOLDER")
    ] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(help="a file whose fingerprint a receipt should show", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Verify receipts, packages and exports: entry, proofs, signature, anchor, finality; nothing is unpacked.

    \b
    rledger verify entry-12.receipt.json --trust ledger.trust.json --rpc https://node.example
    rledger verify *.receipt.json --trust ledger.trust.json --rpc embedded:demo/chain --evidence photo.jpg
    rledger verify case.zip --trust ledger.trust.json --rpc https://node.example

    Exit code 0 if all are valid, 1 if any is invalid, else 3 if any is inconclusive; 2 for a path that cannot be read.
    """
    output.run(lambda: verify_files(files, trust, rpc or [], evidence or [], as_json=as_json))


def verify_files(
    files: list[Path], trust_path: Path | None, rpcs: list[str], evidence: list[Path], *, as_json: bool
) -> None:
    """Verify files and print the verdicts, as the command does; ends the program where not all are valid."""
    trust = None if trust_path is None else read_trust(trust_path)
    files = [path for given in files for path in _receipts_in(given)]
    contents = [_read(path) for path in files]
    offered = [EvidenceFile(path.name, _fingerprint(path)) for path in evidence]
    shown = [_shown(data) for data in contents]
    everywhere = frozenset[str]().union(*shown)
    with ExitStack() as stack:
        packages = {
            path: stack.enter_context(FileSource(path))
            for path, data in zip(files, contents, strict=True)
            if data.startswith(_ARCHIVE)
        }
        answers = _ask(contents, list(packages.values()), trust, rpcs)
        reports: list[tuple[Path, bytes, Report]] = []
        for path, data, here in zip(files, contents, shown, strict=True):
            if path in packages:
                reports.append((path, data, verify_package(packages[path], trust, answers)))
            elif data.startswith(_EXPORT):
                with path.open("rb") as stream:
                    reports.append((path, data, verify_export(_lines(stream), trust, answers)))
            else:
                # A file that belongs to another of the receipts says nothing about this one.
                mine = [file for file in offered if file.sha256 in here or file.sha256 not in everywhere]
                reports.append((path, data, verify(data, trust, answers, evidence=mine)))
    if as_json:
        output.answer_json([_as_json(path, found) for path, _, found in reports])
    else:
        for path, data, found in reports:
            _print(path, data, found)
    verdicts = {found.verdict for _, _, found in reports}
    for verdict in (Verdict.INVALID, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            raise SystemExit(_EXITS[verdict])


def _receipts_in(path: Path) -> list[Path]:
    """Return the path itself, or the receipts in a folder."""
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.receipt.json"))
    if not found:
        raise SettingsError(f"{path} holds no receipt", hint="receipts are called *.receipt.json")
    return found


def _ask(contents: list[bytes], packages: list[FileSource], trust: Trust | None, rpcs: list[str]) -> list[Answer]:
    """Ask each node once for every head that the files name; web3 is loaded only when there is something to ask."""
    if trust is None or not rpcs:
        return []
    named = [question for data in contents for question in questions(data, trust)]
    firsts = [data.partition(b"\n")[0] + b"\n" for data in contents if data.startswith(_EXPORT)]
    named += [question for first in firsts for question in questions_of_export(first, trust)]
    named += [question for package in packages for question in questions_of_package(package, trust)]
    asked = list(dict.fromkeys(named))
    if not asked:
        return []
    from ledger_service.chain.facts import fetch_answers

    return fetch_answers(rpcs, asked)


def read_trust(path: Path) -> Trust:
    """Return the trust file at a path.

    Raises:
        SettingsError: It is none.
    """
    data = _read(path, bytes_max=TRUST_BYTES_MAX)
    try:
        return parse_trust(data)
    except LedgerError as error:
        hint = "pin the file that the ledger publishes; a receipt never replaces it"
        raise SettingsError(f"{path}: {error.message}", hint=hint) from None


def _read(path: Path, *, bytes_max: int = receipt.RECEIPT_BYTES_MAX) -> bytes:
    """Read at most one byte more than the limit: the parser refuses what is longer."""
    with path.open("rb") as stream:
        return stream.read(bytes_max + 1)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that is too long only as much as shows it."""
    while line := stream.readline(LINE_BYTES_MAX + 2):
        yield line


def _fingerprint(path: Path) -> Sha256Hex:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return Sha256Hex(digest.hexdigest())


def _shown(data: bytes) -> frozenset[str]:
    try:
        return fingerprints(receipt.parse_receipt(data))
    except LedgerError:
        return frozenset()


def _as_json(path: Path, found: Report) -> dict[str, Any]:
    checks = [{"name": c.name, "outcome": c.outcome.value, "detail": c.detail} for c in found.checks]
    return {"file": str(path), "verdict": found.verdict.value, "checks": checks}


def _print(path: Path, data: bytes, found: Report) -> None:
    entry = entry_of(data)
    about = ""
    if isinstance(entry, CaseEntry):
        about = f": return {entry.return_id[:8]}…, {entry.verb}, {entry.from_state or 'new'} -> {entry.to_state}"
    output.answer(f"{path}{about}")
    for check in found.checks:
        output.answer(f"  {check.outcome.value:<8} {check.name:<12} {check.detail}")
    output.answer(f"{found.verdict.value}: {_meaning(found)}")
    if found.verdict is Verdict.INCONCLUSIVE:
        for check in found.checks:
            if check.outcome is report.Outcome.UNKNOWN and check.name in _HINTS:
                output.say(f"hint: {_HINTS[check.name]}")
                break


def _meaning(found: Report) -> str:
    if found.verdict is Verdict.VALID and any(check.name == "archive" for check in found.checks):
        return "every receipt in it is valid, and every file is the one that the ledger signed"
    if found.verdict is Verdict.VALID and any(check.name == "trailer" for check in found.checks):
        return "every entry in it is in the pinned log, unchanged, and its tree head is final"
    if found.verdict is Verdict.VALID:
        return "the entry is in the pinned log, unchanged, and its anchor is final"
    if found.verdict is Verdict.INVALID:
        names = ", ".join(dict.fromkeys(c.name for c in found.checks if c.outcome is report.Outcome.FAIL))
        return f"contradicted by: {names}"
    names = ", ".join(dict.fromkeys(c.name for c in found.checks if c.outcome is report.Outcome.UNKNOWN and c.decisive))
    return f"nothing contradicts it; not known: {names}"
