"""Promises of how the program speaks: escaped text, one JSON document, exit codes that tell the truth."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ledger_service import errors
from ledger_service.cli import output
from ledger_service.core.pages.escaping import escaped
from ledger_service.errors import LedgerError
from tests.cli.conftest import Story
from tests.cli.program import COMMAND

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, LedgerError) and kind.__module__ == errors.__name__
]
EXPECTED = {
    errors.RefusedError: output.EXIT_REFUSED,
    errors.StoreError: output.EXIT_REFUSED,
    errors.ChainError: output.EXIT_REFUSED,
    errors.UnknownOutcomeError: output.EXIT_INCONCLUSIVE,
    errors.NodeUnreachableError: output.EXIT_INCONCLUSIVE,
    errors.WithheldError: output.EXIT_INCONCLUSIVE,
    errors.InvalidProofError: output.EXIT_INVALID,
    errors.EvidenceMismatchError: output.EXIT_INVALID,
    errors.EvidenceError: output.EXIT_USAGE,
    errors.FormatError: output.EXIT_USAGE,
    errors.SettingsError: output.EXIT_USAGE,
    errors.LedgerError: output.EXIT_USAGE,
}
HOSTILE = "a\x1b[2Jb\x07c\u202ed\u2066e\u009bf\u2028g\nh\rvalid"


def make(kind: type[LedgerError]) -> LedgerError:
    """Return an error of a class without running its constructor: only its class decides."""
    error = kind.__new__(kind)
    LedgerError.__init__(error, "what happened", hint="what to do")
    return error


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_has_the_exit_code_of_its_nearest_documented_class(kind: type[LedgerError]) -> None:
    nearest = next(parent for parent in kind.__mro__ if parent in EXPECTED)

    assert output.exit_code_of(make(kind)) == EXPECTED[nearest]


def test_hostile_text_is_shown_with_nothing_that_a_terminal_obeys() -> None:
    shown = escaped(HOSTILE)

    assert shown.isprintable()
    assert shown == r"a\x1b[2Jb\x07c\u202ed\u2066e\x9bf\u2028g\nh\rvalid"


def test_a_line_of_the_answer_is_one_line_whatever_is_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    """A line break in a node's error must not begin a line that looks like our verdict."""
    output.answer("the node refused: no\nvalid: yes")

    assert capfd.readouterr().out == "the node refused: no\\nvalid: yes\n"


def test_the_words_of_people_stay_as_they_are() -> None:
    assert escaped("Fuß 台灯 ¿qué? 🙂 “ok”") == "Fuß 台灯 ¿qué? 🙂 “ok”"


def test_json_keeps_every_value_and_no_character_that_a_terminal_obeys(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    value = {"file": HOSTILE, "tag": "\U000e0001", "undecodable": "\udcff", "lamp": "台灯"}

    output.answer_json(value)

    printed = capfdbinary.readouterr().out
    assert json.loads(printed) == value
    assert all(line.isprintable() for line in printed.decode().splitlines())
    assert "台灯" in printed.decode()


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (errors.StaleHeadError("moved on", hint="read again"), 4, ["error: moved on", "hint: read again"]),
        (OSError(28, "No space left on device", "/full"), 4, ["error: /full: no space left on device", "hint: "]),
        (OSError(30, "Read-only file system"), 4, ["error: read-only file system", "hint: "]),
        (PermissionError(13, "Permission denied", "a\x1b[1m"), 2, [r"error: a\x1b[1m: permission denied", "hint: "]),
        (KeyboardInterrupt(), 130, ["interrupted: nothing acknowledged is lost"]),
        (KeyError("secret\x1b"), 70, ["internal error: KeyError: ", "hint: "]),
    ],
)
def test_whatever_a_command_raises_ends_in_plain_words_and_its_exit_code(
    raised: BaseException, code: int, told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise raised

    with pytest.raises(SystemExit) as ended:
        output.run(command)

    printed = capfd.readouterr()
    assert ended.value.code == code
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert "\x1b" not in printed.err
    for words in told:
        assert f"rledger: {words}" in printed.err


def test_a_command_that_ends_well_raises_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    output.run(lambda: output.answer("done"))

    assert capfd.readouterr().out == "done\n"


def test_progress_is_one_line_a_stage_where_no_terminal_is(capfd: pytest.CaptureFixture[str]) -> None:
    stages = output.Stages()

    for done in range(1, 4):
        stages("entries", done, 3)

    assert capfd.readouterr().err == "rledger: entries: 3\n"


def test_progress_is_redrawn_on_a_terminal() -> None:
    """A pseudo-terminal as standard error sees every step on one line."""
    leader, follower = os.openpty()
    code = "from ledger_service.cli.output import Stages; s = Stages(); s('entries', 1, 2); s('entries', 2, 2)"

    with subprocess.Popen([sys.executable, "-c", code], stderr=follower) as process:
        os.close(follower)
        process.wait(30)
    shown = os.read(leader, 4096)
    os.close(leader)

    assert shown == b"\rrledger: entries: 1 of 2\rrledger: entries: 2 of 2\r\n"


def test_a_reader_that_goes_away_changes_no_exit_code(template: Story, tmp_path: Path) -> None:
    """Half of the verdicts unread is no reason to end with 0: the last of many receipts is not valid."""
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}.receipt.json").write_bytes(b"{}" if number == 299 else template.young.read_bytes())

    process = template.rledger.start("verify", many, "--trust", template.trust)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == output.EXIT_INVALID
    assert b"Traceback" not in told
    assert b"BrokenPipe" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_never_exit_code_0(template: Story) -> None:
    with Path("/dev/full").open("wb") as full, template.rledger.start("show", stdout=full) as process:
        _, told = process.communicate(timeout=60)

    assert process.returncode == output.EXIT_INTERNAL
    assert b"rledger: error: the answer could not be written" in told
    assert b"Traceback" not in told


def test_a_closed_standard_output_is_told(template: Story) -> None:
    closed = 'exec "$@" >&-'
    ended = subprocess.run(
        ["sh", "-c", closed, "sh", *COMMAND, "show"],
        env=template.rledger.environment(),
        stderr=subprocess.PIPE,
        check=False,
    )

    assert ended.returncode == output.EXIT_INTERNAL
    assert b"it is closed" in ended.stderr


def test_a_terminal_of_another_encoding_gets_escapes_and_json_stays_utf8(template: Story) -> None:
    narrow = template.rledger.with_settings()
    environment = narrow.environment() | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    receipt = subprocess.run([*COMMAND, "receipt", "1"], env=environment, capture_output=True, check=False)
    doctor = subprocess.run([*COMMAND, "doctor"], env=environment, capture_output=True, check=False)

    assert receipt.stdout == template.final.read_bytes()
    assert doctor.returncode == 0
    assert rb"postgresql+psycopg://\u2026" in doctor.stdout


def test_nothing_printed_carries_colour(template: Story) -> None:
    """Neither in a pipe nor where colour is forced: NO_COLOR is kept because there is none to switch off."""
    environment = template.rledger.environment() | {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    for arguments in (["verify", template.young], ["verify", "-h"], ["verify", "--nosuch"]):
        ended = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, check=False)

        assert b"\x1b" not in ended.stdout + ended.stderr


def test_an_interrupt_ends_a_command_with_130_and_plain_words(template: Story, tmp_path: Path) -> None:
    """`record --fields -` waits for its reader: Ctrl-C there leaves nothing behind."""
    before = template.rledger.size()
    with template.rledger.start(
        "record", "request_return", "--as", "buyer:c", "--fields", "-", stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr is not None
        wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        code = process.wait(30)

    assert code == output.EXIT_INTERRUPTED
    assert told == b"rledger: interrupted: nothing acknowledged is lost\n"
    assert template.rledger.size() == before


def wait_until_it_reads(pid: int) -> None:
    """Poll until the process waits in a read of its standard input."""
    process, deadline = psutil.Process(pid), time.monotonic() + 30
    quiet = 0
    while quiet < 5:
        assert time.monotonic() < deadline
        quiet = quiet + 1 if process.cpu_percent(0.05) < 1 and process.status() == psutil.STATUS_SLEEPING else 0
