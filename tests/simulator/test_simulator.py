"""A seed is a world: the same in every process, and a failure says which one and how to see it again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.core.anchor_record import AnchorState
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress
from tests.campaigns import anchor_simulator
from tests.simulator.__main__ import main
from tests.simulator.planted import PLANTED
from tests.simulator.world import BrokenError, World

ROOT = Path(__file__).resolve().parents[2]
STEPS = 300


class LetsOut(Anchorer):
    """Code that lets a foreign error out."""

    def step(self) -> Progress:
        """Fail."""
        raise KeyError("lost")


def trace(seed: int) -> str:
    """Return what happens in the world of a seed."""
    world = World(seed)
    world.run(STEPS)
    return world.shown()


def test_the_same_seed_is_the_same_world_and_another_seed_another() -> None:
    assert trace(7) == trace(7)
    assert trace(7) != trace(8)


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_world_is_the_same_in_every_process_whatever_its_hashes_are(hash_seed: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.simulator", "--seed", "7", "--trace"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )

    said, verdict = shown.stdout.strip().rsplit("\n", 1)
    assert said.strip() == trace(7).strip()
    assert verdict.startswith("seed 7: held")


def test_fewer_steps_are_the_same_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7", "--steps", "120", "--trace"]) == 0
    beginning = capsys.readouterr().out.split("calm")[0].rsplit("\n", 1)[0]

    assert len(beginning.splitlines()) > 20
    assert trace(7).startswith(beginning)


def test_a_broken_promise_names_seed_and_step_and_ends_with_what_happened() -> None:
    world = World(0, **PLANTED["sends_before_saving"])

    with pytest.raises(BrokenError, match=r"^seed 0, step \d+: a transaction was sent before it was saved\n") as broken:
        world.run(STEPS)

    assert str(broken.value).splitlines()[1:] == world.shown(40).splitlines()


def test_an_error_that_is_none_of_the_ledgers_breaks_the_world_too() -> None:
    world = World(0, anchorer=LetsOut)

    with pytest.raises(BrokenError, match=r"^seed 0, step \d+: KeyError: 'lost'\n"):
        world.run(STEPS)


@pytest.mark.campaign
def test_500_worlds_hold_and_things_did_happen_in_them() -> None:
    counts = anchor_simulator.run(short=True, seed=0)

    assert counts["steps"] == 500 * STEPS
    for state in AnchorState:
        assert counts.get(f"rows {state}"), f"no anchor was ever {state}"
    for name in ("deaths", "sleeps", "reorgs", "deep reorgs", "strangers", "worlds with a liar"):
        assert counts[name], f"there were no {name}"


@pytest.mark.campaign
@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_within_500_worlds(bug: str) -> None:
    found = ""
    for seed in range(anchor_simulator.WORLDS_SHORT):
        try:
            World(seed, **PLANTED[bug]).run(STEPS)
        except BrokenError as error:
            found = str(error)
            break

    assert found.startswith("seed "), f"{bug} was found in none of {anchor_simulator.WORLDS_SHORT} worlds"


def test_the_campaign_says_which_worlds_broke() -> None:
    outcomes = [("", {"steps": 300}), ("seed 5, step 9: a promise\n   1  0 s  calm", {"steps": 9})]

    with pytest.raises(AssertionError, match=r"1 of 2 worlds broke a promise:\nseed 5, step 9"):
        anchor_simulator.tally(outcomes)
    assert anchor_simulator.tally(outcomes[:1]) == {"steps": 300, "worlds": 1}
