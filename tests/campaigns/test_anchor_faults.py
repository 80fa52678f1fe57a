"""The short form of the campaign `anchor_faults`, and the proof that each of its checks would notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.campaigns import anchor_faults
from tests.campaigns.anchoring import bugs
from tests.campaigns.anchoring.bench import Shape

pytestmark = pytest.mark.campaign

Part = Callable[..., dict[str, Any]]


def test_every_head_stands_once_and_none_is_final_too_early() -> None:
    counts: Any = anchor_faults.run(short=True, seed=1)

    assert counts["reorgs"]["reorgs"] == 100
    assert sum(part["faulty_calls"] for part in counts["calls"].values()) >= 1_000
    assert sum(counts["kills"]["died"].values()) + sum(counts["kills"]["slept"].values()) == 100
    assert {*counts["reorgs"]["states"]} == {"None", "planned", "signed", "submitted", "included", "finalized"}


@pytest.mark.parametrize(
    ("part", "bug", "check"),
    [
        (anchor_faults.reorgs, bugs.SendsFirst, "intent"),
        (anchor_faults.reorgs, bugs.Impatient, "depth"),
        (anchor_faults.kills, bugs.Forgetful, "once"),
        (anchor_faults.calls, bugs.Contented, "drained"),
        (anchor_faults.calls, bugs.Hoarding, "memory"),
        (anchor_faults.kills, bugs.Trusting, "once"),
    ],
)
def test_planted_a_mistake_in_the_worker_is_caught(tmp_path: Path, part: Part, bug: Any, check: str) -> None:
    with pytest.raises(AssertionError, match=f"^{check}: "):
        part(tmp_path, Random(3), 400, make=bug)


def test_planted_a_finality_rule_shorter_than_the_reorganisations_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"^(depth|once): "):
        anchor_faults.reorgs(tmp_path, Random(3), 100, shape=Shape(rule=64), rule=8)


def test_planted_a_head_of_another_history_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"^alarms: "):
        anchor_faults.reorgs(tmp_path, Random(3), 20, thief=True)
