"""Records of deployments: one small file a chain, `<chain id>.json`, that says where the registry is and what made it.

Promises: a file that says something else than what is to be kept is never overwritten; what is read is strict.
Does not: ask a chain whether it is so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ledger_service.core import encoding
from ledger_service.core.log_entry import ADDRESS, HASH
from ledger_service.core.members import Reader
from ledger_service.core.registry import format_address
from ledger_service.errors import FormatError, SettingsError

FORMAT = "return-ledger/deployment@v1"
FILE_BYTES_MAX = 4_096  # one has about 900
_MEMBERS = (
    "block_hash", "block_number", "chain_genesis", "chain_id", "code_hash", "contract", "creator", "format", "nonce",
    "salt", "solc", "source_sha256", "tx_hash",
)  # fmt: skip
_SOLC = re.compile(r"[0-9A-Za-z.+-]{1,80}")


class DeploymentFormatError(FormatError):
    """Not a record of a deployment."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contract on one chain, and how it came there.

    `salt` where the deployment factory created it; else `creator` (20 bytes) and its `nonce`. `tx_hash`,
    `block_number` and `block_hash` are None where somebody else created it. `solc` and `source_sha256` say what the
    code was compiled with and from.
    """

    chain_id: int
    chain_genesis: bytes
    contract: bytes
    code_hash: bytes
    salt: bytes | None
    creator: bytes | None
    nonce: int | None
    tx_hash: bytes | None
    block_number: int | None
    block_hash: bytes | None
    solc: str
    source_sha256: bytes


class Deployments:
    """A folder of such records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, chain_id: int, chain_genesis: bytes) -> Deployment | None:
        """Return what is recorded of a chain, None if nothing is.

        Raises:
            SettingsError: The file cannot be read, is none, or is of another chain with the same id.
        """
        path = self._path(chain_id)
        try:
            with path.open("rb") as stream:
                found = parse_deployment(stream.read(FILE_BYTES_MAX + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
        except FormatError as error:
            raise SettingsError(f"{path}: {error.message}", hint="restore it, or move it away") from None
        if (found.chain_id, found.chain_genesis) != (chain_id, chain_genesis):
            raise SettingsError(
                f"{path} is of a chain that began with another block",
                hint="if the chain was started anew, move the file away",
            )
        return found

    def keep(self, deployment: Deployment) -> Path:
        """Write a record, or leave the one that says the same; return its path.

        Raises:
            SettingsError: The file that is there says something else, or it cannot be written.
        """
        path = self._path(deployment.chain_id)
        found = self.of(deployment.chain_id, deployment.chain_genesis)
        if found is not None:
            if (found.contract, found.code_hash) != (deployment.contract, deployment.code_hash):
                raise SettingsError(
                    f"{path} says that the contract is at {format_address(found.contract)},"
                    f" it is at {format_address(deployment.contract)}",
                    hint="find out which is right, and move the file away if it is wrong",
                )
            return path
        beside = path.with_name(f".{path.name}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(encode_deployment(deployment))
            beside.replace(path)
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
        return path

    def _path(self, chain_id: int) -> Path:
        return self.folder / f"{chain_id}.json"


def recorded_at(home: Path, checkout: Path) -> tuple[Deployments, ...]:
    """Return where deployments may be recorded: in the folder of a ledger, and in the checkout that one stands in."""
    return Deployments(home / "deployments"), Deployments(checkout / "contracts" / "deployments")


def encode_deployment(one: Deployment) -> bytes:
    """Return the file of a record."""

    def shown(value: bytes | None) -> str | None:
        return None if value is None else "0x" + value.hex()

    return encoding.encode_document(
        {
            "block_hash": shown(one.block_hash),
            "block_number": one.block_number,
            "chain_genesis": shown(one.chain_genesis),
            "chain_id": one.chain_id,
            "code_hash": shown(one.code_hash),
            "contract": shown(one.contract),
            "creator": shown(one.creator),
            "format": FORMAT,
            "nonce": one.nonce,
            "salt": shown(one.salt),
            "solc": one.solc,
            "source_sha256": one.source_sha256.hex(),
            "tx_hash": shown(one.tx_hash),
        }
    )


def parse_deployment(data: bytes) -> Deployment:
    """Return the record of a file.

    Raises:
        FormatError: Not such a file.
    """
    read = Reader(DeploymentFormatError, "deployment")
    m = read.members(encoding.parse_document(data, bytes_max=FILE_BYTES_MAX), _MEMBERS)
    if m["format"] != FORMAT:
        raise read.at("format").fail(f"{FORMAT!r} is expected")

    def maybe(name: str, size: int) -> bytes | None:
        return read.nullable(m[name], lambda value: read.at(name).hexadecimal(value, size, prefix="0x"))

    def count(name: str) -> int | None:
        return read.nullable(m[name], read.at(name).integer)

    found = Deployment(
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        chain_genesis=read.at("chain_genesis").hexadecimal(m["chain_genesis"], HASH, prefix="0x"),
        contract=read.at("contract").hexadecimal(m["contract"], ADDRESS, prefix="0x"),
        code_hash=read.at("code_hash").hexadecimal(m["code_hash"], HASH, prefix="0x"),
        salt=maybe("salt", HASH),
        creator=maybe("creator", ADDRESS),
        nonce=count("nonce"),
        tx_hash=maybe("tx_hash", HASH),
        block_number=count("block_number"),
        block_hash=maybe("block_hash", HASH),
        solc=read.at("solc").text(m["solc"], _SOLC),
        source_sha256=read.at("source_sha256").hexadecimal(m["source_sha256"], HASH),
    )
    if (found.creator is None) != (found.nonce is None) or (found.salt is not None and found.nonce is not None):
        raise read.fail("a salt, or a creator with a nonce, is expected")
    return found
