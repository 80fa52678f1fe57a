"""Statistics of a real ledger: who is counted for whom, what moves which figure, and the entries that say who read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.core.question import Question
from ledger_service.core.statistics import Spread, Totals
from ledger_service.errors import LimitError, SettingsError
from ledger_service.operations import case_tallies, statistics
from ledger_service.operations.access import local_reader
from ledger_service.operations.audit import audit
from ledger_service.operations.case_tallies import StillCountingError, Tallies
from ledger_service.operations.count_ahead import count_ahead
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.statistics import READ, answer, seller_name
from ledger_service.store.case_figures import CaseFiguresStore
from ledger_service.store.values import open_text, seal_text
from tests.operations.cases import Story
from tests.operations.world import BUYER, PLATFORM, SELLER, World

DAY = 86_400
OTHER_SELLER = Party(Role.SELLER, "seller-0072")


def regulator(ledger: Ledger, *countries: str) -> Principal:
    """Return a regulator of these countries."""
    return replace(local_reader(ledger, Party(Role.REGULATOR, "authority")), countries=frozenset(countries))


def totals(ledger: Ledger, who: Principal, **asked: str) -> Totals:
    """Return what somebody is told in all."""
    return answer(ledger, who, Question(**asked)).statistics.totals


def reads(ledger: Ledger, return_id: str) -> list[CaseEntry]:
    """Return the entries of a case that say that its figures were read."""
    found = [parse_entry(row.encoded) for row in ledger.read.entries_of(return_id)]
    return [one for one in found if isinstance(one, CaseEntry) and (one.kind, one.verb) == (Kind.ACCESS, READ)]


def restarted(ledger: Ledger) -> None:
    """Forget what is in memory, as a process that starts again."""
    ledger.tallies = Tallies(ledger.read, ledger.keys, CaseFiguresStore(ledger.store))


def test_a_decline_that_an_appeal_overturns_moves_the_rate(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        Story(ledger, tmp_path).decline()
        second = Story(ledger, tmp_path).decline()
        Story(ledger, tmp_path).approve()
        before = totals(ledger, who).ratios

        second.overturn()
        after = totals(ledger, who).ratios

    assert (before["decline"], before["overturn"]) == ((2, 3), (0, 2))
    assert (after["decline"], after["overturn"]) == ((2, 3), (1, 2))


@pytest.mark.parametrize(("outcome", "overturned"), [("buyer", 1), ("split", 1), ("seller", 0)])
def test_a_ruling_overturns_a_decline_where_it_is_not_the_sellers(
    world: World, tmp_path: Path, outcome: str, overturned: int
) -> None:
    with world.opened() as opened:
        Story(opened.ledger, tmp_path).decline().rule(outcome)

        found = answer(opened.ledger, regulator(opened.ledger, "DE"), Question()).statistics

    assert found.totals.ratios["overturn"] == (overturned, 1)
    assert [one.overturned for one in found.declines] == [{"appeal": 0, "ruling": overturned}]
    assert found.totals.disputed == 1


def test_the_case_of_another_country_is_not_counted_for_a_regulator_who_may_not_see_it(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        Story(ledger, tmp_path).decline()
        french = Story(ledger, tmp_path, buyer_country="FR").decline()

        found = {
            name: answer(ledger, who, Question()).statistics
            for name, who in {
                "germany": regulator(ledger, "DE"),
                "china": regulator(ledger, "CN"),
                "italy": regulator(ledger, "IT"),
                "nobody": regulator(ledger),
            }.items()
        }
        asked_for = totals(ledger, regulator(ledger, "DE"), buyer_country="FR")
        read_by = [one.asserted_by.role for one in reads(ledger, french.return_id)]

    assert {name: (one.totals.opened, one.totals.declines) for name, one in found.items()} == {
        "germany": (1, 1), "china": (2, 2), "italy": (0, 0), "nobody": (0, 0)
    }  # fmt: skip
    assert [pair for pair, _ in found["germany"].pairs] == [("DE", "CN")]
    assert asked_for.opened == 0
    assert read_by == [Role.REGULATOR]  # the one of China


def test_parties_are_told_of_their_own_cases_and_the_operator_of_all(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        first = Story(ledger, tmp_path)
        Story(ledger, tmp_path, seller=OTHER_SELLER)
        session = replace(local_reader(ledger, BUYER), return_id=first.return_id)

        found = [totals(ledger, local_reader(ledger, one)).opened for one in (BUYER, SELLER, OTHER_SELLER)]
        of_session = totals(ledger, session).opened
        stranger = local_reader(ledger, Party(Role.CARRIER, "nobody"))
        everything = answer(ledger, stranger, Question(), everything=True).statistics.totals.opened
        nothing = totals(ledger, stranger).opened

    assert (found, of_session, everything, nothing) == ([2, 1, 1], 1, 2, 0)


def test_sellers_have_one_name_for_all_their_cases_and_can_be_asked_for(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        for seller in (SELLER, SELLER, OTHER_SELLER):
            Story(ledger, tmp_path, seller=seller).decline()
        name = seller_name(local_reader(ledger, SELLER).mark)

        found = answer(ledger, who, Question()).statistics.sellers
        narrowed = answer(ledger, who, Question(seller=name)).statistics

    assert [(one == name, totals.opened) for one, totals in found] == [(True, 2), (False, 1)]
    assert narrowed.totals.declines == 2
    assert [seller for seller, _ in narrowed.sellers] == [name]


def test_a_case_counts_in_the_month_in_which_it_was_opened(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        Story(ledger, tmp_path)
        world.clock.pass_seconds(28 * DAY)
        Story(ledger, tmp_path).decline()

        months = [(month, one.opened) for month, one in answer(ledger, who, Question()).statistics.months]
        asked = [totals(ledger, who, **span).opened for span in (
            {"first": "2026-12"}, {"last": "2026-11"}, {"first": "2026-11", "last": "2026-12"}, {"first": "2027-01"}
        )]  # fmt: skip

    assert months == [("2026-11", 1), ("2026-12", 1)]
    assert asked == [1, 1, 2, 0]


def test_a_customs_hold_is_counted_while_it_lasts_and_measured_when_it_ended(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "CN")
        story = Story(ledger, tmp_path).approve().ship().hold()
        during = totals(ledger, who)
        world.clock.pass_seconds(3 * DAY)
        story.release()
        after = totals(ledger, who)

    assert (during.holds_open, during.holds) == (1, Spread(0, None, None))
    assert (after.holds_open, after.holds) == (0, Spread(1, 3 * DAY, 3 * DAY))


def test_a_deadline_is_missed_once_it_has_passed_without_any_entry_more(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        Story(ledger, tmp_path)
        before = totals(ledger, who)
        world.clock.pass_seconds(60 * DAY)
        after = answer(ledger, who, Question()).statistics

    assert before.duties_missed == 0
    assert after.totals.duties_missed > 0
    missed = [one for one in after.clocks if one.missed[0]]
    assert {one.clock_id for one in missed} >= {"review"}
    only = missed[0].rule.id
    with world.opened() as opened:
        narrowed = answer(opened.ledger, regulator(opened.ledger, "DE"), Question(rule=only)).statistics
        none = totals(opened.ledger, regulator(opened.ledger, "DE"), rule="NO-SUCH")
        verb = totals(opened.ledger, regulator(opened.ledger, "DE"), verb="request_return")
    assert {one.rule.id for one in narrowed.clocks} == {only}
    assert (none.opened, verb.opened) == (0, 1)


def test_the_read_stands_beside_each_case_that_is_counted_once_for_each_head(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        first, second = Story(ledger, tmp_path), Story(ledger, tmp_path).decline()
        totals(ledger, who, verb="decline_return")
        narrowed = [len(reads(ledger, one.return_id)) for one in (first, second)]

        size = ledger.read.size()
        totals(ledger, who)
        totals(ledger, who)
        restarted(ledger)
        totals(ledger, who)
        added = ledger.read.size() - size
        second.overturn()
        totals(ledger, who)
        found = [len(reads(ledger, one.return_id)) for one in (first, second)]
        totals(ledger, replace(local_reader(ledger, Party(Role.REGULATOR, "other")), countries=frozenset({"DE"})))
        by_another = len(reads(ledger, first.return_id))
        findings = audit(ledger, None).findings

    assert (narrowed, added, found, by_another) == ([0, 1], 1, [1, 2], 2)
    assert findings == []


def test_nothing_is_told_where_the_read_cannot_be_recorded(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        Story(opened.ledger, tmp_path)

    with world.opened(write=False) as opened, pytest.raises(SettingsError, match="opened to read"):
        totals(opened.ledger, local_reader(opened.ledger, PLATFORM))


def test_a_long_count_says_how_far_it_is_and_goes_on_from_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        for _ in range(3):
            Story(ledger, tmp_path)
        size, said = ledger.read.size(), []
        for _ in range(2):
            with pytest.raises(StillCountingError) as refused:
                totals(ledger, who)
            said.append((refused.value.counted, refused.value.cases))
        unread = ledger.read.size() == size

        assert (said, unread, totals(ledger, who).opened) == ([(1, 3), (2, 3)], True, 3)


def test_more_cases_than_an_export_holds_are_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "CASES_MAX", 1)
    with world.opened() as opened:
        Story(opened.ledger, tmp_path)
        Story(opened.ledger, tmp_path)

        with pytest.raises(LimitError, match="the most cases of statistics"):
            totals(opened.ledger, regulator(opened.ledger, "DE"))


def test_the_memory_of_tallies_and_reads_is_bounded(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_tallies, "TALLIES_REMEMBERED", 1)
    with world.opened() as opened:
        Story(opened.ledger, tmp_path)
        Story(opened.ledger, tmp_path)

        assert totals(opened.ledger, regulator(opened.ledger, "DE")).opened == 2


def test_steps_are_counted_as_anchored_and_final_with_the_seconds_it_took(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        who = regulator(ledger, "DE")
        story = Story(ledger, tmp_path)
        before = totals(ledger, who)
        world.clock.pass_seconds(100)
        anchorer.run()
        story.decline()
        after = totals(ledger, who)

    assert (before.ratios["anchored"], before.ratios["final"]) == ((0, 1), (0, 1))
    assert (after.ratios["anchored"], after.ratios["final"]) == ((1, 2), (1, 2))
    assert after.delays.median is not None
    assert after.delays.median >= 100


def test_what_was_counted_is_kept_for_other_processes_and_counted_anew_when_it_moved(
    each_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE", "CN")
        stories = [Story(ledger, tmp_path).decline(), Story(ledger, tmp_path).approve().ship().hold().release()]
        stories.append(Story(ledger, tmp_path))
        first = answer(ledger, who, Question()).statistics
        monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)  # time for one case that is not kept
        restarted(ledger)
        kept = answer(ledger, who, Question()).statistics
        sealed = ledger.store.rows("SELECT sealed FROM case_figures")
        stories[0].overturn()
        restarted(ledger)
        moved = answer(ledger, who, Question()).statistics
        each_world.clock.pass_seconds(400 * DAY)
        restarted(ledger)
        with pytest.raises(StillCountingError):
            answer(ledger, who, Question())

    assert kept == first
    assert moved.totals.overturned == 1
    assert not [row for row in sealed if b"request_return" in bytes(row[0])]


@pytest.mark.parametrize("spoil", ["sealed", "mark", "key"])
def test_what_is_kept_and_cannot_be_believed_is_counted_anew(world: World, tmp_path: Path, spoil: str) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = regulator(ledger, "DE")
        story = Story(ledger, tmp_path).decline()
        first = totals(ledger, who)
        _, key = ledger.keys.key_for(f"case:{story.return_id}")
        about = f"figures {story.return_id}".encode()
        (row,) = ledger.store.rows("SELECT sealed FROM case_figures")
        if spoil == "sealed":
            ledger.store.change("UPDATE case_figures SET sealed = ?", bytes(64))
        elif spoil == "mark":
            value = json.loads(open_text(key, bytes(row[0]), about=about)) | {
                "mark": "of other rules",
                "state": "closed",
            }
            sealed = seal_text(key, json.dumps(value, sort_keys=True, separators=(",", ":")), about=about)
            ledger.store.change("UPDATE case_figures SET sealed = ?", sealed)
        else:
            ledger.store.change("UPDATE case_figures SET key_id = ?", bytes(16))
        restarted(ledger)

        assert totals(ledger, who) == first


def test_an_older_count_takes_the_place_of_no_newer_one_and_figures_go_with_an_erasure(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger, kept = opened.ledger, CaseFiguresStore(opened.ledger.store)
        story = Story(ledger, tmp_path)
        totals(ledger, regulator(ledger, "DE"))
        (newest,) = kept.of([story.return_id])
        kept.keep([replace(newest, last_index=newest.last_index - 1, sealed=b"older")])
        kept.keep([])
        (left,) = kept.of([story.return_id])
        ledger.tallies.forget([story.return_id])

        assert left == newest
        assert list(kept.of([story.return_id])) == []
        ledger.erasures.take_out(keys=[newest.key_id], marks=[], scopes=[])


def test_cases_are_counted_ahead_when_they_moved_and_not_again(
    each_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        stories = [Story(ledger, tmp_path) for _ in range(3)]
        left = [count_ahead(ledger, seconds=-1.0) for _ in range(4)]
        moved = [len(ledger.case_figures.moved(limit=10))]
        stories[1].decline()
        moved.append(len(ledger.case_figures.moved(limit=10)))
        count_ahead(ledger)
        moved.append(len(ledger.case_figures.moved(limit=10)))
        monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)
        restarted(ledger)
        found = totals(ledger, regulator(ledger, "DE"))

    assert left == [2, 1, 0, 0]
    assert moved == [0, 1, 0]
    assert (found.opened, found.declines) == (3, 1)
