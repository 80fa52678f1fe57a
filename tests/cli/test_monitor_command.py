"""`rledger monitor` before the real service: exit codes, files and words."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from ledger_service.cli import output
from tests.cli.conftest import Story
from tests.cli.program import PLATFORM
from tests.cli.test_run_commands import free_port, get, running, stop


def test_a_real_ledger_is_followed_with_its_chain_and_its_entries(story: Story, tmp_path: Path) -> None:
    token = story.rledger.done("key", "create", PLATFORM, "--label", "watch", "--scope", "read,operate")
    key_file = tmp_path / "token"
    key_file.write_text(token.out)
    port = free_port()
    state = tmp_path / "seen"
    arguments = ("monitor", f"http://127.0.0.1:{port}", "--state", state, "--once", *story.pinned)
    with running(story.rledger, "serve", "--port", str(port), "--no-worker"):
        get(port, "/health/live")
        ended = story.rledger(*arguments, "--key-file", key_file, "--json")
        told = story.rledger(*arguments)
        steady = [one for one in arguments if one != "--once"]
        with running(story.rledger, *map(str, steady)) as (process, first):
            code, rest = stop(process, signal.SIGTERM)

    found = ended.json()
    assert ended.code == output.EXIT_DONE, ended.reported
    assert (found["verdict"], found["size"], found["entries_checked"], found["anchors_checked"]) == ("valid", 4, 4, 1)
    assert json.loads((state / "report.json").read_text())["verdict"] == "valid"
    assert first == "rledger: valid: 4 entries, 1 anchors compared\n"
    assert (code, rest) == (output.EXIT_DONE, "")
    assert "valid: what was seen is one log that only grew" in told.out


@pytest.mark.parametrize("content", [b"", b"\xff", b"two\nlines"])
def test_a_file_without_a_key_is_wrong_usage(template: Story, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)

    ended = template.rledger(
        "monitor", "http://127.0.0.1:9", "--state", tmp_path, "--trust", template.trust, "--once", "--key-file", path
    )

    assert ended.code == output.EXIT_USAGE
    assert "holds no API key" in ended.err


def test_an_address_that_is_none_is_wrong_usage(template: Story, tmp_path: Path) -> None:
    ended = template.rledger("monitor", "ledger", "--state", tmp_path, "--trust", template.trust, "--once")

    assert ended.code == output.EXIT_USAGE


def test_a_broken_folder_is_refused_and_the_log_is_not_blamed(template: Story, tmp_path: Path) -> None:
    (tmp_path / "seen.json").write_text("{}")

    ended = template.rledger("monitor", "http://127.0.0.1:9", "--state", tmp_path, "--trust", template.trust, "--once")

    assert ended.code == output.EXIT_REFUSED
    assert "says nothing about the log" in ended.err
