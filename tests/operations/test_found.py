"""Founding: it may die anywhere and be run again, and it founds one ledger once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.deploy import Envelope, build_deploy_tx, common_address, sign_tx
from ledger_service.chain.deployments import Deployments
from ledger_service.chain.jsonrpc import JsonRpcError
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID
from ledger_service.chain.registry import Registry
from ledger_service.chain.rpc import Node
from ledger_service.chain.rpc_http import HttpTransport
from ledger_service.errors import (
    AccountError,
    BehindMarkError,
    ChainError,
    ContractRevertedError,
    LedgerMissingError,
    MissingMarkError,
    NodeAnswerError,
    NodeUnreachableError,
    StoreError,
    WrongChainError,
    WrongCodeError,
)
from ledger_service.operations.found import Founded, Ground, found
from ledger_service.operations.kept_sender import RECEIPT_SECONDS_MAX
from tests.chain.local_nodes import local_node
from tests.operations.world import Wire, World, open_case


def run(
    world: World, node: Node, *, signer: Signer | None = None, sleep: Callable[[float], None] = lambda _: None
) -> Founded:
    """Found the ledger as `rledger deploy` does, over this node."""
    with world.opened(create=True, node=node) as opened:
        return found(
            opened.ledger,
            node,
            signer or world.signer,
            max_growth=world.settings.max_growth,
            progress_file=opened.places.founding,
            say=lambda _: None,
            sleep=sleep,
        )


def transactions(node: Node) -> int:
    """Return how many transactions the founder's account has made."""
    return node.nonce(development_signer(0, EMBEDDED_CHAIN_ID).address)


def test_a_founded_ledger_has_its_genesis_leaf_as_head_0_on_chain(each_world: World) -> None:
    with each_world.node() as node, each_world.opened(write=False) as opened:
        genesis, leaf = opened.ledger.genesis()
        head = Registry(node, genesis.targets[0].contract).head(genesis.targets[0].log_id)

    assert (head.sequence, head.size, head.root) == (0, 1, leaf)
    assert genesis.max_growth == each_world.settings.max_growth
    assert not (each_world.home / "founding.json").exists()


def test_a_second_run_changes_nothing(world: World) -> None:
    with world.node() as node:
        before = transactions(node)
        first = run(world, node)
        again = run(world, node)

        assert first == again
        assert transactions(node) == before == 2
    with world.opened(write=False) as opened:
        assert opened.ledger.read.size() == 1


@pytest.mark.parametrize("after_acting", [False, True])
def test_founding_goes_on_with_the_same_bytes_after_the_node_went_away_at_any_request(
    empty: World, after_acting: bool
) -> None:
    with empty.wired() as (wire, node):
        for request in range(1, 200):
            wire.heal()
            wire.down_at, wire.after_acting = request, after_acting
            try:
                done = run(empty, node)
                break
            except NodeUnreachableError:
                continue
        wire.heal()

        assert request > 12  # so many times it died, a request later each time, and began again
        assert transactions(node) == 2
        assert len(set(wire.sent)) == 2  # the bytes of one deployment and one registration, however often they went out
        assert run(empty, node) == done
    with empty.opened(write=False) as opened:
        assert opened.ledger.read.size() == 1


@pytest.fixture(scope="module")
def second_chain() -> Iterator[str]:
    """A chain beside the embedded one, which has the deployment factory."""
    with local_node("anvil") as url:
        yield url


@pytest.mark.node
@pytest.mark.parametrize("cut", [0, 1])
@pytest.mark.parametrize("after_acting", [False, True])
def test_founding_on_two_chains_goes_on_after_either_went_away_at_any_request(
    empty: World, second_chain: str, cut: int, after_acting: bool
) -> None:
    account = development_signer(2 * cut + after_acting, HARDHAT_CHAIN_ID)  # one for each of these tests
    second = Wire(HttpTransport(second_chain, timeout_seconds=30))
    with empty.wired() as (wire, node), Node(second, sleep=lambda _: None) as other:
        wires = (wire, second)
        before = other.nonce(account.address)

        def run_both() -> Founded:
            with empty.opened(create=True, node=node) as opened:
                return found(
                    opened.ledger,
                    node,
                    empty.signer,
                    max_growth=empty.settings.max_growth,
                    progress_file=opened.places.founding,
                    say=lambda _: None,
                    sleep=lambda _: None,
                    further=[Ground(other, account, Deployments(empty.home / "deployments"))],
                    required=2,
                )

        for request in range(1, 200):
            for each in wires:
                each.heal()
            wires[cut].down_at, wires[cut].after_acting = request, after_acting
            try:
                done = run_both()
                break
            except NodeUnreachableError:
                continue
        for each in wires:
            each.heal()

        assert request > 12
        assert [len(set(each.sent)) for each in wires] == [2, other.nonce(account.address) - before]
        assert transactions(node) == 2
        assert other.nonce(account.address) - before in (1, 2)  # one where another of these tests made the contract
        assert run_both() == done
        assert [target.chain_id for target in done.targets] == [EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID]
        assert Registry(other, done.targets[1].contract).head(done.targets[1].log_id).root == done.genesis_leaf
        recorded = Deployments(empty.home / "deployments").of(HARDHAT_CHAIN_ID, other.genesis_hash())
        assert recorded is not None
        assert recorded.contract == done.targets[1].contract == common_address()
    with empty.opened(write=False) as opened:
        assert opened.ledger.read.size() == 1
        assert opened.ledger.genesis()[0].required == 2


def test_an_account_that_did_not_begin_does_not_finish(empty: World) -> None:
    with empty.wired() as (wire, node):
        with pytest.raises(NodeUnreachableError):
            _die_before(wire, empty, node, "register")
        with pytest.raises(AccountError, match="began to found this ledger"):
            run(empty, node, signer=development_signer(1, EMBEDDED_CHAIN_ID))

        run(empty, node)


def _die_before(wire: Wire, world: World, node: Node, name: str) -> None:
    """Cut the wire when the transaction of this name is about to be sent."""

    def cut(params: object, truth: Callable[[], object]) -> object:
        kept = json.loads((world.home / "founding.json").read_text())
        if any(one.partition("/")[0] == name for one in kept):
            raise NodeUnreachableError("cut")
        return truth()

    wire.answers["eth_sendRawTransaction"] = cut
    try:
        run(world, node)
    finally:
        del wire.answers["eth_sendRawTransaction"]


def test_a_transaction_whose_nonce_another_one_took_is_signed_anew_in_the_next_run(empty: World) -> None:
    with empty.wired() as (wire, node):
        with pytest.raises(NodeUnreachableError):
            _die_before(wire, empty, node, "deploy")
        fees = node.fee_quote()
        envelope = Envelope(EMBEDDED_CHAIN_ID, 0, 5_000_000, 3 * fees.base_fee + fees.priority_fee, fees.priority_fee)
        node.send_raw(sign_tx(empty.signer, build_deploy_tx(envelope)).raw)  # elsewhere, with the same account
        with pytest.raises(ChainError, match="took the place of"):
            run(empty, node)

        run(empty, node)
        assert transactions(node) == 3


def test_a_reverted_registration_is_signed_anew_in_the_next_run(empty: World) -> None:
    def halved(params: Sequence[object], truth: Callable[[], object]) -> object:
        message = params[0]
        assert isinstance(message, dict)
        return hex(int(str(truth()), 16) // 2) if "to" in message else truth()  # too little for the registration

    with empty.wired() as (wire, node):
        wire.answers["eth_estimateGas"] = halved
        with pytest.raises(ContractRevertedError, match="register"):
            run(empty, node)
        wire.answers.clear()

        run(empty, node)
        assert transactions(node) == 3


def test_a_refused_transaction_says_why_and_is_sent_again_later(empty: World) -> None:
    def refuse(*_: object) -> object:
        raise JsonRpcError(-32000, "insufficient funds for gas * price + value")

    with empty.wired() as (wire, node):
        wire.answers["eth_sendRawTransaction"] = refuse
        with pytest.raises(NodeAnswerError, match="insufficient funds"):
            run(empty, node)
        wire.answers.clear()

        run(empty, node)
        assert transactions(node) == 2


def test_waiting_for_a_block_ends_and_the_next_run_goes_on(empty: World) -> None:
    pauses: list[float] = []
    with empty.wired() as (wire, node):
        wire.answers["eth_getTransactionReceipt"] = lambda *_: None
        with pytest.raises(NodeAnswerError, match="no block holds"):
            run(empty, node, sleep=pauses.append)
        wire.answers.clear()

        assert sum(pauses) == RECEIPT_SECONDS_MAX
        run(empty, node)
        assert transactions(node) == 2


@pytest.mark.parametrize("content", ["", "[]", "{", '{"deploy": {}}', '{"deploy": {"raw": "x", "address": ""}}'])
def test_a_spoiled_progress_file_is_refused_before_anything_is_sent(empty: World, content: str) -> None:
    empty.home.mkdir()
    (empty.home / "founding.json").write_text(content)
    with empty.node() as node:
        with pytest.raises(StoreError, match=r"founding\.json"):
            run(empty, node)
        assert transactions(node) == 0


def test_a_progress_file_that_cannot_be_written_stops_it_before_anything_is_sent(empty: World) -> None:
    empty.home.mkdir()
    (empty.home / ".founding.json.new").mkdir()
    with empty.node() as node:
        with pytest.raises(StoreError, match="cannot be written"):
            run(empty, node)
        assert transactions(node) == 0


def test_a_founded_ledger_is_not_founded_on_another_chain(world: World) -> None:
    with world.wired() as (wire, node):
        wire.answers["eth_chainId"] = lambda *_: "0x7a69"
        with pytest.raises(WrongChainError):
            run(world, node)


def test_a_founded_ledger_is_not_founded_again_on_an_emptied_chain(world: World) -> None:
    shutil.rmtree(world.home / "chain")
    with world.node() as node:
        with pytest.raises(WrongCodeError, match="no contract"):
            run(world, node)
        assert transactions(node) == 0


def test_an_emptied_database_is_not_founded_over_the_ledger_it_held(world: World, tmp_path: Path) -> None:
    with world.node() as node:
        for path in world.home.glob("ledger.sqlite3*"):
            path.unlink()
        with pytest.raises(BehindMarkError):
            run(world, node)
        (world.home / "high-water.mark").unlink()
        with pytest.raises(MissingMarkError, match="keys of a ledger"):
            run(world, node)

        assert transactions(node) == 2


def test_a_log_that_holds_another_genesis_leaf_on_chain_is_refused(empty: World) -> None:
    with empty.wired() as (wire, node):
        run(empty, node)
        with empty.opened(node, write=False) as opened:
            leaf = opened.ledger.genesis()[1]
        wire.answers["eth_call"] = lambda _params, truth: str(truth()).replace(leaf.hex(), "ab" * 32)
        with empty.opened(write=True) as opened, pytest.raises(ChainError, match="not this ledger's genesis leaf"):
            found(
                opened.ledger,
                node,
                empty.signer,
                max_growth=16,
                progress_file=opened.places.founding,
                say=lambda _: None,
            )


def test_nothing_is_read_before_it_is_founded(empty: World) -> None:
    with empty.opened(create=True) as opened:
        with pytest.raises(LedgerMissingError, match="there is no ledger"):
            opened.ledger.genesis()
        with pytest.raises(LedgerMissingError):
            open_case(opened.ledger, empty.home)
