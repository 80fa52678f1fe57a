"""Promises of `deploy`, `doctor` and `database`: running them again is harmless, and what is wrong is named."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger_service.core.trust import parse_trust
from ledger_service.settings import Settings
from tests import receiver as behaves
from tests.cli.conftest import Story
from tests.cli.program import Program, assert_told
from tests.cli.test_run_commands import free_port
from tests.issuer import COUNTS, URL, key_set, settings_file
from tests.postgres import PostgresDatabase
from tests.receiver import receiving

SECRET = "hunter2-very-secret"


def outcomes(rledger: Program) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return doctor's exit code, and outcome and detail by name."""
    ended = rledger("doctor", "--json")
    return ended.code, {check["name"]: (check["outcome"], check["detail"]) for check in ended.json()}


# --- deploy ----------------------------------------------------------------------------------------------------------


def test_deploy_founds_a_ledger_and_leaves_the_trust_file_to_publish(rledger: Program) -> None:
    answer = rledger.with_settings(origin="returns.example/eu").done("deploy", "--json").json()

    trust = parse_trust(Path(answer["trust_file"]).read_bytes())
    assert trust.origin == "returns.example/eu"
    assert trust.genesis.hex() == answer["genesis"]
    assert answer["log_id"] == "0x" + trust.targets[0].target.log_id.hex()
    assert answer["contract"] == "0x" + trust.targets[0].target.contract.hex()
    shown = rledger.done("show", "trust").out
    assert shown.encode() == Path(answer["trust_file"]).read_bytes()
    assert rledger.size() == 1


def test_deploy_again_changes_nothing(rledger: Program) -> None:
    first = rledger.done("deploy", "--json").json()

    again = rledger.done("deploy", "--json").json()

    assert again == first
    assert rledger.size() == 1
    assert rledger.done("audit").code == 0


def test_a_person_is_told_what_was_founded_and_what_to_run_next(rledger: Program) -> None:
    ended = rledger.done("deploy")

    assert ended.out.startswith("founded: log 0x")
    assert str(rledger.trust()) in ended.out
    assert "rledger: hint: record a step with `rledger record`" in ended.err


def test_keys_and_home_are_for_their_owner_alone(rledger: Program) -> None:
    rledger.done("deploy")

    modes = {
        path: stat.S_IMODE((rledger.home / path).stat().st_mode)
        for path in ("", "secrets", "secrets/checkpoint.key", "secrets/subjects.sqlite3")
    }
    assert modes == {"": 0o700, "secrets": 0o700, "secrets/checkpoint.key": 0o600, "secrets/subjects.sqlite3": 0o600}


def test_a_founded_ledger_keeps_its_name(story: Story) -> None:
    renamed = story.rledger.with_settings(origin="returns.example/renamed")

    for command in (["deploy"], ["show"], ["audit"]):
        assert_told(renamed(*command), 2, "LEDGER_ORIGIN is returns.example/renamed", "cannot be renamed")


def test_an_unreachable_node_founds_nothing(rledger: Program) -> None:
    ended = rledger.with_settings(rpc_url=f"http://u:{SECRET}@127.0.0.1:1/{SECRET}")("deploy")

    assert_told(ended, 3, "cannot be reached", "hint: ")
    assert SECRET not in ended.err
    assert not rledger.home.exists()
    assert_told(rledger("show"), 4, "there is no", "rledger deploy")
    rledger.done("deploy")


@pytest.mark.parametrize("origin", ["", "a b", "with+plus", "ü", "x" * 256, "line\nbreak"])
def test_a_name_that_no_log_can_have_is_refused_before_anything_is_deployed(rledger: Program, origin: str) -> None:
    ended = rledger.with_settings(origin=origin)("deploy")

    assert_told(ended, 2, "LEDGER_ORIGIN")
    assert not rledger.home.exists()


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_growth", "none"),
        ("max_growth", "15"),
        ("confirmations", "0"),
        ("anchor_interval_seconds", "-1"),
        ("evidence_bytes_max", "1.5"),
        ("queue_max", ""),
        ("nosuch", "1"),
    ],
)
def test_a_wrong_setting_is_named(story: Story, setting: str, value: str) -> None:
    assert_told(story.rledger.with_settings(**{setting: value})("show"), 2, f"LEDGER_{setting.upper()}")


def test_a_wrong_value_is_never_shown(story: Story) -> None:
    """It may be a password in the wrong variable."""
    ended = story.rledger.with_settings(queue_max=SECRET)("doctor")

    assert ended.code == 4
    assert SECRET not in ended.out + ended.err


def test_a_setting_that_is_none_points_to_doctor_which_lists_them_all_the_same(story: Story) -> None:
    wrong = story.rledger.with_settings(hom="x")
    assert_told(wrong("show"), 2, "LEDGER_HOM is not a setting", "rledger doctor")

    code, found = outcomes(wrong)

    assert code == 4
    assert found["settings"][0] == "fail"
    assert {f"LEDGER_{name.upper()}" for name in Settings.model_fields} <= set(found)


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_is_content_with_a_whole_ledger(story: Story) -> None:
    code, found = outcomes(story.rledger)

    assert code == 0
    assert {outcome for outcome, _ in found.values()} == {"pass"}
    assert {"disk", "database", "checkpoint key", "high-water mark", "chain embedded"} <= set(found)
    assert found["database"][1].endswith("4 entries")


def test_doctor_before_anything_is_founded_says_what_is_missing(rledger: Program) -> None:
    code, found = outcomes(rledger)

    assert code == 4
    assert found["database"][0] == "fail"
    assert "there is no database" in found["database"][1]
    assert not rledger.home.exists()


def test_doctor_prints_no_secret(story: Story) -> None:
    secretive = story.rledger.with_settings(rpc_url=f"http://u:{SECRET}@127.0.0.1:1/{SECRET}")

    ended = secretive("doctor")

    assert ended.code == 3
    assert SECRET not in ended.out + ended.err
    assert "LEDGER_RPC_URL" in ended.out


def test_doctor_of_a_silent_node_is_inconclusive(story: Story) -> None:
    code, found = outcomes(story.rledger.with_settings(rpc_url="http://127.0.0.1:1"))

    assert code == 3
    assert found["chain embedded"][0] == "unknown"


def test_doctor_asks_each_issuer_for_its_keys(story: Story, tmp_path: Path) -> None:
    with receiving() as site:
        site.behave = [behaves.answer(200, json.dumps(key_set("ES256", "PS256")).encode()), behaves.answer(503)]
        there = {**COUNTS, "keys": {"jwks_url": site.url("/keys")}}
        away = {**COUNTS, "name": "away", "issuer": f"{URL}/2", "role": "customs", "keys": {"jwks_url": site.url("/2")}}
        path = tmp_path / "issuers.json"
        path.write_bytes(settings_file(there, away))

        code, found = outcomes(story.rledger.with_settings(oidc_file=str(path), oidc_allow_loopback="true"))

    assert code == 3
    assert found["issuer court"] == ("pass", "2 keys count, for ES256, PS256; staff come as arbitrator")
    assert found["issuer away"] == ("unknown", "its keys could not be fetched: 503")
    assert found["LEDGER_OIDC_FILE"][1].startswith(str(path))


def test_doctor_fails_where_an_issuer_has_no_key_that_counts(story: Story, tmp_path: Path) -> None:
    with receiving() as site:
        site.behave = [behaves.answer(200, json.dumps(key_set("ES256")).encode())]
        path = tmp_path / "issuers.json"
        path.write_bytes(settings_file({**COUNTS, "algorithms": ["RS256"], "keys": {"jwks_url": site.url()}}))

        code, found = outcomes(story.rledger.with_settings(oidc_file=str(path), oidc_allow_loopback="true"))

    assert code == 4
    assert found["issuer court"][0] == "fail"
    assert "0 keys count, for nothing" in found["issuer court"][1]
    assert "it fits no algorithm that is pinned" in found["issuer court"][1]


def test_doctor_and_serve_refuse_a_file_of_issuers_that_is_not_right(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_bytes(settings_file({**COUNTS, "algorithms": ["HS256"], "keys": {"jwks": key_set("ES256")}}))
    wrong = story.rledger.with_settings(oidc_file=str(path))

    code, found = outcomes(wrong)

    assert code == 4
    assert found["issuers"][0] == "fail"
    assert "issuers.court.algorithms" in found["issuers"][1]
    assert_told(wrong("serve", "--port", str(free_port())), 2, "LEDGER_OIDC_FILE", "algorithms")


def spoil_mark(home: Path) -> None:
    """Lose the high-water mark."""
    (home / "high-water.mark").unlink()


def spoil_key(home: Path) -> None:
    """Let others read the key."""
    (home / "secrets" / "checkpoint.key").chmod(0o640)


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [(spoil_mark, "high-water mark", "mark_missing"), (spoil_key, "checkpoint key", "can be read by others")],
)
def test_doctor_names_what_is_wrong(story: Story, spoil: Callable[[Path], None], name: str, words: str) -> None:
    spoil(story.rledger.home)

    code, found = outcomes(story.rledger)

    assert code == 4
    assert found[name][0] == "fail"
    assert words in found[name][1]
    assert [other for other, (outcome, _) in found.items() if outcome == "fail"] == [name]


def test_doctor_says_when_the_disk_is_nearly_full(story: Story) -> None:
    code, found = outcomes(story.rledger.with_settings(disk_free_bytes_min=str(2**60)))

    assert (code, found["disk"][0]) == (4, "fail")


def test_the_columns_of_doctor_stand_under_each_other(story: Story) -> None:
    lines = story.rledger.done("doctor").out.splitlines()

    starts = {len(line) - len(line[9:].split("  ", 1)[1].lstrip()) for line in lines}
    assert len(starts) == 1


# --- database --------------------------------------------------------------------------------------------------------


def test_upgrade_makes_a_schema_and_can_be_run_again(rledger: Program) -> None:
    for _ in range(2):
        assert rledger.done("database", "upgrade").out == "the schema is up to date\n"

    assert_told(rledger("show"), 4, "there is no", "rledger deploy")
    rledger.done("deploy")


def test_upgrade_of_a_newer_schema_is_refused_and_changes_nothing(story: Story) -> None:
    path = story.rledger.home / "ledger.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_the_future'")
    connection.close()

    for command in (["database", "upgrade"], ["show"], ["audit"], ["worker", "--once"], ["receipt", "1"]):
        ended = story.rledger(*command)
        assert_told(ended, 4, "schema")

    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999_the_future",)]
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (4,)
    connection.close()


def test_accept_mark_lets_a_ledger_write_again_whose_mark_was_lost(story: Story) -> None:
    spoil_mark(story.rledger.home)
    assert_told(story.rledger("worker", "--once"), 4, "accept-mark")

    assert story.rledger.done("database", "accept-mark").out == "accepted: the ledger stands at 4 entries\n"

    story.rledger.done("worker", "--once")
    story.rledger.done("audit")


def test_accept_mark_accepts_nothing_where_the_mark_is_there(story: Story) -> None:
    mark = (story.rledger.home / "high-water.mark").read_bytes()

    assert_told(story.rledger("database", "accept-mark"), 4, "nothing to accept")

    assert (story.rledger.home / "high-water.mark").read_bytes() == mark


def test_accept_mark_does_not_help_a_database_that_the_chain_has_left_behind(story: Story) -> None:
    """The chain still knows: an operator's word about the mark does not make an old copy the newest."""
    old = story.folder / "old.sqlite3"
    with sqlite3.connect(story.rledger.home / "ledger.sqlite3") as now, sqlite3.connect(old) as copy:
        now.backup(copy)
    now.close()
    copy.close()
    story.rledger.done("worker", "--once")
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm", "high-water.mark"):
        (story.rledger.home / name).unlink(missing_ok=True)
    old.rename(story.rledger.home / "ledger.sqlite3")

    story.rledger.done("database", "accept-mark")

    assert_told(story.rledger("worker", "--once"), 4, "the chain holds a head")


def test_rebuild_cases_derives_the_same_cases(story: Story) -> None:
    before = story.rledger.done("show", "--json").json()["cases"]
    with sqlite3.connect(story.rledger.home / "ledger.sqlite3") as connection:
        connection.execute("UPDATE cases SET state = 'closed', snapshot = replace(snapshot, 'approved', 'closed')")
    connection.close()
    assert story.rledger("audit").code == 1

    assert story.rledger.done("database", "rebuild-cases").out == "1 case derived from the entries\n"

    assert story.rledger.done("show", "--json").json()["cases"] == before
    story.rledger.done("audit")


@pytest.mark.postgres
def test_on_postgresql_the_owner_upgrades_and_the_application_founds(
    rledger: Program, postgres_database: PostgresDatabase
) -> None:
    application = rledger.with_settings(database_url=postgres_database.application_url)
    ended = application("deploy")
    assert ended.code == 4, ended.reported
    assert "rledger: hint: " in ended.err
    assert postgres_database.server.password not in ended.err

    both = application.with_settings(migration_database_url=postgres_database.owner_url)
    both.done("database", "upgrade")
    application.done("deploy")

    assert application.size() == 1
    code, found = outcomes(application)
    assert code == 0
    assert postgres_database.server.password not in json.dumps(found)


@pytest.mark.postgres
def test_a_postgresql_that_cannot_be_reached_is_refused_without_its_password(rledger: Program) -> None:
    away = rledger.with_settings(database_url=f"postgresql+psycopg://app:{SECRET}@127.0.0.1:1/ledger")

    for command in (["show"], ["audit"], ["database", "upgrade"], ["deploy"]):
        ended = away(*command)
        assert_told(ended, 4, "cannot be reached")
        assert SECRET not in ended.err


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "postgresql://x/y"])
def test_a_database_url_of_another_kind_is_told(rledger: Program, url: str) -> None:
    ended = rledger.with_settings(database_url=url)("show")

    assert ended.code in (2, 4)
    assert "Traceback" not in ended.err
    assert "internal error" not in ended.err
    assert "rledger: error: " in ended.err
