"""Verifying anchors: what nodes may answer, what several targets need, and that no change of a file stays valid."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest

from ledger_service.core import encoding
from ledger_service.core.facts import TargetFacts, Unanswered
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify import DEMONSTRATION, questions, verify
from tests.core.receipts import BOTH, EMBEDDED, GENESIS_AT, SEPOLIA, TRUST, anchor, answer, question, receipt
from tests.core.spoiled import spoil
from tests.core.untraced import untraced

GOOD, TWO = receipt(), receipt(on=(EMBEDDED, SEPOLIA))
ANSWER, OTHER = answer(EMBEDDED), answer(SEPOLIA, source="sepolia node")


def check(changed: Receipt, answers: Any, trust: Trust = TRUST) -> Report:
    return verify(encode_receipt(changed), trust, answers)


def named(report: Report, name: str) -> list[Outcome]:
    return [one.outcome for one in report.checks if one.name == name]


def say(**members: Any) -> TargetFacts:
    """What the embedded chain's node says, with some of it changed."""
    return dataclasses.replace(ANSWER, **members)


@pytest.mark.parametrize(
    ("answers", "verdict", "chain", "reason"),
    [
        ((), Verdict.INCONCLUSIVE, Outcome.UNKNOWN, "no node of embedded was asked"),
        ((OTHER,), Verdict.INCONCLUSIVE, Outcome.UNKNOWN, "no node of embedded was asked"),
        ((Unanswered("node", "timed out"),), Verdict.INCONCLUSIVE, Outcome.UNKNOWN, "node: timed out"),
        (
            (Unanswered("node", "timed out", question(EMBEDDED)),),
            Verdict.INCONCLUSIVE,
            Outcome.UNKNOWN,
            "timed out",
        ),
        ((say(chain_id=1),), Verdict.INCONCLUSIVE, Outcome.UNKNOWN, "serves chain 1"),
        ((say(chain_genesis=bytes(32)),), Verdict.INCONCLUSIVE, Outcome.UNKNOWN, "not the pinned embedded"),
        ((say(code_hash=None),), Verdict.INVALID, Outcome.FAIL, "not the pinned code"),
        ((say(code_hash=bytes(32)),), Verdict.INVALID, Outcome.FAIL, "not the pinned code"),
        ((say(commitment=bytes(32)),), Verdict.INVALID, Outcome.FAIL, "does not hold this head as number 3"),
        ((say(block_hash=bytes(32)),), Verdict.INVALID, Outcome.FAIL, "block 120 has another hash"),
        ((say(block_hash=None),), Verdict.INVALID, Outcome.FAIL, "block 120 has another hash"),
        ((ANSWER,), Verdict.VALID, Outcome.PASS, "holds this head in block 120"),
        ((say(final_number=10_000),), Verdict.VALID, Outcome.PASS, "holds this head in block 120"),
    ],
    ids=range(13),
)
def test_each_answer_of_a_node_has_its_outcome(
    answers: tuple[Any, ...], verdict: Verdict, chain: Outcome, reason: str
) -> None:
    report = check(GOOD, answers)

    assert (report.verdict, named(report, "chain")) == (verdict, [chain])
    assert any(reason in one.detail for one in report.checks if one.name == "chain")
    assert named(report, "policy") == [Outcome.PASS if verdict is Verdict.VALID else Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("block_hash", "seen"), [(ANSWER.block_hash, "in its block"), (None, "not on this node's chain")]
)
def test_a_block_that_is_not_final_yet_is_neither_accepted_nor_refused(block_hash: bytes | None, seen: str) -> None:
    """Nothing else that a node says at that height counts yet: a reorganisation may still undo it."""
    early = say(final_number=119, block_hash=block_hash, commitment=bytes(32), code_hash=None)
    report = check(GOOD, (early,))

    assert (report.verdict, named(report, "finality"), named(report, "chain")) == (
        Verdict.INCONCLUSIVE,
        [Outcome.UNKNOWN],
        [],
    )
    assert any(seen in one.detail for one in report.checks)


def test_a_node_that_lags_or_is_silent_does_not_outweigh_one_that_answers() -> None:
    for weak in (Unanswered("slow", "timed out"), say(final_number=119), say(chain_id=1)):
        assert check(GOOD, (weak, ANSWER)).verdict is Verdict.VALID
        assert check(GOOD, (ANSWER, weak)).verdict is Verdict.VALID


def test_a_node_that_contradicts_another_makes_the_receipt_invalid() -> None:
    for liar in (say(commitment=bytes(32)), say(block_hash=bytes(32)), say(code_hash=None)):
        assert check(GOOD, (ANSWER, liar)).verdict is Verdict.INVALID


def test_reports_say_that_a_demonstration_chain_proves_nothing_against_its_operator() -> None:
    demonstration, public = check(GOOD, (ANSWER,)), check(receipt(on=(SEPOLIA,)), (OTHER,))

    assert sum(DEMONSTRATION in one.detail for one in demonstration.checks) == 1
    assert public.verdict is Verdict.VALID
    assert not any(DEMONSTRATION in one.detail for one in public.checks)
    assert any("'2 confirmations'" in one.detail for one in demonstration.checks)
    assert any("'finalized'" in one.detail for one in public.checks)


def test_the_policy_counts_final_targets() -> None:
    assert check(TWO, (ANSWER, OTHER), BOTH).verdict is Verdict.VALID
    assert check(TWO, (ANSWER, OTHER), TRUST).verdict is Verdict.VALID
    for lacking in ((ANSWER,), (OTHER,), (ANSWER, ANSWER), ()):
        report = check(TWO, lacking, BOTH)
        assert (report.verdict, named(report, "policy")) == (Verdict.INCONCLUSIVE, [Outcome.UNKNOWN])
    assert check(GOOD, (ANSWER,), BOTH).verdict is Verdict.INCONCLUSIVE
    assert check(TWO, (ANSWER, dataclasses.replace(OTHER, commitment=bytes(32))), TRUST).verdict is Verdict.INVALID


def test_an_anchor_that_was_compared_with_nothing_holds_the_verdict_back() -> None:
    """One target is enough for the policy; a second anchor that nobody looked at could say anything."""
    second = dataclasses.replace(anchor(SEPOLIA), time=1)
    changed = dataclasses.replace(TWO, anchors=(anchor(EMBEDDED), second))

    for answers in ((ANSWER,), (ANSWER, Unanswered("sepolia node", "refused", question(SEPOLIA)))):
        for one in (TWO, changed):
            report = check(one, answers)
            assert (report.verdict, named(report, "policy")) == (Verdict.INCONCLUSIVE, [Outcome.PASS])
    assert check(changed, (ANSWER, OTHER)).verdict is Verdict.INVALID
    aside = dataclasses.replace(GOOD, unprotected={"anchors": ["whatever it says"]})
    assert check(aside, (ANSWER,)).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "members",
    [{"log_id": bytes(32)}, {"chain_id": 1}, {"contract": bytes(20)}, {"log_id": SEPOLIA.target.log_id}],
    ids=str,
)
def test_an_anchor_of_a_log_chain_or_contract_that_is_not_pinned_is_invalid(members: dict[str, Any]) -> None:
    strange = dataclasses.replace(anchor(EMBEDDED), **members)

    report = check(dataclasses.replace(GOOD, anchors=(strange,)), (ANSWER, OTHER))
    beside = check(dataclasses.replace(GOOD, anchors=(anchor(EMBEDDED), strange)), (ANSWER, OTHER))

    assert (report.verdict, named(report, "anchor")) == (Verdict.INVALID, [Outcome.FAIL])
    assert beside.verdict is Verdict.INVALID


@pytest.mark.parametrize("member", ["sequence", "time", "block_number", "parent_hash", "block_hash"])
def test_every_number_and_hash_of_an_anchor_is_compared_with_the_chain(member: str) -> None:
    value = getattr(anchor(EMBEDDED), member)
    for other in (bytes(32), bytes([255]) * 32) if isinstance(value, bytes) else (value - 1, value + 1, 1, 2**53 - 1):
        changes: dict[str, Any] = {member: other}
        changed = dataclasses.replace(GOOD, anchors=(dataclasses.replace(anchor(EMBEDDED), **changes),))
        (asked,) = questions(encode_receipt(changed), TRUST)
        report = check(changed, (say(final_number=2**53, question=asked),))
        assert (report.verdict, named(report, "chain")) == (Verdict.INVALID, [Outcome.FAIL])
        if asked != question(EMBEDDED):  # an answer to another question says nothing here
            assert check(changed, (say(final_number=2**53),)).verdict is Verdict.INCONCLUSIVE


# ── no change of a file stays valid ──────────────────────────────────────────────────────────────────────────────────

FILES = [
    (receipt(), (ANSWER,), TRUST),
    (receipt(rotated=True), (ANSWER,), TRUST),
    (receipt(GENESIS_AT), (ANSWER,), TRUST),
    (TWO, (ANSWER, OTHER), BOTH),
]


@pytest.mark.parametrize("which", range(len(FILES)))
@untraced
def test_no_changed_member_of_a_receipt_leaves_it_valid(which: int) -> None:
    """But under `unprotected`, and where a shown value is withheld: these are what a holder may change."""
    whole, answers, trust = FILES[which]
    value = json.loads(encode_receipt(whole))
    counts = {True: 0, False: 0}

    for what, path, spoiled in spoil(value):
        valid = verify(encoding.encode(spoiled), trust, answers).verdict is Verdict.VALID
        assert not valid or path[0] == "unprotected", (what, path)
        counts[valid] += 1

    assert counts[False] > 500
    assert counts[True] > 5
    assert verify(encoding.encode(value), trust, answers).verdict is Verdict.VALID


@pytest.mark.parametrize("which", range(len(FILES)))
@untraced
def test_no_changed_byte_of_a_receipt_leaves_it_valid(which: int) -> None:
    """Every place once, and bits, deletions, insertions and swaps at random: 2,000 changes of each file."""
    whole, answers, trust = FILES[which]
    plain = dataclasses.replace(whole, unprotected={})
    data = encoding.encode(json.loads(encode_receipt(plain)))
    draw = random.Random(which)

    for count in range(2000):
        place = count if count < len(data) and which == 0 else draw.randrange(len(data))
        other = draw.randrange(len(data))
        changed = draw.choice(
            [
                data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :],
                data[:place] + data[place + 1 :],
                data[:place] + bytes([draw.randrange(256)]) + data[place:],
                data[:place] + data[other : other + 1] + data[place + 1 :],
                data[:place],
                data[:place] + data[place : place + 40] + data[place:],
            ]
        )
        valid = verify(changed, trust, answers).verdict is Verdict.VALID
        assert not valid or differ_in_space(changed, data), (place, changed[place - 20 : place + 20])

    assert verify(data, trust, answers).verdict is Verdict.VALID


def differ_in_space(one: bytes, other: bytes) -> bool:
    """Say whether two files are the same but for white space between members."""
    bare = one.translate(None, b" \t\r\n") == other.translate(None, b" \t\r\n")
    return bare and bool(json.loads(one) == json.loads(other))
