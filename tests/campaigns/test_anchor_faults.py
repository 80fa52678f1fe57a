"""The short form of the campaign `anchor_faults`, and the proof that each of its checks would notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger_service.chain.registry import encode_anchor
from ledger_service.core.merkle import (
    complete_nodes,
    compute_root,
    fold_consistency,
    leaf_hash,
    nodes_for_consistency,
    nodes_for_root,
)
from ledger_service.store.anchors import AnchorHistory
from tests.campaigns import anchor_faults
from tests.campaigns.anchoring import bugs
from tests.campaigns.anchoring.bench import ACCOUNT, Bench, Worker

pytestmark = pytest.mark.campaign


@pytest.fixture(autouse=True)
def nothing_hoarded() -> Iterator[None]:
    """Let go of what a planted leak kept."""
    yield
    bugs.Hoarding.seen.clear()


Part = Callable[..., dict[str, Any]]


def test_every_head_stands_once_and_none_is_final_too_early() -> None:
    counts: Any = anchor_faults.run(short=True, seed=1)

    assert counts["reorgs"]["reorgs"] == 100
    assert sum(part["faulty_calls"] for part in counts["calls"].values()) >= 1_000
    assert sum(counts["kills"]["died"].values()) + sum(counts["kills"]["slept"].values()) == 100
    assert {*counts["reorgs"]["states"]} == {"None", "planned", "signed", "submitted", "included", "finalized"}


@pytest.mark.parametrize(
    ("part", "bug", "check"),
    [
        (anchor_faults.reorgs, bugs.SendsFirst, "intent"),
        (anchor_faults.reorgs, bugs.Impatient, "depth"),
        (anchor_faults.reorgs, bugs.Forgetful, "order"),
        (anchor_faults.reorgs, bugs.Contented, "drained"),
        (anchor_faults.calls, bugs.Hoarding, "memory"),
        (anchor_faults.kills, bugs.Trusting, "order"),
    ],
)
def test_planted_a_mistake_in_the_worker_is_caught(tmp_path: Path, part: Part, bug: Any, check: str) -> None:
    with pytest.raises(AssertionError, match=f"^{check}: "):
        part(tmp_path, Random(6), 1_000 if check == "memory" else 200, make=bug)


def test_planted_a_finality_rule_shorter_than_the_reorganisations_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"^(depth|once): "):
        anchor_faults.reorgs(tmp_path, Random(3), 100, rule=8)


def test_planted_a_head_of_another_history_is_caught(tmp_path: Path) -> None:
    with closing(Bench(tmp_path, Random(3))) as bench:
        expect_caught(bench)


def expect_caught(bench: Bench) -> None:
    worker = Worker(bench, "one")
    bench.log.append(3)
    bench.finish(worker)
    size = bench.truth.covered
    leaves = [*bench.log.leaves(size), leaf_hash(b"junk"), leaf_hash(b"more junk")]
    tree = complete_nodes(leaves)
    proof = fold_consistency(size, size + 2, [tree[node] for node in nodes_for_consistency(size, size + 2)])
    root = compute_root(size + 2, [tree[node] for node in nodes_for_root(size + 2)])
    junk = encode_anchor(bench.target.log_id, size + 2, root=root, proof=proof)
    bench.chain.plant(ACCOUNT.address, bench.target.contract, junk)
    bench.chain.mine()
    bench.log.append(5)

    with pytest.raises(AssertionError, match=r"^alarms: halted"):
        worker.round()
    with pytest.raises(AssertionError, match=r"^once: head 2 stands on the chain"):
        bench.truth.check(AnchorHistory(worker.store))
