"""The embedded chain: same genesis everywhere, a block for each transaction, state at every height, proofs."""

from __future__ import annotations

from pathlib import Path

import pytest
import rlp
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_hash.auto import keccak
from trie import HexaryTrie
from trie.exceptions import BadTrieProof

from ledger_service.chain.embedded import EmbeddedChain, open_embedded
from ledger_service.chain.embedded_engine import Call, _PragueChain
from ledger_service.chain.embedded_state import Header
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.parameters import (
    BLOCK_GAS_LIMIT,
    DEVELOPMENT_ADDRESSES,
    DEVELOPMENT_MNEMONIC,
    DEVELOPMENT_PATH,
    EMBEDDED_GENESIS_HASH,
    GENESIS_TIME,
)
from ledger_service.core.registry import compute_contract_address
from ledger_service.errors import ChainError
from tests.chain.conftest import FEE, Sender, SetClock, word


def at(chain: EmbeddedChain, number: int) -> Header:
    header = chain.state.header_at(number)
    assert header is not None
    return header


def test_genesis_is_the_same_on_every_machine(chain: EmbeddedChain) -> None:
    header = chain.head()

    assert header.block_hash == EMBEDDED_GENESIS_HASH
    assert header.number_of("timestamp") == GENESIS_TIME


def test_development_addresses_are_the_mnemonics() -> None:
    seed = seed_from_mnemonic(DEVELOPMENT_MNEMONIC, "")
    derived = [Account.from_key(key_from_seed(seed, DEVELOPMENT_PATH.format(index=i))).address for i in range(10)]

    assert [bytes.fromhex(address[2:]) for address in derived] == list(DEVELOPMENT_ADDRESSES)


def test_each_transaction_has_a_block_of_its_own(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    tx_hash = sender.send(contract, word(1) + word(7))

    place = chain.tx_place(tx_hash)

    assert chain.head().number == 2
    assert place is not None
    assert (place.block_number, place.sender) == (2, sender.signer.address)
    assert chain.state.slot(chain.head(), contract, word(1)) == word(7)


def test_a_reverting_transaction_is_mined_and_changes_nothing(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()

    sender.send(contract, b"\x01")

    assert chain.head().number == 2
    assert not chain.state.outcome_in(chain.head()).succeeded
    assert sender.nonce == 2


def test_state_at_older_blocks_stays_readable(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    for value in range(1, 6):
        sender.send(contract, word(1) + word(value))

    values = [chain.state.slot(at(chain, number), contract, word(1)) for number in range(1, 7)]
    called = chain.call(at(chain, 3), Call(sender=bytes(20), to=contract, data=word(1)))

    assert values == [word(value) for value in range(6)]
    assert called == word(2)
    assert chain.state.code(at(chain, 0), contract) == b""
    assert chain.state.account(at(chain, 0), sender.signer.address).nonce == 0


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode")
def test_clearing_slots_and_accounts_works_and_keeps_older_states(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    sender.send(contract, word(1) + word(7))
    sender.send(contract, word(1) + word(0))
    sender.send(b"\x99" * 20)  # touches an account that stays empty
    sender.send(None, bytes.fromhex("600160015533ff"))  # stores, then destroys itself in the transaction that made it
    vanished = compute_contract_address(sender.signer.address, 4)

    assert [chain.state.slot(at(chain, number), contract, word(1)) for number in (1, 2, 3, 5)] == [
        word(0),
        word(7),
        word(0),
        word(0),
    ]
    assert chain.state.code(chain.head(), vanished) == b""
    assert chain.state.slot(chain.head(), vanished, word(1)) == word(0)
    assert chain.state.account(chain.head(), vanished).nonce == 0
    assert chain.state.account_proof(chain.head(), vanished), "an absent account has a proof of its absence"


def test_a_proof_under_an_empty_trie_has_no_nodes(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()

    assert chain.state.slot_proof(chain.head(), contract, word(1)) == ()
    assert chain.state.slot(chain.head(), contract, word(1)) == word(0)


def test_an_invalid_instruction_fails_a_call_by_its_name(chain: EmbeddedChain) -> None:
    with pytest.raises(JsonRpcError, match="execution failed: InvalidInstruction"):
        chain.call(chain.head(), Call(sender=bytes(20), to=b"", data=b"\xfe"))


def test_a_call_in_the_name_of_a_contract_is_no_crash(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()

    assert chain.call(chain.head(), Call(sender=contract, to=contract, data=word(1))) == word(0)


def test_block_time_is_the_clocks(chain: EmbeddedChain, clock: SetClock) -> None:
    clock.now += 1000

    chain.mine()

    assert chain.head().number_of("timestamp") == clock.now


def test_block_time_grows_when_the_clock_stands_or_falls_back(chain: EmbeddedChain, clock: SetClock) -> None:
    chain.mine(2)
    clock.now -= 3600
    chain.mine()

    times = [at(chain, number).number_of("timestamp") for number in (1, 2, 3)]

    assert times == [clock.now + 3600, clock.now + 3601, clock.now + 3602]


def test_final_is_two_blocks_back_and_never_below_genesis(chain: EmbeddedChain) -> None:
    seen = []
    for _ in range(4):
        seen.append((chain.head().number, chain.safe_number(), chain.finalized_number()))
        chain.mine()

    assert seen == [(0, 0, 0), (1, 0, 0), (2, 1, 0), (3, 2, 1)]


def test_every_block_imports_into_a_fresh_py_evm_chain(chain: EmbeddedChain, sender: Sender, tmp_path: Path) -> None:
    contract = sender.deploy_slots()
    sender.send(contract, word(1) + word(7))
    chain.mine()
    ours = _PragueChain(chain._engine()._db)

    with open_embedded(tmp_path / "second", read_only=False) as second:
        theirs = _PragueChain(second._engine()._db)
        for number in (1, 2, 3):
            theirs.import_block(ours.get_canonical_block_by_number(number))

        assert theirs.get_canonical_head().hash == chain.head().block_hash


def test_the_next_base_fee_is_the_one_that_the_next_block_has(chain: EmbeddedChain, sender: Sender) -> None:
    for step in range(4):
        expected = chain.next_base_fee()
        if step % 2:
            chain.mine()
        else:
            sender.deploy_slots()
        assert chain.head().number_of("baseFeePerGas") == expected


def test_account_and_slot_proofs_verify_against_the_headers_state_root(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    for slot in range(40):
        sender.send(contract, word(slot) + word(slot + 1))
    header = at(chain, 30)

    nodes = [rlp.decode(node) for node in chain.state.account_proof(header, contract)]
    account = rlp.decode(HexaryTrie.get_from_proof(header.bytes_of("stateRoot"), keccak(contract), nodes))

    assert account[2] == chain.state.account(header, contract).storage_root
    assert account[3] == keccak(chain.state.code(header, contract))
    for slot in range(40):
        key, proof = word(slot), chain.state.slot_proof(header, contract, word(slot))
        found = HexaryTrie.get_from_proof(account[2], keccak(key), [rlp.decode(node) for node in proof])
        expected = slot + 1 if slot < 29 else 0
        assert int.from_bytes(rlp.decode(found) if found else b"", "big") == expected
        assert chain.state.slot(header, contract, key) == word(expected)


def test_a_proof_with_a_node_changed_does_not_verify(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    sender.send(contract, word(1) + word(7))
    root = chain.state.account(chain.head(), contract).storage_root

    nodes = [rlp.decode(node) for node in chain.state.slot_proof(chain.head(), contract, word(1))]
    nodes[-1][-1] = rlp.encode(b"\x08")

    with pytest.raises(BadTrieProof):
        HexaryTrie.get_from_proof(root, keccak(word(1)), nodes)


def refuse(sender: Sender, raw: bytes) -> JsonRpcError:
    before = sender.chain.head().block_hash
    with pytest.raises(JsonRpcError) as caught:
        sender.chain.send_raw(raw)
    assert sender.chain.head().block_hash == before, "a refused transaction must leave no block"
    return caught.value


def test_a_known_transaction_is_already_known(sender: Sender) -> None:
    raw = sender.sign(bytes(20))
    sender.chain.send_raw(raw)

    assert refuse(sender, raw).text == "already known"


def test_a_used_nonce_is_too_low_and_a_later_one_too_high(sender: Sender) -> None:
    sender.send(bytes(20))

    low = refuse(sender, sender.sign(bytes(20), nonce=0, value=1))
    high = refuse(sender, sender.sign(bytes(20), nonce=2))

    assert low.reason is NodeRefusal.NONCE_TOO_LOW
    assert low.text.endswith("tx: 0 state: 1")
    assert high.reason is NodeRefusal.NONCE_TOO_HIGH


def test_more_than_the_balance_is_insufficient_funds(sender: Sender) -> None:
    refused = refuse(sender, sender.sign(bytes(20), value=10**30))

    assert refused.reason is NodeRefusal.INSUFFICIENT_FUNDS


def test_a_fee_below_the_base_fee_is_refused(sender: Sender) -> None:
    base_fee = sender.chain.next_base_fee()

    refused = refuse(sender, sender.sign(bytes(20), fee=base_fee - 1))

    assert refused.reason is NodeRefusal.FEE_TOO_LOW
    sender.send(bytes(20), fee=base_fee)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"gas": BLOCK_GAS_LIMIT + 1}, "exceeds block gas limit"),
        ({"priority_fee": FEE + 1}, "max priority fee per gas higher than max fee per gas"),
        ({"chain_id": 31337}, "invalid chain id"),
    ],
)
def test_what_geth_would_not_take_is_refused_in_its_words(sender: Sender, changed: dict[str, int], words: str) -> None:
    assert words in refuse(sender, sender.sign(bytes(20), b"", **changed)).text


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "transaction type not supported"),
        (b"\x03\xc0", "transaction type not supported"),
        (b"\xc0", "transaction type not supported"),
        (b"\x02", "not RLP"),
        (b"\x02\xc0", "twelve items"),
        (b"\x02" + rlp.encode([b""] * 12), "access list"),
        (b"\x02" + rlp.encode([b""] * 8 + [[b""]] + [b""] * 3), "access list"),
        (b"\x02" + bytes(200_000), "oversized data"),
    ],
)
def test_bytes_that_are_no_transaction_are_refused(sender: Sender, raw: bytes, words: str) -> None:
    assert words in refuse(sender, raw).text


def test_a_signature_of_another_text_is_refused_as_its_senders(sender: Sender) -> None:
    raw = bytearray(sender.sign(bytes(20), word(1)))
    raw[-40] ^= 1  # inside r: another account, or none, would have signed

    refused = refuse(sender, bytes(raw))

    assert refused.reason in (NodeRefusal.INSUFFICIENT_FUNDS, NodeRefusal.OTHER)


def test_a_revert_surfaces_with_its_data_as_geths_code_3(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()

    for ask in (chain.call, chain.estimate_gas):
        with pytest.raises(JsonRpcError) as caught:
            ask(chain.head(), Call(sender=bytes(20), to=contract, data=b"\x01"))
        assert (caught.value.rpc_code, caught.value.data) == (3, bytes.fromhex("deadbeef"))


def test_a_call_out_of_gas_or_money_is_an_error_not_an_answer(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()

    with pytest.raises(JsonRpcError, match="out of gas"):
        chain.call(chain.head(), Call(sender=bytes(20), to=contract, data=word(1), gas=21_600))
    with pytest.raises(JsonRpcError, match="insufficient funds"):
        chain.call(chain.head(), Call(sender=bytes(20), to=contract, data=word(1), value=10**30))


def test_an_estimate_is_enough_and_hardly_more(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    data = word(1) + word(7)

    gas = chain.estimate_gas(chain.head(), Call(sender=sender.signer.address, to=contract, data=data))
    tx_hash = sender.send(contract, data, gas=gas)

    assert chain.tx_place(tx_hash) is not None
    assert chain.state.outcome_in(chain.head()).succeeded
    assert gas - chain.state.outcome_in(chain.head()).gas_used <= 1_000


def test_calls_and_estimates_leave_no_trace(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    before = (chain.folder / "chain.sqlite3").read_bytes()

    chain.call(chain.head(), Call(sender=sender.signer.address, to=contract, data=word(1) + word(7)))
    chain.estimate_gas(chain.head(), Call(sender=sender.signer.address, to=contract, data=word(1) + word(7)))

    assert (chain.folder / "chain.sqlite3").read_bytes() == before


def test_a_reader_may_not_write(chain: EmbeddedChain, sender: Sender, folder: Path) -> None:
    raw = sender.sign(bytes(20))

    with open_embedded(folder, read_only=True) as reader:
        with pytest.raises(ChainError, match="reading only"):
            reader.mine()
        with pytest.raises(ChainError, match="reading only"):
            reader.send_raw(raw)

    assert chain.send_raw(raw) == keccak(raw)
