"""A node over HTTP: whatever it does, one of three errors, nothing hangs, secrets stay out of messages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from eth_hash.auto import keccak

from ledger_service.chain.embedded import EmbeddedChain
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal, to_data
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID, EMBEDDED_GENESIS_HASH
from ledger_service.chain.rpc import READ_TRIES_MAX, Node, open_node
from ledger_service.chain.rpc_http import ANSWER_BYTES_MAX, HttpTransport, redact_url
from ledger_service.errors import ChainError, NodeAnswerError, NodeUnreachableError, SettingsError
from tests.chain.conftest import Sender, word
from tests.chain.fake_node import FakeNode, Fault, Reply, broken, changed, cut, error, instead, wrong_id


@pytest.fixture
def fake(chain: EmbeddedChain) -> Iterator[FakeNode]:
    """A node that tells of the test's chain."""
    with FakeNode(chain) as node:
        yield node


class Pauses(list[float]):
    """A sleep that only writes down how long it was asked to."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    """What the node would have slept between tries."""
    return Pauses()


@pytest.fixture
def node(fake: FakeNode, pauses: Pauses) -> Iterator[Node]:
    """The fake node, asked with a short time limit."""
    opened = Node(HttpTransport(fake.url, timeout_seconds=2), sleep=pauses, jitter=lambda: 0.5)
    with opened:
        yield opened


def test_over_http_and_embedded_the_answers_are_the_same(node: Node, chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    tx_hash = sender.send(contract, word(1) + word(7))
    chain.mine(2)
    address = sender.signer.address

    with open_node(f"embedded:{chain.folder}") as embedded:
        for one in (node, embedded):
            assert one.chain_id() == EMBEDDED_CHAIN_ID
            assert one.genesis_hash() == EMBEDDED_GENESIS_HASH
            assert one.storage_at(contract, word(1)) == word(7)
            assert one.storage_at(contract, word(1), 1) == word(0)
            assert one.call(contract, word(1)) == word(7)
            assert one.nonce(address) == 2
            assert one.nonce(address, 1) == 1
            assert one.balance(address) == chain.state.account(chain.head(), address).balance
            assert one.code(contract) == chain.state.code(chain.head(), contract)
            assert one.code(address) == b""
            assert one.fee_quote().base_fee == chain.next_base_fee()
            assert one.header("latest") == chain.head().encoded
            assert one.block(5) is None
            assert one.header(5) is None
            assert one.tx_receipt(word(1)) is None
        assert node.block("finalized") == embedded.block("finalized") == embedded.block(2)
        assert node.tx_receipt(tx_hash) == embedded.tx_receipt(tx_hash)
        assert node.get_proof(contract, [word(1), word(2)]) == embedded.get_proof(contract, [word(1), word(2)])
        assert node.estimate_gas(address, contract, word(1)) == embedded.estimate_gas(address, contract, word(1))


def test_a_receipt_tells_what_was_mined(node: Node, sender: Sender) -> None:
    contract = sender.deploy_slots()
    tx_hash = sender.send(contract, word(1) + word(7))

    receipt = node.tx_receipt(tx_hash)

    assert receipt is not None
    assert (receipt.succeeded, receipt.block_number, receipt.contract_address) == (True, 2, None)
    assert receipt.block_hash == sender.chain.head().block_hash
    assert [(log.address, log.topics, log.data) for log in receipt.logs] == [(contract, (word(1),), word(7))]


def test_a_creations_receipt_names_the_contract(node: Node, sender: Sender) -> None:
    contract = sender.deploy_slots()
    block = sender.chain.state.tx_in(sender.chain.head())
    assert block is not None

    receipt = node.tx_receipt(block.tx_hash)

    assert receipt is not None
    assert receipt.contract_address == contract


def test_sending_mines_once_and_sending_again_succeeds(node: Node, sender: Sender, fake: FakeNode) -> None:
    raw = sender.sign(bytes(20), value=1)

    assert node.send_raw(raw) == keccak(raw)
    assert node.send_raw(raw) == keccak(raw)

    assert sender.chain.head().number == 1


def test_what_sends_is_never_tried_again(node: Node, fake: FakeNode, sender: Sender, pauses: Pauses) -> None:
    fake.fail(Reply(code=503), method="eth_sendRawTransaction")

    with pytest.raises(NodeUnreachableError):
        node.send_raw(sender.sign(bytes(20)))

    assert fake.asked("eth_sendRawTransaction") == 1
    assert pauses == []


def test_a_lost_answer_to_a_send_is_healed_by_the_same_bytes(node: Node, fake: FakeNode, sender: Sender) -> None:
    raw = sender.sign(bytes(20), value=1)
    fake.fail(broken, method="eth_sendRawTransaction")
    with pytest.raises(NodeUnreachableError):
        node.send_raw(raw)

    assert node.send_raw(raw) == keccak(raw)
    assert sender.chain.head().number == 1


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (-32000, "nonce too low: address 0x1, tx: 0 state: 1", NodeRefusal.NONCE_TOO_LOW),
        (-32000, "Nonce too low. Expected nonce to be 1 but got 0.", NodeRefusal.NONCE_TOO_LOW),
        (-32000, "nonce too high", NodeRefusal.NONCE_TOO_HIGH),
        (-32000, "replacement transaction underpriced", NodeRefusal.REPLACEMENT_UNDERPRICED),
        (-32000, "insufficient funds for gas * price + value", NodeRefusal.INSUFFICIENT_FUNDS),
        (-32000, "Sender doesn't have enough funds to send tx", NodeRefusal.INSUFFICIENT_FUNDS),
        (-32000, "transaction underpriced", NodeRefusal.FEE_TOO_LOW),
        (-32003, "max fee per gas less than block base fee", NodeRefusal.FEE_TOO_LOW),
        (-32601, "the method does not exist", NodeRefusal.METHOD_MISSING),
        (-32000, "something else", NodeRefusal.OTHER),
    ],
)
def test_each_refusal_has_its_reason(
    node: Node, fake: FakeNode, sender: Sender, code: int, message: str, reason: NodeRefusal
) -> None:
    fake.fail(error(code, message))

    with pytest.raises(JsonRpcError) as caught:
        node.send_raw(sender.sign(bytes(20)))

    assert caught.value.reason is reason
    assert (caught.value.rpc_code, caught.value.text) == (code, message)


@pytest.mark.parametrize(
    "message", ["already known", "ALREADY_EXISTS: already known", "Known transaction: 0x1", "AlreadyKnown"]
)
def test_already_known_is_success_in_every_clients_words(
    node: Node, fake: FakeNode, sender: Sender, message: str
) -> None:
    raw = sender.sign(bytes(20))
    fake.fail(error(-32000, message))

    assert node.send_raw(raw) == keccak(raw)


def test_another_hash_for_our_transaction_is_refused(node: Node, fake: FakeNode, sender: Sender) -> None:
    fake.fail(instead(to_data(word(1))))

    with pytest.raises(NodeAnswerError, match="another hash"):
        node.send_raw(sender.sign(bytes(20)))


@pytest.mark.parametrize(
    "fault",
    [
        Reply(code=429),
        Reply(code=500, body=b"<html>"),
        Reply(code=503),
        broken,
        error(-32005, "limit exceeded"),
        error(-32000, "Too Many Requests"),
    ],
)
def test_who_did_not_answer_is_asked_again(node: Node, fake: FakeNode, pauses: Pauses, fault: Reply) -> None:
    fake.fail(fault, times=2)

    assert node.chain_id() == EMBEDDED_CHAIN_ID

    assert pauses == [0.2, 0.4]


def test_who_never_answers_is_unreachable_after_three_tries(node: Node, fake: FakeNode, pauses: Pauses) -> None:
    fake.fail(Reply(code=429), times=10)

    with pytest.raises(NodeUnreachableError, match="HTTP 429"):
        node.chain_id()

    assert len(fake.requests) == READ_TRIES_MAX
    assert len(pauses) == READ_TRIES_MAX - 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Reply(b"<html><body>Bad gateway</body></html>"), "not JSON"),
        (Reply(b"<html>", code=404), "HTTP 404"),
        (Reply(b"", code=204), "not JSON"),
        (Reply(b"\xff\xfe{"), "not JSON"),
        (Reply(b"[" * 100_000), "nested deeper than 64"),
        (Reply(b'{"a":' * 100_000), "nested deeper than 64"),
        (Reply(b'"' + b"[" * 100 + b'"'), "no object"),
        (Reply(b"[" + b"[]," * 100 + b"[]]"), "no object"),
        (Reply(b"9" * 10_000), "not JSON"),
        (Reply(b"[]"), "no object"),
        (Reply(b"null"), "no object"),
        (cut, "not JSON"),
        (wrong_id, "wrong JSON-RPC id"),
        (Reply(b'{"jsonrpc": "2.0"}'), "wrong JSON-RPC id"),
        (lambda request, _: Reply(b'{"id": %d}' % request["id"]), "neither result nor error"),
        (lambda request, _: Reply(b'{"id": %d, "result": "0x1"}' % request["id"], code=403), "HTTP 403"),
        (Reply(b"{}", code=302, headers={"Location": "http://127.0.0.1:1/"}), "redirect"),
        (instead("1"), "chain id is not a quantity"),
        (instead("0x01"), "chain id is not a quantity"),
        (instead("0x"), "chain id is not a quantity"),
        (instead(1), "chain id is not a quantity"),
        (instead(None), "chain id is not a quantity"),
        (error(-32000, "no"), "the node refused: no"),
        (lambda request, _: Reply(b'{"id": %d, "error": "oops"}' % request["id"]), "oops"),
        (lambda request, _: Reply(b'{"id": null, "error": {"code": -32700, "message": "parse"}}'), "parse"),
        (lambda request, _: Reply(b'{"id": %d, "error": {}}' % request["id"]), "no message"),
    ],
)
def test_nonsense_is_a_node_answer_error_and_not_asked_again(
    node: Node, fake: FakeNode, fault: Reply, words: str
) -> None:
    fake.fail(fault)

    with pytest.raises(NodeAnswerError, match=words):
        node.chain_id()

    assert len(fake.requests) == 1


def test_an_oversize_answer_is_cut_off(node: Node, fake: FakeNode) -> None:
    fake.fail(Reply(b" " * 65_536, repeat=ANSWER_BYTES_MAX // 65_536 + 2))

    with pytest.raises(NodeAnswerError, match="more than 8388608 bytes"):
        node.chain_id()


def test_a_silent_node_is_unreachable_within_the_time_limit(fake: FakeNode) -> None:
    fake.fail(Reply(b"x", until=fake.over, repeat=200), times=READ_TRIES_MAX)

    with (
        Node(HttpTransport(fake.url, timeout_seconds=0.2), sleep=lambda _: None) as node,
        pytest.raises(NodeUnreachableError, match=r"within 0\.2 s"),
    ):
        node.chain_id()


def test_a_node_that_accepts_and_says_nothing_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Node(HttpTransport(url, timeout_seconds=0.1), sleep=lambda _: None) as node,
            pytest.raises(NodeUnreachableError, match=r"no answer within 0\.1 s"),
        ):
            node.chain_id()


def test_a_closed_port_is_unreachable_and_an_unknown_name_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}", "http://node.invalid"):
        with (
            Node(HttpTransport(url, timeout_seconds=2), sleep=lambda _: None) as node,
            pytest.raises(NodeUnreachableError, match="cannot be reached"),
        ):
            node.chain_id()


def test_plain_http_where_tls_was_expected_is_unreachable(fake: FakeNode) -> None:
    url = fake.url.replace("http://", "https://")

    with (
        Node(HttpTransport(url, timeout_seconds=2), sleep=lambda _: None) as node,
        pytest.raises(NodeUnreachableError),
    ):
        node.chain_id()


def test_secrets_in_the_url_stay_out_of_every_message(node: Node, fake: FakeNode) -> None:
    faults: list[Fault | Reply] = [
        Reply(code=429),
        cut,
        wrong_id,
        Reply(code=404),
        Reply(code=302),
        broken,
        Reply(b"[]"),
    ]
    texts = [node.name]
    for fault in faults:
        fake.fail(fault, times=READ_TRIES_MAX if fault in (faults[0], broken) else 1)
        with pytest.raises(ChainError) as caught:
            node.chain_id()
        texts += [str(caught.value), caught.value.hint, repr(caught.value)]
        if caught.value.__cause__ is not None:
            texts.append(str(caught.value.__cause__))

    for secret in ("hunter2", "user:", "secret-key", "secret-token"):
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://node.example", "https://node.example"),
        ("https://node.example/", "https://node.example"),
        ("https://a:b@node.example:1/v3/key?x=1#y", "https://node.example:1/…"),
        ("http://[::1]:8545", "http://[::1]:8545"),
        ("http://node.example:port", "the URL"),
        ("http://[::1", "the URL"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    "rpc",
    ["", "nonsense", "ftp://node.example", "http://", "http://node:port", "http://[::1", "embedded:", "file:///x"],
)
def test_an_address_of_no_known_kind_is_a_settings_error(rpc: str) -> None:
    with pytest.raises(SettingsError):
        open_node(rpc)


def test_mining_is_for_the_embedded_chain_alone(node: Node, chain: EmbeddedChain) -> None:
    assert not node.is_embedded
    with pytest.raises(ChainError, match="not the embedded chain"):
        node.mine()

    chain.close()
    with open_node(f"embedded:{chain.folder}", writable=True, clock=lambda: 2_000_000_000) as embedded:
        assert embedded.is_embedded
        embedded.mine(2)
        block = embedded.block("latest")
        assert block is not None
        assert (block.number, block.time) == (2, 2_000_000_001)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"number": "0x7"}, "another block than 1"),
        ({"hash": "0x11"}, "hash has 1 bytes"),
        ({"parentHash": None}, "parentHash"),
        ({"timestamp": -1}, "timestamp"),
    ],
)
def test_a_crooked_block_is_refused(
    node: Node, fake: FakeNode, chain: EmbeddedChain, members: dict[str, object], words: str
) -> None:
    chain.mine()
    fake.fail(changed(**members))

    with pytest.raises(NodeAnswerError, match=words):
        node.block(1)


@pytest.mark.parametrize(
    "members",
    [
        {"stateRoot": "0x" + "11" * 32},
        {"gasUsed": "0x1"},
        {"requestsHash": None},
        {"parentBeaconBlockRoot": None},
        {"extraData": "0x00"},
        {"hash": "0x" + "11" * 32},
    ],
)
def test_a_header_that_does_not_hash_to_its_block_hash_is_refused(
    node: Node, fake: FakeNode, members: dict[str, object]
) -> None:
    fake.fail(changed(**members))

    with pytest.raises(NodeAnswerError, match="does not hash"):
        node.header("latest")


def test_a_tag_that_the_node_does_not_know_yet_is_no_block(node: Node, fake: FakeNode) -> None:
    fake.fail(error(-39001, "Unknown block"))
    fake.fail(error(-32000, "finalized block not found"))
    fake.fail(error(-32000, "internal trouble"))

    assert node.block("finalized") is None
    assert node.block("finalized") is None
    with pytest.raises(NodeAnswerError, match="internal trouble"):
        node.block("finalized")


def test_a_block_that_is_no_object_is_refused(node: Node, fake: FakeNode) -> None:
    fake.fail(instead(["0x1"]))

    with pytest.raises(NodeAnswerError, match="not an object"):
        node.block("latest")


def test_a_node_without_block_0_has_no_genesis_hash(node: Node, fake: FakeNode) -> None:
    fake.fail(instead(None))

    with pytest.raises(NodeAnswerError, match="no block 0"):
        node.genesis_hash()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"transactionHash": "0x" + "11" * 32}, "another transaction"),
        ({"status": "0x2"}, "status 2"),
        ({"status": None}, "status"),
        ({"logs": None}, "list of logs"),
        ({"logs": ["log"]}, "log is not an object"),
        ({"logs": [{"topics": "x"}]}, "crooked topics"),
        ({"logs": [{"topics": [], "removed": "no"}]}, "crooked"),
        ({"blockHash": "0x"}, "blockHash has 0 bytes"),
        ({"contractAddress": "0x1234"}, "contract address has 2 bytes"),
    ],
)
def test_a_crooked_transaction_receipt_is_refused(
    node: Node, fake: FakeNode, sender: Sender, members: dict[str, object], words: str
) -> None:
    tx_hash = sender.send(bytes(20))
    fake.fail(changed(**members))

    with pytest.raises(NodeAnswerError, match=words):
        node.tx_receipt(tx_hash)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"address": "0x" + "11" * 20}, "another account or slot"),
        ({"storageProof": []}, "another account or slot"),
        ({"storageProof": None}, "list of storage proofs"),
        ({"storageProof": [{"key": "0x2", "value": "0x0", "proof": []}]}, "another account or slot"),
        ({"storageProof": [{"key": "0x1", "value": "7", "proof": []}]}, "storage value"),
        ({"storageProof": [{"key": "0x1", "value": "0x7", "proof": "0x"}]}, "list of trie nodes"),
        ({"accountProof": ["zz"]}, "trie node"),
    ],
)
def test_a_crooked_account_proof_is_refused(
    node: Node, fake: FakeNode, sender: Sender, members: dict[str, object], words: str
) -> None:
    contract = sender.deploy_slots()
    fake.fail(changed(**members))

    with pytest.raises(NodeAnswerError, match=words):
        node.get_proof(contract, [word(1)])


def test_keys_and_values_of_proofs_may_be_short_or_whole_words(node: Node, fake: FakeNode, sender: Sender) -> None:
    contract = sender.deploy_slots()
    fake.fail(changed(storageProof=[{"key": "0x1", "value": to_data(word(7)), "proof": []}]))

    found = node.get_proof(contract, [word(1)]).slots[0]

    assert (found.slot, found.value) == (word(1), word(7))


@pytest.mark.parametrize("history", [{"baseFeePerGas": []}, {}, {"baseFeePerGas": "0x1"}])
def test_a_fee_history_without_fees_is_refused(node: Node, fake: FakeNode, history: object) -> None:
    fake.fail(instead(history))

    with pytest.raises(NodeAnswerError, match="without base fees"):
        node.fee_quote()


def test_threads_share_a_node(node: Node) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(node.chain_id())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [EMBEDDED_CHAIN_ID] * 8
