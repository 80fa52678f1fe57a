"""Both verifiers read or refuse the same entries, for the same reason, whatever stands anywhere in them."""

from __future__ import annotations

import random

import pytest

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.encoding import encode, parse
from ledger_service.core.entry import encode_entry
from ledger_service.core.tlog_proof import TlogProof, encode_tlog_proof
from tests.core.entries import OLD_KEY, ORIGIN, SAMPLES
from tests.core.spoiled import spoil
from tests.verifier.first import first
from tests.verifier.second import Given, SecondVerifier

pytestmark = pytest.mark.node

SPOILED_MAX = 80  # of one entry, in one run; other ones in the next
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), OLD_KEY)


def proof(entry: bytes) -> bytes:
    """Return a tlog-proof that carries an entry: the smallest file that does."""
    return encode_tlog_proof(TlogProof(0, (), NOTE, entry))


@pytest.mark.parametrize("name", SAMPLES)
def test_both_give_one_reason_against_an_entry_that_is_spoiled_anywhere(second: SecondVerifier, name: str) -> None:
    right = encode_entry(SAMPLES[name])
    spoiled = [(f"{what} at {path}", encode(value)) for what, path, value in spoil(parse(right))]
    chosen = [(what, data) for what, data in random.sample(spoiled, min(SPOILED_MAX, len(spoiled)))]
    files = [(what, proof(data)) for what, data in [("right", right), *chosen] if 0 < len(data) <= 65_535]

    found = first(Given(files))

    assert second.verify(Given(files)) == found
    outcomes = {report["file"]: {one["name"]: one["outcome"] for one in report["checks"]} for report in found.reports}
    assert outcomes["right"]["entry"] == "pass"
    assert "fail" in {outcome["entry"] for outcome in outcomes.values()}
