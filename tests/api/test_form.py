"""A form while it arrives: refused at the byte that is one too many, and the same however it is cut."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from ledger_service.api.form import HEADER_BYTES_MAX, SLICE_BYTES, Form
from ledger_service.api.problems import ProblemError
from ledger_service.evidence.folder import EvidenceFolder
from tests.api.forms import BOUNDARY, form, part

CONTENT = b"\xff\xd8\xff\xe0 before\r\n--" + BOUNDARY[:-1].encode() + b"\r\nafter\r\n--"
DIGEST = part(sha256(CONTENT).hexdigest().encode(), b'form-data; name="sha256"')


@pytest.fixture(name="fresh")
def _fresh(tmp_path: Path) -> Form:
    folder = EvidenceFolder(tmp_path)
    return Form(BOUNDARY, lambda: folder.begin(size_max=1_000_000))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000, SLICE_BYTES])
def test_a_form_holds_the_same_file_however_it_is_cut(fresh: Form, size: int) -> None:
    whole = form(part(CONTENT), DIGEST)

    for start in range(0, len(whole), size):
        fresh.feed(whole[start : start + size])
    stored = fresh.finish()
    fresh.abandon()

    assert (stored.sha256, stored.size) == (sha256(CONTENT).digest(), len(CONTENT))


def test_an_announced_hash_is_refused_while_it_comes(fresh: Form) -> None:
    fresh.feed(form(part(b"0" * 64, b'form-data; name="sha256"'), end=False)[:-2])

    with pytest.raises(ProblemError, match="64 lower-case"):
        fresh.feed(b"0")


def test_a_header_is_refused_while_it_comes(fresh: Form) -> None:
    fresh.feed(b"--" + BOUNDARY.encode() + b"\r\nX: ")

    with pytest.raises(ProblemError, match="too large"):
        fresh.feed(b"y" * (HEADER_BYTES_MAX + 1))


def test_a_second_file_is_refused_before_its_bytes_and_the_first_is_removed(fresh: Form, tmp_path: Path) -> None:
    fresh.feed(form(part(CONTENT), end=False))

    with pytest.raises(ProblemError, match="no other"):
        fresh.feed(form(part(b""), end=False))
    fresh.abandon()

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
