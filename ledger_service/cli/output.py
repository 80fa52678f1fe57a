"""How the command line speaks: the answer on standard output, the talk on standard error, one exit code a meaning.

0 valid or done · 1 invalid · 2 usage · 3 inconclusive · 4 refused · 70 internal (design §7); 130, as shells have it,
after Ctrl-C. Everything that is printed passes `escaped`, so that text from a file, a node or a path cannot dress up
as our own; a JSON document is UTF-8 whatever the terminal's encoding is.

Promises: a reader that goes away (`| head`) changes no exit code; an answer that cannot be written is never exit
code 0. Does not: know any command.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import typer

from ledger_service.core.pages.escaping import escaped, hidden
from ledger_service.errors import (
    ChainError,
    EvidenceMismatchError,
    InvalidProofError,
    LedgerError,
    NodeUnreachableError,
    RefusedError,
    StoreError,
    UnknownOutcomeError,
    WithheldError,
)

EXIT_DONE = 0
EXIT_INVALID = 1
EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_REFUSED = 4
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

MEANINGS = {
    EXIT_DONE: "valid or done",
    EXIT_INVALID: "invalid",
    EXIT_USAGE: "usage",
    EXIT_INCONCLUSIVE: "inconclusive",
    EXIT_REFUSED: "refused",
    EXIT_INTERNAL: "internal",
    EXIT_INTERRUPTED: "interrupted",
}

_INCONCLUSIVE = (NodeUnreachableError, UnknownOutcomeError, WithheldError)
_REFUSED = (RefusedError, StoreError, ChainError)
_INVALID = (InvalidProofError, EvidenceMismatchError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_DETAIL_MAX = 300  # characters of a foreign exception's text


class UnwrittenError(Exception):
    """Standard output took no more of the answer; what the command did before stands."""


def exit_code_of(error: LedgerError) -> int:
    """Return the exit code that an error ends the program with; what is none of the others is usage."""
    if isinstance(error, _INCONCLUSIVE):
        return EXIT_INCONCLUSIVE
    if isinstance(error, _REFUSED):
        return EXIT_REFUSED
    return EXIT_INVALID if isinstance(error, _INVALID) else EXIT_USAGE


def answer(text: str) -> None:
    """Print one line of the answer on standard output."""
    shown = escaped(text) + "\n"
    answer_bytes(shown.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "backslashreplace"))


def answer_lines(text: str) -> None:
    """Print lines of the answer; whoever wrote `text` has escaped what came from outside."""
    for line in text.rstrip("\n").split("\n"):
        answer(line)


def answer_json(value: object) -> None:
    """Print the one JSON document of the answer on standard output: UTF-8, what `escaped` escapes as `\\uXXXX`."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    answer_bytes("".join(json.dumps(c)[1:-1] if hidden(c) and c != "\n" else c for c in text).encode() + b"\n")


def answer_bytes(content: bytes) -> None:
    """Print a file, byte for byte, on standard output.

    Raises:
        UnwrittenError: Standard output takes nothing more. A reader that went away is no error.
    """
    if sys.stdout is None:  # started with a closed standard output
        raise UnwrittenError("it is closed")
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard_answer()
    except OSError as error:
        _discard_answer()
        raise UnwrittenError(error.strerror or "input/output error") from None


def say(text: str) -> None:
    """Print a line of talk on standard error."""
    _talk(f"rledger: {escaped(text)}\n")


class Stages:
    """Progress of long work: a line that is redrawn on a terminal, one line a stage in a pipe."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` of a stage is done."""
        if self._live:
            _talk(f"\rrledger: {escaped(stage)}: {done} of {total}" + ("\n" if done >= total else ""))
        elif done >= total:
            say(f"{stage}: {total}")


def require_command(context: typer.Context) -> None:
    """Print the help of a group that was called without one of its commands, and end the program as wrong usage."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_USAGE)


def run(command: Callable[[], None]) -> None:
    """Run a command and turn what it raises into the documented exit."""
    code = _attempt(command)
    if code != EXIT_DONE:
        raise SystemExit(code)


def _attempt(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_DONE
    except LedgerError as error:
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
        return exit_code_of(error)
    except UnwrittenError as error:
        return _unwritten(str(error))
    except KeyboardInterrupt:
        say("interrupted: nothing acknowledged is lost")
        return EXIT_INTERRUPTED
    except OSError as error:
        return _fail_os(error)
    except Exception as error:  # the last resort: a clear line, never a stack trace
        say(f"internal error: {type(error).__name__}: {str(error)[:_DETAIL_MAX]}")
        say("hint: nothing acknowledged is lost; run `rledger audit`, then report this line")
        return EXIT_INTERNAL
    return EXIT_DONE


def _fail_os(error: OSError) -> int:
    """A file that cannot be read or written is usage; a full or read-only disk is refused."""
    where = f"{error.filename}: " if error.filename else ""
    say(f"error: {where}{(error.strerror or 'input/output error').lower()}")
    if error.errno in _NO_ROOM:
        say("hint: free some space or name another folder, then try again")
        return EXIT_REFUSED
    say("hint: check the path and its permissions")
    return EXIT_USAGE


def _unwritten(reason: str) -> int:
    say(f"error: the answer could not be written to standard output: {reason.lower()}")
    say("hint: what the command did stands; `rledger show` tells what the ledger holds")
    return EXIT_INTERNAL


def _talk(text: str) -> None:
    """Write to standard error; that nobody listens (closed, full, its reader gone) is no reason to stop."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _discard_answer() -> None:
    """Let what is still written to standard output go nowhere, so that the command ends as it would have."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
