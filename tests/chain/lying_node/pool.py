"""Transactions that wait, by the rules and in the words of geth's pool.

| offered | answer |
|---|---|
| the same transaction again | `already known` |
| a nonce that a block has | `nonce too low` |
| more than the account holds | `insufficient funds for gas * price + value` |
| a nonce that another one waits for, not 10 % dearer by both caps | `replacement transaction underpriced` |
| a nonce beyond a gap | taken, and waits for the gap to close |
| a cap below the base fee | taken, and waits for the fee to fall |

Promises: of one account and nonce one transaction waits. Does not: forget what waits long.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.chain.lying_node.ledger_state import State, Tx

BUMP_PERCENT = 110


class RefusedError(Exception):
    """The pool does not take it; the text is geth's."""


class Pool:
    """What waits, in the order in which it came."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, int], Tx] = {}

    def __iter__(self) -> Iterator[Tx]:
        return iter(self._waiting.values())

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, tx: Tx, state: State) -> None:
        """Take a transaction.

        Raises:
            RefusedError: As the table says.
        """
        place = (tx.sender, tx.nonce)
        old = self._waiting.get(place)
        if old is not None and old.tx_hash == tx.tx_hash:
            raise RefusedError("already known")
        if tx.priority_fee > tx.max_fee:
            raise RefusedError(
                "max priority fee per gas higher than max fee per gas: address"
                f" 0x{tx.sender.hex()}, maxPriorityFeePerGas: {tx.priority_fee}, maxFeePerGas: {tx.max_fee}"
            )
        if tx.nonce < (next_nonce := state.nonce(tx.sender)):
            raise RefusedError(f"nonce too low: next nonce {next_nonce}, tx nonce {tx.nonce}")
        if (balance := state.balance(tx.sender)) < tx.most:
            raise RefusedError(
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {tx.most},"
                f" overshot {tx.most - balance}"
            )
        if old is not None and not _dearer(tx, old):
            raise RefusedError("replacement transaction underpriced")
        self._waiting[place] = tx

    def put_back(self, txs: list[Tx]) -> None:
        """Take transactions of blocks that left the chain; what came meanwhile for the same nonce stays."""
        for tx in txs:
            self._waiting.setdefault((tx.sender, tx.nonce), tx)

    def pending_nonce(self, sender: bytes, state: State) -> int:
        """Return the nonce after those that wait without a gap."""
        nonce = state.nonce(sender)
        while (sender, nonce) in self._waiting:
            nonce += 1
        return nonce

    def next_for(self, state: State, base_fee: int) -> Tx | None:
        """Return the oldest transaction that a block may hold now."""
        for tx in self._waiting.values():
            payable = state.balance(tx.sender) >= tx.most
            if tx.nonce == state.nonce(tx.sender) and tx.max_fee >= base_fee and payable:
                return tx
        return None

    def remove(self, tx: Tx) -> None:
        """Forget what a block holds now, whichever transaction of that nonce waited."""
        self._waiting.pop((tx.sender, tx.nonce), None)

    def drop_stale(self, state: State) -> None:
        """Forget what can never be in a block any more."""
        for tx in [tx for tx in self._waiting.values() if tx.nonce < state.nonce(tx.sender)]:
            del self._waiting[(tx.sender, tx.nonce)]

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()


def _dearer(tx: Tx, old: Tx) -> bool:
    return all(
        new > before and new >= before * BUMP_PERCENT // 100
        for new, before in ((tx.max_fee, old.max_fee), (tx.priority_fee, old.priority_fee))
    )
