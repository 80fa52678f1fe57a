"""What a kind of mutation is: a named function from one draw to the bytes of a changed file, or None where it cannot.

A kind is registered by its name; the names are what a campaign counts by.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.campaigns.receipts.document import write
from tests.campaigns.receipts.logs import Log
from tests.campaigns.receipts.world import Base, World

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw: the source of chance, the valid receipt to change, and the world around it."""

    rng: random.Random
    base: Base
    world: World

    def another(self, *, log: Log | None = None) -> Base:
        """Return another valid receipt, of `log` if given."""
        return self.rng.choice([one for one in self.world.bases if one is not self.base and log in (None, one.log)])

    def other_log(self) -> Log:
        """Return a log that is not the receipt's."""
        return self.rng.choice([log for log in self.world.logs if log is not self.base.log])


Kind = Callable[[Draw], bytes | None]
KINDS: dict[str, Kind] = {}


def kind(made: Kind) -> Kind:
    """Register a kind under its function's name."""
    assert made.__name__ not in KINDS
    KINDS[made.__name__] = made
    return made


def edit(change: Callable[[Draw, Any], Any]) -> Kind:
    """Register a kind that changes the parsed members in place; it returns False where it cannot, else nothing."""

    def made(draw: Draw) -> bytes | None:
        value = draw.base.value()
        return None if change(draw, value) is False else write(value)

    made.__name__ = change.__name__
    return kind(made)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the path of every value inside a value, without what stands under `unprotected`."""
    if isinstance(value, dict):
        for name, item in value.items():
            if at or name != "unprotected":
                yield (*at, name)
                yield from paths(item, (*at, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield (*at, place)
            yield from paths(item, (*at, place))


def get(value: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: Path, new: Any) -> None:
    """Set what stands at a path."""
    get(value, path[:-1])[path[-1]] = new


def some(draw: Draw, value: Any, wanted: Callable[[Any], bool]) -> Path | None:
    """Return a path at which something wanted stands, or None."""
    found = [path for path in paths(value) if wanted(get(value, path))]
    return draw.rng.choice(found) if found else None
