"""What the verifier in Python says of the files that the second one is given: as `rledger verify`, from bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any

from ledger_service.core.case_proof import begins_case_proof, parse_case_proof
from ledger_service.core.contradiction import is_contradiction
from ledger_service.core.export import LINE_BYTES_MAX
from ledger_service.core.export_scope import counted_in
from ledger_service.core.receipt import RECEIPT_BYTES_MAX, Receipt, parse_receipt
from ledger_service.core.report import Report, Verdict
from ledger_service.core.tlog_proof import is_tlog_proof
from ledger_service.core.trust import Trust, parse_trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, fingerprints, questions, verify
from ledger_service.core.verify_case_proof import questions_of_case_proof, verify_case_proof
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.core.verify_export import questions_of_export, verify_export
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.core.verify_tlog_proof import verify_tlog_proof
from ledger_service.errors import LedgerError
from tests.core.packages import Bytes
from tests.verifier.second import Given, Said, key_of, worded


def first(given: Given) -> Said:
    """Return what the verifier in Python says."""
    try:
        trust = None if given.trust is None else parse_trust(given.trust)
    except LedgerError as error:
        return Said(refused=error.message)
    shown = [_shown(data) for _, data in given.files]
    offered = [EvidenceFile(name, Sha256Hex(sha256(data).hexdigest())) for name, data in given.evidence]
    reports = []
    for (name, data), here in zip(given.files, shown, strict=True):
        mine = [one for one in offered if one.sha256 in here or all(one.sha256 not in other for other in shown)]
        reports.append(as_json(name, _verify(data, trust, given, mine)))
    asked = frozenset() if trust is None else frozenset(key for _, data in given.files for key in _asked(data, trust))
    return Said(worded(reports), asked=asked)


def as_json(name: str, found: Report) -> dict[str, Any]:
    """Return a report as `rledger verify --json` prints it."""
    checks = [{"name": one.name, "outcome": one.outcome.value, "detail": one.detail} for one in found.checks]
    return {"file": name, "verdict": found.verdict.value, "checks": checks}


def _verify(data: bytes, trust: Trust | None, given: Given, evidence: Sequence[EvidenceFile]) -> Report:
    known = {"block_hashes": frozenset(bytes.fromhex(one[2:]) for one in given.block_hashes)}
    begun = data[: RECEIPT_BYTES_MAX + 1]
    if data.startswith(b"PK"):
        return verify_package(Bytes(data), trust, given.answers, receipts=_good(trust, given), **known)
    if data.startswith(b'{"cases":'):
        proofs = [one for _, one in given.files if trust is not None and begins_case_proof(one)]
        good = [one for one in proofs if verify_case_proof(one, trust, given.answers).verdict is not Verdict.INVALID]
        scopes = [counted for one in good if (counted := counted_in(parse_case_proof(one))) is not None]
        lines = iter(partial(io.BytesIO(data).readline, LINE_BYTES_MAX + 2), b"")
        return verify_export(lines, trust, given.answers, scopes=scopes, **known)
    if begins_case_proof(data):
        return verify_case_proof(data, trust, given.answers, receipts=_good(trust, given), **known)
    if is_contradiction(begun):
        return verify_contradiction(begun, trust)
    if is_tlog_proof(begun):
        return verify_tlog_proof(begun, trust)
    return verify(begun, trust, given.answers, evidence=evidence, **known)


def _good(trust: Trust | None, given: Given) -> list[Receipt]:
    held = [] if trust is None else [data for _, data in given.files]
    good = [data for data in held if verify(data, trust, given.answers).verdict is not Verdict.INVALID]
    return [parse_receipt(data) for data in good]


def _asked(data: bytes, trust: Trust) -> set[str]:
    if data.startswith(b"PK"):
        asked = questions_of_package(Bytes(data), trust)
    elif data.startswith(b'{"cases":'):
        asked = questions_of_export(data.partition(b"\n")[0] + b"\n", trust)
    elif begins_case_proof(data):
        asked = questions_of_case_proof(data, trust)
    else:
        asked = questions(data, trust)
    return {key_of(one) for one in asked}


def _shown(data: bytes) -> frozenset[str]:
    try:
        return fingerprints(parse_receipt(data))
    except LedgerError:
        return frozenset()
