"""What founding would send: the transactions of each chain with their gas and cost, before anything is made or sent.

Promises: asks nodes and reads; sends nothing and writes nothing. Gas is what the node estimates; where it cannot yet
(the contract is not there), it is what the tests measured. Does not: promise tomorrow's fees.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.deploy import (
    FACTORY,
    common_address,
    compute_deploy_address,
    compute_fee_cap,
    create2_data,
    deploy_code,
    has_factory,
)
from ledger_service.chain.registry import Registry, encode_register_log
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import compute_log_id, compute_origin_hash, format_address
from ledger_service.errors import ChainError, ContractRevertedError
from ledger_service.operations.found import Ground, find_contract
from ledger_service.operations.kept_sender import GAS_MARGIN_PERCENT, KeptSender

REGISTER_GAS = 190_000  # 185,625 measured (tests/contracts/gas.json); calldata of another origin costs a little more
WEI_DIGITS = 18
_ANY_LEAF = b"\xff" * 32  # the dearest calldata; the genesis entry is not written yet


class FundsError(ChainError):
    """An account cannot pay for what it would send."""


@dataclass(frozen=True, slots=True)
class PlannedTx:
    """A transaction that would be sent: what it does, and its gas."""

    what: str
    gas: int


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """What founding would do on one chain. Money in wei; `fee` is of this block, `fee_cap` what is offered at most."""

    chain_id: int
    account: bytes
    balance: int
    fee: int
    fee_cap: int
    contract: bytes
    how: str
    log_id: bytes
    transactions: tuple[PlannedTx, ...]

    @property
    def cost(self) -> int:
        """What it costs at the fees of this block."""
        return sum(tx.gas for tx in self.transactions) * self.fee

    @property
    def needed(self) -> int:
        """What the account must hold, so that nodes take the transactions."""
        return sum(tx.gas * GAS_MARGIN_PERCENT // 100 for tx in self.transactions) * self.fee_cap

    @property
    def suffices(self) -> bool:
        """Whether the account holds it."""
        return self.balance >= self.needed


def plan_founding(
    ground: Ground, sender: KeptSender, *, origin: str, max_growth: int, target: Target | None
) -> ChainPlan:
    """Return what founding, or finishing it, would send on a chain.

    Args:
        ground: The chain and the account.
        sender: Knows what an earlier run has signed already.
        origin: The log's name.
        max_growth: Entries that one anchor may add at most.
        target: What the genesis entry names on this chain; None: nothing is founded yet.
    """
    node, account = ground.node, ground.signer.address
    chain_id, fees = node.chain_id(), node.fee_quote()
    transactions = []
    there = find_contract(ground) if target is None else target.contract
    if there is not None:
        contract, how = there, "there already"
    elif has_factory(node):
        contract, how = common_address(), "by the deployment factory: its address on every chain that has it"
        transactions.append(PlannedTx("create the contract", node.estimate_gas(account, FACTORY, create2_data())))
    else:
        nonce = sender.nonce_of("deploy")
        contract = compute_deploy_address(account, node.nonce(account) if nonce is None else nonce)
        how = "by a transaction of its own: this chain has no deployment factory"
        transactions.append(PlannedTx("create the contract", node.estimate_gas(account, None, deploy_code())))
    origin_hash = compute_origin_hash(origin)
    registrar = account if target is None else target.registrar
    log_id = compute_log_id(chain_id, contract, registrar=registrar, origin_hash=origin_hash)
    if there is None:
        transactions.append(PlannedTx("register the log", REGISTER_GAS))
    elif not _is_registered(Registry(node, there), log_id):
        data = encode_register_log(origin_hash, _ANY_LEAF, owner=account, anchorer=account, max_growth=max_growth)
        transactions.append(PlannedTx("register the log", node.estimate_gas(account, there, data)))
    return ChainPlan(
        chain_id=chain_id,
        account=account,
        balance=node.balance(account),
        fee=fees.base_fee + fees.priority_fee,
        fee_cap=compute_fee_cap(fees),
        contract=contract,
        how=how,
        log_id=log_id,
        transactions=tuple(transactions),
    )


def require_funds(plan: ChainPlan) -> None:
    """Return only if the account can pay.

    Raises:
        FundsError: It cannot.
    """
    if not plan.suffices:
        raise FundsError(
            f"{format_address(plan.account)} holds {format_wei(plan.balance)} on chain {plan.chain_id},"
            f" {format_wei(plan.needed)} are needed",
            hint="send it money of that chain, then run it again",
        )


def format_wei(wei: int) -> str:
    """Return an amount in whole coins, exactly.

    >>> format_wei(1_500_000_000_000_000_000), format_wei(21_000), format_wei(0)
    ('1.5', '0.000000000000021', '0')
    """
    whole, rest = divmod(wei, 10**WEI_DIGITS)
    return f"{whole}.{rest:0{WEI_DIGITS}d}".rstrip("0").rstrip(".")


def _is_registered(registry: Registry, log_id: bytes) -> bool:
    try:
        registry.head(log_id)
    except ContractRevertedError:
        return False
    return True
