"""Attack the API with requests made from its own description, as every role and as nobody, on both databases.

schemathesis makes the requests in all its phases (examples, coverage, fuzzing, stateful) and sends them in the process,
over a real store. What is promised of each answer: no 5xx, a status, a media type, headers and a body that the
description lists, `Allow` as it is, no credential ignored, no request accepted that the description forbids, and what
`Door` holds against every answer. Slow answers are counted and not judged: the machine is shared.

Whatever routes the application describes are attacked; none is named here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import structlog
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.case import Case

from ledger_service.api.openapi import encoded, make_description
from ledger_service.core.entry import Role
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.operations.pseudonyms import Party
from ledger_service.store.schema import upgrade
from tests.api.asking import PARTIES, Asking, asking
from tests.campaigns.requests.door import ALIAS, Door
from tests.operations.conftest import make_world
from tests.operations.world import World
from tests.postgres import PostgresServer, postgres_binaries

LONG_CASES = 50_000
SHORT_CASES = 2_000
LONG_EXAMPLES = 40  # of each operation, role and round; coverage adds some fifteen hundred whatever this says
SHORT_EXAMPLES = 1
FAULTS_SHOWN = 10
WHO: tuple[Role | None, ...] = (None, *PARTIES)
CHECKS_OFF = (
    "positive_data_acceptance",  # a well-formed step may be refused: that is what the ledger is for
    "ensure_resource_availability",  # a repeated POST names what was removed since; a last key takes webhooks along
)
# Texts that broke something somewhere; beside what the description suggests to schemathesis.
TORTURE = (
    "\x00", "a\x00b", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\U0010ffff", "e\u0301", "\u202eabc", "' OR 1=1 --",
    "%00", "../../etc/passwd", "a\r\nX: 1", "1.0", "+1", "01", " 1", "\u0661", "1e3", "0x1", "-0", "true", "null",
    "2026-02-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z", "9007199254740993", "x" * 5_000,
)  # fmt: skip


@dataclass(slots=True)
class Counted:
    """What happened to one database: cases by phase, answers by status, and every broken promise."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)  # 2xx by operation
    slow: Counter[str] = field(default_factory=Counter)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)  # the first of each check and operation

    def note(self, check: str, operation: str, detail: str) -> None:
        """Keep a broken promise."""
        self.faults.setdefault((check, operation), detail)

    def members(self) -> dict[str, object]:
        """Return the figures of a report."""
        return {
            "cases": sum(self.cases.values()),
            "by_phase": dict(sorted(self.cases.items())),
            "by_status": dict(sorted(self.statuses.items())),
            "operations_accepted": len(self.accepted),
            "slower_than_2_s": dict(self.slow),
        }


def run(short: bool, seed: int) -> dict[str, object]:
    """Run the campaign; return what it counted.

    Raises:
        AssertionError: A promise was broken.
    """
    counts: dict[str, object] = {}
    for database in ("sqlite", "postgresql"):
        with prepared(database) as world:
            if world is None:
                counts[database] = "not installed"
                continue
            counted = attack(world, seed=seed, cases=(SHORT_CASES if short else LONG_CASES) // 2, short=short)
        require_sound(counted, seed=seed)
        counts[database] = counted.members()
    return counts


def require_sound(counted: Counted, *, seed: int) -> None:
    """Say what was broken.

    Raises:
        AssertionError: Something was.
    """
    shown = "\n".join(
        f"- {check}: {operation}: {detail}"
        for (check, operation), detail in sorted(counted.faults.items())[:FAULTS_SHOWN]
    )
    assert not counted.faults, f"{len(counted.faults)} faults; repeat with --seed {seed}\n{shown}"


def attack(world: World, *, seed: int, cases: int, short: bool) -> Counted:
    """Attack the service over a founded ledger, as one role after another, until there were that many cases.

    Args:
        world: Founded.
        seed: Of the first round.
        cases: At least so many.
        short: Few examples, and the coverage phase for one role alone.
    """
    counted, turn = Counted(), 0
    with tempfile.TemporaryDirectory(prefix="ledger-fuzz-") as folder, asking(world, Path(folder)) as service:
        return_id = service.open_case(members=tuple(PARTIES[role] for role in PARTIES if role is not Role.REGULATOR))
        while not over(turn, sum(counted.cases.values()), cases=cases, short=short):
            who = WHO[turn % len(WHO)]
            covered = not short or (who is Role.PLATFORM and turn < len(WHO))
            attack_as(
                who,
                service.app,
                service,
                counted,
                seed=seed + turn,
                examples=SHORT_EXAMPLES if short else LONG_EXAMPLES,
                coverage=covered,
                known={"return_id": [return_id]},
                optional_headers=not covered or (turn // len(WHO)) % 2 == 1,
            )
            turn += 1
            done, faults = sum(counted.cases.values()), len(counted.faults)
            sys.stderr.write(f"api_fuzz: {done} of {cases} cases, {faults} faults, last as {who or 'nobody'}\n")
    return counted


def over(turn: int, done: int, *, cases: int, short: bool) -> bool:
    """Say whether an attack has had its cases, and every role its turn; a short one ends with a whole round.

    >>> over(len(WHO) - 1, 60_000, cases=50_000, short=False)
    False
    """
    return done >= cases and turn >= len(WHO) and (not short or turn % len(WHO) == 0)


def attack_as(
    who: Role | None,
    app: FastAPI,
    service: Asking,
    counted: Counted,
    *,
    seed: int,
    examples: int,
    coverage: bool,
    known: dict[str, list[str]],
    optional_headers: bool = True,
    only: str = "",
) -> None:
    """Attack as a role with a key of everything that it may have, or as nobody.

    Args:
        who: The role; None: nobody.
        app: The application.
        service: Its ledger, which gives the keys.
        counted: Takes the figures.
        seed: Of what is random.
        examples: Of each operation in the fuzzing phase, and scenarios of the stateful one.
        coverage: Whether the coverage phase runs.
        known: Values of path parameters that exist.
        optional_headers: Whether headers that may be left out are known to the attack.
        only: Only paths that match this.
    """
    door = Door(app, (lambda: key_of(service, PARTIES[who])) if who is not None else None, known)
    settings = config(who, seed=seed, examples=examples, coverage=coverage, known=known)
    with quiet():
        schema = schemathesis.openapi.from_dict(description(app, optional_headers=optional_headers), config=settings)
        schema.app = door
        chosen = schema.include(path_regex=only) if only else schema
        for event in from_schema(chosen).execute():
            take_in(event, counted)
    for kind, route in door.broken:
        counted.note(kind, route, f"as {who or 'nobody'}: {door.broken[kind, route]}")
    counted.statuses += door.statuses
    counted.accepted += door.accepted
    counted.slow += door.slow


def description(app: FastAPI, *, optional_headers: bool) -> dict[str, Any]:
    """Return the description of an application, a copy.

    Of a header such as If-Match the coverage phase sends values that are refused with every request, and nothing of a
    body is looked at then: without the optional headers it reaches what lies behind.
    """
    value: dict[str, Any] = json.loads(encoded(make_description(app)))
    for path in value["paths"].values():
        for operation in path.values():
            operation["parameters"] = [
                one
                for one in operation.get("parameters", [])
                if optional_headers or one["in"] != "header" or one["required"]
            ]
    return value


def take_in(event: events.EngineEvent, counted: Counted) -> None:
    """Count what an event of the engine tells."""
    if isinstance(event, events.NonFatalError):
        counted.note("error of the attack", event.label, repr(event.value))
    elif isinstance(event, events.FatalError):
        counted.note("error of the attack", "", repr(event.exception))
    elif isinstance(event, events.ScenarioFinished):
        recorder = event.recorder
        counted.cases[event.phase.value] += len(recorder.interactions)
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.name == "negative_data_rejection" and lines_refused(recorder.interactions.get(case_id)):
                    continue
                if check.failure_info is not None:
                    case = recorder.cases[case_id].value
                    why = check.failure_info.failure
                    detail = f"{why.title}: {why.message} ({event.phase.value}; {sent_by(case)})"
                    counted.note(check.name, case.operation.label, detail)


@schemathesis.serializer("application/x-ndjson")
def as_line(_context: Any, value: Any) -> bytes:
    """Return a value as the one line of a body."""
    return json.dumps(value).encode() + b"\n"


def lines_refused(interaction: Any) -> bool:
    """Say whether an answer refuses each line of a body by itself, as NDJSON does under the status 200."""
    response = None if interaction is None else interaction.response
    if response is None or response.headers.get("content-type") != ["application/x-ndjson"]:
        return False
    return all(json.loads(line).get("status", 0) >= 400 for line in response.content.splitlines())


def sent_by(case: Case) -> str:
    """Return what a request held, short enough for a report."""
    return f"{case.method} {case.formatted_path} query={case.query!r:.200} body={case.body!r:.400}"


def config(
    who: Role | None, *, seed: int, examples: int, coverage: bool, known: dict[str, list[str]]
) -> SchemathesisConfig:
    """Return how schemathesis is to attack."""
    verbs = sorted({*LIFECYCLE.case.transitions, *LIFECYCLE.dispute.transitions})
    values = {
        "torture": list(TORTURE),
        "verbs": verbs,
        "indexes": [0, 1, 2, 3],
        "levels": ["0"],
        **{f"known_{name}": found for name, found in known.items()},
    }
    parameters = {
        "body.verb": {"dictionary": "verbs", "probability": 0.8},
        "path.index": {"dictionary": "indexes", "probability": 0.5},
        "path.level": {"dictionary": "levels", "probability": 0.5},
        **{f"path.{name}": {"dictionary": f"known_{name}", "probability": 0.7} for name in known},
        **{f"body.{name}": {"dictionary": f"known_{name}", "probability": 0.7} for name in known},
    }
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "headers": {} if who is None else {"Authorization": f"Bearer {ALIAS}"},
            "generation": {
                "max-examples": examples,
                "no-shrink": True,
                "database": "none",
                # By turns: where it is offered, hypothesis takes from it more often than not.
                "dictionaries": {"string": {"dictionary": "torture", "probability": 0.05}} if seed % 2 else {},
            },
            "dictionaries": {name: {"values": found} for name, found in values.items()},
            "parameters": parameters,
            "phases": {"coverage": {"enabled": coverage, "generate-duplicate-query-parameters": True}},
            "checks": {name: {"enabled": False} for name in CHECKS_OFF},
        }
    )


def key_of(service: Asking, party: Party) -> str:
    """Return a new key of a party, as good as the first one: the attack revokes keys."""
    service.tokens.pop(party, None)
    return service.token(party)


@contextmanager
def prepared(database: str) -> Iterator[World | None]:
    """Give a founded ledger on a database; None where there is no such server."""
    with tempfile.TemporaryDirectory(prefix="ledger-fuzz-") as folder:
        home = Path(folder) / "home"
        if database == "sqlite":
            world = make_world(home, requests_per_second_max=0)
            world.found()
            yield world
            return
        binaries = postgres_binaries()
        if binaries is None:
            yield None
            return
        server = PostgresServer(binaries)
        try:
            made = server.create_database()
            upgrade(made.owner_url, application_role=made.application_role)
            world = make_world(
                home,
                owner_url=made.owner_url,
                database_url=made.application_url,
                application_role=made.application_role,
                requests_per_second_max=0,
            )
            world.found()
            yield world
        finally:
            server.close()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop the lines of the service's log: there is one for each of some ten thousand requests."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
