"""An account whose key a service holds: asked over JSON-RPC as web3signer's `eth_signTransaction` has it.

Promises: what comes back is compared with what was asked for, byte by byte, before anything is sent; nothing of the
service's URL but scheme, host and port appears in messages. Does not: believe the service about its account.
"""

from __future__ import annotations

from typing import Any

from ledger_service.chain.account import TxRequest, check_signed, refuse_development_key
from ledger_service.chain.jsonrpc import parse_data, to_data, to_quantity
from ledger_service.chain.rpc_http import HttpTransport
from ledger_service.core.registry import format_address
from ledger_service.errors import AccountError, ChainError

TIMEOUT_SECONDS = 20.0  # a service may ask a hardware module


class RemoteSigner:
    """The account `address` behind one URL."""

    def __init__(self, url: str, address: bytes, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Take the service's URL and the account it is to sign for (20 bytes); asks nothing yet.

        Raises:
            SettingsError: Not the URL of an HTTP service.
        """
        self._transport = HttpTransport(url, timeout_seconds=timeout_seconds)
        self._address = address

    def __repr__(self) -> str:
        return f"<signer {format_address(self._address)} at {self._transport.name}>"

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return self._address

    def sign_transaction(self, request: TxRequest) -> bytes:
        """Return the raw signed transaction.

        Raises:
            AccountError: The service is silent, refuses, or returned something else.
        """
        refuse_development_key(self._address, request.chain_id)
        fields: dict[str, Any] = {
            "from": format_address(self._address),
            "chainId": to_quantity(request.chain_id),
            "nonce": to_quantity(request.nonce),
            "gas": to_quantity(request.gas),
            "maxFeePerGas": to_quantity(request.fee),
            "maxPriorityFeePerGas": to_quantity(request.priority_fee),
            "value": to_quantity(request.value),
            "data": to_data(request.data),
        }
        if request.to is not None:
            fields["to"] = format_address(request.to)
        try:
            found = self._transport.request("eth_signTransaction", [fields])
            if isinstance(found, dict):  # geth and clef wrap it
                found = found.get("raw")
            raw = parse_data(found, "signed transaction")
        except ChainError as error:
            raise AccountError(f"the signing service does not sign: {error.message}", hint=error.hint) from None
        check_signed(request, raw, self._address)
        return raw
