"""Promises of tables: nothing in them is computed, every row is one line, values come back as they were."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.csv_sheet import csv_sheet


def read(data: bytes) -> list[list[str]]:
    """Return the cells as another program reads them."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        "|x",
        "%0A",
        "\u00a0=1",
    ],
)
def test_a_formula_is_text(text: str) -> None:
    ((_,), (cell,)) = read(csv_sheet(["a"], [[text]]))

    assert cell[0] in "'\\"  # an apostrophe, or a control character that is shown as an escape


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_row_is_one_line_and_no_cell_begins_a_formula(cells: list[str]) -> None:
    data = csv_sheet(["x"] * len(cells), [cells])

    assert len(data.decode("utf-8-sig").splitlines()) == 2
    for cell in read(data)[1]:
        assert cell.lstrip()[:1] not in set("=+-@|%＝＋－＠")


def test_numbers_lists_and_nothing_are_shown_as_they_are() -> None:
    _, row = read(csv_sheet(["a", "b", "c", "d", "e", "f"], [[-5, None, True, False, ["a", {"b": 1}], '"quoted"']]))

    assert row == ["-5", "", "true", "false", '["a",{"b":1}]', '"quoted"']
