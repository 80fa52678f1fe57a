"""The entry that says what of a case was erased: on the chain of the case, beside its state.

Promises: such an entry names what is gone by leaf hash and position, whose it was by the pseudonym of the case, and on
what ground; it holds no value. `decide_erasure_entry` makes no other, and `require_erasure` accepts no other.
Does not: know whether the values are gone (`rledger audit` compares).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger_service.core.case import Case, Command
from ledger_service.core.encoding import Json
from ledger_service.core.entry import (
    COMMITMENTS_MAX,
    EVIDENCE_MAX,
    PARTY_BYTES,
    Actor,
    CaseEntry,
    Kind,
    Role,
)
from ledger_service.core.erasure import Extent, Ground
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, UnknownReturnError, WrongRoleError

ERASE = "erase"  # its verb
ERASURE_ID_BYTES = 16
ERASED_ENTRIES_MAX = 128  # entries that one erasure entry names; more of a case stand in a further one
ERASED_POSITIONS_MAX = 4_096  # positions that it names in all: 128 entries of 32 values each
ERASING_ROLES: Final = frozenset({Role.PLATFORM, Role.SYSTEM})
_READ = Reader(EntryFormatError, "entry.facts")
_NAMES = ("asked_at", "asked_by", "decided_at", "erased", "erasure_id", "extent", "ground", "subject")


@dataclass(frozen=True, slots=True)
class Erased:
    """What is gone of one entry: its leaf hash (32 bytes), and the places in `all_commitments()`, ascending."""

    leaf: bytes
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure as an entry of one case tells it.

    `erasure_id` is 16 random bytes as hex, the same in all cases of one decision. `asked_by` is the role that asked,
    `subject` whose data went, under the pseudonym of the case.
    """

    erasure_id: str
    ground: Ground
    asked_by: Role
    asked_at: str
    decided_at: str
    subject: Actor
    extent: Extent
    erased: tuple[Erased, ...] = ()


def erasure_facts(erasure: Erasure) -> dict[str, Json]:
    """Return an erasure as the facts of its entry; `parse_erasure` reads them."""
    return {
        "asked_at": erasure.asked_at,
        "asked_by": erasure.asked_by.value,
        "decided_at": erasure.decided_at,
        "erased": [{"entry": one.leaf.hex(), "positions": list(one.positions)} for one in erasure.erased],
        "erasure_id": erasure.erasure_id,
        "extent": erasure.extent.value,
        "ground": erasure.ground.value,
        "subject": {"party": erasure.subject.party, "role": erasure.subject.role.value},
    }


def parse_erasure(facts: Json) -> Erasure:
    """Return the erasure that `erasure_facts` wrote.

    Raises:
        EntryFormatError: Anything else.
    """
    m = _READ.members(facts, _NAMES)
    who = _READ.at("subject").members(m["subject"], ("party", "role"))
    erased = _READ.at("erased").items(m["erased"], ERASED_ENTRIES_MAX, _parse_erased)
    if len({one.leaf for one in erased}) < len(erased) or _count(erased) > ERASED_POSITIONS_MAX:
        raise _READ.at("erased").fail(f"each entry once, and at most {ERASED_POSITIONS_MAX} positions")
    return Erasure(
        erasure_id=_READ.at("erasure_id").hexadecimal(m["erasure_id"], ERASURE_ID_BYTES).hex(),
        ground=_READ.at("ground").choice(m["ground"], Ground),
        asked_by=_READ.at("asked_by").choice(m["asked_by"], Role),
        asked_at=_READ.at("asked_at").instant(m["asked_at"]),
        decided_at=_READ.at("decided_at").instant(m["decided_at"]),
        subject=Actor(
            _READ.at("subject.role").choice(who["role"], Role),
            _READ.at("subject.party").hexadecimal(who["party"], PARTY_BYTES).hex(),
        ),
        extent=_READ.at("extent").choice(m["extent"], Extent),
        erased=erased,
    )


def decide_erasure_entry(case: Case | None, command: Command, *, recorded_at: str) -> CaseEntry:
    """Return the next entry of the case, which says what was erased.

    Raises:
        UnknownReturnError: There is no such case.
        WrongRoleError: Neither the platform nor the ledger itself asserts it.
        EntryFormatError: The facts are no erasure.
    """
    if case is None or (case.origin, case.return_id) != (command.origin, command.return_id):
        raise UnknownReturnError(f"there is no return {command.return_id}", hint="look the return_id up")
    if command.asserted_by.role not in ERASING_ROLES:
        message = f"{ERASE} is not for the role {command.asserted_by.role.value}"
        raise WrongRoleError(message, verb=ERASE, state=case.state, allowed=())
    parse_erasure(command.facts)
    return CaseEntry(
        kind=Kind.ERASURE,
        origin=command.origin,
        return_id=command.return_id,
        seq=case.count,
        prev=case.head,
        verb=ERASE,
        from_state=case.state,
        to_state=case.state,
        asserted_by=command.asserted_by,
        recorded_by=command.recorded_by,
        authenticity=command.authenticity,
        occurred_at=None,
        recorded_at=recorded_at,
        facts=command.facts,
    )


def require_erasure(case: Case, entry: CaseEntry) -> None:
    """Accept an erasure entry of this case.

    Raises:
        ValueError: Why it is none.
    """
    if entry.verb != ERASE or entry.asserted_by.role not in ERASING_ROLES:
        raise ValueError(f"no erasure by the role {entry.asserted_by.role.value} is called {entry.verb!r:.60}")
    if (entry.from_state, entry.to_state) != (case.state, case.state):
        raise ValueError("an erasure leaves the state of the case as it is")
    if entry.evidence or entry.commitments:
        raise ValueError("an erasure brings no files and commits to no value")
    try:
        parse_erasure(entry.facts)
    except EntryFormatError as error:
        raise ValueError(error.message) from None


def in_entries(erased: Iterable[Erased]) -> Iterator[tuple[Erased, ...]]:
    """Yield what was erased of a case in portions that an entry may hold each; nothing at all makes one empty one."""
    portion: list[Erased] = []
    for one in erased:
        if len(portion) == ERASED_ENTRIES_MAX or _count(portion) + len(one.positions) > ERASED_POSITIONS_MAX:
            yield tuple(portion)
            portion = []
        portion.append(one)
    yield tuple(portion)


def _count(erased: Sequence[Erased]) -> int:
    return sum(len(one.positions) for one in erased)


def _parse_erased(value: Json) -> Erased:
    read = _READ.at("erased")
    m: dict[str, Any] = read.members(value, ("entry", "positions"))
    most = EVIDENCE_MAX + COMMITMENTS_MAX
    positions = read.items(m["positions"], most, lambda place: read.integer(place, most=most - 1))
    if not positions or list(positions) != sorted(set(positions)):
        raise read.fail("positions are named once each, ascending")
    return Erased(read.hexadecimal(m["entry"], HASH), positions)
