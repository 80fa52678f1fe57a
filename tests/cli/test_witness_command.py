"""`rledger witness`: a key for its owner alone, and a process that cosigns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import httpx
import pytest

from ledger_service.cli import output
from ledger_service.core.checkpoint import parse_checkpoint, parse_signature
from ledger_service.core.cosignature import parse_witness_key
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.trust import encode_trust, parse_trust
from tests import receiver as behaves
from tests.cli.conftest import Story
from tests.cli.program import Program
from tests.cli.test_run_commands import free_port, get, running
from tests.receiver import receiving

NAME = "witness.example/eu"


def test_a_head_of_a_real_ledger_is_cosigned(template: Story, tmp_path: Path) -> None:
    key, port = tmp_path / "witness.key", free_port()
    public = parse_witness_key(template.rledger.done("witness", "key", "--name", NAME, "--out", key).out.strip())
    note = parse_receipt(template.final.read_bytes()).checkpoint
    given = ("--state", str(tmp_path / "state"), "--key", str(key), "--trust", str(template.trust))

    with running(template.rledger, "witness", "serve", *given, "--port", str(port)):
        get(port, "/")
        answer = httpx.post(f"http://127.0.0.1:{port}/add-checkpoint", content=b"old 0\n\n" + note)

    assert answer.status_code == 200
    assert public.verify(parse_signature(answer.text[:-1]), parse_checkpoint(note)[0]) > 1_700_000_000
    assert key.stat().st_mode & 0o077 == 0


def test_a_worker_asks_its_witnesses_and_whoever_pins_them_gets_a_valid_receipt(story: Story, tmp_path: Path) -> None:
    key, port, pinned = tmp_path / "witness.key", free_port(), tmp_path / "witnessed.trust.json"
    public = story.rledger.done("witness", "key", "--name", NAME, "--out", key).out.strip()
    trust = dataclasses.replace(
        parse_trust(story.trust.read_bytes()), witnesses=(parse_witness_key(public),), witnesses_required=1
    )
    pinned.write_bytes(encode_trust(trust))
    given = ("--state", str(tmp_path / "state"), "--key", str(key), "--trust", str(story.trust))
    rledger = story.rledger.with_settings(witnesses=f"{public}=http://127.0.0.1:{port}")

    before = story.rledger("verify", story.final, "--trust", pinned, "--rpc", story.rledger.rpc())
    with running(rledger, "witness", "serve", *given, "--port", str(port)):
        get(port, "/")
        worked = rledger.done("worker", "--once")
    silent = rledger.done("worker", "--once")
    receipt = tmp_path / "1.receipt.json"
    rledger.done("receipt", "1", "--out", receipt)
    after = rledger("verify", receipt, "--trust", pinned, "--rpc", rledger.rpc())

    assert before.code == output.EXIT_INCONCLUSIVE
    assert "did not cosign" not in worked.err
    assert "did not cosign" not in silent.err  # it has cosigned every head
    assert after.code == output.EXIT_DONE, after.reported
    assert "1 of 1 pinned witnesses cosigned this head" in after.out


def told(rledger: Program) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return doctor's exit code, and what it says of each witness."""
    ended = rledger("doctor", "--json")
    checks = {one["name"]: (one["outcome"], one["detail"]) for one in ended.json()}
    return ended.code, {name: said for name, said in checks.items() if name.startswith("witness")}


def test_doctor_asks_each_witness_and_no_head_is_cosigned_for_it(story: Story, tmp_path: Path) -> None:
    key, port, state = tmp_path / "witness.key", free_port(), tmp_path / "state"
    public = story.rledger.done("witness", "key", "--name", NAME, "--out", key).out.strip()
    given = ("--state", str(state), "--key", str(key), "--trust", str(story.trust))
    rledger = story.rledger.with_settings(witnesses=f"{public}=http://127.0.0.1:{port}")

    with running(rledger, "witness", "serve", *given, "--port", str(port)):
        get(port, "/")
        kept = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
        there = told(rledger)
        assert {path: path.read_bytes() for path in state.rglob("*") if path.is_file()} == kept
        elsewhere = told(story.rledger.with_settings(witnesses=f"{public}=http://127.0.0.1:{port}/elsewhere"))
    away = told(rledger)

    assert there == (0, {f"witness {NAME}": ("pass", "it answers, and takes heads of this log")})
    assert elsewhere[0] == output.EXIT_REFUSED
    assert elsewhere[1][f"witness {NAME}"][0] == "fail"
    assert "does not know this log" in elsewhere[1][f"witness {NAME}"][1]
    assert away == (output.EXIT_INCONCLUSIVE, {f"witness {NAME}": ("unknown", "nobody answered (ConnectError)")})


def test_doctor_says_what_a_witness_answers_and_where_the_setting_names_none(story: Story, tmp_path: Path) -> None:
    public = story.rledger.done("witness", "key", "--name", NAME, "--out", tmp_path / "witness.key").out.strip()
    with receiving() as site:
        site.behave = [behaves.answer(403), behaves.answer(500)]
        rledger = story.rledger.with_settings(witnesses=f"{public}={site.url('')}")
        old_key, broken = told(rledger), told(rledger)
    wrong = told(story.rledger.with_settings(witnesses="http://witness.example"))

    assert (old_key[0], old_key[1][f"witness {NAME}"][0]) == (output.EXIT_REFUSED, "fail")
    assert "does not take this log's checkpoint key" in old_key[1][f"witness {NAME}"][1]
    assert broken[1][f"witness {NAME}"] == ("unknown", "it answered 500, which says nothing")
    assert (wrong[0], wrong[1]["witnesses"][0]) == (output.EXIT_REFUSED, "fail")
    assert "LEDGER_WITNESSES: " in wrong[1]["witnesses"][1]


def test_a_setting_that_names_no_witness_ends_the_worker_before_it_works(story: Story) -> None:
    ended = story.rledger.with_settings(witnesses="http://witness.example")("worker", "--once")

    assert ended.code == output.EXIT_USAGE
    assert "error: LEDGER_WITNESSES: " in ended.err
    assert ended.out == ""


def test_a_key_is_not_replaced_and_a_wrong_name_makes_none(rledger: Program, tmp_path: Path) -> None:
    key = tmp_path / "witness.key"
    rledger.done("witness", "key", "--name", NAME, "--out", key)
    content = key.read_bytes()

    assert rledger("witness", "key", "--name", NAME, "--out", key).code == output.EXIT_USAGE
    assert rledger("witness", "key", "--name", "a+b", "--out", tmp_path / "other").code == output.EXIT_USAGE
    assert key.read_bytes() == content
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("content", "mode"), [(b"PRIVATE+KEY+x", 0o600), (None, 0o644)])
def test_a_key_that_is_none_or_that_others_may_read_is_refused(
    template: Story, tmp_path: Path, content: bytes | None, mode: int
) -> None:
    key = tmp_path / "witness.key"
    template.rledger.done("witness", "key", "--name", NAME, "--out", key)
    if content is not None:
        key.write_bytes(content)
    key.chmod(mode)

    ended = template.rledger("witness", "serve", "--state", tmp_path, "--key", key, "--trust", template.trust)

    assert ended.code == output.EXIT_USAGE
    assert "PRIVATE" not in ended.err
