"""Where the service's log lines go: JSON, one a line, on standard error.

Does not: say what is in them (`api/observe.py`).
"""

from __future__ import annotations

import sys


def configure_logs() -> None:
    """Make structlog write JSON lines with the time in UTC."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
