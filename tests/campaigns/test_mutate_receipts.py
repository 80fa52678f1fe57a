"""The short form of the attack on the verifier, and the proof that the attack would notice a missing check."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaigns.mutate_receipts import (
    RECEIPTS_CHANGED_SHORT,
    SECONDS_MAX,
    TRUSTS_CHANGED_SHORT,
    WEAKNESS_TRIES,
    alone,
    attack,
    attack_trust,
    check_controls,
    find,
    lawful_variants,
)
from tests.campaigns.receipts.document import covered
from tests.campaigns.receipts.judge import Verifier, planted
from tests.campaigns.receipts.kinds import KINDS
from tests.campaigns.receipts.kinds_note import sizes_of_the_same_root
from tests.campaigns.receipts.weaknesses import weaknesses
from tests.campaigns.receipts.world import World

pytestmark = pytest.mark.campaign


def seeded() -> random.Random:
    """Return chance that pytest-randomly's seed repeats."""
    return random.Random(random.getrandbits(32))


def test_every_untouched_receipt_is_valid_however_it_is_spaced_and_whatever_is_unprotected_or_withheld(
    world: World,
) -> None:
    assert check_controls(world, Verifier(), seeded()) > 4 * len(world.bases) - 100
    assert sum(map(alone, world.bases)) >= 20  # these without a node too


def test_no_changed_receipt_is_valid_raises_or_takes_a_second(world: World) -> None:
    tally = attack(world, Verifier(), seeded(), RECEIPTS_CHANGED_SHORT)

    assert tally.kinds.total() == RECEIPTS_CHANGED_SHORT
    assert set(tally.kinds) == set(KINDS)
    assert len(KINDS) >= 40
    assert "valid" not in tally.verdicts
    assert tally.seconds_max <= SECONDS_MAX


def test_no_changed_trust_file_makes_a_receipt_valid(world: World) -> None:
    tally = attack_trust(world, Verifier(), seeded(), TRUSTS_CHANGED_SHORT)

    assert tally.refused + tally.verdicts.total() == TRUSTS_CHANGED_SHORT
    assert tally.refused > 0
    assert "valid" not in tally.verdicts
    assert tally.verdicts.total() > 0


def test_receipts_have_other_sizes_of_the_same_root_so_that_the_size_has_to_be_bound(world: World) -> None:
    assert sum(1 for base in world.bases if sizes_of_the_same_root(base)) > len(world.bases) // 2


@pytest.mark.parametrize("name", [weakness.name for weakness in weaknesses({})])
def test_the_attack_is_broken_where_a_check_is_missing(world: World, tmp_path: Path, name: str) -> None:
    """With the size check, the code hash check, … removed from the verifier, the same attack finds a valid file."""
    weakness = next(one for one in weaknesses(world.true_sizes()) if one.name == name)

    assert find(world, weakness, tmp_path, seeded())["tries"] <= WEAKNESS_TRIES


def test_a_copy_of_the_verifier_with_nothing_removed_withstands_the_attack(world: World, tmp_path: Path) -> None:
    with planted(tmp_path, "planted_nothing", ()) as verifier:
        attack(world, verifier, seeded(), 2 * len(KINDS))


def test_a_weakness_that_no_longer_fits_the_source_is_named(tmp_path: Path) -> None:
    changes = (("core/verify", "no such text", ""),)

    with pytest.raises(AssertionError, match="stands 0 times in core/verify"), planted(tmp_path, "planted_x", changes):
        pass


def test_only_white_space_and_the_object_unprotected_are_uncounted(world: World) -> None:
    base = world.bases[3]
    data = base.data

    assert all(covered(variant) == covered(data) for variant in lawful_variants(base, seeded())[:3])
    for changed in (
        data.replace(b'"index": ', b'"index": 0'),
        data.replace(b'"unprotected": {', b'"unprotected": [{').replace(b"\n}\n", b"]\n}\n"),
        data.replace(b'"format"', b'"f\\u006frmat"'),
        b"\xef\xbb\xbf" + data,
        data + b"x",
        data[:-3],
    ):
        assert changed != data
        assert covered(changed) != covered(data)
        assert not world.is_lawful(changed, base.log.trust)
    assert covered(b"\xff") is None
