"""Promises on a disk that is full or cannot be written: a step is refused in plain words, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Story
from tests.cli.program import Program

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = ("unshare", "--mount", "--map-root-user")


@pytest.fixture(scope="module")
def namespace() -> tuple[str, ...]:
    """The command that gives a program mounts of its own; skipped where the system does not allow it."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this system gives no mount namespaces: full and read-only disks are not tried")
    return NAMESPACE


def trials(namespace: tuple[str, ...], name: str, story: Story, folder: Path) -> list[dict[str, Any]]:
    """Run a trial on a copy of the ledger."""
    disk = folder / "disk"
    disk.mkdir()
    ended = subprocess.run(
        [*namespace, sys.executable, "-m", "tests.cli.small_disk", name, story.rledger.home, disk],
        cwd=ROOT,
        env=Program(folder / "none").environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert list(disk.iterdir()) == []
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    assert all("Traceback" not in trial["err"] and "internal error" not in trial["err"] for trial in found), found
    return found


def test_a_full_disk_refuses_in_plain_words_and_loses_nothing(
    namespace: tuple[str, ...], template: Story, tmp_path: Path
) -> None:
    """At each amount of free space the step is either recorded whole or refused whole."""
    *full, roomy = trials(namespace, "full", template, tmp_path)

    assert {trial["code"] for trial in full} == {0, 4}, full
    for trial in full:
        assert trial["grown"] == (1 if trial["code"] == 0 else 0), trial
        assert trial["audit"] == 0, trial
        if trial["code"] == 4:
            assert "rledger: error: " in trial["err"]
            assert "space" in trial["err"]
            assert "rledger: hint: " in trial["err"]
    assert (full[0]["code"], roomy["code"], roomy["audit"]) == (4, 0, 0)


def test_a_read_only_disk_refuses_in_plain_words_and_loses_nothing(
    namespace: tuple[str, ...], template: Story, tmp_path: Path
) -> None:
    """SQLite reads a database in WAL mode only beside files that it may write: reading is refused as well."""
    refused, worker, deploy, upgrade, show, receipt, audit, again, after = trials(
        namespace, "readonly", template, tmp_path
    )

    for trial in (refused, worker, deploy, upgrade, show, receipt, audit):
        assert trial["code"] == 4, trial
        assert "rledger: error: " in trial["err"]
        assert "rledger: hint: " in trial["err"]
    assert (again["code"], after["code"]) == (0, 0)
