"""Seals that lie: an entry or a whole case is missing in the index that is anchored, or another stands in its place.

Somebody holds the receipt of what is missing. By that receipt and the seal's completeness file, or the package, it is
found; and whoever may read the entries finds it by an audit.
"""

from __future__ import annotations

from pathlib import Path

from ledger_service.chain.facts import answer_from
from ledger_service.chain.rpc import Node
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.receipt import Receipt
from ledger_service.core.report import Report, Verdict
from ledger_service.core.verify_case_proof import questions_of_case_proof, verify_case_proof
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.prove_case import prove_case
from ledger_service.operations.record import Step, record
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.campaigns.handed_out import chain_of, failed, lacking, package_of, verified, without
from tests.operations.world import PLATFORM, World

FORGET = ("DELETE FROM case_index_roots", "DELETE FROM case_index_replaced", "DELETE FROM case_index_nodes")


def leaves_out(world: World, return_id: str, lie: str) -> bool:
    """Anchor a seal whose index lacks the last entry of a case, or the case; say whether both ways find it."""
    with world.opened() as opened:
        indexes, leaves = chain_of(opened.ledger, return_id), opened.ledger.read.entries_of(return_id)
        leaf = next(row.leaf_hash for row in leaves if row.index == indexes[-2])
    world.sql(*FORGET, "CREATE TABLE honest AS SELECT * FROM cases")
    if lie == "entry":
        change = "UPDATE cases SET count = count - 1, head = ? WHERE return_id = '" + return_id + "'"
        world.sql(change, values=(leaf,))
    else:
        world.sql("DELETE FROM cases WHERE return_id = '" + return_id + "'")
    with world.anchoring() as (ledger, _, anchorer):
        ledger.require_writer().append(LogDraft(make_seal(ledger.origin)))
        anchorer.run()
    world.sql("DELETE FROM cases", "INSERT INTO cases SELECT * FROM honest", "DROP TABLE honest")
    with world.opened(write=False) as opened, world.node(writable=False) as node:
        report = counted(opened.ledger, node, return_id, prove(opened.ledger, indexes[-1]))
        by_audit = any("case index does not follow" in one.what for one in audit(opened.ledger, None).findings)
    return failed(report) == {"receipts"} and by_audit


def puts_another_in_its_place(world: World, return_id: str, photo: Path) -> bool:
    """Record an entry and give out its receipt, then go on with the case as if it had not been, and anchor that.

    Package and completeness file are right in themselves: only who holds the receipt knows of the entry.
    """
    world.sql("CREATE TABLE honest AS SELECT * FROM cases WHERE return_id = '" + return_id + "'")
    with world.opened() as opened:
        hidden = _add(opened.ledger, return_id, photo)
    world.sql(
        *FORGET,
        "DELETE FROM cases WHERE return_id = '" + return_id + "'",
        "INSERT INTO cases SELECT * FROM honest",
        "DROP TABLE honest",
        f"UPDATE entries SET first_idx = idx, seq = 1000000 WHERE idx = {hidden}",  # as if of no case that there is
    )
    with world.anchoring() as (ledger, _, anchorer):
        chain = [_add(ledger, return_id, photo), _add(ledger, return_id, photo)]
        anchorer.run()
    with world.opened() as opened, world.node(writable=False) as node:
        ledger = opened.ledger
        held, rest = prove(ledger, hidden), [prove(ledger, index) for index in chain]
        package = without(ledger, package_of(ledger, return_id))
        alone, beside = verified(ledger, node, package), verified(ledger, node, package, held)
        one, all_ = counted(ledger, node, return_id, held), counted(ledger, node, return_id, held, *rest)
        by_audit = bool(audit(ledger, None).findings)
    assert alone.verdict is Verdict.VALID, alone
    return (
        (failed(beside), failed(all_)) == ({"receipt"}, {"receipts"})
        and (failed(one), lacking(one)) == (set(), {"receipts"})
        and by_audit
    )


def _add(ledger: Ledger, return_id: str, photo: Path) -> int:
    step = Step("add_evidence", PLATFORM, PLATFORM, {}, [("product_photo", photo)], return_id)
    return record(ledger, step).appended.index


def counted(ledger: Ledger, node: Node, return_id: str, *receipts: Receipt) -> Report:
    """Return what a stranger is told of the newest completeness file of a case beside these receipts."""
    data = encode_case_proof(prove_case(ledger, return_id))
    asked = answer_from(node, questions_of_case_proof(data, ledger.trust()))
    return verify_case_proof(data, ledger.trust(), asked, receipts=receipts)
