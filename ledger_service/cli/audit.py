"""`rledger audit`: re-derive the whole ledger from the entry bytes and name what contradicts them.

Exit code 0: everything agrees; 1: a contradiction; 3: nothing contradicts, but the chain could not be asked.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output

if TYPE_CHECKING:
    from ledger_service.operations.audit import AuditReport


def audit_command(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Audit the ledger: hashes, tree, checkpoints, cases, values, evidence files, mark and anchors.

    \b
    rledger audit
    LEDGER_HOME=/srv/ledger rledger audit --json

    Exit code 0 if everything agrees, 1 if something contradicts, 3 if the chain could not be asked.
    """
    output.run(lambda: _audit(as_json=as_json))


def _audit(*, as_json: bool) -> None:
    from ledger_service.errors import FormatError
    from ledger_service.operations.audit import AuditReport

    try:
        report = _report()
    except FormatError as error:  # no ledger can be opened over these bytes
        report = AuditReport()
        report.add("entries", f"the genesis entry cannot be read: {error.message}")
    if as_json:
        output.answer_json(report.as_json())
    else:
        for line in report.lines():
            output.answer(line)
    if report.findings:
        raise SystemExit(output.EXIT_INVALID)
    if report.unknown:
        raise SystemExit(output.EXIT_INCONCLUSIVE)


def _report() -> AuditReport:
    from ledger_service.chain.registry import Registry
    from ledger_service.errors import ChainError
    from ledger_service.operations.audit import audit
    from ledger_service.settings import load_settings
    from ledger_service.wiring import open_ledger, open_nodes, reachable

    settings = load_settings()
    with open_ledger(settings, look_only=True) as opened:
        ledger = opened.ledger
        stages = output.Stages()
        with ExitStack() as stack:
            found: list[Registry | None] = []
            silent = []
            asked = reachable(ledger, settings)
            for target in ledger.targets():
                if target not in asked:
                    found.append(None)
                    silent.append(f"no node of the chain {ledger.chains.name_of(target.chain_id)} is named")
                    continue
                try:
                    node = stack.enter_context(open_nodes(settings, target.chain_id))[0]
                    found.append(Registry(node, target.contract))
                except ChainError as error:
                    found.append(None)
                    silent.append(error.message)
            first, *others = found
            further = [(target, its) for target, its in zip(ledger.targets()[1:], others, strict=True) if its]
            report = audit(ledger, first, say=stages, unreachable="; ".join(silent), further=further)
            if first is not None:
                report.unknown += [f"a chain was not asked: {reason}" for reason in silent]
            return report
