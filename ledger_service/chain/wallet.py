"""A development wallet: signs typed data (EIP-712) with a public key, for demonstrations and on development chains.

Promises: it signs nothing for another chain. Does not: hold a secret; whoever reads this project has its keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_service.chain.account import development_account, development_signer
from ledger_service.chain.recursion import cap_recursion
from ledger_service.errors import AccountError


@dataclass(frozen=True, slots=True)
class DevelopmentWallet:
    """A party's wallet in a demonstration: the number of a development key, its address (20 bytes) and its chain."""

    index: int
    address: bytes
    chain_id: int

    def sign_typed_data(self, typed_data: dict[str, Any]) -> bytes:
        """Return the 65 bytes (r, s, v) that `eth_signTypedData_v4` returns.

        Raises:
            AccountError: The typed data are for another chain, or none.
        """
        from eth_account.messages import encode_typed_data

        cap_recursion()
        domain = typed_data.get("domain")
        if not isinstance(domain, dict) or domain.get("chainId") != self.chain_id:
            raise AccountError(f"development keys are public; this one signs for chain {self.chain_id} alone")
        try:
            message = encode_typed_data(full_message=typed_data)
        except Exception as error:  # eth-account has errors of its own for each crooked member
            raise AccountError(f"the typed data cannot be signed: {error}") from None
        return bytes(development_account(self.index).sign_message(message).signature)


def development_wallet(index: int, chain_id: int) -> DevelopmentWallet:
    """Return the wallet of a development key.

    Raises:
        AccountError: No such key, or `chain_id` is no development chain's.
    """
    return DevelopmentWallet(index, development_signer(index, chain_id).address, chain_id)
