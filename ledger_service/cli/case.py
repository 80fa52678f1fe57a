"""`rledger record` and `receipt`: work with one return.

Promises: after a change says what is now true and what to run next. Does not: hold a rule of the domain.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ledger_service.cli import output
from ledger_service.cli.language import Language, default_language

if TYPE_CHECKING:
    from ledger_service.core.receipt import Receipt
    from ledger_service.operations.ledger import Ledger
    from ledger_service.operations.record import Recorded

T = TypeVar("T")

STATEMENT_SECONDS = 3_600  # a person fetches a wallet, reads, signs


def record_command(
    verb: Annotated[str, typer.Argument(help="the step, for example request_return", metavar="STEP")],
    actor: Annotated[str, typer.Option("--as", help="who says so", metavar="ROLE:REFERENCE")],
    return_id: Annotated[
        str | None, typer.Option("--return", help="the return; without it a new one", metavar="ID")
    ] = None,
    by: Annotated[str, typer.Option(help="who records it", metavar="ROLE:REFERENCE")] = "platform:operator",
    field: Annotated[
        list[str] | None, typer.Option(help="a field with a text value; may be repeated", metavar="NAME=TEXT")
    ] = None,
    fields: Annotated[Path | None, typer.Option(help="a JSON file with fields; - reads them", metavar="FILE")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option(help="an evidence file; may be repeated", metavar="KIND=FILE")
    ] = None,
    occurred_at: Annotated[
        str | None, typer.Option(help="when it happened, as 2026-11-03T10:22:05.000Z", metavar="TIME")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="the rule a decision rests on", metavar="ID@VERSION")] = None,
    to_state: Annotated[
        str | None, typer.Option(help="where the step leads, if there is a choice", metavar="STATE")
    ] = None,
    expected_head: Annotated[
        str | None, typer.Option(help="refuse if the return moved on from this entry", metavar="LEAF-HASH")
    ] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="makes a retry safe", metavar="KEY")] = None,
    to_sign: Annotated[
        Path | None, typer.Option(help="record nothing: write what the party's wallet is to sign", metavar="FILE")
    ] = None,
    signed: Annotated[Path | None, typer.Option(help="that file, signed and filled in", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Record one step of a return.

    \b
    rledger record request_return --as buyer:c-17 --fields request.json --evidence product_photo=photo.jpg
    rledger record approve_return --as seller:s-3 --return ID --fields approval.json --evidence rma_document=rma.pdf
    """

    def run() -> None:
        from ledger_service.cli import arguments, signing
        from ledger_service.cli.run import say_gate
        from ledger_service.operations.prepare_statement import prepare_statement
        from ledger_service.operations.record import Step, record
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        step = Step(
            verb=arguments.require_text("STEP", verb),
            asserted_by=arguments.party("--as", actor),
            recorded_by=arguments.party("--by", by),
            fields=arguments.fields(field or [], fields),
            evidence=[arguments.evidence(text) for text in evidence or []],
            return_id=_given(arguments.return_id, "--return", return_id),
            occurred_at=_given(arguments.instant, "--occurred-at", occurred_at),
            rule=None if rule is None else arguments.rule(rule),
            to_state=_given(arguments.require_text, "--to-state", to_state),
            expected_head=_given(arguments.leaf_hash, "--expected-head", expected_head),
            idempotency_key=_given(arguments.require_text, "--idempotency-key", idempotency_key),
            signed=None if signed is None else signing.read_signed(signed),
        )
        with open_ledger(load_settings(), write=True) as opened:
            say_gate(opened.gate)
            if to_sign is not None:
                unsigned = prepare_statement(opened.ledger, step, valid_seconds=STATEMENT_SECONDS)
                _write(to_sign, signing.unsigned_document(unsigned))
                output.say(f"{to_sign}: sign `typed_data`, fill in `address` and `signature`, send it with --signed")
                return
            recorded = record(opened.ledger, step)
        _answer_recorded(recorded, as_json=as_json)

    output.run(run)


def receipt_command(
    index: Annotated[int, typer.Argument(help="the entry's index", min=0, metavar="INDEX")],
    out: Annotated[
        Path | None, typer.Option(help="write it here; an older receipt there grows", metavar="FILE")
    ] = None,
    show: Annotated[
        str | None, typer.Option(help="committed values to show; all when not given", metavar="NAME,NAME")
    ] = None,
    audience: Annotated[
        str | None,
        typer.Option(help="show what anybody in this role may see, and no more", metavar="ROLE"),
    ] = None,
    tlog_proof: Annotated[
        bool, typer.Option("--tlog-proof", help="write c2sp.org/tlog-proof@v1: its log part, for other logs' tools")
    ] = False,
    chain: Annotated[
        list[str] | None,
        typer.Option(help="rest on the anchors at this chain only, or at these; when another one ends", metavar="NAME"),
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option(help="write it to read and to print, the receipt inside", metavar="FILE.pdf")
    ] = None,
    language: Annotated[
        Language | None,
        typer.Option(help="of the PDF: en or zh; without it that of the terminal (LC_ALL, LANG)", metavar="LANGUAGE"),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="prove its anchors anew at the newest final block; asks the chain")
    ] = False,
) -> None:
    """Write the receipt of an entry: all that somebody needs to verify it elsewhere.

    \b
    rledger receipt 12 --out entry-12.receipt.json
    rledger receipt 12 --show lines,evidence:product_photo
    rledger receipt 12 --audience arbitrator --out for-the-arbitrator.receipt.json
    rledger receipt 12 --tlog-proof --out entry-12.tlog-proof
    rledger receipt 12 --pdf entry-12.pdf --language zh
    rledger receipt 12 --chain hoodi
    rledger receipt 12 --refresh
    """

    def run() -> None:
        from ledger_service.cli import arguments
        from ledger_service.core.receipt import encode_receipt
        from ledger_service.core.tlog_proof import encode_tlog_proof, tlog_proof_of
        from ledger_service.errors import SettingsError
        from ledger_service.operations.print_receipt import print_receipt
        from ledger_service.operations.prove import prove
        from ledger_service.settings import load_settings
        from ledger_service.wiring import open_ledger

        if tlog_proof and (show is not None or audience is not None):
            raise SettingsError("--tlog-proof shows no value", hint="leave out --show and --audience")
        reader = _given(arguments.role, "--audience", audience)
        names = None if show is None else [name for name in show.split(",") if name]
        with open_ledger(load_settings()) as opened:
            at = _targets_of(opened.ledger, chain)
            if refresh:
                _refresh(opened.ledger, prove(opened.ledger, index, show=names, at=at))
            receipt = prove(opened.ledger, index, show=names, audience=reader, at=at)
            if pdf is not None:
                _write(pdf, print_receipt(opened.ledger, receipt, language or default_language()))
                output.say(f"{pdf}: entry {index}, to read and to print")
        if pdf is not None and out is None:
            return
        data = encode_tlog_proof(tlog_proof_of(receipt)) if tlog_proof else encode_receipt(receipt)
        if out is None:
            output.answer_bytes(data)
        else:
            _write(out, data)
            output.say(f"{out}: entry {index}, {receipt.unprotected['state']}")

    output.run(run)


def _refresh(ledger: Ledger, receipt: Receipt) -> None:
    """Make the state proofs of a receipt's final anchors anew, and keep them."""
    from ledger_service.operations.prove_state import refresh_state_proof
    from ledger_service.settings import load_settings
    from ledger_service.wiring import open_nodes

    settings = load_settings()
    targets = {target.log_id: target for target in ledger.targets()}
    made = False
    for anchor in receipt.anchors:
        with open_nodes(settings, anchor.chain_id) as nodes:
            target = targets[anchor.log_id]
            made |= refresh_state_proof(ledger, nodes, target, anchor.sequence, quorum=settings.rpc_quorum)
    if not made:
        output.say("nothing to prove anew: the entry is in no head that is final yet")


def _targets_of(ledger: Ledger, names: list[str] | None) -> list[bytes] | None:
    """Return the log ids at the chains of these names, None where none is named.

    Raises:
        SettingsError: The log is not on one of them.
    """
    from ledger_service.errors import SettingsError

    if not names:
        return None
    found = {ledger.chains.name_of(target.chain_id): target.log_id for target in ledger.targets()}
    if unknown := [name for name in names if name not in found]:
        raise SettingsError(f"the log is not on {unknown[0]!r:.80}", hint="it is on " + ", ".join(found))
    return [found[name] for name in names]


def _answer_recorded(recorded: Recorded, *, as_json: bool) -> None:
    appended, entry = recorded.appended, recorded.appended.entry
    state = getattr(entry, "to_state", None)
    if as_json:
        output.answer_json(
            {
                "return_id": recorded.return_id,
                "state": state,
                "index": appended.index,
                "leaf_hash": appended.leaf_hash.hex(),
                "size": appended.size,
                "checkpoint": appended.checkpoint.decode(),
                "replayed": appended.replayed,
            }
        )
        return
    again = " (recorded before under this key)" if appended.replayed else ""
    output.answer(f"return {recorded.return_id}: {state}")
    output.answer(f"entry {appended.index}, leaf hash {appended.leaf_hash.hex()}{again}")
    output.say(f"hint: its receipt: rledger receipt {appended.index}")


def _given(read: Callable[[str, str], T], option: str, text: str | None) -> T | None:
    return None if text is None else read(option, text)


def _write(path: Path, data: bytes) -> None:
    """Replace the file whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
