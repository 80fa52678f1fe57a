"""Every small way to spoil a JSON value: a member missing, added, of another type or another form, anywhere in it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

OTHERS: list[Any] = [
    None, True, False, 0, 1, -1, 2**53 - 1, "", "x", "X", " ", "0x", "null", "é", "a" * 65_000, [], [None], {},
    {"a": 1},
]  # fmt: skip


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of the value and of everything in it."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        yield from paths(item, (*path, name))


def at(value: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for name in path:
        value = value[name]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    """Return a copy with another value at a path."""
    if not path:
        return new
    value = copy.deepcopy(value)
    at(value, path[:-1])[path[-1]] = new
    return value


def spellings(text: str) -> list[str]:
    """Return texts that say nearly the same as `text`."""
    changed = [text.upper(), text + " ", " " + text, text + "\n", text[:-1], text + text[-1:], "0x" + text, text[2:]]
    changed += [text.replace("-", "/"), text.replace("Z", "+00:00"), text.replace(":", "."), text[::-1]]
    return [one for one in changed if one != text]


def spoil(value: Any) -> Iterator[tuple[str, Path, Any]]:
    """Yield what was done, where, and the spoiled copy; each differs from the value."""
    for path in paths(value):
        here = at(value, path)
        for other in OTHERS:
            if type(other) is not type(here) or other != here:
                yield f"is {other!r:.20}", path, replaced(value, path, other)
        if isinstance(here, dict):
            for name in here:
                yield "missing", (*path, name), replaced(value, path, {k: v for k, v in here.items() if k != name})
            yield "added", (*path, "zzz"), replaced(value, path, {**here, "zzz": None})
        elif isinstance(here, list):
            yield "longer by 1000", path, replaced(value, path, [*here, *(here or [None]) * 1000])
        elif isinstance(here, str):
            for spelling in spellings(here):
                yield f"is spelled {spelling!r:.20}", path, replaced(value, path, spelling)
