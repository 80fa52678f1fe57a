"""`rledger erase`: decide about a person's data on the machine itself, or show what was decided.

Exit code 0: erased, or restricted; 3: deferred, nothing was erased yet; 4: refused. Promises: what is printed names a
decision by its id and nobody by name. Does not: hold a rule (`core/erasure.py`).
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language

if TYPE_CHECKING:
    from ledger_service.core.erasure import Ground
    from ledger_service.core.pages.speech import Speech
    from ledger_service.operations.pseudonyms import Party
    from ledger_service.settings import Settings
    from ledger_service.store.erasures import StoredErasure

_ID = re.compile(r"[0-9a-f]{32}")
LINE_CHARACTERS_MAX = 1_024  # of ROLE:REFERENCE on standard input


def erase_command(
    who: Annotated[
        str,
        typer.Argument(help="whose data; - reads it from standard input; or an erasure's id", metavar="ROLE:REFERENCE"),
    ],
    ground: Annotated[str | None, typer.Option(help="why, as consent_withdrawn", metavar="GROUND")] = None,
    asked_by: Annotated[
        str | None, typer.Option(help="the role that asked; without it the person's own", metavar="ROLE")
    ] = None,
    asked_at: Annotated[
        str | None, typer.Option(help="when, as 2026-11-03T10:22:05.000Z; without it now", metavar="TIME")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="end the restriction of this id")] = False,
    told_at: Annotated[
        str | None, typer.Option(help="with --lift: when the person was told of it", metavar="TIME")
    ] = None,
    by: Annotated[str, typer.Option(help="who decides", metavar="ROLE:REFERENCE")] = "platform:operator",
    language: Annotated[
        Language | None,
        typer.Option(help="en or zh; without it that of the terminal (LC_ALL, LANG)", metavar="LANGUAGE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Decide about a person's data: erase it, keep it without showing it, or say why it must wait.

    \b
    echo buyer:c-17 | rledger erase - --ground consent_withdrawn --asked-at 2026-11-03T10:22:05.000Z
    rledger erase 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --language zh
    rledger erase 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --lift --told-at 2026-11-20T09:00:00.000Z

    What is erased cannot be brought back, from a backup neither. Exit code 3 if it must wait.
    """

    def run() -> None:
        from ledger_service.cli.language import default_language
        from ledger_service.core.pages.speech import Speech
        from ledger_service.operations.erase import erasure_members
        from ledger_service.settings import load_settings

        settings = load_settings()
        if lift:
            decided = _lifted(settings, who, told_at=told_at, by=by)
        elif _ID.fullmatch(who):
            decided = _shown(settings, who)
        else:
            decided = _decided(settings, who, ground=ground, asked_by=asked_by, asked_at=asked_at, by=by)
        if as_json:
            output.answer_json(erasure_members(decided))
        else:
            for line in _lines(decided, Speech(language or default_language())):
                output.answer(line)
        if decided.outcome == "deferred":
            raise SystemExit(output.EXIT_INCONCLUSIVE)

    output.run(run)


def _shown(settings: Settings, erasure_id: str) -> StoredErasure:
    from ledger_service.errors import RefusedError
    from ledger_service.wiring import open_ledger

    with open_ledger(settings) as opened:
        found = opened.ledger.erasures.find(erasure_id)
    if found is None:
        raise RefusedError(f"there is no erasure {erasure_id}", hint="`rledger erase` prints the id of a decision")
    return found


def _lifted(settings: Settings, who: str, *, told_at: str | None, by: str) -> StoredErasure:
    from ledger_service.cli import arguments
    from ledger_service.cli.run import say_gate
    from ledger_service.errors import SettingsError
    from ledger_service.operations.lift import lift
    from ledger_service.wiring import open_ledger

    if not _ID.fullmatch(who) or told_at is None:
        raise SettingsError(
            "--lift: the id of the decision and --told-at are expected",
            hint="tell the person first (GDPR Art. 18(3)), then say when that was",
        )
    at, decides = arguments.instant("--told-at", told_at), arguments.party("--by", by)
    with open_ledger(settings, write=True) as opened:
        say_gate(opened.gate)
        return lift(opened.ledger, who, told_at=at, by=decides)


def _decided(
    settings: Settings, who: str, *, ground: str | None, asked_by: str | None, asked_at: str | None, by: str
) -> StoredErasure:
    from ledger_service.cli import arguments
    from ledger_service.cli.run import say_gate
    from ledger_service.operations.erase import Request, erase
    from ledger_service.operations.ledger import format_instant
    from ledger_service.wiring import open_ledger

    person = _person(who)
    why = _ground(ground)
    role = person.role if asked_by is None else arguments.role("--asked-by", asked_by)
    at = None if asked_at is None else arguments.instant("--asked-at", asked_at)
    decides = arguments.party("--by", by)
    with open_ledger(settings, write=True) as opened:
        say_gate(opened.gate)
        ledger = opened.ledger
        return erase(ledger, Request(person, why, role, at or format_instant(ledger.clock())), by=decides)


def _person(who: str) -> Party:
    """Return whose data it is about: on the command line other programs and a shell's history see it."""
    from ledger_service.cli import arguments

    text = sys.stdin.readline(LINE_CHARACTERS_MAX).rstrip("\r\n") if who == "-" else who
    return arguments.party("ROLE:REFERENCE", text)


def _ground(text: str | None) -> Ground:
    """Return the ground.

    Raises:
        SettingsError: None is given, or one that there is not.
    """
    from ledger_service.core.erasure import Ground
    from ledger_service.errors import SettingsError

    if text not in set(Ground):
        what = "--ground: a ground is expected" if text is None else f"--ground {text!r:.40}: there is no such ground"
        raise SettingsError(what, hint="grounds: " + ", ".join(Ground))
    return Ground(text)


def _lines(erasure: StoredErasure, speech: Speech) -> list[str]:
    """Return a decision for people."""
    from ledger_service.store.erasures import LIFTED

    answer = erasure.answer
    lines = [
        speech.say("erasure", id=erasure.id, outcome=speech.code("erasure_outcome", erasure.outcome)),
        speech.say("erasure_ground", ground=speech.code("erasure_ground", erasure.ground), citation=answer["citation"]),
    ]
    if answer["reason"] is not None:
        lines.append(speech.say("erasure_reason", reason=speech.code("erasure_reason", answer["reason"])))
    dates = {"asked": speech.minute(erasure.asked_at), "decided": speech.minute(erasure.decided_at)}
    lines.append(speech.say("erasure_dates", role=speech.code("role", answer["asked_by"]), **dates))
    if erasure.review_at is not None:
        lines.append(speech.say("erasure_review", at=speech.minute(erasure.review_at)))
    if LIFTED in answer:
        told, lifted = speech.minute(answer["told_at"]), speech.minute(answer[LIFTED])
        lines.append(speech.say("erasure_lifted", told=told, lifted=lifted))
    for case in answer["cases"]:
        extent = speech.say("none") if case["extent"] is None else speech.code("erasure_extent", case["extent"])
        line = speech.say("erasure_case", return_id=case["return_id"], extent=extent)
        if case["retention_until"] is not None:
            line += speech.say("erasure_kept", at=speech.minute(case["retention_until"]))
        lines.append(line)
    return lines
