"""The short form of the campaign `kill_writer`, and the proof that it would notice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaigns import kill_writer

pytestmark = pytest.mark.campaign


def test_no_acknowledged_entry_is_lost_to_a_kill(tmp_path: Path) -> None:
    counts = kill_writer.run_cycles(
        lambda: f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path, cycles=3, chance=random.Random(1)
    )

    assert counts["cycles"] == 3
    assert counts["acknowledged"] >= 3
    assert counts["retried"] >= 1


def test_planted_an_answer_before_the_commit_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"lost|replaced|differently"):
        kill_writer.run_cycles(
            lambda: f"sqlite:///{tmp_path / 'ledger.db'}",
            tmp_path,
            cycles=10,
            chance=random.Random(2),
            planted=True,
        )
