"""`rledger deploy`: found a ledger on one chain or several.

Promises: it can be run again after it died anywhere; on a chain that others write too, nothing is sent before `--yes`.
Does not: ask back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output

if TYPE_CHECKING:
    from ledger_service.chain.chains import Chain
    from ledger_service.operations.deploying import DeployPlan
    from ledger_service.operations.found import Founded, Ground
    from ledger_service.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]


def deploy_command(
    chain: Annotated[
        list[str] | None,
        typer.Option("--chain", help="a chain to anchor on; more than once for several", metavar="NAME"),
    ] = None,
    required: Annotated[
        int, typer.Option(help="on how many of them a head must be final", min=1, max=16, metavar="NUMBER")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what it would do and cost, and do nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="send transactions on a public chain")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Found the ledger: deploy the contract, record the genesis entry, register the log.

    \b
    rledger deploy
    LEDGER_ORIGIN=returns.example/eu LEDGER_RPC_URL=http://127.0.0.1:8545 rledger deploy
    rledger deploy --chain hoodi --dry-run
    rledger deploy --chain ethereum --chain base --required 2 --yes
    """

    def run() -> None:
        from ledger_service.operations.deploying import plan_deployment
        from ledger_service.settings import load_settings

        settings = load_settings()
        if dry_run and (said := _nothing_to_do(settings)) is not None:
            output.answer_json([]) if as_json else output.answer(said)
            return
        with grounds_of(settings, chain or [], writable=not dry_run) as found:
            plans = [plan_deployment(ground, known) for ground, known in found]
            if dry_run:
                _answer_plans(plans, as_json=as_json)
                return
            require_yes(plans, yes=yes)
            done = _found(settings, [ground for ground, _ in found], required)
            files = _keep(settings, done, [ground for ground, _ in found], plans)
        _answer(settings, done, files, as_json=as_json)

    output.run(run)


@contextmanager
def grounds_of(
    settings: Settings, names: Sequence[str], *, writable: bool
) -> Iterator[list[tuple[Ground, Chain | None]]]:
    """Open a node of each chain that is named, and its account; without a name, of whatever chain the settings reach.

    Raises:
        SettingsError: A name that no chain has, or no node for it.
        AccountError: No account for it.
        ChainError: A node did not answer.
    """
    from ledger_service.chain.chains import load_chains
    from ledger_service.operations.found import Ground
    from ledger_service.wiring import load_signer, open_chain, open_nodes

    chains = load_chains(settings.chains_file)
    if writable and settings.rpc.startswith("embedded:"):
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)  # before a chain makes it in its own way
    with ExitStack() as stack:
        found: list[tuple[Ground, Chain | None]] = []
        for name in names:
            known = chains.named(name)
            node = stack.enter_context(open_nodes(settings, known.chain_id, writable=writable))[0]
            found.append((Ground(node, load_signer(settings, known.chain_id)), known))
        if not names:
            node = stack.enter_context(open_chain(settings, writable=writable))
            chain_id = node.chain_id()
            found.append((Ground(node, load_signer(settings, chain_id)), chains.of_id(chain_id)))
        yield found


def require_yes(plans: Sequence[DeployPlan], *, yes: bool) -> None:
    """Go on with chains that cost nothing, with others only when told to and when the account can pay.

    Raises:
        AccountError: The account cannot pay.
        RefusedError: Nobody said yes.
    """
    from ledger_service.errors import AccountError, RefusedError

    public = [plan for plan in plans if plan.public]
    for plan in public:
        for line in plan.lines():
            output.say(line)
        if not plan.suffices:
            raise AccountError(
                f"the account holds {plan.balance} wei on {plan.chain}, up to {plan.cost} are needed",
                hint="send it money first",
            )
    if public and not yes:
        raise RefusedError("nothing was sent: this costs money", hint="say `--yes` to go on")


def _nothing_to_do(settings: Settings) -> str | None:
    """Say why nothing would be sent: the ledger is founded, or its demonstration chain would be made with it."""
    from ledger_service.errors import LedgerError
    from ledger_service.wiring import open_ledger

    try:
        with open_ledger(settings) as opened:
            if opened.ledger.read.size() > 0:
                return f"founded already as {opened.ledger.origin}; a run that died is finished by `rledger deploy`"
    except LedgerError:
        pass  # there is none yet
    if settings.rpc.startswith("embedded:") and not Path(settings.rpc.removeprefix("embedded:")).exists():
        return "a demonstration chain would be made in the home; it proves nothing against its operator"
    return None


def _found(settings: Settings, grounds: Sequence[Ground], required: int) -> Founded:
    from ledger_service.core.trust import encode_trust
    from ledger_service.operations.found import found
    from ledger_service.wiring import open_ledger

    with open_ledger(settings, write=True, create=True) as opened:
        done = found(
            opened.ledger,
            grounds[0].node,
            grounds[0].signer,
            max_growth=settings.max_growth,
            progress_file=opened.places.founding,
            say=output.say,
            further=grounds[1:],
            required=required,
        )
        (opened.places.home / "ledger.trust.json").write_bytes(encode_trust(opened.ledger.trust()))
    return done


def _keep(settings: Settings, done: Founded, grounds: Sequence[Ground], plans: Sequence[DeployPlan]) -> list[Path]:
    """Write the file of each deployment: beside the contract's sources for chains of others, else into the home."""
    from ledger_service.operations.deploying import keep_deployment

    public = {plan.chain_id for plan in plans if plan.public}
    sources = CHECKOUT / "contracts"
    files = []
    for target, deployed, ground in zip(done.targets, done.deployed, grounds, strict=True):
        shared = target.chain_id in public and (sources / "AnchorRegistry.sol").is_file()
        folder = sources if shared else settings.home.absolute()
        files.append(keep_deployment(folder / "deployments", target, deployed, ground))
    return files


def _answer_plans(plans: Sequence[DeployPlan], *, as_json: bool) -> None:
    if as_json:
        output.answer_json([plan.as_json() for plan in plans])
        return
    for plan in plans:
        for line in plan.lines():
            output.answer(line)
    output.say("nothing was sent")


def _answer(settings: Settings, done: Founded, files: Sequence[Path], *, as_json: bool) -> None:
    trust_path = settings.home.absolute() / "ledger.trust.json"
    if as_json:
        output.answer_json(
            {
                "chain_id": done.target.chain_id,
                "contract": "0x" + done.target.contract.hex(),
                "log_id": "0x" + done.target.log_id.hex(),
                "genesis": done.genesis_leaf.hex(),
                "targets": [
                    {"chain_id": one.chain_id, "contract": "0x" + one.contract.hex(), "log_id": "0x" + one.log_id.hex()}
                    for one in done.targets
                ],
                "deployment_files": [str(path) for path in files],
                "trust_file": str(trust_path),
            }
        )
        return
    for target in done.targets:
        output.answer(f"founded: log 0x{target.log_id.hex()} on chain {target.chain_id}")
    output.answer(f"trust file to publish: {trust_path}")
    output.say("hint: record a step with `rledger record`, anchor with `rledger worker --once`")
