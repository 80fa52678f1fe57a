"""`rledger verify`: check proof files without trusting whoever made them, this ledger's operator included.

Imports `core` and `chain` only. Promises: prints one verdict a file; exit code 1 if any is invalid, else 3 if any is
inconclusive, else 0; 2 for a path that cannot be read. Does not: need an account, a database or a setting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ledger_service.cli import output
from ledger_service.cli.conflicts import find_conflicts, print_conflict
from ledger_service.cli.file_source import FileSource
from ledger_service.cli.verdict import print_verdict, verdict_json
from ledger_service.core import receipt
from ledger_service.core.case_proof import CASE_PROOF_BYTES_MAX, begins_case_proof, parse_case_proof
from ledger_service.core.contradiction import is_contradiction
from ledger_service.core.export import LINE_BYTES_MAX
from ledger_service.core.export_scope import Counted, counted_in
from ledger_service.core.facts import Answer
from ledger_service.core.report import Report, Verdict
from ledger_service.core.tlog_proof import is_tlog_proof
from ledger_service.core.trust import TRUST_BYTES_MAX, Trust, parse_trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, fingerprints, questions, verify
from ledger_service.core.verify_case_proof import questions_of_case_proof, verify_case_proof
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.core.verify_export import questions_of_export, verify_export
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.core.verify_tlog_proof import verify_tlog_proof
from ledger_service.errors import LedgerError, SettingsError

CHUNK_BYTES = 1024 * 1024
_EXITS = {
    Verdict.VALID: output.EXIT_DONE,
    Verdict.INVALID: output.EXIT_INVALID,
    Verdict.INCONCLUSIVE: output.EXIT_INCONCLUSIVE,
}
_ARCHIVE = b"PK"  # how a ZIP file begins; a receipt is JSON
_EXPORT = b'{"cases":'  # how the first line of an export begins


def verify_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="receipts or folders of them, packages, exports, completeness files, contradictions, tlog-proofs",
            metavar="FILE...",
        ),
    ],
    trust: Annotated[Path | None, typer.Option(help="the trust file that you pinned", metavar="FILE")] = None,
    rpc: Annotated[
        list[str] | None, typer.Option(help="a node to ask; several are compared", metavar="URL|embedded:FOLDER")
    ] = None,
    block_hash: Annotated[
        list[str] | None,
        typer.Option(help="the hash of a block that you know to be final; then no node is needed", metavar="HASH"),
    ] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(help="a file whose fingerprint a receipt should show", metavar="FILE")
    ] = None,
    contradictions: Annotated[
        Path | None,
        typer.Option(help="where to write what two receipts show against their log", metavar="FOLDER"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Verify receipts, packages, exports, proofs: entry, proofs, signature, anchor, finality; nothing is unpacked.

    \b
    rledger verify entry-12.receipt.json --trust ledger.trust.json --rpc https://node.example
    rledger verify *.receipt.json --trust ledger.trust.json --rpc embedded:demo/chain --evidence photo.jpg
    rledger verify case.zip --trust ledger.trust.json --rpc https://node.example
    rledger verify case.zip entry-12.receipt.json --trust ledger.trust.json --rpc https://node.example
    rledger verify entry-12.receipt.json --trust ledger.trust.json --block-hash 0x…

    Receipts of one log are held against each other: two leaves at one index, or two roots for one size, are invalid.
    Packages and completeness files are held against the receipts that are given beside them.
    Of a contradiction file, as this, monitors and clients write it, valid means that the log contradicts itself.
    Exit code 0 if all are valid, 1 if any is invalid, else 3 if any is inconclusive; 2 for a path that cannot be read.
    """
    known = block_hash or []
    output.run(
        lambda: verify_files(
            files,
            trust,
            rpc or [],
            evidence or [],
            block_hashes=known,
            contradictions=contradictions,
            as_json=as_json,
        )
    )


def verify_files(
    files: list[Path],
    trust_path: Path | None,
    rpcs: list[str],
    evidence: list[Path],
    *,
    block_hashes: Sequence[str] = (),
    contradictions: Path | None = None,
    as_json: bool,
) -> None:
    """Verify files and print the verdicts, as the command does; ends the program where not all are valid."""
    known = frozenset(_block_hash(text) for text in block_hashes)
    trust = None if trust_path is None else read_trust(trust_path)
    files = [path for given in files for path in _receipts_in(given)]
    contents = [_read_whole(path) for path in files]
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
        good = _good_receipts(contents, trust, answers)
        scopes = _scopes(contents, trust, answers)
        reports: list[tuple[Path, bytes, Report]] = []
        for path, data, here in zip(files, contents, shown, strict=True):
            if path in packages:
                found = verify_package(packages[path], trust, answers, receipts=good, block_hashes=known)
                reports.append((path, data, found))
            elif data.startswith(_EXPORT):
                with path.open("rb") as stream:
                    found = verify_export(_lines(stream), trust, answers, block_hashes=known, scopes=scopes)
                reports.append((path, data, found))
            elif begins_case_proof(data):
                found = verify_case_proof(data, trust, answers, receipts=good, block_hashes=known)
                reports.append((path, data, found))
            elif is_contradiction(data):
                reports.append((path, data, verify_contradiction(data, trust)))
            elif is_tlog_proof(data):
                reports.append((path, data, verify_tlog_proof(data, trust)))
            else:
                # A file that belongs to another of the receipts says nothing about this one.
                mine = [file for file in offered if file.sha256 in here or file.sha256 not in everywhere]
                reports.append((path, data, verify(data, trust, answers, evidence=mine, block_hashes=known)))
    conflicts = find_conflicts([(path, data) for path, data, _ in reports], trust, contradictions)
    if as_json:
        output.answer_json(
            [verdict_json(path, found) for path, _, found in reports] + [one.as_json() for one in conflicts]
        )
    else:
        for path, data, found in reports:
            print_verdict(path, data, found)
        for conflict in conflicts:
            print_conflict(conflict)
    verdicts = {found.verdict for _, _, found in reports} | ({Verdict.INVALID} if conflicts else set())
    for verdict in (Verdict.INVALID, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            raise SystemExit(_EXITS[verdict])


def _block_hash(text: str) -> bytes:
    if not re.fullmatch("0x[0-9a-fA-F]{64}", text):
        raise SettingsError(
            f"--block-hash: {text[:80]!r} is no block hash",
            hint="it is 0x and 64 hexadecimal digits, as explorers show",
        )
    return bytes.fromhex(text[2:])


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
    proofs = [data for data in contents if begins_case_proof(data)]
    named += [question for data in proofs for question in questions_of_case_proof(data, trust)]
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


def _read_whole(path: Path) -> bytes:
    """Read a file as far as its kind may be long."""
    data = _read(path)
    return _read(path, bytes_max=CASE_PROOF_BYTES_MAX) if begins_case_proof(data) else data


def _good_receipts(contents: list[bytes], trust: Trust | None, answers: list[Answer]) -> list[receipt.Receipt]:
    """Return the receipts that completeness files and packages beside them are held against: a bad one frames nobody.

    Without a trust file there are none: nothing would say who signed them.
    """
    if trust is None or not any(begins_case_proof(data) or data.startswith(_ARCHIVE) for data in contents):
        return []
    good = [data for data in contents if verify(data, trust, answers).verdict is not Verdict.INVALID]
    return [receipt.parse_receipt(data) for data in good]


def _scopes(contents: list[bytes], trust: Trust | None, answers: list[Answer]) -> list[Counted]:
    """Return what the completeness files of scopes count that an export beside them is held against; good ones only."""
    if trust is None or not any(data.startswith(_EXPORT) for data in contents):
        return []
    proofs = [data for data in contents if begins_case_proof(data)]
    good = [data for data in proofs if verify_case_proof(data, trust, answers).verdict is not Verdict.INVALID]
    return [counted for data in good if (counted := counted_in(parse_case_proof(data))) is not None]


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
