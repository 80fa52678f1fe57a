"""Hold the verifier in the browser against the one in Python, on changed files of every kind (issue 7, show 2).

Receipts of real ledgers, their trust files, packages, completeness files, exports, contradictions and tlog-proofs are
changed in the ways of the campaigns that attack the verifier in Python, and both are given the same bytes with the same
truthful answers of nodes. Held is: both give the same report (each check, its outcome and its reason, so the same
verdict), both ask the same of nodes, and neither accepts a changed file. Then copies of the second verifier with one
check taken out are held against the first in the same way: each must be found. The second one runs in one Node process
that stays.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.core.case_proof import digest_of, encode_case_proof
from ledger_service.core.contradiction import encode_contradiction
from ledger_service.core.facts import Answer
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.tlog_proof import encode_tlog_proof, tlog_proof_of
from ledger_service.core.trust import encode_trust
from ledger_service.core.verify import questions
from ledger_service.errors import LedgerError
from tests.campaigns.mutate_receipts import change_receipt, change_trust, draws, pinned
from tests.campaigns.packages import kinds as packages
from tests.campaigns.receipts.document import covered, read, write
from tests.campaigns.receipts.kinds import KINDS
from tests.campaigns.receipts.trust_files import TRUST_KINDS
from tests.campaigns.receipts.world import World, open_world
from tests.core import forks
from tests.core.packages import answers, completeness, honest
from tests.core.receipts import TRUST
from tests.core.spoiled import OTHERS, at, paths, replaced, spellings
from tests.core.test_verify_export import lines as exported
from tests.verifier.first import first
from tests.verifier.second import MODULES, Given, Said, SecondVerifier

FILES, FILES_SHORT, FILES_LONG = 20_000, 300, 100_000
WEAKNESS_TRIES = 3_000  # changed files that a planted weakness may survive at most
BATCH = 16  # files that both work on at the same time; what is said of so many fits into a pipe
VALID = "valid"
RECEIPTS, TRUSTS, PACKAGES, PROOFS = "receipt", "trust file", "package", "proof"
SHARES = {RECEIPTS: 5, TRUSTS: 1, PACKAGES: 2, PROOFS: 2}  # of every ten files


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed file: what it is, how it was changed, and what both verifiers are given.

    `may_be_true`: what it says now can be true as well, as of another scope, or with an entry that is shown no more.
    """

    kind: str
    given: Given
    may_be_true: bool = False


Source = Callable[[], Changed]


@dataclass(slots=True)
class Tally:
    """What a run counted."""

    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)


class DisagreedError(AssertionError):
    """Two reports on one file, after so many tries."""

    def __init__(self, changed: Changed, found: Said, also: Said, tries: int) -> None:
        super().__init__(f"the verifiers disagree about {changed.kind}: {found} in Python, {also} in the browser")
        self.kind = changed.kind
        self.tries = tries


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where a promise is broken."""
    return measure(FILES_SHORT if short else FILES, seed)


def measure(count: int, seed: int) -> dict[str, Any]:
    """Hold the verifiers against each other on so many changed files, then find each weakness."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="verifiers-agree-") as name, open_world(Path(name)) as world:
        with SecondVerifier() as second:
            controls = check_controls(world, second)
            tally = attack(sources(world, rng), second, count)
        weaknesses = weaknesses_of(world)
        found = {
            one: find(world, change, Path(name) / one, random.Random(f"{seed} {one}"))
            for one, change in weaknesses.items()
        }
    return {
        "files_changed": tally.kinds.total(),
        "disagreements": 0,
        "verdicts": dict(tally.verdicts),
        "untouched_files": controls,
        "weaknesses_found": len(found),
        "found_by": found,
        "each_kind": dict(sorted(tally.kinds.items())),
    }


def check_controls(world: World, second: SecondVerifier) -> int:
    """Verify every untouched file; both say `valid` of each, or AssertionError."""
    controls = [_receipt(world, base, base.data, base.trust) for base in world.bases]
    controls.append(Given([("f", honest())], PINNED, answers()))
    controls += [Given([("f", data)], PINNED, answers()) for data in originals().values()]
    for given in controls:
        found, also = first(given), second.verify(given)
        tlog = found.reports[0]["checks"][0]["detail"].startswith("a tlog-proof")
        if found != also or found.reports[0]["verdict"] != ("inconclusive" if tlog else VALID):
            raise AssertionError(f"an untouched file: {found} in Python, {also} in the browser")
    return len(controls)


def attack(drawn: dict[str, Source], second: SecondVerifier, count: int) -> Tally:
    """Verify so many changed files with both, each source in turn.

    Raises:
        DisagreedError: At the first about which they disagree.
        AssertionError: One is valid.
    """
    tally = Tally()
    turns = _turns(list(drawn))
    while tally.kinds.total() < count:
        batch = [drawn[next(turns)]() for _ in range(min(BATCH, count - tally.kinds.total()))]
        for changed in batch:
            second.send(changed.given)
        said = [(first(changed.given), second.receive()) for changed in batch]
        for changed, (found, also) in zip(batch, said, strict=True):
            if found != also:
                raise DisagreedError(changed, found, also, tally.kinds.total() + 1)
            verdict = found.reports[0]["verdict"] if found.reports else "refused"
            if verdict == VALID and not changed.may_be_true:
                raise AssertionError(f"a changed file is valid: {changed.kind}")
            tally.kinds[changed.kind] += 1
            tally.verdicts["valid, for it is true too" if verdict == VALID else verdict] += 1
    return tally


def sources(world: World, rng: random.Random) -> dict[str, Source]:
    """Return what draws the next changed file of each sort, kind after kind."""
    receipts = draws(world, rng, KINDS, change_receipt)
    trusts = draws(world, rng, TRUST_KINDS, change_trust)
    archives, proofs = iter(_packages(rng)), iter(_proofs(rng))

    def receipt(draw: Callable[[], Any], sort: str) -> Changed:
        one = draw()
        return Changed(f"{sort}: {one.kind}", _receipt(world, one.base, one.data, one.trust))

    return {
        RECEIPTS: lambda: receipt(receipts, RECEIPTS),
        TRUSTS: lambda: receipt(trusts, TRUSTS),
        PACKAGES: lambda: next(archives),
        PROOFS: lambda: next(proofs),
    }


def _receipt(world: World, base: Any, data: bytes, trust: bytes) -> Given:
    """Return a receipt with what its own node truthfully answers to the questions that it raises."""
    try:
        said: Sequence[Answer] = world.ask(base.log.node, questions(data, pinned(trust)))
    except LedgerError:
        said = ()
    return Given([("f", data)], trust, said)


PINNED = encode_trust(TRUST)


def _packages(rng: random.Random) -> Iterator[Changed]:
    while True:
        for kind, change in packages.KINDS.items():
            data = change(rng)
            if not packages.is_lawful(kind, data):
                yield Changed(f"{PACKAGES}: {kind}", Given([("f", data)], PINNED, answers()))


def originals() -> dict[str, bytes]:
    """Return a proof file of each other sort, as it is right."""
    receipt = parse_receipt(packages.contents()[packages.RECEIPTS[0]])
    return {
        "completeness file": encode_case_proof(completeness()),
        "two roots": encode_contradiction(forks.roots()),
        "rewritten log": encode_contradiction(forks.rewriting()),
        "two leaves": encode_contradiction(forks.leaves()),
        "tlog-proof": encode_tlog_proof(tlog_proof_of(receipt)),
        "export": b"".join(exported()),
    }


def _proofs(rng: random.Random) -> Iterator[Changed]:
    right = originals()
    while True:
        for kind, data in right.items():
            for change in (packages.spoiled, packages.retyped, _other_hash, _restructured):
                changed = change(rng, data)
                if covered(changed) != covered(data):
                    name = f"{PROOFS}: {kind}, {change.__name__.strip('_')}"
                    yield Changed(name, Given([("f", changed)], PINNED, answers()), change is _restructured)


def _other_hash(rng: random.Random, data: bytes) -> bytes:
    """Change one digit of a hash or a node, with the digest right: whoever changes a file can compute it."""
    value = read(data)
    found = [one for one in _covered_paths(value) if _HASHES.fullmatch(str(at(value, one)))]
    if not found:
        return packages.retyped(rng, data)
    path = rng.choice(found)
    text = str(at(value, path))
    place = rng.randrange(2, len(text))
    digit = rng.choice([one for one in "0123456789abcdef" if one != text[place]])
    return _digested(replaced(value, path, text[:place] + digit + text[place + 1 :]))


def _restructured(rng: random.Random, data: bytes) -> bytes:
    """Put something else in one place of a document, with the digest right."""
    value = read(data)
    if not isinstance(value, dict):  # a tlog-proof
        return packages.spoiled(rng, data)
    path = rng.choice(_covered_paths(value))
    here = at(value, path)
    others = [*OTHERS, *(spellings(here) if isinstance(here, str) else [])]
    return _digested(replaced(value, path, rng.choice(others)))


def _covered_paths(value: Any) -> list[tuple[str | int, ...]]:
    return [path for path in paths(value) if path and path[0] not in UNCOVERED]


def _digested(value: dict[str, Any]) -> bytes:
    if "digest" in value:
        value["digest"] = digest_of({name: one for name, one in value.items() if name not in UNCOVERED})
    return write(value)


_HASHES = re.compile(r"(?:0x)?[0-9a-f]{40,}")
UNCOVERED = ("digest", "unprotected")  # of a completeness file


def _turns(sorts: list[str]) -> Iterator[str]:
    while True:
        for sort in sorts:
            yield from [sort] * SHARES[sort]


@dataclass(frozen=True, slots=True)
class Weakness:
    """Texts of modules that are replaced, each once, and by which sort of changed file that has to be found."""

    sort: str
    changes: tuple[tuple[str, str, str], ...]


def weaknesses_of(world: World) -> dict[str, Weakness]:
    """Return the second verifier's missing checks that have to be found."""
    return {"size_not_bound": _size_not_bound(world.true_sizes()), **WEAKNESSES}


def _size_not_bound(true_sizes: dict[bytes, int]) -> Weakness:
    """Signature and contract bind the root alone: as in a log that signs and anchors roots without sizes.

    The planted verifier knows the true size of each root, so that both hold, and believes the claimed one elsewhere.
    """
    sizes = ",".join(f'["{root.hex()}",{size}n]' for root, size in true_sizes.items())
    table = f"const TRUE = new Map([{sizes}]);\n"
    true = "(TRUE.get(toHex(checkpoint.root)) ?? checkpoint.size)"
    signed = "`${checkpoint.origin}\\n${" + true + "}\\n${toBase64(checkpoint.root)}\\n`"
    committed = "computeCommitment(anchor, { root: checkpoint.root, size: " + true + " })"
    return Weakness(
        RECEIPTS,
        (
            ("checkpoint", "const ED25519 =", table + "const ED25519 ="),
            ("checkpoint", "line.signature, toUtf8(checkpoint.text))", f"line.signature, toUtf8({signed}))"),
            ("verify_anchors", "const DEMONSTRATION =", table + "const DEMONSTRATION ="),
            ("verify_anchors", "computeCommitment(anchor, checkpoint)", committed),
        ),
    )


WEAKNESSES = {
    "signatures_not_verified": Weakness(
        RECEIPTS, (("ed25519", "return equal(found.toBytes(), r);", "return found !== r;"),)
    ),
    "values_not_opened": Weakness(
        RECEIPTS, (("verify", "if (equal(commitmentOf(name, shown), commitment)) continue;", "continue;"),)
    ),
    "state_nodes_not_hashed": Weakness(
        RECEIPTS, (("state_proof", "if (!equal(keccak(encoded), child)) {", "if (false) {"),)
    ),
    "any_spelling": Weakness(RECEIPTS, (("encoding", "if (spell(value) !== withoutSpace(text)) {", "if (false) {"),)),
    "names_twice": Weakness(RECEIPTS, (("encoding", "if (value.size !== members.length) {", "if (false) {"),)),
    "key_changes_left_out": Weakness(
        RECEIPTS, (("verify", "keys = [entry.newKey];", "keys = [...keys, entry.newKey];"),)
    ),
    "head_not_compared": Weakness(
        RECEIPTS, (("verify_anchors", "if (!equal(answer.commitment, commitment)) {", "if (false) {"),)
    ),
    "log_id_of_any_registrar": Weakness(
        TRUSTS, (("trust", "if (equal(one.logId, computeLogId(one, origin))) continue;", "continue;"),)
    ),
    "headers_not_compared": Weakness(
        PACKAGES,
        (("archive", "if (!equal(data.subarray(one.headerAt, one.contentAt), header(one))) {", "if (false) {"),),
    ),
    "files_not_hashed": Weakness(
        PACKAGES,
        (("verify_package", "if (wanted !== undefined && !equal(sha256(data), wanted)) {", "if (false) {"),),
    ),
    "sizes_not_compared": Weakness(
        PACKAGES, (("verify_package", "others.get(name)?.size === size", "others.has(name) && size >= 0"),)
    ),
    "case_index_not_hashed": Weakness(
        PROOFS, (("trie", "if (equal(keccak(node), wanted)) return node;", "return wanted && node;"),)
    ),
    "paths_that_lead_nowhere": Weakness(
        PROOFS, (("verify_contradiction", "if (!equal(led.newer, newer.root)) {", "if (false) {"),)
    ),
}


def find(world: World, weakness: Weakness, folder: Path, rng: random.Random) -> dict[str, Any]:
    """Hold a second verifier that lacks one check against the first; return the kind that told, and after how many."""
    with SecondVerifier(planted(folder, weakness.changes)) as second:
        try:
            attack({weakness.sort: sources(world, rng)[weakness.sort]}, second, WEAKNESS_TRIES)
        except DisagreedError as found:
            return {"kind": found.kind, "tries": found.tries}
    raise AssertionError(f"{WEAKNESS_TRIES} changed files did not find the planted weakness {weakness.changes[0]}")


def planted(folder: Path, changes: Sequence[tuple[str, str, str]]) -> Path:
    """Return a copy of the modules in a new folder, with texts replaced that stand exactly once in their module."""
    shutil.copytree(MODULES, folder)
    for module, text, replacement in changes:
        path = folder / f"{module}.js"
        source = path.read_text()
        if source.count(text) != 1:
            raise AssertionError(f"{text!r} stands {source.count(text)} times in {module}.js: adapt the weakness")
        path.write_text(source.replace(text, replacement))
    return folder
