"""The table of the life cycle says what the domain says, and a wrong table is refused when it is read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.fields import Disclosure
from ledger_service.core.lifecycle import LIFECYCLE, Machine, parse_lifecycle
from ledger_service.errors import FormatError
from tests.core.steps import RAW

DOMAIN = Path(__file__).resolve().parents[3] / "shared" / "domain" / "state_machine.json"
IN_CLEAR = {
    "boolean", "code", "country", "evidence_kind", "language", "leaf_hash", "random_id", "role", "rule",
    *RAW["choices"],
    "days",  # of an offer or an appeal: terms that everybody is given alike
}  # fmt: skip


@pytest.fixture(scope="module")
def domain() -> dict[str, Any]:
    if not DOMAIN.is_file():
        pytest.skip("the domain papers are not beside this checkout")
    value: dict[str, Any] = json.loads(DOMAIN.read_text("utf-8"))
    return value


def test_the_table_has_the_size_that_the_design_names() -> None:
    assert (len(LIFECYCLE.case.states), len(LIFECYCLE.case.transitions)) == (18, 42)
    assert (len(LIFECYCLE.dispute.states), len(LIFECYCLE.dispute.transitions)) == (8, 10)
    assert (len(LIFECYCLE.actors), len(LIFECYCLE.evidence_kinds)) == (10, 32)
    assert {name for name, state in LIFECYCLE.case.states.items() if state.terminal} == {"canceled", "closed"}
    assert {name for name, state in LIFECYCLE.dispute.states.items() if state.terminal} == {"implemented", "withdrawn"}


def test_every_name_has_a_meaning_in_both_languages() -> None:
    words = [*LIFECYCLE.actors.values(), *LIFECYCLE.evidence_kinds.values()]
    for machine in (LIFECYCLE.case, LIFECYCLE.dispute):
        words += [state.words for state in machine.states.values()]
        words += [transition.words for transition in machine.transitions.values()]

    assert all(0 < len(item.en) <= 80 and item.en.isascii() for item in words)
    assert all(0 < len(item.zh) <= 40 and any("\u4e00" <= c <= "\u9fff" for c in item.zh) for item in words)


@pytest.mark.parametrize("machine", [LIFECYCLE.case, LIFECYCLE.dispute], ids=["case", "dispute"])
def test_only_what_says_nothing_of_a_person_or_a_parcel_stands_in_clear(machine: Machine) -> None:
    for transition in machine.transitions.values():
        for known in transition.fields.values():
            in_clear = known.disclosure is Disclosure.CLEAR
            assert in_clear == (known.form.name in IN_CLEAR), (transition.verb, known.name)


def test_actors_and_kinds_of_evidence_are_those_of_the_domain(domain: dict[str, Any]) -> None:
    assert [role.value for role in LIFECYCLE.actors] == domain["actors"]
    assert list(LIFECYCLE.evidence_kinds) == list(domain["evidence_kinds"])


@pytest.mark.parametrize("name", ["case", "dispute"])
def test_states_and_transitions_are_those_of_the_domain(domain: dict[str, Any], name: str) -> None:
    machine: Machine = getattr(LIFECYCLE, name)
    terminal = {"implemented", "withdrawn"}
    states = domain[f"{name}_states"]
    if isinstance(states, dict):
        terminal = {state for state, row in states.items() if row["terminal"]}
    rows = domain[f"{name}_transitions"]

    assert {state.name for state in machine.states.values()} == set(states)
    assert {state.name for state in machine.states.values() if state.terminal} == terminal
    assert list(machine.transitions) == [row["verb"] for row in rows]
    for row in rows:
        ours = machine.transitions[row["verb"]]
        sources = [s for s in states if s not in terminal] if row["from"] == ["*"] else row["from"]
        assert set(ours.sources) == set(sources), row["verb"]
        assert set(ours.targets) == (set() if row["to"] == "same" else set(row["to"].split("|"))), row["verb"]
        assert (ours.leads == "same") == (row["to"] == "same"), row["verb"]
        assert [role.value for role in ours.actors] == row["actors"], row["verb"]
        assert [set(group) for group in ours.evidence] == [set(group.split("|")) for group in row["evidence"]]
        assert list(ours.evidence_if_held) == row.get("evidence_if_held", []), row["verb"]


def test_refusing_an_offer_can_lead_back_to_every_state_in_which_one_is_made() -> None:
    transitions = LIFECYCLE.case.transitions

    assert set(transitions["refuse_offer"].targets) == set(transitions["offer_settlement"].sources)


def row_of(table: dict[str, Any], verb: str) -> Any:
    return next(row for row in table["case"]["transitions"] if row["verb"] == verb)


def set_row(verb: str, member: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(table: dict[str, Any]) -> None:
        row_of(table, verb)[member] = value

    return change


def drop_row(verb: str) -> Callable[[dict[str, Any]], None]:
    def change(table: dict[str, Any]) -> None:
        table["case"]["transitions"].remove(row_of(table, verb))

    return change


def add_twice(table: dict[str, Any]) -> None:
    table["case"]["transitions"].append(row_of(table, "close"))


def add_to_the_other_machine(table: dict[str, Any]) -> None:
    step = {**table["dispute"]["transitions"][1], "verb": "close"}
    table["dispute"]["transitions"].append(step)


def name_a_choice_like_a_scalar(table: dict[str, Any]) -> None:
    table["choices"]["text"] = ["a", "b"]


def drop_an_actor(table: dict[str, Any]) -> None:
    del table["actors"]["regulator"]


def drop_the_states(table: dict[str, Any]) -> None:
    del table["case"]["states"]


WRONG_TABLES = [
    (drop_row("hold_at_customs"), "'customs_hold' cannot be reached"),
    (drop_row("complete_inspection"), "'inspected' cannot be reached|'inspecting' has no way"),
    (set_row("start_inspection", "to", ["inspected"]), "'inspecting' cannot be reached"),
    (set_row("complete_inspection", "to", ["delivered"]), "'inspected' cannot be reached"),
    (set_row("close", "from", ["in_space"]), "'in_space' is no state"),
    (set_row("close", "to", ["in_space"]), "'in_space' is no state"),
    (set_row("close", "to", "elsewhere"), "elsewhere"),
    (set_row("close", "actors", ["nobody"]), "nobody"),
    (set_row("close", "evidence", [["a_poem"]]), "'a_poem' is no kind of evidence"),
    (set_row("close", "evidence_if_held", ["a_poem"]), "'a_poem' is no kind of evidence"),
    (set_row("close", "guard", "mood"), "'mood' is no guard"),
    (set_row("close", "effect", "mood"), "'mood' is no effect"),
    (set_row("close", "fields", {"a": {"form": "poem", "disclosure": "clear"}}), "poem"),
    (set_row("close", "fields", {"a": {"form": "text", "disclosure": "whispered"}}), "whispered"),
    (set_row("close", "verb", "reopen"), "'reopen' stands twice"),
    (add_twice, "'close' stands twice"),
    (add_to_the_other_machine, "'close' belongs to both machines"),
    (name_a_choice_like_a_scalar, "'text' stands twice"),
    (drop_an_actor, "not the roles"),
    (drop_the_states, "states"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG_TABLES)
def test_a_wrong_table_is_refused_when_it_is_read(change: Callable[[dict[str, Any]], None], reason: str) -> None:
    table = copy.deepcopy(RAW)
    parse_lifecycle(table)

    change(table)

    with pytest.raises(FormatError, match=reason):
        parse_lifecycle(table)


def test_a_state_without_a_way_to_the_end_is_refused() -> None:
    table = copy.deepcopy(RAW)
    for machine_row in table["case"]["transitions"]:
        if isinstance(machine_row["from"], list) and "inspecting" in machine_row["from"]:
            machine_row["to"] = ["inspecting", "inspected"]
    parse_lifecycle(table)

    for machine_row in table["case"]["transitions"]:
        if isinstance(machine_row["from"], list) and "lost" in machine_row["from"] and machine_row["verb"] != "scan":
            machine_row["from"].remove("lost")
    row_of(table, "scan")["from"].remove("lost")

    with pytest.raises(FormatError, match="'lost' has no way to a terminal one"):
        parse_lifecycle(table)


def test_the_roles_of_the_table_are_the_roles_of_an_entry() -> None:
    assert tuple(LIFECYCLE.actors) == tuple(Role)
