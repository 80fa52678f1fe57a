"""Completeness files: what a seal says of a case and of a scope, and that hiding anything is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger_service.chain.facts import fetch_answers
from ledger_service.core import encoding
from ledger_service.core.case_index import Scope
from ledger_service.core.case_proof import (
    CaseProof,
    CaseProofFormatError,
    case_proof_members,
    digest_of,
    encode_case_proof,
    parse_case_proof,
)
from ledger_service.core.encoding import Json
from ledger_service.core.facts import Answer
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_case_proof import questions_of_case_proof, verify_case_proof
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.prove_case import NoSealError, prove_case, prove_scope
from ledger_service.operations.record import record
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.operations.world import World, answer_step, ask_step, open_case, photo


@dataclass(frozen=True)
class Sealed:
    """A ledger with two cases under a final seal and a third after it; what its chain says of the seal's head."""

    ledger: Ledger
    trust: Trust
    answers: list[Answer]
    long: str
    short: str
    late: str


@pytest.fixture(scope="module")
def sealed(template: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """The ledger, opened."""
    folder = tmp_path_factory.mktemp("sealed")
    world = template.copy(folder / "home")
    with world.anchoring() as (ledger, _, anchorer):
        long = open_case(ledger, folder).return_id
        record(ledger, ask_step(long))
        short = open_case(ledger, folder).return_id
        anchorer.run()
        record(ledger, answer_step(long, photo(folder)))
        late = open_case(ledger, folder).return_id
    with world.opened(write=False) as opened:
        ledger = opened.ledger
        asked = questions_of_case_proof(encode_case_proof(prove_case(ledger, long)), ledger.trust())
        answers = list(fetch_answers([f"embedded:{world.settings.home / 'chain'}"], list(asked)))
        yield Sealed(ledger, ledger.trust(), answers, long, short, late)


def verified(sealed: Sealed, proof: CaseProof, *shown: int) -> Report:
    """Verify a file with receipts of these entries beside it."""
    receipts = [prove(sealed.ledger, index) for index in shown]
    return verify_case_proof(encode_case_proof(proof), sealed.trust, sealed.answers, receipts=receipts)


def said(report: Report) -> str:
    """Return what the index says, in words."""
    return next(check.detail for check in report.checks if check.name == "case_index")


def test_a_seal_says_how_many_entries_a_case_has(sealed: Sealed) -> None:
    report = verified(sealed, prove_case(sealed.ledger, sealed.long), 1, 2)
    last = sealed.ledger.read.entry(2).leaf_hash.hex()

    assert report.verdict is Verdict.VALID, report
    assert said(report) == f"before entry 4 the return {sealed.long} had exactly 2 entries, the last one {last}"
    assert [check.outcome for check in report.checks if check.name == "receipts"] == [Outcome.PASS] * 2
    assert said(verified(sealed, prove_case(sealed.ledger, sealed.short))).startswith(
        f"before entry 4 the return {sealed.short} had exactly 1 entry"
    )


def test_a_case_that_came_later_was_not_there(sealed: Sealed) -> None:
    proof = prove_case(sealed.ledger, sealed.late)
    (index,) = [row.index for row in sealed.ledger.read.entries_of(sealed.late)]

    report = verified(sealed, proof, index)

    assert report.verdict is Verdict.VALID
    assert said(report) == f"before entry 4 there was no return {sealed.late} of DE <- CN opened in {proof.scope.month}"
    (check,) = [check for check in report.checks if check.name == "receipts"]
    assert (check.outcome, check.decisive) == (Outcome.UNKNOWN, False)
    assert "after the seal" in check.detail


def test_a_scope_shows_all_its_cases(sealed: Sealed) -> None:
    month = prove_case(sealed.ledger, sealed.long).scope.month
    everything = verified(sealed, prove_scope(sealed.ledger, Scope("DE", "CN")))
    of_month = verified(sealed, prove_scope(sealed.ledger, Scope("DE", "CN", month)))
    nothing = verified(sealed, prove_scope(sealed.ledger, Scope("FR", "CN")))

    assert said(everything) == "before entry 4 there were exactly 2 returns of DE <- CN, with 3 entries together"
    assert said(of_month).startswith(f"before entry 4 there were exactly 2 returns of DE <- CN opened in {month}")
    assert said(nothing) == "before entry 4 there were exactly 0 returns of FR <- CN, with 0 entries together"
    assert {one.verdict for one in (everything, of_month, nothing)} == {Verdict.VALID}


def test_without_an_answer_of_the_chain_it_is_inconclusive(sealed: Sealed) -> None:
    data = encode_case_proof(prove_case(sealed.ledger, sealed.long))

    assert verify_case_proof(data, sealed.trust).verdict is Verdict.INCONCLUSIVE
    assert verify_case_proof(data, None, sealed.answers).verdict is Verdict.INCONCLUSIVE


def test_an_entry_that_a_seal_leaves_out_is_told(sealed: Sealed) -> None:
    """The receipts are good ones; the file is of the other case, and says so of itself in every way that it can."""
    short = prove_case(sealed.ledger, sealed.short)
    hidden = prove(sealed.ledger, 2)  # the second entry of the long case
    entry = json.loads(hidden.entry)
    entry["return_id"] = sealed.short
    forged = replace(hidden, entry=encoding.encode(entry))
    first = prove(sealed.ledger, 1)
    other = replace(first, entry=encoding.encode({**json.loads(first.entry), "return_id": sealed.short}))

    report = verify_case_proof(encode_case_proof(short), sealed.trust, sealed.answers, receipts=[forged, other])

    told = [check.detail for check in report.checks if check.outcome is Outcome.FAIL]
    assert told == [
        "entry 2 was recorded before the seal, which leaves it out",
        "entry 1 is the last that the seal counts, which names another",
    ]
    assert report.verdict is Verdict.INVALID


def test_a_receipt_of_another_case_says_nothing(sealed: Sealed) -> None:
    report = verified(sealed, prove_case(sealed.ledger, sealed.long), 0, 3)

    assert [check.outcome for check in report.checks if check.name == "receipts"] == [Outcome.UNKNOWN] * 2
    assert report.verdict is Verdict.VALID


def test_a_seal_with_a_bad_proof_is_judged_no_further(sealed: Sealed) -> None:
    good = prove_case(sealed.ledger, sealed.long)
    report = verified(sealed, replace(good, seal=replace(good.seal, index=good.seal.index - 1)))

    assert [check.name for check in report.checks if check.outcome is Outcome.FAIL] == ["inclusion"]
    assert "case_index" not in {check.name for check in report.checks}


def test_a_receipt_of_no_seal_is_refused(sealed: Sealed) -> None:
    proof = replace(prove_case(sealed.ledger, sealed.long), seal=prove(sealed.ledger, 1))

    report = verified(sealed, proof)

    assert [check.name for check in report.checks if check.outcome is Outcome.FAIL] == ["seal"]


def test_nodes_of_another_case_are_refused(sealed: Sealed) -> None:
    long, short = prove_case(sealed.ledger, sealed.long), prove_case(sealed.ledger, sealed.short)

    for nodes in (short.nodes, long.nodes[:-1], (*long.nodes, long.nodes[-1]), ()):
        report = verified(sealed, replace(long, nodes=nodes))
        assert [check.name for check in report.checks if check.outcome is Outcome.FAIL] == ["case_index"]


def test_no_character_of_a_file_can_be_another(sealed: Sealed) -> None:
    data = encode_case_proof(prove_case(sealed.ledger, sealed.long))
    protected = data[: data.rindex(b'"unprotected"')]
    tried = 0
    for at in range(0, len(protected), 7):
        for other in (b"0", b"f", b" ", b'"'):
            if data[at : at + 1] in (other, b" ", b"\n") or (data[at : at + 1].isspace()):
                continue
            spoiled = data[:at] + other + data[at + 1 :]
            assert verify_case_proof(spoiled, sealed.trust, sealed.answers).verdict is not Verdict.VALID, at
            tried += 1
    assert tried > 800


@pytest.mark.parametrize(
    "change",
    [
        {"format": "return-ledger/case-index@v2"}, {"unprotected": []}, {"digest": "0" * 64}, {"more": 1},
        {"scope": {}}, {"return_id": "x"}, {"nodes": ["00"]}, {"nodes": ["zz" * 40]}, {"seal": {}},
        {"scope": {"buyer_country": "DE", "seller_country": "CN", "month": None}},
        {"scope": {"buyer_country": "de", "seller_country": "CN", "month": "2026-11"}},
        {"scope": {"buyer_country": 1, "seller_country": "CN", "month": "2026-11"}},
    ],
)  # fmt: skip
def test_what_is_no_completeness_file_is_refused(sealed: Sealed, change: dict[str, Json]) -> None:
    members: dict[str, Json] = {**case_proof_members(prove_case(sealed.ledger, sealed.long)), **change}
    if "digest" not in change:
        covered = {name: one for name, one in members.items() if name not in ("digest", "unprotected")}
        members["digest"] = digest_of(covered)
    data = encoding.encode_document(members)

    with pytest.raises(CaseProofFormatError):
        parse_case_proof(data)
    report = verify_case_proof(data, sealed.trust, sealed.answers)
    assert [(check.name, check.outcome) for check in report.checks] == [("format", Outcome.FAIL)]
    assert questions_of_case_proof(data, sealed.trust) == ()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_file_of_ours_is_refused(sealed: Sealed, data: bytes) -> None:
    assert verify_case_proof(data, sealed.trust).verdict is Verdict.INVALID
    assert encode_receipt(prove(sealed.ledger, 0)) != data


def test_before_the_first_seal_there_is_nothing_to_prove_by(template: World, tmp_path: Path) -> None:
    world = template.copy(tmp_path / "home")
    with world.opened() as opened:
        return_id = open_case(opened.ledger, tmp_path).return_id
        with pytest.raises(NoSealError, match="no seal"):
            prove_case(opened.ledger, return_id)


def test_a_seal_that_is_not_final_is_better_than_none(template: World, tmp_path: Path) -> None:
    world = template.copy(tmp_path / "home")
    with world.opened() as opened:
        return_id = open_case(opened.ledger, tmp_path).return_id
        opened.ledger.require_writer().append(LogDraft(make_seal(opened.ledger.origin)))
        proof = prove_case(opened.ledger, return_id)
        report = verify_case_proof(encode_case_proof(proof), opened.ledger.trust())

        opened.ledger.store.change("DELETE FROM case_index_roots WHERE size = 2")
        with pytest.raises(NoSealError):
            prove_case(opened.ledger, return_id)

    assert proof.seal.index == 2
    assert report.verdict is Verdict.INCONCLUSIVE
