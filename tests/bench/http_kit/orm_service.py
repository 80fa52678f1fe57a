"""The service that a web developer writes first: the ledger's work for one step, in a SQLModel session and a commit.

For each request: the API key by its prefix, its secret compared by SHA-256; the idempotency key looked up, and with it
the answer that it led to; the return loaded, the step checked against its state; an entry as JSON that names the one
before by its SHA-256, signed with Ed25519; entry, return and idempotency key written; one commit; the answer, with the
signature. Not done: a tree and its proofs, values under keys of their own, rules and clocks, a mark outside.

The file is SQLite's as it comes (a rollback journal, durable commits) or with a write-ahead log that is synced at each
commit. Writers take the lock at once, as SQLAlchemy's manual advises: two that read first would refuse each other.
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from sqlalchemy import Engine, event, insert
from sqlmodel import Field, Session, SQLModel, create_engine, select

from ledger_service.api.bodies import body_of
from ledger_service.api.respond import document
from ledger_service.api.wire import StepRequest

KNOWN = "known.json"  # in the folder: the keys and returns that the service begins with
STEPS = {  # verb: from which states, to which
    "request_info": (("requested",), "info_requested"),
    "withdraw_request": (("requested", "info_requested"), "withdrawn"),
    "close": (("withdrawn",), "closed"),
}
StepBody = Annotated[StepRequest, Depends(body_of(StepRequest))]


class ApiKey(SQLModel, table=True):
    """Who may ask."""

    prefix: str = Field(primary_key=True)
    secret_sha256: bytes


class ReturnCase(SQLModel, table=True):
    """A return as it stands."""

    return_id: str = Field(primary_key=True)
    state: str
    count: int
    head: str


class SignedEntry(SQLModel, table=True):
    """A recorded step."""

    id: int | None = Field(default=None, primary_key=True)
    return_id: str = Field(index=True)
    entry: bytes
    signature: bytes


class Answered(SQLModel, table=True):
    """What a request under a key led to."""

    prefix: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: bytes
    answer: bytes


def prepare_service(folder: Path, token: str, return_ids: list[str]) -> None:
    """Leave what the service begins with: who may ask, and the returns that are there."""
    _, prefix, secret = token.split("_", 2)
    known = {"prefix": prefix, "secret_sha256": sha256(secret.encode()).hexdigest(), "return_ids": return_ids}
    (folder / KNOWN).write_text(json.dumps(known))


def orm_commit_each(folder: Path) -> FastAPI:
    """Return the service over a SQLite file as it comes."""
    return _service(_engine(folder / "orm.sqlite3", wal=False), folder)


def orm_commit_each_wal(folder: Path) -> FastAPI:
    """Return the service over a write-ahead log."""
    return _service(_engine(folder / "orm-wal.sqlite3", wal=True), folder)


def _engine(path: Path, *, wal: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def prepared(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def lock(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _service(engine: Engine, folder: Path) -> FastAPI:
    app = FastAPI()
    signing_key = Ed25519PrivateKey.generate()
    _fill(engine, json.loads((folder / KNOWN).read_text()))

    @app.post("/v1/returns/{return_id}/transitions")
    def record(
        request: Request,
        return_id: str,
        body: StepBody,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str, Header()],
    ) -> Response:
        with Session(engine) as session:
            prefix = _caller(session, authorization)
            asked = sha256(request.url.path.encode() + request.state.body).digest()
            done = session.get(Answered, (prefix, idempotency_key))
            if done is not None:
                if done.request_sha256 != asked:
                    raise HTTPException(422, "the key was used for another request")
                return Response(done.answer, 201, media_type="application/json")
            answer = document(_recorded(session, signing_key, return_id, body), status=201)
            kept = Answered(prefix=prefix, key=idempotency_key, request_sha256=asked, answer=bytes(answer.body))
            session.add(kept)
            session.commit()
            return answer

    return app


def _recorded(session: Session, signing_key: Ed25519PrivateKey, return_id: str, body: StepRequest) -> dict[str, Any]:
    """Take the return one step further, and return what is answered."""
    case = session.get(ReturnCase, return_id)
    if case is None:
        raise HTTPException(404, "there is no such return")
    states, state = STEPS.get(body.verb, ((), ""))
    if case.state not in states:
        raise HTTPException(409, f"{body.verb} is not possible while a return is {case.state}")
    entry = _entry(case, body, state)
    signature = signing_key.sign(entry)
    recorded = SignedEntry(return_id=return_id, entry=entry, signature=signature)
    case.state, case.count, case.head = state, case.count + 1, sha256(entry).hexdigest()
    session.add_all((recorded, case))
    session.flush()
    return {"id": recorded.id, "entry": entry.decode(), "signature": signature.hex(), "state": state}


def _caller(session: Session, authorization: str) -> str:
    """Return the prefix of the key that a request comes with."""
    scheme, _, token = authorization.partition(" ")
    kind, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    key = session.exec(select(ApiKey).where(ApiKey.prefix == prefix)).first()
    if scheme != "Bearer" or kind != "rlk" or key is None:
        raise HTTPException(401, "a key is needed")
    if not hmac.compare_digest(sha256(secret.encode()).digest(), key.secret_sha256):
        raise HTTPException(401, "a key is needed")
    return prefix


def _entry(case: ReturnCase, body: StepRequest, state: str) -> bytes:
    entry = {
        "return_id": case.return_id,
        "seq": case.count,
        "prev": case.head,
        "verb": body.verb,
        "from_state": case.state,
        "to_state": state,
        "fields": body.fields,
        "asserted_by": None if body.asserted_by is None else body.asserted_by.model_dump(),
        "occurred_at": body.occurred_at,
        "recorded_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def _fill(engine: Engine, known: dict[str, Any]) -> None:
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(ApiKey(prefix=known["prefix"], secret_sha256=bytes.fromhex(known["secret_sha256"])))
        rows = [{"return_id": one, "state": "requested", "count": 1, "head": "0" * 64} for one in known["return_ids"]]
        session.execute(insert(ReturnCase), rows)
        session.commit()
