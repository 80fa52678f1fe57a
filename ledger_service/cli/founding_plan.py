"""What `rledger deploy` would send, shown before it is sent, and the owner's consent to it.

Promises: showing makes and sends nothing; on a chain that is no development chain nothing goes on without `--yes`, and
nothing where an account cannot pay. Does not: ask questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ledger_service.cli import output
from ledger_service.errors import SettingsError

if TYPE_CHECKING:
    from ledger_service.cli.grounds import Place
    from ledger_service.core.log_entry import GenesisEntry, Target
    from ledger_service.operations.plan_founding import ChainPlan
    from ledger_service.settings import Settings


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
