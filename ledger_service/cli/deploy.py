"""`rledger deploy`: found a ledger on its chains, after showing what that would send and cost.

Promises: can be run again after it died anywhere; with `--dry-run` nothing is sent and nothing made; on a chain that is
no development chain nothing is sent without `--yes`. Does not: ask questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger_service.cli import output
from ledger_service.errors import SettingsError

if TYPE_CHECKING:
    from ledger_service.chain.chains import Chains
    from ledger_service.cli.grounds import Place
    from ledger_service.core.log_entry import GenesisEntry, Predecessor, Target
    from ledger_service.operations.found import Founded
    from ledger_service.operations.plan_founding import ChainPlan
    from ledger_service.settings import Settings

PATIENCE_SECONDS = 1_800.0  # Ethereum takes 13 to 20 minutes to call a block final
CHAIN_HELP = "a chain to anchor on; several times for several; those that LEDGER_RPC_URL names when not given"


def deploy_command(
    chain: Annotated[list[str] | None, typer.Option(help=CHAIN_HELP, metavar="NAME")] = None,
    required: Annotated[
        int, typer.Option(help="on how many of the chains a head must be final before a receipt is valid", min=1)
    ] = 1,
    adding: Annotated[
        bool,
        typer.Option("--add-target", help="add a chain to the log that there is; its heads go there too from then on"),
    ] = False,
    continues: Annotated[
        Path | None,
        typer.Option(
            help="a receipt that rests on the last honest head of the log that this one continues", metavar="FILE"
        ),
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="with --continues: the trust file of that log", metavar="FILE")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be sent and cost; send nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="send, on chains that are no development chains too")] = False,
    rehearsal: Annotated[
        bool, typer.Option("--rehearse", help="walk it all with a ledger that is thrown away, down to verify")
    ] = False,
    patience: Annotated[
        float, typer.Option(help="with --rehearse: how long to wait until the head is final", metavar="SECONDS", min=0)
    ] = PATIENCE_SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Found the ledger: deploy the contract, record the genesis entry, register the log.

    \b
    rledger deploy
    rledger deploy --chain sepolia --dry-run
    rledger deploy --chain sepolia --chain base_sepolia --required 2 --yes
    rledger deploy --chain sepolia --rehearse --yes
    rledger deploy --add-target --chain hoodi --yes
    rledger deploy --chain hoodi --continues 41.receipt.json --trust old.trust.json --yes

    With --dry-run, exit code 4 if an account cannot pay; with --rehearse, the exit codes of verify.
    """

    def run() -> None:
        from ledger_service.cli.rehearse import rehearsal_settings, rehearse
        from ledger_service.settings import load_settings

        settings, names = load_settings(), chain or []
        if adding and (len(names) != 1 or rehearsal or continues is not None):
            raise SettingsError("--add-target stands with one --chain, and not with --rehearse or --continues")
        with ExitStack() as stack:
            if rehearsal:
                settings = rehearsal_settings(settings, Path(stack.enter_context(TemporaryDirectory())))
            if dry_run:
                show_plans(settings, names, as_json=as_json)
                return
            require_consent(settings, names, yes=yes)
            if adding:
                _add_target(settings, names, as_json=as_json)
                return
            done = _found(settings, names, required, _predecessor(settings, continues, trust))
            if rehearsal:
                rehearse(settings, names, patience_seconds=patience, as_json=as_json)
            else:
                _tell(done, as_json=as_json)

    output.run(run)


@dataclass(frozen=True, slots=True)
class Standing:
    """A founded ledger: its places, where its trust file lies, and the known chains."""

    founded: Founded
    trust_path: Path
    chains: Chains


def show_plans(settings: Settings, names: Sequence[str], *, as_json: bool) -> None:
    """Print what founding would send on each chain, as the answer; exit code 4 if an account cannot pay."""
    with _planned(settings, names) as planned:
        if as_json:
            output.answer_json({"chains": [_plan_members(place, plan) for place, plan in planned]})
        else:
            for place, plan in planned:
                for line in _plan_lines(place, plan):
                    output.answer(line)
            output.answer("nothing was sent")
    if not all(plan.suffices for _, plan in planned):
        raise SystemExit(output.EXIT_REFUSED)


def require_consent(settings: Settings, names: Sequence[str], *, yes: bool) -> None:
    """Return if all chains are development chains, or else if the plan was shown, can be paid, and `--yes` is there.

    Raises:
        FundsError: An account cannot pay.
        SettingsError: `--yes` is missing.
    """
    from ledger_service.operations.plan_founding import require_funds

    if not settings.rpc_url.get_secret_value():
        return  # the embedded chain in the home, and no other
    with _planned(settings, names, only_public=True) as planned:
        for place, plan in planned:
            for line in _plan_lines(place, plan):
                output.say(line)
        for _, plan in planned:
            require_funds(plan)
    if planned and not yes and any(plan.transactions for _, plan in planned):
        raise SettingsError(
            f"{planned[0][0].name} is no development chain, and --yes is not given: nothing was sent",
            hint="run it again with --yes",
        )


@contextmanager
def _planned(
    settings: Settings, names: Sequence[str], *, only_public: bool = False
) -> Iterator[list[tuple[Place, ChainPlan]]]:
    from ledger_service.cli.grounds import open_places
    from ledger_service.operations.kept_sender import KeptSender
    from ledger_service.operations.plan_founding import plan_founding
    from ledger_service.wiring import Places

    founding = Places(settings.home.absolute()).founding
    with open_places(settings, names, writable=False) as places:
        chosen = [place for place in places if place.is_public or not only_public]
        genesis, known = _standing(settings) if chosen else (None, ())
        planned = []
        for place in chosen:
            node = place.ground.node
            target = next((one for one in known if one.chain_genesis == node.genesis_hash()), None)
            sender = KeptSender(node, place.ground.signer, founding, lambda _: None)
            planned.append(
                (
                    place,
                    plan_founding(
                        place.ground,
                        sender,
                        origin=settings.origin if genesis is None else genesis.origin,
                        max_growth=settings.max_growth if genesis is None else genesis.max_growth,
                        target=target,
                    ),
                )
            )
        yield planned


def _standing(settings: Settings) -> tuple[GenesisEntry | None, tuple[Target, ...]]:
    """Return the genesis entry and the targets of a ledger that is founded already, looking only."""
    from ledger_service.wiring import Places, open_ledger

    if not Places(settings.home.absolute()).subject_keys.exists():
        return None, ()
    with open_ledger(settings, look_only=True) as opened:
        if not opened.ledger.read.size():
            return None, ()
        return opened.ledger.genesis()[0], opened.ledger.targets()


def _plan_lines(place: Place, plan: ChainPlan) -> list[str]:
    from ledger_service.core.registry import format_address
    from ledger_service.operations.plan_founding import format_wei

    known = place.chain
    kind = "not in the file of chains" if known is None else known.kind.value
    lines = [f"{place.name} (chain {plan.chain_id}, {kind})"]
    if known is not None:
        lines += [f"  note      {note}" for note in (known.limit, known.ends) if note is not None]
    lines += [
        f"  account   {format_address(plan.account)} holds {format_wei(plan.balance)}",
        f"  contract  {format_address(plan.contract)}, {plan.how}",
        f"  log id    0x{plan.log_id.hex()}",
    ]
    lines += [f"  send      {tx.what}: {tx.gas} gas, {format_wei(tx.gas * plan.fee)}" for tx in plan.transactions]
    if not plan.transactions:
        lines.append("  send      nothing: the log is registered there already")
        return lines
    verdict = "it does" if plan.suffices else "it does not"
    lines.append(f"  cost      {format_wei(plan.cost)} at the fees of now")
    lines.append(f"  balance   must be {format_wei(plan.needed)} at least, with room for fees that rise: {verdict}")
    return lines


def _plan_members(place: Place, plan: ChainPlan) -> dict[str, Any]:
    from ledger_service.core.registry import format_address

    return {
        "name": place.name,
        "chain_id": plan.chain_id,
        "account": format_address(plan.account),
        "balance_wei": str(plan.balance),
        "contract": format_address(plan.contract),
        "how": plan.how,
        "log_id": "0x" + plan.log_id.hex(),
        "transactions": [
            {"what": tx.what, "gas": tx.gas, "cost_wei": str(tx.gas * plan.fee)} for tx in plan.transactions
        ],
        "cost_wei": str(plan.cost),
        "needed_wei": str(plan.needed),
        "suffices": plan.suffices,
    }


def _predecessor(settings: Settings, receipt: Path | None, trust: Path | None) -> Predecessor | None:
    """Return what a log that continues another one quotes of it.

    Raises:
        SettingsError: Only one of receipt and trust file is given.
        PredecessorError: The receipt cannot be quoted.
    """
    from ledger_service.cli.verify import read_trust
    from ledger_service.core.receipt import RECEIPT_BYTES_MAX
    from ledger_service.operations.continue_log import last_honest_head

    if receipt is None and trust is None:
        return None
    if receipt is None or trust is None:
        raise SettingsError("--continues and --trust go together", hint="give the old log's receipt and trust file")
    with receipt.open("rb") as stream:
        data = stream.read(RECEIPT_BYTES_MAX + 1)
    before = last_honest_head(data, read_trust(trust), settings.rpcs)
    output.say(f"continues the log 0x{before.log_id.hex()} after head {before.sequence}, {before.size} entries")
    return before


def _found(settings: Settings, names: Sequence[str], required: int, predecessor: Predecessor | None) -> Standing:
    from ledger_service.cli.grounds import open_places
    from ledger_service.core.trust import encode_trust
    from ledger_service.operations.found import found
    from ledger_service.wiring import open_ledger

    with (
        open_ledger(settings, write=True, create=True) as opened,
        open_places(settings, names, writable=True) as places,
    ):
        first, *others = [place.ground for place in places]
        done = found(
            opened.ledger,
            first.node,
            first.signer,
            max_growth=settings.max_growth,
            progress_file=opened.places.founding,
            say=output.say,
            further=others,
            required=required,
            predecessor=predecessor,
            deployments=first.deployments,
        )
        trust_path = opened.places.home / "ledger.trust.json"
        trust_path.write_bytes(encode_trust(opened.ledger.trust()))
        return Standing(done, trust_path, opened.ledger.chains)


def _add_target(settings: Settings, names: Sequence[str], *, as_json: bool) -> None:
    from ledger_service.cli.grounds import open_places
    from ledger_service.core.trust import encode_trust
    from ledger_service.operations.add_target import add_target
    from ledger_service.wiring import open_ledger

    with (
        open_ledger(settings, write=True) as opened,
        open_places(settings, names, writable=True) as (place,),
    ):
        target = add_target(opened.ledger, place.ground, progress_file=opened.places.founding, say=output.say)
        trust_path = opened.places.home / "ledger.trust.json"
        trust_path.write_bytes(encode_trust(opened.ledger.trust()))
    if as_json:
        output.answer_json(
            {
                "name": place.name,
                "chain_id": target.chain_id,
                "contract": "0x" + target.contract.hex(),
                "log_id": "0x" + target.log_id.hex(),
                "trust_file": str(trust_path),
            }
        )
        return
    output.answer(f"added: log 0x{target.log_id.hex()} on chain {target.chain_id}")
    output.answer(f"trust file to publish: {trust_path}")
    output.say("hint: receipts that rest on the new chain verify under the new trust file")


def _tell(standing: Standing, *, as_json: bool) -> None:
    done, trust_path = standing.founded, standing.trust_path
    if as_json:
        output.answer_json(
            {
                "chain_id": done.target.chain_id,
                "contract": "0x" + done.target.contract.hex(),
                "log_id": "0x" + done.target.log_id.hex(),
                "genesis": done.genesis_leaf.hex(),
                "trust_file": str(trust_path),
                "targets": [
                    {
                        "name": standing.chains.name_of(target.chain_id),
                        "chain_id": target.chain_id,
                        "contract": "0x" + target.contract.hex(),
                        "log_id": "0x" + target.log_id.hex(),
                    }
                    for target in done.targets
                ],
            }
        )
        return
    for target in done.targets:
        output.answer(f"founded: log 0x{target.log_id.hex()} on chain {target.chain_id}")
    output.answer(f"trust file to publish: {trust_path}")
    output.say("hint: record a step with `rledger record`, anchor with `rledger worker --once`")
