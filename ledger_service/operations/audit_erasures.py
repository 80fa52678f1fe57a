"""What an audit says of erasures: whether anything that was to be erased is there.

Compares the erasure list with key store, database and evidence folder, the decisions of the database with the list, and
each `erasure` entry with the values that it says are gone. Promises: reads only. Does not: erase again (opening to
write does).
"""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.core.entry import CaseEntry, Kind, parse_entry
from ledger_service.core.erasure import Outcome
from ledger_service.core.erasure_entry import parse_erasure
from ledger_service.errors import LedgerError
from ledger_service.operations.destroy import is_finished
from ledger_service.operations.ledger import Ledger
from ledger_service.store.erasure_list import Intent
from ledger_service.store.erasures import LIFTED

_STAGE = "erasures"
_AGAIN = "opening the ledger to write erases it again"


def audit_erasures(ledger: Ledger, *, add: Callable[[str, str], None], count: Callable[[str, int], None]) -> None:
    """Give what contradicts the erasure list to `add` as (stage, what), and figures to `count`."""
    try:
        intents = ledger.erasure_list.intents()
    except LedgerError as error:
        add(_STAGE, error.message)
        return
    # All keys at once first: each look is one at every value.
    values_back = ledger.erasures.values_under([bytes.fromhex(key) for intent in intents for key in intent.keys]) > 0
    for intent in intents:
        count("erasures", 1)
        _audit_intent(ledger, intent, add, values_back=values_back)
    for restriction in ledger.erasure_list.restrictions().values():
        stands = ledger.erasures.find(restriction["id"])
        if stands is None or (LIFTED in stands.answer) != (LIFTED in restriction["answer"]):
            add(_STAGE, f"restriction {restriction['id']}: the database says something else; {_AGAIN}")
    listed = {(intent.erasure_id, intent.round) for intent in intents}
    for row in ledger.erasures.all():
        rounds = row.answer.get("rounds", 0) if row.outcome == Outcome.DONE else 0
        if missing := [number for number in range(rounds) if (row.id, number) not in listed]:
            add(_STAGE, f"erasure {row.id}, round {missing[0]}: not on the erasure list, so a backup would undo it")


def audit_erasure_entries(ledger: Ledger, *, add: Callable[[str, str], None]) -> None:
    """Look for values that an `erasure` entry says are gone."""
    for return_id in ledger.erasures.cases_told():
        told = [row for row in ledger.read.chain_of(return_id) if row.kind == Kind.ERASURE]
        places = {row.leaf_hash: row.index for row in ledger.read.entries_of(return_id)}
        sealed = ledger.read.values_of(return_id)
        for row in told:
            try:
                entry = parse_entry(row.encoded)
                assert isinstance(entry, CaseEntry)  # of this kind
                erased = parse_erasure(entry.facts).erased
            except LedgerError:
                continue  # the walk has named it
            for one in erased:
                index = places.get(one.leaf)
                if index is None:
                    add(_STAGE, f"entry {row.index}: it names an entry that its case does not have")
                    continue
                if there := {value.position for value in sealed.get(index, ())} & set(one.positions):
                    add(_STAGE, f"entry {row.index}: value {min(there)} of entry {index} is not gone as it says")


def _audit_intent(ledger: Ledger, intent: Intent, add: Callable[[str, str], None], *, values_back: bool) -> None:
    keys = [bytes.fromhex(key) for key in intent.keys]
    if there := [key for key in keys if ledger.keys.get(key) is not None]:
        add(
            _STAGE, f"erasure {intent.erasure_id}: {len(there)} of its keys should be destroyed and are there; {_AGAIN}"
        )
    if values_back and (values := ledger.erasures.values_under(keys)):
        add(_STAGE, f"erasure {intent.erasure_id}: {values} values should be gone and are there; {_AGAIN}")
    if files := [name for name in intent.files if ledger.evidence.names_of(name)]:
        add(_STAGE, f"erasure {intent.erasure_id}: the file {files[0]} should be gone and is there; {_AGAIN}")
    if not is_finished(ledger, intent):
        add(_STAGE, f"erasure {intent.erasure_id}: not recorded in every case yet; `rledger worker --once` finishes it")
