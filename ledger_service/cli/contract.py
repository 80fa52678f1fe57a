"""`rledger contract`: what the owner of a log may do with it in the contract, and how it stands there.

Promises: `--dry-run` shows the call and sends nothing; on a chain that is no development chain nothing is sent without
`--yes`. Works without the database, from the log's trust file, so that the owner's key can be kept elsewhere.
Does not: change any head; the contract has no way to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger_service.cli import output
from ledger_service.errors import SettingsError

if TYPE_CHECKING:
    from ledger_service.cli.grounds import Place
    from ledger_service.core.log_entry import Target
    from ledger_service.core.trust import Trust
    from ledger_service.operations.own_log import OwnerCall
    from ledger_service.settings import Settings

_LOG_ID = re.compile(r"0x[0-9a-f]{64}")

contract = typer.Typer(
    help=(
        "The log in its contract: how it stands there, and what its owner may do.\n\n"
        "\b\nrledger contract show\n"
        "rledger contract set-anchorer 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --dry-run"
    ),
)

ChainOption = Annotated[
    str | None,
    typer.Option("--chain", help="which of the log's chains; can be left out where it has one", metavar="NAME"),
]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", help="the log's trust file, where its database is not here", metavar="FILE")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="show what would be sent; send nothing")]
YesOption = Annotated[bool, typer.Option("--yes", help="send, on a chain that is no development chain too")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document")]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which log in which contract is meant, and whether to send."""

    chain: str | None
    trust: Path | None
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


@contract.callback(invoke_without_command=True)
def _contract(context: typer.Context) -> None:
    output.require_command(context)


@contract.command("show", short_help="show how the log stands in its contract")
def show_command(chain: ChainOption = None, trust: TrustOption = None, as_json: JsonOption = False) -> None:
    """Show how the log stands in its contract: last head, owner, anchorer, cap, and whether it is closed.

    \b
    rledger contract show
    rledger contract show --chain sepolia --trust ledger.trust.json
    """
    output.run(lambda: _show(_Asked(chain, trust, as_json=as_json)))


@contract.command("close", short_help="end the log, naming its last honest head")
def close_command(
    last_honest: Annotated[int, typer.Option(help="the number of the last head that you stand by", min=0, metavar="N")],
    successor: Annotated[
        str | None, typer.Option(help="the log id of the log that continues this one", metavar="LOG_ID")
    ] = None,
    chain: ChainOption = None,
    trust: TrustOption = None,
    dry_run: DryOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """End the log for good: nobody anchors it any more. What was final stays so.

    \b
    rledger contract close --last-honest 41 --dry-run
    rledger contract close --last-honest 41 --successor LOG_ID --yes

    After a stolen key anchored a head that is not yours: name the last one that is. The log id of a successor that is
    not founded yet stands in `rledger deploy --dry-run`.
    """

    def call(target: Target) -> OwnerCall:
        from ledger_service.operations.own_log import NO_SUCCESSOR, close_call

        named = NO_SUCCESSOR if successor is None else _log_id(successor)
        return close_call(target, last_honest_sequence=last_honest, successor=named)

    output.run(lambda: _send(_Asked(chain, trust, dry_run, yes, as_json), call))


@contract.command("set-anchorer", short_help="let another account anchor from now on")
def set_anchorer_command(
    address: Annotated[str, typer.Argument(help="the account that anchors from now on", metavar="ADDRESS")],
    chain: ChainOption = None,
    trust: TrustOption = None,
    dry_run: DryOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let another account anchor from now on; give the worker that account's key.

    \b
    rledger contract set-anchorer 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --dry-run
    rledger contract set-anchorer 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --chain sepolia --yes
    """

    def call(target: Target) -> OwnerCall:
        from ledger_service.operations.own_log import set_anchorer_call

        return set_anchorer_call(target, _address(address))

    output.run(lambda: _send(_Asked(chain, trust, dry_run, yes, as_json), call))


@contract.command("set-growth", short_help="set how many entries one head may add")
def set_growth_command(
    count: Annotated[int, typer.Argument(help="the most entries that one head may add", min=1, max=2**63, metavar="N")],
    chain: ChainOption = None,
    trust: TrustOption = None,
    dry_run: DryOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set how many entries one head may add: how far a stolen key could go.

    \b
    rledger contract set-growth 1000 --dry-run
    rledger contract set-growth 100000 --chain sepolia --yes
    """

    def call(target: Target) -> OwnerCall:
        from ledger_service.operations.own_log import set_growth_call

        return set_growth_call(target, count)

    output.run(lambda: _send(_Asked(chain, trust, dry_run, yes, as_json), call))


@contract.command("transfer", short_help="offer the log to another account")
def transfer_command(
    address: Annotated[str, typer.Argument(help="the account that the log is offered to", metavar="ADDRESS")],
    chain: ChainOption = None,
    trust: TrustOption = None,
    dry_run: DryOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Offer the log to another account; it is theirs once they accept, and can be offered to somebody else until then.

    \b
    rledger contract transfer 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --dry-run
    rledger contract transfer 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --chain sepolia --yes
    """

    def call(target: Target) -> OwnerCall:
        from ledger_service.operations.own_log import transfer_call

        return transfer_call(target, _address(address))

    output.run(lambda: _send(_Asked(chain, trust, dry_run, yes, as_json), call))


@contract.command("accept", short_help="take a log that was offered to this account")
def accept_command(
    chain: ChainOption = None,
    trust: TrustOption = None,
    dry_run: DryOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a log that was offered to this account.

    \b
    rledger contract accept --dry-run
    rledger contract accept --chain sepolia --trust ledger.trust.json --yes
    """

    def call(target: Target) -> OwnerCall:
        from ledger_service.operations.own_log import accept_call

        return accept_call(target)

    output.run(lambda: _send(_Asked(chain, trust, dry_run, yes, as_json), call))


def _show(asked: _Asked) -> None:
    from ledger_service.chain.registry import Registry
    from ledger_service.core.registry import format_address
    from ledger_service.operations.gate import check_place, fetch_head

    with _meant(asked, writable=False) as (_, place, target):
        registry = Registry(place.ground.node, target.contract)
        check_place(target, registry)
        head, log = fetch_head(registry, target.log_id), registry.log(target.log_id)
    members: dict[str, Any] = {
        "chain": place.name,
        "chain_id": target.chain_id,
        "contract": format_address(target.contract),
        "log_id": "0x" + target.log_id.hex(),
        "head": {"sequence": head.sequence, "size": head.size, "root": head.root.hex()},
        "owner": format_address(log.owner),
        "offered_to": format_address(log.pending_owner) if any(log.pending_owner) else None,
        "anchorer": format_address(log.anchorer),
        "max_growth": log.max_growth,
        "closed": log.closed,
        "last_honest_sequence": log.last_honest_sequence if log.closed else None,
        "successor": "0x" + log.successor.hex() if any(log.successor) else None,
    }
    if asked.as_json:
        output.answer_json(members)
        return
    members["head"] = f"{head.sequence}, {head.size} entries, root {head.root.hex()}"
    for name, value in members.items():
        if value is not None:
            shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            output.answer(f"{name.replace('_', ' '):<21} {shown}")


def _send(asked: _Asked, make: Callable[[Target], OwnerCall]) -> None:
    from ledger_service.core.registry import format_address
    from ledger_service.operations.kept_sender import KeptSender
    from ledger_service.operations.own_log import plan_call, send_call
    from ledger_service.operations.plan_founding import format_wei

    with _meant(asked, writable=not asked.dry_run) as (settings, place, target):
        call = make(target)
        planned = plan_call(target, place.ground, call)
        members = {
            "chain": place.name,
            "contract": format_address(target.contract),
            "account": format_address(place.ground.signer.address),
            "function": call.function,
            "calldata": "0x" + call.data.hex(),
            "gas": planned.gas,
            "cost_wei": str(planned.gas * planned.fee),
            "sent": not asked.dry_run,
        }
        cost = f"{planned.gas} gas, {format_wei(planned.gas * planned.fee)} at the fees of now"
        lines = [
            f"{call.function} on {place.name} (chain {target.chain_id}): {call.said}",
            f"  contract  {members['contract']}",
            f"  account   {members['account']} holds {format_wei(planned.balance)}",
            f"  calldata  {members['calldata']}",
            f"  cost      {cost}",
        ]
        if not asked.dry_run:
            if place.is_public and not asked.yes:
                for line in lines:
                    output.say(line)
                raise SettingsError(
                    f"{place.name} is no development chain, and --yes is not given: nothing was sent",
                    hint="run it again with --yes",
                )
            progress = settings.home.absolute() / "owner.json"
            progress.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            send_call(target, call, KeptSender(place.ground.node, place.ground.signer, progress, _sleep()))
            progress.unlink(missing_ok=True)
    if asked.as_json:
        output.answer_json(members)
        return
    for line in lines:
        output.answer(line)
    output.answer("nothing was sent" if asked.dry_run else "done: it is in a block")


def _sleep() -> Callable[[float], None]:
    import time

    return time.sleep


@contextmanager
def _meant(asked: _Asked, *, writable: bool) -> Iterator[tuple[Settings, Place, Target]]:
    """Open the chain that is meant, and give the log's target there.

    Raises:
        SettingsError: The log has none of this name, or several and none is named.
    """
    from ledger_service.cli.grounds import open_places
    from ledger_service.settings import load_settings

    settings = load_settings()
    trust = _trust(settings, asked.trust)
    names = [pinned.name for pinned in trust.targets]
    if asked.chain is None and len(names) != 1:
        raise SettingsError(f"the log is on {', '.join(names)}", hint="say which is meant: --chain NAME")
    name = asked.chain or names[0]
    target = next((pinned.target for pinned in trust.targets if pinned.name == name), None)
    if target is None:
        raise SettingsError(f"the log is not on {name!r:.80}", hint="it is on " + ", ".join(names))
    with open_places(settings, [name], writable=writable) as (place,):
        yield settings, place, target


def _trust(settings: Settings, path: Path | None) -> Trust:
    from ledger_service.cli.verify import read_trust
    from ledger_service.wiring import open_ledger

    if path is not None:
        return read_trust(path)
    with open_ledger(settings, look_only=True) as opened:
        return opened.ledger.trust()


def _address(text: str) -> bytes:
    from ledger_service.core.registry import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _log_id(text: str) -> bytes:
    if not _LOG_ID.fullmatch(text):
        raise SettingsError(f"a log id is 0x and 64 hexadecimal digits in lower case, not {text!r:.80}")
    return bytes.fromhex(text[2:])
