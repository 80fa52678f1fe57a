"""What a ledger hands out, and the same with something left out: counted again, and signed anew with the log's key."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Collection
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from ledger_service.chain.facts import answer_from
from ledger_service.chain.rpc import Node
from ledger_service.core.case_proof import CaseProof, encode_case_proof
from ledger_service.core.export import Filters, Trailer, encode_trailer
from ledger_service.core.export_scope import Counted
from ledger_service.core.package import (
    COMPLETENESS,
    EVENTS,
    MANIFEST,
    NOTE,
    FileSum,
    encode_manifest,
    parse_manifest,
    receipt_name,
    sign_manifest,
)
from ledger_service.core.receipt import Receipt
from ledger_service.core.report import Outcome, Report
from ledger_service.core.verify_export import questions_of_export, verify_export
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.operations.access import local_reader
from ledger_service.operations.export import choose_cases, choose_head
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.package import export_package
from tests.core.packages import Bytes, pack
from tests.operations.world import PLATFORM


def chain_of(ledger: Ledger, return_id: str) -> list[int]:
    """Return the indexes of the entries on the chain of a case."""
    return [row.index for row in ledger.read.entries_of(return_id) if row.seq is not None]


def package_of(ledger: Ledger, return_id: str) -> bytes:
    """Return the package of a case, as the platform gets it."""
    with (
        tempfile.TemporaryDirectory() as place,
        export_package(ledger, local_reader(ledger, PLATFORM), return_id, folder=Path(place)) as made,
    ):
        return b"".join(made.chunks())


def without(
    ledger: Ledger, data: bytes, hidden: Collection[int] = (), *, proof: CaseProof | None = None, seal: bool = True
) -> bytes:
    """Return a package without some entries, its manifest made and signed anew by the key of the log.

    Whatever stands beside the chain is left out too: of the exports that this campaign makes, no head holds the access.

    Args:
        ledger: It signs.
        data: The package.
        hidden: Indexes of entries on its chain.
        proof: A completeness file in place of its own.
        seal: Whether there is a completeness file at all.
    """
    with ZipFile(BytesIO(data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = parse_manifest(held.pop(MANIFEST))
    held.pop(NOTE)
    rows = ledger.read.entries_of(manifest.return_id)
    chain = [row for row in rows if row.seq is not None and row.index not in hidden and receipt_name(row.index) in held]
    stay = {row.index for row in chain}
    for row in rows:
        if row.index not in stay:
            held.pop(receipt_name(row.index), None)
    lines = held[EVENTS].splitlines(keepends=True)
    held[EVENTS] = b"".join(line for line in lines if json.loads(line)["index"] in stay)
    left = [name for name in held if name.startswith("evidence/") and int(name[9:].partition("-")[0]) not in stay]
    for name in left:
        del held[name]
    if proof is not None:
        held[COMPLETENESS] = encode_case_proof(proof)
    if not seal:
        del held[COMPLETENESS]
    changed = dataclasses.replace(
        manifest,
        entries=len(chain),
        chain=len(chain),
        head=chain[-1].leaf_hash,
        files=tuple(FileSum(name, len(held[name]), sha256(held[name]).digest()) for name in sorted(held)),
    )
    assert ledger.signing_key is not None
    signed = encode_manifest(changed)
    note = sign_manifest(signed, ledger.signing_key, origin=manifest.origin, return_id=manifest.return_id)
    return pack({**held, MANIFEST: signed, NOTE: note})


def verified(ledger: Ledger, node: Node, data: bytes, *receipts: Receipt) -> Report:
    """Return what a stranger with the trust file, a node, and receipts of their own is told of a package."""
    source, trust = Bytes(data), ledger.trust()
    said = answer_from(node, questions_of_package(source, trust))
    return verify_package(source, trust, said, receipts=receipts)


def export_of(ledger: Ledger, filters: Filters) -> list[bytes]:
    """Return the lines of the export of these cases up to the newest final head, as the platform gets it."""
    reader, head = local_reader(ledger, PLATFORM), choose_head(ledger, final=True)
    return list(choose_cases(ledger, reader, filters, head=head, everything=True).lines())


def without_case(lines: list[bytes], return_id: str) -> list[bytes]:
    """Return an export without a case, with header and trailer as they are right for what is left."""
    header = lines[0]
    count = int(json.loads(header)["cases"])
    kept = [line for line in lines[1:-1] if json.loads(json.loads(line)["entry"])["return_id"] != return_id]
    kept.insert(0, header.replace(b'{"cases":%d,' % count, b'{"cases":%d,' % (count - 1), 1))
    return [*kept, encode_trailer(Trailer(len(kept), sha256(b"".join(kept)).digest()))]


def verified_export(ledger: Ledger, node: Node, lines: list[bytes], *scopes: Counted) -> Report:
    """Return what a stranger with the trust file, a node and completeness files is told of an export."""
    trust = ledger.trust()
    return verify_export(lines, trust, answer_from(node, questions_of_export(lines[0], trust)), scopes=scopes)


def failed(report: Report) -> set[str]:
    """Return the names of the checks that failed."""
    return {check.name for check in report.checks if check.outcome is Outcome.FAIL}


def lacking(report: Report) -> set[str]:
    """Return the names of the checks that hold the verdict back."""
    return {check.name for check in report.checks if check.outcome is Outcome.UNKNOWN and check.decisive}
