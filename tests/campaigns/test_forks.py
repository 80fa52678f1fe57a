"""The short form of the fork campaign, and the proof that its forgeries would notice a missing check."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.forks import (
    FORGED_FOR_THE_PROGRAM,
    FORGED_SHORT,
    FORKS_SHORT,
    MUTATED_SHORT,
    WEAKNESSES,
    TrueLog,
    find_forks,
    find_weakness,
    refuse_forged,
    refuse_forged_by_the_program,
    refuse_mutated,
    true_log,
)

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrueLog]:
    """A true ledger with its service."""
    with true_log(tmp_path_factory.mktemp("forks")) as opened:
        yield opened


def seeded() -> random.Random:
    """Return chance that pytest-randomly's seed repeats."""
    return random.Random(random.getrandbits(32))


def test_monitor_witness_and_clients_find_every_fork_and_what_they_write_down_verifies(
    log: TrueLog, tmp_path: Path
) -> None:
    found = find_forks(log, tmp_path, seeded(), FORKS_SHORT)

    assert found["written_down_by"]["monitor"] == FORKS_SHORT
    assert found["accepted"] == sum(found["written_down_by"].values()) >= 3 * FORKS_SHORT
    verdicts = refuse_mutated(log.trust, tmp_path / "evidence", seeded(), MUTATED_SHORT)
    assert sum(verdicts.values()) == MUTATED_SHORT


def test_no_forged_file_frames_the_honest_log(log: TrueLog) -> None:
    assert sum(refuse_forged(log, seeded(), FORGED_SHORT).values()) == FORGED_SHORT


def test_the_program_refuses_forged_files_as_the_verifier_does(log: TrueLog, tmp_path: Path) -> None:
    assert refuse_forged_by_the_program(log, tmp_path / "forged", seeded(), FORGED_FOR_THE_PROGRAM) == (
        FORGED_FOR_THE_PROGRAM
    )


@pytest.mark.parametrize("name", WEAKNESSES)
def test_without_one_check_a_forged_file_is_valid(log: TrueLog, tmp_path: Path, name: str) -> None:
    assert find_weakness(log, tmp_path, seeded(), name) >= 1
