"""Each story of `rledger demo --story NAME` ends well, with the deadlines, money and disputes that its law gives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.parameters import DEVELOPMENT_ADDRESSES
from ledger_service.chain.rpc import open_node
from ledger_service.cli.demo import command
from ledger_service.cli.demo.clock import StoryClock
from ledger_service.cli.demo.stories import DEFAULT, STORIES
from ledger_service.cli.demo.stories import damaged_lamp as lamp
from ledger_service.cli.demo.stories import eu_withdrawal as eu
from ledger_service.cli.demo.story import Story, StoryStep
from ledger_service.cli.demo.walk import StoryError, Walker
from ledger_service.core.calendars import zone
from ledger_service.core.case import Case
from ledger_service.core.clock import Clock
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket
from ledger_service.core.entry import Authenticity, CaseEntry, Kind, Role, parse_entry
from ledger_service.core.happenings import happenings
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.signing import verify_signed_entry
from ledger_service.errors import WrongStateError
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.sign_step import domain_of
from ledger_service.wiring import open_ledger
from tests.cli.program import Program, assert_told
from tests.cli.test_demo import DEMO_SECONDS_MAX, left_of

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ATTACKS = 6


@dataclass(frozen=True, slots=True)
class Ended:
    """A story that was walked: what it printed, its entries in order of the log, its case, and what follows of it."""

    out: str
    folder: Path
    entries: list[CaseEntry]
    case: Case
    docket: Docket
    clocks: tuple[Clock, ...]

    def table(self) -> list[tuple[str, str, str | None, str]]:
        """Each clock by its id, rule, last local day in time, and state."""
        return [(c.clock_id, f"{c.rule.id}@{c.rule.version}", c.due_date, c.state.value) for c in self.clocks]

    def clock(self, clock_id: str) -> Clock:
        """The first clock of a kind."""
        return next(clock for clock in self.clocks if clock.clock_id == clock_id)

    def steps(self) -> list[tuple[str, str]]:
        """Who did what, in the order of the log; what stands aside is marked."""
        mark = {Kind.ATTEMPT: "refused ", Kind.FINDING: "found "}
        return [(one.asserted_by.role.value, mark.get(one.kind, "") + one.verb) for one in self.entries]

    def money(self) -> tuple[str | None, int, int]:
        """The currency, and the minor units that were approved for refund and refunded."""
        balance = self.docket.balance
        return balance.currency, balance.refund_approved_minor, balance.refunded_minor()

    def charges(self) -> list[tuple[str, str, int, str]]:
        """Kind, currency, minor units and payer of each charge."""
        rows: list[dict[str, Any]] = self.docket.balance.charges
        return [(row["kind"], row["amount"]["currency"], row["amount"]["minor"], row["payer"]) for row in rows]


def told(name: str, folder: Path) -> Ended:
    """Run a story as a child, whole with its attacks, and open what it leaves."""
    program = Program(folder / "no-home")
    before = time.monotonic()
    with program.start("demo", "--story", name, "--dir", folder / "demo", start_new_session=True) as process:
        out, err = process.communicate(timeout=120)
        seconds = time.monotonic() - before
    printed = out.decode()
    assert process.returncode == 0, printed + err.decode()
    assert err == b""
    assert seconds < DEMO_SECONDS_MAX
    assert left_of(process.pid) == []
    receipts = sorted((folder / "demo" / "receipts").iterdir())
    assert printed.startswith(STORIES[name].title + "\n  the clock of this demonstration is moved")
    assert f"and {len(receipts) - 1} more receipts, each valid" in printed
    assert printed.count("\n    caught by ") == ATTACKS
    assert len(re.findall(r"anchored: head \d+: included in block \d+; head \d+: final", printed)) >= 4
    with open_ledger(command._settings(folder / "demo")) as opened:
        ledger = opened.ledger
        (stored,) = ledger.read.cases()
        entries = [entry for row in ledger.read.entries() if isinstance(entry := parse_entry(row.encoded), CaseEntry)]
        docket = ledger.dockets.of(stored.case.return_id)
        found = clocks(happenings(docket), now=entries[-1].recorded_at)
        assert audit(ledger, None).findings == []
    assert len(receipts) == len(entries)
    assert docket.problems == ()
    assert stored.case.state == "closed"
    assert (folder / "demo" / "timeline.txt").read_text().count("finalized") >= len(entries)
    for entry in entries:  # what happened was recorded soon after, on the story's own days
        occurred = datetime.fromisoformat(entry.occurred_at or entry.recorded_at)
        late = datetime.fromisoformat(entry.recorded_at) - occurred
        assert timedelta(0) <= late <= timedelta(days=2) or entry.verb == "add_evidence"
    return Ended(printed, folder / "demo", entries, stored.case, docket, found)


def test_a_withdrawal_in_the_union_lets_the_seller_withhold_until_the_proof_of_posting(tmp_path: Path) -> None:
    """Good Friday, Easter and Easter Monday move the last day; the slip ends the withholding, not the clock."""
    ended = told("eu-withdrawal", tmp_path)

    assert ended.table() == [
        ("withdrawal_window", "EU@1", "2026-03-20", "met"),
        ("ship_back", "EU@1", "2026-04-07", "met"),
        ("refund_deadline", "EU@1", "2026-04-07", "met"),
        ("review", "PLATFORM@1", "2026-03-21", "met"),
        ("receive_booking", "PLATFORM@1", "2026-04-01", "met"),
        ("inspect", "PLATFORM@1", "2026-04-07", "met"),
        ("appeal_window", "PLATFORM@1", "2026-04-14", "missed"),
        ("feedback_window", "PLATFORM@1", "2026-04-22", "met"),
    ]
    refund = ended.clock("refund_deadline")
    assert (refund.withheld_from, refund.withheld_until) == ("2026-03-20T21:15:00.000Z", "2026-03-26T17:05:00.000Z")
    assert refund.stopped_at == "2026-04-02T07:15:00.000Z"
    assert "lawfully withheld from 2026-03-20 22:15 to 2026-03-26 18:05" in ended.out
    assert ended.money() == ("EUR", 14_395, 14_395)
    assert ended.charges() == [("freight", "EUR", 1_349, "buyer")]
    # the first try to close comes while the buyer may still appeal, the second after the last day
    assert [step for step in ended.steps() if "close" in step[1]] == [
        ("platform", "refused close"),
        ("platform", "close"),
    ]
    assert ended.entries[-2].facts["refused"] == "clock_refused"
    assert "close: refused, clock_refused\n      the appeal window runs until 2026-04-14T22:00:00.000Z" in ended.out


def test_a_refund_in_china_that_comes_a_day_late_is_found_by_the_system(tmp_path: Path) -> None:
    """Seven days from the day after signing, by the days of Shanghai, not of UTC; seven from the seller's receipt."""
    ended = told("china-seven-day", tmp_path)

    assert ended.table() == [
        ("withdrawal_window", "CN@1", "2026-09-08", "met"),
        ("review", "PLATFORM@1", "2026-09-09", "met"),
        ("ship_back", "PLATFORM@1", "2026-09-23", "met"),
        ("receive_booking", "PLATFORM@1", "2026-09-15", "met"),
        ("refund_deadline", "CN@1", "2026-09-18", "missed"),
        ("inspect", "PLATFORM@1", "2026-09-18", "met"),
        ("feedback_window", "PLATFORM@1", "2026-10-04", "met"),
    ]
    window, refund = ended.clock("withdrawal_window"), ended.clock("refund_deadline")
    assert (window.first_day, refund.first_day) == ("2026-09-02", "2026-09-12")
    assert refund.margin_seconds == -(9 * 3_600 + 40 * 60)
    (finding,) = [entry for entry in ended.entries if entry.kind is Kind.FINDING]
    assert (finding.verb, finding.facts["clock_id"], finding.facts["actor"]) == (
        "clock_breached", "refund_deadline", "seller",
    )  # fmt: skip
    assert finding.asserted_by.role is Role.SYSTEM
    assert finding.rule is not None
    assert finding.rule.id == "CN"
    assert finding.recorded_at == "2026-09-18T16:00:00.000Z"  # the first instant of the 19th in Hangzhou
    assert "2026-09-19 00:00  entry 11: system, clock_breached: refund_deadline" in ended.out
    assert ended.money() == ("CNY", 89_900, 89_900)
    assert ended.case.disputes == ()


def test_in_the_united_kingdom_the_evidence_of_sending_starts_the_refund_clock(tmp_path: Path) -> None:
    """Counted from the receipt, ten days later, it would end on 12 June."""
    ended = told("uk-posting-proof", tmp_path)

    assert ended.table() == [
        ("withdrawal_window", "GB@1", "2026-05-16", "met"),
        ("ship_back", "GB@1", "2026-05-28", "met"),
        ("review", "PLATFORM@1", "2026-05-15", "met"),
        ("refund_deadline", "GB@1", "2026-06-01", "met"),
        ("receive_booking", "PLATFORM@1", "2026-06-01", "met"),
        ("inspect", "PLATFORM@1", "2026-06-05", "met"),
        ("feedback_window", "PLATFORM@1", "2026-06-17", "met"),
    ]
    refund = ended.clock("refund_deadline")
    started = ended.docket.steps[refund.started_by].entry
    assert (started.verb, refund.start_at) == ("ship_back", "2026-05-18T15:50:00.000Z")  # when the slip was supplied
    assert (refund.withheld_from, refund.withheld_until) == (None, None)
    assert refund.margin_seconds == 10 * 3_600
    assert ended.money() == ("GBP", 6_799, 6_799)


def test_customs_clocks_run_beside_the_consumers(tmp_path: Path) -> None:
    ended = told("customs-duty-relief", tmp_path)

    assert ended.table() == [
        ("withdrawal_window", "EU@2", "2026-07-24", "met"),
        ("ship_back", "EU@2", "2026-08-03", "met"),
        ("refund_deadline", "EU@2", "2026-08-03", "met"),
        ("cn_reimport", "CN-CBEC-EX@1", "2026-12-29", "met"),
        ("review", "PLATFORM@1", "2026-07-21", "met"),
        ("eu_duty_90", "EU-CUSTOMS@1", "2026-10-06", "met"),
        ("customs_response", "CUSTOMS-NOTICE@1", "2026-07-31", "met"),
        ("receive_booking", "PLATFORM@1", "2026-08-03", "met"),
        ("inspect", "PLATFORM@1", "2026-08-06", "met"),
        ("feedback_window", "PLATFORM@1", "2026-08-19", "met"),
    ]
    verbs = [verb for _, verb in ended.steps()]
    held = verbs.index("hold_at_customs")
    assert verbs[held : held + 3] == ["hold_at_customs", "submit_customs_documents", "release_from_customs"]
    assert ended.entries[held + 1].facts["returned_goods_relief_claim"] is True
    released = ended.docket.steps[held + 2].values
    assert (released["duty_paid"], released["payer"]) == ({"currency": "CNY", "minor": 0}, "seller")
    assert ended.charges() == [
        ("freight", "EUR", 3_140, "buyer"),
        ("handling", "CNY", 4_800, "seller"),
        ("duty", "EUR", 962, "buyer"),
        ("tax", "EUR", 5_662, "buyer"),
    ]
    assert ended.money() == ("EUR", 26_000, 26_000)
    assert ("customs", "add_evidence") in ended.steps()  # the repayment of the duty paid at import


def test_a_disputed_inspection_goes_to_a_ruling_and_its_implementation(tmp_path: Path) -> None:
    ended = told("inspection-dispute", tmp_path)

    assert ended.table() == [
        ("review", "PLATFORM@1", "2026-02-03", "met"),
        ("ship_back", "PLATFORM@1", "2026-02-17", "met"),
        ("receive_booking", "PLATFORM@1", "2026-02-11", "met"),
        ("inspect", "PLATFORM@1", "2026-02-16", "met"),
        ("appeal_window", "PLATFORM@1", "2026-02-25", "missed"),
        ("appeal_window", "PLATFORM@1", "2026-02-26", "missed"),
        ("review", "PLATFORM@1", "2026-02-17", "met"),
        ("offer_expiry", "PLATFORM@1", "2026-02-21", "missed"),
        ("evidence_due", "PLATFORM@1", "2026-03-05", "met"),
        ("negotiation_window", "PLATFORM@1", "2026-03-06", "met"),
        ("appeal_window", "PLATFORM@1", "2026-03-08", "missed"),
        ("compliance_due", "PLATFORM@1", "2026-04-03", "met"),
        ("ship_back", "PLATFORM@1", "2026-04-06", "stopped"),
        ("refund_deadline", "PLATFORM@1", "2026-04-06", "met"),
        ("feedback_window", "PLATFORM@1", "2026-04-10", "met"),
    ]
    assert ended.steps()[6:] == [
        ("inspector", "complete_inspection"), ("seller", "deny_refund"), ("buyer", "appeal"), ("platform", "uphold"),
        ("seller", "offer_settlement"), ("buyer", "open_dispute"), ("seller", "negotiate"), ("system", "refuse_offer"),
        ("platform", "refused close"), ("seller", "submit_evidence"), ("platform", "appoint_neutral"),
        ("inspector", "correct"), ("buyer", "add_evidence"), ("buyer", "submit_evidence"), ("arbitrator", "rule"),
        ("arbitrator", "reinstate"), ("seller", "approve_refund"), ("psp", "issue_refund"), ("psp", "settle_refund"),
        ("seller", "implement_ruling"), ("buyer", "give_feedback"), ("platform", "close"),
    ]  # fmt: skip
    by_verb = {entry.verb: entry for entry in ended.entries}
    ways = [(entry.from_state, entry.to_state) for entry in ended.entries if entry.kind is Kind.DISPUTE]
    assert ways == [
        (None, "opened"), ("opened", "negotiation"), ("negotiation", "negotiation"), ("negotiation", "arbitration"),
        ("arbitration", "arbitration"), ("arbitration", "ruled"), ("ruled", "implemented"),
    ]  # fmt: skip
    assert [(one.type, one.state) for one in ended.case.disputes] == [("adr", "implemented")]
    assert by_verb["refuse_offer"].recorded_at == "2026-02-21T23:00:00.000Z"  # the first instant of the 22nd in Vienna
    assert next(e for e in ended.entries if e.kind is Kind.ATTEMPT).facts["refused"] == "wrong_state"
    # the correction leaves the wrong entry as it was, and counts
    receipts = [known for known in ended.docket.steps if known.entry.verb == "receive"]
    counted = [known for known in ended.docket.in_force() if known.entry.verb == "receive"]
    assert [known.values["weight_grams"] for known in (*receipts, *counted)] == [2_410, 4_210]
    # the late photo keeps both times
    late = by_verb["add_evidence"]
    assert late.occurred_at is not None
    assert (late.occurred_at[:10], late.recorded_at[:10]) == ("2026-02-05", "2026-03-12")
    assert ended.money() == ("EUR", 32_900, 32_900)
    # three steps are signed with the buyer's wallet: whoever holds their receipts can check that
    signed = [entry.verb for entry in ended.entries if entry.authenticity is Authenticity.SIGNED]
    assert signed == ["appeal", "open_dispute", "submit_evidence"]
    assert ended.out.count("signed with development wallet 3") == len(signed)
    (path,) = (ended.folder / "receipts").glob("*-open_dispute.receipt.json")
    receipt = parse_receipt(path.read_bytes())
    with open_ledger(command._settings(ended.folder)) as opened:
        place = domain_of(opened.ledger)
    entry = parse_entry(receipt.entry)
    assert isinstance(entry, CaseEntry)
    assert verify_signed_entry(entry, receipt.records, [place]) == DEVELOPMENT_ADDRESSES[3]


# --- what the stories rest on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in STORIES if name != DEFAULT])
def test_a_story_goes_forward_in_time_and_has_what_the_attacks_need(name: str) -> None:
    story = STORIES[name].tell(NOW)
    recorded = [step.recorded_at for step in story.steps]

    assert recorded == sorted(recorded)
    assert all(step.at <= NOW for step in story.steps)
    assert {step.role for step in story.steps} <= set(story.parties)
    assert story.steps[0].files
    assert [step.fields["seal_state"] for step in story.steps if step.verb == "receive"] == ["intact"]


def test_the_first_story_claims_times_of_the_last_weeks_and_is_recorded_now() -> None:
    story = lamp.story(NOW)

    assert not story.moved
    assert timedelta(0) < NOW - story.steps[-1].at < timedelta(days=1)
    assert [step.at for step in story.steps] == sorted(step.at for step in story.steps)


def test_the_stories_are_listed_and_none_is_walked(rledger: Program, tmp_path: Path) -> None:
    listed = rledger.done("demo", "--story", "list", "--dir", tmp_path / "demo").out.splitlines()

    assert [line.split()[0] for line in listed] == list(STORIES)
    assert not (tmp_path / "demo").exists()


def test_a_story_that_does_not_exist_is_refused_with_those_that_do(rledger: Program, tmp_path: Path) -> None:
    assert_told(
        rledger("demo", "--story", "eu_withdrawal", "--dir", tmp_path / "demo"), 2, "no story is called", *STORIES
    )
    assert not (tmp_path / "demo").exists()


def test_a_moved_clock_goes_forward_only_and_the_machines_not_at_all() -> None:
    moved, machine = StoryClock(NOW), StoryClock(None)

    moved.move(NOW + timedelta(days=1))
    moved.move(NOW)
    machine.move(NOW + timedelta(days=9_000))

    assert moved() == NOW + timedelta(days=1)
    assert moved.seconds() == int(NOW.timestamp()) + 86_400
    assert abs(machine() - datetime.now(UTC)) < timedelta(minutes=1)
    assert (moved.moved, machine.moved) == (True, False)


@contextmanager
def walking(story: Story, folder: Path) -> Iterator[tuple[Walker, Ledger, list[str]]]:
    """Found a ledger for a story; the steps are for the test to take."""
    (folder / "evidence").mkdir(parents=True)
    settings, clock, said = command._settings(folder), StoryClock(story.begins), list[str]()
    with (
        open_node(settings.rpc, writable=True, clock=clock.seconds) as node,
        open_ledger(settings, write=True, create=True, node=node, clock=clock) as opened,
    ):
        command._found(settings, node, opened.ledger, opened.places.founding)
        yield Walker(opened.ledger, story, clock, folder / "evidence", said.append), opened.ledger, said


def test_a_walk_ends_where_a_step_is_not_refused_as_told_or_refused_otherwise(tmp_path: Path) -> None:
    """A story must not claim a refusal that does not come, nor pass over one that it does not know of."""
    story = eu.story()
    at = datetime(2026, 3, 21, 9, 0, tzinfo=zone(story.zone))
    close = StoryStep(at, Role.PLATFORM, "close", refused="clock_refused")
    with walking(story, tmp_path / "demo") as (walker, ledger, _):
        assert walker.clocks() == ()
        walker.take(story.steps[0])
        size = ledger.read.size()
        with pytest.raises(WrongStateError, match="close is possible from"):
            walker.take(close)
        with pytest.raises(StoryError, match="approve_return was recorded, the story says clock_refused"):
            walker.take(replace(story.steps[1], refused="clock_refused"))
        assert ledger.read.size() == size + 2  # the attempt, and the step that was not refused


def test_what_falls_due_between_two_steps_is_recorded_on_its_day(tmp_path: Path) -> None:
    """Nobody reviews the request: the system says so when the day is over, not when the next step comes."""
    story = eu.story()
    late = replace(story.steps[1], at=story.steps[1].at + timedelta(days=3))
    with walking(story, tmp_path / "demo") as (walker, _, said):
        walker.take(story.steps[0])
        walker.take(late)

    assert [line.split("  ")[0] for line in said] == ["2026-03-20 22:18", "2026-03-21 22:15", "2026-03-24 09:33"]
    assert said[1].endswith("entry 2: system, clock_breached: review")
