"""`rledger demo`: set a ledger up, walk one return, anchor it, verify it, and attack it.

Promises: every figure and verdict that it prints was computed in this run; it ends with exit code 0 only if every
receipt verified and every attack was caught. Does not: touch a folder that it did not make.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger_service.cli import output
from ledger_service.errors import RefusedError, SettingsError

if TYPE_CHECKING:
    from ledger_service.chain.rpc import Node
    from ledger_service.cli.demo.clock import StoryClock
    from ledger_service.cli.demo.story import Story
    from ledger_service.cli.demo.walk import Walker
    from ledger_service.operations.anchor import Anchorer
    from ledger_service.operations.ledger import Ledger
    from ledger_service.settings import Settings

MARKER = ".return-ledger-demo"
MADE = ("home", "chain", "receipts", "evidence", "scratch", "ledger.trust.json", "timeline.txt")
LIST = "list"
_VERDICTS = ("valid", "invalid", "inconclusive")


def demo_command(
    folder: Annotated[Path, typer.Option("--dir", help="where to leave everything", metavar="FOLDER")] = Path("demo"),
    story: Annotated[
        str, typer.Option(help="which return to walk; `list` names them all", metavar="NAME|list")
    ] = "damaged-lamp",
) -> None:
    """Walk one cross-border return from request to close, verify it, then attack it. Each story rests on another law.

    \b
    rledger demo
    rledger demo --story eu-withdrawal --dir /tmp/demo
    """

    def run() -> None:
        from ledger_service.cli.demo.attacks import AttackNotCaughtError
        from ledger_service.cli.demo.stories import STORIES

        if story == LIST:
            for name, tale in STORIES.items():
                output.answer(f"{name:<20} {tale.title}")
            return
        if story not in STORIES:
            raise SettingsError(f"no story is called {story!r:.60}", hint=f"there are {', '.join(STORIES)}")
        try:
            _demo(folder, STORIES[story].tell(datetime.now(UTC)))
        except AttackNotCaughtError as error:
            output.say(f"error: {error.message}")
            raise SystemExit(output.EXIT_INVALID) from None

    output.run(run)


def _demo(folder: Path, story: Story) -> None:
    started = time.monotonic()
    with _prepared(folder):
        from ledger_service.chain.rpc import open_node
        from ledger_service.cli.demo.clock import StoryClock
        from ledger_service.wiring import open_ledger

        settings = _settings(folder.absolute())
        clock = StoryClock(story.begins if story.moved else None)
        output.answer(story.title)
        if clock.moved:
            _stage("the clock of this demonstration is moved: ledger and chain go through the days of the story,")
            _stage(f"from {story.begins:%Y-%m-%d} on; times are those of {story.zone}")
        with open_node(settings.rpc, writable=True, clock=clock.seconds) as node:
            with open_ledger(settings, write=True, create=True, node=node, clock=clock) as opened:
                _found(settings, node, opened.ledger, opened.places.founding)
                walker = _walk(folder, settings, node, opened.ledger, story, clock)
                _leave(folder, opened.ledger)
                _conclude(opened.ledger, walker)
            line = _verify_line(folder)
            _attack(folder, settings, node)
        _verify(line)
    output.answer("")
    output.answer(f"done in {time.monotonic() - started:.1f} s; everything lies in {folder}")
    output.answer("verify it again yourself:")
    output.answer(f"  {line}")


def _settings(folder: Path) -> Settings:
    """Return settings of our own: what the environment says belongs to another ledger, which stays untouched."""
    from ledger_service.settings import Settings

    own: dict[str, Any] = {name: field.get_default() for name, field in Settings.model_fields.items()}
    own |= {
        "home": folder / "home",
        "origin": "return-ledger.example/demo",
        "rpc_url": f"embedded:{folder / 'chain'}",
        "max_growth": 1_000,
    }
    return Settings(**own)


@contextmanager
def _prepared(folder: Path) -> Iterator[None]:
    """Start afresh in a folder of ours, or in a new one, and keep a second demonstration out of it.

    Raises:
        RefusedError: The folder holds something else, or a demonstration is running there.
    """
    marker = folder / MARKER
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise RefusedError(f"{folder} holds something else", hint="name an empty folder: --dir FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                f"a demonstration is running in {folder}", hint="wait for its end, or name another: --dir FOLDER"
            ) from None
        lock.truncate(0)
        lock.write("made by `rledger demo`; running it again starts afresh\n")
        lock.flush()
        for name in MADE:
            made = folder / name
            if made.is_dir() and not made.is_symlink():
                shutil.rmtree(made)
            else:
                made.unlink(missing_ok=True)
        for name in ("receipts", "evidence", "scratch"):
            (folder / name).mkdir()
        yield


def _found(settings: Settings, node: Node, ledger: Ledger, progress_file: Path) -> None:
    from ledger_service.operations.found import found
    from ledger_service.wiring import load_signer

    signer = load_signer(settings, node.chain_id())
    found(ledger, node, signer, max_growth=settings.max_growth, progress_file=progress_file, say=_stage)
    _stage("this is a demonstration chain: it proves nothing against its operator")


def _walk(folder: Path, settings: Settings, node: Node, ledger: Ledger, story: Story, clock: StoryClock) -> Walker:
    """Record every step of the story; anchor where it says so; keep an old copy as a backup would."""
    from ledger_service.cli.demo import attacks
    from ledger_service.cli.demo.walk import Walker
    from ledger_service.operations.anchor_worker import make_anchorer
    from ledger_service.wiring import load_signer

    anchorer = make_anchorer(ledger, [node], load_signer(settings, node.chain_id()))
    walker = Walker(ledger, story, clock, folder / "evidence", _stage)
    for step in story.steps:
        walker.take(step)
        if step.anchor:
            _anchor(anchorer)
            if not (folder / "scratch" / "old").exists():
                attacks.keep_old_copy(settings, folder / "scratch" / "old")
    return walker


def _anchor(anchorer: Anchorer) -> None:
    said = []
    anchorer.run(lambda progress: said.append(progress.said))
    final = [line for line in said if "included" in line or "final" in line]
    _stage("anchored: " + "; ".join(dict.fromkeys(line for line in final if "waiting" not in line)))


def _leave(folder: Path, ledger: Ledger) -> None:
    """Write receipts, trust file and timeline for the reader."""
    from ledger_service.core.entry import CaseEntry, Kind, parse_entry
    from ledger_service.core.pages.timeline_text import format_timeline
    from ledger_service.core.receipt import encode_receipt
    from ledger_service.core.trust import encode_trust
    from ledger_service.operations.prove import prove
    from ledger_service.operations.show import timeline

    (folder / "ledger.trust.json").write_bytes(encode_trust(ledger.trust()))
    return_id = ""
    count = 0
    for row in ledger.read.entries():
        entry = parse_entry(row.encoded)
        if isinstance(entry, CaseEntry):
            return_id = entry.return_id
            refused = "-refused" if entry.kind is Kind.ATTEMPT else ""
            path = folder / "receipts" / f"{row.index:02}-{entry.verb}{refused}.receipt.json"
            path.write_bytes(encode_receipt(prove(ledger, row.index)))
            count += 1
    (folder / "timeline.txt").write_text(format_timeline(timeline(ledger, return_id)))
    _stage(f"{count} receipts, the trust file and the timeline are written")


def _conclude(ledger: Ledger, walker: Walker) -> None:
    """Say what the return came to: balance, disputes, clocks."""
    from ledger_service.cli.demo import told

    assert walker.return_id is not None  # a story has steps
    case, docket = ledger.read.case(walker.return_id).case, ledger.dockets.of(walker.return_id)
    output.answer("")
    output.answer("What it came to:")
    for line in (*told.balance_lines(docket.balance), *told.dispute_lines(case), *told.clock_lines(walker.clocks())):
        _stage(line)


def _verify_line(folder: Path) -> str:
    """Return the command that the reader can repeat from the folder that they stand in."""
    program = Path(sys.executable).parent / "rledger"
    shown = [_near(program)] if program.exists() else [sys.executable, "-m", "ledger_service"]
    shown += ["verify", _near(folder / "receipts")]
    shown += ["--trust", _near(folder / "ledger.trust.json"), "--rpc", "embedded:" + _near(folder / "chain")]
    shown += ["--evidence", _near(_first_file(folder))]
    return shlex.join(shown)


def _first_file(folder: Path) -> Path:
    """Return the first file of evidence, which the first step brought."""
    return min((folder / "evidence").iterdir())


def _near(path: Path) -> str:
    """Return a path as the reader would type it: relative below the folder they stand in, whole elsewhere."""
    absolute = path.absolute()
    here = Path.cwd()
    return os.path.relpath(absolute, here) if absolute.is_relative_to(here) else str(absolute)


def _attack(folder: Path, settings: Settings, node: Node) -> None:
    from ledger_service.chain.facts import answer_from
    from ledger_service.cli.demo import attacks
    from ledger_service.core.trust import parse_trust
    from ledger_service.core.verify import questions

    output.answer("")
    output.answer("Now the attacks, each with the operator's own means:")
    receipts = sorted((folder / "receipts").glob("*.receipt.json"))
    trust = parse_trust((folder / "ledger.trust.json").read_bytes())
    first = receipts[0].read_bytes()
    answers = answer_from(node, questions(first, trust))
    received = next(path for path in receipts if path.name.endswith("-receive.receipt.json"))
    scratch = folder / "scratch"
    caught = [
        attacks.flip_file(first, trust, answers, _first_file(folder)),
        attacks.flip_entry(first, trust, answers),
        attacks.rewrite_database(settings, node, scratch, int(received.name[:2])),
        attacks.rewrite_on_chain(settings, node),
        *attacks.restore_old_copy(settings, node, scratch, scratch / "old"),
    ]
    for one in caught:
        output.answer(f"  {one.attack}")
        output.answer(f"    caught by {one.by}")
    shutil.rmtree(scratch)


def _verify(line: str) -> None:
    """Run the printed command as the reader would; show the first receipt's checks and every verdict."""
    output.answer("")
    output.answer(f"$ {line}")
    done = subprocess.run(shlex.split(line), check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 (our line)
    lines = done.stdout.splitlines()
    verdicts = [text for text in lines if not text.startswith(" ") and text.partition(":")[0] in _VERDICTS]
    for text in lines[: lines.index(verdicts[0]) + 1 if verdicts else len(lines)]:
        output.answer(f"  {text}")
    if done.returncode != output.EXIT_DONE:
        output.say(f"error: the receipts did not verify: exit code {done.returncode}")
        raise SystemExit(done.returncode)
    output.answer(f"  … and {len(verdicts) - 1} more receipts, each {_VERDICTS[0]}")


def _stage(text: str) -> None:
    output.answer(f"  {text}")
