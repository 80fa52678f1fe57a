"""`rledger completeness` and what `rledger verify` says of its files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from ledger_service.core.export import Trailer, encode_trailer
from tests.cli.conftest import Story
from tests.cli.program import assert_told


def test_a_return_and_a_scope_are_shown_whole(template: Story, tmp_path: Path) -> None:
    case, scope = tmp_path / "case.completeness.json", tmp_path / "scope.completeness.json"
    template.rledger.done("completeness", template.return_id, "--out", case)
    template.rledger.done("completeness", "--scope", "DE-CN", "--out", scope)

    ended = template.rledger("verify", case, scope, template.final, *template.pinned)

    assert ended.code == 0, ended.out
    assert f"the return {template.return_id} had exactly" in ended.out
    assert "there were exactly 1 returns of DE <- CN" in ended.out
    assert "is among those that the seal counts" in ended.out
    assert "the seal is in the pinned log, final, and commits the ledger" in ended.out


def test_it_is_written_to_standard_output_too(template: Story) -> None:
    shown = template.rledger.done("completeness", "--scope", "FR-CN-2026-10").json()

    assert shown["format"] == "return-ledger/case-index@v1"
    assert shown["scope"] == {"buyer_country": "FR", "month": "2026-10", "seller_country": "CN"}


def test_what_is_no_return_and_no_scope_is_told(template: Story) -> None:
    for arguments in ([], [template.return_id, "--scope", "DE-CN"], ["--scope", "de-cn"], ["--scope", "DE-CN-2026-13"]):
        ended = template.rledger("completeness", *arguments)
        assert_told(ended, code=2)
    assert template.rledger("completeness", "0" * 32).code != 0


def test_a_file_that_was_changed_is_invalid(template: Story, tmp_path: Path) -> None:
    path = tmp_path / "case.completeness.json"
    template.rledger.done("completeness", template.return_id, "--out", path)
    path.write_bytes(path.read_bytes().replace(template.return_id.encode(), b"0" * 32, 1))

    ended = template.rledger("verify", path, *template.pinned)

    assert ended.code == 1
    assert "the file was changed on its way" in ended.out


def test_an_export_beside_the_scope_is_shown_to_be_whole_or_not(story: Story, tmp_path: Path) -> None:
    scope, whole, less = (tmp_path / name for name in ("scope.completeness.json", "all.ndjson", "less.ndjson"))
    story.rledger.done("completeness", "--scope", "DE-CN", "--out", scope)
    story.rledger.done("export", "--out", whole, "--final")
    story.rledger.done("export", "--out", less, "--final", "--buyer-country", "FR")

    ended = story.rledger("verify", whole, scope, *story.pinned)
    asked_less = story.rledger("verify", less, scope, *story.pinned)
    whole.write_bytes(_without_cases(whole.read_bytes()))
    hidden = story.rledger("verify", whole, scope, *story.pinned)

    assert ended.code == 0, ended.out
    assert "all 1 returns of DE <- CN that the seal" in ended.out
    assert "nothing that the seals count is left out" in ended.out
    assert asked_less.code == 0, asked_less.out
    assert "asked for less" in asked_less.out
    assert (hidden.code, "1 of 1 returns of DE <- CN" in hidden.out) == (1, True), hidden.out


def _without_cases(data: bytes) -> bytes:
    """Cut every case out and count again, as whoever makes an export can."""
    header = data.partition(b"\n")[0].replace(b'{"cases":1,', b'{"cases":0,') + b"\n"
    return header + encode_trailer(Trailer(1, sha256(header).digest()))
