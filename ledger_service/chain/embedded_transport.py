"""The embedded chain as a node's transport: the same questions and answers, without a network.

Promises: importing this costs nothing; trie and rlp are imported when a folder is opened, py-evm when something is
executed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path


class EmbeddedTransport:
    """Answers from one opened folder."""

    def __init__(self, folder: Path, *, read_only: bool, clock: Callable[[], int] | None) -> None:
        from ledger_service.chain.embedded import open_embedded, system_clock

        self.name = f"embedded:{folder}"
        self.chain = open_embedded(folder, read_only=read_only, clock=clock or system_clock)

    def request(self, method: str, params: Sequence[object]) -> object:
        """Return the `result` of one request; `JsonRpcError` when the chain refuses."""
        from ledger_service.chain.embedded_rpc import answer

        return answer(self.chain, method, params)

    def close(self) -> None:
        """Close the folder. Closing twice does nothing."""
        self.chain.close()
