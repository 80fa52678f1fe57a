"""The short form of holding both verifiers against each other, and the proof that a difference would be noticed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaigns.receipts.world import World
from tests.campaigns.verifiers_agree import (
    FILES_SHORT,
    PACKAGES,
    PROOFS,
    RECEIPTS,
    TRUSTS,
    WEAKNESS_TRIES,
    attack,
    check_controls,
    find,
    planted,
    sources,
    weaknesses_of,
)
from tests.installed import not_installed
from tests.verifier.second import NOBLE, SecondVerifier

pytestmark = [pytest.mark.campaign, pytest.mark.node]
SOON = ("size_not_bound", "values_not_opened", "files_not_hashed", "case_index_not_hashed")  # found in few tries


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """The second verifier's packages are there, or nothing here runs."""
    if not NOBLE.is_dir():
        not_installed("hardhat_local/node_modules is not there: scripts/install_node puts it in place")


def seeded() -> random.Random:
    """Return chance that pytest-randomly's seed repeats."""
    return random.Random(random.getrandbits(32))


def test_both_verifiers_say_the_same_of_changed_files_of_every_kind_and_accept_none(world: World) -> None:
    with SecondVerifier() as second:
        assert check_controls(world, second) > 100
        tally = attack(sources(world, seeded()), second, FILES_SHORT)

    assert tally.kinds.total() == FILES_SHORT
    assert {kind.partition(":")[0] for kind in tally.kinds} == {RECEIPTS, TRUSTS, PACKAGES, PROOFS}
    assert {"invalid", "refused"} <= set(tally.verdicts)


@pytest.mark.parametrize("name", SOON)
def test_a_second_verifier_that_lacks_a_check_is_found(world: World, tmp_path: Path, name: str) -> None:
    found = find(world, weaknesses_of(world)[name], tmp_path / "planted", seeded())

    assert found["tries"] <= WEAKNESS_TRIES


def test_a_weakness_that_no_longer_fits_the_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"stands 0 times in verify\.js"):
        planted(tmp_path / "planted", [("verify", "no such text", "")])
