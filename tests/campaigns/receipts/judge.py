"""A verifier under test: the product's, or a copy of it with one check taken out.

A planted copy is the product's own source text in a package of another name, with one exact replacement, so that the
campaign shows what it would find if that check were missing. The product itself is not touched.
"""

from __future__ import annotations

import dataclasses
import importlib
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ledger_service
from ledger_service.core.facts import Answer, Question
from tests.campaigns.receipts.world import Base, World

SOURCE = Path(ledger_service.__file__).parent
VALID = "valid"
STATED = b'"header"'  # stands in a receipt whose anchor has a state proof, which can be valid without a node


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a verifier said: verdict, failed or unknown checks, and the processor seconds of the slower call."""

    verdict: str
    against: tuple[str, ...]
    seconds: float


class Verifier:
    """`verify` and `questions` of one package, with answers carried across."""

    def __init__(self, package: str = "ledger_service") -> None:
        self._verify = importlib.import_module(f"{package}.core.verify")
        self._facts = importlib.import_module(f"{package}.core.facts")
        self._trust = importlib.import_module(f"{package}.core.trust")
        self.error: type[Exception] = importlib.import_module(f"{package}.errors").LedgerError
        self._parsed: dict[bytes, Any] = {}
        self._own = package == "ledger_service"

    def trust(self, data: bytes) -> Any:
        """Return the parsed trust file; raises this package's `LedgerError` if it is none."""
        if data not in self._parsed:
            self._parsed[data] = self._trust.parse_trust(data)
        return self._parsed[data]

    def judge(
        self, world: World, base: Base, data: bytes, *, trust: bytes | None = None, offline: bool = False
    ) -> Judgement:
        """Verify a file with what the receipt's own node truthfully answers to the questions that it raises.

        `offline`: nobody is asked; whoever verifies gives the hashes of final blocks instead (`--block-hash`).
        """
        pinned = self.trust(base.trust if trust is None else trust)
        started = time.thread_time()
        asked = self._verify.questions(data, pinned)
        spent = time.thread_time() - started
        node = base.log.node
        answers = [] if offline else self._answers(world.ask(node, [Question(**_fields(one)) for one in asked]))
        hashes = world.block_hashes(node, pinned.targets) if offline else ()
        started = time.thread_time()
        report = self._verify.verify(data, pinned, answers, block_hashes=hashes)
        verdict = report.verdict.value
        spent = max(spent, time.thread_time() - started)
        against = tuple(f"{one.name}: {one.detail}" for one in report.checks if one.outcome.value != "pass")
        return Judgement(verdict, against, spent)

    def _answers(self, answers: Sequence[Answer]) -> list[Any]:
        if self._own:
            return list(answers)
        carried = []
        for answer in answers:
            fields = _fields(answer)
            if fields["question"] is not None:
                fields["question"] = self._facts.Question(**_fields(fields["question"]))
            carried.append(getattr(self._facts, type(answer).__name__)(**fields))
        return carried


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


@contextmanager
def planted(folder: Path, name: str, changes: Sequence[tuple[str, str, str]]) -> Iterator[Verifier]:
    """Yield a verifier made of the product's core with texts replaced.

    Args:
        folder: Where the copy may stand.
        name: The copy's package, a name that nothing else has.
        changes: (module, text, replacement); each text stands exactly once in its module.
    """
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copyfile(SOURCE / "errors.py", package / "errors.py")
    shutil.copytree(SOURCE / "core", package / "core", ignore=shutil.ignore_patterns("__pycache__"))
    for path in package.rglob("*.py"):
        path.write_text(path.read_text().replace("ledger_service", name))
    for module, text, replacement in changes:
        path = package / f"{module}.py"
        source = path.read_text()
        if source.count(text) != 1:
            raise AssertionError(f"{name}: {text!r} stands {source.count(text)} times in {module}: adapt the weakness")
        path.write_text(source.replace(text, replacement))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield Verifier(name)
    finally:
        sys.path.remove(str(folder))
        for loaded in [one for one in sys.modules if one == name or one.startswith(name + ".")]:
            del sys.modules[loaded]
