"""`rledger erase`: a decision in words of both languages, an exit code for each outcome, and nobody's name."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Story
from tests.cli.program import BUYER, PLATFORM, Program, assert_told

GROUND = ("--ground", "consent_withdrawn", "--asked-at", "2026-01-03T10:22:05.000Z")


def test_an_open_return_defers_and_says_why_in_both_languages(story: Story) -> None:
    size = story.rledger.size()

    english = story.rledger("erase", BUYER, *GROUND, "--language", "en")
    chinese = story.rledger("erase", english.out.split()[1].rstrip(":"), "--language", "zh")

    assert english.code == chinese.code == 3
    assert "deferred: nothing was erased yet" in english.out
    assert "reason: a return is open" in english.out
    assert "GDPR Art. 17(1)(b); PIPL Art. 47(1) no. 3; GDPR Art. 17(3)(e)" in english.out
    assert "looked at again on" in english.out
    assert "已暂缓" in chinese.out
    assert "有未了结的退货" in chinese.out
    assert BUYER.split(":")[1] not in english.out + english.err + chinese.out
    assert story.rledger.size() == size


def test_a_restricted_person_is_told_of_with_exit_code_0(story: Story) -> None:
    told = story.rledger.done("erase", BUYER, "--ground", "objection_pending", "--json").json()

    assert (told["outcome"], told["asked_by"], told["review_at"]) == ("restricted", "buyer", None)
    assert story.rledger.done("erase", told["id"], "--json").json() == told


def test_a_restriction_is_lifted_once_the_person_was_told(story: Story) -> None:
    told = story.rledger.done("erase", BUYER, "--ground", "objection_pending", "--json").json()
    lift = ("erase", told["id"], "--lift")

    assert_told(story.rledger(*lift), 2, "the id of the decision and --told-at are expected", "hint: tell the person")
    assert_told(story.rledger("erase", BUYER, "--lift", "--told-at", told["decided_at"]), 2, "the id of the decision")
    english = story.rledger.done(*lift, "--told-at", told["decided_at"], "--language", "en")
    chinese = story.rledger.done("erase", told["id"], "--language", "zh")

    assert "the person was told on" in english.out
    assert "已解除限制" in chinese.out or "解除限制" in chinese.out
    assert story.rledger.done("audit").code == 0
    again = story.rledger.done(*lift, "--told-at", "2031-01-01T00:00:00.000Z", "--json").json()
    assert again["told_at"] == told["decided_at"]


def test_who_is_read_from_standard_input_and_erased(story: Story) -> None:
    close(story)
    rledger = story.rledger

    told = rledger.done("erase", "-", *GROUND, "--json", stdin=b"buyer:c-17\n").json()

    (case,) = told["cases"]
    assert (told["outcome"], case["return_id"], case["extent"]) == ("done", story.return_id, "own")
    shown = rledger.done("show", story.return_id, "--language", "en").out
    assert "Data were erased" in shown
    assert "erased: evidence:product_photo" in shown
    assert "数据已删除" in rledger.done("show", story.return_id, "--language", "zh").out
    before = rledger.done("verify", story.final, *story.pinned, "--json").json()
    assert before[0]["verdict"] == "valid"
    assert rledger.done("audit").code == 0


def test_the_worker_carries_a_deferred_request_out(story: Story) -> None:
    rledger = story.rledger
    told = rledger("erase", BUYER, *GROUND, "--json").json()
    assert rledger.done("worker", "--once").err.count("erasure") == 0
    close(story)
    rewrite_review(story, told["id"])

    said = rledger.done("worker", "--once").err

    assert f"erasure {told['id']}: done" in said
    assert rledger.done("erase", told["id"], "--json").json()["outcome"] == "done"


def close(story: Story) -> None:
    """Bring the return of the story to an end."""
    story.rledger.done("record", "withdraw_request", "--as", BUYER, "--return", story.return_id)


def rewrite_review(story: Story, erasure_id: str) -> None:
    """Let the day of a review have come: the program has the machine's clock."""
    with closing(sqlite3.connect(story.rledger.home / "ledger.sqlite3")) as connection, connection:
        connection.execute("UPDATE erasures SET review_at = '2026-01-01T00:00:00.000Z' WHERE id = ?", (erasure_id,))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((BUYER,), 2, "a ground is expected"),
        ((BUYER, "--ground", "whim"), 2, "there is no such ground"),
        (("c-17", "--ground", "objection"), 2, "ROLE:REFERENCE"),
        ((BUYER, "--ground", "objection", "--asked-at", "2031-02-03T10:22:05.000Z"), 4, "in the future"),
        ((BUYER, "--ground", "objection", "--by", "seller:s-3"), 4, "only the platform decides"),
        ((PLATFORM, "--ground", "objection", "--by", PLATFORM), 4, "about its own data"),
        (("0" * 32,), 4, "there is no erasure"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_decided(
    template: Story, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert_told(template.rledger("erase", *arguments), code, words)


KILLED_AT = """
import os, signal, sys
from ledger_service.core.entry import Role
from ledger_service.core.erasure import Ground
from ledger_service.operations.destroy import Step
from ledger_service.operations.erase import Request, erase
from ledger_service.operations.pseudonyms import Party
from ledger_service.settings import load_settings
from ledger_service.wiring import open_ledger

def die(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

with open_ledger(load_settings(), write=True) as opened:
    request = Request(
        Party(Role.BUYER, "c-17"), Ground.OBJECTION, Role.BUYER, "2026-01-03T10:22:05.000Z", "e5" * 16
    )
    erase(opened.ledger, request, by=Party(Role.PLATFORM, "operator"), reached=die)
"""


@pytest.mark.parametrize("step", ["listed", "keys", "rows", "entry"])
def test_a_killed_erasure_is_finished_by_the_worker(story: Story, step: str) -> None:
    """SIGKILL, in a process of its own: no exit code, no cleaning up."""
    close(story)
    rledger: Program = story.rledger
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT, step],
        env=rledger.environment(),
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert "not recorded in every case yet" in rledger("audit").out

    said = rledger.done("worker", "--once").err

    assert f"erasure {'e5' * 16}: done" in said
    told = rledger.done("erase", "e5" * 16, "--json").json()
    assert (told["outcome"], len(told["cases"][0]["entries"])) == ("done", 1)
    assert "erasure" not in rledger.done("worker", "--once").err
    assert rledger.done("audit").code == 0
