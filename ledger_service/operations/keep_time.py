"""Record what the clocks of the cases say: authorisations that expire, offers that lapse, deadlines that are missed.

Promises: each is recorded once as the `system` actor, however many workers run and however often one dies: a breach
and a lapse carry an idempotency key that follows from the clock, and the case itself refuses a second `expire`.
A deadline of which two laws differ lets an authorisation expire only when every one of them has passed.
Does not: decide who is right; a breach is a finding beside the case, with the rule it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core.case import Case
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket
from ledger_service.core.encoding import encode
from ledger_service.core.entry import Authenticity, CaseEntry, Kind, Role, parse_entry
from ledger_service.core.happenings import happenings
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.errors import RefusedError
from ledger_service.operations.asked import Step
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import Party, actor, idempotency_key
from ledger_service.operations.record import record
from ledger_service.store.drafts import AsideDraft

CLOCK = Party(Role.SYSTEM, "clock")
EXPIRING = {"ship_back": "approved", "info_due": "info_requested"}  # clock -> the state that it lets expire
BREACHED = "clock_breached"


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that was recorded: the case, what (`expire`, `refuse_offer`, `clock_breached`), and the clock."""

    return_id: str
    what: str
    clock_id: str


class TimeKeeper:
    """Looks at the cases of one ledger again and again. For one thread."""

    def __init__(self, ledger: Ledger) -> None:
        """Take a ledger that was opened to write."""
        self._ledger = ledger
        self._looked: dict[str, tuple[int, str | None]] = {}  # last index, and when the next clock runs out

    def run(self) -> list[Kept]:
        """Record what is due now; cases that did not move and whose clocks still run are not looked at again.

        Raises:
            StoreError, RefusedError: The ledger cannot be written now.
        """
        now = format_instant(self._ledger.clock())
        kept: list[Kept] = []
        for stored in self._ledger.read.cases():
            case = stored.case
            if LIFECYCLE.case.states[case.state].terminal and not any(one.open for one in case.disputes):
                self._looked.pop(case.return_id, None)
                continue
            last, wakes_at = self._looked.get(case.return_id, (-1, None))
            if last == stored.last_index and (wakes_at is None or now < wakes_at):
                continue
            docket = self._ledger.dockets.of(case.return_id)
            found = clocks(happenings(docket), now=now)
            kept += self._keep(case, docket, found)
            running = [one.due_at for one in found if one.state is ClockState.RUNNING and one.due_at is not None]
            self._looked[case.return_id] = (stored.last_index, min(running, default=None))
        return kept

    def _keep(self, case: Case, docket: Docket, found: tuple[Clock, ...]) -> Iterator[Kept]:
        missed = [one for one in found if one.state is ClockState.MISSED and one.stopped_by is None]
        known = self._breaches(case.return_id) if missed else frozenset()
        for clock in missed:
            if clock.nature is Nature.DUTY and clock_name(case.return_id, clock) not in known:
                self._record_breach(case, docket, clock)
                yield Kept(case.return_id, BREACHED, clock.clock_id)
        for clock_id, state in EXPIRING.items():
            of_kind = [one for one in found if one.clock_id == clock_id and one.state is not ClockState.STOPPED]
            if case.state == state and of_kind and all(one in missed for one in of_kind):
                last = max(of_kind, key=lambda one: one.due_at or "")
                fields = {"clock_id": clock_id, "due_at": last.due_at}
                fields["computed_from_entry"] = docket.steps[last.started_by].leaf.hex()
                yield from self._step(case, "expire", fields, last)
        offer, of_offers = docket.balance.offer, [one for one in missed if one.clock_id == "offer_expiry"]
        if offer is not None and of_offers:
            remedy_id = offer.remedy_id
            yield from self._step(case, "refuse_offer", {"remedy_id": remedy_id} if remedy_id else {}, of_offers[-1])

    def _step(self, case: Case, verb: str, fields: dict[str, str | None], clock: Clock) -> Iterator[Kept]:
        step = Step(
            verb=verb,
            asserted_by=CLOCK,
            recorded_by=CLOCK,
            fields=dict(fields),
            return_id=case.return_id,
            rule=clock.rule,
            idempotency_key=f"{verb}/{clock_name(case.return_id, clock)}",
        )
        try:
            record(self._ledger, step)
        except RefusedError:
            if self._ledger.read.case(case.return_id).case.head == case.head:
                raise
            return  # somebody acted in the last moment: the next round looks again
        yield Kept(case.return_id, verb, clock.clock_id)

    def _breaches(self, return_id: str) -> frozenset[str]:
        rows = [row for row in self._ledger.read.entries_of(return_id) if row.kind == Kind.FINDING]
        found = [parse_entry(row.encoded) for row in rows]
        return frozenset(str(entry.facts.get("clock")) for entry in found if isinstance(entry, CaseEntry))

    def _record_breach(self, case: Case, docket: Docket, clock: Clock) -> None:
        ledger = self._ledger
        _, case_key = ledger.keys.key_for(f"case:{case.return_id}")
        who, name = actor(case_key, CLOCK), clock_name(case.return_id, clock)
        entry = CaseEntry(
            kind=Kind.FINDING,
            origin=ledger.origin,
            return_id=case.return_id,
            seq=None,
            prev=None,
            verb=BREACHED,
            from_state=case.state,
            to_state=None,
            asserted_by=who,
            recorded_by=who,
            authenticity=Authenticity.PLATFORM_ATTESTED,
            occurred_at=None,
            recorded_at="",
            rule=clock.rule,
            facts={
                "clock": name,
                "clock_id": clock.clock_id,
                "started_by": docket.steps[clock.started_by].leaf.hex(),
                "actor": clock.actor.value,
            },
        )
        key = idempotency_key(ledger, CLOCK, f"{BREACHED}/{name}", about=[], payload=encode(name))
        ledger.require_writer().append(AsideDraft(entry, idempotency=key))


def clock_name(return_id: str, clock: Clock) -> str:
    """Return the name of a clock of a case: the same whenever it is computed, and tells nothing of the case."""
    parts = [return_id, clock.clock_id, clock.rule.id, clock.rule.version, clock.started_by, clock.subject]
    return sha256(encode(parts)).hexdigest()[:32]
