"""`rledger completeness`: show that nothing was left out, of one return or of all returns of a country pair.

Promises: writes a file that `rledger verify` checks. Does not: look whether the seals are right (`rledger audit`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.errors import SettingsError

if TYPE_CHECKING:
    from ledger_service.core.case_index import Scope

_SCOPE = re.compile(r"([A-Z]{2})-([A-Z]{2})(?:-(\d{4}-\d{2}))?")


def completeness_command(
    return_id: Annotated[str | None, typer.Argument(help="the return", metavar="RETURN")] = None,
    scope: Annotated[
        str | None,
        typer.Option(help="all returns of a buyer's and a seller's country, and of a month", metavar="DE-CN[-2026-10]"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="write it here", metavar="FILE")] = None,
) -> None:
    """Write the proof of how many entries a return has, or of which returns there are.

    \b
    rledger completeness 3f0c…9a --out case.completeness.json
    rledger completeness --scope DE-CN-2026-10 --out october.completeness.json

    It is as of the newest final seal; the seal commits the ledger to it, whatever else is shown later.
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.whole_file import written_whole
        from ledger_service.core.case_proof import encode_case_proof
        from ledger_service.operations.prove_case import prove_case, prove_scope
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        if (return_id is None) == (scope is None):
            raise SettingsError("one return, or one scope", hint="rledger completeness RETURN, or --scope DE-CN")
        with open_ledger(load_settings()) as opened:
            if return_id is not None:
                proof = prove_case(opened.ledger, arguments.return_id("RETURN", return_id))
            else:
                proof = prove_scope(opened.ledger, _scope(scope or ""))
        data = encode_case_proof(proof)
        if out is None:
            output.answer_bytes(data)
        else:
            with written_whole(out) as target:
                target.write(data)
            output.say(f"{out}: as of entry {proof.seal.index}, a seal, {proof.seal.unprotected['state']}")

    output.run(run)


def _scope(text: str) -> Scope:
    from ledger_service.core.case_index import Scope

    match = _SCOPE.fullmatch(text)
    if match is None:
        raise SettingsError(f"--scope {text!r:.40} is no scope", hint="as in DE-CN, or DE-CN-2026-10")
    return Scope(match[1], match[2], match[3])
