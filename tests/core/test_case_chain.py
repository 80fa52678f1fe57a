"""Following a case back from its last entry: what is linked is counted, what has a taken place is not."""

from __future__ import annotations

import dataclasses

import pytest

from ledger_service.core.case_chain import Link, check_links, places_of
from ledger_service.core.case_index import Indexed
from ledger_service.core.report import Outcome

LEAVES = [bytes([seq]) * 32 for seq in range(5)]
CHAIN = [Link(10 * seq, seq, LEAVES[seq - 1] if seq else None, LEAVES[seq]) for seq in range(5)]
COUNTED = Indexed(5, LEAVES[4])
RIVAL = Link(25, 2, LEAVES[1], b"r" * 32)
P, F, U = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN


def said(*links: Link, counted: Indexed | None = COUNTED) -> list[tuple[Outcome, str]]:
    """Return outcome and reason of each."""
    return [(check.outcome, check.detail) for check in check_links(counted, links)]


def test_every_entry_of_the_chain_is_counted_in_whatever_order_they_are_given() -> None:
    assert {outcome for outcome, _ in said(*CHAIN)} == {P}
    assert said(*reversed(CHAIN)) == said(*CHAIN)[::-1]


def test_the_walk_names_the_place_before_the_last_entry_that_is_at_hand() -> None:
    assert places_of(COUNTED, CHAIN[3:]) == {4: LEAVES[4], 3: LEAVES[3], 2: LEAVES[2]}
    assert places_of(COUNTED, CHAIN) == dict(enumerate(LEAVES))
    assert places_of(COUNTED, []) == {4: LEAVES[4]}


def test_an_entry_in_the_middle_is_not_counted_for_its_number_alone() -> None:
    """The entry at hand may be one that the operator hid, and put another in its place."""
    for link in (RIVAL, CHAIN[2]):
        ((outcome, reason),) = said(link)
        assert outcome is U
        assert reason == f"entry {link.index} is not shown to be among those that the seal counts: " + (
            "give the receipts of all entries after it"
        )


def test_an_entry_whose_place_the_chain_gives_to_another_is_found() -> None:
    others, told = said(CHAIN[4], CHAIN[3], RIVAL)[:2], said(CHAIN[4], CHAIN[3], RIVAL)[2]

    assert [outcome for outcome, _ in others] == [P, P]
    assert told == (F, "entry 25 has the place 2 of the return, where the seal's last entry leads to another")
    assert [one for one, _ in said(*CHAIN, RIVAL)] == [P, P, P, P, P, F]


def test_two_entries_at_one_place_are_found_though_none_leads_to_them() -> None:
    assert said(CHAIN[2], RIVAL) == [
        (F, "entry 20 has the place 2 of the return, and so has entry 25"),
        (F, "entry 25 has the place 2 of the return, and so has entry 20"),
    ]
    assert [outcome for outcome, _ in said(RIVAL, RIVAL)] == [U, U]


def test_the_last_entry_and_what_comes_after_it_are_told_by_the_seal_alone() -> None:
    another = dataclasses.replace(CHAIN[4], leaf=b"x" * 32)

    assert said(another) == [(F, "entry 40 is the last that the seal counts, which names another")]
    assert said(CHAIN[4], counted=Indexed(4, LEAVES[3])) == [
        (F, "entry 40 was recorded before the seal, which leaves it out")
    ]
    assert said(CHAIN[0], counted=None) == [(F, "entry 0 was recorded before the seal, which leaves it out")]


@pytest.mark.parametrize(("count", "last", "at"), [(5, 3, 3), (5, 0, 0)])
def test_a_seal_that_counts_an_entry_in_another_place_is_found(count: int, last: int, at: int) -> None:
    ((outcome, reason),) = said(CHAIN[at], counted=Indexed(count, LEAVES[last]))

    assert (outcome, reason) == (
        F,
        f"entry {10 * at} has the place {at} of the return, and the seal counts it in another",
    )
