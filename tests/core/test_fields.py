"""Every form of a field takes what it names and refuses what is one step away from it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.core.fields import (
    MANY_MAX,
    QUANTITY_MAX,
    SCALARS,
    TEXT_CHARACTERS_MAX,
    Field,
    Form,
    check,
    currency_minor_digits,
)
from ledger_service.core.lifecycle import LIFECYCLE
from tests.core.steps import example

EXAMPLES: dict[str, tuple[list[Any], list[Any]]] = {
    "text": (
        ["a", "Karton beschädigt", "破损", "two\nlines\tand a tab", "x" * TEXT_CHARACTERS_MAX],
        ["", " \n", "x" * (TEXT_CHARACTERS_MAX + 1), "bell \x07", "\ud800", "\x00", 1, None, ["a"]],
    ),
    "boolean": ([True, False], [0, 1, "true", None]),
    "quantity": ([1, QUANTITY_MAX], [0, -1, QUANTITY_MAX + 1, True, "1", 1.0]),
    "count": ([0, INTEGER_MAX], [-1, INTEGER_MAX + 1, False, "0", 0.0]),
    "days": ([1, 3_650], [0, 3_651, True, "14", 1.5]),
    "reference": (["line-1", "A.b_c:d/e#1", "x" * 64], ["", "-a", "two words", "x" * 65, None, 1, "süß"]),
    "zone": (["Europe/Berlin", "UTC", "America/Argentina/Ushuaia"], ["", "Europe/", "/x", "a/b/c/d", "+1", None, 1]),
    "fields": ([{"weight_grams": 1}, {"a": [{"b": None}]}], [{}, [], {"A": 1}, {"": 1}, None, "x", {"x" * 65: 1}]),
    "score": ([1, 5], [0, 6, True, "5"]),
    "country": (["DE", "CN", "GB", "AX"], ["XX", "de", "DEU", "UK", "", "EU", None, 1, "D"]),
    "currency": (["EUR", "CNY", "JPY"], ["EURO", "eur", "XXX", "ZZZ", "", None, 978]),
    "amount": (
        [{"minor": 0, "currency": "EUR"}, {"minor": INTEGER_MAX, "currency": "JPY"}],
        [
            {"minor": -1, "currency": "EUR"},
            {"minor": 19.99, "currency": "EUR"},
            {"minor": "1999", "currency": "EUR"},
            {"minor": True, "currency": "EUR"},
            {"minor": INTEGER_MAX + 1, "currency": "EUR"},
            {"minor": 1, "currency": "XXX"},
            {"minor": 1},
            {"minor": 1, "currency": "EUR", "more": 1},
            1999,
            "19.99 EUR",
            None,
        ],
    ),
    "instant": (
        [
            "2026-11-03T10:22:05Z",
            "2026-11-03T10:22:05.123+01:00",
            "2024-02-29T23:59:59-11:00",
            "2026-01-01T00:00:00+14:00",
        ],
        [
            "2026-11-03T10:22:05",
            "2026-02-29T10:22:05Z",
            "2026-13-01T10:22:05Z",
            "2026-11-03T24:00:00Z",
            "2026-11-03T10:22:60Z",
            "2026-11-03 10:22:05Z",
            "2026-11-03T10:22:05+24:00",
            "2026-11-03T10:22:05.1234567Z",
            "2026-11-03",
            1793701325,
            None,
        ],
    ),
    "language": (
        ["de", "zh-Hans", "zh-Hant-TW", "pt-BR", "es-419", "sl-rozaj"],
        ["", "d", "german!", "de_DE", "de-", "-de", "x" * 36, None, 1, "de-AT-x"],
    ),
    "decimal": (["0", "7.8342", "1", "0.5"], ["", ".5", "07", "1.", "-1", "1e3", "1,5", 7.8, "9" * 32, None]),
    "rule": (["EU-2011-83", "shop.policy_2", "a"], ["", "-a", "two words", "x" * 65, None, "a/b"]),
    "code": (["ship_back", "expired", "cn_tax_30"], ["", "Ship", "_a", "a_", "a__b", "a b", "x" * 49, "30", None]),
    "hs6": (["611020"], ["61102", "6110200", "61102a", 611020, None]),
    "leaf_hash": (["ab" * 32], ["ab" * 31, "AB" * 32, "0x" + "ab" * 31, None, "zz" * 32]),
    "digest": (["cd" * 32], ["cd" * 33, "CD" * 32, None]),
    "random_id": (["ef" * 16], ["ef" * 15, "EF" * 16, None]),
}  # fmt: skip


def test_every_scalar_form_has_examples_here() -> None:
    assert set(EXAMPLES) == set(SCALARS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (good, _) in EXAMPLES.items() for value in good])
def test_a_value_of_the_form_passes(name: str, value: Json) -> None:
    assert check(Form(name), value) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (_, bad) in EXAMPLES.items() for value in bad])
def test_a_value_one_step_away_is_refused_with_a_reason(name: str, value: Json) -> None:
    reason = check(Form(name), value)

    assert reason
    assert len(reason) < 200


CHOICE = Form("payer", choices=("buyer", "seller"))
LINE = Form(
    "line",
    members=(
        Field("line_id", Form("text"), required=True),
        Field("qty", Form("quantity"), required=True),
        Field("payer", CHOICE),
        Field("below", Form("amount", many=True)),
    ),
)


def test_a_choice_takes_its_values_only() -> None:
    assert check(CHOICE, "buyer") is None
    for value in ("buyers", "Buyer", "", None, 1, ["buyer"]):
        assert "none of buyer, seller" in (check(CHOICE, value) or "")


def test_an_object_takes_its_members_only() -> None:
    whole = {"line_id": "1", "qty": 1, "payer": "seller", "below": [{"minor": 1, "currency": "EUR"}]}

    assert check(LINE, whole) is None
    assert check(LINE, {"line_id": "1", "qty": 1}) is None
    assert check(LINE, {"line_id": "1"}) == "the member 'qty' is missing"
    assert check(LINE, {**whole, "colour": "red"}) == "'colour' is none of its members line_id, qty, payer, below"
    assert (check(LINE, {**whole, "qty": 0}) or "").startswith("qty: an integer from 1")
    assert (check(LINE, {**whole, "below": [{}]}) or "").startswith("below: item 0: an amount is")
    assert check(LINE, ["1", 1]) == "an object with line_id, qty, payer, below is expected"


def test_a_list_has_at_least_one_item_and_at_most_the_limit() -> None:
    many = Form("payer", CHOICE.choices, many=True)

    assert check(many, ["buyer"]) is None
    assert check(many, ["buyer"] * MANY_MAX) is None
    assert check(many, ["buyer"] * (MANY_MAX + 1)) == check(many, []) == f"a list of 1 to {MANY_MAX} is expected"
    assert check(many, "buyer") == f"a list of 1 to {MANY_MAX} is expected"
    assert (check(many, ["buyer", "nobody"]) or "").startswith("item 1: 'nobody'")


def test_currencies_have_the_minor_digits_of_iso_4217() -> None:
    known = {"EUR": 2, "CNY": 2, "JPY": 0, "KRW": 0, "KWD": 3, "TND": 3}

    assert {code: currency_minor_digits(code) for code in known} == known
    assert currency_minor_digits("XXX") is None


def forms_of_the_table() -> list[tuple[str, Form]]:
    rows = [*LIFECYCLE.case.transitions.values(), *LIFECYCLE.dispute.transitions.values()]
    return [(f"{row.verb}.{known.name}", known.form) for row in rows for known in row.fields.values()]


@pytest.mark.parametrize(
    "form", [form for _, form in forms_of_the_table()], ids=[name for name, _ in forms_of_the_table()]
)
def test_every_field_of_the_table_takes_its_example_and_no_other_type(form: Form) -> None:
    assert check(form, example(form)) is None
    others: list[Any] = [None, 1.5, {}, [], [None], {"": 1}]
    assert all(check(form, value) for value in others)


@given(
    st.sampled_from(forms_of_the_table()),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    ),
)
def test_no_value_makes_a_check_raise(named: tuple[str, Form], value: Json) -> None:
    reason = check(named[1], value)

    assert reason is None or reason
