"""The modules of a folder that a person starts by name: benchmarks and campaigns, found and loaded in one way."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def names(folder: Path) -> list[str]:
    """Return the names that may be asked for: modules of `folder` that are neither private nor tests, and packages
    that offer something (an `__init__.py` with something in it)."""
    modules = [path.stem for path in folder.glob("*.py")]
    packages = [path.parent.name for path in folder.glob("*/__init__.py") if path.read_text().strip()]
    return sorted(name for name in modules + packages if not name.startswith(("_", "test_")) and name != "conftest")


def load(package: str, name: str, function: str) -> Callable[..., dict[str, Any]]:
    """Return `function` of the module `package.name`; AttributeError where the module does not offer it."""
    found: Callable[..., dict[str, Any]] = getattr(importlib.import_module(f"{package}.{name}"), function)
    return found


def unknown(asked: list[str], known: list[str], *, what: str) -> str | None:
    """Return the message for a request that cannot be met, or None when every name is known."""
    wrong = [name for name in asked if name not in known]
    choice = ", ".join(known) or "none yet"
    if wrong:
        return f"no {what} named {', '.join(wrong)}; there are: {choice}"
    return None if asked else f"name at least one {what}; there are: {choice}"
