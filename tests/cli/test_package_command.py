"""Promises of `package`, `export` and `verify` of both: files that appear whole, verdicts with their exit codes."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from ledger_service.core.receipt import encode_receipt
from ledger_service.core.trust import encode_trust
from tests.cli.conftest import Story
from tests.cli.program import BUYER, assert_told
from tests.core import sealed_twice
from tests.core.hostile_packages import HOSTILE
from tests.core.receipts import TRUST
from tests.documents.reading import text_of


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
    assert names[-6:] == ["receipts", "chain", "completeness", "evidence", "events", "pages"]
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
    assert "事实认定" in text_of(zipfile.ZipFile(out).read("report.pdf"))
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


def test_statistics_are_shown_as_text_json_and_csv_and_the_read_is_recorded(story: Story) -> None:
    out = story.folder / "statistics.csv"
    first = story.rledger.done("statistics", "--language", "en", "--csv", out).out
    found = story.rledger.done("statistics", "--json", "--as", BUYER).json()
    chinese = story.rledger.done("statistics", "--language", "zh", "--buyer-country", "FR").out

    assert "returns opened: 1\n" in first
    assert "final, of all steps: " in first
    assert out.read_bytes().startswith(b"\xef\xbb\xbf" + b'"table","group"')
    assert (found["totals"]["opened"], found["question"]) == (1, {})
    assert "已申请的退货: 0\n" in chinese
    assert "Figures of this return were read" in story.rledger.done("show", story.return_id, "--language", "en").out


@pytest.mark.parametrize("options", [("--buyer-country", "de"), ("--from", "2026-13"), ("--to", "9999-12")])
def test_statistics_that_are_asked_for_wrongly_are_usage(story: Story, options: tuple[str, str]) -> None:
    assert_told(story.rledger("statistics", *options), 2, options[0])


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


def test_a_package_is_held_against_receipts_that_are_given_beside_it(story: Story) -> None:
    out = story.folder / "case.zip"
    story.rledger.done("worker", "--once")
    story.rledger.done("package", story.return_id, "--out", out)
    story.rledger.done("receipt", "3", "--out", story.young)

    ended = story.rledger.done("verify", out, story.final, story.young, *story.pinned)

    assert "entry 1, shown beside the package, is in it" in ended.out
    assert "entry 3, shown beside the package, is in it" in ended.out


def test_a_receipt_whose_place_a_package_gives_to_another_makes_it_invalid(template: Story, tmp_path: Path) -> None:
    """Without it nothing is wrong with that package, and without a trust file nothing says who signed the receipt."""
    out, rival, trust = tmp_path / "case.zip", tmp_path / "7.receipt.json", tmp_path / "ledger.trust.json"
    out.write_bytes(sealed_twice.package(proof=sealed_twice.completeness()))
    rival.write_bytes(encode_receipt(sealed_twice.receipt(sealed_twice.RIVAL_AT)))
    trust.write_bytes(encode_trust(TRUST))

    alone = template.rledger("verify", out, "--trust", trust)
    beside = template.rledger("verify", out, rival, "--trust", trust)
    unpinned = template.rledger("verify", out, rival)

    assert (alone.code, beside.code, unpinned.code) == (3, 1, 3)
    assert "has the place 1 of the return, where the package has entry 2" in beside.out


def test_a_package_that_lacks_nothing_but_its_seal_is_inconclusive_and_says_what_to_do(story: Story) -> None:
    """Made by the ledger itself: manifest and signature fit what is in it."""
    out = story.folder / "case.zip"
    story.rledger.done("worker", "--once")
    connection = sqlite3.connect(story.rledger.home / "ledger.sqlite3")
    with connection:
        connection.execute("DELETE FROM case_index_roots")
    connection.close()
    story.rledger.done("package", story.return_id, "--out", out)

    ended = story.rledger("verify", out, *story.pinned)

    assert ended.code == 3
    assert "inconclusive: nothing contradicts it; not known: completeness" in ended.out
    assert "hint: ask for the package again" in ended.err
