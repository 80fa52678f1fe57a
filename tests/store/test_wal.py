"""The write-ahead log moves into the database beside the commits, and nothing is lost by it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ledger_service.store.engine import open_store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.rules import Rules
from ledger_service.store.wal import PAGES_DUE, PAGES_OF_COMMIT, PAGES_OF_ENTRY, WalKeeper
from ledger_service.store.writer import Writer
from tests.store import drafts
from tests.store.rederive import check

PATIENCE = 60.0
FRAME_BYTES = 24 + 4096  # of SQLite's write-ahead log: a header and a page
ONE = PAGES_OF_COMMIT + PAGES_OF_ENTRY  # pages of a commit of one entry


def appended(path: Path, monkeypatch: pytest.MonkeyPatch, *, every: int, wait: bool) -> int:
    """Append 41 entries; return by how many bytes the database itself grew, waiting for it if asked."""
    mark = HighWaterMark(path.with_name("mark"))
    mark.create()
    monkeypatch.setattr("ledger_service.store.writer.WalKeeper", partial(WalKeeper, every=every))
    with open_store(f"sqlite:///{path}", create=True) as store, mark:
        with Writer(store, sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=mark.advance) as writer:
            writer.append(drafts.genesis())
            before = path.stat().st_size
            for case in range(40):
                writer.append(drafts.request(case))
            deadline = time.monotonic() + PATIENCE
            while wait and path.stat().st_size == before and time.monotonic() < deadline:
                time.sleep(0.02)  # a poll with a deadline
            grown = path.stat().st_size - before
        assert check(store, acknowledged=(), mark=mark.read()) == 41
    return grown


def test_the_log_is_moved_while_the_ledger_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert appended(tmp_path / "ledger.db", monkeypatch, every=20 * ONE, wait=True) > 0


def test_nothing_else_would_move_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert appended(tmp_path / "ledger.db", monkeypatch, every=42 * ONE, wait=False) == 0


@pytest.mark.parametrize("together", [1, 32])
def test_pages_are_counted_as_commits_write_them(tmp_path: Path, together: int) -> None:
    path = tmp_path / "ledger.db"
    with open_store(f"sqlite:///{path}", create=True) as store:
        rules = Rules(sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=lambda *_: None)
        log = LogWriter(store, rules)
        log.append_group([drafts.genesis()])
        cases = iter(range(64 + together * 20))
        log.append_group([drafts.request(next(cases)) for _ in range(64)])  # no page is split at every second entry
        before = path.with_name("ledger.db-wal").stat().st_size
        for _ in range(20):
            log.append_group([drafts.request(next(cases)) for _ in range(together)])
        written = (path.with_name("ledger.db-wal").stat().st_size - before) / FRAME_BYTES
        log.close()

    assert 0.5 < 20 * (PAGES_OF_COMMIT + PAGES_OF_ENTRY * together) / written < 2


def test_a_database_that_is_gone_ends_no_writer(tmp_path: Path) -> None:
    keeper = WalKeeper(tmp_path / "nothing" / "ledger.db")
    keeper.written(PAGES_DUE)
    keeper.close()
    keeper.close()
