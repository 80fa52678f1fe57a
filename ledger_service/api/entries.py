"""Entries, receipts, anchors and proofs: what shows that a step stands in the log, and that the log only grew.

Promises: hashes are everybody's, entries of a case its parties'. A proof between fixed sizes may be cached for ever.
Does not: ask a chain: it repeats what the worker saw.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ledger_service.api.address import Plain
from ledger_service.api.identity import Anybody, At, Reader
from ledger_service.api.problems import ProblemError
from ledger_service.api.respond import FIXED, FRESH, PRIVATE, document, page
from ledger_service.api.service import Service
from ledger_service.api.wire import AnchorList, EntryAnswer, EntryList, ProofAnswer
from ledger_service.chain.chains import Chains
from ledger_service.core import encoding
from ledger_service.core.anchor_record import Anchor
from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.core.entry import CaseEntry, Role, parse_entry
from ledger_service.core.pages.language import Language
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.tlog_proof import MEDIA_TYPE, encode_tlog_proof, tlog_proof_of
from ledger_service.documents.paper import MEDIA_TYPE as PDF
from ledger_service.errors import UnknownEntryError
from ledger_service.operations.access import open_entry
from ledger_service.operations.anchored import anchors_of, lives
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.principal import Principal
from ledger_service.operations.print_receipt import print_own_receipt
from ledger_service.operations.prove import prove
from ledger_service.store.read import StoredEntry

router = APIRouter(tags=["entries"])
LIMIT = 100  # entries looked at by one request; an entry has at most 64 KiB
IndexQuery = Annotated[Plain, Query(ge=0, le=INTEGER_MAX)]
IndexPath = Annotated[Plain, Path(ge=0, le=INTEGER_MAX)]


@router.get("/v1/entries", responses={200: {"model": EntryList}})
def list_entries(
    service: At, principal: Anybody, start: IndexQuery = 0, limit: Annotated[Plain, Query(ge=1, le=LIMIT)] = 50
) -> Response:
    """List what the caller may see of the entries from `start` on; an index never moves."""
    ledger = service.ledger
    life_of = lives(anchors_of(ledger), required=ledger.genesis()[0].required)
    end = min(start + limit, ledger.read.size())
    items: list[Json] = []
    for index in range(start, end):
        try:
            row = open_entry(ledger, principal, index)
        except UnknownEntryError:
            continue
        items.append(_members(row, life_of(index)))
    return page(items, end if end < ledger.read.size() else None)


@router.get("/v1/entries/{index}", responses={200: {"model": EntryAnswer}})
def show_entry(service: At, principal: Anybody, index: IndexPath) -> Response:
    """Return an entry with its exact members."""
    row = open_entry(service.ledger, principal, index)
    life_of = lives(anchors_of(service.ledger), required=service.ledger.genesis()[0].required)
    return document(_members(row, life_of(index)))


@router.get(
    "/v1/entries/{index}/receipt",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def get_receipt(
    service: At,
    principal: Anybody,
    index: IndexPath,
    show: Annotated[
        str | None,
        Query(max_length=4096, description="names of committed values to show, with commas; all if left out"),
    ] = None,
    audience: Annotated[
        Role | None, Query(description="of these, only what anybody in this role may see: for handing it on")
    ] = None,
) -> Response:
    """Return the receipt of an entry: what a stranger needs to verify it, with the values that the caller may show."""
    row = open_entry(service.ledger, principal, index)
    names = _shown(service, row, principal, show)
    receipt = prove(service.ledger, index, show=names, audience=audience)
    sent = f'attachment; filename="entry-{index}.receipt.json"'
    return Response(encode_receipt(receipt), 200, {**PRIVATE, "Content-Disposition": sent}, "application/json")


@router.get(
    "/v1/entries/{index}/receipt.pdf",
    response_class=Response,
    responses={
        200: {
            "description": "to read and to print, the receipt attached inside; the PDF proves nothing by itself",
            "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def print_receipt(
    service: At,
    principal: Reader,
    index: IndexPath,
    language: Annotated[Language, Query(description="of the page")] = Language.EN,
) -> Response:
    """Return the receipt of a step as PDF, with the values that the caller may see, and what is due now."""
    open_entry(service.ledger, principal, index)
    sent = f'attachment; filename="entry-{index}.receipt.pdf"'
    data = print_own_receipt(service.ledger, principal, index, language)
    return Response(data, 200, {**PRIVATE, "Content-Disposition": sent}, PDF)


@router.get(
    "/v1/entries/{index}/tlog-proof",
    response_class=Response,
    responses={
        200: {
            "description": "c2sp.org/tlog-proof@v1, the entry as its extra data",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def get_tlog_proof(service: At, principal: Anybody, index: IndexPath) -> Response:
    """Return the log part of an entry's receipt in the form that other logs' tools read. No value is shown in it."""
    open_entry(service.ledger, principal, index)
    proof = tlog_proof_of(prove(service.ledger, index, show=()))
    sent = f'attachment; filename="entry-{index}.tlog-proof"'
    return Response(encode_tlog_proof(proof), 200, {**PRIVATE, "Content-Disposition": sent}, MEDIA_TYPE)


@router.get("/v1/anchors", responses={200: {"model": AnchorList}})
def list_anchors(service: At, _: Anybody) -> Response:
    """List the tree heads that were anchored or are on their way, oldest first."""
    found = anchors_of(service.ledger)
    items: list[Json] = [anchor_members(anchor, service.ledger.chains) for anchor in found]
    return document({"items": items, "next": None}, cache=FRESH)


@router.get("/v1/proofs/consistency", responses={200: {"model": ProofAnswer}})
def prove_consistency(
    service: At,
    _: Anybody,
    older: Annotated[Plain, Query(alias="from", ge=1, le=INTEGER_MAX, description="the smaller size")],
    newer: Annotated[Plain, Query(alias="to", ge=1, le=INTEGER_MAX, description="the larger size")],
) -> Response:
    """Return the proof that the log of one size is the beginning of the log of another (RFC 9162 §2.1.4)."""
    read = service.ledger.read
    if not older <= newer <= read.size():
        raise _beyond(f"sizes run from 1 to {read.size()}, the smaller first", read.size())
    value: dict[str, Json] = {
        "kind": "consistency",
        "sizes": [older, newer],
        "roots": [read.root(older).hex(), read.root(newer).hex()],
        "index": None,
        "leaf_hash": None,
        "hashes": [one.hex() for one in read.consistency_proof(older, newer)],
    }
    return document(value, cache=FIXED)


@router.get("/v1/proofs/inclusion", responses={200: {"model": ProofAnswer}})
def prove_inclusion(
    service: At, _: Anybody, index: IndexQuery, size: Annotated[Plain, Query(ge=1, le=INTEGER_MAX)]
) -> Response:
    """Return the proof that a leaf stands in the log of a size (RFC 9162 §2.1.3). Only hashes are shown."""
    read = service.ledger.read
    if not index < size <= read.size():
        raise _beyond(f"the index is below the size, and the size at most {read.size()}", read.size())
    value: dict[str, Json] = {
        "kind": "inclusion",
        "sizes": [size],
        "roots": [read.root(size).hex()],
        "index": index,
        "leaf_hash": read.entry(index).leaf_hash.hex(),
        "hashes": [one.hex() for one in read.inclusion_proof(index, size)],
    }
    return document(value, cache=FIXED)


def anchor_members(anchor: Anchor, chains: Chains) -> dict[str, Json]:
    """Return an anchor as the API shows it, with where people look its block up."""
    block, chain = anchor.block, chains.of_id(anchor.chain_id)
    explorer = None if chain is None else chain.explorer
    return {
        "sequence": anchor.sequence,
        "size": anchor.size,
        "root": anchor.root.hex(),
        "state": anchor.state.value,
        "reason": anchor.reason,
        "chain": chains.name_of(anchor.chain_id),
        "chain_id": anchor.chain_id,
        "contract": "0x" + anchor.contract.hex(),
        "log_id": anchor.log_id.hex(),
        "transactions": ["0x" + attempt.tx_hash.hex() for attempt in anchor.attempts],
        "block_number": None if block is None else block.number,
        "block_hash": None if block is None else "0x" + block.block_hash.hex(),
        "anchored_at": None if block is None else block.time,
        "fee_paid": None if anchor.fee_paid is None else str(anchor.fee_paid),
        "block_url": None if block is None or explorer is None else explorer.block.format(block=block.number),
    }


def _beyond(detail: str, most: int) -> ProblemError:
    return ProblemError("limit-exceeded", detail, limit="size", most=most)


def _members(row: StoredEntry, life: tuple[str, int | None]) -> dict[str, Json]:
    return {
        "index": row.index,
        "leaf_hash": row.leaf_hash.hex(),
        "state": life[0],
        "anchored_at": life[1],
        "entry": encoding.parse(row.encoded),
    }


def _shown(service: Service, row: StoredEntry, principal: Principal | None, asked: str | None) -> frozenset[str]:
    """Return the names of the values to open: those asked for, of those that the caller may be shown.

    Raises:
        UnknownEntryError: A name that the entry has no value of, or whose value is withheld from the caller.
    """
    entry = parse_entry(row.encoded)
    if not isinstance(entry, CaseEntry) or principal is None:
        may: frozenset[str] = frozenset()
    else:
        may = visible_names(service.ledger, row.index, entry, principal)
    if asked is None:
        return may
    names = frozenset(name for name in asked.split(",") if name)
    if beyond := sorted(names - may):
        raise UnknownEntryError(f"entry {row.index} has no value {beyond[0]!r:.80} for you", hint="leave `show` out")
    return names
