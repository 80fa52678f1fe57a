"""The campaign `history` in its short form, and the proof that it would notice: five bugs, each found."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.campaigns.history.bugs import BUGS, Bug
from tests.campaigns.history.drive import KILL_EVERY_SHORT, OPERATIONS_SHORT, require_sound, run_once
from tests.campaigns.history.served import BUGS as PLANTED
from tests.campaigns.history.servers import Servers
from tests.postgres import PostgresDatabase

pytestmark = [pytest.mark.campaign, pytest.mark.postgres]

OPERATIONS_PLANTED = 150


def test_two_processes_that_are_killed_keep_every_promise_to_sixty_four_clients(
    postgres_database: PostgresDatabase,
) -> None:
    ran = run_once(postgres_database, operations=OPERATIONS_SHORT, kill_every=KILL_EVERY_SHORT, seed=1)

    require_sound(ran)
    assert ran.counts["kills"] >= 2
    assert ran.counts["requests"] == OPERATIONS_SHORT
    assert ran.counts["acknowledged"] > OPERATIONS_SHORT / 2
    assert ran.counts["retried_into_ok"] >= 1  # B5: nobody answered, and the retry found or made the one entry
    assert ran.counts["fail"] >= 1
    assert ran.counts["reads"] >= 10


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(postgres_database: PostgresDatabase, bug: Bug) -> None:
    ran = run_once(
        postgres_database,
        operations=OPERATIONS_PLANTED,
        kill_every=None,  # each bug shows without a kill, which would take time
        seed=2,
        fault=bug.name,
        prepare=bug.prepare,
    )

    broken = {violation.rule for violation in ran.violations}
    assert broken & bug.rules, f"{bug.name} was not found, only {sorted(broken)}: {ran.counts}\n{ran.said}"


def test_every_bug_that_is_planted_is_looked_for() -> None:
    assert {bug.name for bug in BUGS} == set(PLANTED)
    assert len(BUGS) == 5


def test_a_process_that_does_not_start_is_told_with_its_exit_status_and_leaves_no_other_behind(tmp_path: Path) -> None:
    before = psutil.Process().children()
    servers = Servers(tmp_path, {"LEDGER_NO_SUCH_SETTING": "1"})

    with pytest.raises(AssertionError, match=r"serve 0 is not ready: it ended with [1-9]\d*, heard last: "), servers:
        pass

    assert psutil.Process().children() == before
