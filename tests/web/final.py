"""A ledger with one return that is final: its receipts, its package, the trust file, and the blocks that show them.

Promises: everything is real, the embedded chain too; the service over it is opened as `rledger serve` does.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from ledger_service.chain.account import development_signer
from ledger_service.chain.embedded_transport import EmbeddedTransport
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.rpc import Node
from ledger_service.core.package import receipt_index, receipt_name
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.state_proof import read_header
from ledger_service.core.trust import encode_trust
from ledger_service.operations.access import local_reader
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.package import export_package
from ledger_service.operations.record import record
from tests.api.asking import Asking, asking
from tests.operations.conftest import make_world
from tests.operations.world import BUYER, World, answer_step, ask_step, open_case, photo


@dataclass(frozen=True)
class Final:
    """What somebody holds of the return. `hashes`: of the blocks whose state the receipts show."""

    return_id: str
    receipt: bytes
    package: bytes
    original: bytes
    trust: bytes
    hashes: tuple[str, ...]


def final_return(world: World, folder: Path) -> Final:
    """Record a return in a founded ledger, anchor it, and return what its buyer takes away."""
    with world.anchoring() as (ledger, _, anchorer):
        return_id = open_case(ledger, folder).return_id
        record(ledger, ask_step(return_id))
        record(ledger, answer_step(return_id, photo(folder, b"\x89PNG\r\n\x1a\n the serial number")))
        anchorer.run()
        with export_package(ledger, local_reader(ledger, BUYER), return_id, folder=folder) as made:
            package = b"".join(made.chunks())
        return Final(
            return_id=return_id,
            receipt=zipfile.ZipFile(BytesIO(package)).read(receipt_name(1)),
            package=package,
            original=photo(folder).read_bytes(),
            trust=encode_trust(ledger.trust()),
            hashes=blocks_of(package),
        )


def blocks_of(package: bytes) -> tuple[str, ...]:
    """Return the hashes of the blocks whose state the receipts of a package show."""
    archive = zipfile.ZipFile(BytesIO(package))
    receipts = [parse_receipt(archive.read(name)) for name in archive.namelist() if receipt_index(name) is not None]
    states = [anchor.state for receipt in receipts for anchor in receipt.anchors]
    return tuple(sorted({f"0x{read_header(state.header).block_hash.hex()}" for state in states if state is not None}))


def make_final(service: Asking) -> None:
    """Anchor everything that the ledger of a service holds, as its worker does."""
    with Node(EmbeddedTransport(service.folder / "home" / "chain", read_only=False, clock=None)) as node:
        make_anchorer(service.ledger, [node], development_signer(0, EMBEDDED_CHAIN_ID)).run()


@contextmanager
def final_service(folder: Path) -> Iterator[tuple[Final, Asking]]:
    """Return what its buyer holds, and the service over the ledger."""
    world = make_world(folder / "home")
    world.found()
    held = final_return(world, folder)
    with asking(world, folder) as service:
        yield held, service
