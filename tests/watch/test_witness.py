"""The witness cosigns what continues the log, and answers everything else as c2sp.org/tlog-witness says."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import Checkpoint, parse_signature, sign_checkpoint
from ledger_service.core.contradiction import Kind, parse_contradiction
from ledger_service.core.cosignature import witness_key
from ledger_service.core.report import Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.watch.durable import BrokenStateError
from ledger_service.watch.witness import BODY_BYTES_MAX, SIZE_TYPE, Answer, Witness
from ledger_service.watch.witness_http import witness_app
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN
from tests.core.receipts import TRUST
from tests.watch.shown import ShownLog
from tests.watch.test_monitor import ENTRIES, OTHERS

NAME, TIME = "witness.example/eu", 1_793_701_400
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
KEY = witness_key(NAME, PRIVATE)
LOG = ShownLog(ORIGIN, OLD_KEY, ENTRIES[:60])
LIE = LOG.fork(20, OTHERS[:60])
SECOND = dataclasses.replace(TRUST, origin="b.example", keys=(dataclasses.replace(TRUST.keys[0], name="b.example"),))


def witness(folder: Path, *trusts: Trust) -> Witness:
    """Return the witness of a folder, as after a start."""
    return Witness(folder, NAME, PRIVATE, trusts or (TRUST,), now=lambda: TIME + 0.9)


def asked(log: ShownLog, old: int, size: int, proof: list[bytes] | None = None) -> bytes:
    """Return a request for the cosignature of a head."""
    if proof is None:
        proof = [] if old in (0, size) else log.consistency(old, size)
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return "".join(line + "\n" for line in lines).encode() + b"\n" + log.note(size)


def cosigned(answer: Answer, head: Checkpoint) -> int:
    """Return the time of the cosignature that an answer holds."""
    assert answer.status == 200, answer
    lines = answer.body.decode().splitlines()
    assert len(lines) == 1
    return KEY.verify(parse_signature(lines[0]), head)


def evidence(folder: Path) -> list[Kind]:
    """Return the contradictions that the witness wrote down; each verifies offline."""
    files = [path.read_bytes() for path in sorted((folder / "evidence").glob("*"))]
    assert all(verify_contradiction(data, TRUST).verdict is Verdict.VALID for data in files)
    return [parse_contradiction(data).kind for data in files]


def test_heads_that_continue_the_log_are_cosigned_over_restarts(tmp_path: Path) -> None:
    old = 0
    for size in (1, 1, 7, 8, 31, 32, 33, 60):
        answer = witness(tmp_path).add(asked(LOG, old, size))

        assert cosigned(answer, LOG.head(size)) == TIME
        old = size


def test_several_logs_do_not_meet(tmp_path: Path) -> None:
    second = ShownLog("b.example", OLD_KEY, OTHERS[:9])
    both = witness(tmp_path, TRUST, SECOND)

    assert both.add(asked(LOG, 0, 30)).status == both.add(asked(second, 0, 9)).status == 200
    assert witness(tmp_path, SECOND, TRUST).add(asked(LOG, 9, 40)) == Answer(409, b"30\n", SIZE_TYPE)


def test_another_old_size_gets_the_size_that_was_cosigned(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 30))

    for old in (0, 29, 31):
        assert one.add(asked(LOG, old, 40)) == Answer(409, b"30\n", SIZE_TYPE)
    assert evidence(tmp_path) == []


def test_a_second_root_of_one_size_is_a_conflict_and_is_written_down(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 40))

    assert one.add(asked(LIE, 40, 40)) == Answer(409, b"40\n", SIZE_TYPE)
    assert one.add(asked(LIE, 0, 40)).status == 409
    assert evidence(tmp_path) == [Kind.TWO_ROOTS]


def test_a_fork_is_not_cosigned_and_is_written_down_where_the_proof_shows_it(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 41))

    assert one.add(asked(LIE, 41, 50, LOG.consistency(41, 50))).status == 422
    assert evidence(tmp_path) == []  # the proof leads nowhere: anybody can send one
    assert one.add(asked(LIE, 41, 50)).status == 422
    assert evidence(tmp_path) == [Kind.REWRITTEN]
    assert cosigned(one.add(asked(LOG, 41, 50)), LOG.head(50)) == TIME


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old 0\n" + LOG.note(9), 400),
        (b"old\n\n" + LOG.note(9), 400),
        (b"old 00\n\n" + LOG.note(9), 400),
        (b"old -1\n\n" + LOG.note(9), 400),
        (b"new 0\n\n" + LOG.note(9), 400),
        (f"old {2**63}\n\n".encode() + LOG.note(9), 400),
        (b"old 0\nxx\n\n" + LOG.note(9), 400),
        (b"old 0\nAAAA\n\n" + LOG.note(9), 400),
        (b"old 0\n" + base64.b64encode(bytes(32)).join([b"", b"\n"]) * 64 + b"\n" + LOG.note(9), 400),
        (b"old 0\n\nno note\n", 400),
        (asked(LOG, 10, 9, []), 400),
        (asked(ShownLog("other.example", OLD_KEY, ENTRIES[:9]), 0, 9), 404),
        (asked(ShownLog(ORIGIN, NEW_KEY, ENTRIES[:9]), 0, 9), 403),
        (asked(LOG, 0, 9, [bytes(32)]), 422),
        (b"old 0\n\n" + sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), OLD_KEY), 422),
    ],
)
def test_what_is_no_request_of_this_witness_is_refused(tmp_path: Path, body: bytes, status: int) -> None:
    one = witness(tmp_path)

    assert one.add(body).status == status
    assert cosigned(one.add(asked(LOG, 0, 9)), LOG.head(9)) == TIME


def test_the_head_is_durable_before_its_cosignature_leaves(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 30))
    document = next(tmp_path.glob("log-*.json"))
    (tmp_path / f".{document.name}.new").mkdir()  # the new document cannot be written

    with pytest.raises(IsADirectoryError):
        one.add(asked(LOG, 30, 40))
    assert one.add(asked(LOG, 40, 50)) == Answer(409, b"30\n", SIZE_TYPE)
    assert (
        post(witness_app(one, report=lambda _: None), "POST", "/add-checkpoint", asked(LOG, 30, 40)).status_code == 500
    )


def test_a_witness_that_lost_what_it_cosigned_does_not_start(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 30))
    one.add(asked(LOG, 30, 40))
    document = next(path for path in tmp_path.glob("log-*.json") if "previous" not in path.name)
    whole = document.read_bytes()

    for content in (whole[:60], b"{}"):
        document.write_bytes(content)
        with pytest.raises(BrokenStateError):
            witness(tmp_path)
    document.unlink()
    with pytest.raises(BrokenStateError):
        witness(tmp_path)
    document.write_bytes(whole)
    assert cosigned(witness(tmp_path).add(asked(LOG, 40, 41)), LOG.head(41)) == TIME


def test_of_two_heads_asked_for_at_once_one_is_cosigned(tmp_path: Path) -> None:
    one = witness(tmp_path)
    one.add(asked(LOG, 0, 20))
    answers: list[int] = []
    gate = threading.Barrier(8)

    def ask(body: bytes) -> None:
        gate.wait()
        answers.append(one.add(body).status)

    threads = [threading.Thread(target=ask, args=(asked((LOG, LIE)[n % 2], 20, 40 + n // 2),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, *[409] * 7]


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


def post(app: Any, method: str, path: str, body: bytes) -> httpx.Response:
    """Ask the application."""

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://witness.test") as client:
            return await client.request(method, path, content=body)

    return asyncio.run(run())


@pytest.fixture
def app(tmp_path: Path) -> tuple[Callable[..., Any], list[str]]:
    """The application of a witness, and what it reports."""
    told: list[str] = []
    return witness_app(witness(tmp_path), report=told.append), told


def test_over_http_it_answers_the_same(app: tuple[Any, list[str]]) -> None:
    served, told = app

    answer = post(served, "POST", "/add-checkpoint", asked(LOG, 0, 30))
    conflict = post(served, "POST", "/add-checkpoint", asked(LOG, 7, 30))

    assert KEY.verify(parse_signature(answer.text[:-1]), LOG.head(30)) == TIME
    assert (conflict.status_code, conflict.text, conflict.headers["content-type"]) == (409, "30\n", SIZE_TYPE)
    assert told == ["409: 30"]


def test_over_http_nothing_else_is_served(app: tuple[Any, list[str]]) -> None:
    served, _ = app

    assert post(served, "GET", "/add-checkpoint", b"").status_code == 405
    assert post(served, "POST", "/", b"").status_code == 404
    assert post(served, "POST", "/add-checkpoint", bytes(BODY_BYTES_MAX + 1)).status_code == 413
