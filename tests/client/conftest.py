"""One founded ledger with its service for a module's tests, as the tests of the API have it."""

from __future__ import annotations

from tests.api.conftest import service

__all__ = ["service"]
