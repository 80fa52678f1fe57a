"""The audit: silent about a good ledger, and whatever was altered is named by its stage."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.returns import sort_fields
from ledger_service.errors import FormatError, LedgerError, NodeAnswerError, NodeUnreachableError
from ledger_service.operations import record as record_module
from ledger_service.operations.admit import Admitted
from ledger_service.operations.audit import AuditReport, audit
from ledger_service.operations.record import Step, record
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from ledger_service.store.engine import Store
from ledger_service.store.read import LedgerReader
from ledger_service.wiring import load_signing_key
from tests.operations.world import (
    PLATFORM,
    SELLER,
    World,
    answer_step,
    ask_step,
    open_case,
    photo,
    registry,
    stored_files,
)

ONE_CASE_MORE = (
    f"INSERT INTO cases SELECT '{'f' * 32}', state, count, head, last_index, buyer_country, seller_country, opened_at,"
    " snapshot FROM cases LIMIT 1"
)
OTHER_SIZE = "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 3) WHERE size = 2"
OTHER_RECORD = "UPDATE anchor_history SET record = (SELECT record FROM anchor_history WHERE id = 4) WHERE id = 9"
FLIP = "CAST(substr({0}, 1, 9) || char(unicode(substr({0}, 10, 1)) + 1) || substr({0}, 11) AS BLOB)"


@pytest.fixture(scope="module")
def lived_in(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A SQLite ledger with two cases, two final heads and an open tail."""
    folder = tmp_path_factory.mktemp("lived-in")
    world = template.copy(folder / "home")
    fill(world, folder)
    return world


def fill(world: World, folder: Path) -> None:
    """Record two cases, anchor twice, record some more."""
    with world.anchoring() as (ledger, _, anchorer):
        case = open_case(ledger, folder)
        record(ledger, ask_step(case.return_id))
        anchorer.run()
        record(ledger, answer_step(case.return_id, photo(folder)))
        anchorer.run()
        open_case(ledger, folder)


@pytest.fixture
def good(lived_in: World, tmp_path: Path) -> World:
    """A copy of it."""
    return lived_in.copy(tmp_path / "good")


def audited(world: World, *, chain: bool = True) -> AuditReport:
    """Audit as the command does."""
    with world.opened(write=False) as opened, world.node(writable=False) as node:
        try:
            contract = registry(opened.ledger, node) if chain else None
        except LedgerError:  # the genesis entry, which names it, is spoiled
            contract = None
        return audit(opened.ledger, contract, unreachable="not asked")


def stages(report: AuditReport) -> set[str]:
    """Return the stages that found something."""
    return {finding.stage for finding in report.findings}


def test_a_good_ledger_is_clean(each_world: World, tmp_path: Path) -> None:
    fill(each_world, tmp_path)
    heard: list[tuple[str, int, int]] = []
    with each_world.opened(write=False) as opened, each_world.node(writable=False) as node:
        report = audit(opened.ledger, registry(opened.ledger, node), say=lambda *what: heard.append(what))

    assert (report.findings, report.unknown, report.notes) == ([], [], [])
    assert report.counts == {
        "anchors": 2,
        "entries": 7,
        "case indexes": 2,
        "cases": 2,
        "checkpoints": 7,
        "values": 7,
        "evidence files": 3,
        "balances": 2,
        "anchors compared with the chain": 2,
    }
    assert heard == [("entries", 7, 7), ("values and evidence", 7, 7)]
    assert report.lines()[-1].startswith("clean")
    assert report.as_json()["findings"] == []


def rewritten(world: World) -> None:
    """Rewrite an entry with every hash and signature that follows, by the operator's own key."""
    from ledger_service.core.merkle import Frontier, leaf_hash

    key = load_signing_key(world.home / "secrets" / "checkpoint.key")
    with closing(sqlite3.connect(world.database)) as connection:
        entries = [bytes(row[0]) for row in connection.execute("SELECT entry FROM entries ORDER BY idx")]
    entries[2] = entries[2].replace(b"product_photo", b"product_video")
    frontier, number = Frontier.empty(), 0
    for index, entry in enumerate(entries):
        leaf = leaf_hash(entry)
        world.sql("UPDATE entries SET entry = ?, leaf_hash = ? WHERE idx = ?", values=(entry, leaf, index))
        for node in frontier.append(leaf):
            world.sql("UPDATE nodes SET hash = ? WHERE id = ?", values=(node, number))
            number += 1
        note = sign_checkpoint(Checkpoint(world.settings.origin, frontier.size, frontier.root()), key)
        change = "UPDATE checkpoints SET root = ?, note = ? WHERE size = ?"
        world.sql(change, values=(frontier.root(), note, frontier.size))


def flip_file(world: World) -> None:
    """Change one byte of the first evidence file."""
    path = next(path for path in (world.home / "files").rglob("*") if path.name == stored_files(world)[0])
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def lose_file(world: World) -> None:
    """Delete the first evidence file."""
    next(path for path in (world.home / "files").rglob("*") if path.name == stored_files(world)[0]).unlink()


def sql(*statements: str) -> Callable[[World], None]:
    """Return what runs these statements on the file."""
    return lambda world: world.sql(*statements)


def tear_mark(world: World) -> None:
    """Leave no slot of the mark whole."""
    (world.home / "high-water.mark").write_bytes(b"no mark")


def swapped(one: int, two: int) -> list[str]:
    """Return the statements that swap two entries."""
    places = ((one, 99), (two, one), (99, two))
    return [f"UPDATE entries SET idx = {to} WHERE idx = {place}" for place, to in places]


def other_note(world: World) -> None:
    """Sign the right head with another key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    with world.opened(write=False) as opened:
        head = opened.ledger.read.checkpoint_at(2)
    assert head is not None
    note = sign_checkpoint(Checkpoint(world.settings.origin, 2, head.root), Ed25519PrivateKey.generate())
    world.sql("UPDATE checkpoints SET note = ? WHERE size = 2", values=(note,))


TAMPERED: list[tuple[str, Callable[[World], None], str]] = [
    ("a bit of an entry", sql(f"UPDATE entries SET entry = {FLIP.format('entry')} WHERE idx = 2"), "entries"),
    ("a bit of the genesis entry", sql(f"UPDATE entries SET entry = {FLIP.format('entry')} WHERE idx = 0"), "entries"),
    ("a leaf hash", sql("UPDATE entries SET leaf_hash = zeroblob(32) WHERE idx = 2"), "entries"),
    ("the time of a row", sql("UPDATE entries SET recorded_at = '2026-11-03T11:00:00.000Z' WHERE idx = 2"), "entries"),
    ("the case of a row", sql(f"UPDATE entries SET return_id = '{'0' * 32}' WHERE idx = 2"), "entries"),
    ("the first entry of a row's case", sql("UPDATE entries SET first_idx = 2 WHERE idx = 4"), "entries"),
    ("a node", sql("UPDATE nodes SET hash = zeroblob(32) WHERE id = 2"), "nodes"),
    ("a node too many", sql("INSERT INTO nodes SELECT MAX(id) + 1, zeroblob(32) FROM nodes"), "nodes"),
    ("every node gone", sql("DELETE FROM nodes"), "nodes"),
    ("a checkpoint's root", sql("UPDATE checkpoints SET root = zeroblob(32) WHERE size = 2"), "checkpoints"),
    ("a checkpoint's note", sql("UPDATE checkpoints SET note = x'00' WHERE size = 2"), "checkpoints"),
    ("a note of another size", sql(OTHER_SIZE), "checkpoints"),
    ("a note by another key", other_note, "checkpoints"),
    ("the newest checkpoint gone", sql("DELETE FROM checkpoints WHERE size = 7"), "checkpoints"),
    ("a case's state", sql("UPDATE cases SET state = 'closed'"), "cases"),
    ("a case's snapshot", sql("UPDATE cases SET snapshot = '{}'"), "cases"),
    ("a case gone", sql("DELETE FROM cases"), "cases"),
    ("a case of no entries", sql(ONE_CASE_MORE), "cases"),
    (
        "a sealed value",
        sql("UPDATE sealed_values SET ciphertext = zeroblob(80) WHERE position = 1"),
        "values",
    ),
    (
        "the key of a value",
        sql("UPDATE sealed_values SET key_id = zeroblob(16) WHERE position = 1"),
        "values",
    ),
    ("a byte of a file", flip_file, "evidence"),
    ("a file gone", lose_file, "evidence"),
    ("a file's row gone", sql("DELETE FROM evidence_files WHERE idx = 1"), "evidence"),
    ("a file's fingerprint", sql("UPDATE evidence_files SET sha256 = zeroblob(32) WHERE idx = 1"), "evidence"),
    ("a file's kind", sql("UPDATE evidence_files SET kind = 'product_video' WHERE idx = 1"), "evidence"),
    ("a file beyond the entry's", sql("UPDATE evidence_files SET position = 5 WHERE idx = 1"), "evidence"),
    ("an anchor's record", sql("UPDATE anchor_history SET record = x'7b7d' WHERE state = 'finalized'"), "anchors"),
    ("an anchor's state", sql("UPDATE anchor_history SET state = 'included' WHERE state = 'finalized'"), "anchors"),
    ("an anchor's root", sql(OTHER_RECORD), "anchors"),
    ("an anchor forgotten", sql("DELETE FROM anchor_history WHERE sequence = 1"), "anchors"),
    ("the last entry gone", sql("DELETE FROM entries WHERE idx = 6"), "checkpoints"),
    ("an entry in the middle gone", sql("DELETE FROM entries WHERE idx = 3"), "entries"),
    ("two entries swapped", sql(*swapped(1, 2)), "nodes"),
    ("genesis and first swapped", sql("PRAGMA ignore_check_constraints = ON", *swapped(0, 1)), "entries"),
    ("all of it rewritten", rewritten, "anchors"),
    ("the mark gone", lambda world: (world.home / "high-water.mark").unlink(), "mark"),
    ("the mark torn", tear_mark, "mark"),
]


@pytest.mark.parametrize(("tamper", "stage"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_what_was_altered_is_found_and_named_by_its_stage(
    good: World, tamper: Callable[[World], None], stage: str
) -> None:
    tamper(good)
    report = audited(good)

    assert stage in stages(report), report.lines()
    assert any(line.startswith("contradicted:") for line in report.lines())


def test_a_database_behind_its_mark_and_the_chain_is_found(good: World, tmp_path: Path, template: World) -> None:
    shutil.copyfile(template.database, good.database)
    for name in ("ledger.sqlite3-wal", "ledger.sqlite3-shm"):
        (good.home / name).unlink(missing_ok=True)
    report = audited(good)

    assert stages(report) == {"mark", "anchors"}
    assert any("the chain holds a head of" in finding.what for finding in report.findings)


@pytest.mark.parametrize(
    "lie",
    [
        "UPDATE cases SET count = count - 1, head = (SELECT leaf_hash FROM entries WHERE idx = 1)"
        " WHERE return_id = (SELECT return_id FROM entries WHERE idx = 1)",
        "DELETE FROM cases WHERE return_id = (SELECT return_id FROM entries ORDER BY idx DESC LIMIT 1)",
        "UPDATE cases SET buyer_country = 'XX'",
    ],
)
def test_a_seal_that_hides_an_entry_or_a_case_is_found(good: World, lie: str) -> None:
    good.sql("DELETE FROM case_index_roots")
    good.sql("DELETE FROM case_index_replaced")
    good.sql("DELETE FROM case_index_nodes")
    good.sql("CREATE TABLE honest AS SELECT * FROM cases")
    good.sql(lie)
    with good.opened() as opened:
        opened.ledger.require_writer().append(LogDraft(make_seal(opened.ledger.origin)))
    good.sql("DELETE FROM cases")
    good.sql("INSERT INTO cases SELECT * FROM honest")
    good.sql("DROP TABLE honest")

    report = audited(good)

    assert [finding.stage for finding in report.findings] == ["entries"], report.lines()
    assert "the case index does not follow from the entries before" in report.findings[0].what


def test_a_dropped_trigger_is_found(good: World) -> None:
    with closing(sqlite3.connect(good.database)) as connection, connection:
        connection.execute("DROP TRIGGER entries_refuse_update")
    report = audited(good)

    assert stages(report) == {"guards"}
    assert "entries_refuse_update" in report.findings[0].what


@pytest.mark.postgres
def test_a_disabled_trigger_and_a_rewritten_entry_are_found_on_postgresql(
    postgres_empty: World, tmp_path: Path
) -> None:
    postgres_empty.found()
    fill(postgres_empty, tmp_path)
    owner = postgres_empty.owner_url.replace("+psycopg", "")
    with psycopg.connect(owner) as connection:
        connection.execute("ALTER TABLE entries DISABLE TRIGGER entries_refuse_update")
        connection.execute("UPDATE entries SET entry = decode('7b7d', 'hex') WHERE idx = 2")
        connection.execute("UPDATE cases SET state = 'closed'")
    report = audited(postgres_empty)

    assert {"guards", "entries", "nodes", "cases"} <= stages(report)


def test_a_chain_that_cannot_be_asked_is_unknown_and_no_finding(good: World) -> None:
    report = audited(good, chain=False)

    assert report.findings == []
    assert report.unknown == ["the chain was not asked: not asked"]
    assert not report.lines()[-1].startswith("clean")


@pytest.mark.parametrize("error", [NodeUnreachableError("gone"), NodeAnswerError("rate limit")])
@pytest.mark.parametrize("method", ["eth_chainId", "eth_getCode", "eth_call"])
def test_a_node_that_answers_nothing_sensible_is_unknown_and_no_finding(
    good: World, method: str, error: Exception
) -> None:
    def fail(*_: object) -> object:
        raise error

    with good.wired() as (wire, node), good.opened(write=False) as opened:
        wire.answers[method] = fail
        report = audit(opened.ledger, registry(opened.ledger, node))

    assert report.findings == []
    assert "the chain did not answer" in report.unknown[0]


def test_a_node_of_another_chain_is_unknown_and_other_code_is_a_finding(good: World) -> None:
    with good.wired() as (wire, node), good.opened(write=False) as opened:
        wire.answers["eth_chainId"] = lambda *_: "0x1"
        other_chain = audit(opened.ledger, registry(opened.ledger, node))
        wire.answers = {"eth_getCode": lambda *_: "0x6001"}
        other_code = audit(opened.ledger, registry(opened.ledger, node))

    assert other_chain.findings == []
    assert "serves chain 1" in other_chain.unknown[0]
    assert stages(other_code) == {"anchors"}


def test_an_erased_person_is_no_finding(good: World) -> None:
    with good.opened() as opened:
        found = opened.ledger.keys.find("party:buyer-58113")
        assert found is not None
        assert opened.ledger.keys.destroy(found[0])
        under_it = [
            value for n in range(opened.ledger.read.size()) for value in opened.ledger.read.sealed_values(n)
            if value.key_id == found[0]
        ]  # fmt: skip
    report = audited(good)

    assert report.findings == []
    assert report.counts["values erased"] == len(under_it) == 4


def test_a_lost_key_is_a_finding(good: World) -> None:
    with closing(sqlite3.connect(good.home / "secrets" / "subjects.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM subject_keys")
    assert stages(audited(good)) == {"values"}


def test_a_file_that_belongs_to_no_entry_and_a_head_without_a_record_are_notes(good: World, tmp_path: Path) -> None:
    with good.opened() as opened:
        opened.ledger.evidence.store(photo(tmp_path), size_max=1000)
    good.sql("DELETE FROM anchor_history WHERE sequence = 2")
    report = audited(good)

    assert report.findings == []
    assert len(report.notes) == 2


def test_an_audit_beside_a_writer_finds_nothing(each_world: World, tmp_path: Path) -> None:
    stop = threading.Event()
    reports: list[AuditReport] = []
    with each_world.opened() as opened, each_world.opened(write=False) as reader, each_world.node() as node:

        def write() -> None:
            while not stop.is_set():
                case = open_case(opened.ledger, tmp_path)
                record(opened.ledger, ask_step(case.return_id))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while len(reports) < 10 or (opened.ledger.read.size() <= 5 and writer.is_alive()):
                reports.append(audit(reader.ledger, registry(reader.ledger, node)))
        finally:
            stop.set()
            writer.join()
        assert opened.ledger.read.size() > 5

    assert [report.findings for report in reports] == [[]] * len(reports)


class BusyReader(LedgerReader):
    """A reader of a ledger in which somebody records just before a method is used for the first time."""

    def __init__(self, store: Store, method: str, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._method, self._act = method, act

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name == super().__getattribute__("_method"):
            self._method = ""
            self._act()
        return found


@pytest.mark.parametrize(
    "method", ["entry_count", "stored_nodes", "checkpoints", "entries", "size", "sealed_values", "file_names", "root"]
)
def test_a_step_recorded_at_any_moment_of_an_audit_is_no_contradiction(
    good: World, tmp_path: Path, method: str
) -> None:
    acted: list[object] = []
    with good.opened() as opened, good.opened(write=False) as reading, good.node() as node:
        read = BusyReader(reading.ledger.store, method, lambda: acted.append(open_case(opened.ledger, tmp_path)))
        reading.ledger.read = read
        report = audit(reading.ledger, registry(reading.ledger, node))

    assert acted
    assert report.findings == []


def test_a_million_contradictions_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.operations.audit.FINDINGS_MAX", 3)
    report = AuditReport()
    for number in range(10):
        report.add("entries", str(number))

    assert [finding.what for finding in report.findings] == ["0", "1", "2"]


def test_a_ledger_whose_genesis_is_spoiled_can_be_read_but_not_written(good: World) -> None:
    good.sql(f"UPDATE entries SET entry = {FLIP.format('entry')} WHERE idx = 0")
    with good.opened(write=False) as opened:
        assert opened.ledger.origin == good.settings.origin
    with pytest.raises(FormatError), good.opened():
        pass


def test_a_step_that_no_judge_saw_is_found_where_its_numbers_do_not_add_up(world: World, tmp_path: Path) -> None:
    """Whoever writes past the judgement leaves a contradiction that anybody with the values finds."""
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        fields: dict[str, Any] = {"approved_lines": [{"line_id": "line-1", "qty": 9}], "return_cost_payer": "seller"}
        step = Step("approve_return", SELLER, PLATFORM, fields, [("rma_document", photo(tmp_path))], case.return_id)
        unjudged = Admitted(sort_fields(step.verb, step.fields), "approved", None, ledger.keys.ring())
        files = record_module._take_in(ledger, step)
        ledger.require_writer().append(record_module._draft(ledger, step, case.return_id, unjudged, files, None)[0])
        report = audit(ledger, None)

        (finding,) = report.findings
        assert finding.stage == "balances"
        assert "9 approved, 1 requested" in finding.what
        key = ledger.keys.find(f"case:{case.return_id}")
        assert key is not None
        ledger.keys.destroy(key[0])
        erased = audit(ledger, None)
        assert erased.findings == []
        assert erased.counts["balances with erased values"] == 1
