"""`rledger verify` of a contradiction file: valid means that the log contradicts itself, and says how."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ledger_service.cli import output
from ledger_service.core.contradiction import Contradiction, encode_contradiction
from ledger_service.core.trust import encode_trust
from tests.cli.program import Program
from tests.core.forks import leaves, rewriting, roots
from tests.core.receipts import SECOND_KEY, TRUST

SAID = {
    "two roots": (roots(), "valid: the log contradicts itself: two roots for one size, 7"),
    "rewritten": (rewriting(), "valid: the log contradicts itself: the log of 9 entries does not begin with"),
    "two leaves": (leaves(), "valid: the log contradicts itself: two leaves at one index, 4"),
}


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    """The trust file of the small log."""
    path = tmp_path / "ledger.trust.json"
    path.write_bytes(encode_trust(TRUST))
    return path


def written(folder: Path, contradiction: Contradiction) -> Path:
    """Write a contradiction file."""
    path = folder / "fork.contradiction.json"
    path.write_bytes(encode_contradiction(contradiction))
    return path


@pytest.mark.parametrize("name", SAID)
def test_a_contradiction_is_told_in_words(rledger: Program, tmp_path: Path, pinned: Path, name: str) -> None:
    contradiction, words = SAID[name]

    ended = rledger("verify", written(tmp_path, contradiction), "--trust", pinned)

    assert ended.code == output.EXIT_DONE
    assert words in ended.out


def test_without_a_trust_file_it_is_inconclusive_and_the_hint_asks_for_one(rledger: Program, tmp_path: Path) -> None:
    ended = rledger("verify", written(tmp_path, roots()))

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "--trust FILE" in ended.err


def test_a_file_that_shows_no_contradiction_is_invalid_and_the_log_is_not_blamed(
    rledger: Program, tmp_path: Path, pinned: Path
) -> None:
    spoiled = dataclasses.replace(rewriting(), path=(bytes(32), *rewriting().path[1:]))

    ended = rledger("verify", written(tmp_path, spoiled), "--trust", pinned)

    assert ended.code == output.EXIT_INVALID
    assert "invalid: contradicted by: contradiction" in ended.out
    assert "contradicts itself" not in ended.out


def test_another_log_s_contradiction_says_nothing_about_the_pinned_one(rledger: Program, tmp_path: Path) -> None:
    path = tmp_path / "other.trust.json"
    path.write_bytes(encode_trust(dataclasses.replace(TRUST, keys=(SECOND_KEY,))))

    ended = rledger("verify", written(tmp_path, roots()), "--trust", path)

    assert ended.code == output.EXIT_INVALID
