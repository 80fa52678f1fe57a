"""The drawing of a timeline: a line for each actor, a mark for each entry, and how long nothing happened.

Promises: entries stand in the order in which they were recorded, evenly spaced, so that none hides another; a pause of
a day or more is drawn and told. Does not: write SVG (`case.html` does, from these places in pixels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.entry import Role
from ledger_service.core.timeline_row import Row, seconds_between
from ledger_service.web.talk import Talk

STEP = 34  # from one entry to the next
PAUSE = 64  # more where nothing happened for a day or longer
PAUSE_SECONDS = 86_400
LANE = 40
LABEL = 110
TOP = 30


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry: where it is drawn, how far its proof has come, whether something stands against it."""

    x: int
    y: int
    index: int
    words: str
    final: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Where nothing happened: its middle, and for how long in words."""

    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The drawing; `lanes` are the names of the actors with the height of their line."""

    width: int
    height: int
    lanes: tuple[tuple[str, int], ...]
    marks: tuple[Mark, ...]
    pauses: tuple[Pause, ...]


def draw(rows: Sequence[Row], talk: Talk) -> Lanes:
    """Return the drawing of the rows of a timeline, which are in the order of the log."""
    roles: list[Role] = []
    for row in rows:
        if row.entry.asserted_by.role not in roles:
            roles.append(row.entry.asserted_by.role)
    heights = {role: TOP + LANE * place for place, role in enumerate(roles)}
    x, before, marks, pauses = LABEL, "", list[Mark](), list[Pause]()
    for row in rows:
        entry = row.entry
        if before and (seconds := seconds_between(before, entry.recorded_at)) >= PAUSE_SECONDS:
            pauses.append(Pause(x + (PAUSE - STEP) // 2 + STEP // 2, talk.length(seconds)))
            x += PAUSE
        before = entry.recorded_at
        words, final = talk.speech.verb(entry.verb), row.life == "finalized"
        marks.append(Mark(x, heights[entry.asserted_by.role], row.index, words, final, bool(row.flags)))
        x += STEP
    names = tuple((talk.speech.code("role", role.value), heights[role]) for role in roles)
    return Lanes(x, TOP + LANE * len(roles), names, tuple(marks), tuple(pauses))
