"""Two signed heads, or two leaves at one index, compared: they are of one log, or there is a file that shows it.

Promises: a contradiction is only returned as a file that `verify_contradiction` calls valid; a proof that leads nowhere
is a wrong answer of whoever gave it, and nothing against the log. Does not: ask the log itself; it is given who to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ledger_service.client.failures import ClientError, WrongAnswerError
from ledger_service.client.public_log import ShownHead
from ledger_service.core.contradiction import Contradiction, encode_contradiction, rewritten, two_roots
from ledger_service.core.merkle import reconstruct_roots
from ledger_service.core.proven_leaf import ProvenLeaf, contradict
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.errors import InvalidProofError

Paths = Callable[[int, int], Sequence[bytes]]  # the path from the tree of one size to that of a larger


def compare_heads(one: ShownHead, other: ShownHead, *, trust: Trust, paths: Iterable[Paths]) -> bytes | None:
    """Return the contradiction file of two signed heads, None if the larger begins with the smaller.

    Args:
        one: A head.
        other: Another head of the same log.
        trust: What is pinned.
        paths: Who may know the path between them; the next one is asked where one leads nowhere.

    Raises:
        ClientError: Nobody gave a path that leads to the larger head: which of the two it is, is not known.
    """
    older, newer = sorted((one, other), key=lambda head: head.checkpoint.size)
    if older.checkpoint.size == newer.checkpoint.size:
        if older.checkpoint.root == newer.checkpoint.root:
            return None
        return _file(two_roots(older.signed, newer.signed), trust)
    failed: ClientError = WrongAnswerError("fork", "nobody gave a path between the two heads")
    for ask in paths:
        try:
            path = ask(older.checkpoint.size, newer.checkpoint.size)
            before, after = reconstruct_roots(older.checkpoint.size, newer.checkpoint.size, path)
        except ClientError as error:
            failed = error
        except InvalidProofError as error:
            failed = WrongAnswerError("fork", error.message)
        else:
            if after != newer.checkpoint.root:
                failed = WrongAnswerError("fork", "the path that was given does not lead to the signed root")
                continue
            if before == older.checkpoint.root:
                return None
            return _file(rewritten(older.signed, newer.signed, path), trust)
    raise failed


def compare_leaves(one: ProvenLeaf, other: ProvenLeaf, *, trust: Trust) -> bytes | None:
    """Return the contradiction file of two leaves that receipts prove, None if they can stand in one log."""
    found = contradict(one, other)
    return None if found is None else _file(found, trust)


def _file(contradiction: Contradiction, trust: Trust) -> bytes:
    data = encode_contradiction(contradiction)
    report = verify_contradiction(data, trust)
    assert report.verdict is Verdict.VALID  # both heads were verified; nobody is blamed with less
    return data
