"""What happened is told: once, to whoever may see it, as log, clocks and anchors have it, and with no value in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.merkle import leaf_hash
from ledger_service.operations import notify
from ledger_service.operations.access import share
from ledger_service.operations.keep_time import TimeKeeper
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.notices import Event, make_body
from ledger_service.operations.notify import Notifier
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from tests.operations.hooks import DAY, HOUR, approve, body, caller, dispute, hook, told
from tests.operations.world import (
    BUYER,
    PLATFORM,
    REQUEST_FIELDS,
    SELLER,
    World,
    answer_step,
    ask_step,
    open_case,
    photo,
    request_step,
)

STRANGER = Party(Role.SELLER, "seller-9999")
REGULATOR = Party(Role.REGULATOR, "authority")
STATE = [Event.STATE_CHANGED]


def settled(ledger: Ledger, **options: int) -> Notifier:
    """Run rounds until nothing is left."""
    notifier = Notifier(ledger, **options)
    while notifier.run().behind:
        pass
    return notifier


# --- return.state_changed --------------------------------------------------------------------------------------------


def test_a_step_that_moves_a_case_is_told_to_its_parties_once_and_to_nobody_else(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        buyer, platform, seller, stranger = (hook(ledger, who, STATE) for who in (BUYER, PLATFORM, SELLER, STRANGER))
        other_role = hook(ledger, Party(Role.CARRIER, BUYER.reference), STATE)
        case = open_case(ledger, tmp_path)
        settled(ledger)
        approve(ledger, case.return_id, tmp_path)

        notifier = settled(ledger)
        notifier.run()
        settled(ledger)

        index = str(case.appended.index)
        assert [one.subject for one in told(ledger, buyer)] == [index, str(case.appended.index + 1)]
        assert [one.subject for one in told(ledger, platform)] == [index, str(case.appended.index + 1)]
        # The seller came onto the access list with the approval; what was told before is not told later.
        assert [one.subject for one in told(ledger, seller)] == [str(case.appended.index + 1)]
        assert told(ledger, stranger) == told(ledger, other_role) == []
        assert all(one.return_id == case.return_id and one.state == "waiting" for one in told(ledger, buyer))


def test_a_notice_says_which_entry_moved_the_case_from_where_to_where(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, STATE)
        case = open_case(ledger, tmp_path)
        approved = approve(ledger, case.return_id, tmp_path)
        settled(ledger)
        first, second = told(ledger, added)

        assert body(ledger, first)["data"]["from_state"] is None
        row = ledger.read.entry(approved.appended.index)
        assert body(ledger, second) == {
            "id": f"msg_{second.id}",
            "type": "return.state_changed",
            "created_at": second.created_at,
            "data": {
                "index": row.index,
                "leaf_hash": leaf_hash(row.encoded).hex(),
                "return_id": case.return_id,
                "seq": 1,
                "verb": "approve_return",
                "asserted_by": "seller",
                "from_state": "requested",
                "to_state": "approved",
                "occurred_at": None,
                "recorded_at": row.recorded_at,
            },
        }


def test_the_same_bytes_are_made_at_every_attempt(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger)
        open_case(ledger, tmp_path)
        settled(ledger)
        before = [make_body(ledger, one) for one in told(ledger, added)]
        world.clock.pass_seconds(HOUR)

        assert len(before) == 2  # the state, and the review that is due soon
        assert [make_body(ledger, one) for one in told(ledger, added)] == before


def test_what_moves_no_case_is_not_told(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        approve(ledger, case.return_id, tmp_path)
        added = hook(ledger, PLATFORM, STATE)
        dispute(ledger, case.return_id, tmp_path)
        photo_of = (("product_photo", photo(tmp_path)),)
        record(ledger, Step("add_evidence", BUYER, PLATFORM, {}, photo_of, return_id=case.return_id))
        with pytest.raises(Exception, match="close"):
            record(ledger, Step("close", PLATFORM, PLATFORM, return_id=case.return_id))
        world.clock.pass_seconds(30 * DAY)
        TimeKeeper(ledger).run()  # a breach is another event
        added_at = ledger.webhooks.all()[0].cursor
        kinds = [row.kind for row in ledger.read.entries(added_at)]
        settled(ledger)

        assert {"dispute", "transition", "attempt", "finding"} <= set(kinds)
        moved = [body(ledger, one)["data"]["verb"] for one in told(ledger, added)]
        assert moved == ["expire"]
        assert ledger.webhooks.all()[0].cursor == ledger.read.size() > added_at


def test_what_happened_before_the_webhook_was_added_is_not_told(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        added = hook(ledger, PLATFORM, STATE)
        settled(ledger)

        assert told(ledger, added) == []


def test_only_the_events_that_were_asked_for_are_told(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, [Event.ANCHOR_FINALIZED])
        open_case(ledger, tmp_path)
        settled(ledger)

        assert told(ledger, added) == []


def test_a_regulator_is_told_of_the_cases_of_its_countries(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        german, french, both = (
            hook(ledger, Party(Role.REGULATOR, name), STATE, countries=countries)
            for name, countries in (("de", ["DE"]), ("fr", ["FR"]), ("both", ["CN", "DE"]))
        )
        open_case(ledger, tmp_path)
        settled(ledger)

        assert len(told(ledger, german)) == len(told(ledger, both)) == 1
        assert told(ledger, french) == []


def test_who_was_taken_off_the_access_list_is_told_nothing_more(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, STRANGER, STATE)
        case = open_case(ledger, tmp_path)
        share(ledger, case.return_id, STRANGER)
        settled(ledger)
        record(ledger, ask_step(case.return_id))
        ledger.credentials.unshare(case.return_id, caller(ledger, STRANGER).mark)
        settled(ledger)

        assert [one.subject for one in told(ledger, added)] == [str(case.appended.index)]


def test_a_webhook_that_is_far_behind_catches_up_in_pieces(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "ENTRIES_MAX", 2)
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, STATE)
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        late = hook(ledger, PLATFORM, STATE)
        record(ledger, answer_step(case.return_id, photo(tmp_path)))
        notifier = Notifier(ledger)

        assert notifier.run().behind
        assert [one.subject for one in told(ledger, late)] == ["3"]
        assert [one.subject for one in told(ledger, added)] == ["1", "2"]
        assert not notifier.run().behind
        assert [one.subject for one in told(ledger, added)] == ["1", "2", "3"]
        assert [one.subject for one in told(ledger, late)] == ["3"]


def test_eight_workers_at_once_tell_everything_once(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        hooks = [hook(ledger, who) for who in (BUYER, PLATFORM)]
        cases = [open_case(ledger, tmp_path) for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: settled(ledger), range(8)))

        for added in hooks:
            made = told(ledger, added)
            assert sorted(one.subject for one in made if one.event == Event.STATE_CHANGED) == sorted(
                str(case.appended.index) for case in cases
            )
            assert len([one for one in made if one.event == Event.DUE_SOON]) == 4
            assert len({(one.event, one.subject) for one in made}) == len(made)


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_deadline_is_told_of_once_as_it_comes_near(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        added, stranger = hook(ledger, PLATFORM, [Event.DUE_SOON]), hook(ledger, STRANGER, [Event.DUE_SOON])
        case = open_case(ledger, tmp_path)  # the platform's own policy: a review takes a day
        notifier = settled(ledger, due_soon_hours=6)
        assert told(ledger, added) == []

        each_world.clock.pass_seconds(17 * HOUR)
        notifier.run()
        assert told(ledger, added) == []
        each_world.clock.pass_seconds(2 * HOUR)
        notifier.run()
        each_world.clock.pass_seconds(HOUR)
        notifier.run()
        settled(ledger, due_soon_hours=6)

        (notice,) = told(ledger, added)
        assert told(ledger, stranger) == []
        content = body(ledger, notice)["data"]
        assert content["return_id"] == notice.return_id == case.return_id
        assert (content["clock_id"], content["actor"], content["nature"]) == ("review", "platform", "duty")
        assert notice.subject == f"{content['clock']}/{content['due_at']}"
        assert set(content) == {"actor", "clock", "clock_id", "due_at", "nature", "return_id", "rule"}
        assert content["due_at"] > notice.created_at


def test_a_warning_is_not_sent_when_the_deadline_was_kept_meanwhile(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, [Event.DUE_SOON])
        case = open_case(ledger, tmp_path)
        settled(ledger)
        (review,) = told(ledger, added)
        assert body(ledger, review) is not None

        approve(ledger, case.return_id, tmp_path)

        assert body(ledger, review) is None


def test_a_deadline_that_moved_is_another_deadline(world: World, tmp_path: Path) -> None:
    """A question pauses the review; its answer lets it run again, until later."""
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, [Event.DUE_SOON])
        case = open_case(ledger, tmp_path)
        settled(ledger)
        record(ledger, ask_step(case.return_id))
        world.clock.pass_seconds(HOUR)
        record(ledger, answer_step(case.return_id, photo(tmp_path)))
        settled(ledger)

        reviews = [one for one in told(ledger, added) if (body(ledger, one) or {}).get("data", {}).get("clock_id")]
        first, *others = [one.subject.partition("/") for one in told(ledger, added)]
        moved = [due for name, _, due in others if name == first[0]]
        assert len(moved) == 1
        assert moved[0] > first[2]
        assert reviews  # the later one holds


def test_a_webhook_that_comes_later_hears_of_what_is_due_soon(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        first = hook(ledger, PLATFORM, [Event.DUE_SOON])
        open_case(ledger, tmp_path)
        notifier = settled(ledger)
        late = hook(ledger, BUYER, [Event.DUE_SOON])
        world.clock.pass_seconds(61)
        notifier.run()

        assert len(told(ledger, first)) == len(told(ledger, late)) == 1


def test_nothing_is_due_in_a_case_that_is_over(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger, PLATFORM, [Event.DUE_SOON])
        case = open_case(ledger, tmp_path)
        record(ledger, Step("withdraw_request", BUYER, PLATFORM, return_id=case.return_id))
        settled(ledger)

        assert told(ledger, added) == []


def test_a_missed_deadline_is_told_of_once_with_the_finding_that_stands_in_the_log(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        added, stranger = hook(ledger, BUYER, [Event.BREACHED]), hook(ledger, STRANGER, [Event.BREACHED])
        case = open_case(ledger, tmp_path)
        each_world.clock.pass_seconds(3 * DAY)
        TimeKeeper(ledger).run()
        settled(ledger)
        TimeKeeper(ledger).run()
        settled(ledger)

        (notice,) = told(ledger, added)
        assert told(ledger, stranger) == []
        content = body(ledger, notice)["data"]
        assert (content["clock_id"], content["actor"], content["state"]) == ("review", "platform", "requested")
        assert content["return_id"] == case.return_id
        assert content["leaf_hash"] == ledger.read.entry(content["index"]).leaf_hash.hex()
        assert set(content["rule"]) == {"id", "version"}


# --- anchor.finalized ------------------------------------------------------------------------------------------------


def test_an_anchor_that_became_final_is_told_of_once_to_everybody_who_asked(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        open_case(ledger, tmp_path)
        anchorer.run()
        hooks = [hook(ledger, who, [Event.ANCHOR_FINALIZED]) for who in (STRANGER, PLATFORM)]
        open_case(ledger, tmp_path)
        anchorer.run()
        notifier = settled(ledger)
        notifier.run()
        settled(ledger)

        for added in hooks:
            (notice,) = told(ledger, added)
            content = body(ledger, notice)["data"]
            target = ledger.target()
            assert notice.return_id is None
            assert content["sequence"] == 2
            assert content["size"] == ledger.read.size()
            assert content["root_hash"] == ledger.read.root(content["size"]).hex()
            assert content["log_id"] == "0x" + target.log_id.hex()
            assert (content["chain_id"], content["contract"]) == (target.chain_id, "0x" + target.contract.hex())
            assert content["anchored_at"].endswith(".000Z")
            assert {"block_hash", "block_number"} <= set(content)


def test_old_anchors_are_no_news(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        added = hook(ledger, PLATFORM, [Event.ANCHOR_FINALIZED])
        open_case(ledger, tmp_path)
        anchorer.run()
        world.clock.pass_seconds(31 * DAY)
        settled(ledger)

        assert told(ledger, added) == []


# --- who is told no more, and what is kept ---------------------------------------------------------------------------


def test_a_webhook_of_an_erased_party_is_removed_with_all_that_waits_for_it(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        added, stays = hook(ledger, BUYER, STATE), hook(ledger, PLATFORM, STATE)
        open_case(ledger, tmp_path)
        settled(ledger)
        (stored,) = (one for one in ledger.webhooks.all() if one.id == added.webhook.id)
        ledger.keys.destroy(stored.key_id)
        open_case(ledger, tmp_path)

        assert Notifier(ledger).run().removed == 1
        assert Notifier(ledger).run().removed == 0

        assert [one.id for one in ledger.webhooks.all()] == [stays.webhook.id]
        assert told(ledger, added) == []
        assert len(told(ledger, stays)) == 2


def test_a_disabled_webhook_is_told_nothing(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        added = hook(ledger)
        ledger.webhooks.disable(added.webhook.id, now="2026-11-03T12:00:00.000Z", answered="410")
        open_case(ledger, tmp_path)
        settled(ledger)

        assert told(ledger, added) == []


def test_what_ended_is_forgotten_after_its_time_and_never_told_again(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        added = hook(ledger, PLATFORM)
        open_case(ledger, tmp_path)
        anchorer.run()
        settled(ledger)
        made = told(ledger, added)
        for one in made:
            claim = ledger.webhooks.claim(one, until="2026-11-03T13:00:00.000Z")
            assert claim is not None
            assert ledger.webhooks.settle(claim, state="delivered", next_at=one.created_at, answered="200")
        world.clock.pass_seconds(notify.KEPT_DAYS * DAY + HOUR)
        settled(ledger)
        assert told(ledger, added) == []
        settled(ledger)

        assert {one.event for one in made} == {"return.state_changed", "clock.due_soon", "anchor.finalized"}
        assert told(ledger, added) == []


def test_no_notice_holds_a_value_a_name_or_a_pseudonym(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        canary = "canary-of-a-person"
        added = hook(ledger, Party(Role.PLATFORM, f"{canary}-platform"))
        fields = REQUEST_FIELDS | {"comment": f"{canary} was here"}
        buyer, desk = Party(Role.BUYER, f"{canary}-buyer"), Party(Role.PLATFORM, f"{canary}-platform")
        case = record(ledger, request_step(photo(tmp_path), asserted_by=buyer, recorded_by=desk, fields=fields))
        settled(ledger)
        made = [make_body(ledger, one) for one in told(ledger, added)]  # while the review still runs
        world.clock.pass_seconds(3 * DAY)
        TimeKeeper(ledger).run()
        anchorer.run()
        settled(ledger)
        notices = told(ledger, added)
        made += [make_body(ledger, one) for one in notices]

        assert {one.event for one in notices} == set(Event)
        entry = ledger.read.entry(case.appended.index).encoded
        told_all = b"".join(one for one in made if one is not None)
        assert len([one for one in made if one is not None]) == 5
        assert canary.encode() not in told_all
        for pseudonym in {part.split(b'"')[0] for part in entry.split(b'"party":"')[1:]}:
            assert len(pseudonym) == 32
            assert pseudonym not in told_all
        for word in (b"line-1", b"damaged", b"DE", b"qty", b"comment", b"commitment"):
            assert word not in told_all
