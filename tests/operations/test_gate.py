"""The boot gate: each way in which a ledger may be behind or elsewhere refuses to write, and reading goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger_service.core.merkle import leaf_hash
from ledger_service.errors import (
    BehindChainError,
    BehindMarkError,
    ContradictedError,
    GateClosedError,
    LedgerError,
    MissingMarkError,
    NodeAnswerError,
    NodeUnreachableError,
    WrongChainError,
    WrongCodeError,
)
from ledger_service.operations.gate import check_gate, check_mark
from ledger_service.operations.prove import prove
from ledger_service.store.mark import HighWaterMark
from tests.operations.world import Wire, World, open_case


def record_and_anchor(world: World, folder: Path) -> None:
    """Add an entry, a seal and a head."""
    with world.anchoring() as (ledger, _, anchorer):
        open_case(ledger, folder)
        anchorer.run()


def restore(world: World, template: World) -> None:
    """Put the database of the founding back."""
    for name in ("-wal", "-shm"):
        Path(f"{world.database}{name}").unlink(missing_ok=True)
    shutil.copyfile(template.database, world.database)


def behind_mark(world: World, template: World) -> None:
    """Restore the database alone."""
    restore(world, template)


def behind_chain(world: World, template: World) -> None:
    """Restore the database together with its mark."""
    restore(world, template)
    shutil.copyfile(template.home / "high-water.mark", world.home / "high-water.mark")


def no_mark(world: World, _: World) -> None:
    """Lose the mark."""
    (world.home / "high-water.mark").unlink()


def torn_mark(world: World, _: World) -> None:
    """Spoil both slots of the mark."""
    (world.home / "high-water.mark").write_bytes(bytes(8192))


def other_history(world: World, _: World) -> None:
    """Let the mark hold another root for the size that the database has."""
    with world.opened(write=False) as opened:
        head = opened.ledger.read.head()
    assert head is not None
    path = world.home / "high-water.mark"
    path.unlink()
    with closing(HighWaterMark(path)) as mark:
        mark.create(note=head.note, size=head.size, root=leaf_hash(b"another history"))


CLOSED: list[tuple[Callable[[World, World], None], type[GateClosedError], str]] = [
    (no_mark, MissingMarkError, "mark_missing"),
    (torn_mark, MissingMarkError, "mark_missing"),
    (behind_mark, BehindMarkError, "behind_mark"),
    (other_history, ContradictedError, "contradicted"),
    (behind_chain, BehindChainError, "behind_chain"),
]


@pytest.mark.parametrize(("happened", "error", "reason"), CLOSED)
def test_a_ledger_that_may_be_behind_refuses_to_write_says_which_and_can_be_read(
    world: World,
    template: World,
    tmp_path: Path,
    happened: Callable[[World, World], None],
    error: type[GateClosedError],
    reason: str,
) -> None:
    record_and_anchor(world, tmp_path)
    happened(world, template)
    with pytest.raises(error) as raised, world.opened():
        raise AssertionError("it was opened to write")

    assert (type(raised.value), raised.value.reason) == (error, reason)
    assert raised.value.hint
    with world.opened(write=False) as opened:
        assert prove(opened.ledger, 0).index == 0


def other_chain_id(wire: Wire) -> None:
    """Another chain."""
    wire.answers["eth_chainId"] = lambda *_: "0x1"


def other_genesis(wire: Wire) -> None:
    """Another chain of the same id: one that was begun anew."""

    def answer(params: object, truth: Callable[[], object]) -> object:
        block = truth()
        assert isinstance(params, list | tuple)
        return {**block, "hash": "0x" + "ab" * 32} if params[0] == "0x0" and isinstance(block, dict) else block

    wire.answers["eth_getBlockByNumber"] = answer


def no_code(wire: Wire) -> None:
    """No contract at the address."""
    wire.answers["eth_getCode"] = lambda *_: "0x"


def other_code(wire: Wire) -> None:
    """Another contract at the address."""
    wire.answers["eth_getCode"] = lambda *_: "0x6001"


def other_root(wire: Wire) -> None:
    """Another root in the contract for a size that we have."""
    wire.answers["eth_call"] = lambda _params, truth: str(truth())[:-64] + "ab" * 32


@pytest.mark.parametrize(
    ("happened", "error", "words"),
    [
        (other_chain_id, WrongChainError, "serves chain 1"),
        (other_genesis, WrongChainError, "another genesis block"),
        (no_code, WrongCodeError, "no contract"),
        (other_code, WrongCodeError, "another contract"),
        (other_root, ContradictedError, "another root"),
    ],
)
def test_a_chain_that_is_not_the_pinned_one_closes_the_gate(
    world: World, happened: Callable[[Wire], None], error: type[GateClosedError], words: str
) -> None:
    with world.wired() as (wire, node):
        happened(wire)
        with pytest.raises(error, match=words), world.opened(node):
            raise AssertionError("it was opened to write")
        with world.opened(write=False) as opened:
            assert opened.gate is None
            assert opened.ledger.read.size() == 1


def test_an_open_gate_is_confirmed_by_the_chain(world: World) -> None:
    with world.node() as node, world.opened(node) as opened:
        assert opened.gate is not None
        assert (opened.gate.confirmed, opened.gate.reason) == (True, "")
    with world.opened() as opened:  # asked through a node of its own
        assert opened.gate is not None
        assert opened.gate.confirmed


@pytest.mark.parametrize("error", [NodeUnreachableError("nobody answered"), NodeAnswerError("an HTML page")])
def test_without_a_sensible_answer_the_mark_decides_and_the_gate_is_open_unconfirmed(
    world: World, tmp_path: Path, error: LedgerError
) -> None:
    def fail(*_: object) -> object:
        raise error

    with world.wired() as (wire, node):
        wire.answers["eth_chainId"] = fail
        with world.opened(node) as opened:
            assert opened.gate is not None
            assert (opened.gate.confirmed, opened.gate.reason) == (False, error.message)
            open_case(opened.ledger, tmp_path)
        (world.home / "high-water.mark").unlink()
        with pytest.raises(MissingMarkError), world.opened(node):
            pass


def test_deleted_blocks_of_the_embedded_chain_are_said_plainly(world: World) -> None:
    (world.home / "chain" / "chain.sqlite3").unlink()
    with world.opened() as opened:
        assert opened.gate is not None
        assert not opened.gate.confirmed
        assert "blocks are missing" in opened.gate.reason


def test_a_log_that_the_contract_does_not_know_leaves_the_gate_unconfirmed(world: World) -> None:
    number = 1  # the block of the deployment; the registration came after it
    with world.wired() as (wire, node):
        wire.answers["eth_call"] = lambda params, _: wire.inner.request("eth_call", [params[0], hex(number)])
        with world.opened(node) as opened:
            assert opened.gate is not None
            assert "does not know this log" in opened.gate.reason


def test_an_accepted_mark_opens_the_gate_again(world: World, tmp_path: Path) -> None:
    record_and_anchor(world, tmp_path)
    (world.home / "high-water.mark").unlink()
    with world.opened(write=False) as opened:
        head = opened.ledger.read.head()
        assert head is not None
        opened.ledger.mark.create(note=head.note, size=head.size, root=head.root)
    with world.opened() as opened:
        assert opened.gate is not None
        assert opened.gate.confirmed


def test_an_empty_database_needs_no_mark_yet(empty: World) -> None:
    with empty.opened(create=True) as opened:
        assert opened.gate is not None
        assert "nothing is founded" in opened.gate.reason
        (empty.home / "high-water.mark").unlink()
        check_mark(opened.ledger)
        assert not check_gate(opened.ledger, None, "why").confirmed


def test_the_gate_does_not_take_a_writer_beside_it_for_a_restored_backup(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.opened() as writing, world.opened(write=False) as opened:
        real = HighWaterMark.read

        def read(mark: HighWaterMark) -> object:
            open_case(writing.ledger, tmp_path)  # another process, at the worst moment
            return real(mark)

        monkeypatch.setattr(HighWaterMark, "read", read)
        check_mark(opened.ledger)
