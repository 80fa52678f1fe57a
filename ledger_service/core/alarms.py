"""What can keep a head from being placed, in one word each, with the line that people read and the way out.

`rledger doctor`, `/health/ready` and the README show these lines; the worker saves the word.

Promises: an alarm never stops recording: entries are taken and sealed while anchoring waits. Does not: decide that
there is one (`anchoring.py`, `quorum.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Alarm(StrEnum):
    """Why anchoring at one target does not go on, or what a person should know about it."""

    HALTED = "halted"
    NODES_DISAGREE = "nodes_disagree"
    CONTRADICTED = "anchor_contradicted"
    WRONG_CHAIN = "wrong_chain"
    WRONG_CODE = "wrong_code"
    BEHIND_CHAIN = "behind_chain"
    NODE_BEHIND = "node_behind"
    NODE_SILENT = "node_silent"
    NODE_REFUSES = "node_refuses"
    NOT_AUTHORISED = "not_authorised"
    LOG_CLOSED = "log_closed"
    SIGNER_FAILS = "signer_fails"
    CONTRACT_REFUSES = "contract_refuses"
    NO_FUNDS = "no_funds"
    FEE_CEILING = "fee_ceiling"
    OVER_BUDGET = "over_budget"
    FOREIGN_TRANSACTION = "foreign_transaction"
    OVER_CAP = "over_cap"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Line:
    """What an alarm means, and what to do about it."""

    meaning: str
    way_out: str


LINES: dict[Alarm, Line] = {
    Alarm.HALTED: Line(
        "anchoring is halted: chain and ledger contradict each other",
        "run `rledger audit`; never write on before it is known which side was rewritten",
    ),
    Alarm.NODES_DISAGREE: Line(
        "the nodes that are asked show different final histories",
        "find out which one lies; take it out of LEDGER_RPC_URL, then run `rledger worker --resume`",
    ),
    Alarm.CONTRADICTED: Line(
        "a head that was final is not on the chain any more",
        "receipts that rest on it are marked; the entries are anchored again by themselves; tell whoever holds one",
    ),
    Alarm.WRONG_CHAIN: Line(
        "the node serves another chain than the pinned one",
        "correct LEDGER_RPC_URL; if the chain itself was started anew, take its URL out and move to another chain",
    ),
    Alarm.WRONG_CODE: Line(
        "there is no contract at the pinned address, or another one",
        "nothing is deployed anew by itself: find out what happened to the chain, or move with `rledger deploy`",
    ),
    Alarm.BEHIND_CHAIN: Line(
        "the chain holds a larger head than this database",
        "this looks like a restored backup: bring the database up to date from a newer copy",
    ),
    Alarm.NODE_BEHIND: Line(
        "the node is behind what was seen of the chain before", "wait until it has caught up, or name another node"
    ),
    Alarm.NODE_SILENT: Line("no node answers", "check the node and LEDGER_RPC_URL; entries are recorded meanwhile"),
    Alarm.NODE_REFUSES: Line("the node refuses what it is sent", "its words say why; another node may take it"),
    Alarm.NOT_AUTHORISED: Line(
        "the contract takes heads of this log from another account",
        "configure that account, or let the owner run `rledger contract set-anchorer`",
    ),
    Alarm.SIGNER_FAILS: Line(
        "the anchoring account does not sign",
        "check its key file, or the service at LEDGER_SIGNER_URL; it goes on by itself",
    ),
    Alarm.LOG_CLOSED: Line(
        "the owner closed this log in its contract",
        "what is final stays so; found the successor with `rledger deploy --continues`",
    ),
    Alarm.CONTRACT_REFUSES: Line("the contract refuses the head", "run `rledger audit`; the contract's words say why"),
    Alarm.NO_FUNDS: Line(
        "the account cannot pay for the next transaction",
        "send it money: `rledger doctor` shows address and balance; it goes on by itself",
    ),
    Alarm.FEE_CEILING: Line(
        "the chain asks for more than the highest fee that is allowed",
        "wait for a cheaper hour, or raise LEDGER_FEE_CEILING_GWEI",
    ),
    Alarm.OVER_BUDGET: Line(
        "the budget of the day is spent", "wait until tomorrow, or raise LEDGER_FEE_DAILY_BUDGET_GWEI"
    ),
    Alarm.FOREIGN_TRANSACTION: Line(
        "another program sends transactions from the anchoring account",
        "give the ledger an account of its own; if nobody should have the key, change the anchorer at once",
    ),
    Alarm.OVER_CAP: Line(
        "no seal lies within what the contract lets the next head add",
        "the owner lowered the cap: let them raise it with `rledger contract set-growth`",
    ),
    Alarm.LATE: Line(
        "entries wait longer for their anchor than was promised", "the other lines say why; it goes on by itself"
    ),
}
