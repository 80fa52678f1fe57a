"""`rledger doctor` and `database`: say what is wrong with a ledger, and keep its database.

Promises: `doctor` prints no secret. Does not: repair.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger_service.cli import output

database = typer.Typer(
    help=(
        "The database: bring its schema up to date, accept it where its high-water mark is gone, rebuild cases.\n\n"
        "\b\nrledger database upgrade\nrledger database accept-mark"
    ),
)


@database.callback(invoke_without_command=True)
def _database(context: typer.Context) -> None:
    output.require_command(context)


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Explain every setting and test each connection; exit code 4 if something is wrong, 3 if a node is silent.

    \b
    rledger doctor
    rledger doctor --json
    """
    output.run(lambda: _doctor(as_json=as_json))


@database.command("upgrade", short_help="make or upgrade the schema")
def upgrade_command() -> None:
    """Make or upgrade the schema, as the database's owner.

    \b
    rledger database upgrade
    LEDGER_MIGRATION_DATABASE_URL=postgresql+psycopg://owner@127.0.0.1/ledger rledger database upgrade
    """

    def run() -> None:
        from ledger_service.settings import load_settings
        from ledger_service.store.schema import upgrade

        settings = load_settings()
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        upgrade(settings.migration_database, application_role=_application_role(settings))
        output.answer("the schema is up to date")

    output.run(run)


@database.command("accept-mark", short_help="say that this database is the newest")
def accept_mark_command() -> None:
    """Say that this database is the newest, after its high-water mark was lost.

    \b
    rledger database accept-mark
    LEDGER_HOME=/srv/ledger rledger database accept-mark

    Only whoever knows that no newer copy exists may say so: a database restored from an old copy would contradict
    receipts that people hold. Compare the size that `rledger show` prints with the newest receipt first.
    """

    def run() -> None:
        from ledger_service.errors import LedgerMissingError, RefusedError
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        with open_ledger(load_settings()) as opened:
            ledger = opened.ledger
            head = ledger.read.head()
            if head is None:
                raise LedgerMissingError("there is no ledger here yet", hint="found it with `rledger deploy`")
            if ledger.mark.read() is not None:
                raise RefusedError("the high-water mark is there: nothing to accept", hint="see `rledger doctor`")
            ledger.mark.create(note=head.note, size=head.size, root=head.root)
            output.answer(f"accepted: the ledger stands at {head.size} entries")

    output.run(run)


@database.command("rebuild-cases", short_help="derive the cases and their index anew from the entries")
def rebuild_cases_command() -> None:
    """Derive the cases' present states anew from the entries, and their index with the next seal.

    \b
    rledger database rebuild-cases
    LEDGER_HOME=/srv/ledger rledger database rebuild-cases
    """

    def run() -> None:
        from ledger_service.settings import load_settings
        from ledger_service.store.projection import rebuild_cases
        from ledger_service.wiring import open_ledger

        with open_ledger(load_settings()) as opened:
            count = rebuild_cases(opened.ledger.store)
        output.answer(f"{count} {'case' if count == 1 else 'cases'} derived from the entries")

    output.run(run)


def _application_role(settings: Any) -> str | None:
    from sqlalchemy import make_url

    if not settings.migration_database_url.get_secret_value():
        return None
    return settings.application_role or make_url(settings.database).username


def _doctor(*, as_json: bool) -> None:
    from ledger_service.cli.doctor import examine

    findings = examine()
    if as_json:
        output.answer_json([{"name": f.name, "outcome": f.outcome.value, "detail": f.detail} for f in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            output.answer(f"{finding.outcome.value:<8} {finding.name:<{width}}  {finding.detail}")
    outcomes = {finding.outcome.value for finding in findings}
    if "fail" in outcomes:
        raise SystemExit(output.EXIT_REFUSED)
    if "unknown" in outcomes:
        raise SystemExit(output.EXIT_INCONCLUSIVE)
