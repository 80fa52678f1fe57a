"""The evidence in the arbitrator's report: the register with its custody log, what photos say, photos side by side.

Promises: a file that the reader may not see is named and not shown. Does not: open a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger_service.core.entry import Kind, Role
from ledger_service.core.package_case import Bound
from ledger_service.core.package_sheets import FileState
from ledger_service.core.pages.claims_text import claims_told
from ledger_service.core.pages.document import Part, Picture, Pictures, Table, Text
from ledger_service.core.pages.speech import Speech

PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})  # what browsers show


def evidence_parts(bound: Bound, speech: Speech) -> Iterator[Part]:
    """Yield the register, what photos in it say of themselves, and who looked."""
    yield _register(bound, speech)
    yield from _claims(bound, speech)
    yield _access(bound, speech)


def _register(bound: Bound, speech: Speech) -> Part:
    rows = []
    for one in bound.register:
        described = one.entry.evidence[one.position]
        rows.append(
            (
                str(one.index),
                speech.evidence(one.kind),
                speech.code("role", one.entry.asserted_by.role.value),
                speech.minute(one.entry.recorded_at),
                f"{described.size}\n{described.media_type}",
                speech.say("withheld_file") if one.sha256 is None else one.sha256.hex(),
                one.file or speech.code("file_state", one.state.value),
            )
        )
    names = ("col_entry", "col_kind", "col_submitter", "col_recorded", "col_size", "col_fingerprint", "col_file")
    return Table(speech.say("report_register"), tuple(speech.say(name) for name in names), tuple(rows))


def _claims(bound: Bound, speech: Speech) -> Iterator[Part]:
    """Yield what photos say of themselves, and what of it does not fit."""
    rows: list[tuple[str, str]] = []
    marked = set()
    for one in bound.register:
        if one.claims is None or one.claims.is_empty():
            continue
        doubts = one.claims.doubts(one.entry.recorded_at)
        if doubts:
            marked.add(len(rows))
        told = list(claims_told(one.claims, speech))
        told += [speech.say("flags", words=speech.code("doubt", doubt.value)) for doubt in doubts]
        rows.append((one.file or "", "\n".join(told)))
    if rows:
        head = (speech.say("col_file"), speech.say("col_claims"))
        yield Table(speech.say("report_claims"), head, tuple(rows), frozenset(marked))


def _access(bound: Bound, speech: Speech) -> Part:
    looked = [row for row in bound.timeline.rows if row.entry.kind is Kind.ACCESS]
    names = ("col_entry", "col_recorded", "col_role", "col_step")
    return Table(
        caption=speech.say("report_access"),
        head=tuple(speech.say(name) for name in names),
        rows=tuple(
            (
                str(row.index),
                speech.minute(row.entry.recorded_at),
                speech.code("role", row.entry.asserted_by.role.value),
                speech.verb(row.entry.verb),
            )
            for row in looked
        ),
    )


def side_by_side(bound: Bound, speech: Speech) -> Iterator[Part]:
    """Yield the pictures of each party in a column, and what the goods weighed where they were weighed."""
    columns: dict[Role, list[Picture]] = {}
    for one in bound.register:
        described = one.entry.evidence[one.position]
        if one.state is FileState.INCLUDED and one.file is not None and described.media_type in PICTURES:
            at = speech.minute(one.entry.recorded_at)
            about = speech.say("picture", kind=speech.evidence(one.kind), entry=speech.entries([one.index]), at=at)
            columns.setdefault(one.entry.asserted_by.role, []).append(Picture(one.file, about))
    if columns:
        told = ((speech.code("role", role.value), tuple(listed)) for role, listed in columns.items())
        yield Pictures(tuple(told))
        yield Text(speech.say("pictures_where"))
    else:
        yield Text(speech.say("none"))
    if weights := tuple(_weights(bound, speech)):
        head = tuple(speech.say(name) for name in ("col_entry", "col_step", "col_weight"))
        yield Table(speech.say("report_weights"), head, weights)


def _weights(bound: Bound, speech: Speech) -> Iterator[tuple[str, str, str]]:
    for row in bound.timeline.rows:
        values = {**row.values, **({} if row.corrected is None else row.corrected)}
        for one in (*values.get("parcels", ()), values):
            if isinstance(grams := one.get("weight_grams"), int):
                yield str(row.index), speech.verb(row.entry.verb), speech.say("grams", grams=grams)
