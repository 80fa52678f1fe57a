"""The life cycle of a case and of a dispute as values, read once from `data/lifecycle.json`.

Promises: what `LIFECYCLE` holds was checked when it was read: every name is known, every state can be reached, and
every state that is not terminal has a way to a terminal one. Does not: decide anything (`returns.py`).

>>> LIFECYCLE.case.transitions["ship_back"].targets
('in_transit',)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ledger_service.core import data
from ledger_service.core.entry import Role
from ledger_service.core.fields import SCALARS, Disclosure, Field, Form
from ledger_service.errors import FormatError

ANY_EVIDENCE = "any"  # stands where a file of any kind will do
SAME = "same"  # the step leaves the state as it is
BEFORE_OFFER = "before_offer"  # the step leads back to the state in which the open offer was made
GUARDS = frozenset({"goods_not_sent", "offer_open", "no_dispute_open", "by_a_neutral_or_a_network"})
EFFECTS = frozenset({"goods_sent", "offer_opened", "offer_accepted"})


@dataclass(frozen=True, slots=True)
class Words:
    """A short meaning in English and Simplified Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class State:
    """A state, its meaning, and whether nothing but `close`, `reopen` and feedback follows it."""

    name: str
    words: Words
    terminal: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table.

    `sources` are the states it starts from (None: no case yet), `targets` the states it can lead to, empty when
    `leads` is `same`; `evidence` is a list of groups, of each of which one kind must be there; `evidence_if_held`
    are kinds recorded as missing when nobody gave them; `guard` and `effect` are names of `GUARDS` and `EFFECTS`.
    """

    verb: str
    words: Words
    sources: tuple[str | None, ...]
    targets: tuple[str, ...]
    leads: str
    actors: tuple[Role, ...]
    evidence: tuple[tuple[str, ...], ...]
    evidence_if_held: tuple[str, ...]
    rule_required: bool
    guard: str | None
    effect: str | None
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Machine:
    """States and transitions, in the order of the table."""

    states: Mapping[str, State]
    transitions: Mapping[str, Transition]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The whole table: the case and dispute machines, the actors and the kinds of evidence with their meanings."""

    case: Machine
    dispute: Machine
    actors: Mapping[Role, Words]
    evidence_kinds: Mapping[str, Words]

    def transition(self, verb: str) -> Transition | None:
        """Return the row of a verb of either machine, None if there is none."""
        return self.case.transitions.get(verb) or self.dispute.transitions.get(verb)


def parse_lifecycle(document: Any) -> Lifecycle:
    """Return the table of a parsed document.

    Raises:
        FormatError: A name is unknown or stands twice, a state is unreachable or a dead end.
    """
    try:
        return _parse(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _fail(f"{type(error).__name__} {error}") from error


def _parse(document: Any) -> Lifecycle:
    actors = {Role(name): _words(value) for name, value in document["actors"].items()}
    if set(actors) != set(Role):
        raise _fail("the actors are not the roles of an entry")
    kinds = {name: _words(value) for name, value in document["evidence_kinds"].items()}
    forms = {name: Form(name) for name in SCALARS}
    forms["evidence_kind"] = Form("evidence_kind", choices=tuple(kinds))
    forms["role"] = Form("role", choices=tuple(actors))
    for name, values in document["choices"].items():
        _add(forms, name, Form(name, choices=tuple(values)))
    for name, members in document["objects"].items():
        _add(forms, name, Form(name, members=tuple(_field(forms, n, value) for n, value in members.items())))
    case, dispute = _machine(document["case"], kinds, forms), _machine(document["dispute"], kinds, forms)
    if twice := sorted(set(case.transitions) & set(dispute.transitions)):
        raise _fail(f"the verb {twice[0]!r} belongs to both machines")
    return Lifecycle(
        case=case,
        dispute=dispute,
        actors=MappingProxyType(actors),
        evidence_kinds=MappingProxyType(kinds),
    )


def _machine(document: Any, kinds: Mapping[str, Words], forms: Mapping[str, Form]) -> Machine:
    states = {
        name: State(name, _words(value), value.get("terminal", False)) for name, value in document["states"].items()
    }
    offers_from = {
        s: None for row in document["transitions"] if row.get("effect") == "offer_opened" for s in row["from"]
    }
    transitions: dict[str, Transition] = {}
    for row in document["transitions"]:
        transition = _transition(row, states, tuple(offers_from), forms)
        _check_names(transition, states, kinds)
        _add(transitions, transition.verb, transition)
    machine = Machine(MappingProxyType(states), MappingProxyType(transitions))
    _check_ways(machine)
    return machine


def _transition(
    row: Any, states: Mapping[str, State], offers_from: tuple[str, ...], forms: Mapping[str, Form]
) -> Transition:
    sources: tuple[str | None, ...]
    if row["from"] is None:
        sources = (None,)
    elif row["from"] == "*":
        sources = tuple(name for name, state in states.items() if not state.terminal)
    else:
        sources = tuple(row["from"])
    named = not isinstance(row["to"], str)
    leads = "named" if named else row["to"]
    targets = tuple(row["to"]) if named else {SAME: (), BEFORE_OFFER: offers_from}[leads]
    return Transition(
        verb=row["verb"],
        words=_words(row),
        sources=sources,
        targets=targets,
        leads=leads,
        actors=tuple(Role(name) for name in row["actors"]),
        evidence=tuple(tuple(group) for group in row["evidence"]),
        evidence_if_held=tuple(row.get("evidence_if_held", ())),
        rule_required=row.get("rule_required", False),
        guard=row.get("guard"),
        effect=row.get("effect"),
        fields=MappingProxyType({name: _field(forms, name, value) for name, value in row["fields"].items()}),
    )


def _field(forms: Mapping[str, Form], name: str, value: Any) -> Field:
    form = forms[value["form"]]
    if value.get("many", False):
        form = Form(form.name, form.choices, form.members, many=True)
    disclosure = Disclosure(value.get("disclosure", Disclosure.COMMITTED))
    return Field(name, form, value.get("required", False), disclosure)


def _words(value: Any) -> Words:
    return Words(value["en"], value["zh"])


def _check_names(transition: Transition, states: Mapping[str, State], kinds: Mapping[str, Words]) -> None:
    """Refuse a name that nothing else knows."""
    named: list[tuple[str, Iterable[object], Iterable[object]]] = [
        ("state", {*transition.sources, *transition.targets}, {None, *states}),
        ("kind of evidence", {k for g in transition.evidence for k in g}, {ANY_EVIDENCE, *kinds}),
        ("kind of evidence", transition.evidence_if_held, kinds),
        ("guard", {transition.guard}, {None, *GUARDS}),
        ("effect", {transition.effect}, {None, *EFFECTS}),
    ]
    for what, used, known in named:
        if unknown := set(used).difference(known):
            raise _fail(f"{transition.verb}: {sorted(map(str, unknown))[0]!r} is no {what}")


def _check_ways(machine: Machine) -> None:
    """Refuse a state that no step reaches, and one from which no terminal state is reached."""
    onward = [row for row in machine.transitions.values() if row.leads != BEFORE_OFFER]  # that leads nowhere new
    steps = {(source, target) for row in onward for source in row.sources for target in row.targets}
    reached = _closure({None}, steps)
    if unreached := [name for name in machine.states if name not in reached]:
        raise _fail(f"the state {unreached[0]!r} cannot be reached")
    terminal = {name for name, state in machine.states.items() if state.terminal}
    ending = _closure(terminal, {(target, source) for source, target in steps})
    if dead := [name for name in machine.states if name not in ending]:
        raise _fail(f"the state {dead[0]!r} has no way to a terminal one")


def _closure(start: Iterable[str | None], steps: Iterable[tuple[str | None, str | None]]) -> set[str | None]:
    reached = set(start)
    while more := {target for source, target in steps if source in reached} - reached:
        reached |= more
    return reached


def _add(table: dict[str, Any], name: str, value: object) -> None:
    if name in table:
        raise _fail(f"{name!r} stands twice")
    table[name] = value


def _fail(reason: str) -> FormatError:
    return FormatError(f"the table of the life cycle is wrong: {reason}")


LIFECYCLE: Final = parse_lifecycle(data.load("lifecycle.json"))
"""The table in force."""
