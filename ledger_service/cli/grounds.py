"""The chains that a command works on, opened: those of `--chain`, else those that LEDGER_RPC_URL names.

Promises: a node that serves another chain than the one it is named for is refused before anything else is asked; where
nothing may be made, a demonstration chain that is not there yet is played in a temporary folder.
Does not: send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ledger_service.errors import SettingsError, WrongChainError

if TYPE_CHECKING:
    from ledger_service.chain.chains import Chain, Chains
    from ledger_service.chain.deployments import Deployments
    from ledger_service.chain.rpc import Node
    from ledger_service.operations.found import Ground
    from ledger_service.settings import Settings

_BY_ID = re.compile(r"chain-[0-9]{1,20}")  # what a chain is called that no file of chains has (`Chains.name_of`)


@dataclass(frozen=True, slots=True)
class Place:
    """A chain to work on: how it is called, what is known of it (None: an id that no file of chains has), and where
    it is asked."""

    name: str
    chain: Chain | None
    urls: tuple[str, ...]
    ground: Ground

    @property
    def is_public(self) -> bool:
        """Whether it is no development chain: what is sent there costs money and stays."""
        return self.chain is None or self.chain.is_public


@contextmanager
def open_places(settings: Settings, names: Sequence[str], *, writable: bool) -> Iterator[list[Place]]:
    """Open a node of each chain, and the account.

    Raises:
        SettingsError: No URL is given for one, or it is unknown.
        WrongChainError: A node serves another chain.
        ChainError: A node cannot be opened, or the account cannot.
    """
    from ledger_service.chain.chains import load_chains

    chains = load_chains(settings.chains_file)
    wanted = list(names) or list(settings.named_chains) or [""]
    if twice := sorted({name for name in wanted if wanted.count(name) > 1}):
        raise SettingsError(f"the chain {twice[0]} is named twice", hint="name each chain once")
    with ExitStack() as stack:
        yield [_open(settings, chains, name, stack, writable=writable) for name in wanted]


def _open(settings: Settings, chains: Chains, name: str, stack: ExitStack, *, writable: bool) -> Place:
    from ledger_service.operations.found import Ground
    from ledger_service.wiring import load_signer

    known = chains.named(name) if name and not _BY_ID.fullmatch(name) else None
    urls = settings.rpcs_of(name) if name else (settings.rpc,)
    if not urls:
        raise SettingsError(
            f"no node of the chain {name} is named", hint=f"add {name}=URL to LEDGER_RPC_URL, separated by a space"
        )
    node = _open_node(urls[0], stack, writable=writable)
    chain_id = node.chain_id()
    if _BY_ID.fullmatch(name) and chains.name_of(chain_id) != name:
        raise WrongChainError(
            f"the node {node.name} serves chain {chain_id}, not {name}", hint="correct LEDGER_RPC_URL"
        )
    known = known or chains.of_id(chain_id)
    if known is not None:
        _check(known, node, chain_id)
    signer = load_signer(settings, chain_id)
    deployments = _deployments(settings, is_public=known is None or known.is_public)
    return Place(chains.name_of(chain_id), known, urls, Ground(node, signer, deployments))


def _open_node(url: str, stack: ExitStack, *, writable: bool) -> Node:
    from ledger_service.chain.rpc import EMBEDDED_SCHEME, open_node

    if not writable and url.startswith(EMBEDDED_SCHEME) and not Path(url.removeprefix(EMBEDDED_SCHEME)).exists():
        url, writable = EMBEDDED_SCHEME + stack.enter_context(TemporaryDirectory()), True
    return stack.enter_context(open_node(url, writable=writable))


def _check(known: Chain, node: Node, chain_id: int) -> None:
    if chain_id != known.chain_id:
        raise WrongChainError(
            f"the node {node.name} serves chain {chain_id}, {known.name} is chain {known.chain_id}",
            hint="correct LEDGER_RPC_URL",
        )
    if known.genesis is not None and node.genesis_hash() != known.genesis:
        raise WrongChainError(
            f"the node {node.name} serves chain {chain_id} with another genesis block than {known.name} has",
            hint="correct LEDGER_RPC_URL, or the file of chains",
        )


def _deployments(settings: Settings, *, is_public: bool) -> Deployments:
    """Return where deployments are recorded: in the checkout that one stands in, for chains that others see too."""
    from ledger_service.chain.deployments import Deployments

    checkout = Path.cwd()
    if is_public and (checkout / "contracts" / "AnchorRegistry.sol").is_file():
        return Deployments(checkout / "contracts" / "deployments")
    return Deployments(settings.home.absolute() / "deployments")
