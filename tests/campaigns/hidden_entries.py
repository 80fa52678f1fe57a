"""Leave something out, as an operator with the key of the log can, and see whether it is found (P5).

A real ledger of random cases, anchored many times. First its seals are honest and what it hands out is not: a package
without the last entry of its case, with or without what would tell, without one in the middle, or an export of a
country pair without one of its returns; each counted again and signed anew, so that nothing but the count is wrong.
Then its seals lie too (`lying_seals.py`). Everything must be found, by what a stranger has: files, trust file and a
node. What only lacks the seal that would tell must not be valid, where the whole is.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.chain.facts import answer_from
from ledger_service.chain.rpc import Node
from ledger_service.core.case_index import Scope
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.entry import Role
from ledger_service.core.export import Filters
from ledger_service.core.export_scope import counted_in
from ledger_service.core.report import Report, Verdict
from ledger_service.core.verify_case_proof import questions_of_case_proof, verify_case_proof
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove_case import prove_covered, prove_scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from tests.campaigns.handed_out import (
    chain_of,
    export_of,
    failed,
    lacking,
    package_of,
    verified,
    verified_export,
    without,
    without_case,
)
from tests.campaigns.lying_seals import leaves_out, puts_another_in_its_place
from tests.operations.conftest import make_world
from tests.operations.world import PLATFORM, REQUEST_FIELDS, World

CASES, CASES_SHORT = 300, 24
ANCHORS, ANCHORS_SHORT = 50, 4
TRIES, TRIES_SHORT = 300, 8  # of each way to hide something in what is handed out
LIES, LIES_SHORT = 40, 2  # seals that lie, each in a copy of the ledger
PAIRS = (("DE", "CN"), ("FR", "CN"), ("DE", "US"))


@dataclass
class Stage:
    """A ledger with its node, its cases, those whose last two entries came after another seal, and its exports."""

    ledger: Ledger
    node: Node
    cases: list[str]
    rng: random.Random
    grown: list[str] = field(default_factory=list)
    exports: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)  # an export is an entry of every case


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where something is not found."""
    rng, found = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="hidden-entries-") as place:
        folder = Path(place)
        world = make_world(folder / "home")
        world.found()
        cases = fill(world, folder, rng, short=short)
        with world.opened() as opened, world.node(writable=False) as node:
            stage = Stage(opened.ledger, node, cases, rng)
            stage.grown = [one for one in cases if older_seal_of(stage, one) is not None]
            for _ in range(TRIES_SHORT if short else TRIES):
                for hide in (last_entry, last_entry_and_seal, last_entry_and_newer_seal, middle_entry, case_of_a_scope):
                    found[hide.__name__] += hide(stage)
        for n in range(LIES_SHORT if short else LIES):
            for lie in ("entry", "case"):
                found[f"lying_seal_{lie}"] += leaves_out(world.copy(folder / f"{lie}-{n}"), rng.choice(cases), lie)
            copy = world.copy(folder / f"middle-{n}")
            found["lying_seal_middle"] += puts_another_in_its_place(copy, rng.choice(cases), folder / "photo.png")
    return {"cases": len(cases), "hidden_and_found": dict(found)}


def fill(world: World, folder: Path, rng: random.Random, *, short: bool) -> list[str]:
    """Record random cases over many anchors; return those with two entries or more under a final seal."""
    count, anchors = (CASES_SHORT, ANCHORS_SHORT) if short else (CASES, ANCHORS)
    photo = folder / "photo.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n a lamp")
    opened: list[tuple[str, Party]] = []
    with world.anchoring() as (ledger, _, anchorer):
        for round_ in range(anchors):
            for n in range(count * round_ // anchors, count * (round_ + 1) // anchors):
                buyer, (of_buyer, of_seller) = Party(Role.BUYER, f"buyer-{n}"), rng.choice(PAIRS)
                fields = {**REQUEST_FIELDS, "buyer_country": of_buyer, "seller_country": of_seller}
                step = Step("request_return", buyer, PLATFORM, fields, [("product_photo", photo)])
                opened.append((record(ledger, step).return_id, buyer))
            grown = rng.choices(opened, k=2 + count // anchors)
            if early := opened[: count * round_ // anchors]:
                grown += [rng.choice(early)] * 2
            for return_id, buyer in grown:
                record(ledger, Step("add_evidence", buyer, PLATFORM, {}, [("product_photo", photo)], return_id))
            anchorer.run()
        return [one for one, _ in opened if ledger.read.case(one).case.count > 1]


def last_entry(stage: Stage) -> bool:
    """Hand out a package without the last entry of its case."""
    return_id, package = _package(stage, stage.cases)
    hidden = chain_of(stage.ledger, return_id)[-1:]
    return "completeness" in failed(_without(stage, package, hidden))


def last_entry_and_seal(stage: Stage) -> bool:
    """Hand out a package without the last entry of its case, and without the file that counts it."""
    return_id, package = _package(stage, stage.cases)
    report = _without(stage, package, chain_of(stage.ledger, return_id)[-1:], seal=False)
    return (report.verdict, lacking(report)) == (Verdict.INCONCLUSIVE, {"completeness"})


def last_entry_and_newer_seal(stage: Stage) -> bool:
    """Hand out a package without the last entry of its case, as of a seal before that one and the one before it."""
    return_id, package = _package(stage, stage.grown)
    before = older_seal_of(stage, return_id)
    proof = prove_covered(stage.ledger, return_id, before=before)
    report = _without(stage, package, chain_of(stage.ledger, return_id)[-1:], proof=proof)
    return (report.verdict, lacking(report)) == (Verdict.INCONCLUSIVE, {"completeness"})


def middle_entry(stage: Stage) -> bool:
    """Hand out a package without an entry before the last."""
    return_id, package = _package(stage, stage.cases)
    hidden = stage.rng.choice(chain_of(stage.ledger, return_id)[:-1])
    return bool(failed(_without(stage, package, [hidden])) & {"chain", "completeness"})


def case_of_a_scope(stage: Stage) -> bool:
    """Hand out an export of a country pair without one of its returns, beside the completeness file of the pair."""
    return_id = stage.rng.choice(stage.cases)
    case = stage.ledger.read.case(return_id).case
    month = stage.rng.choice((None, case.opened_at[:7]))
    pair = (case.buyer_country, case.seller_country)
    data = encode_case_proof(proof := prove_scope(stage.ledger, Scope(*pair, month)))
    asked = answer_from(stage.node, questions_of_case_proof(data, stage.ledger.trust()))
    assert verify_case_proof(data, stage.ledger.trust(), asked).verdict is Verdict.VALID
    if (lines := stage.exports.get(pair)) is None:
        lines = stage.exports[pair] = export_of(stage.ledger, Filters(*pair))
    scope = counted_in(proof)
    assert scope is not None
    whole = verified_export(stage.ledger, stage.node, lines, scope)
    assert whole.verdict is Verdict.VALID, whole
    less = without_case(lines, return_id)
    alone = verified_export(stage.ledger, stage.node, less)
    assert alone.verdict is Verdict.VALID, alone  # an export by itself does not show what it leaves out
    return failed(verified_export(stage.ledger, stage.node, less, scope)) == {"completeness"}


def older_seal_of(stage: Stage, return_id: str) -> int | None:
    """Return an index between the newest seal that a case's last two entries followed and these; None: there is none.

    Such a seal counts the case without them, and the receipt of the last but one rests on a newer head.
    """
    first, last = chain_of(stage.ledger, return_id)[0], chain_of(stage.ledger, return_id)[-2:]
    seals = [row.index for row in stage.ledger.read.seals()]
    older = [seal for seal in seals if first < seal < last[0]]
    between = any(last[0] < seal < last[1] for seal in seals)
    return last[0] if older and not between else None


def _package(stage: Stage, cases: list[str]) -> tuple[str, bytes]:
    """Return one of the cases with its package, which is valid without what came after the last anchor."""
    return_id = stage.rng.choice(cases)
    package = package_of(stage.ledger, return_id)
    assert not failed(verified(stage.ledger, stage.node, package)), "the whole package fails"
    report = _without(stage, package, [])
    assert report.verdict is Verdict.VALID, report
    return return_id, package


def _without(stage: Stage, package: bytes, hidden: list[int], **changed: Any) -> Report:
    """Verify a package without these entries; `changed` is what else `without` changes."""
    return verified(stage.ledger, stage.node, without(stage.ledger, package, hidden, **changed))
