"""Promises of `package`, `export` and `verify` of both: files that appear whole, verdicts with their exit codes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Story
from tests.cli.program import assert_told
from tests.core.hostile_packages import HOSTILE


def test_a_package_is_written_and_verified(story: Story) -> None:
    out = story.folder / "case.zip"

    made = story.rledger.done("package", story.return_id, "--out", out)
    verified = story.rledger("verify", out, *story.pinned, "--json")

    assert story.return_id in made.out
    assert "rledger verify" in made.err
    assert verified.code == 3  # the approval is not anchored yet
    (found,) = verified.json()
    assert (found["file"], found["verdict"]) == (str(out), "inconclusive")
    names = [one["name"] for one in found["checks"]]
    assert names[:6] == ["archive", "manifest", "trust", "head", "signature", "files"]
    assert names[-3:] == ["receipts", "chain", "evidence"]
    assert not [one for one in found["checks"] if one["outcome"] == "fail"]


def test_a_package_whose_entries_are_final_is_valid(story: Story) -> None:
    out = story.folder / "case.zip"
    story.rledger.done("worker", "--once")

    story.rledger.done("package", story.return_id, "--out", out)
    verified = story.rledger.done("verify", out, *story.pinned)

    assert "valid: every receipt in it is valid" in verified.out


def test_a_changed_byte_is_invalid(story: Story) -> None:
    out = story.folder / "case.zip"
    story.rledger.done("package", story.return_id, "--out", out)
    data = bytearray(out.read_bytes())
    data[data.index(b"What this is")] ^= 1
    out.write_bytes(data)

    assert story.rledger("verify", out, *story.pinned).code == 1


@pytest.mark.parametrize("name", ["a bomb", "a link", "a name that leaves the folder", "bytes after", "zip64"])
def test_a_hostile_archive_is_invalid_and_nothing_is_written(story: Story, name: str) -> None:
    out = story.folder / "case.zip"
    out.write_bytes(HOSTILE[name]())
    before = sorted(path.name for path in story.folder.rglob("*"))

    ended = story.rledger("verify", out, *story.pinned)

    assert ended.code == 1
    assert "archive" in ended.out
    assert sorted(path.name for path in story.folder.rglob("*")) == before


def test_a_party_gets_what_it_may_see_and_a_stranger_nothing(story: Story) -> None:
    out = story.folder / "case.zip"

    made = story.rledger.done(
        "package", story.return_id, "--out", out, "--as", "buyer:c-17", "--language", "zh", "--json"
    )
    refused = story.rledger("package", story.return_id, "--out", story.folder / "x.zip", "--as", "buyer:c-18")

    assert made.json()["return_id"] == story.return_id
    assert json.loads(zipfile.ZipFile(out).read("case.json"))["prepared_for"] == "buyer"
    assert_told(refused, 4, "for you")
    assert not (story.folder / "x.zip").exists()


def test_what_is_left_out_is_said_in_the_language_that_was_asked_for(story: Story) -> None:
    for path in (story.rledger.home / "files").rglob("*"):
        if path.is_file():
            path.unlink()

    made = story.rledger.done("package", story.return_id, "--out", story.folder / "case.zip", "--language", "zh")

    assert "未收入" in made.err
    assert "存储处已无此文件" in made.err


def test_a_file_that_cannot_be_written_is_usage_and_leaves_nothing(story: Story) -> None:
    ended = story.rledger("package", story.return_id, "--out", story.folder / "nowhere" / "case.zip")

    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_an_export_is_written_and_verified(story: Story) -> None:
    out = story.folder / "all.ndjson"

    made = story.rledger.done("export", "--out", out, "--final")
    verified = story.rledger.done("verify", out, *story.pinned)

    assert "1 returns" in made.out
    assert "valid: every entry in it is in the pinned log" in verified.out


def test_an_export_by_country_and_time_holds_no_other(story: Story) -> None:
    def count(*options: str) -> int:
        out = story.folder / "some.ndjson"
        story.rledger.done("export", "--out", out, *options)
        return int(json.loads(out.read_bytes().splitlines()[0])["cases"])

    assert count("--buyer-country", "DE", "--seller-country", "CN") == 1
    assert count("--buyer-country", "FR") == 0
    assert count("--opened-from", "2099-01-01T00:00:00.000Z") == 0
    assert count("--opened-until", "2099-01-01T00:00:00.000Z") == 1
    assert count("--as", "seller:s-3") == 1
    assert count("--as", "seller:s-4") == 0


@pytest.mark.parametrize(
    "options", [("--buyer-country", "de"), ("--opened-from", "yesterday"), ("--as", "nobody"), ("--seller-country", "")]
)
def test_an_export_that_is_asked_for_wrongly_is_usage(story: Story, options: tuple[str, ...]) -> None:
    assert_told(story.rledger("export", "--out", story.folder / "x.ndjson", *options), 2, options[0])


def test_an_export_without_a_line_is_invalid(story: Story) -> None:
    out = story.folder / "all.ndjson"
    story.rledger.done("export", "--out", out)
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join([*lines[:1], *lines[2:]]))

    assert story.rledger("verify", out, *story.pinned).code == 1


def test_files_of_all_kinds_are_told_apart_in_one_call(story: Story, tmp_path: Path) -> None:
    package, export = story.folder / "case.zip", story.folder / "all.ndjson"
    story.rledger.done("export", "--out", export, "--final")
    story.rledger.done("package", story.return_id, "--out", package)

    found = story.rledger("verify", package, story.final, export, *story.pinned, "--json").json()

    assert [one["verdict"] for one in found] == ["inconclusive", "valid", "valid"]
