"""The interpreter's recursion limit, taken back to what the C stack bears.

py_ecc, which py-evm, web3 and eth-account import, raises the limit to 100,000 frames for the whole process. At that
depth nested JSON from a stranger overflows the C stack and kills the process instead of raising RecursionError.
"""

from __future__ import annotations

import sys

RECURSION_LIMIT = 10 * 1024  # frames: 1,024 nested EVM calls fit, and json's C code raises well before its stack ends


def cap_recursion() -> None:
    """Lower the limit to `RECURSION_LIMIT`; call after importing any of those libraries."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), RECURSION_LIMIT))
