"""The tables of rules: every jurisdiction of the domain is there, and a wrong table is refused with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import ledger_service.core
from ledger_service.core.clock_kinds import CLOCK_KINDS, Nature, parse_clock_kinds
from ledger_service.core.counting import Unit
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.rule_clock import BASES, Confidence
from ledger_service.core.rules import RULE_SETS, Ground, parse_rule_sets, rule_set
from ledger_service.core.trigger import parse_trigger
from ledger_service.errors import FormatError, UnknownRuleError
from tests.core.steps import RAW

DATA = Path(ledger_service.core.__path__[0], "data")
DOMAIN = Path(__file__).resolve().parents[3] / "shared" / "domain" / "jurisdictions.json"
RULES: dict[str, Any] = json.loads((DATA / "rules.json").read_text("utf-8"))
KINDS: dict[str, Any] = json.loads((DATA / "clocks.json").read_text("utf-8"))
OURS = {"PLATFORM", "CUSTOMS-NOTICE", "EU-CUSTOMS", "GB-CUSTOMS", "UPU", "CARD-NETWORK"}


def test_every_rule_set_of_the_domain_is_ours_too() -> None:
    if not DOMAIN.is_file():
        pytest.skip("the domain papers are not beside this checkout")
    rows = json.loads(DOMAIN.read_text("utf-8"))

    assert {row["id"] for row in rows} | OURS == {known.id for known in RULE_SETS}
    for row in rows:
        clocks = {clock.kind: clock for clock in rule_set(row["id"]).clocks}
        window = clocks.get("withdrawal_window")
        assert (window.period.count if window and window.period else None) == row["window"], row["id"]
        if window and window.period:
            assert window.period.unit is Unit(row["unit"]), row["id"]
        refund = clocks.get("refund_deadline")
        assert (refund.period.count if refund and refund.period else None) == row["refund"], row["id"]


def test_the_union_has_27_members_and_the_eea_is_marked() -> None:
    countries = rule_set("EU").countries

    assert sum(mark is Confidence.READ for mark in countries.values()) == 27
    assert {code for code, mark in countries.items() if mark is Confidence.MEMORY} == {"IS", "LI", "NO"}
    assert "GB" not in countries
    assert "CH" not in countries


def test_no_country_has_two_laws_of_residence() -> None:
    bound = [code for known in RULE_SETS if known.ground is Ground.RESIDENCE and not known.valid_to
             for code in known.countries]  # fmt: skip

    assert len(bound) == len(set(bound)) == 27 + 3 + 13


def test_every_word_is_in_both_languages() -> None:
    words = [kind.words for kind in CLOCK_KINDS.values()]
    for known in RULE_SETS:
        words += [known.words, *known.notes.values(), *[c.conditions for c in known.clocks if c.conditions]]

    assert all(any("\u4e00" <= character <= "\u9fff" for character in item.zh) for item in words)
    assert all(not any("\u4e00" <= character <= "\u9fff" for character in item.en) for item in words)


def test_every_kind_of_clock_of_the_domain_is_counted_by_some_rule() -> None:
    named = {
        "withdrawal_window", "review", "ship_back", "refund_deadline", "receive_booking", "inspect", "appeal_window",
        "offer_expiry", "info_due", "feedback_window", "customs_response", "cn_tax_30", "cn_tax_45", "eu_duty_90",
        "returned_goods_relief", "chargeback", "carrier_claim", "evidence_due", "negotiation_window",
        "compliance_due", "exchange_window",
    }  # fmt: skip

    assert named <= set(CLOCK_KINDS)
    assert {clock.kind for known in RULE_SETS for clock in known.clocks} == set(CLOCK_KINDS)
    assert CLOCK_KINDS["refund_deadline"].nature is Nature.DUTY
    assert CLOCK_KINDS["appeal_window"].nature is Nature.RIGHT


def test_steps_of_a_dispute_clock_are_those_of_a_dispute() -> None:
    for kind in CLOCK_KINDS.values():
        machine = LIFECYCLE.dispute if kind.dispute else LIFECYCLE.case
        named = {trigger.verb for trigger in (*kind.stops, *kind.ends) if trigger.verb}
        assert {*named, *kind.revives, *kind.pauses} <= set(machine.transitions), kind.id


def test_the_legal_bases_are_those_of_the_life_cycle() -> None:
    assert set(RAW["choices"]["legal_basis"]) == BASES


def test_a_rule_set_is_found_by_version_by_day_or_as_the_newest() -> None:
    assert rule_set("EU", "1").valid_to == date(2026, 6, 18)
    assert rule_set("EU").version == "2"
    assert rule_set("EU", on=date(2020, 1, 1)).version == "1"
    assert rule_set("CN", "1", on=date(2026, 1, 1)).reference.version == "1"


@pytest.mark.parametrize(
    ("arguments", "on", "reason"),
    [
        (("ATLANTIS",), None, "no rule set is called 'ATLANTIS'"),
        (("EU", "9"), None, "EU has no version '9'"),
        (("EU",), date(2014, 6, 12), "EU has no version in force on 2014-06-12"),
        (("EU", "1"), date(2026, 6, 19), "EU has no version '1'"),
    ],
)
def test_a_rule_set_that_is_not_there_is_refused(arguments: tuple[str, ...], on: date | None, reason: str) -> None:
    with pytest.raises(UnknownRuleError, match=reason) as refused:
        rule_set(*arguments, on=on)

    assert refused.value.hint


@pytest.mark.parametrize(
    "phrase", ["", "fly", "ship_back.", "ship_back?a", "evidence:poem", "ship_back.a?b=c", "SHIP_BACK", "evidence:"]
)
def test_a_phrase_that_names_nothing_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_trigger(phrase)


def test_a_condition_holds_does_not_hold_or_cannot_be_seen() -> None:
    trigger = parse_trigger("approve_refund?keep_item=true")

    assert trigger.holds({"keep_item": True}) is True
    assert trigger.holds({"keep_item": False}) is False
    assert trigger.holds({}) is None
    assert parse_trigger("approve_refund").holds({}) is True


Change = Callable[[dict[str, Any]], object]


def in_set(identity: str, change: Change) -> Change:
    return lambda table: change(next(row for row in table["rule_sets"] if row["id"] == identity))


def in_clock(identity: str, nth: int, **members: object) -> Change:
    return in_set(identity, lambda row: row["clocks"][nth].update(members))


WRONG_RULES: list[tuple[Change, str]] = [
    (lambda table: table.pop("groups"), "'groups' is missing"),
    (lambda table: table.update(groups=[]), "groups|an object is expected"),
    (lambda table: table.update(rule_sets={}), "rule_sets: an array"),
    (lambda table: table["groups"]["EU"].append("XX"), "rules.json.EU: 'XX' is no country"),
    (in_set("GB", lambda row: row.update(id="a b")), "id: 'a b'"),
    (in_set("GB", lambda row: row.update(ground="mood")), "GB.ground: 'mood'"),
    (in_set("GB", lambda row: row.update(zh="")), "GB: a text in each language"),
    (in_set("GB", lambda row: row.update(confidence="X")), "GB.confidence"),
    (in_set("GB", lambda row: row.update(more=1)), "'more' is unknown"),
    (in_set("GB", lambda row: row.update(notes=[])), "an object is expected"),
    (in_set("GB", lambda row: row["notes"].update(cost="free")), "GB.notes.cost: an object"),
    (in_set("GB", lambda row: row.update(payer_of_return={"a": 1})), "GB.payer_of_return"),
    (in_set("GB", lambda row: row["countries"][0].update(confidence="Z")), "GB.countries"),
    (in_set("GB", lambda row: row["countries"][0].update(of="EFTA")), "GB.countries: an array"),
    (in_set("GB", lambda row: row["versions"][0].update(valid_from="2026-02-30")), "GB.versions: '2026-02-30'"),
    (in_set("EU", lambda row: row["versions"][0].update(valid_to=None)), "EU: versions 1 and 2 overlap"),
    (in_clock("GB", 0, clock="snooze"), "GB.clocks: 'snooze' is no kind of clock"),
    (in_clock("GB", 0, count=-1), "GB.clocks.withdrawal_window.count"),
    (in_clock("GB", 0, unit="fortnight"), "withdrawal_window.unit: 'fortnight'"),
    (in_clock("GB", 0, offset="yesterday"), "withdrawal_window.offset"),
    (in_clock("GB", 0, roll="over"), "withdrawal_window.roll"),
    (in_clock("GB", 0, starts=["fly"]), "withdrawal_window.starts: 'fly'"),
    (in_clock("GB", 0, actor="nobody"), "withdrawal_window.actor"),
    (in_clock("GB", 0, place="US"), "withdrawal_window.place: 'US'"),
    (in_clock("GB", 0, bases=["whim"]), "withdrawal_window.bases: 'whim'"),
    (in_clock("GB", 0, sent=1), "withdrawal_window.sent: true or false"),
    (in_clock("GB", 0, uninformed={"months": 0, "from": "end"}), "uninformed.months"),
    (in_clock("GB", 0, uninformed={"months": 1, "from": "there"}), "uninformed.from"),
    (in_clock("GB", 0, when=[["mood", "in", ["x"]]]), "when: 'mood'"),
    (in_clock("GB", 0, when=[["reason", "like", ["x"]]]), "when: a fact, in or not_in"),
    (in_clock("GB", 0, when=[["reason", "in"]]), "when: a fact, in or not_in"),
    (in_clock("GB", 0, citation=7), "withdrawal_window.citation"),
    (in_clock("GB", 0, count_field=7), "withdrawal_window.count_field"),
    (in_clock("CUSTOMS-NOTICE", 0, count=3), "customs_response.unit: a notice has no count"),
    (in_set("CUSTOMS-NOTICE", lambda row: row["clocks"][0].pop("due_field")), "a notice has no count"),
    (in_clock("PLATFORM", 0, unit="calendar"), "review.unit: only hours can be paused"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG_RULES)
def test_a_wrong_table_of_rules_is_refused(change: Change, reason: str) -> None:
    table = copy.deepcopy(RULES)
    assert parse_rule_sets(table) == RULE_SETS

    change(table)

    with pytest.raises(FormatError, match=reason):
        parse_rule_sets(table)


WRONG_KINDS: list[tuple[Change, str]] = [
    (lambda table: table["review"].update(nature="mood"), "clocks.json.review.nature"),
    (lambda table: table["review"].update(machine="dream"), "review.machine"),
    (lambda table: table["review"].update(stops=["fly"]), "review.stops: 'fly'"),
    (lambda table: table["review"].update(stops="approve_return"), "review.stops: an array"),
    (lambda table: table["review"].update(ends=["evidence:poem"]), "review.ends"),
    (lambda table: table["review"].update(pauses={"fly": "close"}), "review.pauses: 'fly'"),
    (lambda table: table["review"].update(pauses=["request_info"]), "review.pauses: an object"),
    (lambda table: table["review"].update(revives={"close": ["fly"]}), "review.revives: 'fly'"),
    (lambda table: table["review"].update(subject=1), "review.subject"),
    (lambda table: table["review"].update(stopped_by_other_party="yes"), "stopped_by_other_party: true or false"),
    (lambda table: table["review"].update(en=""), "review: a text"),
    (lambda table: table["review"].pop("zh"), "'zh' is missing"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG_KINDS)
def test_a_wrong_table_of_clocks_is_refused(change: Change, reason: str) -> None:
    table = copy.deepcopy(KINDS)
    assert parse_clock_kinds(table) == CLOCK_KINDS

    change(table)

    with pytest.raises(FormatError, match=reason):
        parse_clock_kinds(table)


def test_a_table_that_is_no_object_is_refused() -> None:
    with pytest.raises(FormatError, match=r"clocks.json: an object is expected"):
        parse_clock_kinds([])
    with pytest.raises(FormatError, match=r"rules.json: an object is expected"):
        parse_rule_sets([])
