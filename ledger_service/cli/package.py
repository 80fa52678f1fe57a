"""`rledger package`: write the package of a return, for whoever has to decide.

Promises: the access is recorded before anything is written; the file appears whole or not at all. Does not: show a
party more than that party may see.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language, default_language

OPERATOR = "platform:operator"


def package_command(
    case: Annotated[str, typer.Argument(help="a return's id", metavar="ID")],
    out: Annotated[Path, typer.Option(help="write the archive here", metavar="FILE.zip")],
    reader: Annotated[
        str | None,
        typer.Option("--as", help="for a party of the return; without it for the operator", metavar="ROLE:REFERENCE"),
    ] = None,
    language: Annotated[
        Language | None,
        typer.Option(
            help="of report.pdf and of what is said: en or zh; without it that of the terminal (LC_ALL, LANG)",
            metavar="LANGUAGE",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Write the package of a return: timeline, evidence, receipts, findings, signed; that it was made is an entry.

    \b
    rledger package 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --out case.zip
    rledger package 5f0c1a3e9b7d44f2a6c8e01b2d3f4a59 --out case.zip --as arbitrator:odr-12 --language zh
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.run import say_gate
        from ledger_service.cli.whole_file import written_whole
        from ledger_service.core.pages.speech import Speech
        from ledger_service.operations.access import local_reader, open_case
        from ledger_service.operations.package import export_package
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        return_id = arguments.return_id("ID", case)
        party = arguments.party("--as", reader or OPERATOR)
        speech = Speech(language or default_language())
        with open_ledger(load_settings(), write=True) as opened:
            say_gate(opened.gate)
            who = local_reader(opened.ledger, party)
            if reader is not None:
                open_case(opened.ledger, who, return_id)
            folder = out.absolute().parent
            with export_package(opened.ledger, who, return_id, folder=folder, language=speech.language) as made:
                with written_whole(out) as target:
                    for chunk in made.chunks():
                        target.write(chunk)
                if as_json:
                    output.answer_json(made.members(str(out)))
                    return
                output.answer(speech.say("package_made", file=out, size=made.size, return_id=return_id))
                for row in made.left_out():
                    state = speech.code("file_state", row.state.value)
                    kind = row.entry.evidence[row.position].kind
                    output.say(speech.say("package_left_out", index=row.index, kind=kind, state=state))
                output.say(speech.say("package_next", file=out))

    output.run(run)
