"""Measure by name and print figures and ratios: the program behind `scripts/bench`.

A benchmark is a module of this folder with `measure(short: bool) -> {"figures": {…}, "ratios": {…}}`. A ratio
compares with a baseline measured in the same run, interleaved, as the median of at least five rounds; figures
depend on the machine, which is named beside them. With `--json` standard output is one document. With `--check` figures
are held against the limits in `limits/table.py`, and one that is missed is exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.limits.table import LIMITS, Limit, Side, check_limits
from tests.programs import load, names, unknown

FOLDER = Path(__file__).resolve().parent


def main(
    arguments: list[str] | None = None,
    folder: Path = FOLDER,
    *,
    package: str = "tests.bench",
    limits: tuple[Limit, ...] = LIMITS,
) -> int:
    """Run the named benchmarks in order.

    Args:
        arguments: Of the command line; None: those of this process.
        folder: Where the benchmarks are.
        package: The name that they are imported under.
        limits: What `--check` holds them against.

    Returns:
        0 when all were measured and kept to their limits, 1 if one did not, 2 for a wrong request.
    """
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the ledger.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names(folder)))
    parser.add_argument("--short", action="store_true", help="smaller sizes, for a quick look; not for a report")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--check", action="store_true", help="exit code 1 if a figure is beyond its limit")
    asked = parser.parse_args(arguments)
    problem = unknown(asked.names, names(folder), what="benchmark")
    if not problem and asked.check:
        problem = _uncheckable(asked.names, limits, short=asked.short)
    if problem:
        sys.stderr.write(f"scripts/bench: error: {problem}\n")
        return 2

    where = {"machine": describe_machine(), "commit": describe_commit()}
    results: dict[str, dict[str, Any]] = {}
    missed = 0
    for name in asked.names:
        sys.stderr.write(f"measuring {name}\n")
        with contextlib.redirect_stdout(sys.stderr):  # what a benchmark says is talk, not the answer
            measured = load(package, name, "measure")(short=asked.short)
        results[name] = {"figures": measured["figures"], "ratios": measured["ratios"], **where}
        if asked.check:
            checked = check_limits(name, measured, limits)
            results[name]["limits"] = [one.as_json() for one in checked]
            missed += sum(not one.held for one in checked)
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if asked.json else table(results))
    if missed:
        sys.stderr.write(f"scripts/bench: missed: {missed} of the limits above\n")
    return 1 if missed else 0


def _uncheckable(asked: list[str], limits: tuple[Limit, ...], *, short: bool) -> str | None:
    """Return why these cannot be held against limits, or None."""
    if short:
        return "--check is not for --short: the limits are of the full sizes"
    limited = {limit.benchmark for limit in limits}
    free = [name for name in asked if name not in limited]
    return f"no limits for {', '.join(free)}; there are some for: {', '.join(sorted(limited))}" if free else None


def table(results: dict[str, Any]) -> str:
    """Return the results as aligned lines for a person."""
    lines = []
    for name, result in results.items():
        lines.append(f"{name}   ({result['machine']}, commit {result['commit']})")
        for kind in ("figures", "ratios"):
            for key, value in result[kind].items():
                shown = f"{value:,.4g}" if isinstance(value, float) else json.dumps(value)
                lines.append(f"  {kind[:-1]:<7} {key:<36} {shown}")
        for limit in result.get("limits", ()):
            side = next(one.value for one in Side if one.value in limit)
            held = "held" if limit["held"] else f"MISSED: {json.dumps(limit['measured'])}"
            lines.append(f"  limit   {limit['name']:<36} {side} {limit[side]:,g}, {held}")
    return "\n".join(lines) + "\n"


def describe_machine() -> str:
    """Return processor, count, system and Python, for whoever compares two figures."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    python = platform.python_version()
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, Python {python}"


def describe_commit() -> str:
    """Return the short commit id, with `-dirty` where files differ from it, or `unknown` outside a checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude", "*"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
