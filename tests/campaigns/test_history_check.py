"""The history checker: silent about what a sound ledger can do, and never about what it cannot, rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.merkle import (
    complete_nodes,
    compute_root,
    fold_inclusion,
    leaf_hash,
    nodes_for_inclusion,
    nodes_for_root,
)
from ledger_service.core.receipt import Receipt, encode_receipt
from tests.campaigns.history.check import RULES, Violation, check
from tests.campaigns.history.notes import Attempt, History, Logged, Outcome, Read
from tests.core.notes import KEY, ORIGIN, OTHER, PRIVATE

SIZE = 24


def body_of(number: int) -> bytes:
    """Return the body that stands, or would stand, as entry `number`."""
    return sha256(f"body {number}".encode()).digest()


def rows(size: int = SIZE) -> list[Logged]:
    """Return a log; its first entry came from no client."""
    return [
        Logged(n, leaf_hash(f"entry {n}".encode()), f"entry {n}".encode(), body_of(n) if n else None)
        for n in range(size)
    ]


LEAVES = [row.leaf_hash for row in rows()]


def root(size: int) -> bytes:
    """Return the root of the log at a size."""
    tree = complete_nodes(LEAVES[:size])
    return compute_root(size, [tree[node] for node in nodes_for_root(size)])


def receipt(index: int, size: int, *, private: object = PRIVATE) -> bytes:
    """Return the signed receipt of an entry."""
    tree = complete_nodes(LEAVES[:size])
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root(size)), private)  # type: ignore[arg-type] # a private key
    inclusion = tuple(fold_inclusion(index, size, [tree[node] for node in nodes_for_inclusion(index, size)]))
    return encode_receipt(Receipt(f"entry {index}".encode(), index, (), inclusion, note))


def ok(number: int, *, asked: float, answered: float, size: int | None = None) -> Attempt:
    """Return an attempt that was answered with entry `number`."""
    return Attempt(
        client=number % 3,
        key=f"key-{number}",
        body=body_of(number),
        invoked_at=asked,
        ended_at=answered,
        outcome=Outcome.OK,
        index=number,
        leaf_hash=LEAVES[number],
        receipt=receipt(number, size or number + 1),
    )


@dataclass
class Told:
    """A history and the log at its end, both of which a test may spoil."""

    history: History = field(default_factory=History)
    log: list[Logged] = field(default_factory=rows)

    def check(self) -> list[Violation]:
        """Return what the checker says."""
        return check(self.history, self.log, origin=ORIGIN, keys=[KEY])

    def broken(self) -> set[int]:
        """Return the rules that the checker sees broken."""
        return {violation.rule for violation in self.check()}

    def change(self, number: int, **changed: object) -> None:
        """Change the first answer with this index."""
        place = next(n for n, one in enumerate(self.history.attempts) if one.index == number)
        self.history.attempts[place] = replace(self.history.attempts[place], **changed)  # type: ignore[arg-type]


def sound() -> Told:
    """Return a history with everything in it that a sound ledger can do.

    Entry n is asked for at n and answered at n + 2.5, so that three requests overlap, and stands there at n + 2.
    """
    told = Told()
    attempts, reads = told.history.attempts, told.history.reads
    attempts += [ok(n, asked=n, answered=n + 2.5) for n in range(1, SIZE - 2)]
    # An answer that was lost, and the retry that found the entry; and one that was lost and never found.
    attempts.append(
        replace(ok(5, asked=5, answered=5.2), outcome=Outcome.UNKNOWN, index=-1, leaf_hash=b"", receipt=b"")
    )
    attempts.append(ok(7, asked=19.0, answered=19.5, size=20))
    for number, outcome in ((SIZE - 2, Outcome.UNKNOWN), (100, Outcome.UNKNOWN), (101, Outcome.FAIL)):
        attempts.append(Attempt(0, f"key-{number}", body_of(number), 3.0, 4.0, outcome))
    for reader in ("a", "b"):
        reads += [Read(reader, n + 2.6, n + 2.7, n + 1, root(n + 1)) for n in range(1, SIZE)]
    return told


def test_a_sound_history_is_passed_in_silence() -> None:
    assert sound().check() == []


def test_nothing_told_of_an_empty_log_is_sound() -> None:
    assert Told(log=[]).check() == []


def lose(told: Told) -> None:
    """An acknowledged entry is not there: what stands at its index came from nobody."""
    told.log[9] = replace(told.log[9], body=None)


def lose_the_tail(told: Told) -> None:
    """The log ends before an acknowledged entry."""
    del told.log[SIZE - 3 :]


def exchange(told: Told) -> None:
    """At an acknowledged index stands another entry."""
    told.log[9] = Logged(9, leaf_hash(b"other"), b"other", body_of(9))


def double(told: Told) -> None:
    """An acknowledged body stands twice."""
    told.log[SIZE - 1] = replace(told.log[SIZE - 1], body=body_of(9))


def record_refused(told: Told) -> None:
    """What was refused stands in the log."""
    told.log[SIZE - 1] = replace(told.log[SIZE - 1], body=body_of(101))


def double_unknown(told: Told) -> None:
    """What was never answered stands twice."""
    told.log[SIZE - 1] = replace(told.log[SIZE - 1], body=body_of(SIZE - 2))


def turn_time_back(told: Told) -> None:
    """An entry that was asked for after another was answered stands before it."""
    told.change(9, invoked_at=12.6, ended_at=13.0)
    told.history.reads.clear()


def shrink(told: Told) -> None:
    """A reader sees the log grow shorter, and no shorter than what was answered."""
    told.history.reads.append(Read("a", 2.65, 2.66, 10, root(10)))


def stay_behind(told: Told) -> None:
    """A new reader is shown a log without what was acknowledged before it asked."""
    told.history.reads.append(Read("late", 30.0, 30.1, 12, root(12)))


def show_another_root(told: Told) -> None:
    """A reader was shown a head that the log never had."""
    told.history.reads[4] = replace(told.history.reads[4], root=bytes(32))


def show_what_is_gone(told: Told) -> None:
    """A reader was shown a size that the log does not reach."""
    told.history.reads.append(Read("late", 30.0, 30.1, SIZE + 1, bytes(32)))


def answer_twice(told: Told) -> None:
    """The retry of a key leads to another index."""
    told.history.attempts.append(replace(ok(8, asked=19.0, answered=19.5), key="key-7"))


def skip(told: Told) -> None:
    """An index is missing."""
    told.log[SIZE - 1] = replace(told.log[SIZE - 1], index=SIZE)


def stand_twice(told: Told) -> None:
    """Two rows have one index."""
    told.log.insert(SIZE, told.log[SIZE - 1])


def alter(told: Told) -> None:
    """The bytes of an entry were changed, and not its leaf hash."""
    told.log[9] = replace(told.log[9], encoded=b"entry 8")


def sign_with_another_key(told: Told) -> None:
    """A receipt is signed by somebody else."""
    told.change(9, receipt=receipt(9, 10, private=OTHER))


def sign_another_log(told: Told) -> None:
    """A receipt's checkpoint is of a log that is no prefix of this one."""
    other = leaf_hash(b"fork")
    tree = complete_nodes([*LEAVES[:9], LEAVES[9], other])
    fork = compute_root(11, [tree[node] for node in nodes_for_root(11)])
    inclusion = tuple(fold_inclusion(9, 11, [tree[node] for node in nodes_for_inclusion(9, 11)]))
    note = sign_checkpoint(Checkpoint(ORIGIN, 11, fork), PRIVATE)
    told.change(9, receipt=encode_receipt(Receipt(b"entry 9", 9, (), inclusion, note)))


def give_another_receipt(told: Told) -> None:
    """A receipt is of another entry than the answer."""
    told.change(9, receipt=receipt(8, 10))


def give_no_receipt(told: Told) -> None:
    """What came as receipt is none."""
    told.change(9, receipt=b"{}")


SPOILED: list[tuple[Callable[[Told], None], set[int]]] = [
    (lose, {1}),
    (lose_the_tail, {1, 5, 8}),
    (exchange, {1, 5, 8}),
    (double, {1}),
    (record_refused, {2}),
    (double_unknown, {2}),
    (turn_time_back, {3}),
    (shrink, {4}),
    (stay_behind, {4}),
    (show_another_root, {5}),
    (show_what_is_gone, {5}),
    (answer_twice, {1, 6}),
    (skip, {5, 7}),
    (stand_twice, {7}),
    (alter, {7}),
    (sign_with_another_key, {8}),
    (sign_another_log, {8}),
    (give_another_receipt, {8}),
    (give_no_receipt, {8}),
]


@pytest.mark.parametrize(("spoil", "rules"), SPOILED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_no_sound_ledger_does_is_named_by_its_rule(spoil: Callable[[Told], None], rules: set[int]) -> None:
    told = sound()

    spoil(told)

    assert told.broken() == rules


def test_every_rule_has_a_history_that_breaks_it_alone() -> None:
    assert {next(iter(rules)) for _, rules in SPOILED if len(rules) == 1} | {6} == set(RULES)


def test_two_requests_that_overlap_may_stand_in_either_order() -> None:
    told = sound()
    told.change(9, invoked_at=12.4, ended_at=13.0)  # entry 10 was answered at 12.5: they met
    told.history.reads.clear()

    assert told.check() == []


def test_a_retry_is_as_old_as_its_first_attempt() -> None:
    told = sound()
    told.change(9, invoked_at=19.0, ended_at=19.5)
    told.history.reads.clear()
    assert told.broken() == {3}

    told.history.attempts.append(Attempt(0, "key-9", body_of(9), 9.0, 9.1, Outcome.UNKNOWN))
    assert told.check() == []
