"""A document is there after any power cut: the newest whole one, or the one before it, and never nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.watch.durable import BrokenStateError, DurableDocument


@pytest.fixture
def document(tmp_path: Path) -> DurableDocument:
    """A document that was written twice."""
    found = DurableDocument(tmp_path, "seen")
    assert found.versions() == []
    assert found.newest() is None
    found.write({"number": 1})
    found.write({"number": 2})
    return found


def test_the_newest_and_the_one_before_it_are_kept(document: DurableDocument) -> None:
    assert document.versions() == [{"number": 2}, {"number": 1}]
    assert document.newest() == {"number": 2}


def test_a_broken_one_takes_no_whole_one_s_place(document: DurableDocument) -> None:
    for number in (3, 4):
        document.path.write_bytes(b"{")
        assert document.versions() == [{"number": 1}]
        document.write({"number": number})
        assert document.versions() == [{"number": number}, {"number": 1}]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"number": 9, "sha256": "00"}'])
def test_what_is_not_whole_is_told(document: DurableDocument, content: bytes) -> None:
    document.path.write_bytes(content)
    with pytest.raises(BrokenStateError, match="broken or gone"):
        document.newest()
    document.previous.write_bytes(content)
    with pytest.raises(BrokenStateError, match="and so is the one before it"):
        document.versions()
    document.path.unlink()
    with pytest.raises(BrokenStateError, match="broken or gone"):
        document.newest()
