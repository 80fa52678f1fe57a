"""Run one world again: `python -m tests.simulator --seed N [--steps N] [--trace]`; the same seed, the same trace."""

from __future__ import annotations

import argparse
import sys

from tests.simulator.world import BrokenError, World

STEPS = 300


def main(arguments: list[str] | None = None) -> int:
    """Run the world of a seed; 0 when all held, 1 when something was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="Run one simulated world again.")
    parser.add_argument("--seed", type=int, required=True, help="which world")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"how many steps before the calm (default: {STEPS})")
    parser.add_argument("--trace", action="store_true", help="print what happened, line by line")
    asked = parser.parse_args(arguments)
    world = World(asked.seed)
    broken = ""
    try:
        world.run(asked.steps)
    except BrokenError as error:
        broken = str(error)
    if asked.trace:
        sys.stdout.write(world.shown() + "\n")
    if broken:
        sys.stderr.write(broken + "\n")
        return 1
    sys.stdout.write(f"seed {asked.seed}: held, {world.watch.finalized} heads final, {world.log.size()} entries\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
