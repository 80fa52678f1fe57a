"""Attack the verifier of packages with changed ones (`packages/kinds.py`), as `mutate_receipts` does with receipts.

Held is: no changed package is `valid`, nothing raises, no call takes a second of processor time, and the untouched one
is `valid`. Then copies of the verifier with one check taken out are attacked in the same way: each must be found. The
package is small (four entries, one original), for its verification is what takes the time.
"""

from __future__ import annotations

import dataclasses
import importlib
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ledger_service.core.trust import encode_trust
from tests.campaigns.packages.kinds import KINDS, is_lawful
from tests.campaigns.receipts.judge import planted
from tests.core.packages import Bytes, answers, honest
from tests.core.receipts import TRUST as PINNED

CHANGED, CHANGED_SHORT = 100_000, 1_000
WEAKNESS_TRIES = 3_000  # changed packages that a planted weakness may survive at most
SECONDS_MAX = 1.0  # of processor time, for one package
VALID = "valid"

PACKAGE, VERIFY = "core/package", "core/verify_package"
WEAKNESSES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "files_not_hashed": ((VERIFY, "if name in sums and digest.digest() != sums[name]:", "if False:"),),
    "checksums_not_compared": ((VERIFY, "if crc != one.member.crc:", "if False:"),),
    "any_signature": (
        (PACKAGE, 'raise InvalidSignatureError("the note bears no signature by a key of the log")', "return"),
    ),
    "another_lists_note": (
        (
            PACKAGE,
            "text = _note_text(manifest, origin=origin, return_id=return_id)\n    if not",
            'text = note.partition(b"\\n\\n")[0] + b"\\n"\n    if not',
        ),
    ),
    "unlisted_files": ((VERIFY, "if listed != held:", "if False:"),),
    "any_layout": ((VERIFY, "require_layout(list(placed))", "pass"),),
    "head_not_bound": (
        (VERIFY, "if (previous, len(chain)) != (opened.manifest.head, opened.manifest.chain):", "if False:"),
    ),
    "holes_in_the_chain": (  # the seal's count would show them too
        (VERIFY, "if (step.seq, step.prev) != (place, previous):", "if False:"),
        ("core/verify_complete", "if (len(covered), last) != (counted.count, counted.last):", "if False:"),
    ),
    "case_index_unbound": (("core/trie", "if keccak(node) != wanted:", "if False:"),),
    "receipts_not_counted": ((VERIFY, "if count != wanted:", "if False:"),),
    "receipts_under_any_name": ((VERIFY, "if step is None or step.event.index != index:", "if step is None:"),),
    "events_not_compared": (
        ("core/verify_events", "if count == len(said) or event != said[count]:", "if count == len(said):"),
    ),
    "originals_not_compared": ((VERIFY, "if shown != (sums[name],):", "if False:"),),
    "trust_file_of_another_log": (
        (VERIFY, "if (carried.origin, carried.genesis) != (trust.origin, trust.genesis):", "if False:"),
    ),
    "headers_not_compared": (
        ("core/archive", "if _exactly(source, one.header_at, len(wanted)) != wanted:", "if False:"),
    ),
}


class WentThroughError(AssertionError):
    """A changed package that is `valid`, after so many tries."""

    def __init__(self, kind: str, tries: int) -> None:
        super().__init__(f"a changed package is valid: {kind}, after {tries}")
        self.kind = kind
        self.tries = tries


class RaisedError(AssertionError):
    """A changed package at which the verifier raised, after so many tries."""

    def __init__(self, kind: str, tries: int, error: Exception) -> None:
        super().__init__(f"the verifier raised {error!r} on a package changed by {kind}")
        self.kind = kind
        self.tries = tries


class PackageVerifier:
    """`verify_package` of one package of modules, with a node's answers carried across."""

    def __init__(self, package: str = "ledger_service") -> None:
        self._verify = importlib.import_module(f"{package}.core.verify_package").verify_package
        facts = importlib.import_module(f"{package}.core.facts")
        self._trust = importlib.import_module(f"{package}.core.trust").parse_trust(encode_trust(PINNED))
        self._answers = []
        for answer in answers():
            members = {one.name: getattr(answer, one.name) for one in dataclasses.fields(answer)}
            asked = members["question"]
            own = {one.name: getattr(asked, one.name) for one in dataclasses.fields(asked)}
            members["question"] = facts.Question(**own)
            self._answers.append(getattr(facts, type(answer).__name__)(**members))

    def verdict(self, data: bytes) -> str:
        """Return what it says of an archive."""
        return str(self._verify(Bytes(data), self._trust, self._answers).verdict.value)


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where a promise is broken."""
    rng = random.Random(seed)
    kinds, verdicts, slowest = attack(PackageVerifier(), rng, CHANGED_SHORT if short else CHANGED)
    with tempfile.TemporaryDirectory(prefix="mutate-packages-") as name:
        found = {one: find(one, Path(name), random.Random(f"{seed} {one}")) for one in WEAKNESSES}
    return {
        "packages_changed": kinds.total(),
        "verdicts": dict(verdicts),
        "slowest_seconds": round(slowest, 3),
        "weaknesses_found": len(found),
        "found_by": found,
        "each_kind": dict(sorted(kinds.items())),
    }


def attack(verifier: PackageVerifier, rng: random.Random, count: int) -> tuple[Counter[str], Counter[str], float]:
    """Verify `count` changed packages, each kind in turn; return kinds, verdicts and the slowest seconds.

    Raises:
        WentThroughError: One is valid.
        RaisedError: The verifier raised at one.
    """
    if verifier.verdict(honest()) != VALID:
        raise AssertionError("the untouched package is not valid")
    kinds: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    slowest = 0.0
    order = list(KINDS)
    while kinds.total() < count:
        kind = order[kinds.total() % len(order)]
        data = KINDS[kind](rng)
        if is_lawful(kind, data):
            order.append(order.pop(order.index(kind)))
            continue
        started = time.thread_time()
        try:
            verdict = verifier.verdict(data)
        except Exception as error:
            raise RaisedError(kind, kinds.total() + 1, error) from error
        slowest = max(slowest, time.thread_time() - started)
        kinds[kind] += 1
        verdicts[verdict] += 1
        if verdict == VALID:
            raise WentThroughError(kind, kinds.total())
        if slowest > SECONDS_MAX:
            raise AssertionError(f"{slowest:.2f} s of processor time for a package changed by {kind}")
    return kinds, verdicts, slowest


def find(name: str, folder: Path, rng: random.Random) -> dict[str, Any]:
    """Attack a verifier that lacks one check; return the kind that went through, and after how many packages."""
    with planted(folder, f"package_{name}", WEAKNESSES[name]):
        try:
            attack(PackageVerifier(f"package_{name}"), rng, WEAKNESS_TRIES)
        except (WentThroughError, RaisedError) as found:
            return {"kind": found.kind, "tries": found.tries}
    raise AssertionError(f"{WEAKNESS_TRIES} changed packages did not find the planted weakness {name}")
