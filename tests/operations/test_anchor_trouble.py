"""What a chain, its owner, a thief or an empty account can do to anchoring: the end, what is told, the way out."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from ledger_service.chain.jsonrpc import to_data
from ledger_service.chain.registry import encode_close_log, encode_set_anchorer
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.fees import GWEI
from ledger_service.core.log_entry import Predecessor
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.report import Outcome
from ledger_service.errors import ContradictedError
from ledger_service.operations.anchor_worker import LEASE_SECONDS
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.found import found
from ledger_service.operations.prove import prove
from tests.chain.lying_node.chain import Keep
from tests.chain.lying_node.faults import LyingNode
from tests.operations.simulated import CAP, OWNER, RULE, STRANGER, SimulatedWorld, final_head, junk
from tests.operations.test_anchor import states, walk_to
from tests.operations.world import open_case, open_cases


@pytest.mark.parametrize("deeper", [1, 30])
@pytest.mark.parametrize("keep", [Keep.NONE, Keep.ALL])
def test_a_reorganisation_deeper_than_finality_is_told_marks_receipts_and_is_anchored_again(
    simulated: SimulatedWorld, tmp_path: Path, keep: Keep, deeper: int
) -> None:
    chain = simulated.chain
    with simulated.working() as (ledger, worker):
        number = final_head(simulated, ledger, worker, tmp_path)
        index = ledger.read.size() - 2
        simulated.clock.pass_seconds(86_401)
        depth = chain.height - number + deeper
        assert depth > RULE
        chain.reorg(depth, keep=keep)
        found_lost = worker.round()
        marked = prove(ledger, index)

        assert found_lost.alarm is Alarm.CONTRADICTED, found_lost.said
        simulated.assert_told(ledger, Alarm.CONTRADICTED)
        assert "contradicted" in states(ledger)
        assert marked.unprotected["contradicted"] == [{"log_id": to_data(ledger.target().log_id), "sequence": 1}]
        open_case(ledger, tmp_path)  # it stops nothing else
        simulated.goes_on(ledger, worker)
        assert "contradicted" not in prove(ledger, index).unprotected


@pytest.mark.parametrize("depth", [1, 32, 64])
@pytest.mark.parametrize("keep", [Keep.NONE, Keep.ALL])
@pytest.mark.parametrize("state", [AnchorState.SUBMITTED, AnchorState.INCLUDED])
def test_a_reorganisation_above_finality_is_no_alarm_and_the_head_stands_once(
    simulated: SimulatedWorld, tmp_path: Path, state: AnchorState, keep: Keep, depth: int
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        simulated.chain.mine()
        if state is AnchorState.INCLUDED:
            walk_to(worker.anchorer, state)
        simulated.pass_blocks(depth - 1)
        simulated.chain.reorg(depth, keep=keep)
        assert simulated.contract_log(ledger).sequence == 0

        simulated.goes_on(ledger, worker)
        assert simulated.contract_log(ledger).sequence == 1


def test_another_block_after_the_reorganisation_is_the_one_that_counts(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        simulated.chain.mine()
        before = walk_to(worker.anchorer, AnchorState.INCLUDED).block
        simulated.chain.reorg(2, keep=Keep.ALL, again=True, length=3)
        simulated.goes_on(ledger, worker)
        after = anchors_of(ledger)[-1].block

        assert before is not None
        assert after is not None
        assert after.block_hash != before.block_hash
        assert states(ledger)[3:] == ["included", "submitted", "included", "finalized"]


@pytest.mark.parametrize(
    ("words", "alarm", "line"),
    [
        (b"", Alarm.WRONG_CODE, "wrong_code: there is no contract"),
        (b"another", Alarm.WRONG_CHAIN, "with another genesis block"),
    ],
)
def test_a_chain_begun_anew_under_the_same_id_is_refused_and_nothing_is_deployed(
    simulated: SimulatedWorld, tmp_path: Path, words: bytes, alarm: Alarm, line: str
) -> None:
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
        kept = copy.deepcopy(simulated.chain)
        kept.clock = simulated.clock.seconds
        open_case(ledger, tmp_path)
        simulated.chain.reset(words)
        simulated.chain.mine(100)
        assert worker.round().alarm is alarm
        simulated.assert_told(ledger, alarm)
        chain_line = simulated.doctor()["chain hardhat_local"]
        assert chain_line.outcome is Outcome.FAIL
        assert line in chain_line.detail
        assert simulated.chain.state.nonce(OWNER.address) == 0

        simulated.chain = simulated.lying[0].chain = kept  # LEDGER_RPC_URL is corrected
        simulated.goes_on(ledger, worker)


def test_other_code_at_the_contract_s_address_is_refused_before_anything_is_planned(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        contract = ledger.target().contract
        code = simulated.chain.state.code[contract]
        open_case(ledger, tmp_path)
        simulated.chain.set_code(contract, b"\x60\x01")
        assert worker.round().alarm is Alarm.WRONG_CODE
        simulated.assert_told(ledger, Alarm.WRONG_CODE)
        assert states(ledger) == []

        simulated.chain.set_code(contract, code)
        simulated.goes_on(ledger, worker)


def test_other_code_while_a_head_is_on_its_way_halts_until_a_person_resumes(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        contract = ledger.target().contract
        code = simulated.chain.state.code[contract]
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        simulated.chain.set_code(contract, b"\x60\x01")
        for _ in range(2):
            assert worker.round().alarm is Alarm.HALTED
        simulated.assert_told(ledger, Alarm.HALTED, "not the pinned code")
        simulated.chain.set_code(contract, code)
        assert worker.round().alarm is Alarm.HALTED  # it does not go on by itself

        assert worker.anchorer.resume() is not None
        simulated.goes_on(ledger, worker)


@pytest.mark.parametrize("state", [None, AnchorState.PLANNED, AnchorState.SUBMITTED])
@pytest.mark.parametrize("way_out", ["set back", "configured"])
def test_an_anchorer_that_the_owner_rotated_is_told_and_one_of_two_ways_leads_on(
    simulated: SimulatedWorld, tmp_path: Path, state: AnchorState | None, way_out: str
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        if state is not None:
            walk_to(worker.anchorer, state)
        log_id = ledger.target().log_id
        rotate = encode_set_anchorer(log_id, STRANGER.address)
        if state is AnchorState.SUBMITTED:  # the owner's transaction comes first, by another account
            simulated.chain.pool.clear()
            simulated.chain.plant(OWNER.address, ledger.target().contract, rotate, max_fee=10 * GWEI)
            simulated.chain.mine()
            assert simulated.contract_log(ledger).anchorer == STRANGER.address
            worker.round()
        else:
            simulated.as_owner(rotate, ledger)
        found_out = worker.round()
        assert found_out.alarm is Alarm.NOT_AUTHORISED, found_out.said
        simulated.assert_told(ledger, Alarm.NOT_AUTHORISED)
        sent = simulated.lying[0].asked["eth_sendRawTransaction"]
        for _ in range(3):
            simulated.pass_blocks(1, seconds=300)
            worker.round()
        assert simulated.lying[0].asked["eth_sendRawTransaction"] == sent  # no storm of retries

        if way_out == "set back":
            simulated.as_owner(encode_set_anchorer(log_id, OWNER.address), ledger)
            simulated.goes_on(ledger, worker)
            return
        simulated.clock.pass_seconds(LEASE_SECONDS + 1)
        with simulated.reach(simulated.lying[0]) as node:
            simulated.goes_on(ledger, simulated.worker(ledger, [node], signer=STRANGER))


def test_junk_of_a_stolen_key_is_told_and_the_owner_closes_with_a_successor_that_names_the_last_honest_head(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
        honest = anchors_of(ledger)[-1]
        size, _ = junk(simulated, ledger, CAP)
        open_case(ledger, tmp_path)
        assert worker.round().alarm is Alarm.BEHIND_CHAIN  # as far as can be told: the chain has more than we have
        simulated.assert_told(ledger, Alarm.BEHIND_CHAIN)
        open_cases(ledger, tmp_path, size - ledger.read.size())
        assert worker.round().alarm is Alarm.HALTED  # now it is plain that those entries are not ours
        simulated.assert_told(ledger, Alarm.HALTED)
        assert simulated.contract_log(ledger).sequence == 2
        target = ledger.target()
    with pytest.raises(ContradictedError), simulated.opened(simulated.reach(LyingNode(simulated.chain))):
        pass

    successor = SimulatedWorld(simulated.settings.model_copy(update={"home": tmp_path / "successor"}), simulated.clock)
    successor.chain, successor.lying = simulated.chain, [LyingNode(simulated.chain)]
    origin = "returns.example/simulated/2"
    successor.settings = successor.settings.model_copy(update={"origin": origin})
    simulated.chain.automine = True
    with successor.opened(create=True) as opened, successor.node() as node:
        founded = found(
            opened.ledger,
            node,
            OWNER,
            max_growth=CAP,
            progress_file=opened.places.founding,
            say=lambda _: None,
            sleep=lambda _: None,
            predecessor=Predecessor(target.log_id, honest.sequence, honest.size, honest.root),
        )
    simulated.chain.automine = False
    with simulated.opened(write=False) as read:
        close = encode_close_log(target.log_id, founded.target.log_id, last_honest_sequence=honest.sequence)
        simulated.as_owner(close, read.ledger)
        log = simulated.contract_log(read.ledger)

        assert (log.closed, log.successor, log.last_honest) == (True, founded.target.log_id, honest.sequence)
        slot = compute_commitment_slot(target.log_id, honest.sequence)
        assert simulated.chain.state.storage[target.contract].slots[slot] == honest.commitment
        assert prove(read.ledger, 1).unprotected["state"] == "finalized"  # what was final stays so
    with successor.working() as (ledger, worker):
        genesis, _ = ledger.genesis()
        assert genesis.predecessor is not None
        assert genesis.predecessor.root == honest.root
        open_case(ledger, tmp_path)
        successor.goes_on(ledger, worker)


def test_a_transaction_of_another_program_is_told_and_waited_for(simulated: SimulatedWorld, tmp_path: Path) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        simulated.chain.plant(OWNER.address, STRANGER.address, max_fee=1, priority_fee=1)  # too cheap for now
        assert worker.round().alarm is Alarm.FOREIGN_TRANSACTION
        simulated.assert_told(ledger, Alarm.FOREIGN_TRANSACTION)
        simulated.chain.pool.clear()

        simulated.goes_on(ledger, worker)


@pytest.mark.parametrize("state", [None, AnchorState.SUBMITTED])
def test_an_account_without_money_is_told_and_goes_on_when_it_has_some(
    simulated: SimulatedWorld, tmp_path: Path, state: AnchorState | None
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        if state is not None:
            walk_to(worker.anchorer, state)
        simulated.chain.set_balance(OWNER.address, 0)
        simulated.pass_blocks(10)
        told = worker.round()
        assert told.alarm is Alarm.NO_FUNDS, told.said
        simulated.assert_told(ledger, Alarm.NO_FUNDS)
        assert simulated.doctor()["account hardhat_local"].detail.endswith("holds 0 wei")

        simulated.chain.set_balance(OWNER.address, 10**18)
        simulated.goes_on(ledger, worker)


@pytest.mark.parametrize("state", [None, AnchorState.SUBMITTED])
def test_a_base_fee_a_thousand_times_as_high_is_told_and_waited_out(
    simulated: SimulatedWorld, tmp_path: Path, state: AnchorState | None
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        if state is not None:
            walk_to(worker.anchorer, state)
        simulated.chain.base_fee *= 1000
        simulated.pass_blocks(10)
        told = worker.round()
        assert told.alarm is Alarm.FEE_CEILING, told.said
        simulated.assert_told(ledger, Alarm.FEE_CEILING)
        assert simulated.contract_log(ledger).sequence == 0

        simulated.chain.base_fee //= 1000
        simulated.goes_on(ledger, worker)
        assert max(attempt.max_fee for attempt in anchors_of(ledger)[-1].attempts) <= 500 * GWEI
