"""The package of a case of 40 entries with 20 files: seconds to make it, and to verify it without a network.

Ours: the access entry, every page, receipt and original, hashed, listed and signed, as a nameless file on the disk.
Baseline, in the same rounds: the same files packed by Python's zipfile, and their SHA-256, from memory. The case is
anchored on the embedded chain before, so every receipt in it is final.
"""

from __future__ import annotations

import io
import random
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.chain.facts import answer_from
from ledger_service.core.report import Verdict
from ledger_service.core.verify_package import questions_of_package, verify_package
from ledger_service.operations.access import local_reader
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.package import export_package
from ledger_service.operations.record import record
from tests.core.packages import Bytes
from tests.operations.conftest import make_world
from tests.operations.world import BUYER, answer_step, ask_step, photo, request_step

ENTRIES, FILES = 40, 20
FILE_BYTES = 300_000  # a photo as a phone sends it after scaling
ROUNDS, ROUNDS_SHORT = 9, 5


def measure(short: bool) -> dict[str, Any]:
    """Return seconds of one package and the ratio to the baseline; `short` takes fewer rounds."""
    rounds = ROUNDS_SHORT if short else ROUNDS
    with tempfile.TemporaryDirectory(prefix="bench-package-") as name:
        folder = Path(name)
        world = make_world(folder / "home")
        world.found()
        with world.anchoring() as (ledger, node, anchorer):
            return_id = long_case(ledger, folder)
            anchorer.run()
            reader = local_reader(ledger, BUYER)
            data = b""
            made, bare = [], []
            for _ in range(rounds):
                started = time.perf_counter()
                with export_package(ledger, reader, return_id, folder=folder) as package:
                    data = b"".join(package.chunks())
                made.append(time.perf_counter() - started)
                contents = {one.filename: zipfile.ZipFile(io.BytesIO(data)).read(one) for one in _members(data)}
                bare.append(_timed(partial(_zip, contents)))
            trust = ledger.trust()
            anchorer.run()  # the access entries of the rounds
            with export_package(ledger, reader, return_id, folder=folder) as package:
                source = Bytes(b"".join(package.chunks()))
            answers = answer_from(node, questions_of_package(source, trust))
            checked = [_timed(partial(verify_package, source, trust, answers)) for _ in range(rounds)]
            verdict = verify_package(source, trust, answers).verdict
    assert verdict is Verdict.VALID, verdict  # what is measured is a whole package
    return {
        "figures": {
            "package_s": round(statistics.median(made), 3),
            "package_verify_s": round(statistics.median(checked), 3),
            "entries": ENTRIES,
            "files": FILES,
            "bytes": len(data),
        },
        "ratios": {"vs_zip_and_sha256": round(statistics.median(a / b for a, b in zip(made, bare, strict=True)), 1)},
    }


def long_case(ledger: Ledger, folder: Path) -> str:
    """Record a case of `ENTRIES` entries, `FILES` of them with a file."""
    rng = random.Random(0)

    def picture() -> Path:
        return photo(folder, b"\x89PNG\r\n\x1a\n" + rng.randbytes(FILE_BYTES))

    return_id = record(ledger, request_step(picture())).return_id
    for _ in range(FILES - 1):
        record(ledger, ask_step(return_id))
        record(ledger, answer_step(return_id, picture()))
    record(ledger, ask_step(return_id))
    assert len(list(ledger.read.entries_of(return_id))) == ENTRIES
    return return_id


def _members(data: bytes) -> list[zipfile.ZipInfo]:
    return zipfile.ZipFile(io.BytesIO(data)).infolist()


def _zip(contents: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
            sha256(content)
    return made.getvalue()


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
