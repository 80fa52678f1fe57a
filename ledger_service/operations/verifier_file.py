"""The verifier as one file, as it was built and committed: for packages, and for whoever downloads it.

Promises: always the same bytes. Does not: make it (`scripts/build_verifier` does) or know what it verifies.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ledger_service
from ledger_service.core.package import VERIFIER

__all__ = ["VERIFIER", "verifier_file"]


@cache
def verifier_file() -> bytes:
    """Return the file."""
    return (Path(ledger_service.__file__).parent / "web" / "static" / VERIFIER).read_bytes()
