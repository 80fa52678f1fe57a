"""Erasing a person: decided with ground and date, destroyed whole, told in each case, finished whoever dies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.core.erasure import Extent, Ground, Outcome, Reason
from ledger_service.core.erasure_entry import parse_erasure
from ledger_service.errors import CredentialError, PermissionRefusedError, RefusedError
from ledger_service.evidence.partial import PartialName
from ledger_service.operations.audit import audit
from ledger_service.operations.credentials import authenticate, issue_key
from ledger_service.operations.destroy import Step
from ledger_service.operations.erase import Request, erase
from ledger_service.operations.erase_again import finish, review
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Scope
from ledger_service.operations.prove import prove
from ledger_service.operations.pseudonyms import Party, mark_of
from ledger_service.operations.record import Step as Asked
from ledger_service.operations.record import record, recording
from ledger_service.operations.show import timeline
from ledger_service.store.drafts import CaseDraft
from ledger_service.store.uploads import Upload
from tests.operations.hooks import DAY
from tests.operations.persons import Person, live, photo_of, surround
from tests.operations.world import PLATFORM, SELLER, World, answer_step, ask_step, check, stored_files

YEAR = 366 * DAY


class Killed(BaseException):
    """Ends an erasure as a kill would: nothing catches it."""


def ask(person: Person, /, **changed: Any) -> Request:
    """Return the request of a person to be forgotten."""
    values: dict[str, Any] = {
        "person": person.party,
        "ground": Ground.CONSENT_WITHDRAWN,
        "asked_by": Role.BUYER,
        "asked_at": "2026-11-03T11:00:00.000Z",
        "id": "e5" * 16,
    }
    return Request(**(values | changed))


def erasures_in(ledger: Ledger, return_id: str) -> list[CaseEntry]:
    """Return the erasure entries of a case."""
    rows = [row for row in ledger.read.chain_of(return_id) if row.kind == Kind.ERASURE]
    entries = [parse_entry(row.encoded) for row in rows]
    return [entry for entry in entries if isinstance(entry, CaseEntry)]


def erased_names(ledger: Ledger, index: int) -> list[str]:
    """Return the names of what a fresh receipt shows as erased."""
    names: Any = prove(ledger, index).unprotected.get("erased", [])
    return list(names)


def findings(world: World) -> list[str]:
    """Return what an audit contradicts, the chain aside."""
    with world.opened(write=False) as opened:
        return [f"{one.stage}: {one.what}" for one in audit(opened.ledger, None, unreachable="not asked").findings]


def test_a_done_erasure_leaves_nothing_that_opens_and_every_receipt_as_it_was(
    each_world: World, tmp_path: Path
) -> None:
    person = Person(1)
    with each_world.anchoring() as (ledger, node, anchorer):
        live(ledger, tmp_path, person)
        principal = surround(ledger, person)
        anchorer.run()
        before = [prove(ledger, index) for index in person.indexes]

        decided = erase(ledger, ask(person), by=PLATFORM)

        assert (decided.outcome, decided.ground, decided.review_at) == ("done", "consent_withdrawn", decided.review_at)
        assert decided.answer["citation"] == "GDPR Art. 17(1)(b); PIPL Art. 47(1) no. 3"
        (told,) = decided.answer["cases"]
        assert (told["return_id"], told["extent"]) == (person.return_id, "own")
        assert told["retention_until"] == decided.review_at
        (entry,) = erasures_in(ledger, person.return_id)
        erasure = parse_erasure(entry.facts)
        assert erasure.subject == first_entry(ledger, person).asserted_by
        assert erasure.extent is Extent.OWN
        leaves = [ledger.read.entry(index).leaf_hash for index in person.indexes]
        assert [one.leaf for one in erasure.erased] == [leaves[0], leaves[2]]
        names = [named.name for named in first_entry(ledger, person).all_commitments()]
        assert {names[position] for position in erasure.erased[0].positions} == {"evidence:product_photo", "comment"}
        assert stored_files(each_world) == []
        assert ledger.keys.find(f"party:{person.party.reference}") is None
        assert ledger.credentials.cases_of(principal.mark) == []
        assert ledger.webhooks.all() == []
        assert all(one.mark != principal.mark for one in ledger.credentials.all())

        trust = ledger.trust()
        for kept in (before, person.handed_out):
            for receipt in kept:
                verdict = check(receipt, trust, node).verdict.value
                assert verdict == ("valid" if receipt.anchors else "inconclusive")
        fresh = prove(ledger, person.indexes[0])
        assert set(erased_names(ledger, person.indexes[0])) == {"evidence:product_photo", "comment"}
        assert check(fresh, trust, node).verdict.value == "valid"
        rows = timeline(ledger, person.return_id).rows
        assert "comment" in rows[0].erased
        assert "lines" in rows[0].values  # a joint fact: not the person's alone to take away
    assert findings(each_world) == []


def first_entry(ledger: Ledger, person: Person) -> CaseEntry:
    """Return the first entry of the person."""
    entry = parse_entry(ledger.read.entry(person.indexes[0]).encoded)
    assert isinstance(entry, CaseEntry)
    return entry


def test_the_same_id_gets_the_same_decision_and_another_finds_nothing_left(world: World, tmp_path: Path) -> None:
    person = Person(2)
    with world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        first = erase(ledger, ask(person), by=PLATFORM)
        size = ledger.read.size()

        assert erase(ledger, ask(person), by=PLATFORM) == first
        again = erase(ledger, ask(person, id="e6" * 16), by=PLATFORM)

        assert (again.outcome, again.answer["cases"]) == ("done", [])
        assert ledger.read.size() == size
        assert len(erasures_in(ledger, person.return_id)) == 1
        live(ledger, tmp_path, person)  # who comes back begins anew
        assert prove(ledger, person.indexes[0]).unprotected.get("erased") is None


def test_an_open_case_or_dispute_defers_and_nothing_is_touched(each_world: World, tmp_path: Path) -> None:
    person, disputing = Person(3), Person(4)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person, end=False)
        live(ledger, tmp_path, disputing, end=False)
        size, files = ledger.read.size(), stored_files(each_world)

        open_case = erase(ledger, ask(person), by=PLATFORM)

        assert (open_case.outcome, open_case.answer["reason"]) == ("deferred", Reason.OPEN_CASE.value)
        assert open_case.review_at is not None
        assert open_case.answer["citation"].endswith("GDPR Art. 17(3)(e)")
        assert person.party.reference not in str(open_case)
        assert (ledger.read.size(), stored_files(each_world)) == (size, files)
        assert ledger.erasure_list.intents() == []
        assert prove(ledger, person.indexes[0]).unprotected.get("erased") is None


def test_a_deferred_request_is_carried_out_once_when_its_reason_is_gone(each_world: World, tmp_path: Path) -> None:
    person = Person(5)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person, end=False)
        first = erase(ledger, ask(person), by=PLATFORM)
        assert review(ledger) == []  # its day has not come
        each_world.clock.pass_seconds(31 * DAY)
        assert [one.outcome for one in review(ledger)] == []  # looked at, still open: put off again
        again = ledger.erasures.find(first.id)
        assert again is not None
        assert (again.outcome, again.answer["reason"]) == ("deferred", "open_case")
        assert (again.review_at or "") > (first.review_at or "")
        record(ledger, Asked("withdraw_request", person.party, PLATFORM, {}, return_id=person.return_id))
        each_world.clock.pass_seconds(31 * DAY)

        (done,) = review(ledger)

        assert (done.id, done.outcome, done.answer["reason"]) == (first.id, "done", None)
        (entry,) = erasures_in(ledger, person.return_id)
        assert entry.asserted_by.role is Role.SYSTEM
        assert parse_erasure(entry.facts).asked_at == "2026-11-03T11:00:00.000Z"
        assert review(ledger) == []
        assert len(erasures_in(ledger, person.return_id)) == 1
    assert findings(each_world) == []


def test_joint_facts_go_when_their_retention_ends(each_world: World, tmp_path: Path) -> None:
    person = Person(6)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        erase(ledger, ask(person), by=PLATFORM)
        assert erased_names(ledger, person.indexes[0]) == ["evidence:product_photo", "comment"]
        each_world.clock.pass_seconds(4 * YEAR)

        (looked,) = review(ledger)

        assert (looked.outcome, looked.review_at, looked.answer["kept"]) == ("done", None, [])
        assert looked.answer["cases"][0]["extent"] == "case"
        assert [parse_erasure(one.facts).extent for one in erasures_in(ledger, person.return_id)] == [
            Extent.OWN,
            Extent.CASE,
        ]
        erased = set(erased_names(ledger, person.indexes[0]))
        assert erased >= {"lines", "comment"}
        assert review(ledger) == []
    assert findings(each_world) == []


@pytest.mark.parametrize("where", list(Step))
def test_an_erasure_that_died_anywhere_is_finished_once(world: World, tmp_path: Path, where: Step) -> None:
    person, other = Person(7), Person(8)

    def die(step: Step) -> None:
        if step is where:
            raise Killed

    with world.opened() as opened:
        live(opened.ledger, tmp_path, person)
        live(opened.ledger, tmp_path, other)
        surround(opened.ledger, person)
        with pytest.raises(Killed):
            erase(opened.ledger, ask(person), by=PLATFORM, reached=die)

    with world.opened() as opened:
        ledger = opened.ledger
        assert erased_names(ledger, person.indexes[0]) == ["evidence:product_photo", "comment"]
        changed = finish(ledger)
        assert [one.outcome for one in changed] == ([] if where is Step.DECIDED else ["done"])
        assert finish(ledger) == []
        assert len(erasures_in(ledger, person.return_id)) == 1
        assert erase(ledger, ask(person), by=PLATFORM).answer["cases"][0]["entries"]
        assert len(erasures_in(ledger, person.return_id)) == 1
        assert erasures_in(ledger, other.return_id) == []
        assert prove(ledger, other.indexes[0]).unprotected.get("erased") is None
    assert findings(world) == []


def test_asking_anew_after_a_death_finishes_what_was_begun_and_records_it_once(world: World, tmp_path: Path) -> None:
    person = Person(9)

    def die(_: Step) -> None:
        raise Killed

    with world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        with pytest.raises(Killed):
            erase(ledger, ask(person), by=PLATFORM, reached=die)

        erase(ledger, ask(person, id="e7" * 16), by=PLATFORM)

        (entry,) = erasures_in(ledger, person.return_id)
        assert parse_erasure(entry.facts).erasure_id == "e5" * 16


def test_files_that_wait_or_are_on_their_way_go_under_every_name(each_world: World, tmp_path: Path) -> None:
    person = Person(10)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        files = ledger.read.files(person.indexes[0])
        linked = ledger.evidence.link(files[0].name)
        _, key = ledger.keys.key_for(f"party:{person.party.reference}")
        mark = mark_of(key, person.party)
        waiting = ledger.evidence.store(photo_of(tmp_path, Person(11)), size_max=10_000)
        at = "2026-11-03T11:00:00.000Z"
        _, desk = ledger.keys.key_for("party:desk")
        by_platform = Upload(mark_of(desk, PLATFORM), files[0].sha256, linked, files[0].size, "image/png", at)
        own = Upload(mark, waiting.sha256, waiting.name, waiting.size, "image/png", at)
        for upload in (by_platform, own):
            assert ledger.uploads.keep(upload, most=10**6)[0]
        with_part = ledger.evidence.partial.begin(PartialName(mark, b"\x07" * 32), offset=0, size=100)
        with_part.write(person.pixels)
        with_part.finish()

        erase(ledger, ask(person), by=PLATFORM)

        assert stored_files(each_world) == []
        assert ledger.uploads.names() == set()


def test_a_restricted_person_is_kept_and_shown_to_nobody_else(each_world: World, tmp_path: Path) -> None:
    person = Person(12)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person, end=False)
        own = surround(ledger, person)
        seller = authenticate(ledger, issue_key(ledger, SELLER, label="x", scopes=[Scope.READ]).token)
        assert "comment" in timeline(ledger, person.return_id, reader=seller).rows[0].values

        decided = erase(ledger, ask(person, ground=Ground.ACCURACY_CONTESTED), by=PLATFORM)

        assert (decided.outcome, decided.review_at) == ("restricted", None)
        row = timeline(ledger, person.return_id, reader=seller).rows[0]
        assert "comment" not in row.values
        assert "lines" in row.values
        assert "comment" in timeline(ledger, person.return_id, reader=own).rows[0].values
        assert "comment" in timeline(ledger, person.return_id).rows[0].values  # the operator, on the machine
        record(ledger, ask_step(person.return_id))
        later = answer_step(person.return_id, photo_of(tmp_path, person), asserted_by=person.party)
        record(ledger, later)
        rows = timeline(ledger, person.return_id, reader=seller).rows
        assert all("comment" not in one.values for one in rows)  # what comes after it, too
        assert len(stored_files(each_world)) == 3


def test_who_was_never_here_is_restricted_beforehand_and_erased_without_a_trace(world: World, tmp_path: Path) -> None:
    nobody, later = Person(13), Person(14)
    with world.opened() as opened:
        ledger = opened.ledger
        done = erase(ledger, ask(nobody), by=PLATFORM)
        assert (done.outcome, done.answer["cases"], done.review_at) == ("done", [], None)
        assert ledger.keys.find(f"party:{nobody.party.reference}") is None

        erase(ledger, ask(later, ground=Ground.OBJECTION_PENDING, id="e8" * 16), by=PLATFORM)
        live(ledger, tmp_path, later)

        seller = authenticate(ledger, issue_key(ledger, SELLER, label="x", scopes=[Scope.READ]).token)
        assert "comment" not in timeline(ledger, later.return_id, reader=seller).rows[0].values


def test_a_seller_has_joint_facts_only_and_waits_for_retention(world: World, tmp_path: Path) -> None:
    person = Person(15)
    with world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        asked = ask(person, person=SELLER, asked_by=Role.SELLER)

        deferred = erase(ledger, asked, by=PLATFORM)

        assert (deferred.outcome, deferred.answer["reason"]) == ("deferred", "retention")
        assert deferred.review_at == deferred.answer["cases"][0]["retention_until"]
        world.clock.pass_seconds(4 * YEAR)
        (done,) = review(ledger)
        assert done.outcome == Outcome.DONE
        assert done.answer["cases"][0]["extent"] == "case"
        # The other's own words stay the other's.
        assert "comment" not in erased_names(ledger, person.indexes[0])


def test_a_request_that_another_decision_overtook_ends_as_done(world: World, tmp_path: Path) -> None:
    person = Person(16)
    with world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person, end=False)
        erase(ledger, ask(person), by=PLATFORM)
        record(ledger, Asked("withdraw_request", person.party, PLATFORM, {}, return_id=person.return_id))
        assert erase(ledger, ask(person, id="e9" * 16), by=PLATFORM).outcome == "done"
        world.clock.pass_seconds(31 * DAY)

        (overtaken,) = review(ledger)

        assert (overtaken.id, overtaken.outcome, overtaken.review_at) == ("e5" * 16, "done", None)
        assert len(erasures_in(ledger, person.return_id)) == 1
    assert findings(world) == []


def test_an_open_dispute_defers_even_after_the_case_has_ended(world: World, tmp_path: Path) -> None:
    person = Person(17)
    with world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        fields = {"dispute_id": "d1" * 16, "type": "adr", "claim": "the lamp"}
        evidence = (("dispute_notice", photo_of(tmp_path, person)),)
        record(ledger, Asked("open_dispute", person.party, PLATFORM, fields, evidence, return_id=person.return_id))

        assert erase(ledger, ask(person), by=PLATFORM).answer["reason"] == "open_dispute"


@pytest.mark.parametrize(
    ("changed", "by", "error"),
    [
        ({}, SELLER, PermissionRefusedError),
        ({"person": Party(Role.SYSTEM, "clock")}, PLATFORM, PermissionRefusedError),
        ({"person": PLATFORM}, PLATFORM, PermissionRefusedError),
        ({"person": Party(Role.BUYER, "")}, PLATFORM, RefusedError),
        ({"asked_at": "2031-01-01T00:00:00.000Z"}, PLATFORM, RefusedError),
    ],
)
def test_who_may_not_decide_or_about_whom_is_refused(
    world: World, changed: dict[str, Any], by: Party, error: type[Exception]
) -> None:
    with world.opened() as opened:
        with pytest.raises(error):
            erase(opened.ledger, ask(Person(18), **changed), by=by)
        assert opened.ledger.erasures.all() == []


def test_a_credential_of_an_erased_person_counts_no_more(each_world: World, tmp_path: Path) -> None:
    person = Person(19)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        token = issue_key(ledger, person.party, label="x", scopes=[Scope.READ]).token
        authenticate(ledger, token)

        erase(ledger, ask(person), by=PLATFORM)

        with pytest.raises(CredentialError):
            authenticate(ledger, token)


def test_a_step_that_was_under_way_is_taken_out_afterwards(each_world: World, tmp_path: Path) -> None:
    """It was judged, and sealed under the old key, before the erasure; it was appended after it."""
    person = Person(20)
    with each_world.opened() as opened:
        ledger = opened.ledger
        live(ledger, tmp_path, person)
        fields = {"dispute_id": "d2" * 16, "type": "adr", "claim": person.name}
        evidence = (("dispute_notice", photo_of(tmp_path, person)),)
        work = recording(
            ledger, Asked("open_dispute", person.party, PLATFORM, fields, evidence, return_id=person.return_id)
        )
        draft = next(work)
        erase(ledger, ask(person), by=PLATFORM)
        assert isinstance(draft, CaseDraft)
        ledger.require_writer().append(replace(draft, judged_at=None))
        assert len(stored_files(each_world)) == 1

        review(ledger)

        assert stored_files(each_world) == []
        assert ledger.read.sealed_values(ledger.read.size() - 1) == []
    assert findings(each_world) == []
