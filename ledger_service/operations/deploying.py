"""What founding on a chain will do and cost, before anything is sent; and the file that says what was deployed.

Promises: looking sends nothing and writes nothing. A file of an earlier deployment that says something else is never
replaced. Does not: found (`found.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ledger_service.chain.artifact import load_artifact
from ledger_service.chain.chains import Chain
from ledger_service.chain.deploy import (
    FACTORY,
    common_address,
    compute_deploy_address,
    compute_fee_cap,
    create2_data,
    deploy_code,
    deployed_code,
    has_factory,
)
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import format_address
from ledger_service.errors import SettingsError, StoreError, WrongChainError
from ledger_service.operations.found import Deployed, Ground
from ledger_service.operations.kept_sender import GAS_MARGIN_PERCENT

REGISTER_GAS = (
    230_000  # of `registerLog`, measured (`tests/contracts/gas.json`) and rounded up: not known before it is there
)


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """What founding on one chain would do now.

    `how`: `there` (nothing is sent for the contract), `factory` or `creation`. `gas`: of each transaction, by name.
    `fee`: the cap for each gas, in wei. `balance`: of the account, in wei.
    """

    chain: str
    chain_id: int
    account: bytes
    address: bytes
    how: str
    gas: dict[str, int]
    fee: int
    balance: int
    public: bool
    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """The most that all of it can cost, in wei."""
        return self.fee * sum(self.gas.values())

    @property
    def suffices(self) -> bool:
        """Whether the account can pay for it."""
        return self.balance >= self.cost

    def as_json(self) -> dict[str, Json]:
        """Return it for machines; wei as text, since they pass what JSON's integers hold."""
        return {
            "chain": self.chain,
            "chain_id": self.chain_id,
            "account": format_address(self.account),
            "contract": format_address(self.address),
            "how": self.how,
            "gas": dict(self.gas),
            "fee_wei": str(self.fee),
            "cost_wei": str(self.cost),
            "balance_wei": str(self.balance),
            "suffices": self.suffices,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return it for people."""
        how = {"there": "is there already", "factory": "by the deployment factory", "creation": "by a creation"}
        steps = ", ".join(f"{name} {gas} gas" for name, gas in self.gas.items())
        enough = "enough" if self.suffices else "NOT enough"
        return [
            f"chain {self.chain} ({self.chain_id}), account {format_address(self.account)}",
            f"  contract {format_address(self.address)} {how[self.how]}",
            f"  {steps}; at most {self.cost} wei at {self.fee} wei for each gas",
            f"  the account holds {self.balance} wei: {enough}",
            *(f"  note: {note}" for note in self.notes),
        ]


def plan_deployment(ground: Ground, chain: Chain | None) -> DeployPlan:
    """Return what founding on a chain would do.

    Args:
        ground: A node of the chain, and the account that pays.
        chain: What is known of it; None: nothing.

    Raises:
        WrongChainError: The node serves another chain than the known one.
        ChainError: The node did not answer.
    """
    node, account = ground.node, ground.signer.address
    chain_id = node.chain_id()
    check_chain(ground, chain)
    address, data = common_address(), create2_data()
    gas: dict[str, int] = {}
    if node.code(address) == deployed_code():
        how = "there"
    elif has_factory(node):
        how = "factory"
        gas["deploy"] = node.estimate_gas(account, FACTORY, data) * GAS_MARGIN_PERCENT // 100
    else:
        how, address = "creation", compute_deploy_address(account, node.nonce(account))
        gas["deploy"] = node.estimate_gas(account, None, deploy_code()) * GAS_MARGIN_PERCENT // 100
    gas["register"] = REGISTER_GAS
    return DeployPlan(
        chain=f"chain-{chain_id}" if chain is None else chain.name,
        chain_id=chain_id,
        account=account,
        address=address,
        how=how,
        gas=gas,
        fee=compute_fee_cap(node.fee_quote()),
        balance=node.balance(account),
        public=chain is None or chain.is_public,
        notes=() if chain is None else tuple(note for note in (chain.limit, chain.ends) if note is not None),
    )


def check_chain(ground: Ground, chain: Chain | None) -> None:
    """Compare a node with what is known of its chain.

    Raises:
        WrongChainError: It serves another chain, or one that began with another block.
    """
    if chain is None:
        return
    node = ground.node
    found = node.chain_id()
    if found != chain.chain_id:
        raise WrongChainError(
            f"the node {node.name} serves chain {found}, {chain.name} is chain {chain.chain_id}",
            hint="correct LEDGER_RPC_URL",
        )
    if chain.genesis is not None and node.genesis_hash() != chain.genesis:
        raise WrongChainError(
            f"the node {node.name} has another genesis block than {chain.name}", hint="correct LEDGER_RPC_URL"
        )


def keep_deployment(folder: Path, target: Target, deployed: Deployed, ground: Ground) -> Path:
    """Write what was deployed on a chain into `<chain id>.json`, unless it stands there already.

    Raises:
        SettingsError: The file says something else.
        StoreError: It cannot be written.
    """
    path = folder / f"{target.chain_id}.json"
    artifact = load_artifact()
    receipt = None if deployed.tx_hash is None else ground.node.tx_receipt(deployed.tx_hash)
    pinned: dict[str, Json] = {
        "chain_id": target.chain_id,
        "chain_genesis": "0x" + target.chain_genesis.hex(),
        "contract": format_address(target.contract),
        "code_hash": "0x" + target.code_hash.hex(),
    }
    whole: dict[str, Json] = {
        **pinned,
        "factory": None if deployed.salt is None else format_address(FACTORY),
        "salt": None if deployed.salt is None else "0x" + deployed.salt.hex(),
        "creator": None if deployed.nonce is None else format_address(ground.signer.address),
        "nonce": deployed.nonce,
        "transaction": None if deployed.tx_hash is None else "0x" + deployed.tx_hash.hex(),
        "block_number": None if receipt is None else receipt.block_number,
        "block_hash": None if receipt is None else "0x" + receipt.block_hash.hex(),
        "compiler": str(artifact.compiler["version"]),
        "source_sha256": artifact.source_sha256,
    }
    try:
        if path.exists():
            stands = json.loads(path.read_text())
            if any(stands.get(name) != value for name, value in pinned.items()):
                raise SettingsError(
                    f"{path} tells of another deployment on chain {target.chain_id}",
                    hint="move it away if you mean this one",
                )
            return path
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole, indent=2) + "\n")
    except (OSError, ValueError, AttributeError) as error:
        raise StoreError(f"{path} cannot be read or written: {error}", hint="the ledger itself is founded") from None
    return path
