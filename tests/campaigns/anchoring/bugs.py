"""Anchoring with a mistake built in, one for each check: what a campaign that does not notice these would be worth.

| bug | caught by |
|---|---|
| `SendsFirst`: sends what it signed before that is saved | intent |
| `Impatient`: calls a head final as soon as a block holds it | depth |
| `Forgetful`: writes down another end for what is final | order |
| `Contented`: takes the first transaction as the last, and never sends again | drained |
| `Hoarding`: keeps everything it ever saw | memory |
| `Trusting`: saves a step although another worker was first | order |

Promises: each is the real worker but for one line. Does not: run outside of tests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psutil

from ledger_service.chain.deploy import Envelope, build_anchor_tx, sign_tx
from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.anchoring import Finalize, Send, Sign, Step
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress

KEPT_SHARE = 800  # of this process, kept at each step: a leak is told by what it adds to what is there


class SendsFirst(Anchorer):
    """Sends before it saves."""

    def _sign(self, anchor: Anchor, step: Sign) -> Progress:
        envelope = Envelope(anchor.chain_id, step.nonce, step.gas, step.max_fee, step.priority_fee)
        request = build_anchor_tx(envelope, anchor.contract, log_id=anchor.log_id, size=anchor.size, root=anchor.root,
                                  proof=anchor.proof)  # fmt: skip
        self._chain.send(sign_tx(self._signer, request).raw)
        return super()._sign(anchor, step)


class Impatient(Anchorer):
    """Does not wait for blocks on top."""

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        if anchor.state is AnchorState.INCLUDED and anchor.commitment is not None:
            return super()._act(anchor, Finalize(anchor.commitment))
        return super()._act(anchor, step)


class Forgetful(Anchorer):
    """Does not write down that a head is final."""

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        if isinstance(step, Finalize):
            return self._save(replace(anchor, state=AnchorState.SUPERSEDED, reason="forgotten"), "forgotten")
        return super()._act(anchor, step)


class Contented(Anchorer):
    """Sends a head once, and waits for ever."""

    def _act(self, anchor: Anchor, step: Step) -> Progress:
        if anchor.state is AnchorState.SUBMITTED and isinstance(step, Send | Sign):
            return Progress(anchor, "it will be fine", waiting=True)
        return super()._act(anchor, step)


class Hoarding(Anchorer):
    """Keeps a copy of everything."""

    seen: list[Any] = []  # noqa: RUF012 - shared on purpose: it is the bug

    def step(self) -> Progress:
        """Do the next thing."""
        size = len(self.seen[0]) if self.seen else psutil.Process().memory_info().rss // KEPT_SHARE
        self.seen.append(b"\1" * (size - 1) + bytes([len(self.seen) % 256]))
        return super().step()


class Trusting(Anchorer):
    """Overwrites what another worker did meanwhile: it asks for the number of the next step when it saves."""

    def _save(self, anchor: Anchor, said: str) -> Progress:
        self._lease = None
        self._rows = list(self._history.working_set(self.target.log_id, since=""))
        return super()._save(anchor, said)
