"""A case walked by chance never differs from a small model that reads the raw table by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger_service.core.entry import CaseEntry, Role, encode_entry, parse_entry
from ledger_service.core.returns import Case, allowed_verbs, case_members, decide, evolve, parse_case, replay
from ledger_service.errors import RefusedError, TransitionRefusedError
from tests.core.steps import RAW, RAW_ROWS, ROLES, command

VERBS = st.sampled_from(list(RAW_ROWS))
STATES = st.none() | st.sampled_from(list(RAW["case"]["states"]))


class Model:
    """What the raw table says of one case: nothing but its state, the open offer and whether goods were sent."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.before_offer: str | None = None
        self.sent = False

    def targets(self, verb: str, role: str) -> list[str | None]:
        """Return the states that this step leads to now; none if it is not possible."""
        row: dict[str, Any] = RAW_ROWS[verb]
        sources = row["from"] or [None]
        if sources == "*":
            ends = self.state is None or RAW["case"]["states"][self.state].get("terminal")
            sources = [] if ends else [self.state]
        guard = row.get("guard")
        if self.state not in sources or role not in row["actors"]:
            return []
        if (guard == "goods_not_sent" and self.sent) or (guard == "offer_open" and self.before_offer is None):
            return []
        to = row["to"]
        return list(to) if isinstance(to, list) else [self.state if to == "same" else self.before_offer]

    def move(self, verb: str, target: str | None) -> None:
        """Take the step."""
        effect = RAW_ROWS[verb].get("effect")
        if effect == "offer_opened":
            self.before_offer = self.state
        elif effect == "offer_accepted" or target != self.state:
            self.before_offer = None
        self.sent = self.sent or effect == "goods_sent"
        self.state = target


class CaseWalk(RuleBasedStateMachine):
    """Ten roles try any step at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.case: Case | None = None
        self.entries: list[CaseEntry] = []

    @initialize(opens=st.booleans())
    def begin(self, opens: bool) -> None:
        if opens:
            self.take("request_return", Role.BUYER, None)

    @rule(verb=VERBS, role=st.sampled_from(ROLES), to_state=STATES)
    def try_any_step(self, verb: str, role: Role, to_state: str | None) -> None:
        self.take(verb, role, to_state)

    @precondition(lambda self: self.case is not None)
    @rule(chosen=st.data())
    def take_a_possible_step(self, chosen: st.DataObject) -> None:
        possible = [(v, role) for v in RAW_ROWS for role in ROLES if self.model.targets(v, role.value)]
        if possible:
            verb, role = chosen.draw(st.sampled_from(possible))
            self.take(verb, role, chosen.draw(st.sampled_from(self.model.targets(verb, role.value))))

    def take(self, verb: str, role: Role, to_state: str | None) -> None:
        targets = self.model.targets(verb, role.value)
        refused: RefusedError | None = None
        try:
            entry = decide(self.case, command(verb, role, to_state=to_state, case=self.case))
        except RefusedError as error:
            refused = error
        if refused is not None:
            assert to_state not in targets
            assert to_state is not None or len(targets) != 1
            if isinstance(refused, TransitionRefusedError):
                assert refused.allowed == tuple(v for v in RAW_ROWS if self.model.targets(v, role.value))
            return
        assert entry.to_state in targets
        assert to_state in (None, entry.to_state)
        self.case = evolve(self.case, entry)
        self.entries.append(entry)
        self.model.move(verb, entry.to_state)

    @invariant()
    def case_and_model_agree(self) -> None:
        if self.case is None:
            assert self.model.state is None
            return
        situation = (self.case.state, self.case.state_before_offer, self.case.shipped)
        assert situation == (self.model.state, self.model.before_offer, self.model.sent)
        for role in ROLES:
            assert allowed_verbs(self.case, role) == tuple(v for v in RAW_ROWS if self.model.targets(v, role.value))

    @invariant()
    def replay_gives_the_same_case(self) -> None:
        if self.case is not None:
            again = replay(parse_entry(encode_entry(entry)) for entry in self.entries)  # type: ignore[misc]
            assert again == self.case == parse_case(case_members(self.case))
            assert (self.case.count, self.entries[-1].seq) == (len(self.entries), len(self.entries) - 1)


TestCaseWalk = CaseWalk.TestCase
TestCaseWalk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
