"""Continue a log with a new one: the new log's genesis entry quotes the old one's last honest head (design §5).

The head is taken from a receipt that rests on it, which is verified as anybody would verify it: under the old log's
trust file, with nodes of its chain. So the new log quotes nothing that its readers could not check.

Promises: a head that is not final, or that the contract's owner did not name when they closed the old log, is refused.
Does not: close the old log (`rledger contract close`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.chain.facts import fetch_answers
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import open_node
from ledger_service.core.log_entry import Predecessor
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, tree_of, verify
from ledger_service.errors import RefusedError


class PredecessorError(RefusedError):
    """What is offered as the last honest head of another log is not one that can be quoted."""


def last_honest_head(data: bytes, trust: Trust, rpcs: Sequence[str]) -> Predecessor:
    """Return the head that a receipt of the old log rests on.

    Args:
        data: The receipt's bytes.
        trust: The old log's trust file.
        rpcs: Nodes to ask, of the old log's chain among them.

    Raises:
        PredecessorError: The receipt is not valid, or the old log was closed naming another head.
        ChainError: No node answered.
    """
    found = verify(data, trust, fetch_answers(rpcs, questions(data, trust)))
    if found.verdict is not Verdict.VALID:
        wrong = [check for check in found.checks if check.outcome is not Outcome.PASS and check.decisive]
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in wrong)
        raise PredecessorError(
            f"the receipt of the log {trust.origin} is {found.verdict}: {reasons}",
            hint="give the receipt of an entry of it that is final, its trust file, and a node of its chain",
        )
    receipt = parse_receipt(data)
    size, root = tree_of(receipt)
    anchor = receipt.anchors[0]  # of a valid receipt: there is one
    for rpc in rpcs:
        with open_node(rpc) as node:
            if node.chain_id() != anchor.chain_id:
                continue
            log = Registry(node, anchor.contract).log(anchor.log_id)
            if log.closed and log.last_honest_sequence != anchor.sequence:
                raise PredecessorError(
                    f"the log was closed naming head {log.last_honest_sequence} as its last honest one,"
                    f" the receipt rests on head {anchor.sequence}",
                    hint="give the receipt of an entry whose head is that one",
                )
    return Predecessor(anchor.log_id, anchor.sequence, size, root)
