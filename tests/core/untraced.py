"""Tests of millions of calls, run without the tracer of the coverage measurement: it makes each call ten times dearer.

Nothing is hidden by it: what such a test reaches, smaller tests beside it reach too, and those are measured.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


def untraced(test: Callable[P, None]) -> Callable[P, None]:
    """Return the test, run without a tracer."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            test(*arguments, **named)
        finally:
            sys.settrace(tracer)

    return run
