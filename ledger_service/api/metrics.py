"""The figures that operators watch (Prometheus), read when they are asked for.

Promises: counts and times only; nothing names a case, a person or a caller. Does not: need a database of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from ledger_service.api.identity import At, Operator
from ledger_service.api.respond import FRESH
from ledger_service.errors import GateClosedError, LedgerError
from ledger_service.operations.afterwards import finish
from ledger_service.operations.anchor_state import TargetState, anchoring
from ledger_service.operations.gate import Gate, check_mark
from ledger_service.operations.ledger import Ledger

router = APIRouter(tags=["operation"])
OPEN, UNCONFIRMED, READ_ONLY = "open", "unconfirmed", "read_only"  # unconfirmed: the chain did not answer at start
GATE_REASONS = (OPEN, UNCONFIRMED, READ_ONLY, *sorted(kind.reason for kind in GateClosedError.__subclasses__()))


class LedgerCollector:
    """What the ledger itself knows: gate, size, what is not anchored yet and for how long, queue, disk."""

    def __init__(self, ledger: Ledger, gate: Gate | None = None) -> None:
        """Take the opened ledger, and what the boot gate said when it was opened to write."""
        self._ledger = ledger
        self._gate = gate

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as of now; those that cannot be read now are left out."""
        ledger = self._ledger
        writer = ledger.writer
        writable = 0 if writer is None or writer.stopped else 1
        yield _gauge("ledger_writable", "1 while this process may record steps.", writable)
        if writer is not None:
            yield _gauge("ledger_waiting_steps", "Steps that wait for the writer of this process.", writer.waiting)
        free = shutil.disk_usage(ledger.mark.path.parent).free
        yield _gauge("ledger_disk_free_bytes", "Free bytes where the high-water mark lies.", free)
        try:
            yield from self._log()
        except LedgerError:
            yield _gauge("ledger_readable", "1 while the database can be read.", 0)
        else:
            yield _gauge("ledger_readable", "1 while the database can be read.", 1)

    def _log(self) -> Iterator[Metric]:
        ledger = self._ledger
        yield self._gate_now()
        size = ledger.read.size()
        yield _gauge("ledger_size", "Entries in the log.", size)
        if size == 0:
            return
        yield _gauge(
            "ledger_anchor_promise_seconds", "Time from recording to block that is promised.", ledger.promise_seconds
        )
        yield from _figures_of_targets(anchoring(ledger), size)

    def _gate_now(self) -> Metric:
        """Return 1 for what the gate says and 0 for the rest: the mark is asked now, the chain was at start."""
        try:
            check_mark(self._ledger)
        except GateClosedError as error:
            now = error.reason
        else:
            confirmed = self._gate is None or self._gate.confirmed
            now = READ_ONLY if self._ledger.writer is None else OPEN if confirmed else UNCONFIRMED
        shown = GaugeMetricFamily(
            "ledger_gate", "1 for what the boot gate says: open, or why this ledger may not write.", labels=["reason"]
        )
        for reason in GATE_REASONS:
            shown.add_metric([reason], reason == now)
        return shown


def _figures_of_targets(found: Sequence[TargetState], size: int) -> Iterator[Metric]:
    """Yield what there is to watch at each target, by the name of its chain."""

    def gauge(name: str, words: str, *, more: Sequence[str] = ()) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, words, labels=["chain", *more])

    included = gauge("ledger_entries_not_included", "Entries that no anchor covers which is in a block.")
    final = gauge("ledger_entries_not_finalized", "Entries that no anchor covers which is final.")
    waited = gauge("ledger_anchor_waiting_seconds", "How long the oldest entry waits for its block.")
    age = gauge("ledger_newest_anchor_age_seconds", "Age of the block of the newest anchor.")
    alarm = gauge("ledger_anchor_alarm", "1 for what keeps anchoring waiting.", more=["alarm"])
    for one in found:
        included.add_metric([one.chain], size - one.included_size)
        final.add_metric([one.chain], size - one.final_size)
        waited.add_metric([one.chain], one.waiting_seconds)
        if one.newest_age_seconds is not None:
            age.add_metric([one.chain], one.newest_age_seconds)
        if one.alarm is not None:
            alarm.add_metric([one.chain, one.alarm.value], 1)
    yield from (included, final, waited, age, alarm)


def registries() -> tuple[CollectorRegistry, CollectorRegistry]:
    """Return the registry that is shown, and the one that this process counts requests in.

    They are one, unless several processes serve one socket: then the figures of all are added up, each process
    keeping its own in a file of the folder that PROMETHEUS_MULTIPROC_DIR names.
    """
    shown = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return shown, shown
    MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
    return shown, CollectorRegistry()


async def all_noted() -> None:
    """Count the requests that were answered before this one."""
    finish()


@router.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def show_metrics(request: Request, service: At, _: Operator, __: Annotated[None, Depends(all_noted)]) -> Response:
    """Return the figures of the service and of the ledger, for Prometheus."""
    registry = request.app.state.registry
    assert isinstance(registry, CollectorRegistry)
    del service
    return Response(generate_latest(registry), 200, FRESH, CONTENT_TYPE_LATEST)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)
