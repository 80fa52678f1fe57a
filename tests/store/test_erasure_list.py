"""The erasure list: durable, passed over where a crash cut it short, refused where it is damaged."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.errors import StoreError, StoreReadOnlyError
from ledger_service.store import erasure_list
from ledger_service.store.erasure_list import ErasureList, Intent, ListedCase

INTENT = Intent(
    erasure_id="e5" * 16,
    round=0,
    size=17,
    at="2026-11-03T12:00:00.000Z",
    keys=("ab" * 16,),
    marks=("cd" * 32, "ef" * 32),
    scopes=("01" * 16,),
    files=("23" * 16,),
    cases=(
        ListedCase("45" * 16, "own", ("buyer", "67" * 16), ("platform", "89" * 16), (("0a" * 32, (0, 3)),)),
        ListedCase("46" * 16, "case", ("buyer", "68" * 16), ("system", "8a" * 16)),
    ),
    row={"answer": {"rounds": 1, "reason": None, "cases": []}, "ground": "objection"},
)
SECOND = replace(INTENT, erasure_id="e6" * 16, round=1)


def test_what_was_added_is_read_in_order_and_for_the_owner_alone(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    assert kept.intents() == []

    kept.append(INTENT)
    kept.append(SECOND)

    assert ErasureList(kept.path).intents() == [INTENT, SECOND]
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [1, 40, 200])
def test_a_line_that_a_crash_cut_short_is_passed_over_and_taken_away(tmp_path: Path, left: int) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    kept.append(INTENT)
    whole = kept.path.read_bytes()
    kept.append(SECOND)
    kept.path.write_bytes(kept.path.read_bytes()[: len(whole) + left])

    assert kept.intents() == [INTENT]

    kept.append(SECOND)
    assert kept.intents() == [INTENT, SECOND]
    assert kept.path.read_bytes().count(b"\n") == 2


def test_a_long_torn_line_is_taken_away_whole(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    kept.append(INTENT)
    with kept.path.open("ab") as stream:
        stream.write(b"x" * 200_000)

    kept.append(SECOND)

    assert kept.intents() == [INTENT, SECOND]


def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    kept.append(INTENT)
    kept.append(SECOND)
    content = bytearray(kept.path.read_bytes())
    for place in (3, 80, content.index(b"\n") - 1):
        damaged = content.copy()
        damaged[place] ^= 1
        kept.path.write_bytes(damaged)

        with pytest.raises(StoreError, match="line 1 of the erasure list"):
            kept.intents()


def test_a_line_of_a_newer_program_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    monkeypatch.setattr(erasure_list, "VERSION", 2)
    kept.append(INTENT)
    assert kept.intents() == [INTENT]
    monkeypatch.setattr(erasure_list, "VERSION", 1)

    with pytest.raises(StoreError, match="newer program"):
        kept.intents()


def test_too_long_a_line_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ErasureList(tmp_path / "erasures.list")
    monkeypatch.setattr(erasure_list, "LINE_BYTES_MAX", 100)

    with pytest.raises(StoreError, match="beyond 100"):
        kept.append(INTENT)

    assert not kept.path.exists()


def test_a_list_that_cannot_be_written_or_read_is_an_error_and_no_empty_list(tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnlyError) as raised:
        ErasureList(tmp_path / "no such folder" / "erasures.list").append(INTENT)
    assert "nothing was destroyed" in raised.value.hint
    folder = tmp_path / "erasures.list"
    folder.mkdir()
    with pytest.raises(StoreReadOnlyError):
        ErasureList(folder).intents()


def test_one_decides_at_a_time(tmp_path: Path) -> None:
    kept, order = ErasureList(tmp_path / "erasures.list"), list[str]()
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with ErasureList(kept.path).deciding():
            order.append("second")

    thread = threading.Thread(target=second)
    with kept.deciding():
        thread.start()
        waiting.wait()
        os.sched_yield()
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
