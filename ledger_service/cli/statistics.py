"""`rledger statistics`: how many returns, which deadlines were met, what was refused and overturned, customs, anchors.

Promises: that figures were read is an entry beside each case that they count. Does not: count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language, default_language
from ledger_service.cli.package import OPERATOR


def statistics_command(
    buyer_country: Annotated[str, typer.Option(help="only returns with a buyer there", metavar="DE")] = "",
    seller_country: Annotated[str, typer.Option(help="only returns with a seller there", metavar="CN")] = "",
    first: Annotated[str, typer.Option("--from", help="opened in this month or later", metavar="MONTH")] = "",
    last: Annotated[str, typer.Option("--to", help="opened in this month or earlier", metavar="MONTH")] = "",
    seller: Annotated[str, typer.Option(help="only this seller's, by its name in statistics", metavar="NAME")] = "",
    rule: Annotated[str, typer.Option(help="only with a deadline or refusal under it", metavar="RULE")] = "",
    verb: Annotated[str, typer.Option(help="only with such a step", metavar="VERB")] = "",
    reader: Annotated[
        str | None, typer.Option("--as", help="the cases of one party; without it all", metavar="ROLE:REFERENCE")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="write every figure here, a line each", metavar="FILE.csv")] = None,
    language: Annotated[
        Language | None, typer.Option(help="en or zh; without it that of the terminal", metavar="LANGUAGE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print every figure as one JSON document")] = False,
) -> None:
    """Show statistics of the returns that were opened in some months; that each was read is an entry.

    \b
    rledger statistics --buyer-country DE --seller-country CN --from 2026-10 --to 2026-12
    rledger statistics --csv statistics.csv
    """

    def run() -> None:
        from math import inf

        from ledger_service.cli import arguments
        from ledger_service.cli.run import say_gate
        from ledger_service.cli.summary import format_totals
        from ledger_service.cli.whole_file import written_whole
        from ledger_service.core.pages.speech import Speech
        from ledger_service.core.question import QuestionFormatError, parse_question
        from ledger_service.core.statistics_sheets import statistics_sheet
        from ledger_service.errors import SettingsError
        from ledger_service.operations.access import local_reader
        from ledger_service.operations.statistics import answer
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        given = {
            "buyer_country": buyer_country, "seller_country": seller_country, "from": first, "to": last,
            "seller": seller, "rule": rule, "verb": verb,
        }  # fmt: skip
        try:
            question = parse_question(given)
        except QuestionFormatError as error:
            raise SettingsError(f"--{error.member.replace('_', '-')}: {error.message}") from None
        party = arguments.party("--as", reader or OPERATOR)
        with open_ledger(load_settings(), write=True) as opened:
            say_gate(opened.gate)
            who = local_reader(opened.ledger, party)
            found = answer(opened.ledger, who, question, everything=reader is None, seconds=inf)
        if csv is not None:
            with written_whole(csv) as target:
                target.write(statistics_sheet(found.statistics))
        if as_json:
            output.answer_json(found.members())
        else:
            output.answer_lines(format_totals(found.statistics.totals, Speech(language or default_language())))

    output.run(run)
