"""Where the service's log lines go: JSON, one a line, on standard error.

Lines of requests are written by a thread of their own, a tenth of a second late at most: a request that wrote its own
would wait for the terminal or the disk behind it, and the next one with it. Errors are written at once. Promises: at
the end of the process all are written; one that is killed loses those of its last moment. Does not: say what is in
them (`api/observe.py`).
"""

from __future__ import annotations

import atexit
import json
import sys
import threading
from collections import deque
from typing import Any, TextIO

FLUSH_SECONDS = 0.1


class Lines:
    """A logger of structlog's: takes finished lines."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream; the thread starts with the first line."""
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def info(self, line: str) -> None:
        """Write a line soon."""
        self._waiting.append(line)
        if self._thread is None:
            self._start()

    def error(self, line: str) -> None:
        """Write a line, and what waits before it, now."""
        self._waiting.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if lines:
                self._stream.write("\n".join([*lines, ""]))
                self._stream.flush()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._keep_flushing, name="log-lines", daemon=True)
        atexit.register(self.flush)
        self._thread.start()

    def _keep_flushing(self) -> None:
        pause = threading.Event()  # never set: the thread ends with the process
        while not pause.wait(FLUSH_SECONDS):
            self.flush()


_encode = json.JSONEncoder(ensure_ascii=False, default=repr).encode  # `json.dumps` would make one for each line


def _as_json(line: dict[str, Any], **_: Any) -> str:
    return _encode(line)


def configure_logs() -> None:
    """Make structlog write JSON lines with the time in UTC."""
    import structlog

    lines = Lines(sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(_as_json),
        ],
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
