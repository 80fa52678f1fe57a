"""Who may do what to a log, seen from outside the chain: each refusal with its values, and what stays readable."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from ledger_service.core import merkle
from tests.contracts import trees
from tests.contracts.evm import CHAIN_ID, Outcome, Registry, event_topic

REGISTRAR, OWNER, ANCHORER, STRANGER = (bytes([number]) * 20 for number in (0xA1, 0xA2, 0xA3, 0xA4))
NOBODY = bytes(20)
ORIGIN = keccak(b"returns.example/eu")
CAP = 16


@dataclass(frozen=True, slots=True)
class Log:
    """A registered log, spoken to in roles."""

    registry: Registry
    id: bytes

    def anchor(self, size: int, *, root: bytes | None = None, sender: bytes = ANCHORER) -> Outcome:
        """Offer the honest head of a size, or another root with the honest proof."""
        _, last, _ = self.registry.read("head", self.id)
        proof = trees.consistency(last, size) if size > last else []
        return self.registry.call(
            "anchor", self.id, size, trees.root(size) if root is None else root, proof, sender=sender
        )

    def act(self, name: str, *arguments: object, sender: bytes = OWNER) -> Outcome:
        """Call a function about this log."""
        return self.registry.call(name, self.id, *arguments, sender=sender)


def register(
    registry: Registry,
    *,
    origin: bytes = ORIGIN,
    leaf: bytes = trees.LEAVES[0],
    owner: bytes = OWNER,
    anchorer: bytes = ANCHORER,
    cap: int = CAP,
    sender: bytes = REGISTRAR,
) -> Outcome:
    return registry.call("registerLog", origin, leaf, "0x" + owner.hex(), "0x" + anchorer.hex(), cap, sender=sender)


@pytest.fixture
def log(registry: Registry) -> Log:
    """A log with its genesis head."""
    outcome = register(registry)
    assert outcome.accepted
    return Log(registry, outcome.output)


def test_head_zero_is_the_genesis_leaf_and_its_commitment_can_be_recomputed_from_the_event(registry: Registry) -> None:
    outcome = register(registry)

    log_id = outcome.output
    topics, data = outcome.events[-1]
    assert topics == (event_topic("HeadAnchored"), log_id, bytes(32))
    size, root, time, number, parent = decode(["uint64", "bytes32", "uint64", "uint64", "bytes32"], data)
    assert (size, root) == (1, trees.LEAVES[0])
    assert (time, number, parent) == (registry.evm.time, registry.evm.block_number, registry.evm.parent_hash)
    assert registry.read("head", log_id) == (0, 1, trees.LEAVES[0])
    assert registry.read("commitment", log_id, 0) == (recompute(log_id, 0, topics=topics, data=data),)


def test_each_head_has_a_slot_of_its_own_that_later_heads_leave_alone(log: Log) -> None:
    heads = {0: log.registry.read("commitment", log.id, 0)[0]}
    for sequence, size in enumerate((7, 8, 20), start=1):
        outcome = log.anchor(size)
        assert decode(["uint64"], outcome.output) == (sequence,)
        (event,) = outcome.events
        heads[sequence] = recompute(log.id, sequence, topics=event[0], data=event[1])

    for sequence, expected in heads.items():
        assert log.registry.read("commitment", log.id, sequence) == (expected,)
        slot = keccak(encode(["uint64", "bytes32"], [sequence, keccak(log.id + bytes(32))]))
        assert log.registry.evm.storage(log.registry.address, slot) == expected
    assert log.registry.read("commitment", log.id, 4) == (bytes(32),)


def test_the_id_of_a_log_is_the_documented_hash(log: Log) -> None:
    fields = [CHAIN_ID, "0x" + log.registry.address.hex(), "0x" + REGISTRAR.hex(), ORIGIN]

    assert log.id == keccak(encode(["uint256", "address", "address", "bytes32"], fields))
    assert log.registry.read("computeLogId", "0x" + REGISTRAR.hex(), ORIGIN) == (log.id,)
    assert log.registry.read("computeLogId", "0x" + STRANGER.hex(), ORIGIN) != (log.id,)


def test_two_registrars_of_one_origin_have_two_logs(log: Log) -> None:
    other = register(log.registry, leaf=trees.LEAVES[1], sender=STRANGER)

    assert other.accepted
    assert other.output != log.id
    assert log.registry.read("head", log.id) == (0, 1, trees.LEAVES[0])
    assert register(log.registry).refusal == ("LogExists", log.id)


@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ("originHash", {"origin": bytes(32)}),
        ("genesisLeafHash", {"leaf": bytes(32)}),
        ("owner", {"owner": NOBODY}),
        ("anchorer", {"anchorer": NOBODY}),
        ("maxGrowth", {"cap": 0}),
    ],
)
def test_registering_a_zero_value_is_refused_by_name(registry: Registry, argument: str, changed: dict) -> None:
    assert register(registry, **changed).refusal == ("LogZeroValue", argument)
    assert register(registry).accepted


def test_only_the_anchorer_anchors(log: Log) -> None:
    for caller in (OWNER, REGISTRAR, STRANGER):
        assert log.anchor(5, sender=caller).refusal == ("LogAnchorerOnly", log.id, text(caller), text(ANCHORER))

    assert log.anchor(5).accepted


def test_a_head_that_does_not_grow_is_refused_whatever_its_root(log: Log) -> None:
    assert log.anchor(9).accepted

    for size in (9, 8, 1):
        for root in (trees.root(9), trees.root(8), keccak(b"junk")):
            assert log.anchor(size, root=root).refusal == ("HeadNotGrowing", log.id, 9, size)
    assert log.anchor(10).accepted


def test_growth_ends_at_the_cap(log: Log) -> None:
    assert log.anchor(CAP + 2).refusal == ("HeadGrowthOverCap", log.id, CAP + 1, CAP)
    assert log.anchor(CAP + 1).accepted


def test_a_junk_root_is_refused_though_the_right_key_sends_it(log: Log) -> None:
    assert log.anchor(6).accepted

    refusal = log.anchor(9, root=keccak(b"junk")).refusal
    assert refusal == ("MerkleNewerRoot", keccak(b"junk"), trees.root(9))
    assert log.registry.read("head", log.id) == (1, 6, trees.root(6))


def test_a_rewritten_history_is_refused(log: Log) -> None:
    assert log.anchor(6).accepted
    leaves = [*trees.LEAVES[:3], keccak(b"rewritten"), *trees.LEAVES[4:]]
    nodes = merkle.complete_nodes(leaves)
    forged = merkle.fold_consistency(6, 9, [nodes[n] for n in merkle.nodes_for_consistency(6, 9)])
    root = merkle.compute_root(9, [nodes[n] for n in merkle.nodes_for_root(9)])

    outcome = log.registry.call("anchor", log.id, 9, root, forged, sender=ANCHORER)

    assert outcome.refusal[:2] == ("MerkleOlderRoot", trees.root(6))


def test_ownership_moves_in_two_steps(log: Log) -> None:
    assert log.act("transferOwnership", text(STRANGER)).accepted
    assert log.act("setMaxGrowth", 20).accepted, "the owner stays until the offer is accepted"
    assert log.act("acceptOwnership", sender=REGISTRAR).refusal == (
        "LogPendingOwnerOnly", log.id, text(REGISTRAR), text(STRANGER),
    )  # fmt: skip

    assert log.act("acceptOwnership", sender=STRANGER).accepted

    assert log.registry.read("log", log.id)[2:4] == (text(STRANGER), text(NOBODY))
    assert log.act("setMaxGrowth", 21).refusal == ("LogOwnerOnly", log.id, text(OWNER), text(STRANGER))


@pytest.mark.parametrize("caller", [REGISTRAR, ANCHORER, STRANGER])
def test_what_is_the_owners_is_nobody_elses(log: Log, caller: bytes) -> None:
    refusal = ("LogOwnerOnly", log.id, text(caller), text(OWNER))

    assert log.act("transferOwnership", text(caller), sender=caller).refusal == refusal
    assert log.act("setAnchorer", text(caller), sender=caller).refusal == refusal
    assert log.act("setMaxGrowth", 1, sender=caller).refusal == refusal
    assert log.act("closeLog", bytes(32), 0, sender=caller).refusal == refusal


def test_a_replaced_anchorer_anchors_no_more(log: Log) -> None:
    assert log.anchor(5).accepted
    changed = log.act("setAnchorer", text(STRANGER))

    assert changed.events[0][1] == (5).to_bytes(32, "big"), "dated by the size reached"
    assert log.anchor(6).refusal == ("LogAnchorerOnly", log.id, text(ANCHORER), text(STRANGER))
    assert log.anchor(6, sender=STRANGER).accepted
    assert log.act("setAnchorer", text(NOBODY)).refusal == ("LogZeroValue", "anchorer")
    assert log.act("setMaxGrowth", 0).refusal == ("LogZeroValue", "maxGrowth")


def test_a_closed_log_accepts_nothing_and_forgets_nothing(log: Log) -> None:
    assert log.anchor(5).accepted
    assert log.anchor(9).accepted
    assert log.act("closeLog", keccak(b"next"), 3).refusal == ("LogSequenceUnknown", log.id, 2, 3)

    assert log.act("closeLog", keccak(b"next"), 1).accepted

    closed = ("LogIsClosed", log.id)
    assert log.anchor(10).refusal == closed
    assert log.act("closeLog", bytes(32), 2).refusal == closed
    assert log.act("setAnchorer", text(STRANGER)).refusal == closed
    assert log.act("setMaxGrowth", 5).refusal == closed
    assert log.act("transferOwnership", text(STRANGER)).refusal == closed
    assert log.act("acceptOwnership", sender=STRANGER).refusal == closed
    assert log.registry.read("head", log.id) == (2, 9, trees.root(9))
    assert log.registry.read("commitment", log.id, 2) != (bytes(32),)
    assert log.registry.read("log", log.id)[6:] == (True, keccak(b"next"), 1)


def test_an_unknown_log_is_refused_everywhere(registry: Registry) -> None:
    unknown = Log(registry, keccak(b"unknown"))

    for outcome in (
        unknown.act("head"),
        unknown.act("log"),
        unknown.act("acceptOwnership"),
        unknown.act("setMaxGrowth", 1),
        registry.call("anchor", unknown.id, 2, trees.root(2), trees.consistency(1, 2)),
    ):
        assert outcome.refusal == ("LogUnknown", unknown.id)
    assert registry.read("commitment", unknown.id, 0) == (bytes(32),)


def recompute(log_id: bytes, sequence: int, *, topics: tuple[bytes, ...], data: bytes) -> bytes:
    """Return the commitment of a head from its event alone."""
    assert topics == (event_topic("HeadAnchored"), log_id, sequence.to_bytes(32, "big"))
    return keccak(log_id + sequence.to_bytes(32, "big") + data)


def text(address: bytes) -> str:
    return "0x" + address.hex()
