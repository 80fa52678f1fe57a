"""Promises of `scripts/bench` and `scripts/campaign`: the shape of their answers and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.limits.table import LIMITS, Limit, Side
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


LIMITED = (Limit("quick", "rows", Side.AT_MOST, 999), Limit("quick", "vs_raw", Side.AT_LEAST, 0.5))


@pytest.mark.parametrize(
    ("rows", "ratio", "code"),
    [
        ("999", "0.5", 0),
        ("999.1", "0.5", 1),
        ("999", "0.4999", 1),
        ("float('nan')", "0.5", 1),
        ("None", "0.5", 1),
        ("True", "0.5", 1),
    ],
)
def test_check_ends_with_1_if_a_figure_is_beyond_its_limit_or_is_none(
    planted: Path, capsys: pytest.CaptureFixture[str], rows: str, ratio: str, code: int
) -> None:
    (planted / "quick.py").write_text(
        f'def measure(short):\n    return {{"figures": {{"rows": {rows}}}, "ratios": {{"vs_raw": {ratio}}}}}\n'
    )

    assert bench.main(["quick", "--check"], planted, package="planted_programs", limits=LIMITED) == code

    printed = capsys.readouterr()
    assert ("MISSED" in printed.out) is (code == 1)
    assert ("missed: 1 of the limits above" in printed.err) is (code == 1)


def test_without_check_a_figure_may_be_anything(planted: Path) -> None:
    assert bench.main(["quick"], planted, package="planted_programs", limits=LIMITED) == 0


def test_check_tells_each_limit_in_the_document(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = (*LIMITED, Limit("quick", "not_measured", Side.AT_MOST, 1))

    assert bench.main(["quick", "--check", "--json"], planted, package="planted_programs", limits=limits) == 1

    assert json.loads(capsys.readouterr().out)["quick"]["limits"] == [
        {"name": "rows", "at most": 999, "measured": 1000, "held": False},
        {"name": "vs_raw", "at least": 0.5, "measured": 0.5, "held": True},
        {"name": "not_measured", "at most": 1, "measured": None, "held": False},
    ]


@pytest.mark.parametrize(
    ("asked", "words"),
    [(["quick", "--check", "--short"], "not for --short"), (["kill", "--check"], "no limits for kill")],
)
def test_what_cannot_be_checked_is_a_usage_error(
    planted: Path, capsys: pytest.CaptureFixture[str], asked: list[str], words: str
) -> None:
    assert bench.main(asked, planted, package="planted_programs", limits=LIMITED) == 2

    assert words in capsys.readouterr().err


def test_every_limit_is_of_a_figure_that_its_benchmark_names() -> None:
    for limit in LIMITS:
        source = (bench.FOLDER / f"{limit.benchmark}.py").read_text()
        assert f'"{limit.figure}":' in source, limit
