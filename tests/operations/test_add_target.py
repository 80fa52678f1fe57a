"""Another chain for a log that goes on: what was final stays so, what comes next goes there too."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.chain.account import Signer, key_signer
from ledger_service.chain.facts import answer_from
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node
from ledger_service.chain.rpc_http import HttpTransport
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.entry import parse_entry
from ledger_service.core.log_entry import TARGETS_MAX, Target, TargetEntry, target_message
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.registry import format_address
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust, encode_trust, parse_trust
from ledger_service.core.verify import questions, verify
from ledger_service.errors import LedgerMissingError, NodeUnreachableError
from ledger_service.operations.add_target import TargetsFullError, add_target
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.audit import audit
from ledger_service.operations.found import Ground
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.record import record
from ledger_service.store.drafts import LogDraft
from ledger_service.wiring import Opened
from tests.chain.local_nodes import ask, local_node
from tests.operations.world import Wire, World, ask_step, open_case, registry

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A second chain."""
    with local_node("anvil", "--slots-in-an-epoch", "1") as address:
        yield address


@pytest.fixture
def other(url: str) -> Iterator[Node]:
    """A node of the second chain."""
    with Node(HttpTransport(url, timeout_seconds=30), sleep=lambda _: None) as node:
        yield node


@pytest.fixture
def account(url: str) -> Signer:
    """An account of this test alone: logs of one name and one account are one log in the contract."""
    signer = key_signer("0x" + secrets.token_hex(32))
    ask(url, "anvil_setBalance", [format_address(signer.address), hex(10**18)])
    return signer


def added(opened: Opened, node: Node, account: Signer) -> Target:
    """Add the target as `rledger deploy --add-target` does."""
    return add_target(
        opened.ledger,
        Ground(node, account),
        progress_file=opened.places.founding,
        say=lambda _: None,
        sleep=lambda _: None,
    )


def anchored(ledger: Ledger, node: Node, account: Signer, target: Target) -> None:
    """Anchor what there is at a target, and let it become final."""
    anchorer = make_anchorer(ledger, [node], account, target=target)
    for _ in range(8):
        if anchorer.run().anchor is None:
            return
        if not node.is_embedded:
            node.request("anvil_mine", ["0x8"])
    pytest.fail("it does not become final")


def checked(receipt: Receipt, trust: Trust, *nodes: Node) -> Report:
    """Verify a receipt with these nodes."""
    data = encode_receipt(receipt)
    asked = questions(data, trust)
    return verify(data, trust, [answer for node in nodes for answer in answer_from(node, asked)])


def target_entries(ledger: Ledger) -> list[TargetEntry]:
    """Return the target entries of the log."""
    entries = [parse_entry(row.encoded) for row in ledger.read.log_entries()]
    return [entry for entry in entries if isinstance(entry, TargetEntry)]


def test_a_log_moves_to_another_chain_and_what_was_final_stays_so(
    each_world: World, other: Node, account: Signer, tmp_path: Path
) -> None:
    with each_world.node() as node, each_world.opened(node) as opened:
        ledger, old = opened.ledger, opened.ledger.target()
        old_trust = parse_trust(encode_trust(ledger.trust()))
        case = open_case(ledger, tmp_path)
        anchored(ledger, node, each_world.signer, old)
        old_receipt = prove(ledger, 1)

        new = added(opened, other, account)

        new_trust = parse_trust(encode_trust(ledger.trust()))
        assert ledger.targets() == (old, new)
        assert [pinned.target for pinned in new_trust.targets] == [old, new]
        assert (new_trust.required, new_trust.genesis) == (old_trust.required, old_trust.genesis)
        (entry,) = target_entries(ledger)
        assert entry.target == new
        assert (Registry(other, new.contract).head(new.log_id).sequence, old_trust.genesis) == (
            0,
            Registry(other, new.contract).head(new.log_id).root,
        )

        anchored(ledger, node, each_world.signer, old)
        anchored(ledger, other, account, new)
        again = prove(ledger, 1)
        for receipt in (old_receipt, again):
            assert checked(receipt, old_trust, node).verdict is Verdict.VALID
            assert checked(receipt, new_trust, node).verdict is Verdict.VALID
        moved = prove(ledger, 1, at=[new.log_id])
        assert checked(moved, new_trust, other).verdict is Verdict.VALID
        assert checked(moved, old_trust, other).verdict is Verdict.INVALID  # pins no such target: fetch the new file
        without_old = dataclasses.replace(new_trust, targets=new_trust.targets[1:])  # that chain has ended
        assert (moved.entry, moved.index) == (old_receipt.entry, old_receipt.index)
        assert checked(moved, without_old, other).verdict is Verdict.VALID
        assert audit(ledger, registry(ledger, node), further=[(new, Registry(other, new.contract))]).findings == []

        record(ledger, ask_step(case.return_id))  # and now the old chain has ended
        anchored(ledger, other, account, new)
        last = prove(ledger, ledger.read.size() - 2)
        report = checked(last, new_trust, other)
        assert report.verdict is Verdict.VALID, report
        assert last.unprotected["state"] == "finalized"
    with each_world.opened(write=False) as opened:
        assert opened.ledger.targets() == (old, new)


def test_adding_it_again_changes_nothing(world: World, other: Node, account: Signer) -> None:
    with world.opened() as opened:
        first = added(opened, other, account)
        size, nonce = opened.ledger.read.size(), other.nonce(account.address)

        assert added(opened, other, account) == first

        assert (opened.ledger.read.size(), other.nonce(account.address)) == (size, nonce)
        assert not opened.places.founding.exists()


def test_a_ledger_that_was_opened_before_learns_of_it(world: World, other: Node, account: Signer) -> None:
    with world.opened(write=False) as early:
        before = early.ledger.targets()
        with world.opened() as opened:
            new = added(opened, other, account)

        assert early.ledger.targets() == (*before, new)


@pytest.mark.parametrize("after_acting", [False, True])
def test_adding_goes_on_after_the_node_went_away_at_any_request(
    world: World, url: str, account: Signer, after_acting: bool
) -> None:
    wire = Wire(HttpTransport(url, timeout_seconds=30))
    with Node(wire, sleep=lambda _: None) as node:
        for request in range(1, 200):
            wire.heal()
            wire.down_at, wire.after_acting = request, after_acting
            try:
                with world.opened() as opened:
                    target = added(opened, node, account)
                break
            except NodeUnreachableError:
                continue
        wire.heal()

        assert request > 6
        assert len(set(wire.sent)) in (1, 2)  # the registration, and the contract where no test made it before
        assert Registry(node, target.contract).head(target.log_id).sequence == 0
    with world.opened(write=False) as opened:
        assert len(target_entries(opened.ledger)) == 1
        assert opened.ledger.targets()[1:] == (target,)


def test_the_database_may_refuse_the_entry_after_the_log_is_registered(
    world: World, other: Node, account: Signer
) -> None:
    """Nothing says yet that heads go there; run again it says so, and sends nothing."""
    with world.opened() as opened:
        writer, opened.ledger.writer = opened.ledger.writer, None
        with pytest.raises(Exception, match="opened to read"):
            added(opened, other, account)
        nonce = other.nonce(account.address)
        assert opened.ledger.targets() == (opened.ledger.target(),)

        opened.ledger.writer = writer
        added(opened, other, account)

        assert len(opened.ledger.targets()) == 2
        assert other.nonce(account.address) == nonce


def test_a_log_has_at_most_so_many_targets(world: World, other: Node, account: Signer) -> None:
    with world.opened() as opened:
        nonce = other.nonce(account.address)
        for number in range(TARGETS_MAX - 1):
            append(opened.ledger, dataclasses.replace(opened.ledger.target(), log_id=bytes([number]) * 32, chain_id=7))

        with pytest.raises(TargetsFullError, match="the most there can be"):
            added(opened, other, account)

        assert other.nonce(account.address) == nonce


def append(ledger: Ledger, target: Target, key: Ed25519PrivateKey | None = None) -> int:
    """Append a target entry of whatever content, signed with a key of the log's or another."""
    by = key or ledger.signing_key
    assert by is not None
    entry = TargetEntry(
        ledger.origin, "", target, verifier_key(ledger.origin, by), by.sign(target_message(ledger.origin, target))
    )
    return ledger.require_writer().append(LogDraft(lambda _, at: dataclasses.replace(entry, recorded_at=at))).index


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("stranger", "none of the log's"),
        ("log id", "does not follow from its other members"),
        ("twice", "one of the log's already"),
        ("signature", "signature"),
    ],
)
def test_the_audit_finds_a_target_entry_that_cannot_be_right(
    world: World, other: Node, account: Signer, what: str, words: str
) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        good = added(opened, other, account)
        assert audit(ledger, None).findings == []
        if what == "stranger":
            append(ledger, good, Ed25519PrivateKey.generate())
        elif what == "log id":
            append(ledger, dataclasses.replace(good, log_id=bytes(32)))
        elif what == "twice":
            append(ledger, good)
        else:
            key = ledger.signing_key
            assert key is not None
            bad = TargetEntry(ledger.origin, "", good, verifier_key(ledger.origin, key), bytes(64))
            ledger.require_writer().append(LogDraft(lambda _, at: dataclasses.replace(bad, recorded_at=at)))

        findings = audit(ledger, None).findings

    assert any(words in finding.what for finding in findings), findings


def test_nothing_is_added_to_a_log_that_is_not_founded(empty: World, other: Node, account: Signer) -> None:
    with empty.opened(create=True) as opened, pytest.raises(LedgerMissingError):
        added(opened, other, account)

    assert other.nonce(account.address) == 0


def test_the_receipt_of_the_target_entry_verifies_under_the_trust_file_from_before(
    world: World, other: Node, account: Signer
) -> None:
    """So whoever pinned the old file can tell that the new one is right."""
    with world.node() as node, world.opened(node) as opened:
        old_trust = opened.ledger.trust()
        new = added(opened, other, account)
        anchored(opened.ledger, node, world.signer, opened.ledger.target())
        anchored(opened.ledger, other, account, new)

        receipt = prove(opened.ledger, 1)

        report = checked(receipt, old_trust, node)
    assert report.verdict is Verdict.VALID, report
    assert all(check.outcome is Outcome.PASS for check in report.checks)
    assert parse_entry(receipt.entry) == target_entries_of(receipt)


def target_entries_of(receipt: Receipt) -> TargetEntry:
    """Return the receipt's entry, which is a target entry."""
    entry = parse_entry(receipt.entry)
    assert isinstance(entry, TargetEntry)
    return entry
