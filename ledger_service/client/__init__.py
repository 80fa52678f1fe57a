"""A client of the ledger's REST API that checks every answer against a pinned trust file.

>>> from pathlib import Path
>>> from ledger_service.client import Ledger
>>> def ask_for_photos(return_id: str) -> bytes:
...     with Ledger("https://ledger.example", "rlk_…", trust=Path("ledger.trust.json")) as ledger:
...         seen = ledger.show(return_id)
...         step = ledger.record(return_id, "request_info", {"asked_for": ["product_photo"]}, if_match=seen)
...     return step.receipt

Promises: a step is recorded once, however often it is sent; an answer that is not what was asked for raises
`WrongAnswerError`. Does not: need anything of the service; it imports formats and proofs (`core/`) and no more.
"""

from ledger_service.client.answers import CheckedReceipt, DisputeState, LoggedEntry, RecordedStep, ReturnState
from ledger_service.client.asking import Patience
from ledger_service.client.failures import (
    BusyError,
    ClientError,
    ContradictionError,
    CredentialRefusedError,
    ProblemError,
    StaleReturnError,
    StepNotAllowedError,
    UnknownError,
    UnreachableError,
    WrongAnswerError,
)
from ledger_service.client.ledger import Ledger
from ledger_service.client.sent import EvidenceFile, Party, WalletSignature
from ledger_service.client.uploading import UploadedFile
from ledger_service.core.entry import Authenticity, Role, RuleReference

__all__ = [
    "Authenticity",
    "BusyError",
    "CheckedReceipt",
    "ClientError",
    "ContradictionError",
    "CredentialRefusedError",
    "DisputeState",
    "EvidenceFile",
    "Ledger",
    "LoggedEntry",
    "Party",
    "Patience",
    "ProblemError",
    "RecordedStep",
    "ReturnState",
    "Role",
    "RuleReference",
    "StaleReturnError",
    "StepNotAllowedError",
    "UnknownError",
    "UnreachableError",
    "UploadedFile",
    "WalletSignature",
    "WrongAnswerError",
]
