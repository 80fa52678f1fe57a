"""Both verifiers say the same of what a package or a seal leaves out, and of receipts that are held against them."""

from __future__ import annotations

from itertools import combinations

import pytest

from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.package import receipt_name
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from tests.core import packages
from tests.core.entries import RECORDED_AT
from tests.core.receipts import TRUST
from tests.core.sealed_twice import (
    ANSWERED_AT,
    ASKED_AT,
    EARLIER,
    FURTHER_AT,
    RIVAL_AT,
    SEAL_AT,
    SIZE,
    answers,
    completeness,
    package,
    receipt,
)
from tests.verifier.first import first
from tests.verifier.second import Given, SecondVerifier

pytestmark = pytest.mark.node

PACKAGES = {
    "whole": package(proof=completeness()),
    "no seal": package(),
    "no seal, no anchor": package(sizes=[0]),
    "no seal, one anchor": package(sizes=[0, EARLIER, 0, 0, 0]),
    "a seal without an anchor": package(proof=completeness(anchored=False)),
    "an old seal": package(packages.OF_CASE, proof=packages.completeness(), sizes=[SIZE, EARLIER]),
    "an old package": package(packages.OF_CASE, proof=packages.completeness(), sizes=[EARLIER]),
    "an old time": package(packages.OF_CASE, proof=packages.completeness(), sizes=[EARLIER], generated_at=RECORDED_AT),
    "the last hidden": package(packages.OF_CASE, proof=completeness(), generated_at=RECORDED_AT),
    "a receipt that is none": packages.Draft({**packages.files(), receipt_name(60): b"{}\n"}).packed(),
}
VERDICTS = {
    "whole": "valid", "no seal": "inconclusive", "no seal, no anchor": "inconclusive",
    "no seal, one anchor": "inconclusive", "a seal without an anchor": "inconclusive", "an old seal": "inconclusive",
    "an old package": "valid", "an old time": "valid", "the last hidden": "invalid",
    "a receipt that is none": "invalid",
}  # fmt: skip


@pytest.mark.parametrize("name", PACKAGES)
def test_both_say_the_same_of_a_package_alone_and_beside_receipts(second: SecondVerifier, name: str) -> None:
    beside = [(str(index), encode_receipt(receipt(index))) for index in range(SIZE)]
    alone = Given([(name, PACKAGES[name])], encode_trust(TRUST), answers())
    among = Given([(name, PACKAGES[name]), *beside], encode_trust(TRUST), answers())

    found = first(among)

    assert second.verify(alone) == first(alone)
    assert first(alone).reports[0]["verdict"] == VERDICTS[name]
    assert second.verify(among) == found
    assert found.reports[0]["verdict"] == "invalid"  # one of the receipts is of the entry that claims a taken place


def test_both_say_the_same_of_a_seal_beside_any_receipts(second: SecondVerifier) -> None:
    """Every choice of the case's receipts and the rival's, with one of another case and the seal's own."""
    indexes = (1, ASKED_AT, ANSWERED_AT, RIVAL_AT, FURTHER_AT)
    chosen = [some for count in range(len(indexes) + 1) for some in combinations(indexes, count)]
    said = set()
    for some in chosen:
        beside = [(str(index), encode_receipt(receipt(index))) for index in (*some, 3, SEAL_AT)]
        given = Given([("seal", encode_case_proof(completeness())), *beside], encode_trust(TRUST), answers())

        found = first(given)

        assert second.verify(given) == found
        said.add(found.reports[0]["verdict"])
    assert said == {"valid", "inconclusive", "invalid"}
