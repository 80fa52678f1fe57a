"""The `rledger` program: its commands, each in a file of its own.

Promises: `rledger verify` loads no part of the service; a wrong usage is told like every other error. Does not: do
any work itself; every command opens what it needs when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ledger_service import __version__
from ledger_service.cli import output
from ledger_service.cli.audit import audit_command
from ledger_service.cli.case import receipt_command, record_command
from ledger_service.cli.completeness import completeness_command
from ledger_service.cli.contract import contract
from ledger_service.cli.demo.command import demo_command
from ledger_service.cli.deploy import deploy_command
from ledger_service.cli.erase import erase_command
from ledger_service.cli.export import export_command
from ledger_service.cli.keys import key
from ledger_service.cli.monitor import monitor_command
from ledger_service.cli.package import package_command
from ledger_service.cli.run import worker_command
from ledger_service.cli.serve import serve_command
from ledger_service.cli.setup import database, doctor_command
from ledger_service.cli.show import actions_command, show_command
from ledger_service.cli.statistics import statistics_command
from ledger_service.cli.verify import verify_command
from ledger_service.cli.witness import witness


class Program(TyperGroup):
    """The group of all commands. Typer's own errors are told in our words and with our exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command of the arguments; in standalone mode end the program with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            text = error.format_message().strip().removesuffix(".")
            output.say(f"error: {text[:1].lower()}{text[1:]}")
            context = getattr(error, "ctx", None)
            output.say(f"hint: {context.command_path if context else 'rledger'} -h")
            sys.exit(output.EXIT_USAGE)
        except typer.Abort:
            sys.exit(output.EXIT_INTERRUPTED)
        sys.exit(code if isinstance(code, int) else output.EXIT_DONE)


app = typer.Typer(
    cls=Program,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help=(
        "The tamper-evident ledger of cross-border returns.\n\n"
        "\b\nrledger demo\nrledger verify entry-12.receipt.json --trust ledger.trust.json --rpc URL\n\n"
        "Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in output.MEANINGS.items()) + "."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        output.answer(f"rledger {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and end")
    ] = False,
) -> None:
    output.require_command(context)


app.command("demo", short_help="walk one return from request to close, verify it, attack it")(demo_command)
app.command("record", short_help="record one step of a return")(record_command)
app.command("show", short_help="show the ledger, a return, an entry, or the trust file")(show_command)
app.command("actions", short_help="show what a role may do with a return now")(actions_command)
app.command("receipt", short_help="write the receipt of an entry")(receipt_command)
app.command("package", short_help="write the package of a return, for whoever has to decide")(package_command)
app.command("export", short_help="write cases as lines, each entry with its proof")(export_command)
app.command("statistics", short_help="count returns, deadlines, refusals, customs holds, anchors")(statistics_command)
app.command("completeness", short_help="show that nothing was left out")(completeness_command)
app.command("verify", short_help="check receipts, packages and exports, trusting nobody")(verify_command)
app.command("audit", short_help="re-derive the whole ledger and name what contradicts it")(audit_command)
app.command("monitor", short_help="follow a ledger from outside, and write down contradictions")(monitor_command)
app.command("erase", short_help="decide about a person's data, or show what was decided")(erase_command)
app.command("worker", short_help="seal and anchor what is recorded")(worker_command)
app.command("serve", short_help="serve the API and the public log, and anchor beside it")(serve_command)
app.command("deploy", short_help="found the ledger: contract, genesis entry, registration")(deploy_command)
app.command("doctor", short_help="explain every setting, test every connection")(doctor_command)
app.add_typer(contract, name="contract", short_help="the log in its contract, and what its owner may do")
app.add_typer(key, name="key", short_help="make, list and revoke API keys")
app.add_typer(witness, name="witness", short_help="cosign tree heads, and make the key for it")
app.add_typer(database, name="database", short_help="upgrade the schema, accept a lost mark, rebuild cases")
