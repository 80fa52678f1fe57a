"""Receipts that are given together, held against each other: who holds two of one log can convict it.

Promises: what is told is what a contradiction file shows by itself (`verify_contradiction`), so a spoiled receipt
accuses nobody. A receipt keeps its own verdict: which of two leaves is the one on the chain, its anchor says. Does not:
look into packages, or ask anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.cli import output
from ledger_service.cli.whole_file import written_whole
from ledger_service.core.contradiction import encode_contradiction
from ledger_service.core.proven_leaf import ProvenLeaf, conflicts_among, prove_leaf
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import CONTRADICTION, verify_contradiction
from ledger_service.errors import LedgerError


@dataclass(frozen=True, slots=True)
class ReceiptConflict:
    """Two receipts that one log cannot have issued: what shows it, in words and as a file's bytes, and where that is.

    `written` is None where nobody asked for the file.
    """

    one: Path
    other: Path
    detail: str
    written: Path | None

    def as_json(self) -> dict[str, Any]:
        """Return it as one element of the answer, beside those of the files."""
        return {
            "file": str(self.one),
            "against": str(self.other),
            "verdict": Verdict.INVALID.value,
            "checks": [{"name": CONTRADICTION, "outcome": "fail", "detail": self.detail}],
            "written": None if self.written is None else str(self.written),
        }


def find_conflicts(
    files: Sequence[tuple[Path, bytes]], trust: Trust | None, folder: Path | None
) -> list[ReceiptConflict]:
    """Return the conflicts among the receipts of some files; without a trust file none, as nothing says who signed.

    Args:
        files: Path and bytes of each; what is no receipt is passed over.
        trust: The pinned trust file.
        folder: Where contradiction files are written to, made if need be; None: nowhere.

    Raises:
        OSError: A contradiction file cannot be written.
    """
    if trust is None or len(files) < 2:
        return []
    found = []
    for conflict in conflicts_among([_proven(data, trust) for _, data in files]):
        data = encode_contradiction(conflict.contradiction)
        report = verify_contradiction(data, trust)
        assert report.verdict is Verdict.VALID  # both leaves were proven; nobody is blamed with less
        written = None if folder is None else _write(folder, conflict.contradiction.kind.value, data)
        detail = next(check.detail for check in report.checks if check.name == CONTRADICTION)
        found.append(ReceiptConflict(files[conflict.one][0], files[conflict.other][0], detail, written))
    return found


def print_conflict(found: ReceiptConflict) -> None:
    """Print a conflict below the verdicts of the files."""
    output.answer(f"{found.one} and {found.other}")
    output.answer(f"  fail     {CONTRADICTION:<12} {found.detail}")
    output.answer("invalid: the log contradicts itself: it signed both; what each receipt proves alone stands above")
    if found.written is None:
        output.say("hint: --contradictions FOLDER writes a file that shows it to whoever pinned this log")
    else:
        output.answer(f"evidence: {found.written}")
        output.say("hint: keep the file, and hand it to whoever relies on this log: `rledger verify` checks it offline")


def _proven(data: bytes, trust: Trust) -> ProvenLeaf | None:
    try:
        return prove_leaf(parse_receipt(data), trust)
    except LedgerError:
        return None


def _write(folder: Path, kind: str, data: bytes) -> Path:
    """Write a contradiction file under the name that a monitor gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{sha256(data).hexdigest()[:16]}.contradiction.json"
    with written_whole(path) as target:
        target.write(data)
    return path
