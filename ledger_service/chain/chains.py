"""Chains as data: what each is called, which block it began with, what final means there, and where people look.

The file that ships with the package (`data/chains.json`) names chains on which the contract means what it says:
`block.number` and `blockhash` are the chain's own. On Arbitrum they are not (`block.number` is a block of Ethereum), so
it does not stand there. A file of the user's own adds chains, or replaces some by name.

Promises: names and ids stand once; a chain whose genesis is known is compared with it before anything is written there.
Does not: hold URLs of nodes: those carry keys, and are settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from ledger_service.core import encoding
from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.trust import CONFIRMATIONS_MAX
from ledger_service.errors import FormatError, SettingsError

FORMAT = "return-ledger/chains@v1"
FILE_BYTES_MAX = 1024 * 1024  # a thousand chains
CHAINS_MAX = 1_000
BLOCK_SECONDS_MAX = 3_600

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_WORDS = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
_URL = re.compile(r"https?://[!-~]{1,400}")
_MEMBERS = ("block_seconds", "chain_id", "confirmations", "ends", "explorer", "genesis", "kind", "limit", "name")


class ChainFormatError(FormatError):
    """Not a file of chains."""


class ChainKind(StrEnum):
    """What a chain is good for: development keys work on the first two only."""

    EMBEDDED = "embedded"
    DEVELOPMENT = "development"
    TESTNET = "testnet"
    MAIN = "main"
    ROLLUP = "rollup"


@dataclass(frozen=True, slots=True)
class Explorer:
    """Where people look things up: URLs with `{transaction}`, `{address}` or `{block}` in them."""

    transaction: str
    address: str
    block: str


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain.

    `genesis`: hash of block 0 (32 bytes), None where every start makes another. `confirmations`: blocks on top that
    make one final; None: what the nodes call `finalized`. `limit`: what final does not mean there. `ends`: what is
    announced about its end. `block_seconds`: between two blocks, about.
    """

    name: str
    chain_id: int
    genesis: bytes | None
    kind: ChainKind
    confirmations: int | None
    block_seconds: int
    limit: str | None = None
    ends: str | None = None
    explorer: Explorer | None = None

    @property
    def is_public(self) -> bool:
        """Whether others than this machine's user write it."""
        return self.kind not in (ChainKind.EMBEDDED, ChainKind.DEVELOPMENT)


@dataclass(frozen=True, slots=True)
class Chains:
    """All known chains, by name and by id."""

    all: tuple[Chain, ...]

    def named(self, name: str) -> Chain:
        """Return the chain of a name.

        Raises:
            SettingsError: There is none.
        """
        found = next((chain for chain in self.all if chain.name == name), None)
        if found is None:
            known = ", ".join(chain.name for chain in self.all)
            raise SettingsError(
                f"there is no chain called {name!r:.80}; there are: {known}", hint="add it to a file of chains"
            )
        return found

    def of_id(self, chain_id: int) -> Chain | None:
        """Return the chain of an EIP-155 id, None if it is not known."""
        return next((chain for chain in self.all if chain.chain_id == chain_id), None)

    def name_of(self, chain_id: int) -> str:
        """Return what a chain is called in settings, trust files and messages."""
        found = self.of_id(chain_id)
        return f"chain-{chain_id}" if found is None else found.name


def load_chains(extra: Path | None = None) -> Chains:
    """Return the chains that ship with the package, and those of a user's file, which replace others by name.

    Raises:
        SettingsError: The file cannot be read, or is none.
    """
    if extra is None:
        return Chains(_packaged())
    try:
        with extra.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"the file of chains {extra} cannot be read: {error.strerror}") from None
    try:
        own = parse_chains(data)
        return Chains(_unique((*(one for one in _packaged() if one.name not in {c.name for c in own}), *own)))
    except FormatError as error:
        raise SettingsError(f"{extra}: {error.message}", hint=error.hint) from None


def parse_chains(data: bytes) -> tuple[Chain, ...]:
    """Return the chains of a file.

    Raises:
        FormatError: Not such a file, or a name or an id stands twice.
    """
    read = Reader(ChainFormatError, "chains")
    m = read.members(encoding.parse(data, bytes_max=FILE_BYTES_MAX), ("chains", "format"))
    if m["format"] != FORMAT:
        raise read.at("format").fail(f"{FORMAT!r} is expected")
    return _unique(read.at("chains").items(m["chains"], CHAINS_MAX, lambda value: _parse(read.at("chains"), value)))


@lru_cache(maxsize=1)
def _packaged() -> tuple[Chain, ...]:
    return parse_chains((files("ledger_service.chain") / "data" / "chains.json").read_bytes())


def _unique(chains: Iterable[Chain]) -> tuple[Chain, ...]:
    found = tuple(chains)
    for what, values in (("name", [c.name for c in found]), ("id", [str(c.chain_id) for c in found])):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ChainFormatError(f"chains: the {what} {twice[0]} stands twice")
    return found


def _parse(read: Reader, value: Json) -> Chain:
    m = read.members(value, _MEMBERS)
    return Chain(
        name=read.at("name").text(m["name"], _NAME),
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1, most=INTEGER_MAX),
        genesis=read.nullable(m["genesis"], lambda v: read.at("genesis").hexadecimal(v, HASH, prefix="0x")),
        kind=read.at("kind").choice(m["kind"], ChainKind),
        confirmations=read.nullable(
            m["confirmations"], lambda v: read.at("confirmations").integer(v, least=1, most=CONFIRMATIONS_MAX)
        ),
        block_seconds=read.at("block_seconds").integer(m["block_seconds"], least=1, most=BLOCK_SECONDS_MAX),
        limit=read.nullable(m["limit"], lambda v: read.at("limit").text(v, _WORDS)),
        ends=read.nullable(m["ends"], lambda v: read.at("ends").text(v, _WORDS)),
        explorer=read.nullable(m["explorer"], lambda v: _parse_explorer(read.at("explorer"), v)),
    )


def _parse_explorer(read: Reader, value: Json) -> Explorer:
    m = read.members(value, ("address", "block", "transaction"))
    urls = {name: read.at(name).text(m[name], _URL) for name in m}
    for name, url in urls.items():
        if f"{{{name}}}" not in url:
            raise read.at(name).fail(f"a URL with {{{name}}} in it is expected")
    return Explorer(**urls)
