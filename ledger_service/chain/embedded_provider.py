"""The embedded chain as a web3 provider, for whoever wants to script it with `Web3(EmbeddedProvider(chain))`.

Promises: the error objects that a node would send; missing chain data are raised, since no node answers those.
"""

from __future__ import annotations

from typing import Any

from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger_service.chain.embedded import EmbeddedChain
from ledger_service.chain.embedded_rpc import answer
from ledger_service.chain.jsonrpc import JsonRpcError, to_data
from ledger_service.chain.recursion import cap_recursion

cap_recursion()


class EmbeddedProvider(BaseProvider):
    """Hands web3's requests to an opened chain, which stays its owner's to close."""

    def __init__(self, chain: EmbeddedChain) -> None:
        super().__init__()
        self._chain = chain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return a JSON-RPC response with `result` or `error`."""
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": answer(self._chain, method, params)}
        except JsonRpcError as exc:
            error: Any = {"code": exc.rpc_code, "message": exc.text}
            if exc.data is not None:
                error["data"] = to_data(exc.data)
            return {"jsonrpc": "2.0", "id": 1, "error": error}

    def is_connected(self, show_traceback: bool = False) -> bool:  # noqa: ARG002 - the base class asks for it
        """Return True: the folder is open."""
        return True
