"""The machine that walks one case by chance through judge, decide, evolve and docket, beside the second reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ledger_service.core.case import Case, Command
from ledger_service.core.clock import ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket, Known, make_docket
from ledger_service.core.entry import Authenticity, CaseEntry, NamedCommitment, Role, RuleReference, encode_entry
from ledger_service.core.happenings import happenings
from ledger_service.core.judge import judge, looks_back
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.returns import decide, decide_way, evolve, replay, sort_fields
from ledger_service.errors import RefusedError
from tests.core.case_draws import Draw, likely
from tests.core.case_model import ROWS, Row, count, refunded, unsettled
from tests.core.case_verdict import Model
from tests.core.steps import ORIGIN, RETURN_ID, ROLES, actor, descriptors, least_evidence

FIRST_DAY = date(2026, 11, 3)
NUMBERS = st.integers(0, 2**24 - 1)
POLICY = RuleReference("PLATFORM", "1")
PIECES = {"requested": "requested", "approved": "approved", "shipped": "shipped", "extra": "extra"}
PIECES |= {"received": "received", "accepted": "accepted", "rejected": "rejected", "missing": "missing"}
PIECES |= {"kept": "kept", "exchanged": "exchanged", "returned_to_buyer": "sent_again", "refund_minor": "refunded"}

ONWARD = {"requested": "approve_return", "under_appeal": "approve_return", "approved": "ship_back"}
ONWARD |= {"in_transit": "receive", "partially_received": "start_inspection", "received": "start_inspection"}
ONWARD |= {"inspecting": "complete_inspection"}
AGAIN = ONWARD | {"inspected": "return_to_buyer", "resolving": "appeal"}

tally: Counter[str] = Counter()  # what the walks of this process did, by verb and verdict
rounds: Counter[str] = Counter()  # how often they came to these steps after a second approval
ROUND = ("ship_back", "receive", "complete_inspection", "return_to_buyer", "settle_refund")


class CaseWalk(RuleBasedStateMachine):
    """Ten roles try every step of the case and of its disputes, likely ones more often."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.case: Case | None = None
        self.docket = Docket()
        self.entries: list[CaseEntry] = []
        self.day = 0

    @initialize(number=NUMBERS, far=st.booleans())
    def begin(self, number: int, *, far: bool) -> None:
        """Ask for a return; half of the walks begin where goods were graded, went back, and the buyer appeals."""
        self.take("request_return", Role.BUYER, Draw(number, self.model))
        for more in range(20 if far else 0):
            if self.model.state in AGAIN and self.model.state != "under_appeal":
                self.go_on(AGAIN[self.model.state], number + more)

    @rule(number=NUMBERS)
    def take_a_likely_step(self, number: int) -> None:
        draw = Draw(number, self.model)
        self.take_likely(draw)

    @rule(number=NUMBERS)
    def take_two_likely_steps(self, number: int) -> None:
        self.take_likely(Draw(number, self.model))
        self.take_likely(Draw(number + 1, self.model))

    @rule(number=NUMBERS)
    def take_the_next_step_of_a_round(self, number: int) -> None:
        if self.model.state in ONWARD:
            self.go_on(ONWARD[self.model.state], number)

    def go_on(self, verb: str, number: int) -> None:
        self.take(verb, Role(ROWS[verb]["actors"][0]), Draw(number, self.model))

    @rule(verb=st.sampled_from(list(ROWS)), role=st.sampled_from(ROLES), number=NUMBERS)
    def try_any_step(self, verb: str, role: Role, number: int) -> None:
        self.take(verb, role, Draw(number, self.model))

    def take_likely(self, draw: Draw) -> None:
        verb = draw.pick(*likely(self.model.state))
        self.take(verb, Role(draw.pick(*ROWS[verb]["actors"])), draw)

    def take(self, verb: str, role: Role, draw: Draw) -> None:
        """Ask for one step of both readings and compare what they say."""
        values = draw.values(verb)
        missed = self.missed() if verb == "expire" else []
        if missed and not draw.one_in(5):
            values["clock_id"], values["due_at"] = draw.pick(*missed)
        targets = ROWS[verb]["to"]
        named = draw.pick(*targets) if len(targets) == 2 and (verb == "appoint_neutral" or draw.one_in(3)) else None
        if verb == "appoint_neutral" and draw.one_in(20):
            named = draw.pick(None, "ruled")
        who = actor(role)
        row = Row(
            verb=verb,
            role=role.value,
            values=values,
            day=self.day,
            rule=not draw.one_in(10),
            to_state=named,
            from_state=self.model.state,
            parties=(who.party, actor(Role.PLATFORM).party),
        )
        reasons, target = self.model.verdict(row, missed)
        refused: RefusedError | None = None
        try:
            entry = self.record(row, role)
        except RefusedError as error:
            refused = error
        if refused is not None:
            name = type(refused).__name__
            assert name in reasons, f"{verb} by {role}: {refused.message}; the model: {reasons or target}"
            tally[name] += 1
            return
        assert not reasons, f"{verb} by {role} was recorded; the model refuses it: {reasons}"
        assert target is not None
        assert entry.to_state == target
        self.follow(row, entry, target)
        self.day += draw.pick(0, 0, 0, 0, 1, 1, 2, 6, 20)

    def record(self, row: Row, role: Role) -> CaseEntry:
        """Do what the service does between a request and its entry."""
        found = sort_fields(row.verb, row.values)
        transition = LIFECYCLE.transition(row.verb)
        assert transition is not None
        now = self.now()
        command = Command(
            origin=ORIGIN,
            return_id=RETURN_ID,
            verb=row.verb,
            asserted_by=actor(role),
            recorded_by=actor(Role.PLATFORM),
            authenticity=Authenticity.PLATFORM_ATTESTED,
            occurred_at=now,
            recorded_at=now,
            facts=found.facts,
            commitments=tuple(NamedCommitment(name, bytes(32)) for name in found.committed),
            evidence=descriptors(least_evidence(transition)),
            rule=POLICY if row.rule else None,
            to_state=row.to_state,
        )
        decide_way(self.case, command)
        docket = self.docket if looks_back(row.verb, row.values) else Docket()
        target = judge(docket, self.case, command, row.values, now=now)
        if target is not None:
            command = replace(command, to_state=target)
        return decide(self.case, command)

    def follow(self, row: Row, entry: CaseEntry, target: str) -> None:
        """Move both readings and compare them."""
        encoded = encode_entry(entry)
        leaf = sha256(b"\x00" + encoded).digest()
        self.case = evolve(self.case, entry, encoded=encoded)
        self.docket = self.docket.follow(Known(leaf, entry, row.values))
        self.entries.append(entry)
        self.model.take(replace(row, leaf=leaf.hex()), target)
        tally[row.verb] += 1
        if row.verb in ROUND and sum(one.verb == "approve_return" for one in self.model.force) > 1:
            rounds[row.verb] += 1
        assert self.docket == make_docket(self.docket.steps)
        assert self.docket.head == self.case.head == leaf
        self.compare_states(self.case)
        self.compare_numbers()

    def compare_states(self, case: Case) -> None:
        model = self.model
        assert (case.state, case.state_before_offer, case.shipped) == (model.state, model.before_offer, model.sent)
        assert {one.dispute_id: (one.state, one.type) for one in case.disputes} == model.disputes

    def compare_numbers(self) -> None:
        at, balance = count(self.model.force), self.docket.balance
        assert self.docket.problems == ()
        assert balance.complete
        assert [known.leaf.hex() for known in self.docket.in_force()] == [row.leaf for row in self.model.force]
        for name, line in balance.lines.items():
            assert line.paid_minor == at["paid"][name]
            assert all(getattr(line, ours) == at["pieces"][theirs, name] for ours, theirs in PIECES.items())
            assert line.gradable() == at["pieces"]["here", name] + at["pieces"]["away", name]
            assert max(line.approved, line.kept, line.exchanged) <= line.requested
            assert max(line.returned_to_buyer, line.accepted + line.rejected) <= line.received
            assert line.graded() <= line.approved + line.extra or line.graded() == line.kept
        assert len(balance.lines) == len(at["paid"])
        assert {key: [one.minor, one.state] for key, one in balance.refunds.items()} == at["refunds"]
        assert {key: [one.kind, one.settled] for key, one in balance.remedies.items()} == {
            key: [kind, done] for key, (kind, done) in at["remedies"].items()
        }
        assert balance.refund_approved_minor == at["approved"]
        assert balance.refunded_minor() == refunded(at) <= at["approved"]
        paid = balance.paid_minor()
        assert paid is None or at["goods"] <= paid
        assert len(balance.charges) == at["charges"]
        assert bool(balance.open_matters()) == unsettled(at), (balance.open_matters(), at)

    def missed(self) -> list[tuple[str, str]]:
        found = clocks(happenings(self.docket), now=self.now())
        return [(one.clock_id, str(one.due_at)) for one in found if one.state is ClockState.MISSED]

    def now(self) -> str:
        return f"{FIRST_DAY + timedelta(days=self.day)}T12:00:00.000Z"

    def teardown(self) -> None:
        if self.entries:
            assert replay(self.entries) == self.case


def walk(*, examples: int, steps: int, number: int, shrink: bool = True) -> None:
    """Walk that many cases of that many steps; the same number gives the same walks.

    Raises:
        AssertionError: The two readings differ; Hypothesis prints the shortest walk that it finds.
    """
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        phases=tuple(Phase) if shrink else (Phase.generate,),
    )
    run_state_machine_as_test(seed(number)(type(f"Walk{number}", (CaseWalk,), {})), settings=chosen)
