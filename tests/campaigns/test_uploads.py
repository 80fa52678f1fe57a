"""The short form of the campaign `uploads`, and the proof that it would notice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaigns import uploads
from tests.operations.conftest import make_world

pytestmark = pytest.mark.campaign


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a founded ledger."""
    make_world(tmp_path / "home").found()
    return tmp_path / "home"


def test_a_large_upload_does_not_make_the_server_large(home: Path) -> None:
    counts = uploads.measure_memory(home, size=uploads.LARGE_BYTES_SHORT, seed=1)

    assert counts["file_mib"] == 128


def test_planted_a_body_held_in_memory_is_caught(home: Path) -> None:
    with pytest.raises(AssertionError, match="grew by"):
        uploads.measure_memory(home, size=uploads.LARGE_BYTES_SHORT, seed=2, kind="planted")


def test_a_killed_server_goes_on_where_it_was_and_shows_nothing_half(home: Path) -> None:
    counts = uploads.kill_servers(home, kills=uploads.KILLS_SHORT, chance=random.Random(3))

    assert (counts["kills"], counts["forms"]) == (uploads.KILLS_SHORT, 1)
    assert isinstance(counts["resumed_at_bytes"], int)
    assert counts["resumed_at_bytes"] > 0
