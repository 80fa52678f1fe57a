"""Fork a real ledger under its own key, and see whether those who watch find out (P10).

A ledger is founded and served; beside it stands a second server with the same key and another log: split views of one
size or two, rewritten, cut off, with another leaf at an index. A monitor that saw the true log, a witness that cosigned
it, two clients that exchange checkpoints, and two holders of receipts who give them to `rledger verify` must find every
fork, and `rledger verify` must accept what they wrote down. Then files are forged against the honest log, out of
everything that it signed and proved: none may be valid, a batch of them for the program itself. And copies of the
verifier with one check taken out must be found by the same forgeries.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.cli.output import EXIT_INVALID
from ledger_service.client import ClientError, ContradictionError, Ledger
from ledger_service.core import merkle
from ledger_service.core.contradiction import encode_contradiction, parse_contradiction
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust, encode_trust
from ledger_service.operations.prove import prove
from ledger_service.watch.witness import Witness
from tests.api.asking import Asking, asking
from tests.campaigns.framing.forging import bent, forge, spoiled, withheld
from tests.campaigns.receipts.document import covered
from tests.campaigns.receipts.judge import planted
from tests.cli.program import Program
from tests.client.asking import Hurry, Wire
from tests.operations.conftest import make_world
from tests.watch.shown import ShownLog, watch

FORKS, FORKS_SHORT = 50, 12
FORGED, FORGED_SHORT = 1_000, 300
FORGED_FOR_THE_PROGRAM = 100  # of these, given to the program in one call
MUTATED, MUTATED_SHORT = 100_000, 11_000  # of the files that show a fork
CASES = 30  # of the true ledger before the first fork; each fork sees a few more
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(5, 37)))
WEAKNESSES: dict[str, tuple[str, str, str]] = {
    "key_not_pinned": ("core/verify_contradiction", "verify_checkpoint(head.note, keys, origin=trust.origin)", "pass"),
    "size_not_bound": ("core/verify_contradiction", "if one.size != other.size:", "if False:"),
    "newer_root_not_compared": ("core/verify_contradiction", "if after != newer.root:", "if False:"),
    "older_root_not_compared": ("core/verify_contradiction", "if before == older.root:", "if False:"),
    "inclusion_not_verified": (
        "core/verify_contradiction",
        "verify_inclusion(leaf.leaf_hash, found.index, head.size, leaf.inclusion, head.root)",
        "pass",
    ),
}
Judge = Callable[[bytes], str]


@dataclass
class TrueLog:
    """The honest ledger: its service, what is pinned of it, and all that it may sign and prove."""

    service: Asking
    trust: Trust
    wire: Wire
    shown: ShownLog

    def grow(self, cases: int) -> None:
        """Record so many returns more."""
        for _ in range(cases):
            self.service.open_case()
        read = self.service.ledger.read
        known = len(self.shown.entries)
        self.shown.entries += [read.entry(index).encoded for index in range(known, read.size())]


@contextmanager
def true_log(folder: Path) -> Iterator[TrueLog]:
    """Found a ledger, and serve it."""
    world = make_world(folder / "home")
    world.found()
    with asking(world, folder) as service:
        ledger = service.ledger
        assert ledger.signing_key is not None
        log = TrueLog(service, ledger.trust(), Wire(service.app), ShownLog(ledger.origin, ledger.signing_key, []))
        log.grow(CASES)
        yield log


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where a promise is broken."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="forks-") as name, true_log(Path(name)) as log:
        found = find_forks(log, Path(name), rng, FORKS_SHORT if short else FORKS)
        refused = refuse_forged(log, rng, FORGED_SHORT if short else FORGED)
        by_program = refuse_forged_by_the_program(log, Path(name) / "forged", rng, FORGED_FOR_THE_PROGRAM)
        mutated = refuse_mutated(log.trust, Path(name) / "evidence", rng, MUTATED_SHORT if short else MUTATED)
        weak = {weakness: find_weakness(log, Path(name), rng, weakness) for weakness in WEAKNESSES}
    return {
        **found,
        "forged": refused,
        "forged_for_the_program": by_program,
        "mutated": mutated,
        "weaknesses_found_after": weak,
    }


# ── forks are found ──────────────────────────────────────────────────────────────────────────────────────────────────


def find_forks(log: TrueLog, folder: Path, rng: random.Random, count: int) -> dict[str, Any]:
    """Fork the log so many times; return who wrote what down."""
    found: Counter[str] = Counter()
    evidence = folder / "evidence"
    evidence.mkdir()
    shown_to_witness = 0
    for number in range(count):
        log.grow(rng.randrange(1, 3))
        at, lie = fork(log.shown, rng)
        own = folder / f"fork-{number}"
        own.mkdir()
        files = {
            "monitor": monitored(log, lie, own / "monitor"),
            "clients": compared(log, lie),
            "witness": witnessed(log, lie, own / "witness"),
            "two receipts": (leaves := receipts_compared(log, lie, at, own)),
            "two receipts with entries": with_entries(leaves, [*log.shown.entries, *lie.entries]),
        }
        shown_to_witness += proof_shows_fork(log.shown, lie)
        for who, data in files.items():
            if data is not None:
                found[who] += 1
                (evidence / f"{number}-{who.replace(' ', '-')}.contradiction.json").write_bytes(data)
    assert found["monitor"] == found["clients"] == found["two receipts"] == count, found
    assert found["witness"] == shown_to_witness, (found, shown_to_witness)
    return {"forks": count, "written_down_by": dict(found), "accepted": accepted(log.trust, folder, evidence)}


def fork(true: ShownLog, rng: random.Random) -> tuple[int, ShownLog]:
    """Return where a lie begins, and the lie: the same log up to there, then at least one other entry."""
    size = len(true.entries)
    at = rng.randrange(1, size)
    other = rng.choice([entry for entry in true.entries if entry != true.entries[at]])
    form = rng.randrange(4)
    if form == 0:  # another leaf at one index, everything else the same
        return at, true.fork(at, [other, *true.entries[at + 1 :]])
    if form == 1:  # cut off and shorter than what was shown
        return at, true.fork(at, [other] * rng.randrange(1, size - at + 1))
    if form == 2:  # rewritten and grown
        return at, true.fork(at, [other, *rng.choices(true.entries, k=size - at + rng.randrange(1, 40))])
    return at, true.fork(size - 1, [other] * rng.randrange(1, 5)) if other != true.entries[-1] else true.fork(
        size - 1, [true.entries[0]]
    )


def monitored(log: TrueLog, lie: ShownLog, folder: Path) -> bytes | None:
    """Let a monitor see the true service, then the lie."""
    honest = watch(log.wire, log.trust, folder)
    assert honest.report.verdict is Verdict.VALID, honest.report
    assert honest.size == len(log.shown.entries)
    found = watch(lie, log.trust, folder)
    assert found.report.verdict is Verdict.INVALID, found.report
    return None if found.evidence is None else found.evidence.read_bytes()


def compared(log: TrueLog, lie: ShownLog) -> bytes | None:
    """Let two clients, one of each log, exchange checkpoints; none of them may be content."""
    written: list[bytes] = []
    pinned, patience = encode_trust(log.trust), Hurry().patience(1.0)
    with (
        Ledger("https://ledger.test", None, trust=pinned, transport=log.wire, patience=patience) as one,
        Ledger("https://ledger.test", None, trust=pinned, transport=lie, patience=patience) as other,
    ):
        one.checkpoint()
        other.checkpoint()
        for mine, note in ((one, other.newest_note), (other, one.newest_note)):
            try:
                mine.compare(note)
            except ContradictionError as error:
                written.append(error.evidence)
            except ClientError:
                continue  # this one's service does not know the larger log: the other convicts
            else:
                raise AssertionError("two clients of two logs found nothing")
    return written[0] if written else None


def witnessed(log: TrueLog, lie: ShownLog, folder: Path) -> bytes | None:
    """Let a witness cosign the true head, then ask it for the lie in every way; it never may."""
    folder.mkdir()
    witness = Witness(folder, "witness.test", WITNESS, [log.trust], now=lambda: 1_793_701_400.0)
    size, other = len(log.shown.entries), len(lie.entries)
    assert witness.add(_request(0, [], log.shown.note())).status == 200
    proofs: list[list[bytes]] = [[]]
    if size < other:
        proofs += [lie.consistency(size, other)]
    for old in {0, 1, size, other}:
        for proof in proofs:
            assert witness.add(_request(old, proof, lie.note())).status != 200
    written = sorted((folder / "evidence").glob("*"))
    assert bool(written) == proof_shows_fork(log.shown, lie), (size, other)
    return written[0].read_bytes() if written else None


def proof_shows_fork(true: ShownLog, lie: ShownLog) -> bool:
    """Say whether what a witness is sent of a lie convicts the log.

    Of a smaller log it is sent no proof; and one that starts at a complete subtree leaves that subtree's root out, so
    it leads to the newer root only with the older one put in by whoever verifies, and shows nothing (SPEC.md §16).
    """
    size, other = len(true.entries), len(lie.entries)
    return other == size or (other > size and size & (size - 1) != 0)


def _request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return "".join(line + "\n" for line in lines).encode() + b"\n" + note


def receipts_compared(log: TrueLog, lie: ShownLog, at: int, folder: Path) -> bytes:
    """Let two holders of receipts at one index give them to `rledger verify`; return what it wrote down."""
    at = next(index for index in range(at, len(lie.entries)) if lie.entries[index] != log.shown.entries[index])
    pinned, evidence = folder / "ledger.trust.json", folder / "shown"
    pinned.write_bytes(encode_trust(log.trust))
    receipts = {"true": prove(log.service.ledger, at), "false": _receipt(lie, at)}
    files = []
    for name, receipt in receipts.items():
        files.append(folder / f"{name}.receipt.json")
        files[-1].write_bytes(encode_receipt(receipt))
    given = ("--trust", pinned, "--contradictions", evidence)
    ended = Program(folder / "nowhere")("verify", *files, *given)
    assert ended.code == EXIT_INVALID, ended.reported
    assert "the log contradicts itself" in ended.out
    (written,) = evidence.iterdir()
    return written.read_bytes()


def with_entries(data: bytes, entries: Sequence[bytes]) -> bytes:
    """Return a file of two leaves with their entries, as whoever may show them hands it on."""
    known: dict[bytes, bytes] = {merkle.leaf_hash(entry): entry for entry in entries}
    found = parse_contradiction(data)
    leaves = tuple(dataclasses.replace(leaf, entry=known[leaf.leaf_hash]) for leaf in found.leaves)
    return encode_contradiction(dataclasses.replace(found, leaves=leaves))


def _receipt(log: ShownLog, at: int) -> Receipt:
    """Return the receipt of an entry as the holder of the key makes it: every value withheld, not anchored."""
    entry, size = parse_entry(log.entries[at]), len(log.entries)
    named = entry.all_commitments() if isinstance(entry, CaseEntry) else ()
    records = tuple(Record(one.name, None) for one in named)
    return Receipt(log.entries[at], at, records, log.inclusion(at, size), log.note())


def accepted(trust: Trust, folder: Path, evidence: Path) -> int:
    """Return how many files `rledger verify` accepts: all of them."""
    pinned = folder / "ledger.trust.json"
    pinned.write_bytes(encode_trust(trust))
    files = sorted(evidence.glob("*.contradiction.json"))
    ended = Program(folder / "nowhere").done("verify", *files, "--trust", pinned, "--json")
    verdicts = Counter(one["verdict"] for one in ended.json())
    assert verdicts == {"valid": len(files)}
    return len(files)


# ── nobody is framed ─────────────────────────────────────────────────────────────────────────────────────────────────


def refuse_forged(log: TrueLog, rng: random.Random, count: int) -> dict[str, int]:
    """Verify so many files that were forged against the honest log; none is valid."""
    verdicts = judge_forged(log, rng, count, _judge(log.trust, "ledger_service"))
    assert "valid" not in verdicts, verdicts
    return dict(verdicts)


def refuse_forged_by_the_program(log: TrueLog, folder: Path, rng: random.Random, count: int) -> int:
    """Give so many forged files to the program in one call, as a child process; return how many it refused: all."""
    folder.mkdir()
    pinned = folder / "ledger.trust.json"
    pinned.write_bytes(encode_trust(log.trust))
    files, judge, expected = [], _judge(log.trust, "ledger_service"), []
    for number in range(count):
        data = forge(log.shown, rng)
        files.append(folder / f"{number:04}.contradiction.json")
        files[-1].write_bytes(data)
        expected.append(judge(data))
    ended = Program(folder / "nowhere").child("verify", *files, "--trust", pinned, "--json")
    assert ended.code == EXIT_INVALID, ended.reported
    said = [one["verdict"] for one in ended.json()]
    assert said == expected, "the program says otherwise than the verifier"
    assert "valid" not in said
    return len(said)


def refuse_mutated(trust: Trust, evidence: Path, rng: random.Random, count: int) -> dict[str, int]:
    """Change so many files that are valid, each in one place that verification covers; none is valid afterwards."""
    judge, verdicts = _judge(trust, "ledger_service"), Counter[str]()
    files = [path.read_bytes() for path in sorted(evidence.glob("*.contradiction.json"))]
    while verdicts.total() < count:
        data = rng.choice(files)
        changed = spoiled(data, rng) if rng.randrange(50) == 0 else bent(data, rng)
        if covered(changed) != covered(data) and not withheld(changed, data):
            verdicts[judge(changed)] += 1
    assert "valid" not in verdicts, verdicts
    return dict(verdicts)


def find_weakness(log: TrueLog, folder: Path, rng: random.Random, name: str) -> int:
    """Return how many forged files a verifier without one check withstood; one of them must be valid for it."""
    with planted(folder, f"forks_{name}", (WEAKNESSES[name],)):
        judge = _judge(log.trust, f"forks_{name}")
        for tries in range(1, 2_001):
            with suppress(AssertionError):  # the copy may trip over what it no longer refuses
                if judge(forge(log.shown, rng)) == "valid":
                    return tries
    raise AssertionError(f"no forged file was valid without the check {name}: the campaign is too weak")


def judge_forged(log: TrueLog, rng: random.Random, count: int, judge: Judge) -> Counter[str]:
    """Return how many forged files got which verdict."""
    return Counter(judge(forge(log.shown, rng)) for _ in range(count))


def _judge(trust: Trust, package: str) -> Judge:
    verify = importlib.import_module(f"{package}.core.verify_contradiction").verify_contradiction
    pinned = importlib.import_module(f"{package}.core.trust").parse_trust(encode_trust(trust))
    return lambda data: str(verify(data, pinned).verdict.value)
