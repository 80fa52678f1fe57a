"""The check of a wallet's signature in a receipt, where the entry says that its step was signed.

Promises: a copy that withholds something stays as good as it was: the signature is then not checked and nothing is
said of it. Does not: know whose wallet it is; the report names the address, and the reader compares it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Authenticity, CaseEntry, Entry
from ledger_service.core.report import Check, Outcome
from ledger_service.core.signing import Domain, verify_signed_entry
from ledger_service.core.trust import Trust
from ledger_service.errors import LedgerError, WithheldError


def check_statement(entry: Entry, records: Sequence[Record], trust: Trust | None) -> list[Check]:
    """Return the check `statement` of a signed entry, if there is a trust file and all its values are shown.

    Args:
        entry: Of the receipt.
        records: Of the receipt, one for each commitment in entry order.
        trust: The pinned trust file, whose targets are the places that a statement may name.
    """
    if trust is None or not isinstance(entry, CaseEntry) or entry.authenticity is not Authenticity.SIGNED:
        return []
    domains = [Domain(trust.origin, one.target.chain_id, one.target.contract) for one in trust.targets]
    try:
        signer = verify_signed_entry(entry, records, domains)
    except WithheldError:
        return []
    except LedgerError as error:
        return [Check("statement", Outcome.FAIL, error.message)]
    return [Check("statement", Outcome.PASS, f"the step was signed by the wallet 0x{signer.hex()}")]
