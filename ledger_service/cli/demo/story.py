"""What a story of the demonstration is: steps of one return, each with its time, its party, its fields and files.

Promises: a story is data; the same call gives the same story. Does not: record anything (`walk.py`), or hold one
(`stories/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger_service.core.calendars import zone
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

File = tuple[str, str, bytes]
At = Callable[..., datetime]


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step.

    Args:
        at: When its party says that it happened (aware).
        role: Who says so.
        verb: The step of the life cycle.
        fields: Its fields.
        files: Kind, file name and bytes of each file of evidence.
        rule: The rule that it rests on.
        to_state: Where it leads, if the table leaves a choice.
        authenticity: How the ledger knows that the party said it.
        recorded_after: How long after `at` it is recorded, where the clock of the story is moved.
        name: What later steps call its entry.
        refers: Fields that hold the leaf hash of an earlier entry (or of several), by its name.
        refused: The code of the refusal that it meets; None where it is recorded.
        wallet: The number of the development wallet that signs it.
        anchor: Place everything so far on the chain afterwards.
    """

    at: datetime
    role: Role
    verb: str
    fields: Mapping[str, Json] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    rule: RuleReference | None = None
    to_state: str | None = None
    authenticity: Authenticity = Authenticity.PLATFORM_ATTESTED
    recorded_after: timedelta = timedelta(minutes=3)
    name: str = ""
    refers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    refused: str | None = None
    wallet: int | None = None
    anchor: bool = False

    @property
    def recorded_at(self) -> datetime:
        """When it is recorded, where the clock is moved."""
        return self.at + self.recorded_after


@dataclass(frozen=True, slots=True)
class Story:
    """A return from request to close.

    `title` is its first line, `parties` the reference of each role, `zone` the buyer's (IANA). `moved`: the clock of
    ledger and chain is moved through its days, and what falls due meanwhile is recorded by the system; else all is
    recorded now, with times in the past as claims. Its first step brings a file; one step is a `receive` with an intact
    seal, which the attacks rewrite.
    """

    title: str
    parties: Mapping[Role, str]
    zone: str
    steps: tuple[StoryStep, ...]
    moved: bool = True

    @property
    def begins(self) -> datetime:
        """When the ledger of the story is founded."""
        return self.steps[0].recorded_at - timedelta(hours=1)


def days_of(name: str, year: int) -> At:
    """Return the function that gives the instant of a month, day, hour and minute on the clocks of a zone."""
    where = zone(name)

    def at(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
        return datetime(year, month, day, hour, minute, tzinfo=where)

    return at


def stated(moment: datetime) -> str:
    """Return an instant as a field holds it: RFC 3339 with the offset of its zone."""
    return moment.isoformat(timespec="seconds")


def money(currency: str, minor: int) -> Json:
    """Return an amount of minor units."""
    return {"currency": currency, "minor": minor}


def charge(kind: str, payer: str, amount: Json) -> Json:
    """Return a charge that stands apart from the balance."""
    return {"kind": kind, "payer": payer, "amount": amount}
