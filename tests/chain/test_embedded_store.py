"""The embedded chain's folder: durable, one writer, many readers, and plain words when blocks are gone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ledger_service.chain.embedded import EmbeddedChain, open_embedded
from ledger_service.chain.embedded_store import CHAIN_FILE, LOCK_FILE, open_store
from ledger_service.errors import ChainBusyError, ChainDataMissingError, ChainError
from tests.chain.conftest import Sender, word

FORK = get_context("fork")  # a child begins with everything imported


@contextmanager
def child(act: Callable[[Connection], None]) -> Iterator[tuple[int, Connection]]:
    """Run `act` in another process; it is killed with -9 at the end if it still runs."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=act, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    assert process.pid is not None
    try:
        yield process.pid, ours
    finally:
        process.kill()
        process.join()
        ours.close()


def write_for_ever(folder: Path) -> Callable[[Connection], None]:
    def act(pipe: Connection) -> None:
        with open_embedded(folder, read_only=False) as chain:
            sender = Sender(chain)
            contract = sender.deploy_slots()
            for value in range(1, 1_000_000):
                sender.send(contract, word(value) + word(value))
                pipe.send((chain.head().number, chain.head().block_hash, contract))

    return act


def newest(pipe: Connection) -> tuple[int, bytes, bytes] | None:
    found = None
    try:
        while pipe.poll():
            found = pipe.recv()
    except EOFError:
        pass
    return found


def test_a_chain_opened_again_has_the_same_head_and_state(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain:
        sender = Sender(chain)
        contract = sender.deploy_slots()
        sender.send(contract, word(1) + word(7))
        head = chain.head()

    for read_only in (True, False):
        with open_embedded(folder, read_only=read_only) as again:
            assert again.head() == head
            assert again.state.slot(again.head(), contract, word(1)) == word(7)


def test_a_writer_killed_at_any_moment_keeps_every_block_it_told_of(folder: Path) -> None:
    moments = random.Random(20261123)
    told: tuple[int, bytes, bytes] | None = None
    for _ in range(12):
        with child(write_for_ever(folder)) as (pid, pipe):
            assert pipe.poll(30), "the writer never told of a block"
            told = pipe.recv()
            pipe.poll(moments.uniform(0, 0.02))
            threading.Event().wait(moments.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            told = newest(pipe) or told
        with open_embedded(folder, read_only=True) as chain:
            assert told is not None
            number, block_hash, contract = told
            header = chain.state.header_at(number)
            assert header is not None
            assert header.block_hash == block_hash
            assert chain.head().number - number in (0, 1), "at most the untold block may be more"
            assert chain.state.account(chain.head(), contract).storage_root
    with open_embedded(folder, read_only=False) as chain:
        chain.mine()


def half_commit(folder: Path) -> Callable[[Connection], None]:
    """Die inside a commit with changed pages already in the file and only the journal to undo them."""

    def act(pipe: Connection) -> None:
        store = open_store(folder, read_only=False)
        store._connection.execute("PRAGMA cache_size = 1")
        store._connection.execute("PRAGMA cache_spill = 1")
        store._connection.execute("BEGIN IMMEDIATE")
        for number in range(2000):
            store._connection.execute("INSERT INTO node VALUES (?, ?)", (word(number), bytes(500)))
        pipe.send("spilled")
        signal.pause()

    return act


@pytest.fixture
def half_committed(folder: Path) -> Path:
    """A folder whose writer was killed in the middle of writing pages."""
    with open_embedded(folder, read_only=False) as chain:
        chain.mine(3)
    before = (folder / CHAIN_FILE).read_bytes()
    with child(half_commit(folder)) as (pid, pipe):
        assert pipe.poll(30)
        os.kill(pid, signal.SIGKILL)
    assert (folder / CHAIN_FILE).read_bytes()[: len(before)] != before, "the death came before anything was written"
    return folder


def test_a_block_whose_commit_was_interrupted_is_undone_by_the_next_writer(half_committed: Path) -> None:
    with open_embedded(half_committed, read_only=False) as chain:
        assert chain.head().number == 3
        chain.mine()
        assert chain.head().number == 4


def test_a_block_whose_commit_was_interrupted_is_not_seen_by_a_reader(half_committed: Path) -> None:
    with open_embedded(half_committed, read_only=True) as chain:
        assert chain.head().number == 3
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            chain._store._connection.execute("DELETE FROM block")


def test_a_second_writer_is_refused_and_told_why(chain: EmbeddedChain, folder: Path) -> None:
    with pytest.raises(ChainBusyError, match="another process writes") as caught:
        open_embedded(folder, read_only=False)

    assert "stop it first" in caught.value.hint


def test_a_second_process_may_not_write_until_the_first_is_gone(folder: Path) -> None:
    with child(write_for_ever(folder)) as (pid, pipe):
        assert pipe.poll(30)
        with pytest.raises(ChainBusyError):
            open_embedded(folder, read_only=False)
        os.kill(pid, signal.SIGKILL)
        assert pipe.poll(30) or True

    with open_embedded(folder, read_only=False) as chain:
        chain.mine()


def test_a_reader_beside_a_writing_process_sees_whole_blocks_that_grow(folder: Path) -> None:
    heads: list[int] = []
    with child(write_for_ever(folder)) as (_, pipe):
        assert pipe.poll(30)
        contract = pipe.recv()[2]
        with open_embedded(folder, read_only=True) as reader:
            while len(set(heads)) < 8:
                head = reader.head()
                heads.append(head.number)
                proof = reader.state.slot_proof(head, contract, word(1))
                assert proof
                assert reader.state.outcome_in(head).succeeded

    assert heads == sorted(heads)


def test_the_writer_goes_on_while_readers_come_and_go(chain: EmbeddedChain, folder: Path) -> None:
    for number in range(1, 6):
        with open_embedded(folder, read_only=True) as reader:
            chain.mine()
            assert reader.head().number == number


def test_threads_take_turns(chain: EmbeddedChain, folder: Path) -> None:
    threads = [threading.Thread(target=chain.mine, args=(5,)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert chain.head().number == 20


def read_without_rights(folder: Path) -> Callable[[Connection], None]:
    def act(pipe: Connection) -> None:
        if os.getuid() == 0:
            os.setuid(65534)  # nobody: root writes whatever the mode says
        with open_embedded(folder, read_only=True) as chain:
            read = chain.head().number
        try:
            open_embedded(folder, read_only=False).close()
        except ChainError as exc:
            pipe.send((read, exc.message))

    return act


def test_a_folder_that_cannot_be_written_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        folder = Path(base) / "chain"
        with open_embedded(folder, read_only=False) as chain:
            chain.mine(2)
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        try:
            with child(read_without_rights(folder)) as (_, pipe):
                assert pipe.poll(30)
                read, refusal = pipe.recv()
        finally:
            folder.chmod(0o755)

    assert read == 2
    assert "cannot be written" in refusal


def test_a_reader_makes_nothing_where_there_is_no_chain(folder: Path) -> None:
    with pytest.raises(ChainDataMissingError, match="does not exist") as caught:
        open_embedded(folder, read_only=True)

    assert not folder.exists()
    assert "inconclusive" in caught.value.hint


def test_an_emptied_file_is_missing_data_for_reader_and_writer(folder: Path) -> None:
    open_embedded(folder, read_only=False).close()
    (folder / CHAIN_FILE).write_bytes(b"")

    with pytest.raises(ChainDataMissingError, match="is empty"):
        open_embedded(folder, read_only=True)
    with pytest.raises(ChainDataMissingError, match="deleted or emptied"):
        open_embedded(folder, read_only=False)


def test_a_deleted_file_is_missing_data_and_no_new_chain_for_a_writer(folder: Path) -> None:
    open_embedded(folder, read_only=False).close()
    (folder / CHAIN_FILE).unlink()

    with pytest.raises(ChainDataMissingError, match="deleted or emptied"):
        open_embedded(folder, read_only=False)
    assert not (folder / CHAIN_FILE).exists()


def test_deleting_the_whole_folder_begins_a_new_chain(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain:
        chain.mine(3)
    shutil.rmtree(folder)

    with open_embedded(folder, read_only=False) as chain:
        assert chain.head().number == 0


def test_a_writer_killed_before_its_first_block_leaves_a_folder_to_begin_in(folder: Path) -> None:
    folder.mkdir()
    (folder / LOCK_FILE).touch()
    (folder / CHAIN_FILE).touch()

    with open_embedded(folder, read_only=False) as chain:
        assert chain.head().number == 0


@pytest.mark.parametrize("content", [b"not a database, not at all, by no means " * 50, bytes(8192), b"SQLite"])
def test_a_damaged_file_is_missing_data(folder: Path, content: bytes) -> None:
    open_embedded(folder, read_only=False).close()
    (folder / CHAIN_FILE).write_bytes(content)

    with pytest.raises(ChainDataMissingError):
        open_embedded(folder, read_only=True)
    with pytest.raises(ChainDataMissingError):
        open_embedded(folder, read_only=False)


def test_another_programs_database_is_not_taken_for_a_chain(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / CHAIN_FILE)) as other:
        other.execute("CREATE TABLE node (key, value)")

    with pytest.raises(ChainDataMissingError, match="another program's"):
        open_embedded(folder, read_only=True)
    with pytest.raises(ChainDataMissingError, match="another program's"):
        open_embedded(folder, read_only=False)


def test_a_newer_format_is_refused_by_name(folder: Path) -> None:
    open_embedded(folder, read_only=False).close()
    with closing(sqlite3.connect(folder / CHAIN_FILE)) as other:
        other.execute("PRAGMA user_version = 2")

    with pytest.raises(ChainError, match="format 2"):
        open_embedded(folder, read_only=True)


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / CHAIN_FILE)) as other, other:
        assert other.execute(sql).rowcount != 0


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM block",
        "DELETE FROM block WHERE number = 2",
        "DELETE FROM block WHERE number = 0",
        "DELETE FROM node WHERE key = (SELECT block_hash FROM block WHERE number = 4)",
        "UPDATE node SET value = x'00' WHERE key = (SELECT block_hash FROM block WHERE number = 4)",
        "DELETE FROM node",
    ],
)
def test_deleted_blocks_are_missing_data_at_opening(folder: Path, sql: str) -> None:
    with open_embedded(folder, read_only=False) as chain:
        chain.mine(4)
    spoil(folder, sql)

    for read_only in (True, False):
        with pytest.raises(ChainDataMissingError):
            open_embedded(folder, read_only=read_only)


def test_deleted_older_blocks_and_nodes_are_missing_data_when_asked_for(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain:
        contract = Sender(chain).deploy_slots()
        chain.mine(3)
        root = chain.head().bytes_of("stateRoot")
    spoil(folder, "DELETE FROM node WHERE key = (SELECT block_hash FROM block WHERE number = 1)")
    spoil(folder, f"DELETE FROM node WHERE key = x'{root.hex()}'")

    with open_embedded(folder, read_only=True) as chain:
        with pytest.raises(ChainDataMissingError, match="blocks were deleted"):
            chain.state.header_at(1)
        for ask in (chain.state.account, chain.state.account_proof, chain.state.code):
            with pytest.raises(ChainDataMissingError, match="has lost"):
                ask(chain.head(), contract)


def test_a_chain_with_another_first_block_is_refused(folder: Path) -> None:
    open_embedded(folder, read_only=False).close()
    spoil(folder, f"UPDATE block SET block_hash = x'{'11' * 32}'")
    spoil(folder, f"UPDATE node SET key = x'{'11' * 32}' WHERE length(key) = 32 AND length(value) > 500")

    with pytest.raises(ChainDataMissingError):
        open_embedded(folder, read_only=True)


def test_a_full_disk_refuses_the_block_and_keeps_the_chain(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain:
        chain.mine()
        pages = chain._store._connection.execute("PRAGMA page_count").fetchone()[0]
        chain._store._connection.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(ChainError, match="was not written: database or disk is full"):
            chain.mine(50)
        written = chain.head().number
        chain._store._connection.execute("PRAGMA max_page_count = 100000")
        chain.mine()

        assert chain.head().number == written + 1


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chain").write_text("a file")

    with pytest.raises(ChainError, match="cannot be written"):
        open_embedded(tmp_path / "chain", read_only=False)
    with pytest.raises(ChainDataMissingError):
        open_embedded(tmp_path / "chain", read_only=True)


def test_a_path_with_spaces_and_odd_characters_works(tmp_path: Path) -> None:
    folder = tmp_path / "a folder? with #signs & 空格 %41"

    with open_embedded(folder, read_only=False) as chain:
        chain.mine()

    assert (folder / CHAIN_FILE).is_file()
    with open_embedded(folder, read_only=True) as chain:
        assert chain.head().number == 1


def test_closing_twice_does_nothing_and_lets_the_next_writer_in(folder: Path) -> None:
    chain = open_embedded(folder, read_only=False)
    chain.close()
    chain.close()

    open_embedded(folder, read_only=False).close()


def test_after_closing_questions_are_refused_plainly(folder: Path) -> None:
    chain = open_embedded(folder, read_only=False)
    chain.close()

    with pytest.raises(ChainError):
        chain.head()


def block_chain_file(folder: Path) -> Callable[[Connection], None]:
    """Hold the file's exclusive lock, as a writer that is stuck inside a commit."""

    def act(pipe: Connection) -> None:
        other = sqlite3.connect(folder / CHAIN_FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        pipe.send("locked")
        signal.pause()

    return act


def test_a_file_that_stays_locked_is_busy_not_missing(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain, open_embedded(folder, read_only=True) as reader:
        for connection in (chain._store._connection, reader._store._connection):
            connection.execute("PRAGMA busy_timeout = 10")
        with child(block_chain_file(folder)) as (_, pipe):
            assert pipe.poll(30)
            with pytest.raises(ChainBusyError, match="stayed locked"):
                reader.head()
            with pytest.raises(ChainError):
                chain.mine()
        assert reader.head().number == 0
        chain.mine()
        assert reader.head().number == 1


def test_a_path_that_is_a_folder_is_missing_data(folder: Path) -> None:
    (folder / CHAIN_FILE).mkdir(parents=True)

    for read_only in (True, False):
        with pytest.raises(ChainDataMissingError):
            open_embedded(folder, read_only=read_only)


def test_a_code_that_was_deleted_is_missing_data(folder: Path) -> None:
    with open_embedded(folder, read_only=False) as chain:
        contract = Sender(chain).deploy_slots()
        code_hash = chain.state.account(chain.head(), contract).code_hash
    spoil(folder, f"DELETE FROM node WHERE key = x'{code_hash.hex()}'")

    with open_embedded(folder, read_only=True) as chain, pytest.raises(ChainDataMissingError, match="the code of"):
        chain.state.code(chain.head(), contract)


def test_settings_that_durability_rests_on_are_on(chain: EmbeddedChain) -> None:
    connection = chain._store._connection

    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "truncate"
