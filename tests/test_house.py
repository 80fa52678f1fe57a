"""Promises of the house: scripts that run from any folder, locks that pin every byte and name no registry."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.unmeasured import FILES, FOLDERS

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
LOCKS = ["requirements.txt", "requirements-test.txt", "requirements-dev.txt"]


def pins(lock: str) -> dict[str, list[str]]:
    """Return the digests of each pinned package of a lock."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / lock).read_text().splitlines():
        if line and line[0].isalnum():
            name = line.split("==")[0]
            assert "==" in line, f"not pinned: {line}"
            found[name] = []
        elif "--hash=" in line:
            found[name].append(line.strip(" \\").removeprefix("--hash="))
    return found


def normal(requirement: str) -> str:
    """Return the package's name as the index spells it."""
    written = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert written
    return re.sub(r"[-_.]+", "-", written.group()).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_gives_every_package_a_sha256_and_names_no_place(lock: str) -> None:
    locked = pins(lock)

    assert locked
    digests = [digest for given in locked.values() for digest in given]
    assert all(given for given in locked.values()), "a package without a digest"
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests)
    assert not re.search(r"://|--index|--find-links| @ |^/|[ =]/", (ROOT / lock).read_text(), re.MULTILINE)


def test_the_locks_hold_what_pyproject_asks_for_and_agree_with_each_other() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {
        name: {normal(entry) for entry in entries if isinstance(entry, str)}
        for name, entries in asked["dependency-groups"].items()
    }
    run, test, dev = (pins(lock) for lock in LOCKS)

    assert {normal(entry) for entry in asked["project"]["dependencies"]} | groups["build"] <= set(run)
    assert groups["test"] <= set(test)
    assert groups["dev"] <= set(dev)
    assert run.items() <= test.items() <= dev.items()


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_a_script_can_be_started_and_says_what_it_does(script: Path) -> None:
    first, second, *_ = script.read_text().splitlines()

    assert os.access(script, os.X_OK)
    assert first.startswith("#!/usr/bin/env ")
    assert len(second) > 20, "the second line says what the script does"
    if first.endswith("bash"):
        assert second.startswith("# ")
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_install_refuses_an_unknown_option_from_any_folder(tmp_path: Path) -> None:
    link = tmp_path / "a path with spaces"
    link.symlink_to(ROOT)

    refused = subprocess.run(
        [link / "scripts" / "install", "--everything"], cwd="/", capture_output=True, text=True, check=False
    )

    assert refused.returncode == 2
    assert "--everything" in refused.stderr


def test_what_counts_for_no_coverage_is_there() -> None:
    assert [name for name in FOLDERS if not list((ROOT / "tests" / name).glob("test_*.py"))] == []
    assert [name for name in FILES if not (ROOT / "tests" / f"{name}.py").is_file()] == []
