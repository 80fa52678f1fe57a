"""Questions that a party saved: its own alone, one under each name, gone with its key."""

from __future__ import annotations

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.question import Question
from ledger_service.operations import saved_questions as saved
from ledger_service.operations.access import local_reader
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.saved_questions import (
    QuestionNameError,
    TooManyQuestionsError,
    remove_question,
    save_question,
    saved_questions,
)
from tests.operations.world import World

GERMAN, WHOLE = Question(buyer_country="DE"), Question("DE", "CN", "2026-10", "2026-12", "a" * 32, "EU", "close")


def party(ledger: Ledger, reference: str, role: Role = Role.REGULATOR) -> Principal:
    """Return a party."""
    return local_reader(ledger, Party(role, reference))


def names(ledger: Ledger, who: Principal) -> list[tuple[str, Question]]:
    """Return what a party saved."""
    return [(one.name, one.question) for one in saved_questions(ledger, who)]


def test_a_party_gets_its_own_questions_back_and_no_other_party_does(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        who, other = party(ledger, "ministry"), party(ledger, "ministry-2")
        same_name = party(ledger, "ministry", Role.ARBITRATOR)
        save_question(ledger, who, "  the  quarter ", WHOLE)
        save_question(ledger, who, "德国", GERMAN)
        save_question(ledger, same_name, "德国", WHOLE)
        own = saved_questions(ledger, who)
        for stranger in (other, same_name):
            remove_question(ledger, stranger, own[0].id)

        found = [names(ledger, one) for one in (who, other, same_name)]
        row = ledger.store.rows("SELECT sealed FROM saved_questions")[0][0]
        remove_question(ledger, who, own[0].id)
        remove_question(ledger, who, own[0].id)
        left = names(ledger, who)

    assert found == [[("the quarter", WHOLE), ("德国", GERMAN)], [], [("德国", WHOLE)]]
    assert b"quarter" not in bytes(row)
    assert left == [("德国", GERMAN)]


def test_the_same_name_takes_the_place_of_the_question_before(each_world: World) -> None:
    with each_world.opened() as opened:
        who = party(opened.ledger, "ministry")
        save_question(opened.ledger, who, "mine", GERMAN)
        save_question(opened.ledger, who, "mine", WHOLE)

        assert names(opened.ledger, who) == [("mine", WHOLE)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x1bb", "a\x85b\x00"])
def test_what_is_no_name_is_refused(world: World, name: str) -> None:
    with world.opened() as opened, pytest.raises(QuestionNameError):
        save_question(opened.ledger, party(opened.ledger, "ministry"), name, GERMAN)


def test_a_party_saves_no_more_than_it_can_have(each_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "SAVED_MAX", 2)
    with each_world.opened() as opened:
        ledger = opened.ledger
        who = party(ledger, "ministry")
        for name in ("a", "b"):
            save_question(ledger, who, name, GERMAN)
        with pytest.raises(TooManyQuestionsError):
            save_question(ledger, who, "c", GERMAN)
        save_question(ledger, who, "b", WHOLE)
        save_question(ledger, party(ledger, "another"), "c", GERMAN)

        assert names(ledger, who) == [("a", GERMAN), ("b", WHOLE)]


def test_questions_go_with_the_key_of_their_party(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        who = party(ledger, "ministry")
        save_question(ledger, who, "mine", GERMAN)
        key_id, _ = ledger.keys.key_for("party:ministry")
        assert ledger.erasures.holds_of(key_id, [])
        ledger.keys.destroy(key_id)
        unreadable = names(ledger, who)
        ledger.erasures.take_out(keys=[key_id], marks=[], scopes=[])

        assert unreadable == []
        assert not ledger.erasures.holds_of(key_id, [])
