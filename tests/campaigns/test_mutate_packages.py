"""The short form of the attack on the verifier of packages, and the proof that it would notice a missing check."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaigns.mutate_packages import CHANGED_SHORT, WEAKNESS_TRIES, WEAKNESSES, PackageVerifier, attack, find
from tests.campaigns.packages.kinds import KINDS

pytestmark = pytest.mark.campaign


def seeded() -> random.Random:
    """Return chance that pytest-randomly's seed repeats."""
    return random.Random(random.getrandbits(32))


def test_no_changed_package_is_valid_raises_or_takes_a_second() -> None:
    kinds, verdicts, _ = attack(PackageVerifier(), seeded(), CHANGED_SHORT)

    assert kinds.total() == CHANGED_SHORT
    assert set(kinds) == set(KINDS)
    assert "valid" not in verdicts


@pytest.mark.parametrize("name", sorted(WEAKNESSES))
def test_the_attack_is_broken_where_a_check_is_missing(tmp_path: Path, name: str) -> None:
    assert find(name, tmp_path, seeded())["tries"] <= WEAKNESS_TRIES
