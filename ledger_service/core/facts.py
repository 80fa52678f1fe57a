"""What a verifier asks of a chain, and what a node answered, as values.

Promises: an answer that could not be had is an `Unanswered` with its reason, never a "no".
Does not: ask (`chain/`), or judge the answer (`verify.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What a verifier wants to know of one anchored head.

    The pinned chain (`chain_id`, `chain_genesis`), the contract (20 bytes), `log_id` and `sequence` of the head, the
    block it claims to stand in, and how finality is told (`confirmations` None: the node's `finalized` tag).
    """

    chain_id: int
    chain_genesis: bytes
    contract: bytes
    log_id: bytes
    sequence: int
    block_number: int
    confirmations: int | None


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One node's answer: `source` names the node, without credentials.

    `final_number` is the newest final block; `code_hash` and `commitment` were read at that block (code hash None: no
    contract there; commitment 32 zero bytes: no such head). `block_hash` is the hash of the claimed block on the
    node's chain, None if it has none of that number yet.
    """

    source: str
    question: Question
    chain_id: int
    chain_genesis: bytes
    final_number: int
    code_hash: bytes | None
    commitment: bytes
    block_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer from `source`, and why. `question` None: it concerns every question."""

    source: str
    reason: str
    question: Question | None = None


Answer = TargetFacts | Unanswered
