"""Promises of `rledger audit`: its exit code tells the truth, and it names the first contradiction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Story
from tests.cli.program import Ended


def change(home: Path, *statements: str) -> None:
    """Do what the owner of the file can do: drop a table's guards, change rows, put the guards back."""
    connection = sqlite3.connect(home / "ledger.sqlite3")
    guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in guards:
        connection.execute(f'DROP TRIGGER "{name}"')
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    for _, statement in guards:
        connection.execute(statement)
    connection.commit()
    connection.close()


def rows(*statements: str) -> Callable[[Path], None]:
    """Return an attack that changes rows."""
    return lambda home: change(home, *statements)


def edit_file(home: Path) -> None:
    """Change one bit of a stored evidence file."""
    path = next(path for path in sorted((home / "files").rglob("*")) if path.is_file())
    path.chmod(0o600)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def remove_file(home: Path) -> None:
    """Lose a stored evidence file."""
    next(path for path in sorted((home / "files").rglob("*")) if path.is_file()).unlink()


def drop_guard(home: Path) -> None:
    """Remove a trigger."""
    connection = sqlite3.connect(home / "ledger.sqlite3")
    connection.execute("DROP TRIGGER entries_refuse_update")
    connection.commit()
    connection.close()


def cut_entries(home: Path) -> None:
    """Remove the newest entry with all that follows from it."""
    change(
        home,
        "DELETE FROM evidence_files WHERE idx = 3",
        "DELETE FROM sealed_values WHERE idx = 3",
        "DELETE FROM checkpoints WHERE size = 4",
        "DELETE FROM nodes WHERE id >= (SELECT count(*) - 3 FROM nodes)",
        "DELETE FROM entries WHERE idx = 3",
    )


ATTACKS: list[tuple[str, Callable[[Path], None], str]] = [
    ("a word of an entry", rows("UPDATE entries SET entry = replace(entry, 'CN', 'CH') WHERE idx = 1"), "entries"),
    ("an entry that is no JSON", rows("UPDATE entries SET entry = x'00ff' WHERE idx = 1"), "entries"),
    ("an entry that is a number", rows("UPDATE entries SET entry = 1000000000000 WHERE idx = 1"), "entries"),
    ("the genesis entry", rows("UPDATE entries SET entry = 'nonsense' WHERE idx = 0"), "entries"),
    ("a leaf hash", rows("UPDATE entries SET leaf_hash = zeroblob(32) WHERE idx = 2"), "entries"),
    ("a node", rows("UPDATE nodes SET hash = zeroblob(32) WHERE id = 2"), "nodes"),
    ("a checkpoint's root", rows("UPDATE checkpoints SET root = zeroblob(32) WHERE size = 2"), "checkpoints"),
    ("a checkpoint's note", rows("UPDATE checkpoints SET note = 'signed by nobody' WHERE size = 2"), "checkpoints"),
    ("a case's state", rows("UPDATE cases SET state = 'closed'"), "cases"),
    ("a sealed value", rows("UPDATE sealed_values SET ciphertext = zeroblob(60)"), "values"),
    ("a file's fingerprint", rows("UPDATE evidence_files SET sha256 = zeroblob(32)"), "evidence"),
    ("a bit of a file", edit_file, "evidence"),
    ("a file that is gone", remove_file, "evidence"),
    ("a guard that is gone", drop_guard, "guards"),
    ("entries cut off at the end", cut_entries, "mark"),
]


@pytest.mark.parametrize(("what", "attack", "stage"), ATTACKS, ids=[what for what, _, _ in ATTACKS])
def test_a_contradiction_is_exit_code_1_and_its_stage_is_named(
    story: Story, what: str, attack: Callable[[Path], None], stage: str
) -> None:
    assert story.rledger("audit").code == 0
    attack(story.rledger.home)

    ended = story.rledger("audit", "--json")

    assert ended.code == 1, ended.reported
    assert stage in {finding["stage"] for finding in ended.json()["findings"]}, ended.reported


def report(ended: Ended) -> dict[str, Any]:
    """Return the report of an audit."""
    found: dict[str, Any] = ended.json()
    assert list(found) == ["counts", "findings", "unknown", "notes"]
    return found


def test_a_clean_ledger_is_said_to_be_clean_with_what_was_looked_at(story: Story) -> None:
    ended = story.rledger.done("audit")

    assert ended.out.splitlines()[-1] == "clean: everything follows from the entry bytes, and the chain agrees"
    assert "4 entries" in ended.out
    assert "2 evidence files" in ended.out
    assert ended.err == "rledger: entries: 4\nrledger: values and evidence: 4\n"


def test_the_first_contradiction_stands_on_top(story: Story) -> None:
    change(story.rledger.home, "UPDATE entries SET leaf_hash = zeroblob(32) WHERE idx = 2")

    lines = story.rledger("audit").out.splitlines()

    assert lines[1].startswith("contradicted: ")
    assert lines[2].startswith("  entries: ")
    assert "clean" not in "\n".join(lines)


def test_a_silent_chain_is_inconclusive_never_a_contradiction(story: Story) -> None:
    for rpc in ("http://127.0.0.1:1", f"embedded:{story.folder / 'nowhere'}"):
        ended = story.rledger.with_settings(rpc_url=rpc)("audit", "--json")

        assert ended.code == 3
        found = report(ended)
        assert found["findings"] == []
        assert len(found["unknown"]) == 1


def test_a_contradiction_outweighs_a_silent_chain(story: Story) -> None:
    edit_file(story.rledger.home)

    ended = story.rledger.with_settings(rpc_url="http://127.0.0.1:1")("audit", "--json")

    assert ended.code == 1
    assert report(ended)["unknown"]


def test_a_file_that_belongs_to_no_entry_is_worth_a_note(story: Story) -> None:
    stored = next(path for path in sorted((story.rledger.home / "files").rglob("*")) if path.is_file())
    stored.with_name(stored.name[:-4] + "abcd").write_bytes(b"left behind")

    found = report(story.rledger.done("audit", "--json"))

    assert len(found["notes"]) == 1
    assert "belongs to no entry" in found["notes"][0]


def test_an_audit_changes_nothing(story: Story) -> None:
    def held() -> dict[str, bytes]:
        return {
            str(path.relative_to(story.rledger.home)): path.read_bytes()
            for path in story.rledger.home.rglob("*")
            if path.is_file() and not path.name.endswith(("-shm", "-wal", "-journal", "subjects.sqlite3"))
        }

    before = held()

    story.rledger.done("audit")

    assert held() == before
