"""Promises of `rledger demo`: what it leaves verifies without it, every attack is caught, and it says so truthfully."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from ledger_service.chain.facts import fetch_answers
from ledger_service.chain.rpc import Node, open_node
from ledger_service.cli.demo import attacks, command
from ledger_service.cli.demo.attacks import AttackNotCaughtError, Caught
from ledger_service.cli.demo.clock import StoryClock
from ledger_service.cli.demo.stories.damaged_lamp import story
from ledger_service.cli.demo.walk import Walker
from ledger_service.core.disclosure import Record
from ledger_service.core.facts import Answer
from ledger_service.core.receipt import encode_receipt, parse_receipt
from ledger_service.core.trust import Trust, parse_trust
from ledger_service.core.verify import questions
from ledger_service.settings import Settings
from ledger_service.wiring import open_ledger
from tests.cli.program import COMMAND, Program, assert_told

DEMO_SECONDS_MAX = 60
PHOTO = "01-photo-shade.png"


@dataclass(frozen=True, slots=True)
class Shown:
    """A finished demonstration: its folder, what it printed, and how long it took."""

    folder: Path
    out: str
    seconds: float
    left_running: list[str]

    @property
    def line(self) -> str:
        """The command that it printed for the reader to repeat."""
        return self.out.splitlines()[-1].strip()

    def copy(self, folder: Path) -> Path:
        """Copy the folder, so that a test may spoil it."""
        shutil.copytree(self.folder, folder)
        return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the reader stands in: not the project, not the demonstration's."""
    return tmp_path_factory.mktemp("standing here")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, elsewhere: Path) -> Shown:
    """One demonstration in a path with a space, run from elsewhere, with a ledger in the environment to leave alone."""
    folder = tmp_path_factory.mktemp("a path with a space") / "my demo"
    foreign = Program(elsewhere / "home").with_settings(
        database_url=f"sqlite:///{elsewhere / 'production.sqlite3'}", rpc_url="http://127.0.0.1:1", max_growth="none"
    )
    before = time.monotonic()
    with foreign.start("demo", "--dir", folder, cwd=elsewhere, start_new_session=True) as process:
        out, err = process.communicate(timeout=120)
        seconds = time.monotonic() - before
    assert process.returncode == 0, out.decode() + err.decode()
    assert err == b""
    return Shown(folder, out.decode(), seconds, left_of(process.pid))


def left_of(session: int) -> list[str]:
    """Return the names of the processes of a session that are still there."""
    return [found.name() for found in psutil.process_iter() if _session(found) == session]


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def verify(folder: Path, *options: str | Path) -> tuple[int, str]:
    """Verify a demonstration's receipts in a fresh process; exit code and everything printed."""
    ended = subprocess.run(
        [
            *COMMAND, "verify", folder / "receipts", "--trust", folder / "ledger.trust.json",
            "--rpc", f"embedded:{folder / 'chain'}", *options,
        ],
        env=Program(folder / "no-home").environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout


def test_it_ends_in_time_and_leaves_nothing_running(shown: Shown) -> None:
    assert shown.seconds < DEMO_SECONDS_MAX
    assert shown.left_running == []


def test_it_leaves_what_a_reader_needs(shown: Shown) -> None:
    made = {path.name for path in shown.folder.iterdir()}

    assert {"ledger.trust.json", "receipts", "evidence", "chain", "timeline.txt"} <= made
    assert "scratch" not in made
    assert len(list((shown.folder / "receipts").glob("*.receipt.json"))) == 20
    assert len(list((shown.folder / "evidence").iterdir())) == 21


def test_it_touches_no_ledger_of_the_environment(shown: Shown, elsewhere: Path) -> None:
    """LEDGER_DATABASE_URL and LEDGER_HOME name another ledger; the demonstration has its own."""
    assert list(elsewhere.iterdir()) == []


def test_the_printed_line_verifies_in_a_shell(shown: Shown, elsewhere: Path) -> None:
    ended = subprocess.run(["sh", "-c", shown.line], cwd=elsewhere, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(re.findall(r"^valid: ", ended.stdout, re.MULTILINE)) == 20


def test_the_printed_line_verifies_word_by_word_with_the_checks_that_were_shown(shown: Shown, elsewhere: Path) -> None:
    words = shlex.split(shown.line)
    assert Path(words[0]).name == "rledger"
    assert words[1] == "verify"

    ended = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True, check=False)

    assert ended.returncode == 0
    first = ended.stdout.split("\n/", 1)[0].splitlines()
    assert f"$ {shown.line}" in shown.out
    assert "\n".join(f"  {line}" for line in first) in shown.out
    assert "a demonstration chain proves nothing against its operator" in shown.out


def test_it_walks_the_whole_return_across_the_border(shown: Shown) -> None:
    timeline = (shown.folder / "timeline.txt").read_text()

    steps = re.findall(r"^ +\d+  (\w+)  \((.*)\)$", timeline, re.MULTILINE)
    assert [verb for verb, _ in steps] == [
        "request_return", "request_info", "provide_info", "approve_return", "issue_label", "ship_back", "scan",
        "hold_at_customs", "submit_customs_documents", "release_from_customs", "confirm_delivery", "receive",
        "start_inspection", "complete_inspection", "offer_settlement", "accept_offer", "issue_refund", "settle_refund",
        "give_feedback", "close",
    ]  # fmt: skip
    assert steps[0][1].startswith("new -> ")
    assert steps[-1][1].endswith("-> closed")
    for words in (
        "buyer_country: DE", "seller_country: CN", "damaged_in_transit", "cn_form: cn23", "hs6: [\"940521\"]",
        "file: product_photo, image/png", "file: proof_of_posting, application/pdf",
        "file: customs_declaration, application/pdf", "file: tracking_event, application/json",
        "file: inspection_report, application/pdf", "remedy: partial_refund", '"minor": 5200', "score: 4",
    ):  # fmt: skip
        assert words in timeline, words
    assert timeline.count("finalized by ") + timeline.count("finalized: recorded after ") == 20


def test_the_evidence_files_are_what_they_say(shown: Shown) -> None:
    starts = {".png": b"\x89PNG\r\n\x1a\n", ".pdf": b"%PDF-1.", ".json": b"{"}
    for path in (shown.folder / "evidence").iterdir():
        assert path.read_bytes().startswith(starts[path.suffix]), path.name


def test_it_anchors_several_times(shown: Shown) -> None:
    assert len(re.findall(r"anchored: head \d+: included in block \d+; head \d+: final", shown.out)) == 5


def test_every_attack_is_shown_with_what_caught_it(shown: Shown) -> None:
    told = shown.out[shown.out.index("Now the attacks") :]
    caught = re.findall(r"^  (?! )(.+)\n    caught by (.+)$", told, re.MULTILINE)

    assert [(attack, by.split(":")[0]) for attack, by in caught] == [
        ("one bit of an evidence file", "verify, evidence"),
        ("one character of an entry", "verify, inclusion"),
        ("a row rewritten with all its hashes, re-signed", "audit, anchors"),
        ("a head that rewrites history, offered by the anchorer", "the contract reverted"),
        ("a database restored from an old copy", "boot gate, behind_mark"),
        ("the same, with the high-water mark of that day", "boot gate, behind_chain"),
    ]


def test_yesterday_s_demonstration_verifies_from_a_fresh_process(shown: Shown) -> None:
    code, printed = verify(shown.folder)

    assert code == 0, printed


def test_it_verifies_after_it_was_moved(shown: Shown, tmp_path: Path) -> None:
    assert verify(shown.copy(tmp_path / "moved"))[0] == 0


def test_a_chain_that_was_deleted_is_inconclusive_and_said_plainly(shown: Shown, tmp_path: Path) -> None:
    folder = shown.copy(tmp_path / "demo")
    shutil.rmtree(folder / "chain")

    code, printed = verify(folder)

    assert code == 3
    assert "the embedded chain's blocks are missing" in printed
    assert "invalid" not in printed
    assert not (folder / "chain").exists()


def test_the_evidence_that_it_leaves_is_that_of_its_receipts(shown: Shown) -> None:
    every = [word for path in sorted((shown.folder / "evidence").iterdir()) for word in ("--evidence", path)]

    code, printed = verify(shown.folder, *every)

    assert code == 0, printed
    assert printed.count("is unchanged: its fingerprint is in the entry") >= 21


def test_a_second_run_starts_afresh_and_leaves_what_is_not_its_own(
    shown: Shown, tmp_path: Path, rledger: Program
) -> None:
    folder = shown.copy(tmp_path / "demo")
    (folder / "my-notes.txt").write_text("keep me")
    (folder / "receipts" / "99-old.receipt.json").write_text("{}")

    ended = rledger.done("demo", "--dir", folder)

    assert verify(folder)[0] == 0
    assert (folder / "my-notes.txt").read_text() == "keep me"
    assert len(list((folder / "receipts").iterdir())) == 20
    assert ended.out.startswith("A lamp from Shenzhen")
    assert (folder / "ledger.trust.json").read_bytes() != (shown.folder / "ledger.trust.json").read_bytes()


def test_a_folder_with_something_else_is_refused_untouched(rledger: Program, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"mine")

    assert_told(rledger("demo", "--dir", folder), 4, "holds something else", "hint: name an empty folder")

    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


def test_a_file_in_place_of_the_folder_is_refused_untouched(rledger: Program, tmp_path: Path) -> None:
    path = tmp_path / "demo"
    path.write_text("mine")

    assert_told(rledger("demo", "--dir", path), 2, "hint: ")

    assert path.read_text() == "mine"


def test_a_second_demonstration_in_the_same_folder_is_refused_while_one_runs(rledger: Program, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    with (folder / ".return-ledger-demo").open("w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)

        assert_told(rledger("demo", "--dir", folder), 4, "is running in", "hint: wait")


# --- an attack that is not caught must not pass as caught ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What the attacks work on: a copy of the demonstration, its settings, trust file, and first receipt."""

    folder: Path
    settings: Settings
    trust: Trust
    receipt: bytes

    def answers(self) -> list[Answer]:
        """Ask the chain about the receipt."""
        return fetch_answers([f"embedded:{self.folder / 'chain'}"], questions(self.receipt, self.trust))


@pytest.fixture
def target(shown: Shown, tmp_path: Path) -> Target:
    """A demonstration that a test may attack in its own way."""
    folder = shown.copy(tmp_path / "demo")
    settings = Settings(
        home=folder / "home",
        origin="return-ledger.example/demo",
        rpc_url=f"embedded:{folder / 'chain'}",  # type: ignore[arg-type]  # pydantic makes it a secret
        max_growth=1_000,
    )
    receipt = (folder / "receipts" / "01-request_return.receipt.json").read_bytes()
    return Target(folder, settings, parse_trust((folder / "ledger.trust.json").read_bytes()), receipt)


def test_the_attacks_on_a_receipt_are_caught_by_the_verifier(target: Target) -> None:
    photo = target.folder / "evidence" / PHOTO

    for caught in (
        attacks.flip_file(target.receipt, target.trust, target.answers(), photo),
        attacks.flip_entry(target.receipt, target.trust, target.answers()),
    ):
        assert isinstance(caught, Caught)


def test_a_photo_that_nobody_can_compare_is_not_called_caught(target: Target) -> None:
    """A receipt that shows no fingerprint leaves the question open, and the demonstration must not claim more."""
    receipt = parse_receipt(target.receipt)
    blind = replace(receipt, records=tuple(Record(record.name, None) for record in receipt.records))

    with pytest.raises(AttackNotCaughtError, match="one bit of an evidence file"):
        attacks.flip_file(encode_receipt(blind), target.trust, target.answers(), target.folder / "evidence" / PHOTO)


def test_a_rewritten_row_that_no_anchor_covers_is_not_called_caught(target: Target, tmp_path: Path) -> None:
    """Before its first anchor a log can be rewritten unseen by its owner, and the demonstration must not claim more."""
    with open_node(f"embedded:{target.folder / 'chain'}") as node:
        assert isinstance(attacks.rewrite_database(target.settings, node, target.folder / "s1", 15), Caught)
    settings, index = never_anchored(tmp_path / "young")

    with (
        open_node(settings.rpc) as node,
        pytest.raises(AttackNotCaughtError, match="rewritten row"),
    ):
        attacks.rewrite_database(settings, node, target.folder / "s2", index)


def never_anchored(folder: Path) -> tuple[Settings, int]:
    """Record the story in a ledger without anchors up to the entry that the attack rewrites; settings and its index."""
    settings, told, clock = command._settings(folder), story(datetime.now(UTC)), StoryClock(None)
    (folder / "evidence").mkdir(parents=True)
    with (
        open_node(settings.rpc, writable=True) as node,
        open_ledger(settings, write=True, create=True, node=node) as opened,
    ):
        command._found(settings, node, opened.ledger, opened.places.founding)
        walker = Walker(opened.ledger, told, clock, folder / "evidence", lambda _: None)
        for step in told.steps:
            walker.take(step)
            if step.verb == "receive":
                return settings, opened.ledger.read.size() - 1
    raise AssertionError("the story has no entry that the attack rewrites")


def test_an_old_copy_that_may_write_on_is_not_called_caught(target: Target) -> None:
    """The present database is no old copy: the gate opens, and the demonstration has to say so."""
    present = target.folder / "present"
    attacks.keep_old_copy(target.settings, present)

    with (
        open_node(f"embedded:{target.folder / 'chain'}") as node,
        pytest.raises(AttackNotCaughtError, match="would write on"),
    ):
        attacks.restore_old_copy(target.settings, node, target.folder / "s3", present)


def test_a_contract_that_takes_any_head_is_not_called_caught(target: Target) -> None:
    """A node that never reports a revert stands for a contract that takes everything."""
    with (
        open_node(f"embedded:{target.folder / 'chain'}", writable=True) as node,
        pytest.raises(AttackNotCaughtError, match="rewrites history"),
    ):
        attacks.rewrite_on_chain(target.settings, cast(Node, _Pleased(node)))


def test_an_attack_that_went_through_ends_the_demonstration_with_exit_code_1(rledger: Program, tmp_path: Path) -> None:
    """A fault of ours in the verifier is told as what it is."""
    ended = subprocess.run(
        [sys.executable, "-c", SABOTAGE, str(tmp_path / "demo")],
        env=rledger.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "rledger: error: one character of an entry: the receipt still verifies as inconclusive" in ended.stderr
    assert "verify it again yourself" not in ended.stdout


# The demonstration with a verifier that checks nothing: what a fault of ours in `verify` would look like.
SABOTAGE = """
import sys
from pathlib import Path
from ledger_service.cli.demo import attacks, command
from ledger_service.core.report import Check, Outcome, Report
attacks.verify = lambda *_, evidence=(), **__: Report(
    (Check("evidence", Outcome.FAIL if evidence else Outcome.UNKNOWN, "nothing was checked"),)
)
command.demo_command(Path(sys.argv[1]))
"""


class _Pleased:
    """A node whose transactions all succeed."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def tx_receipt(self, tx_hash: bytes) -> object:
        receipt = self._node.tx_receipt(tx_hash)
        return None if receipt is None else replace(receipt, succeeded=True)
