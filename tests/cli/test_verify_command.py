"""Promises of `rledger verify`: one shape of its JSON, exit codes that add up, and three answers, never two."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_service.cli import output
from ledger_service.core.receipt import RECEIPT_BYTES_MAX
from tests.cli.conftest import PHOTO, Story
from tests.cli.program import Ended, Program, assert_told

VALID, INVALID, INCONCLUSIVE = "valid", "invalid", "inconclusive"


@pytest.fixture
def changed(template: Story, tmp_path: Path) -> Callable[[Callable[[bytes], bytes]], Path]:
    """Write a changed copy of the final receipt."""

    def write(change: Callable[[bytes], bytes]) -> Path:
        path = tmp_path / "changed.receipt.json"
        path.write_bytes(change(template.final.read_bytes()))
        return path

    return write


def broken(receipt: bytes) -> bytes:
    """Change one character of the entry."""
    spoiled = receipt.replace(b'\\"seller_country\\":\\"CN\\"', b'\\"seller_country\\":\\"CH\\"')
    assert spoiled != receipt
    return spoiled


def verdicts(rledger: Program, *arguments: str | Path) -> tuple[int, list[str]]:
    """Return exit code and verdicts of a call."""
    ended = rledger("verify", *arguments, "--json")
    return ended.code, [found["verdict"] for found in ended.json()]


def checks(rledger: Program, *arguments: str | Path) -> list[tuple[str, str, str]]:
    """Return name, outcome and detail of each check of the first file."""
    found = rledger("verify", *arguments, "--json").json()[0]
    return [(check["name"], check["outcome"], check["detail"]) for check in found["checks"]]


def test_json_is_a_list_of_file_verdict_and_checks_in_the_given_order(
    template: Story, changed: Callable[..., Path]
) -> None:
    given = [template.young, changed(broken), template.final, template.young]

    ended = template.rledger("verify", *given, *template.pinned, "--json")

    answer = ended.json()
    assert [found["file"] for found in answer] == [str(path) for path in given]
    assert [found["verdict"] for found in answer] == [INCONCLUSIVE, INVALID, VALID, INCONCLUSIVE]
    for found in answer:
        assert list(found) == ["file", "verdict", "checks"]
        for check in found["checks"]:
            assert list(check) == ["name", "outcome", "detail"]
            assert check["outcome"] in {"pass", "fail", "unknown"}
            assert all(isinstance(value, str) for value in check.values())
    assert ended.err == ""


def test_one_file_is_a_list_of_one(template: Story) -> None:
    answer = template.rledger("verify", template.final, *template.pinned, "--json").json()

    assert isinstance(answer, list)
    assert len(answer) == 1


@pytest.mark.parametrize(
    ("mixture", "code"),
    [
        ("v", 0),
        ("vv", 0),
        ("vu", 3),
        ("u", 3),
        ("i", 1),
        ("iu", 1),
        ("uvi", 1),
        ("vi", 1),
    ],
)
def test_exit_code_is_1_if_any_is_invalid_else_3_if_any_is_inconclusive_else_0(
    template: Story, changed: Callable[..., Path], mixture: str, code: int
) -> None:
    files = {"v": template.final, "u": template.young, "i": changed(broken)}

    assert template.rledger("verify", *(files[letter] for letter in mixture), *template.pinned).code == code


def test_a_valid_receipt_prints_its_checks_and_its_verdict(template: Story) -> None:
    ended = template.rledger("verify", template.final, *template.pinned)

    assert ended.code == 0
    first, *lines, verdict = ended.out.splitlines()
    assert first == f"{template.final}: return {template.return_id[:8]}…, request_return, new -> requested"
    assert all(line.startswith("  pass     ") for line in lines)
    assert [line.split()[1] for line in lines] == [
        "format", "trust", "entry", "disclosures", "checkpoint", "inclusion", "anchor", "state", "chain", "finality",
        "policy", "time",
    ]  # fmt: skip
    assert verdict == "valid: the entry is in the pinned log, unchanged, and its anchor is final"
    assert any("a demonstration chain proves nothing against its operator" in line for line in lines)


def test_without_a_trust_file_a_receipt_is_at_best_inconclusive(template: Story) -> None:
    ended = template.rledger("verify", template.final, "--rpc", template.rledger.rpc())

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "unknown  trust" in ended.out
    assert "rledger: hint: give the trust file you pinned: --trust FILE" in ended.err


def test_without_a_node_a_receipt_is_inconclusive_and_the_hint_says_what_to_ask(template: Story) -> None:
    ended = template.rledger("verify", template.final, "--trust", template.trust)

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "unknown  block" in ended.out
    assert "rledger: hint: ask a node: --rpc URL" in ended.err


def test_one_block_hash_makes_a_receipt_final_without_a_node(template: Story) -> None:
    asked = template.rledger("verify", template.final, "--trust", template.trust)
    found = re.search(r"has the hash (0x[0-9a-f]{64})", asked.out)
    assert found is not None

    def given(text: str) -> Ended:
        return template.rledger("verify", template.final, "--trust", template.trust, "--block-hash", text)

    ended = given(found[1])

    assert (ended.code, ended.out.splitlines()[-1]) == (
        0,
        "valid: the entry is in the pinned log, unchanged, and its anchor is final",
    )
    assert "you gave the hash of block" in ended.out
    assert "a demonstration chain proves nothing against its operator" in ended.out
    assert given("0x" + "00" * 32).code == output.EXIT_INCONCLUSIVE
    assert given(found[1][2:]).code == output.EXIT_USAGE


def test_a_state_proof_is_made_anew_at_a_newer_block(template: Story, tmp_path: Path) -> None:
    path = tmp_path / "again.receipt.json"
    made = template.rledger("receipt", "1", "--refresh", "--out", str(path))

    assert made.code == 0, made.err
    assert template.rledger("verify", str(path), *template.pinned).code == 0


def test_a_young_receipt_is_inconclusive_and_names_what_is_missing(template: Story) -> None:
    ended = template.rledger("verify", template.young, *template.pinned)

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "unknown  policy       not anchored yet; 1 required" in ended.out
    assert "fetch the receipt again later" in ended.err


def test_a_changed_receipt_is_invalid_even_without_trust_file_and_node(
    template: Story, changed: Callable[..., Path]
) -> None:
    ended = template.rledger("verify", changed(broken))

    assert ended.code == output.EXIT_INVALID
    assert ended.out.splitlines()[-1] == "invalid: contradicted by: inclusion"


def test_a_folder_stands_for_its_receipts_by_name(template: Story, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name, source in (("b", template.young), ("a", template.final)):
        (folder / f"{name}.receipt.json").write_bytes(source.read_bytes())
    (folder / "notes.json").write_text("{}")

    answer = template.rledger("verify", folder, *template.pinned, "--json").json()

    assert [Path(found["file"]).name for found in answer] == ["a.receipt.json", "b.receipt.json"]


def test_a_folder_without_receipts_is_wrong_usage(template: Story, tmp_path: Path) -> None:
    assert_told(template.rledger("verify", tmp_path), 2, "holds no receipt", "hint: ")


UNREADABLE: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda receipt: b""),
    ("truncated", lambda receipt: receipt[: len(receipt) // 2]),
    ("one byte short", lambda receipt: receipt.rstrip()[:-1]),
    ("not JSON", lambda receipt: b"this is no receipt"),
    ("binary", lambda receipt: bytes(range(256))),
    ("not UTF-8", lambda receipt: receipt.replace(b"return", b"ret\xffrn", 1)),
    ("another document", lambda receipt: b'{"format":"something-else"}'),
    ("a list", lambda receipt: b"[]"),
    ("null", lambda receipt: b"null"),
    ("deep", lambda receipt: b"[" * 100_000 + b"]" * 100_000),
    ("deep objects", lambda receipt: b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    ("huge", lambda receipt: receipt.rstrip()[:-1] + b" " * RECEIPT_BYTES_MAX + b"}"),
    ("with a duplicate member", lambda receipt: receipt.replace(b'"index"', b'"index": 1, "index"', 1)),
    ("with a float", lambda receipt: receipt.replace(b'"index": 1', b'"index": 1.0', 1)),
    ("with NaN", lambda receipt: receipt.replace(b'"index": 1', b'"index": NaN', 1)),
    ("with a huge number", lambda receipt: receipt.replace(b'"index": 1', b'"index": ' + b"9" * 5_000, 1)),
    ("with a lone surrogate", lambda receipt: receipt.replace(b'"state":', b'"\\ud800":', 1)),
    ("with a BOM", lambda receipt: b"\xef\xbb\xbf" + receipt),
    ("in UTF-16", lambda receipt: receipt.decode().encode("utf-16")),
    ("with a stranger member", lambda receipt: receipt.replace(b'"index"', b'"indexes": 1, "index"', 1)),
    ("without a member", lambda receipt: json.dumps({**json.loads(receipt), "index": None}).encode()),
    ("twice", lambda receipt: receipt + receipt),
]


@pytest.mark.parametrize(("what", "change"), UNREADABLE, ids=[name for name, _ in UNREADABLE])
def test_a_file_that_cannot_be_parsed_is_invalid_with_the_check_format(
    template: Story, changed: Callable[..., Path], what: str, change: Callable[[bytes], bytes]
) -> None:
    path = changed(change)
    assert path.read_bytes() != template.final.read_bytes()

    ended = template.rledger("verify", path, *template.pinned, "--json")

    assert ended.code == output.EXIT_INVALID
    assert "Traceback" not in ended.err
    (found,) = ended.json()
    assert found["verdict"] == INVALID
    ((name, outcome),) = [(check["name"], check["outcome"]) for check in found["checks"]]
    assert (name, outcome) == ("format", "fail")


@pytest.mark.parametrize("option", ["receipt", "trust", "evidence"])
def test_a_path_that_cannot_be_read_is_exit_code_2(template: Story, tmp_path: Path, option: str) -> None:
    missing = tmp_path / "missing"
    arguments: dict[str, list[str | Path]] = {
        "receipt": [missing],
        "trust": [template.final, "--trust", missing],
        "evidence": [template.final, "--evidence", missing],
    }

    assert_told(template.rledger("verify", *arguments[option], "--json"), 2, str(missing), "no such file", "hint: ")


def test_one_path_that_cannot_be_read_ends_the_whole_call(template: Story, tmp_path: Path) -> None:
    assert_told(template.rledger("verify", template.final, tmp_path / "missing", *template.pinned), 2, "missing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_the_right_to_read_it_is_exit_code_2(template: Story, tmp_path: Path) -> None:
    path = tmp_path / "secret.receipt.json"
    path.write_bytes(template.final.read_bytes())
    path.chmod(0)

    assert_told(template.rledger("verify", path), 2, "permission denied")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "trust file"),
        (b"{}", "trust file"),
        (b"[1, 2", "trust file"),
        (b'{"format":"return-ledger/trust@v1"}', "trust file"),
        (b" " * 70_000, "most bytes"),
    ],
)
def test_a_bad_trust_file_is_wrong_usage(template: Story, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.trust.json"
    path.write_bytes(content)

    assert_told(template.rledger("verify", template.final, "--trust", path), 2, str(path), words, "hint: ")


def test_a_receipt_is_no_trust_file(template: Story) -> None:
    assert_told(template.rledger("verify", template.final, "--trust", template.final), 2, "return-ledger/trust@v1")


def test_a_trust_file_whose_log_id_does_not_follow_is_wrong_usage(template: Story, tmp_path: Path) -> None:
    pinned: dict[str, Any] = json.loads(template.trust.read_bytes())
    pinned["targets"][0]["log_id"] = "0x" + "ab" * 32
    path = tmp_path / "spoiled.trust.json"
    path.write_text(json.dumps(pinned))

    assert_told(template.rledger("verify", template.final, "--trust", path), 2, "log id", "does not follow")


# --- evidence -------------------------------------------------------------------------------------------------------


def test_the_file_that_was_recorded_is_shown_unchanged(template: Story) -> None:
    found = checks(template.rledger, template.final, *template.pinned, "--evidence", template.photo)

    assert found[-1][:2] == ("evidence", "pass")


def test_one_bit_of_a_file_makes_the_receipt_invalid(template: Story, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTO[:-1] + bytes([PHOTO[-1] ^ 1]))

    assert verdicts(template.rledger, template.final, *template.pinned, "--evidence", photo) == (1, [INVALID])


def test_a_file_that_belongs_to_another_receipt_says_nothing_about_this_one(template: Story) -> None:
    found = template.rledger(
        "verify", template.final, template.young, *template.pinned, "--evidence", template.photo, "--json"
    ).json()

    assert [file["verdict"] for file in found] == [VALID, INCONCLUSIVE]
    assert "evidence" not in [check["name"] for check in found[1]["checks"]]


def test_a_withheld_fingerprint_leaves_the_question_open(template: Story, tmp_path: Path) -> None:
    """A copy that shows only `lines` can neither confirm nor deny a photo."""
    copy = tmp_path / "1.receipt.json"
    template.rledger.done("receipt", "1", "--show", "lines", "--out", copy)

    assert verdicts(template.rledger, copy, *template.pinned) == (0, [VALID])
    assert verdicts(template.rledger, copy, *template.pinned, "--evidence", template.photo) == (3, [INCONCLUSIVE])


def test_a_large_evidence_file_is_streamed(template: Story, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)

    assert verdicts(template.rledger, template.final, *template.pinned, "--evidence", large) == (1, [INVALID])


# --- nodes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rpc",
    ["http://127.0.0.1:1", "https://127.0.0.1:1/key", "nonsense", "ftp://127.0.0.1", "embedded:", "embedded:/nowhere"],
)
def test_a_node_that_cannot_be_asked_is_inconclusive_never_invalid(template: Story, rpc: str) -> None:
    ended = template.rledger("verify", template.final, "--trust", template.trust, "--rpc", rpc, "--json")

    assert ended.code == output.EXIT_INCONCLUSIVE, ended.reported
    assert [c["outcome"] for c in ended.json()[0]["checks"] if c["name"] == "chain"] == ["unknown"]


def test_a_node_that_answers_makes_good_for_one_that_does_not(template: Story) -> None:
    ended = template.rledger("verify", template.final, *template.pinned, "--rpc", "http://127.0.0.1:1", "--json")

    assert ended.code == 0, ended.reported
    assert [c["outcome"] for c in ended.json()[0]["checks"] if c["name"] == "chain"] == ["pass", "unknown"]


def test_the_secret_of_a_node_s_url_is_never_shown(template: Story) -> None:
    ended = template.rledger(
        "verify", template.final, "--trust", template.trust, "--rpc", "http://user:hunter2@127.0.0.1:1/v3/api-key-77"
    )

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "hunter2" not in ended.out + ended.err
    assert "api-key-77" not in ended.out + ended.err


def test_blocks_that_are_gone_are_said_to_be_gone(template: Story, tmp_path: Path) -> None:
    ended = template.rledger(
        "verify", template.final, "--trust", template.trust, "--rpc", f"embedded:{tmp_path / 'chain'}"
    )

    assert ended.code == output.EXIT_INCONCLUSIVE
    assert "gone" in ended.out or "no blocks" in ended.out or "missing" in ended.out, ended.reported
    assert not (tmp_path / "chain").exists()


# --- text from outside ----------------------------------------------------------------------------------------------

HOSTILE = "x\x1b[2J\x1b[32mvalid\u202e\u009b"


def test_a_hostile_file_name_is_escaped(template: Story, tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE}.receipt.json"
    path.write_bytes(template.final.read_bytes())

    ended = template.rledger("verify", path, "--evidence", path)
    as_json = template.rledger("verify", path, "--evidence", path, "--json")

    for shown in (ended.out, ended.err, as_json.out):
        assert all(line.isprintable() for line in shown.splitlines())
    assert r"\x1b[2J" in ended.out
    assert as_json.json()[0]["file"] == str(path)


def test_hostile_text_of_a_receipt_is_escaped(template: Story, changed: Callable[..., Path]) -> None:
    note = json.dumps(HOSTILE, ensure_ascii=False)[1:-1].encode()
    for old, new in (
        (b"\xe2\x80\x94 localhost", b"\xe2\x80\x94 " + note),  # the name of the key in the signed note
        (b'\\"verb\\":\\"request_return', b'\\"verb\\":\\"' + note.replace(b"\\", b"\\\\")),
        (b'"format"', b'"' + note + b'"'),
    ):
        path = changed(lambda receipt, old=old, new=new: receipt.replace(old, new, 1))
        assert path.read_bytes() != template.final.read_bytes()

        ended = template.rledger("verify", path, *template.pinned)

        assert ended.code == output.EXIT_INVALID
        assert all(line.isprintable() for line in (ended.out + ended.err).splitlines())


def test_a_file_name_that_is_no_utf8_still_gets_a_verdict(template: Story, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.receipt.json"))
    path.write_bytes(template.final.read_bytes())

    ended = template.rledger.child("verify", path, *template.pinned, "--json")

    assert ended.code == 0, ended.reported
    assert ended.json()[0]["file"] == str(path)
