"""The `rledger` program as the tests call it: in this process where only its answers matter, as a child where the
process itself does (signals, pipes, imports, exit codes as a shell sees them).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ledger_service.cli.main import app

ENGLISH = {"LC_ALL": "C.UTF-8"}  # whatever language the machine speaks
BUYER, SELLER, PLATFORM = "buyer:c-17", "seller:s-3", "platform:desk-1"
REQUEST: dict[str, Any] = {
    "legal_basis": "non_conformity",
    "lines": [{"line_id": "l1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}],
    "language": "de",
    "buyer_country": "DE",
    "seller_country": "CN",
}
APPROVAL: dict[str, Any] = {"approved_lines": [{"line_id": "l1", "qty": 1}], "return_cost_payer": "seller"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call of the program ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one document on standard output; fails where anything else stands there."""
        return json.loads(self.out)

    @property
    def reported(self) -> str:
        """Everything printed, for a failure message."""
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


@dataclass(frozen=True, slots=True)
class Program:
    """The program with the settings of one ledger."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment of a child: this one's, without a ledger of the machine."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEDGER_")}
        return kept | {**ENGLISH, "LEDGER_HOME": str(self.home), **self.settings}

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Ended:
        """Call the program in this process."""
        settings = {**ENGLISH, "LEDGER_HOME": str(self.home), **self.settings}
        result = CliRunner().invoke(
            app, [str(argument) for argument in arguments], input=stdin, env=settings, prog_name="rledger"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments: str | Path, stdin: bytes = b"") -> Ended:
        """Call the program in this process and insist on exit code 0."""
        ended = self(*arguments, stdin=stdin)
        assert ended.code == 0, ended.reported
        return ended

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start the program as a child of its own."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            **{"env": self.environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def child(self, *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Ended:
        """Run the program as a child of its own."""
        with self.start(*arguments, stdin=subprocess.PIPE, cwd=cwd) as process:
            out, err = process.communicate(stdin, timeout=60)
        return Ended(process.returncode, out.decode(), err.decode())

    def copy(self, home: Path) -> Program:
        """Return the program with a copy of this ledger."""
        shutil.copytree(self.home, home)
        return Program(home, self.settings)

    def with_settings(self, **settings: str) -> Program:
        """Return the program with more settings, named without their prefix."""
        return Program(self.home, {**self.settings, **{f"LEDGER_{name.upper()}": v for name, v in settings.items()}})

    def size(self) -> int:
        """Return how many entries the ledger holds."""
        return int(self.done("show", "--json").json()["size"])

    def trust(self) -> Path:
        """Return the trust file that `deploy` left."""
        return self.home / "ledger.trust.json"

    def rpc(self) -> str:
        """Return where the verifier asks this ledger's demonstration chain."""
        return f"embedded:{self.home / 'chain'}"


COMMAND: Sequence[str] = (sys.executable, "-m", "ledger_service")


def fields(folder: Path, value: object, name: str = "fields.json") -> Path:
    """Write fields for `--fields` and return the file."""
    path = folder / name
    path.write_text(json.dumps(value))
    return path


def assert_told(ended: Ended, code: int, *words: str) -> None:
    """Insist on an exit code and an error that says what, why and what to do; never a stack trace."""
    assert ended.code == code, ended.reported
    assert ended.out == "", ended.reported
    assert "Traceback" not in ended.err, ended.reported
    assert "rledger: error: " in ended.err, ended.reported
    for word in words:
        assert word in ended.err, ended.reported
