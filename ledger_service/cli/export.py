"""`rledger export`: write the cases of the ledger as lines, each entry with its proof.

Promises: each case says in the ledger that it was exported; a file appears whole or not at all. Does not: show a party
more than that party may see.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language, default_language
from ledger_service.cli.package import OPERATOR


def export_command(
    out: Annotated[Path, typer.Option(help="write the lines here", metavar="FILE.ndjson")],
    buyer_country: Annotated[str | None, typer.Option(help="only cases with a buyer there", metavar="DE")] = None,
    seller_country: Annotated[str | None, typer.Option(help="only cases with a seller there", metavar="CN")] = None,
    opened_from: Annotated[
        str | None, typer.Option(help="opened at this time or later, as 2026-10-01T00:00:00.000Z", metavar="TIME")
    ] = None,
    opened_until: Annotated[str | None, typer.Option(help="opened before this time", metavar="TIME")] = None,
    final: Annotated[bool, typer.Option("--final", help="only what the newest final tree head holds")] = False,
    reader: Annotated[
        str | None, typer.Option("--as", help="the cases of one party; without it all", metavar="ROLE:REFERENCE")
    ] = None,
    language: Annotated[
        Language | None, typer.Option(help="en or zh; without it that of the terminal", metavar="LANGUAGE")
    ] = None,
) -> None:
    """Write cases as NDJSON: header, one line an entry with its proof, trailer; that each was exported is an entry.

    \b
    rledger export --out quarter.ndjson --buyer-country DE --opened-from 2026-10-01T00:00:00.000Z
    rledger export --out all.ndjson --final
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.run import say_gate
        from ledger_service.cli.whole_file import written_whole
        from ledger_service.core.export import Filters
        from ledger_service.core.pages.speech import Speech
        from ledger_service.operations.access import local_reader
        from ledger_service.operations.export import choose_cases, choose_head
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        filters = Filters(
            arguments.country("--buyer-country", buyer_country),
            arguments.country("--seller-country", seller_country),
            None if opened_from is None else arguments.instant("--opened-from", opened_from),
            None if opened_until is None else arguments.instant("--opened-until", opened_until),
        )
        party = arguments.party("--as", reader or OPERATOR)
        speech = Speech(language or default_language())
        with open_ledger(load_settings(), write=True) as opened:
            say_gate(opened.gate)
            who, head = local_reader(opened.ledger, party), choose_head(opened.ledger, final=final)
            made = choose_cases(opened.ledger, who, filters, head=head, everything=reader is None)
            with written_whole(out) as target:
                for line in made.lines():
                    target.write(line)
        output.answer(speech.say("export_made", file=out, cases=len(made.return_ids), size=head.size))
        output.say(speech.say("package_next", file=out))

    output.run(run)
