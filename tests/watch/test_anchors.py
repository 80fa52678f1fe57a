"""What the contract holds is compared with the log that was shown; what cannot be told accuses nobody."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import httpx
import pytest

from ledger_service.core.report import Outcome, Verdict
from ledger_service.errors import FormatError
from ledger_service.watch.anchors import read_claims
from tests.watch.conftest import Real
from tests.watch.shown import ShownLog, watch


def chain(real: Real, log: ShownLog, folder: Path) -> tuple[Outcome, str]:
    """Return what a round says of the chain."""
    found = watch(log, real.trust, folder, rpcs=[real.rpc])
    check = next(one for one in found.report.checks if one.name == "chain")
    return check.outcome, check.detail


def test_every_final_anchor_is_of_the_log_that_was_shown(real: Real, tmp_path: Path) -> None:
    found = watch(real.shown, real.trust, tmp_path, reads=True, rpcs=[real.rpc])

    assert found.report.verdict is Verdict.VALID, found.report
    assert found.anchors == 1
    assert watch(real.shown, real.trust, tmp_path, rpcs=[real.rpc]).anchors == 1


def test_a_first_visitor_who_is_shown_another_log_learns_it_from_the_chain(real: Real, tmp_path: Path) -> None:
    """Nobody signed two things that this visitor saw; the contract holds what the others were shown."""
    lie = real.fork(1, [b"another step", *real.shown.entries[2:]])

    outcome, detail = chain(real, lie, tmp_path)

    assert outcome is Outcome.FAIL
    assert "another root" in detail


def test_a_log_that_shows_less_than_the_contract_holds_is_behind(real: Real, tmp_path: Path) -> None:
    less = ShownLog(real.shown.origin, real.shown.key, real.shown.entries[:2])

    outcome, detail = chain(real, less, tmp_path)

    assert outcome is Outcome.UNKNOWN
    assert "the log shows 2" in detail


@pytest.mark.parametrize("changed", [{"root": "00" * 32}, {"size": 2}, {"block_number": 1}, {"block_number": 10**9}])
def test_a_list_of_anchors_that_does_not_fit_the_contract_is_unknown(
    real: Real, tmp_path: Path, changed: dict[str, object]
) -> None:
    real.shown.anchors = [{**one, **changed} for one in real.shown.anchors]

    outcome, detail = chain(real, real.shown, tmp_path)

    assert outcome is Outcome.UNKNOWN
    assert "does not fit" in detail


def test_an_anchor_that_the_log_does_not_list_is_unknown(real: Real, tmp_path: Path) -> None:
    real.shown.anchors = []

    assert chain(real, real.shown, tmp_path)[0] is Outcome.UNKNOWN


def test_another_contract_fails_and_another_chain_says_nothing(real: Real, tmp_path: Path) -> None:
    def pinned(**target: object) -> Real:
        one = real.trust.targets[0]
        changed = dataclasses.replace(one, target=dataclasses.replace(one.target, **target))  # type: ignore[arg-type]
        return dataclasses.replace(real, trust=dataclasses.replace(real.trust, targets=(changed,)))

    assert chain(pinned(code_hash=bytes(32)), real.shown, tmp_path / "code")[0] is Outcome.FAIL
    assert chain(pinned(chain_genesis=bytes(32)), real.shown, tmp_path / "chain")[0] is Outcome.UNKNOWN
    assert chain(pinned(log_id=bytes(32)), real.shown, tmp_path / "log")[0] is Outcome.UNKNOWN


def test_a_node_that_cannot_be_asked_is_unknown(real: Real, tmp_path: Path) -> None:
    gone = dataclasses.replace(real, rpc=f"embedded:{tmp_path / 'nowhere'}")

    assert chain(gone, real.shown, tmp_path)[0] is Outcome.UNKNOWN


@pytest.mark.parametrize("value", [None, {}, {"items": 1}, {"items": [{"block_number": 1}]}])
def test_a_list_of_another_form_is_refused(value: dict[str, object] | None) -> None:
    with pytest.raises(FormatError):
        read_claims(value)


def test_anchors_in_no_block_yet_are_passed_over() -> None:
    assert read_claims({"items": [{"block_number": None}, 7], "next": None}) == {}


@pytest.mark.parametrize("sent", [httpx.Response(404), httpx.Response(200, content=b"{}")])
def test_a_list_that_cannot_be_had_is_unknown(real: Real, tmp_path: Path, sent: httpx.Response) -> None:
    real.shown.answers.append(lambda r: sent if r.url.path == "/v1/anchors" else None)

    assert chain(real, real.shown, tmp_path)[0] is Outcome.UNKNOWN
