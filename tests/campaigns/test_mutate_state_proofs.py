"""The short form of the attack on state proofs; it includes its planted weaknesses."""

from __future__ import annotations

import random

import pytest

from tests.campaigns.mutate_state_proofs import BUILT, MUTATIONS_SHORT, WEAKNESSES, run
from tests.chain.local_nodes import installed

pytestmark = pytest.mark.campaign


def test_no_changed_state_proof_holds_and_each_missing_rule_is_found() -> None:
    counts = run(short=True, seed=random.getrandbits(32))

    assert counts["mutations"] == MUTATIONS_SHORT
    assert set(counts["each_proof"]) == {BUILT, *installed()}
    assert set(counts["found_by"]) == {name for name, _, _ in WEAKNESSES}
