"""`rledger verify` of several receipts: two of one log that it cannot both have issued convict it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ledger_service.cli import output
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.trust import encode_trust
from tests.cli.program import Program
from tests.core.entries import NEW_KEY
from tests.core.forks import OTHER, TRUE, forged_receipt
from tests.core.receipts import SECOND_KEY, STEP_AT, TRUST

MINE, THEIRS = forged_receipt(TRUE, STEP_AT, 7), forged_receipt(OTHER, STEP_AT, 9)
TOLD = "two leaves at one index, 4: in the head of"


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    """The trust file of the small log."""
    path = tmp_path / "ledger.trust.json"
    path.write_bytes(encode_trust(TRUST))
    return path


def written(folder: Path, **receipts: Receipt) -> list[Path]:
    """Write receipts under their names."""
    paths = []
    for name, receipt in receipts.items():
        paths.append(folder / f"{name}.receipt.json")
        paths[-1].write_bytes(encode_receipt(receipt))
    return paths


def test_two_leaves_at_one_index_are_told_and_the_call_is_invalid(
    rledger: Program, tmp_path: Path, pinned: Path
) -> None:
    one, other = written(tmp_path, mine=MINE, theirs=THEIRS)

    ended = rledger("verify", one, other, "--trust", pinned)

    assert ended.code == output.EXIT_INVALID
    assert f"{one} and {other}\n  fail     contradiction {TOLD}" in ended.out
    assert "invalid: the log contradicts itself" in ended.out
    assert ended.out.count("inconclusive: ") == 2  # each for itself is not anchored, and no worse than that
    assert "--contradictions FOLDER" in ended.err
    assert not list(tmp_path.rglob("*.contradiction.json"))


def test_the_file_that_shows_it_is_written_where_it_is_asked_for_and_verifies(
    rledger: Program, tmp_path: Path, pinned: Path
) -> None:
    folder = tmp_path / "shown" / "here"
    files = written(tmp_path, mine=MINE, theirs=THEIRS)

    ended = rledger("verify", *files, "--trust", pinned, "--contradictions", folder)
    again = rledger("verify", *reversed(files), "--trust", pinned, "--contradictions", folder)

    (path,) = folder.iterdir()  # the same file, whoever is named first
    assert path.name.startswith("two_leaves-")
    assert path.name.endswith(".contradiction.json")
    assert f"evidence: {path}" in ended.out
    assert again.code == ended.code == output.EXIT_INVALID
    shown = rledger.done("verify", path, "--trust", pinned)
    assert f"valid: the log contradicts itself: {TOLD}" in shown.out


def test_json_has_an_element_for_each_conflict_after_those_of_the_files(
    rledger: Program, tmp_path: Path, pinned: Path
) -> None:
    files = written(tmp_path, a=MINE, b=THEIRS, c=forged_receipt(OTHER, 1, 7))

    ended = rledger("verify", *files, "--trust", pinned, "--json")

    *each, leaves, roots = ended.json()
    assert ended.code == output.EXIT_INVALID
    assert [one["verdict"] for one in each] == ["inconclusive"] * 3
    assert (leaves["file"], leaves["against"], leaves["verdict"]) == (str(files[0]), str(files[1]), "invalid")
    assert leaves["checks"][0]["detail"].startswith(TOLD)
    assert (roots["against"], roots["checks"][0]["detail"]) == (str(files[2]), "two roots for one size, 7")
    assert leaves["written"] is roots["written"] is None


def test_receipts_that_a_log_can_have_issued_say_nothing_of_each_other(
    rledger: Program, tmp_path: Path, pinned: Path
) -> None:
    files = written(tmp_path, a=MINE, b=forged_receipt(TRUE, STEP_AT, 9), c=forged_receipt(TRUE, 1, 8))

    ended = rledger("verify", *files, files[0], "--trust", pinned)

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "contradict" not in ended.out.replace("nothing contradicts it", "")


def test_a_receipt_that_the_log_did_not_sign_frames_nobody(rledger: Program, tmp_path: Path, pinned: Path) -> None:
    spoiled = dataclasses.replace(THEIRS, inclusion=(bytes(32), *THEIRS.inclusion[1:]))
    files = written(tmp_path, mine=MINE, stranger=forged_receipt(OTHER, STEP_AT, 9, key=NEW_KEY), spoiled=spoiled)

    ended = rledger("verify", *files, "--trust", pinned, "--contradictions", tmp_path / "shown")

    assert ended.code == output.EXIT_INVALID  # the two are, each for itself
    assert "contradicts itself" not in ended.out
    assert not (tmp_path / "shown").exists()


def test_without_a_trust_file_nothing_says_who_signed(rledger: Program, tmp_path: Path) -> None:
    ended = rledger("verify", *written(tmp_path, mine=MINE, theirs=THEIRS))

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "contradicts itself" not in ended.out


def test_another_log_s_receipts_say_nothing_of_the_pinned_one(rledger: Program, tmp_path: Path) -> None:
    other = tmp_path / "other.trust.json"
    other.write_bytes(encode_trust(dataclasses.replace(TRUST, keys=(SECOND_KEY,))))

    ended = rledger("verify", *written(tmp_path, mine=MINE, theirs=THEIRS), "--trust", other)

    assert "contradicts itself" not in ended.out


def test_a_folder_that_cannot_be_made_is_wrong_usage(rledger: Program, tmp_path: Path, pinned: Path) -> None:
    files = written(tmp_path, mine=MINE, theirs=THEIRS)

    ended = rledger("verify", *files, "--trust", pinned, "--contradictions", pinned)

    assert ended.code == output.EXIT_USAGE
    assert "ledger.trust.json" in ended.err
