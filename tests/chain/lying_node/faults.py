"""A node that tells the truth about a simulated chain until it is told to misbehave: by a script, or by chance.

| fault | the node |
|---|---|
| drop_request | does nothing, and does not answer |
| drop_answer | acts, and does not answer |
| delay | acts, and answers late, or too late for the caller |
| duplicate | acts twice, and answers what it had to say the second time |
| reorder | acts, and answers with what it kept back from the question before |
| forge | changes a receipt or hides a log (`forgeries.py`) |
| lag | answers as some blocks ago |
| rate_limit, rate_limit_rpc | refuses, by HTTP 429 or by JSON-RPC's code |
| close | acts, and closes the connection half way through the answer |
| html | acts, and shows a page |
| error_200 | refuses with an error object of its own, with HTTP 200 |
| truncated | acts, and sends half of the JSON |
| wrong_id | acts, and answers under another id |
| huge | acts, and sends more than anybody should read |
| chain_id | says another chain's id where it is asked for one |
| prune | has no receipts and logs any more |

Promises: the same seed misbehaves in the same way; `faulted` counts what was done. Does not: carry anything over a
wire (`wires.py`).
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from ledger_service.chain.jsonrpc import JsonRpcError, to_data
from tests.chain.lying_node.answers import answer
from tests.chain.lying_node.chain import SimulatedChain
from tests.chain.lying_node.forgeries import FORGED, Forgery, forge

Json = dict[str, Any]
DELAY_SECONDS_MAX = 20  # some answers come in time, some do not
LAG_BLOCKS_MAX = 8
SELDOM = 5  # as likely as so many others, where it fits: there are few receipts to forge
HUGE_PIECES = 9  # of a MiB each; clients take eight
PAGE = b"<!doctype html><title>502 Bad Gateway</title><p>nginx"


class Fault(StrEnum):
    """How the node misbehaves; the table says what each is."""

    DROP_REQUEST = "drop_request"
    DROP_ANSWER = "drop_answer"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    FORGE = "forge"
    LAG = "lag"
    RATE_LIMIT = "rate_limit"
    RATE_LIMIT_RPC = "rate_limit_rpc"
    CLOSE = "close"
    HTML = "html"
    ERROR_200 = "error_200"
    TRUNCATED = "truncated"
    WRONG_ID = "wrong_id"
    HUGE = "huge"
    CHAIN_ID = "chain_id"
    PRUNE = "prune"


_IDLE = {Fault.DROP_REQUEST, Fault.RATE_LIMIT, Fault.RATE_LIMIT_RPC, Fault.ERROR_200}  # the node does not act
_ONLY = {Fault.FORGE: FORGED, Fault.CHAIN_ID: {"eth_chainId"}, Fault.PRUNE: FORGED}


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes over the wire, so late; `silent`: nothing, ever; `cut`: the connection ends too early."""

    pieces: tuple[bytes, ...] = ()
    code: int = 200
    late_seconds: float = 0
    silent: bool = False
    cut: bool = False


@dataclass(slots=True)
class Plan:
    """How to misbehave at one request; `method` None: whatever is asked next."""

    fault: Fault
    method: str | None
    options: Json


@dataclass
class LyingNode:
    """One node of a chain.

    `lag`: answers are of so many blocks ago. `oldest_receipt`: below that block it has none. `down`: nobody answers.
    `sent`: called with the bytes of each transaction that arrives, before the chain has it. `lies`: answers by method
    that a test makes up.
    """

    chain: SimulatedChain
    lag: int = 0
    oldest_receipt: int = 0
    down: bool = False
    sent: Callable[[bytes], None] = lambda _raw: None
    lies: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    faulted: Counter[str] = field(default_factory=Counter)
    rate: float = 0.0
    kinds: tuple[Fault, ...] = tuple(Fault)
    chance: Random = field(default_factory=lambda: Random(0))
    _script: deque[Plan] = field(default_factory=deque)
    _kept_back: Json | None = None

    def fail(self, fault: Fault, *, times: int = 1, method: str | None = None, **options: Any) -> None:
        """Misbehave at the next `times` requests (of one method when named).

        Options: `blocks` of lag, `seconds` of delay, `forgery`.
        """
        self._script.extend(Plan(fault, method, options) for _ in range(times))

    def misbehave(self, rate: float, *, chance: Random, kinds: Collection[Fault] = tuple(Fault)) -> None:
        """Misbehave by chance at this share of all requests."""
        self.rate, self.chance, self.kinds = rate, chance, tuple(kinds)

    def heal(self) -> None:
        """Tell the truth from now on."""
        self.rate, self.lag, self.oldest_receipt, self.down = 0.0, 0, 0, False
        self._script.clear()
        self._kept_back = None

    def next_fault(self, method: str) -> Plan | None:
        """Return how to misbehave at this request; None: not at all."""
        self.asked[method] += 1
        if self.down:
            return self._counted(Plan(Fault.DROP_REQUEST, None, {}))
        if self._script and self._script[0].method in (None, method):
            return self._counted(self._script.popleft())
        if self.rate and self.chance.random() < self.rate:
            fitting = [kind for kind in self.kinds if kind not in _ONLY]
            fitting += [kind for kind in self.kinds if method in _ONLY.get(kind, ())] * SELDOM
            if fitting:
                return self._counted(Plan(self.chance.choice(fitting), None, {}))
        return None

    def act(self, method: str, params: list[Any]) -> Any:
        """Return the true answer; `JsonRpcError` where it is a refusal."""
        if method == "eth_sendRawTransaction":
            self.sent(bytes.fromhex(params[0][2:]))
        if method in self.lies:
            return self.lies[method](params)
        return answer(self.chain, method, params, back=self.lag, oldest_receipt=self.oldest_receipt)

    def misbehaved(self, request: Json, plan: Plan) -> Sent:
        """Return what goes over the wire where the node misbehaves."""
        fault = plan.fault
        if fault is Fault.DROP_REQUEST:
            return Sent(silent=True)
        if fault is Fault.RATE_LIMIT:
            return Sent((b"slow down",), code=429)
        if fault is Fault.RATE_LIMIT_RPC:
            return _whole(_error(request, -32005, "daily request count exceeded, request rate limited"))
        if fault is Fault.ERROR_200:
            return _whole(_error(request, -32603, "internal error: no upstream is well"))
        truth = self._lied(request, plan) if fault in _LIES else self.truth(request)
        if fault is Fault.DUPLICATE:
            truth = self.truth(request)
        if fault is Fault.DROP_ANSWER:
            return Sent(silent=True)
        if fault is Fault.REORDER:
            before, self._kept_back = self._kept_back, truth
            return _whole(before) if before is not None else Sent(silent=True)
        if fault is Fault.DELAY:
            late = plan.options.get("seconds", self.chance.uniform(0, DELAY_SECONDS_MAX))
            return Sent(_whole(truth).pieces, late_seconds=late)
        if fault is Fault.HUGE:
            return Sent((b" " * 2**20,) * HUGE_PIECES)
        if fault is Fault.HTML:
            return Sent((PAGE,), code=self.chance.choice([200, 502]))
        if fault is Fault.WRONG_ID:
            return _whole({**truth, "id": request["id"] + 1000})
        whole = _whole(truth).pieces[0]
        if fault in (Fault.CLOSE, Fault.TRUNCATED):
            return Sent((whole[: len(whole) // 2],), cut=fault is Fault.CLOSE)
        return Sent((whole,))  # lies and what was done twice look like the truth

    def truth(self, request: Json) -> Json:
        """Return the whole true answer to a request."""
        head = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            return {**head, "result": self.act(request["method"], request["params"])}
        except JsonRpcError as error:
            data = None if error.data is None else to_data(error.data)
            return {**head, "error": {"code": error.rpc_code, "message": error.text, "data": data}}

    def _lied(self, request: Json, plan: Plan) -> Json:
        method, params = request["method"], request["params"]
        if plan.fault is Fault.CHAIN_ID:
            return {**self.truth(request), "result": "0x1"}
        if plan.fault is Fault.LAG:
            before, self.lag = self.lag, plan.options.get("blocks", self.chance.randint(1, LAG_BLOCKS_MAX))
            try:
                return self.truth(request)
            finally:
                self.lag = before
        truth = self.truth(request)
        if plan.fault is Fault.PRUNE:
            return {**truth, "result": [] if method == "eth_getLogs" else None}
        forgery = plan.options.get("forgery", self.chance.choice(list(Forgery)))
        return {**truth, "result": forge(self.chain, method, params, truth.get("result"), forgery)}

    def _counted(self, plan: Plan) -> Plan:
        self.faulted[plan.fault] += 1
        return plan


_LIES = {Fault.FORGE, Fault.LAG, Fault.CHAIN_ID, Fault.PRUNE}


def _whole(answer: Json) -> Sent:
    return Sent((json.dumps(answer).encode(),))


def _error(request: Json, code: int, words: str) -> Json:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": words}}
