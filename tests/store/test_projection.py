"""The cases, derived again from the entries: differences are found, and a rebuild mends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger_service.store.drafts import Appended
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.projection import compare_cases, rebuild_cases
from tests.store import drafts
from tests.store.conftest import Place

Make = Callable[..., LogWriter]


@pytest.fixture
def log(store: Store, make_log: Make) -> LogWriter:
    """A writer that appended two cases."""
    made = make_log(store)
    made.append_group([drafts.genesis(), drafts.request("a"), drafts.aside("a"), drafts.step("a", 1)])
    made.append_group([drafts.request("b"), drafts.seal()])
    return made


def test_an_honest_projection_differs_nowhere(store: Store, log: LogWriter) -> None:
    assert compare_cases(store) == []


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("state", "state = 'closed'"),
        ("count", "count = 9"),
        ("last_index", "last_index = 0"),
        ("buyer_country", "buyer_country = 'FR'"),
        ("opened_at", "opened_at = '2020-01-01T00:00:00.000Z'"),
        ("snapshot", "snapshot = '{}'"),
    ],
)
def test_a_changed_case_is_named_and_mended(
    place: Place, store: Store, log: LogWriter, member: str, change: str
) -> None:
    place.run(f"UPDATE cases SET {change} WHERE return_id = ?", drafts.return_id("a"))

    (difference,) = compare_cases(store)

    assert (difference.return_id, difference.member) == (drafts.return_id("a"), member)
    assert difference.stored != difference.derived
    assert rebuild_cases(store) == 2
    assert compare_cases(store) == []


def test_a_missing_and_an_invented_case_are_named(place: Place, store: Store, log: LogWriter) -> None:
    invented = "f" * 32
    place.run("UPDATE cases SET return_id = ? WHERE return_id = ?", invented, drafts.return_id("a"))

    found = {difference.return_id: difference for difference in compare_cases(store)}

    assert set(found) == {invented, drafts.return_id("a")}
    assert found[invented].derived is None
    assert found[drafts.return_id("a")].stored is None
    rebuild_cases(store)
    assert compare_cases(store) == []


def test_a_rebuilt_projection_is_written_on(store: Store, log: LogWriter, place: Place) -> None:
    place.run("DELETE FROM cases")
    rebuild_cases(store)

    (outcome,) = log.append_group([drafts.step("a", 2)])

    assert isinstance(outcome, Appended)
    assert compare_cases(store) == []


def test_rebuilding_an_empty_ledger_is_nothing(store: Store) -> None:
    assert rebuild_cases(store) == 0
    assert compare_cases(store) == []
