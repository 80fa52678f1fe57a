"""The docket of a case: its entries with whatever of their values can be opened, and the balance that they give.

The same entries and openings always give the same docket. An entry that a correction voided counts no more, one with
corrected data counts with these; both stay in `steps` as they were recorded.
Promises: following never refuses: what does not fit the balance stands in `problems` with its seq (the writer had
`judge.py` refuse it, so an audit that finds one has found a contradiction).
Does not: read or decrypt anything; entries that stand aside (attempt, access, finding) are no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from ledger_service.core.balance import Balance, UnbalancedError
from ledger_service.core.effects import EFFECTS, moves, take, take_in_place
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, Kind
from ledger_service.core.fields import Subject
from ledger_service.core.lifecycle import LIFECYCLE

DID_NOT_OCCUR = "did_not_occur"


@dataclass(frozen=True, slots=True)
class Known:
    """An entry of a case with what is known of it.

    `leaf` is its leaf hash (32 bytes); `values` its facts and opened fields by name; `erased` the names of the fields
    that cannot be opened.
    """

    leaf: bytes
    entry: CaseEntry
    values: Mapping[str, Any]
    erased: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the corrections in force do, by leaf hash of the entry that they name.

    `voided` maps an entry that was taken back to the correction that did it; `corrected` maps one that counts with
    other data to these data, and `corrected_by` to the newest correction that gave some.
    """

    voided: Mapping[bytes, bytes]
    corrected: Mapping[bytes, Mapping[str, Json]]
    corrected_by: Mapping[bytes, bytes]


NO_CORRECTIONS: Final = Corrections(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Docket:
    """The entries of a case up to its head, in the order of `seq`, and what they add up to.

    `places` is the place in `steps` of each leaf hash.
    """

    steps: tuple[Known, ...] = ()
    balance: Balance = field(default_factory=Balance)
    problems: tuple[tuple[int, str], ...] = ()
    corrections: Corrections = NO_CORRECTIONS
    places: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def head(self) -> bytes | None:
        """Return the leaf hash of the newest entry, None before the first."""
        return self.steps[-1].leaf if self.steps else None

    def find(self, leaf: bytes | str | None) -> Known | None:
        """Return the entry with this leaf hash (bytes, or 64 hex digits as fields hold it), None if it has none."""
        place = None if leaf is None else self.places.get(bytes.fromhex(leaf) if isinstance(leaf, str) else leaf)
        return None if place is None else self.steps[place]

    def follow(self, known: Known) -> Docket:
        """Return the docket after one more entry."""
        if known.entry.kind in ASIDE_KINDS:
            return self
        steps = (*self.steps, known)
        if known.entry.kind is Kind.CORRECTION:  # what went before counts differently now
            return _count(steps)
        places = {**self.places, known.leaf: len(self.steps)}
        balance, problem = _move(self.balance, known)
        problems = self.problems if problem is None else (*self.problems, problem)
        return Docket(steps, balance, problems, self.corrections, places)

    def voided(self) -> frozenset[bytes]:
        """Return the leaf hashes of the entries that a correction in force took back."""
        return frozenset(self.corrections.voided)

    def in_force(self) -> list[Known]:
        """Return the entries that count, with their data as corrected."""
        return _in_force(self.steps, self.corrections)


def make_docket(known: Iterable[Known]) -> Docket:
    """Return the docket of entries in their order."""
    return _count(tuple(one for one in known if one.entry.kind not in ASIDE_KINDS))


def _count(steps: tuple[Known, ...]) -> Docket:
    """Count from the beginning, on one balance: a copy for each step would cost the square of their number."""
    corrections = _corrections(steps)
    balance, problems, moved = Balance(), [], list[tuple[Known, bool]]()
    for known in _in_force(steps, corrections):
        if not moves(known.entry.verb, known.values):
            continue
        if _hides(balance, known):
            balance.complete = False
        complete = balance.complete
        try:
            _take_in_place(balance, known)
        except UnbalancedError as error:
            problems.append(_problem(known, error))
            balance = _again(moved, complete=complete)
        else:
            moved.append((known, complete))
    places = {known.leaf: place for place, known in enumerate(steps)}
    return Docket(steps, balance, tuple(problems), corrections, places)


def _again(moved: Iterable[tuple[Known, bool]], *, complete: bool) -> Balance:
    """Return the balance of steps that fitted it, without the half step that came after them.

    Each fitted a balance that was complete or not: a step that did not fit may have hidden a value before it.
    """
    balance = Balance()
    for known, was_complete in moved:
        balance.complete = was_complete
        _take_in_place(balance, known)
    balance.complete = complete
    return balance


def _take_in_place(balance: Balance, known: Known) -> None:
    entry = known.entry
    take_in_place(balance, entry.verb, known.values, from_state=entry.from_state, has_rule=entry.rule is not None)


def _move(balance: Balance, known: Known) -> tuple[Balance, tuple[int, str] | None]:
    entry = known.entry
    if _hides(balance, known):
        balance = replace(balance.copy(), complete=False)
    try:
        moved = take(balance, entry.verb, known.values, from_state=entry.from_state, has_rule=entry.rule is not None)
    except UnbalancedError as error:
        return balance, _problem(known, error)
    return moved, None


def _problem(known: Known, error: UnbalancedError) -> tuple[int, str]:
    return known.entry.seq or 0, f"{known.entry.verb}: {error}"


def _hides(balance: Balance, known: Known) -> bool:
    """Say whether the step lacks a value that would be counted, so that the balance is complete no more."""
    verb = known.entry.verb
    return bool(known.erased) and balance.complete and verb in EFFECTS and _counts(verb, known.erased)


def _counts(verb: str, erased: tuple[str, ...]) -> bool:
    transition = LIFECYCLE.transition(verb)
    assert transition is not None  # `EFFECTS` names verbs of the table
    return any(name in transition.fields and transition.fields[name].subject is Subject.CASE for name in erased)


def _in_force(steps: tuple[Known, ...], corrections: Corrections) -> list[Known]:
    voided, corrected = corrections.voided, corrections.corrected
    if not voided and not corrected:
        return list(steps)
    return [
        replace(known, values={**known.values, **corrected[known.leaf]}) if known.leaf in corrected else known
        for known in steps
        if known.leaf not in voided
    ]


def _corrections(steps: tuple[Known, ...]) -> Corrections:
    """Return what corrections took back, and the data they put in place of other data; the newest one counts."""
    voided: dict[bytes, bytes] = {}
    corrected: dict[bytes, dict[str, Json]] = {}
    corrected_by: dict[bytes, bytes] = {}
    for known in reversed(steps):
        if known.entry.kind is not Kind.CORRECTION or known.leaf in voided:
            continue
        wrong = bytes.fromhex(known.values["wrong_entry"])
        if known.values["reason"] == DID_NOT_OCCUR or "corrective_entry" in known.values:
            voided[wrong] = known.leaf
        elif data := known.values.get("corrected"):  # erased meanwhile, it takes nothing back
            corrected[wrong] = {**data, **corrected.get(wrong, {})}
            corrected_by.setdefault(wrong, known.leaf)
    return Corrections(voided, corrected, corrected_by) if voided or corrected else NO_CORRECTIONS
