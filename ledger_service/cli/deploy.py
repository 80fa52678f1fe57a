"""`rledger deploy`: found a ledger on its chains, after showing what that would send and cost.

Promises: can be run again after it died anywhere; with `--dry-run` nothing is sent and nothing made; on a chain that is
no development chain nothing is sent without `--yes`. Does not: ask questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ledger_service.cli import output
from ledger_service.errors import SettingsError

if TYPE_CHECKING:
    from ledger_service.chain.chains import Chains
    from ledger_service.core.log_entry import Predecessor
    from ledger_service.operations.found import Founded
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
        from ledger_service.cli.founding_plan import require_consent, show_plans
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
