"""`rledger show` and `actions`: what the ledger holds of a return, and what may be done with it.

Promises: speaks the terminal's language, or the one that was asked for. Does not: hold a rule of the domain.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language, default_language

_SHOWN = "ID|INDEX|trust"
_LANGUAGE = typer.Option(help="en or zh; without it that of the terminal (LC_ALL, LANG)", metavar="LANGUAGE")


def show_command(
    what: Annotated[
        str,
        typer.Argument(help="a return's id, an entry's index, or `trust`; nothing: the ledger", metavar=_SHOWN),
    ] = "",
    language: Annotated[Language | None, _LANGUAGE] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Show the ledger, a return's timeline, an entry, or the trust file to pin.

    \b
    rledger show 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --language zh
    rledger show trust > ledger.trust.json
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.hints import hints
        from ledger_service.cli.summary import format_summary
        from ledger_service.core.pages.timeline_text import format_timeline
        from ledger_service.core.timeline import timeline_members
        from ledger_service.core.trust import encode_trust
        from ledger_service.operations import show
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        return_id = arguments.shown_return(what)
        spoken = language or default_language()
        with open_ledger(load_settings()) as opened:
            ledger = opened.ledger
            if what == "trust":
                output.answer_bytes(encode_trust(ledger.trust()))
            elif not what:
                summary = show.summarize(ledger)
                output.answer_json(summary) if as_json else output.answer_lines(format_summary(summary))
            elif return_id is None:
                output.answer_json(show.describe(ledger, int(what)))
            elif as_json:
                output.answer_json(timeline_members(show.timeline(ledger, return_id)))
            else:
                output.answer_lines(format_timeline(show.timeline(ledger, return_id), spoken))
                for line in hints(show.available(ledger, return_id), spoken):
                    output.say(line)

    output.run(run)


def actions_command(
    case: Annotated[str, typer.Argument(help="a return's id", metavar="ID")],
    role: Annotated[str, typer.Option("--as", help="who asks", metavar="ROLE")],
    language: Annotated[Language | None, _LANGUAGE] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Show what a role may do with a return now, what each step needs, and what is due when.

    \b
    rledger actions 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --as buyer
    rledger actions 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --as platform --language zh
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.hints import format_actions
        from ledger_service.core.actions import action_members
        from ledger_service.core.clock import clock_members
        from ledger_service.operations.show import available
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        return_id, asked = arguments.return_id("ID", case), arguments.role("--as", role)
        with open_ledger(load_settings()) as opened:
            found = next(iter(available(opened.ledger, return_id, [asked])), None)
        if as_json:
            output.answer_json(
                {
                    "return_id": return_id,
                    "role": asked.value,
                    "actions": [] if found is None else [action_members(one) for one in found.actions],
                    "due": [] if found is None else [clock_members(one) for one in found.due],
                }
            )
        else:
            output.answer_lines(format_actions(found, asked, language or default_language()))

    output.run(run)
