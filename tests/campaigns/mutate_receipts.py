"""Attack the verifier with changed receipts and changed trust files (threats, J and T9).

Real ledgers are founded, anchored and proved; their receipts are changed in every way that `receipts/kinds_*.py`
names, by bytes and by structure; each changed file is verified with what a node truthfully answers to the questions
that it raises, and once more with no node and the hashes of final blocks. Held is: no changed receipt is `valid`,
nothing raises, no call takes a second of processor time, and every untouched receipt is `valid`, also with other white
space, other content under `unprotected`, or less shown. `receipts/world.py` says what counts as a change. Then copies
of the verifier with one check taken out are attacked in the same way: each must be found, or the campaign would be too
weak to mean anything.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.core.trust import Trust, parse_trust
from tests.campaigns.receipts.document import covered, write
from tests.campaigns.receipts.draw import Draw, Kind
from tests.campaigns.receipts.judge import STATED, VALID, Judgement, Verifier, planted
from tests.campaigns.receipts.kinds import KINDS
from tests.campaigns.receipts.kinds_note import sizes_of_the_same_root
from tests.campaigns.receipts.trust_files import TRUST_KINDS, still_pins
from tests.campaigns.receipts.weaknesses import RECEIPTS, Weakness, weaknesses
from tests.campaigns.receipts.world import Base, World, open_world

RECEIPTS_CHANGED, RECEIPTS_CHANGED_SHORT = 100_000, 8_000
TRUSTS_CHANGED, TRUSTS_CHANGED_SHORT = 2_000, 300
WEAKNESS_TRIES = 10_000  # changed files that a planted weakness may survive at most
DRAWS_FOR_EVERY_KIND = 10  # on average; a few kinds fit a dozen receipts only, and two draws may miss them all
DRAWS_MAX = 40  # of one kind in a row that give nothing new: a kind may have few forms
SECONDS_MAX = 1.0  # of processor time, for one call of `questions` or `verify`


@dataclass(frozen=True, slots=True)
class Changed:
    """One counted mutation: its kind, the receipt it started from, the file to verify and the trust file to pin."""

    kind: str
    base: Base
    data: bytes
    trust: bytes


@dataclass(slots=True)
class Tally:
    """What a run counted."""

    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    seconds_max: float = 0.0


class WentThroughError(AssertionError):
    """A changed file that is `valid`, after so many tries."""

    def __init__(self, changed: Changed, tries: int) -> None:
        super().__init__(f"a changed file is valid: {describe(changed)}")
        self.changed = changed
        self.tries = tries


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where a promise is broken."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="mutate-receipts-") as name, open_world(Path(name)) as world:
        controls = check_controls(world, Verifier(), rng)
        receipts = attack(world, Verifier(), rng, RECEIPTS_CHANGED_SHORT if short else RECEIPTS_CHANGED)
        trusts = attack_trust(world, Verifier(), rng, TRUSTS_CHANGED_SHORT if short else TRUSTS_CHANGED)
        found = {
            weakness.name: find(world, weakness, Path(name), random.Random(f"{seed} {weakness.name}"))
            for weakness in weaknesses(world.true_sizes())
        }
        same_root = sum(1 for base in world.bases if sizes_of_the_same_root(base))
    return {
        "controls_valid": controls,
        "receipts_changed": receipts.kinds.total(),
        "receipt_kinds": len(receipts.kinds),
        "receipt_verdicts": dict(receipts.verdicts),
        "slowest_seconds": round(max(receipts.seconds_max, trusts.seconds_max), 3),
        "receipts_with_a_second_size_of_the_same_root": same_root,
        "trust_files_changed": trusts.kinds.total(),
        "trust_files_refused": trusts.refused,
        "trust_verdicts": dict(trusts.verdicts),
        "weaknesses_found": len(found),
        "found_by": found,
        "each_receipt_kind": dict(sorted(receipts.kinds.items())),
        "each_trust_kind": dict(sorted(trusts.kinds.items())),
    }


def check_controls(world: World, verifier: Verifier, rng: random.Random) -> int:
    """Verify every untouched receipt and its lawful variants; return how many were `valid`, as all must be."""
    count = 0
    for base in world.bases:
        trust = parse_trust(base.trust)
        for variant in (base.data, *lawful_variants(base, rng)):
            judged = verifier.judge(world, base, variant)
            if judged.verdict != VALID:
                raise AssertionError(f"an untouched receipt is {judged.verdict}: {base.name}: {judged.against}")
            if alone(base) and verifier.judge(world, base, variant, offline=True).verdict != VALID:
                raise AssertionError(f"an untouched receipt is not valid without a node: {base.name}")
            if not world.is_lawful(variant, trust):
                raise AssertionError(f"the campaign would count an untouched receipt as changed: {base.name}")
            count += 1
    for base in world.pending:
        judged = verifier.judge(world, base, base.data)
        if judged.verdict != "inconclusive":
            raise AssertionError(f"a receipt that is not anchored yet is {judged.verdict}: {judged.against}")
    return count


def alone(base: Base) -> bool:
    """Return whether a receipt proves all that it says by itself, given the hash of a block."""
    value = base.value()
    after = value["after"]
    return all(anchor["state"] for anchor in value["anchors"]) and (after is None or after["storage"] is not None)


def lawful_variants(base: Base, rng: random.Random) -> list[bytes]:
    """Return variants that say the same: white space, `unprotected`, and (where anything is shown) one value less."""
    value = base.value()
    spaces = [b" ", b"\n", b"\t", b"\r\n", b""]
    lines = [line.strip() for line in base.data.splitlines()]
    spaced = b"".join(line + rng.choice(spaces) for line in lines)
    value["unprotected"] = {
        "state": rng.choice(["lost", "\u001b[2J", "<b>verified</b>"]),
        "more": [None, {"a": rng.random() < 0.5}],
    }
    variants = [spaced, b"\r\n\t " + base.data.replace(b"\n", b"\r\n"), write(value)]
    shown = [record for record in value["records"] if "salt" in record]
    if shown:
        record = rng.choice(shown)
        del record["salt"], record["value"]
        variants.append(write(value))
    return variants


def attack(world: World, verifier: Verifier, rng: random.Random, count: int) -> Tally:
    """Verify `count` distinct changed receipts, each kind in turn; AssertionError for the first that goes through."""
    tally = Tally()
    drawn = draws(world, rng, KINDS, change_receipt)
    while tally.kinds.total() < count:
        changed = drawn()
        judged = judge(world, verifier, changed)
        if judged.verdict == VALID:
            raise WentThroughError(changed, tally.kinds.total() + 1)
        _note(tally, changed, judged)
    missing = set(KINDS) - set(tally.kinds)
    if missing and count >= DRAWS_FOR_EVERY_KIND * len(KINDS):
        raise AssertionError(f"no receipt could be changed by {', '.join(sorted(missing))}")
    return tally


def attack_trust(world: World, verifier: Verifier, rng: random.Random, count: int) -> Tally:
    """Verify receipts against `count` distinct changed trust files: refused, or without the verdict `valid`."""
    tally = Tally()
    drawn = draws(world, rng, TRUST_KINDS, change_trust)
    while tally.kinds.total() < count:
        changed = drawn()
        try:
            verifier.trust(changed.trust)
        except verifier.error:
            tally.refused += 1
            tally.kinds[changed.kind] += 1
            continue
        judged = judge(world, verifier, changed)
        if judged.verdict == VALID:
            raise WentThroughError(changed, tally.kinds.total() + 1)
        _note(tally, changed, judged)
    return tally


def find(world: World, weakness: Weakness, folder: Path, rng: random.Random) -> dict[str, Any]:
    """Attack a verifier that lacks one check: the attack that the product withstands must now be broken.

    Return the kind that went through, and after how many changed files.
    """
    attacked = attack if weakness.by == RECEIPTS else attack_trust
    with planted(folder, f"planted_{weakness.name}", weakness.changes) as verifier:
        try:
            attacked(world, verifier, rng, WEAKNESS_TRIES)
        except WentThroughError as found:
            return {"kind": found.changed.kind, "tries": found.tries}
    raise AssertionError(f"{WEAKNESS_TRIES} changed files did not find the planted weakness {weakness.name}")


Change = Callable[[World, random.Random, str, Kind], Changed | None]


def draws(world: World, rng: random.Random, kinds: dict[str, Kind], change: Change) -> Callable[[], Changed]:
    """Return what draws the next counted change, never the same twice, kind after kind in a random order."""
    seen: set[bytes] = set()
    order = list(kinds)
    rng.shuffle(order)
    at = 0

    def draw() -> Changed:
        nonlocal at
        while True:
            name = order[at % len(order)]
            at += 1
            for _ in range(DRAWS_MAX):
                changed = change(world, rng, name, kinds[name])
                if changed is None:
                    continue
                digest = sha256(changed.data + b"\xff" + changed.trust).digest()
                if digest not in seen:
                    seen.add(digest)
                    return changed

    return draw


def change_receipt(world: World, rng: random.Random, name: str, kind: Kind) -> Changed | None:
    """Return one changed receipt, or None where the draw gave nothing that counts."""
    base = rng.choice(world.bases)
    data = kind(Draw(rng, base, world))
    if data is None or covered(data) == covered(base.data) or world.is_lawful(data, pinned(base.trust)):
        return None
    return Changed(name, base, data, base.trust)


def change_trust(world: World, rng: random.Random, name: str, kind: Kind) -> Changed | None:
    """Return one receipt under a changed trust file, or None where the change cannot matter to it."""
    base = rng.choice(world.bases)
    trust = kind(Draw(rng, base, world))
    return None if trust is None or still_pins(base, trust) else Changed(name, base, base.data, trust)


@lru_cache
def pinned(trust: bytes) -> Trust:
    """Return a parsed trust file."""
    return parse_trust(trust)


def judge(world: World, verifier: Verifier, changed: Changed) -> Judgement:
    """Verify one changed file; AssertionError if that raises or takes too long.

    A file with a state proof is verified twice: with a node, and without one; if either is valid, so is it.
    """
    try:
        judged = verifier.judge(world, changed.base, changed.data, trust=changed.trust)
        if judged.verdict != VALID and STATED in changed.data:
            alone = verifier.judge(world, changed.base, changed.data, trust=changed.trust, offline=True)
            judged = alone if alone.verdict == VALID or alone.seconds > judged.seconds else judged
    except Exception as error:
        raise AssertionError(f"the verifier raised {error!r} on {describe(changed)}") from error
    if judged.seconds > SECONDS_MAX:
        raise AssertionError(f"{judged.seconds:.2f} s of processor time in one call for {describe(changed)}")
    return judged


def describe(changed: Changed) -> str:
    """Return kind and receipt, and the text around the first difference, for whoever has to repeat it."""
    old, new = (
        (changed.base.data, changed.data) if changed.data != changed.base.data else (changed.base.trust, changed.trust)
    )
    at = next((n for n, (one, two) in enumerate(zip(old, new, strict=False)) if one != two), min(len(old), len(new)))
    around = slice(max(at - 60, 0), at + 120)
    return f"{changed.kind}, from {changed.base.name}, at byte {at}: {old[around]!r} became {new[around]!r}"


def _note(tally: Tally, changed: Changed, judged: Judgement) -> None:
    tally.kinds[changed.kind] += 1
    tally.verdicts[judged.verdict] += 1
    tally.seconds_max = max(tally.seconds_max, judged.seconds)
