"""Both verifiers say the same of exports, alone and beside completeness files of their scopes."""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from ledger_service.core.case_index import Scope, prove
from ledger_service.core.case_proof import CaseProof, encode_case_proof
from ledger_service.core.entry import Role
from ledger_service.core.export import Filters, Header
from ledger_service.core.trust import encode_trust
from tests.core.packages import INDEX_NODES, INDEX_ROOT, LOG, answers, completeness, receipt
from tests.core.receipts import TRUST
from tests.core.test_verify_export import WRONG, lines
from tests.core.test_verify_export import line as line_of
from tests.verifier.first import first
from tests.verifier.second import Given, SecondVerifier

pytestmark = pytest.mark.node

PINNED = encode_trust(TRUST)
MONTH = "2026-11"


def scope(month: str | None = MONTH) -> bytes:
    """Return the completeness file of the country pair of the small log."""
    proof = CaseProof(Scope("DE", "CN", month), None, receipt(len(LOG) - 1), ())
    nodes = prove(INDEX_ROOT, proof.prefix, INDEX_NODES.__getitem__)
    return encode_case_proof(dataclasses.replace(proof, nodes=tuple(nodes)))


@pytest.mark.parametrize("name", WRONG)
def test_both_say_the_same_of_an_export_that_was_altered(second: SecondVerifier, name: str) -> None:
    given = Given([("e", b"".join(WRONG[name][1]()))], PINNED, answers())

    found = first(given)

    assert second.verify(given) == found
    assert found.reports[0]["verdict"] == "invalid"


def test_both_hold_an_export_against_what_seals_count(second: SecondVerifier) -> None:
    filters = (
        Filters(), Filters("FR"), Filters(None, "US"), Filters(opened_from="2026-11-02T00:00:00.000Z"),
        Filters("DE", "CN", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
        Filters(opened_until="2026-11-30T23:59:59.999Z"),
    )  # fmt: skip
    said = set()
    for asked, role, left in product(filters, (Role.REGULATOR, Role.SELLER), ((), (3,), (1, 2, 4, 5, 3))):
        header = Header(asked, role, len({1, 3} & set(left)), receipt(0))
        export = b"".join(lines(header, [line_of(index) for index in left]))
        files = [("e", export), ("month", scope()), ("pair", scope(None)), ("case", encode_case_proof(completeness()))]
        given = Given(files, PINNED, answers())

        found = first(given)

        assert second.verify(given) == found
        said |= {one["outcome"] for one in found.reports[0]["checks"] if one["name"] == "completeness"}
    assert said == {"pass", "fail", "unknown"}
