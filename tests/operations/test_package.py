"""Promises of packages: the access first, the same bytes again, originals as recorded, nothing that one may not see."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ledger_service.chain.deployments import Deployment, Deployments, encode_deployment
from ledger_service.chain.facts import answer_from
from ledger_service.core.archive import Placed, archive_size
from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.core.package import EVENTS, FIXED, LATER, PDF, REPORTS, receipt_name
from ledger_service.core.pages.limits import LIMITS
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.errors import EvidenceMismatchError, LimitError, StorageFullError, UnknownReturnError
from ledger_service.operations import originals, package
from ledger_service.operations.access import local_reader, record_access
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.package import EXPORTED, export_package, make_package, record_package
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from ledger_service.operations.verifier_file import VERIFIER, verifier_file
from tests.core.packages import Bytes
from tests.documents.reading import text_of
from tests.operations.world import BUYER, PLATFORM, World, answer_step, ask_step, open_case, photo

CARRIER = Party(Role.CARRIER, "carrier-1")


def made(ledger: Ledger, reader: Principal, return_id: str, folder: Path) -> bytes:
    """Return the bytes of a package."""
    with export_package(ledger, reader, return_id, folder=folder) as found:
        data = b"".join(found.chunks())
        assert len(data) == found.size
    return data


def opened(data: bytes) -> zipfile.ZipFile:
    """Return the archive as another program reads it."""
    return zipfile.ZipFile(io.BytesIO(data))


def register(data: bytes) -> list[dict[str, str]]:
    """Return the rows of the evidence register."""
    return list(csv.DictReader(io.StringIO(opened(data).read("evidence.csv").decode("utf-8-sig"), newline="")))


def a_case(ledger: Ledger, folder: Path) -> str:
    """Record three steps with two files."""
    return_id = open_case(ledger, folder).return_id
    record(ledger, ask_step(return_id))
    record(ledger, answer_step(return_id, photo(folder, b"\x89PNG\r\n\x1a\n the foot")))
    return return_id


def check(world: World, ledger: Ledger, data: bytes) -> Report:
    """Verify a package against the chain of its world."""
    source, trust = Bytes(data), ledger.trust()
    with world.node(writable=False) as node:
        return verify_package(source, trust, answer_from(node, questions_of_package(source, trust)))


def test_a_package_becomes_valid_when_its_entries_are_final(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        young = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)
        assert check(each_world, running.ledger, young).verdict is Verdict.INCONCLUSIVE
    with each_world.anchoring() as (ledger, _, anchorer):
        anchorer.run()
        data = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)

        report = check(each_world, ledger, data)

    assert report.verdict is Verdict.VALID, report
    assert sorted(set(opened(data).namelist()) & {*FIXED, *LATER}) == sorted({*FIXED, *LATER})
    (events,) = [one for one in report.checks if one.name == "events"]
    assert events.outcome is Outcome.PASS
    assert opened(data).read(VERIFIER) == verifier_file()
    assert {info.date_time for info in opened(data).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_access_is_an_entry_and_stands_in_the_next_package(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        who = local_reader(ledger, BUYER)
        size = ledger.read.size()

        first = made(ledger, who, return_id, tmp_path)
        second = made(ledger, who, return_id, tmp_path)

        entry = parse_entry(ledger.read.entry(size).encoded)
        assert isinstance(entry, CaseEntry)
        assert (entry.kind, entry.verb, entry.asserted_by.role) == (Kind.ACCESS, EXPORTED, Role.BUYER)
    assert f"receipts/{size:08d}.receipt.json" not in opened(first).namelist()
    assert f"receipts/{size:08d}.receipt.json" in opened(second).namelist()
    assert f'"{size}"' in opened(second).read("access.csv").decode()


def test_the_same_access_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        who = local_reader(ledger, BUYER)
        before, now = record_package(ledger, who, return_id)

        twice = [make_package(ledger, who, return_id, before=before, now=now, folder=tmp_path) for _ in range(2)]

        first, second = (b"".join(one.chunks()) for one in twice)
    assert first == second
    assert json.loads(opened(first).read("manifest.json"))["generated_at"] == now


def test_originals_are_in_it_byte_for_byte_and_nothing_stays_in_the_folder(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        data = made(running.ledger, local_reader(running.ledger, BUYER), return_id, folder)

    contents = [opened(data).read(row["file"]) for row in register(data)]
    assert contents == [b"\x89PNG\r\n\x1a\n a lamp with a crack", b"\x89PNG\r\n\x1a\n the foot"]
    assert list(folder.iterdir()) == []


def test_the_block_that_created_the_contract_is_read_from_its_record(world: World, tmp_path: Path) -> None:
    def told() -> object:
        with world.opened() as running:
            return_id = next(iter(running.ledger.read.cases())).case.return_id
            data = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)
        return json.loads(opened(data).read("case.json"))["anchored_in"]["deployed"]

    with world.opened() as running:
        a_case(running.ledger, tmp_path)
        target = running.ledger.targets()[0]
    record_of = Deployment(
        chain_id=target.chain_id, chain_genesis=target.chain_genesis, contract=target.contract,
        code_hash=target.code_hash, salt=None, creator=bytes(20), nonce=0, tx_hash=bytes(32), block_number=5,
        block_hash=bytes([5]) * 32, solc="0.8", source_sha256=bytes(32),
    )  # fmt: skip
    folder = world.home / "deployments"
    shutil.rmtree(folder, ignore_errors=True)
    nothing = told()
    path = Deployments(folder).keep(record_of)
    found = told()
    path.write_bytes(encode_deployment(replace(record_of, contract=bytes(20))))
    elsewhere = told()
    path.write_bytes(encode_deployment(replace(record_of, block_number=None, block_hash=None)))
    unknown = told()
    path.write_bytes(b"{}")

    assert found == {"block_number": 5, "block_hash": "0x" + "05" * 32}
    assert (nothing, elsewhere, unknown, told()) == (None, None, None, None)


def test_a_case_of_very_many_entries_has_no_pdf(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        monkeypatch.setattr(package, "PDF_ENTRIES_MAX", 3)
        few = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)
        many = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)

        assert [PDF in opened(data).namelist() for data in (few, many)] == [True, False]
        assert check(world, running.ledger, many).verdict is Verdict.INCONCLUSIVE


def test_what_a_photo_says_of_itself_stands_in_the_register_as_its_claim(world: World, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "Model 1"
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "PNG", exif=exif.tobytes())
    with world.opened() as running:
        ledger = running.ledger
        return_id = open_case(ledger, tmp_path).return_id
        record(ledger, ask_step(return_id))
        record(ledger, answer_step(return_id, photo(tmp_path, drawn.getvalue())))
        data = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)
        hidden = made(ledger, local_reader(ledger, CARRIER), return_id, tmp_path)

    plain, claimed = (json.loads(row["claims_of_the_file"]) for row in register(data))
    assert (plain["camera"], claimed["camera"], claimed["doubts"]) == (None, "Model 1", [])
    assert "Model 1" in opened(data).read(REPORTS[0]).decode()
    assert {row["claims_of_the_file"] for row in register(hidden)} == {""}


def test_an_original_that_was_altered_or_lost_is_named_and_left_out(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        (first,), (second,) = ledger.read.files(1), ledger.read.files(3)
        stored = {path.name: path for path in (world.home / "files").rglob("*") if path.is_file()}
        stored[first.name].chmod(0o600)
        stored[first.name].write_bytes(b"x" * first.size)
        stored[second.name].unlink()

        data = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)

        report = check(world, ledger, data)
    assert [row["state"] for row in register(data)] == ["altered", "missing"]
    assert [name for name in opened(data).namelist() if name.startswith("evidence/")] == []
    assert report.verdict is Verdict.INCONCLUSIVE  # what stands in it holds


def test_a_file_that_matches_its_row_but_not_its_entry_is_altered(world: World, tmp_path: Path) -> None:
    """Whoever owns database and folder can rewrite both; the entry's commitment stays."""
    with world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        stored = next(iter((world.home / "files").rglob(running.ledger.read.files(1)[0].name)))
        stored.chmod(0o600)
        stored.write_bytes(b"another photo")
    world.sql("UPDATE evidence_files SET sha256 = randomblob(32), size = 13 WHERE idx = 1")
    with world.opened() as running:
        data = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)

    assert register(data)[0]["state"] == "altered"


def test_what_was_erased_is_named_and_left_out(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        key_id = next(value.key_id for value in ledger.read.sealed_values(1) if value.name.startswith("evidence:"))
        ledger.keys.destroy(key_id)

        data = made(ledger, local_reader(ledger, PLATFORM), return_id, tmp_path)

        report = check(world, ledger, data)
    assert next(one.outcome for one in report.checks if one.name == "events") is Outcome.PASS
    assert [row["state"] for row in register(data)] == ["erased", "erased"]
    assert {row["sha256"] for row in register(data)} == {""}


def test_who_sees_joint_facts_alone_gets_no_words_and_no_files(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)

        data = made(ledger, local_reader(ledger, CARRIER), return_id, tmp_path)

        report = check(world, ledger, data)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert next(one.outcome for one in report.checks if one.name == "events") is Outcome.PASS
    assert {row["state"] for row in register(data)} == {"withheld"}
    everything = b"".join(opened(data).read(name) for name in opened(data).namelist())
    assert "underthefoot" not in text_of(opened(data).read(PDF))
    assert b"serial number" not in everything
    assert b"under the foot" not in everything
    assert b"a lamp with a crack" not in everything
    assert json.loads(opened(data).read("case.json"))["prepared_for"] == "carrier"


def test_what_a_reader_may_not_see_is_named_on_the_pages_and_withheld_in_the_receipts(
    world: World, tmp_path: Path
) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        (whole, copy) = (
            made(ledger, local_reader(ledger, reader), return_id, tmp_path) for reader in (PLATFORM, CARRIER)
        )

    rows = {name: json.loads(opened(data).read("timeline.json"))["rows"] for name, data in (("p", whole), ("c", copy))}
    assert [row["withheld"] for row in rows["p"]][:3] == [[], [], []]
    assert [row["withheld"] for row in rows["c"]][:3] == [[], ["reason"], ["comment"]]
    assert "withheld from this reader: comment" in opened(copy).read("timeline.txt").decode()
    assert "不向本读者披露：comment" in opened(copy).read("timeline.zh.txt").decode()
    assert "withheld" not in opened(whole).read("timeline.txt").decode()
    lines = {name: opened(data).read(EVENTS).splitlines() for name, data in (("p", whole), ("c", copy))}
    assert [json.loads(line)["withheld"] for line in lines["c"]][:3] == [[], ["reason"], ["comment"]]
    assert json.loads(lines["p"][2])["shown"].keys() == {"comment"}
    assert "withheld from this reader: comment" in opened(copy).read(REPORTS[0]).decode()
    assert "withheldfromthisreader:comment" in text_of(opened(copy).read(PDF))
    assert "underthefoot" in text_of(opened(whole).read(PDF))
    receipt = json.loads(opened(copy).read(receipt_name(3)))
    assert {"name": "comment"} in receipt["records"]
    assert receipt["entry"] == json.loads(opened(whole).read(receipt_name(3)))["entry"]


def test_it_says_what_its_numbers_show_and_what_they_do_not(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        data = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)

    readme, limits = (opened(data).read(name).decode() for name in ("README.txt", "limits.txt"))
    integrity = json.loads(opened(data).read("integrity.json"))
    for line in LIMITS:
        assert line in limits
        assert line in readme
    assert "rledger verify" in readme
    assert "如何验证" in readme
    assert (integrity["count"], integrity["without_holes"]) == (3, True)
    assert integrity["does_not_show"] == LIMITS[3]
    assert "Proven" in opened(data).read("findings.txt").decode()


def test_an_original_that_changes_while_it_is_copied_stops_the_package(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        stored = next(iter((world.home / "files").rglob(ledger.read.files(1)[0].name)))
        true_size = archive_size

        def somebody_writes(placed: Sequence[Placed]) -> int:
            stored.chmod(0o600)
            stored.write_bytes(b"y" * 28)
            return true_size(placed)

        monkeypatch.setattr(package, "archive_size", somebody_writes)

        with pytest.raises(EvidenceMismatchError):
            made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)


def test_a_folder_without_room_and_a_case_too_large_are_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        who = local_reader(ledger, BUYER)
        before, now = record_package(ledger, who, return_id)
        ledger.free_bytes_min = 2**62
        with pytest.raises(StorageFullError):
            make_package(ledger, who, return_id, before=before, now=now, folder=tmp_path)
        monkeypatch.setattr(package, "MEMBERS_MAX", 20)
        with pytest.raises(LimitError):
            make_package(ledger, who, return_id, before=before, now=now, folder=tmp_path)


def test_what_has_no_room_is_named(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.opened() as running:
        ledger = running.ledger
        return_id = a_case(ledger, tmp_path)
        monkeypatch.setattr(package, "ARCHIVE_BYTES_MAX", package.PAGES_BYTES_MAX + 30)

        data = made(ledger, local_reader(ledger, BUYER), return_id, tmp_path)

    assert [row["state"] for row in register(data)] == ["included", "too_large"]


def test_a_return_that_is_not_there_is_told(world: World, tmp_path: Path) -> None:
    with world.opened() as running:
        who = local_reader(running.ledger, BUYER)
        with pytest.raises(UnknownReturnError):
            export_package(running.ledger, who, "0" * 32, folder=tmp_path)
        return_id = a_case(running.ledger, tmp_path)
        with pytest.raises(UnknownReturnError):
            make_package(running.ledger, who, return_id, before=1, now="2026-11-03T12:00:00.000Z", folder=tmp_path)


def test_a_large_original_is_never_whole_in_memory(world: World, tmp_path: Path) -> None:
    """The pieces that are read and written are small; a file of some megabytes goes through in many."""
    large = tmp_path / "large.png"
    large.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000))
    with world.opened() as running:
        ledger = running.ledger
        return_id = open_case(ledger, tmp_path).return_id
        record(ledger, ask_step(return_id))
        record(ledger, answer_step(return_id, large))
        with export_package(ledger, local_reader(ledger, BUYER), return_id, folder=tmp_path) as found:
            sizes = [len(chunk) for chunk in found.chunks()]

    assert sum(sizes) > 3_000_000
    assert max(sizes) <= originals.CHUNK_BYTES


def test_after_a_change_of_key_a_package_still_verifies_under_the_old_trust_file(world: World, tmp_path: Path) -> None:
    from ledger_service.wiring import rotate_key

    with world.opened() as running:
        trust = running.ledger.trust()
        return_id = a_case(running.ledger, tmp_path)
        record_access(running.ledger, local_reader(running.ledger, BUYER), return_id, "look", {})
        rotate_key(running)
        data = made(running.ledger, local_reader(running.ledger, BUYER), return_id, tmp_path)

    report = verify_package(Bytes(data), trust)

    assert [one.name for one in report.checks if one.outcome is Outcome.FAIL] == []
    assert {one.name for one in report.checks if one.outcome is Outcome.PASS} >= {"head", "signature"}


def test_the_archive_lies_under_no_name(world: World, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    with world.opened() as running:
        return_id = a_case(running.ledger, tmp_path)
        with export_package(running.ledger, local_reader(running.ledger, BUYER), return_id, folder=folder):
            assert list(folder.iterdir()) == []
