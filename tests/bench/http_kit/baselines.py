"""What the ledger's endpoint is compared with: the same body over the same server, and less work behind it.

`validate_only` parses and checks the body as the ledger does, and answers. `bare_group_commit` also stores its bytes:
one thread commits what came meanwhile, with WAL and `synchronous=FULL` as the ledger has them, and then syncs a small
file beside the database, as the ledger does with its high-water mark; `bare_one_sync` leaves that out.
`orm_insert_each` inserts the bytes in a SQLModel session and commits, in a SQLite file as it comes (a rollback journal,
durable commits): the least that a commit for each request costs. `orm_commit_each` does the ledger's work for a step as
a web developer writes it first, in a session and a commit of its own (`orm_service.py` says what, and what it leaves
out); `orm_commit_each_wal` is the same over a write-ahead log. The collector of each rests as that of the ledger does:
where it walks all that a process imported, 32 requests wait for 80 ms, which says nothing of what they ask for.

    python -m tests.bench.http_kit.baselines NAME PORT FOLDER
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from sqlmodel import Field, Session, SQLModel, create_engine

from ledger_service.api.bodies import body_of
from ledger_service.api.respond import document
from ledger_service.api.wire import StepRequest
from ledger_service.cli.serve import settle_memory
from tests.bench.http_kit.orm_service import orm_commit_each, orm_commit_each_wal

PATH = "/v1/returns/{return_id}/transitions"
StepBody = Annotated[StepRequest, Depends(body_of(StepRequest))]
GROUP_MAX = 256
MARK_BYTES = 4_096


class RecordedStep(SQLModel, table=True):
    """A step as a plain table holds it."""

    id: int | None = Field(default=None, primary_key=True)
    return_id: str = Field(index=True)
    verb: str
    body: bytes


def validate_only(_folder: Path) -> FastAPI:
    """Return an application that checks the body."""
    app = FastAPI()

    @app.post(PATH)
    async def validate(return_id: str, body: StepBody) -> Response:
        return document({"return_id": return_id, "verb": body.verb}, status=201)

    return app


def bare_group_commit(folder: Path) -> FastAPI:
    """Return an application that checks the body and stores it with all that came meanwhile, marked outside."""
    return _grouped(_Group(folder / "group.sqlite3", mark=folder / "group.mark"))


def bare_one_sync(folder: Path) -> FastAPI:
    """Return the same without the mark."""
    return _grouped(_Group(folder / "group-one.sqlite3", mark=None))


def _grouped(group: _Group) -> FastAPI:
    app = FastAPI()

    @app.post(PATH)
    async def store(request: Request, return_id: str, body: StepBody) -> Response:
        row = await group.insert(return_id, body.verb, request.state.body)
        return document({"return_id": return_id, "verb": body.verb, "id": row}, status=201)

    return app


def orm_insert_each(folder: Path) -> FastAPI:
    """Return an application with a session, an insert and a commit for each request."""
    app = FastAPI()
    engine = create_engine(f"sqlite:///{folder / 'orm-insert.sqlite3'}", connect_args={"timeout": 60})
    SQLModel.metadata.tables["recordedstep"].create(engine)

    @app.post(PATH)
    def store(request: Request, return_id: str, body: StepBody) -> Response:
        with Session(engine) as session:
            step = RecordedStep(return_id=return_id, verb=body.verb, body=request.state.body)
            session.add(step)
            session.commit()
            session.refresh(step)
            return document({"return_id": return_id, "verb": body.verb, "id": step.id}, status=201)

    return app


class _Group:
    """One thread that inserts what has come since its last commit."""

    def __init__(self, path: Path, *, mark: Path | None) -> None:
        self._path = path
        self._mark = None if mark is None else os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
        if self._mark is not None:
            os.pwrite(self._mark, bytes(MARK_BYTES), 0)
            os.fsync(self._mark)
        self._waiting: deque[tuple[asyncio.Future[int], tuple[str, str, bytes]]] = deque()
        self._some = threading.Event()
        threading.Thread(target=self._write, daemon=True).start()

    async def insert(self, return_id: str, verb: str, body: bytes) -> int:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._waiting.append((future, (return_id, verb, body)))
        self._some.set()
        return await future

    def _write(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE steps (id INTEGER PRIMARY KEY, return_id TEXT, verb TEXT, body BLOB)")
        last = 0
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "INSERT INTO steps (return_id, verb, body) VALUES (?, ?, ?)", [row for _, row in group]
                )
                connection.execute("COMMIT")
                first, last = last + 1, last + len(group)
                if self._mark is not None:
                    os.pwrite(self._mark, last.to_bytes(8).ljust(MARK_BYTES, b"\0"), 0)
                    os.fdatasync(self._mark)
                futures = [future for future, _ in group]
                futures[0].get_loop().call_soon_threadsafe(_answer, futures, first)


def _answer(futures: list[asyncio.Future[int]], first: int) -> None:
    for n, future in enumerate(futures):
        if not future.done():
            future.set_result(first + n)


BASELINES: dict[str, Callable[[Path], FastAPI]] = {
    "validate_only": validate_only,
    "bare_group_commit": bare_group_commit,
    "bare_one_sync": bare_one_sync,
    "orm_insert_each": orm_insert_each,
    "orm_commit_each": orm_commit_each,
    "orm_commit_each_wal": orm_commit_each_wal,
}


def main() -> None:
    """Serve one of them on the loopback address."""
    name, port, folder = sys.argv[1:]
    app = BASELINES[name](Path(folder))
    settle_memory()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
