"""Files of entries: checked, recorded, then sent as attachments to whoever may open them; on both databases."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.operations.access import share
from ledger_service.operations.audit import audit
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party, actor
from ledger_service.operations.record import Step, record
from tests.api.asking import Asking, asking
from tests.api.test_evidence import slug
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, SELLER, World

CARRIER = Party(Role.CARRIER, "carrier-1")


def recorded(service: Asking, content: bytes, *, members: tuple[Party, ...] = (SELLER,)) -> tuple[str, int]:
    """Record the request of a return with a file; return its id and index."""
    path = service.folder / f"{secrets.token_hex(4)}.bin"
    path.write_bytes(content)
    step = Step(
        verb="request_return", asserted_by=BUYER, recorded_by=PLATFORM, fields=REQUEST_FIELDS,
        evidence=[("product_photo", path)], members=members,
    )  # fmt: skip
    done = record(service.ledger, step)
    return done.return_id, done.appended.index


def read(service: Asking, index: int, who: Party | str | None, position: int | str = 0) -> Any:
    """Ask for a file."""
    return service.ask("GET", f"/v1/entries/{index}/evidence/{position}", who)


def key(service: Asking, party: Party, *scopes: Scope) -> str:
    """Return a key of a party with these scopes."""
    return issue_key(service.ledger, party, label="x", scopes=scopes).token


def accesses(service: Asking, return_id: str) -> list[CaseEntry]:
    """Return the access entries of a case."""
    rows = [row for row in service.ledger.read.entries_of(return_id) if row.kind == Kind.ACCESS]
    found = [parse_entry(row.encoded) for row in rows]
    return [entry for entry in found if isinstance(entry, CaseEntry)]


def stored(service: Asking, index: int) -> Path:
    """Return the path of the stored file of an entry."""
    (file,) = service.ledger.read.files(index)
    return service.folder / "home" / "files" / file.name[:2] / file.name[2:4] / file.name


PHOTO = b"\xff\xd8\xff\xe0" + bytes(600_000)


@pytest.fixture(name="each_service")
def _each_service(each_world: World, tmp_path: Path) -> Any:
    with asking(each_world, tmp_path) as service:
        yield service


def test_a_file_is_sent_as_an_attachment_and_that_it_was_opened_is_recorded_first(each_service: Asking) -> None:
    service = each_service
    return_id, index = recorded(service, PHOTO)
    leaf, size = service.ledger.read.entry(index).leaf_hash, service.ledger.read.size()

    answer = read(service, index, SELLER)

    assert answer.status_code == 200
    assert answer.content == PHOTO
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(PHOTO))
    assert answer.headers["content-disposition"] == f'attachment; filename="entry-{index}-product_photo-0.jpg"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    (entry,) = accesses(service, return_id)
    found = service.ledger.keys.find(f"case:{return_id}")
    assert found is not None
    assert entry.asserted_by == actor(found[1], SELLER)
    assert entry.verb == "read_evidence"
    assert (entry.facts["entry"], entry.facts["position"]) == (leaf.hex(), 0)
    assert service.ledger.read.size() == size + 1
    assert audit(service.ledger, None).findings == []


def test_every_opening_is_an_entry_of_its_own_and_moves_no_case(service: Asking) -> None:
    return_id, index = recorded(service, PHOTO)
    before = service.ledger.read.case(return_id)

    for who in (SELLER, SELLER, PLATFORM, BUYER):
        assert read(service, index, who).status_code == 200

    assert len(accesses(service, return_id)) == 4
    assert service.ledger.read.case(return_id) == before


def test_who_may_open_a_file(service: Asking) -> None:
    return_id, index = recorded(service, PHOTO)
    share(service.ledger, return_id, CARRIER)
    stranger = Party(Role.SELLER, "another-shop")

    assert slug(read(service, index, key(service, SELLER, Scope.READ))) == (403, "not-permitted")
    assert slug(read(service, index, key(service, BUYER, Scope.RECORD, Scope.EVIDENCE))) == (403, "not-permitted")
    assert slug(read(service, index, stranger)) == (404, "unknown-entry")
    assert slug(read(service, index, None)) == (401, "not-authenticated")
    assert accesses(service, return_id) == []
    assert read(service, index, key(service, BUYER, Scope.READ)).status_code == 200  # its own
    assert read(service, index, key(service, PLATFORM, Scope.READ)).status_code == 200  # it recorded it
    assert read(service, index, key(service, CARRIER, Scope.READ, Scope.EVIDENCE)).status_code == 200
    assert len(accesses(service, return_id)) == 3


@pytest.mark.parametrize("position", ["1", "-1", "99999999999999999999", "x"])
def test_a_file_that_the_entry_has_not_is_not_found(service: Asking, position: str) -> None:
    _, index = recorded(service, PHOTO)

    assert read(service, index, SELLER, position).status_code in (404, 422)
    assert read(service, 0, SELLER).status_code == 404  # the genesis entry has no files
    assert read(service, 10**12, SELLER).status_code == 404


def test_a_file_that_was_altered_is_never_served_and_loudly_logged(
    each_service: Asking, capfd: pytest.CaptureFixture[str]
) -> None:
    service = each_service
    return_id, index = recorded(service, PHOTO)
    path = stored(service, index)
    path.write_bytes(PHOTO[:-1] + b"\x01")

    answer = read(service, index, SELLER)

    assert slug(answer) == (409, "evidence-altered")
    assert path.name not in answer.text
    assert accesses(service, return_id) == []
    told = capfd.readouterr().out
    assert "evidence_altered" in told
    assert answer.json()["instance"] in told
    path.write_bytes(PHOTO)
    assert read(service, index, SELLER).status_code == 200


@pytest.mark.parametrize("content", [PHOTO[:-1], PHOTO + b"x", b""])
def test_a_torn_file_is_never_served(service: Asking, content: bytes) -> None:
    _, index = recorded(service, PHOTO)
    stored(service, index).write_bytes(content)

    assert slug(read(service, index, SELLER)) == (409, "evidence-altered")


def test_a_file_exchanged_together_with_its_row_is_never_served(world: World, tmp_path: Path) -> None:
    """Whoever owns database and disk cannot put another file in its place: the entry's commitment binds the bytes."""
    with asking(world, tmp_path) as service:
        _, index = recorded(service, PHOTO)
        _, other = recorded(service, PHOTO[:-1] + b"\x01")
        (file,) = service.ledger.read.files(other)
    world.sql(f"UPDATE evidence_files SET name = '{file.name}', sha256 = x'{file.sha256.hex()}' WHERE idx = {index}")
    with asking(world, tmp_path) as service:
        assert slug(read(service, index, SELLER)) == (409, "evidence-altered")
        assert read(service, other, SELLER).status_code == 200


def test_a_file_that_is_gone_is_altered_and_one_that_was_erased_is_said_so(each_service: Asking) -> None:
    service = each_service
    _, gone = recorded(service, PHOTO)
    stored(service, gone).unlink()
    assert slug(read(service, gone, SELLER)) == (409, "evidence-altered")

    return_id, index = recorded(service, PHOTO)
    (sealed, *_) = service.ledger.read.sealed_values(index)
    assert service.ledger.keys.destroy(sealed.key_id)
    answer = read(service, index, SELLER)

    assert slug(answer) == (410, "erased")
    assert accesses(service, return_id) == []


def test_nothing_is_shown_that_cannot_be_recorded(service: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    _, index = recorded(service, PHOTO)
    monkeypatch.setattr(service.ledger, "writer", None)

    answer = read(service, index, SELLER)

    assert answer.status_code == 503
    assert PHOTO[:4] not in answer.content


def test_the_description_names_what_a_file_may_end_in(service: Asking) -> None:
    described = json.loads(service.ask("GET", "/openapi.json").content)
    answers = described["paths"]["/v1/entries/{index}/evidence/{position}"]["get"]["responses"]

    assert {"200", "401", "403", "404", "409", "410"} <= set(answers)
