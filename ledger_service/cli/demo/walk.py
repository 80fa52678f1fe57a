"""The walk of a story: every step recorded in its time, and what the clocks say meanwhile recorded by the system.

Promises: it goes through the same operations as every other caller; a step that the story says is refused is refused
for that reason, or the walk ends in `StoryError`. Does not: found, anchor or verify (`command.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ledger_service.chain.wallet import development_wallet
from ledger_service.cli.demo.clock import StoryClock
from ledger_service.cli.demo.story import Story, StoryStep
from ledger_service.core.calendars import zone
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.happenings import happenings
from ledger_service.errors import LedgerError, RefusedError
from ledger_service.operations.attempt import refusal_code
from ledger_service.operations.keep_time import TimeKeeper
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.prepare_statement import prepare_statement
from ledger_service.operations.record import Party, Step, record
from ledger_service.operations.sign_step import WalletSignature

OPERATOR = Party(Role.PLATFORM, "marketplace")
SIGNATURE_SECONDS = 600

Say = Callable[[str], None]


class StoryError(LedgerError):
    """A step that its story says is refused was recorded, or was refused for another reason: a fault of ours."""


class Walker:
    """Walks one story in one ledger; `return_id` is its case, None before the first step."""

    def __init__(self, ledger: Ledger, story: Story, clock: StoryClock, evidence: Path, say: Say) -> None:
        """Take a founded ledger with this clock, the folder to leave the files of evidence in, and whom to tell."""
        self._ledger = ledger
        self._story = story
        self._clock = clock
        self._evidence = evidence
        self._say = say
        self._keeper = TimeKeeper(ledger)
        self._leaves: dict[str, str] = {}
        self._files = 0
        self._steps = 0
        self.return_id: str | None = None

    def take(self, told: StoryStep) -> None:
        """Let time pass up to a step, and record it.

        Raises:
            StoryError: It was not refused as told.
            LedgerError: As `record`.
        """
        self._pass_time(told.recorded_at)
        self._steps += 1
        step = self._step(told)
        if told.wallet is not None:
            step = self._signed(step, told.wallet)
        try:
            recorded = record(self._ledger, step)
        except RefusedError as error:
            if (code := refusal_code(error)) != told.refused:
                raise
            self._tell(f"entry {self._ledger.read.size() - 1}: {told.role.value}, {told.verb}: refused, {code}")
            self._say(f"    {error.message}")
            return
        if told.refused is not None:
            raise StoryError(f"{told.verb} was recorded, the story says {told.refused}")
        self.return_id = recorded.return_id
        self._leaves[told.name] = recorded.appended.leaf_hash.hex()
        signed = "" if told.wallet is None else f", signed with development wallet {told.wallet}"
        self._tell(f"entry {recorded.appended.index}: {told.role.value}, {told.verb}{_count(step)}{signed}")

    def clocks(self) -> tuple[Clock, ...]:
        """Return the clocks of the case now."""
        if self.return_id is None:
            return ()
        found = happenings(self._ledger.dockets.of(self.return_id))
        return clocks(found, now=format_instant(self._clock()))

    def _pass_time(self, until: datetime) -> None:
        """Move the clock on, and look at the cases whenever one of their clocks runs out, as the worker does."""
        if not self._clock.moved:
            return
        while (due := self._next_due()) is not None and due < until:
            self._clock.move(due)
            self._keep()
        self._clock.move(until)

    def _next_due(self) -> datetime | None:
        running = [one.due_at for one in self.clocks() if one.state is ClockState.RUNNING and one.due_at is not None]
        return min((due for text in running if (due := datetime.fromisoformat(text)) > self._clock()), default=None)

    def _keep(self) -> None:
        index = self._ledger.read.size()
        for kept in self._keeper.run():
            self._tell(f"entry {index}: system, {kept.what}: {kept.clock_id}")
            index += 1

    def _step(self, told: StoryStep) -> Step:
        files = []
        for kind, name, content in told.files:
            self._files += 1
            path = self._evidence / f"{self._files:02}-{name}"
            path.write_bytes(content)
            files.append((kind, path))
        fields: dict[str, Json] = dict(told.fields)
        for name, named in told.refers.items():
            fields[name] = self._leaves[named] if isinstance(named, str) else [self._leaves[one] for one in named]
        return Step(
            verb=told.verb,
            asserted_by=Party(told.role, self._story.parties[told.role]),
            recorded_by=OPERATOR,
            fields=fields,
            evidence=files,
            return_id=self.return_id,
            authenticity=told.authenticity,
            occurred_at=format_instant(told.at),
            rule=told.rule,
            to_state=told.to_state,
            idempotency_key=f"demo-{self._steps}",
        )

    def _signed(self, step: Step, number: int) -> Step:
        """Return the step with a wallet's signature, made from the typed data alone."""
        asked = prepare_statement(self._ledger, step, valid_seconds=SIGNATURE_SECONDS)
        wallet = development_wallet(number, self._ledger.target().chain_id)
        signature = wallet.sign_typed_data(asked.typed_data)
        return replace(
            step, signed=WalletSignature(wallet.address, signature, asked.nonce, asked.deadline, asked.previous)
        )

    def _tell(self, text: str) -> None:
        """Tell what was recorded, with the time of recording on the buyer's clocks where it is the story's."""
        if self._clock.moved:
            text = f"{self._clock().astimezone(zone(self._story.zone)):%Y-%m-%d %H:%M}  {text}"
        self._say(text)


def _count(step: Step) -> str:
    count = len(step.evidence)
    return f", {count} file{'' if count == 1 else 's'}" if count else ""
