"""The write-ahead log moves into the database beside the commits, and nothing is lost by it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ledger_service.store.engine import open_store
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.wal import ENTRIES_DUE, WalKeeper
from ledger_service.store.writer import Writer
from tests.store import drafts
from tests.store.rederive import check

PATIENCE = 60.0


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
    assert appended(tmp_path / "ledger.db", monkeypatch, every=20, wait=True) > 0


def test_nothing_else_would_move_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert appended(tmp_path / "ledger.db", monkeypatch, every=42, wait=False) == 0


def test_a_database_that_is_gone_ends_no_writer(tmp_path: Path) -> None:
    keeper = WalKeeper(tmp_path / "nothing" / "ledger.db")
    keeper.written(ENTRIES_DUE)
    keeper.close()
    keeper.close()
