"""Promises of `scripts/bench` and `scripts/campaign`: the shape of their answers and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.campaigns import __main__ as campaign

BENCHMARK = """
def measure(short):
    print("talk")
    return {"figures": {"rows": 10 if short else 1000}, "ratios": {"vs_raw": 0.5}}
"""
CAMPAIGN = """
def run(short, seed):
    assert seed != 13, "an acknowledged entry is gone"
    return {"cycles": 2 if short else 100}
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `planted_programs` with one benchmark and one campaign, importable for one test."""
    folder = tmp_path / "planted_programs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "quick.py").write_text(BENCHMARK)
    (folder / "kill.py").write_text(CAMPAIGN)
    (folder / "test_quick.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for module in [name for name in sys.modules if name.startswith("planted_programs")]:
        monkeypatch.delitem(sys.modules, module)
    return folder


def test_bench_prints_one_document_and_keeps_talk_off_it(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = bench.main(["quick", "--short", "--json"], planted, package="planted_programs")

    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert code == 0
    assert set(answer) == {"quick"}
    assert set(answer["quick"]) == {"figures", "ratios", "machine", "commit"}
    assert answer["quick"]["figures"] == {"rows": 10}
    assert "talk" in printed.err


def test_bench_prints_a_table_for_a_person(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["quick"], planted, package="planted_programs") == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["figure", "rows", "1000"] in lines
    assert ["ratio", "vs_raw", "0.5"] in lines


@pytest.mark.parametrize("asked", [["missing"], ["quick", "missing"], ["test_quick"], []])
def test_an_unknown_or_absent_name_is_a_usage_error_that_lists_the_known(
    asked: list[str], planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(asked, planted, package="planted_programs") == 2
    assert campaign.main(asked, planted, package="planted_programs") == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("there are: kill, quick") == 2


def test_a_campaign_that_holds_ends_with_0_and_its_counts(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = campaign.main(["kill", "--seed", "7", "--json"], planted, package="planted_programs")

    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    assert answer["kill"]["held"] is True
    assert answer["kill"]["counts"] == {"cycles": 100}
    assert answer["kill"]["seed"] == 7


def test_a_broken_campaign_ends_with_1_and_names_its_seed(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = campaign.main(["kill", "--seed", "13"], planted, package="planted_programs")

    assert code == 1
    assert "BROKEN: an acknowledged entry is gone (seed 13" in capsys.readouterr().out


def test_a_package_that_offers_a_campaign_has_a_name_too_and_one_of_parts_has_none(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package, offered in (("whole", CAMPAIGN), ("parts", "")):
        (planted / package).mkdir()
        (planted / package / "__init__.py").write_text(offered)

    assert campaign.main(["whole", "--short", "--json"], planted, package="planted_programs") == 0
    assert json.loads(capsys.readouterr().out)["whole"]["counts"] == {"cycles": 2}
    assert campaign.main(["parts"], planted, package="planted_programs") == 2
    assert "there are: kill, quick, whole" in capsys.readouterr().err
