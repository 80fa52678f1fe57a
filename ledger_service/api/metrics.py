"""The figures that operators watch (Prometheus), read when they are asked for.

Promises: counts and times only; nothing names a case, a person or a caller. Does not: need a database of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from ledger_service.api.identity import At, Operator
from ledger_service.api.respond import FRESH
from ledger_service.core.anchor_record import AnchorState
from ledger_service.errors import LedgerError
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import anchors_of

router = APIRouter(tags=["operation"])


class LedgerCollector:
    """What the ledger itself knows: its size, what is not anchored yet and for how long, its queue, its disk."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the opened ledger."""
        self._ledger = ledger

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as of now; those that cannot be read now are left out."""
        ledger = self._ledger
        writer = ledger.writer
        yield _gauge("ledger_writable", "1 while this process may record steps.", 0 if writer is None else 1)
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
        size = ledger.read.size()
        yield _gauge("ledger_size", "Entries in the log.", size)
        if size == 0:
            return
        anchors = anchors_of(ledger, ledger.target().log_id)
        for state in (AnchorState.INCLUDED, AnchorState.FINALIZED):
            reached = {AnchorState.FINALIZED} | {state}
            covered = max((one.size for one in anchors if one.state in reached), default=0)
            name = state.value
            words = f"Entries that no anchor covers which is {name}."
            yield _gauge(f"ledger_entries_not_{name}", words, size - covered)
        newest = [one.block.time for one in anchors if one.block is not None]
        if newest:
            lag = max(0.0, ledger.clock().timestamp() - max(newest))
            yield _gauge("ledger_newest_anchor_age_seconds", "Age of the block of the newest anchor.", lag)


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


@router.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def show_metrics(request: Request, service: At, _: Operator) -> Response:
    """Return the figures of the service and of the ledger, for Prometheus."""
    registry = request.app.state.registry
    assert isinstance(registry, CollectorRegistry)
    del service
    return Response(generate_latest(registry), 200, FRESH, CONTENT_TYPE_LATEST)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)
