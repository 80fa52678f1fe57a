"""What a verifier says of an entry where it takes this ledger's own word about blocks: a convenience, and no more.

What nodes would have to be asked is answered from the records of the worker: which heads it saw final, in which blocks.
All else is checked as anybody would check it: bytes, signatures, places in trees, state proofs.

Promises: an answer names this ledger as its source; a head that the records do not call final is not known to be.
Does not: ask a chain. Whoever doubts the ledger verifies the receipt with a program and a node of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.facts import Answer, Question, TargetFacts, Unanswered
from ledger_service.core.kept_proof import parse_kept_proof
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.state_proof import read_header
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, verify
from ledger_service.errors import FormatError, LedgerError, StoreError
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.prove import prove
from ledger_service.store.anchor_proofs import AnchorProofs
from ledger_service.store.read import StoredEntry

SOURCE = "this ledger's own records"


def own_verdict(ledger: Ledger, row: StoredEntry, principal: Principal, anchors: Sequence[Anchor]) -> Report:
    """Return the report on the receipt of an entry as this ledger makes it now.

    An entry that is no entry any more is a failure; a value that the ledger cannot open leaves it without a receipt to
    look at, which shows nothing.

    Args:
        ledger: Opened to read or to write.
        row: The entry as it is stored.
        principal: Sees its case; the receipt shows what this party may be shown.
        anchors: As `anchors_of` returned them.
    """
    try:
        entry = parse_entry(row.encoded)
        shown = visible_names(ledger, row.index, entry, principal) if isinstance(entry, CaseEntry) else frozenset()
        data = encode_receipt(prove(ledger, row.index, show=shown, anchors=anchors))
    except FormatError as error:
        return Report((Check("entry", Outcome.FAIL, error.message),))
    except StoreError as error:
        return Report((Check("format", Outcome.UNKNOWN, f"no receipt can be made: {error.message}"),))
    trust = ledger.trust()
    return verify(data, trust, own_answers(ledger, questions(data, trust), trust, anchors))


def own_answers(
    ledger: Ledger, asked: Sequence[Question], trust: Trust, anchors: Sequence[Anchor]
) -> tuple[Answer, ...]:
    """Return what the records of this ledger answer to what a verifier would ask of chains."""
    final = {(one.log_id, one.sequence): one for one in anchors if one.state is AnchorState.FINALIZED}
    return tuple(_answer(ledger, one, trust, final.get((one.log_id, one.sequence))) for one in asked)


def _answer(ledger: Ledger, question: Question, trust: Trust, anchor: Anchor | None) -> Answer:
    pinned = trust.target_of(question.log_id)
    if anchor is None or anchor.block is None or anchor.commitment is None or pinned is None:
        return Unanswered(SOURCE, f"head {question.sequence} is not final by them", question)
    block_hash = anchor.block.block_hash
    if question.block_number != anchor.block.number:  # the receipt shows the state of a later block
        later = _later_block(ledger, anchor)
        if later is None or later[0] != question.block_number:
            return Unanswered(SOURCE, f"they do not hold block {question.block_number}", question)
        block_hash = later[1]
    return TargetFacts(
        source=SOURCE,
        question=question,
        chain_id=anchor.chain_id,
        chain_genesis=question.chain_genesis,
        final_number=question.block_number,
        code_hash=pinned.target.code_hash,
        commitment=anchor.commitment,
        block_hash=block_hash,
    )


def _later_block(ledger: Ledger, anchor: Anchor) -> tuple[int, bytes] | None:
    """Return number and hash of the block whose state the ledger keeps a proof of, as the worker was told it."""
    record = AnchorProofs(ledger.store).record(anchor.log_id, anchor.sequence)
    if record is None:
        return None
    try:
        header = read_header(parse_kept_proof(record).header)
    except LedgerError:
        return None
    return header.number, header.block_hash
