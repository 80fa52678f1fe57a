"""`rledger receipt`: a copy for an audience, the log part for other logs' tools, and what `verify` says of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.core.tlog_proof import parse_tlog_proof
from tests.cli.conftest import Story
from tests.cli.program import assert_told
from tests.documents.reading import attached, text_of


def details(story: Story, file: Path) -> tuple[int, str, dict[str, tuple[str, str]]]:
    """Return exit code, verdict, and outcome and detail of each check by its name."""
    ended = story.rledger("verify", file, *story.pinned, "--json")
    (found,) = ended.json()
    return ended.code, found["verdict"], {c["name"]: (c["outcome"], c["detail"]) for c in found["checks"]}


def test_a_copy_for_an_audience_is_valid_and_names_what_it_withholds(template: Story, tmp_path: Path) -> None:
    copy = tmp_path / "copy.receipt.json"
    template.rledger.done("receipt", "1", "--audience", "carrier", "--out", copy)
    code, verdict, checks = details(template, copy)

    assert (code, verdict) == (0, "valid")
    said = "1 of 2 committed values shown, each opens; shown: lines; withheld: evidence:product_photo"
    assert checks["disclosures"] == ("pass", said)
    assert said in template.rledger.done("verify", copy, *template.pinned).out


def test_what_both_options_allow_is_shown_and_no_more(template: Story, tmp_path: Path) -> None:
    copy = tmp_path / "copy.receipt.json"
    shown = "evidence:product_photo"
    template.rledger.done("receipt", "1", "--audience", "arbitrator", "--show", shown, "--out", copy)

    assert details(template, copy)[2]["disclosures"][1].endswith(f"; shown: {shown}; withheld: lines")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--audience", "everybody"], 2, "--audience everybody: there is no such role"),
        (["--show", "phone", "--audience", "seller"], 4, "entry 1 has no committed value 'phone'"),
        (["--tlog-proof", "--audience", "seller"], 2, "--tlog-proof shows no value"),
        (["--tlog-proof", "--show", "lines"], 2, "--tlog-proof shows no value"),
    ],
)
def test_what_makes_no_sense_is_told(template: Story, words: list[str], code: int, told: str) -> None:
    assert_told(template.rledger("receipt", "1", *words), code, told)


def test_a_receipt_is_printed_in_either_language_with_itself_inside(template: Story, tmp_path: Path) -> None:
    english, chinese, file = tmp_path / "en.pdf", tmp_path / "zh.pdf", tmp_path / "1.receipt.json"

    alone = template.rledger.done("receipt", "1", "--pdf", english)
    template.rledger.done("receipt", "1", "--pdf", chinese, "--language", "zh", "--out", file)
    refused = template.rledger("receipt", "0", "--pdf", tmp_path / "0.pdf")

    assert (alone.out, "to read and to print" in alone.err) == ("", True)
    assert "Whatwasrecorded" in text_of(english.read_bytes())
    assert "记录内容" in text_of(chinese.read_bytes())
    verified = template.rledger("verify", english, *template.pinned)
    assert verified.code == 1
    assert "a PDF is for reading: the receipt is the file that is attached inside it" in verified.out
    assert attached(chinese.read_bytes()) == {"entry-1.receipt.json": file.read_bytes()}
    assert_told(refused, 4, "entry 0 is of no return")
    assert not (tmp_path / "0.pdf").exists()


def test_a_printed_copy_for_an_audience_shows_no_more_than_the_copy(template: Story, tmp_path: Path) -> None:
    pdf, copy = tmp_path / "copy.pdf", tmp_path / "copy.receipt.json"

    template.rledger.done("receipt", "1", "--audience", "carrier", "--pdf", pdf, "--out", copy)

    assert attached(pdf.read_bytes()) == {"entry-1.receipt.json": copy.read_bytes()}
    assert "notshowntothisreader" in text_of(pdf.read_bytes())


def test_the_log_part_is_written_and_what_it_shows_holds(template: Story, tmp_path: Path) -> None:
    proof = tmp_path / "1.tlog-proof"
    template.rledger.done("receipt", "1", "--tlog-proof", "--out", proof)
    code, verdict, checks = details(template, proof)

    assert parse_tlog_proof(proof.read_bytes()).index == 1
    assert (code, verdict) == (3, "inconclusive")
    assert {name: outcome for name, (outcome, _) in checks.items()} == {
        "format": "pass", "trust": "pass", "entry": "pass", "checkpoint": "pass", "inclusion": "pass",
        "anchor": "unknown",
    }  # fmt: skip
    ended = template.rledger("verify", proof, *template.pinned)
    assert "hint: a tlog-proof names no anchor: verify the receipt of the entry" in ended.err


def test_a_changed_log_part_is_invalid(template: Story, tmp_path: Path) -> None:
    proof = tmp_path / "1.tlog-proof"
    written = template.rledger.done("receipt", "1", "--tlog-proof").out
    proof.write_text(written.replace("index 1", "index 0"))

    assert details(template, proof)[:2] == (1, "invalid")
