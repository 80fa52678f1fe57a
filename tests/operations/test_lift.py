"""Lifting a restriction: told first, shown again after, and undone by no backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger_service.core.erasure import Ground
from ledger_service.errors import EntryFormatError, PermissionRefusedError, RefusedError
from ledger_service.operations.audit import audit
from ledger_service.operations.erase import Request, erase
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.lift import NotRestrictedError, UnknownErasureError, lift, restrict_again
from ledger_service.operations.pseudonyms import Party
from ledger_service.store.erasures import StoredErasure
from tests.operations.world import BUYER, PLATFORM, SELLER, World, open_case


def now(ledger: Ledger) -> str:
    return format_instant(ledger.clock())


def restrict(ledger: Ledger, person: Party = BUYER, ground: Ground = Ground.ACCURACY_CONTESTED) -> StoredErasure:
    """Decide about a person's data."""
    return erase(ledger, Request(person, ground, person.role, now(ledger)), by=PLATFORM)


def test_what_was_restricted_is_shown_again_after_the_person_was_told(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        decided = restrict(ledger)
        assert len(ledger.erasures.restricted_keys()) == 1
        each_world.clock.pass_seconds(86_400)
        told = now(ledger)
        lifted = lift(ledger, decided.id, told_at=told, by=PLATFORM)
        again = lift(ledger, decided.id, told_at=now(ledger), by=PLATFORM)

        assert ledger.erasures.restricted_keys() == frozenset()
        assert (lifted.outcome, lifted.answer["told_at"]) == ("restricted", told)
        assert lifted.answer["lifted_at"] > told
        assert again == lifted == ledger.erasures.find(decided.id)
        assert audit(ledger, None).findings == []
        once_more = restrict(ledger)  # and the person may ask again
        assert len(ledger.erasures.restricted_keys()) == 1
        assert once_more.id != decided.id


def test_a_restriction_ends_by_the_platforms_word_alone_and_only_after_telling(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        before = now(ledger)
        decided = restrict(ledger)
        world.clock.pass_seconds(60)
        later = "2031-01-01T00:00:00.000Z"
        for told_at in (before, later):
            with pytest.raises(RefusedError, match="cannot have been told"):
                lift(ledger, decided.id, told_at=told_at, by=PLATFORM)
        with pytest.raises(EntryFormatError, match="told_at"):
            lift(ledger, decided.id, told_at="yesterday", by=PLATFORM)
        for party in (BUYER, SELLER):
            with pytest.raises(PermissionRefusedError):
                lift(ledger, decided.id, told_at=now(ledger), by=party)
        with pytest.raises(UnknownErasureError):
            lift(ledger, "ab" * 16, told_at=now(ledger), by=PLATFORM)

        assert len(ledger.erasures.restricted_keys()) == 1


@pytest.mark.parametrize("ground", [Ground.OBJECTION, Ground.CONSENT_WITHDRAWN])
def test_only_a_restriction_can_be_lifted(world: World, tmp_path: Path, ground: Ground) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        decided = restrict(ledger, ground=ground)
        with pytest.raises(NotRestrictedError, match=decided.outcome):
            lift(ledger, decided.id, told_at=now(ledger), by=PLATFORM)


@pytest.mark.parametrize("since", ["before it was decided", "before it was lifted"])
def test_no_backup_undoes_a_restriction_or_its_end(world: World, tmp_path: Path, since: str) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
    if since == "before it was decided":
        shutil.copy(world.database, tmp_path / "backup")
    with world.opened() as opened:
        decided = restrict(opened.ledger)
    if since == "before it was lifted":
        shutil.copy(world.database, tmp_path / "backup")
        with world.opened() as opened:
            world.clock.pass_seconds(60)
            lifted = lift(opened.ledger, decided.id, told_at=now(opened.ledger), by=PLATFORM)
    shutil.copy(tmp_path / "backup", world.database)
    with world.opened(write=False) as opened:
        assert any("restriction" in finding.what for finding in audit(opened.ledger, None).findings)
    with world.opened() as opened:
        stands = opened.ledger.erasures.find(decided.id)
        assert stands == (decided if since == "before it was decided" else lifted)
        assert restrict_again(opened.ledger) == 0
        assert audit(opened.ledger, None).findings == []
