"""`rledger key`: make, list and revoke API keys on the machine itself, the first of them above all.

Promises: a token goes to standard output once, alone, and nowhere else; a list shows no secret; a revocation needs
neither chain nor boot gate. Does not: make one-time links (the service does, for who may share a case).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output

if TYPE_CHECKING:
    from ledger_service.core.entry import Role
    from ledger_service.operations.ledger import Ledger
    from ledger_service.operations.principal import Scope
    from ledger_service.store.credentials import StoredCredential

_PREFIX = re.compile(r"[0-9a-f]{16}")
ALL = "all"  # of --acts-for

key = typer.Typer(
    help=(
        "API keys: make one, list them, revoke one.\n\n"
        "\b\nrledger key create platform:desk-1 --label 'first desk' --scope read,record --acts-for all\n"
        "rledger key revoke 5f0c1a3e9b7d44f2"
    ),
)


@key.callback(invoke_without_command=True)
def _key(context: typer.Context) -> None:
    output.require_command(context)


@key.command("create", short_help="make a key; its token is printed this once")
def create_command(
    party: Annotated[str, typer.Argument(help="whose key it is", metavar="ROLE:REFERENCE")],
    label: Annotated[str, typer.Option(help="what people call the key", metavar="TEXT")],
    scope: Annotated[str, typer.Option(help="what it may be used for", metavar="SCOPE,SCOPE")],
    acts_for: Annotated[
        str, typer.Option(help="roles whose steps a platform's key hands in, or `all`", metavar="ROLE,ROLE")
    ] = "",
    country: Annotated[
        str, typer.Option(help="countries whose cases a regulator's key sees", metavar="CODE,CODE")
    ] = "",
    expires: Annotated[
        str | None, typer.Option(help="when it ends, as 2027-11-03T00:00:00.000Z; without it never", metavar="TIME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Make an API key; its token is printed on standard output, this once.

    \b
    rledger key create platform:desk-1 --label "first desk" --scope read,record,share,operate --acts-for all
    rledger key create regulator:de-1 --label "market watch" --scope read --country DE,AT > token.txt
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.cli.run import say_gate
        from ledger_service.operations.credentials import credential_members, issue_key
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        owner, named = arguments.party("ROLE:REFERENCE", party), arguments.require_text("--label", label)
        scopes, roles = _scopes(scope), _roles(acts_for)
        countries = _words(arguments.require_text("--country", country))
        ends = None if expires is None else arguments.instant("--expires", expires)
        with open_ledger(load_settings(), write=True) as opened:
            say_gate(opened.gate)
            _require_future(opened.ledger, ends)
            issued = issue_key(
                opened.ledger,
                owner,
                label=named,
                scopes=scopes,
                acts_for=roles,
                countries=countries,
                expires_at=ends,
            )
        made = issued.credential
        # Before the token: where it cannot be printed, this says what to revoke.
        output.say(f"key {made.prefix} of the role {made.role}: {_use(made)}; {_dates(made)}")
        output.say(f"hint: keep the token, it is shown this once; take it back: rledger key revoke {made.prefix}")
        if as_json:
            output.answer_json({**credential_members(made), "token": issued.token})
        else:
            output.answer(issued.token)

    output.run(run)


@key.command("list", short_help="list the keys, without their secrets")
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="one-time links and sessions too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """List the API keys: prefix, role, scopes, dates and label; no secret, and nobody's reference.

    \b
    rledger key list
    rledger key list --all --json
    """

    def run() -> None:
        from ledger_service.operations.credentials import credential_members
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        with open_ledger(load_settings()) as opened:
            found = [one for one in _stored(opened.ledger) if everything or one.kind == "key"]
        if as_json:
            output.answer_json([credential_members(one) for one in found])
            return
        for one in found:
            output.answer(f"{one.prefix}  {one.kind:<7}  {one.role:<10}  {_use(one)}; {_dates(one)}; {one.label}")
        if not found:
            output.say("there is no key yet; make one with `rledger key create`")

    output.run(run)


@key.command("revoke", short_help="revoke a key, one-time link or session")
def revoke_command(
    prefix: Annotated[str, typer.Argument(help="its public part, 16 hex digits", metavar="PREFIX")],
) -> None:
    """Revoke a key, link or session within a second, in every process; a party's last key takes its webhooks along.

    \b
    rledger key revoke 5f0c1a3e9b7d44f2
    LEDGER_HOME=/srv/ledger rledger key revoke 5f0c1a3e9b7d44f2
    """

    def run() -> None:
        from ledger_service.errors import RefusedError, SettingsError
        from ledger_service.operations.revoke import revoke
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        if not _PREFIX.fullmatch(prefix):  # not shown: it may be a whole token
            raise SettingsError(
                "PREFIX: 16 lower-case hex digits are expected",
                hint="the part between the underscores of a token; `rledger key list` shows it",
            )
        with open_ledger(load_settings()) as opened:
            ledger = opened.ledger
            found = ledger.credentials.find(prefix)
            if found is None:
                raise RefusedError(f"there is no credential {prefix}", hint="see `rledger key list --all`")
            new = revoke(ledger, found)
        output.answer(f"revoked: {found.kind} {prefix}" + ("" if new else f" (before, {found.revoked_at})"))

    output.run(run)


def _stored(ledger: Ledger) -> Iterator[StoredCredential]:
    after = ""
    while page := ledger.credentials.all(after=after):
        yield from page
        after = page[-1].prefix


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _scopes(text: str) -> list[Scope]:
    """Return the scopes of a list.

    Raises:
        SettingsError: None is named, or one that there is not.
    """
    from ledger_service.errors import SettingsError
    from ledger_service.operations.principal import Scope

    known = "scopes: " + ", ".join(scope.value for scope in Scope)
    words = _words(text)
    if not words:
        raise SettingsError("--scope: at least one scope is expected", hint=known)
    if unknown := [word for word in words if word not in set(Scope)]:
        raise SettingsError(f"--scope {unknown[0]!r:.40}: there is no such scope", hint=known)
    return [Scope(word) for word in words]


def _roles(text: str) -> list[Role]:
    """Return the roles of a list, or of `all`.

    Raises:
        SettingsError: One that there is not.
    """
    from ledger_service.cli import arguments
    from ledger_service.operations.principal import ACTS_FOR_ALL

    if text == ALL:
        return sorted(ACTS_FOR_ALL)
    return [arguments.role("--acts-for", word) for word in _words(text)]


def _require_future(ledger: Ledger, expires_at: str | None) -> None:
    from ledger_service.errors import SettingsError
    from ledger_service.operations.ledger import format_instant

    now = format_instant(ledger.clock())
    if expires_at is not None and expires_at <= now:
        raise SettingsError(f"--expires {expires_at} has passed: it is {now}", hint="name a later time")


def _use(credential: StoredCredential) -> str:
    """Return what it is good for, in words."""
    parts = [",".join(credential.scopes)]
    if credential.acts_for:
        parts.append("for " + ",".join(credential.acts_for))
    if credential.countries:
        parts.append("in " + ",".join(credential.countries))
    if credential.return_id is not None:
        parts.append(f"return {credential.return_id}")
    return " ".join(parts)


def _dates(credential: StoredCredential) -> str:
    ends = "never expires" if credential.expires_at is None else f"expires {credential.expires_at}"
    revoked = "" if credential.revoked_at is None else f", revoked {credential.revoked_at}"
    return f"made {credential.created_at}, {ends}{revoked}"
