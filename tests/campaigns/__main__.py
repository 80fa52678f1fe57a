"""Run attacks and crash tests by name: the program behind `scripts/campaign`.

A campaign is a module of this folder with `run(short: bool, seed: int) -> dict` that returns what it counted and
raises AssertionError where a promise was broken. The seed is printed first, so that a failure can be repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import sys
import time
import traceback
from pathlib import Path

from tests.programs import load, names, unknown

FOLDER = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None, folder: Path = FOLDER, *, package: str = "tests.campaigns") -> int:
    """Run the named campaigns in order; 0 when all held, 1 when one was broken, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="scripts/campaign", description="Attack the ledger for a long time.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names(folder)))
    parser.add_argument("--short", action="store_true", help="the form that the test suite runs")
    parser.add_argument("--seed", type=int, help="repeat an earlier run (default: a random one, printed)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    asked = parser.parse_args(arguments)
    problem = unknown(asked.names, names(folder), what="campaign")
    if problem:
        sys.stderr.write(f"scripts/campaign: error: {problem}\n")
        return 2

    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    results: dict[str, dict[str, object]] = {}
    for name in asked.names:
        sys.stderr.write(f"{name}: started with --seed {seed}\n")
        started = time.monotonic()
        outcome: dict[str, object] = {"seed": seed}
        try:
            with contextlib.redirect_stdout(sys.stderr):
                outcome |= {"held": True, "counts": load(package, name, "run")(short=asked.short, seed=seed)}
        except AssertionError as error:
            traceback.print_exc()
            outcome |= {"held": False, "broken": str(error)}
        results[name] = outcome | {"seconds": round(time.monotonic() - started, 1)}
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if asked.json else table(results))
    return 0 if all(result["held"] for result in results.values()) else 1


def table(results: dict[str, dict[str, object]]) -> str:
    """Return one line for each campaign and one for each count."""
    lines = []
    for name, result in results.items():
        verdict = "held" if result["held"] else f"BROKEN: {result['broken']}"
        lines.append(f"{name}: {verdict} (seed {result['seed']}, {result['seconds']} s)")
        counts = result.get("counts")
        if isinstance(counts, dict):
            lines.extend(f"  {key}: {json.dumps(value)}" for key, value in counts.items())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
