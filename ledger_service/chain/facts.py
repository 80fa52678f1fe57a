"""Ask nodes what a verifier wants to know: questions in, answers out.

Promises: every question gets an answer from every node; what could not be had is `Unanswered` with its reason.
Does not: judge an answer (`core/verify.py`), or write.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.facts import Answer, Question, TargetFacts, Unanswered
from ledger_service.errors import ChainError, LedgerError


def fetch_answers(rpcs: Sequence[str], questions: Sequence[Question]) -> list[Answer]:
    """Return what each node says to each question that concerns its chain.

    Args:
        rpcs: URLs or `embedded:FOLDER`, opened to read.
        questions: From `core.verify.questions`.
    """
    answers: list[Answer] = []
    if not questions:
        return answers
    for rpc in rpcs:
        try:
            with open_node(rpc) as node:
                answers.extend(answer_from(node, questions))
        except LedgerError as error:
            answers.append(Unanswered(_public_name(rpc), error.message))
    return answers


def answer_from(node: Node, questions: Sequence[Question]) -> list[Answer]:
    """Return what one open node says to each question that concerns its chain."""
    try:
        chain_id, genesis = node.chain_id(), node.genesis_hash()
    except ChainError as error:
        return [Unanswered(node.name, error.message)]
    mine = [question for question in questions if question.chain_id == chain_id]
    if not mine:
        return [Unanswered(node.name, f"serves chain {chain_id}, on which this file has no anchor")]
    return [_ask_one(node, question, genesis) for question in mine]


def _ask_one(node: Node, question: Question, genesis: bytes) -> Answer:
    """Read everything at one final block, so that two moments are never mixed."""
    try:
        final = final_number(node, question.confirmations)
        if final is None:
            return Unanswered(node.name, "the node knows no final block yet", question)
        code = node.code(question.contract, final)
        registry = Registry(node, question.contract)
        block = node.block(question.block_number)
        return TargetFacts(
            source=node.name,
            question=question,
            chain_id=question.chain_id,
            chain_genesis=genesis,
            final_number=final,
            code_hash=keccak(code) if code else None,
            commitment=registry.stored_commitment(question.log_id, question.sequence, final),
            block_hash=None if block is None else block.block_hash,
        )
    except ChainError as error:
        return Unanswered(node.name, error.message, question)


def final_number(node: Node, confirmations: int | None) -> int | None:
    """Return the number of the newest final block; None where the node knows none yet."""
    block = node.block("finalized" if confirmations is None else "latest")
    if block is None:
        return None
    return block.number if confirmations is None else max(block.number - confirmations, 0)


def _public_name(rpc: str) -> str:
    """Return how a node that could not be opened is called: nothing of a URL that may hold a secret."""
    return rpc if rpc.startswith("embedded:") else "the node of --rpc"
