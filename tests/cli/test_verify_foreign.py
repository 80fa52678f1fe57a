"""Promises of `rledger verify` about strangers: what another log, key, contract, chain or node says is never valid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.chain.embedded import open_embedded
from tests.chain.fake_node import FakeNode, error
from tests.cli.conftest import Story, tell
from tests.cli.program import Program


@pytest.fixture(scope="module")
def other_origin(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger of another name on a chain of its own."""
    return tell(tmp_path_factory.mktemp("other"), origin="returns.example/other")


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger of the same name, account and contract address, with another key: an operator's second history."""
    return tell(tmp_path_factory.mktemp("twin"))


def verdict(rledger: Program, *arguments: str | Path) -> tuple[int, str, set[tuple[str, str]]]:
    """Return exit code, verdict, and the checks that did not pass."""
    ended = rledger("verify", *arguments, "--json")
    (found,) = ended.json()
    return ended.code, found["verdict"], {(c["name"], c["outcome"]) for c in found["checks"] if c["outcome"] != "pass"}


def test_each_ledger_s_own_receipt_is_valid_under_its_own_trust_file(
    template: Story, other_origin: Story, twin: Story
) -> None:
    for story in (template, other_origin, twin):
        assert verdict(story.rledger, story.final, *story.pinned) == (0, "valid", set())


def test_a_receipt_of_another_log_is_invalid(template: Story, other_origin: Story) -> None:
    code, found, wrong = verdict(template.rledger, other_origin.final, *template.pinned)

    assert (code, found) == (1, "invalid")
    assert {("entry", "fail"), ("checkpoint", "fail"), ("anchor", "fail")} <= wrong


def test_a_trust_file_of_another_log_is_invalid_whatever_chain_is_asked(template: Story, other_origin: Story) -> None:
    for rpc in (template.rledger.rpc(), other_origin.rledger.rpc()):
        code, found, _ = verdict(template.rledger, template.final, "--trust", other_origin.trust, "--rpc", rpc)

        assert (code, found) == (1, "invalid")


def test_a_receipt_signed_by_another_key_of_the_same_name_is_invalid(template: Story, twin: Story) -> None:
    code, found, wrong = verdict(template.rledger, twin.final, *template.pinned)

    assert (code, found) == (1, "invalid")
    assert ("checkpoint", "fail") in wrong


def test_a_receipt_whose_head_the_contract_does_not_hold_is_never_valid(template: Story, twin: Story) -> None:
    """The twin's chain holds another history at the same place: it contradicts, or has no such block."""
    code, found, wrong = verdict(
        template.rledger, template.final, "--trust", template.trust, "--rpc", twin.rledger.rpc()
    )

    assert (code, found) == (1, "invalid")
    assert wrong - {("block", "unknown")} == {("chain", "fail"), ("policy", "unknown")}  # its node has no such block


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("chain_id", 1),
        ("chain_genesis", "0x" + "11" * 32),
        ("code_hash", "0x" + "22" * 32),
    ],
)
def test_a_pin_to_another_chain_or_other_code_is_never_valid(
    template: Story, tmp_path: Path, member: str, value: object
) -> None:
    from ledger_service.core.registry import compute_log_id, compute_origin_hash

    pinned = json.loads(template.trust.read_bytes())
    target = pinned["targets"][0] | {member: value}
    target["log_id"] = "0x" + compute_log_id(
        target["chain_id"], bytes.fromhex(target["contract"][2:]),
        registrar=bytes.fromhex(target["registrar"][2:]), origin_hash=compute_origin_hash(pinned["origin"]),
    ).hex()  # fmt: skip
    pinned["targets"] = [target]
    path = tmp_path / "other.trust.json"
    path.write_text(json.dumps(pinned))

    code, found, _ = verdict(template.rledger, template.final, "--trust", path, "--rpc", template.rledger.rpc())

    assert code in (1, 3)
    assert found != "valid"


def test_a_pin_to_another_contract_is_invalid(template: Story, tmp_path: Path) -> None:
    from ledger_service.core.registry import compute_log_id, compute_origin_hash

    pinned = json.loads(template.trust.read_bytes())
    target = pinned["targets"][0]
    contract = bytes([7]) * 20
    target["contract"] = "0x" + contract.hex()
    target["log_id"] = "0x" + compute_log_id(
        target["chain_id"], contract, registrar=bytes.fromhex(target["registrar"][2:]),
        origin_hash=compute_origin_hash(pinned["origin"]),
    ).hex()  # fmt: skip
    path = tmp_path / "other.trust.json"
    path.write_text(json.dumps(pinned))

    code, found, wrong = verdict(template.rledger, template.final, "--trust", path, "--rpc", template.rledger.rpc())

    assert (code, found) == (1, "invalid")
    assert ("anchor", "fail") in wrong


def test_a_policy_of_two_targets_is_not_met_by_one(template: Story, other_origin: Story, tmp_path: Path) -> None:
    """One final anchor where two are required is inconclusive."""
    from ledger_service.core.registry import compute_log_id, compute_origin_hash

    pinned = json.loads(template.trust.read_bytes())
    second = dict(pinned["targets"][0], name="second", chain_id=1)
    second["log_id"] = "0x" + compute_log_id(
        1, bytes.fromhex(second["contract"][2:]), registrar=bytes.fromhex(second["registrar"][2:]),
        origin_hash=compute_origin_hash(pinned["origin"]),
    ).hex()  # fmt: skip
    pinned["targets"].append(second)
    pinned["policy"]["required"] = 2
    path = tmp_path / "two.trust.json"
    path.write_text(json.dumps(pinned))

    assert verdict(template.rledger, template.final, "--trust", path, "--rpc", template.rledger.rpc()) == (
        3, "inconclusive", {("policy", "unknown")},
    )  # fmt: skip


def test_an_empty_chain_of_the_same_kind_is_inconclusive_while_it_is_short_and_contradicts_when_it_is_long(
    template: Story, tmp_path: Path
) -> None:
    """A chain begun anew cannot say anything about a block that it has not reached yet."""
    arguments = template.final, "--trust", template.trust, "--rpc", f"embedded:{tmp_path}"
    with open_embedded(tmp_path, read_only=False) as chain:
        chain.mine()
    assert verdict(template.rledger, *arguments)[:2] == (3, "inconclusive")

    with open_embedded(tmp_path, read_only=False) as chain:
        for _ in range(20):
            chain.mine()
    assert verdict(template.rledger, *arguments)[:2] == (1, "invalid")


# --- a node over HTTP -----------------------------------------------------------------------------------------------


@pytest.fixture
def node(template: Story) -> Iterator[FakeNode]:
    """A node over HTTP that serves the ledger's chain."""
    with open_embedded(template.rledger.home / "chain", read_only=True) as chain, FakeNode(chain) as served:
        yield served


def test_a_node_over_http_that_tells_the_truth_makes_a_receipt_valid(template: Story, node: FakeNode) -> None:
    assert verdict(template.rledger, template.final, "--trust", template.trust, "--rpc", node.url) == (
        0,
        "valid",
        set(),
    )


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber", "eth_getCode", "eth_getStorageAt"])
def test_a_node_whose_error_is_hostile_text_is_inconclusive_and_escaped(
    template: Story, node: FakeNode, method: str
) -> None:
    node.fail(error(-32000, "\x1b[2J\x1b[32mvalid\u202e\u009b\r\nvalid: yes"), times=50, method=method)

    ended = template.rledger("verify", template.final, "--trust", template.trust, "--rpc", node.url)

    assert node.asked(method) > 0
    assert ended.code == 3, ended.reported
    assert all(line.isprintable() for line in (ended.out + ended.err).splitlines())
    assert not any(line.startswith("valid") for line in ended.out.splitlines())
    assert "hunter2" not in ended.out + ended.err
    assert "secret" not in ended.out + ended.err


def test_a_node_of_another_chain_is_inconclusive(template: Story, node: FakeNode) -> None:
    from tests.chain.fake_node import instead

    node.fail(instead("0x1"), times=5, method="eth_chainId")

    code, found, wrong = verdict(template.rledger, template.final, "--trust", template.trust, "--rpc", node.url)

    assert (code, found) == (3, "inconclusive")
    assert ("chain", "unknown") in wrong
