"""A founded ledger whose first return is anchored and final, for tests that only read it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ledger_service.api.entries import anchor_members
from ledger_service.core.trust import Trust
from ledger_service.operations.anchored import anchors_of
from tests.cli.conftest import Story, template
from tests.operations.conftest import make_world
from tests.watch.shown import ShownLog

__all__ = ["template"]


@dataclass(frozen=True, slots=True)
class Real:
    """A real ledger as its operator can show it, what is pinned of it, and its chain."""

    trust: Trust
    rpc: str
    shown: ShownLog

    def fork(self, at: int, entries: list[bytes]) -> ShownLog:
        """Return another view of it, which claims the anchors of the first."""
        lie = self.shown.fork(at, entries)
        lie.anchors = self.shown.anchors
        return lie


@pytest.fixture
def real(template: Story) -> Real:
    """The ledger of the command line's tests."""
    with make_world(template.rledger.home, origin="localhost/return-ledger").opened(write=True) as opened:
        ledger = opened.ledger
        assert ledger.signing_key is not None
        entries = [ledger.read.entry(index).encoded for index in range(ledger.read.size())]
        shown = ShownLog(ledger.origin, ledger.signing_key, entries)
        shown.anchors = [anchor_members(anchor, ledger.chains) for anchor in anchors_of(ledger)]
        trust = ledger.trust()
    return Real(trust, template.rledger.rpc(), shown)
