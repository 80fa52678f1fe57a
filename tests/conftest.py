"""The house rules of every test: loopback only, hypothesis profiles, and the fixtures that all folders share."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.unmeasured import is_unmeasured

pytest_plugins = ["tests.postgres"]

ROOT = Path(__file__).resolve().parents[1]
MEASURED = {"COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"}  # by these a program finds out that it is measured
LOOPBACK_NAMES = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"}

# Deadlines measure the machine, not the code. CI repeats the same examples in every run; a developer's runs explore.
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", deadline=None, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

# Whoever starts the tests in the background of a script has them ignore Ctrl-C, and every program that they start too:
# one that waits for it would wait for ever. What is caught here is at its default in a program.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the measuring away from tests that count for no coverage."""
    for item in items:
        if is_unmeasured(item):
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """Tell the collector that the tests stay: walking all of them again and again took a twelfth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let the programs that a test without coverage starts run without it too: they take half as long again with it."""
    measured = [] if item.get_closest_marker("no_cover") is None else [name for name in os.environ if name in MEASURED]
    kept = {name: os.environ.pop(name) for name in measured}
    try:
        return (yield)
    finally:
        os.environ.update(kept)


@pytest.fixture(scope="session", autouse=True)
def no_name_lookups() -> Iterator[None]:
    """Answer every look-up of another host's name with "unknown": pytest-socket guards connections only."""
    real = socket.getaddrinfo

    def loopback_only(host: Any, *arguments: Any, **keywords: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else (host or "")
        if name not in LOOPBACK_NAMES:
            raise socket.gaierror(socket.EAI_NONAME, f"tests look up no other host than this one: {name}")
        return real(host, *arguments, **keywords)

    socket.getaddrinfo = loopback_only
    yield
    socket.getaddrinfo = real


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `../shared` with real samples and published vectors; it is beside the project, not part of it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is not beside this checkout: real samples and published vectors are not tested")
    return folder
