"""The container files name what there is: files, settings, commands. Building them takes an engine that tests lack."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from ledger_service.cli.main import app
from ledger_service.settings import PREFIX, Settings
from ledger_service.store.engine import open_store
from ledger_service.store.schema import upgrade
from tests.postgres import PostgresServer, postgres_binaries

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [words[1:-1] for words in map(str.split, DOCKERFILE.splitlines()) if words[:1] == ["COPY"]]

    assert copied
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


def test_the_image_installs_from_the_lock_alone() -> None:
    assert "--require-hashes --only-binary :all: -r requirements.txt" in DOCKERFILE
    assert "\nsetuptools==" in (ROOT / "requirements.txt").read_text()  # builds the package without the network


@pytest.mark.parametrize("name", [name for name in COMPOSE["services"] if name != "postgres"])
def test_a_service_has_settings_and_a_command_that_there_are(name: str) -> None:
    service = COMPOSE["services"][name]

    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(service["environment"]) <= known
    require_command(service["command"])
    assert service["volumes"] == ["home:/var/lib/return-ledger"]  # key store, mark and files are shared by all


def test_the_image_serves_by_itself() -> None:
    (line,) = [line for line in DOCKERFILE.splitlines() if line.startswith("CMD ")]

    require_command(yaml.safe_load(line.removeprefix("CMD ")))


def require_command(words: list[str]) -> None:
    """Assert that the program takes this command line; asked for help, it parses all of it and runs nothing."""
    ended = CliRunner().invoke(app, [*words, "--help"], prog_name="rledger")

    assert ended.exit_code == 0, ended.output
    assert f"Usage: rledger {words[0]}" in ended.output


def test_a_command_that_there_is_not_would_be_found() -> None:
    with pytest.raises(AssertionError):
        require_command(["serve", "--no-such-option"])


def test_the_role_script_makes_the_role_that_migrations_grant_rights_to(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    binaries = postgres_binaries()
    assert binaries is not None
    if not (binaries / "psql").exists():
        pytest.skip("this PostgreSQL wheel holds no psql")
    script = tmp_path / "role.sh"
    script.write_text(COMPOSE["configs"]["application_role"]["content"].replace("$$", "$"))
    database = postgres_server.create_database()
    environment = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres_server.port),
        "PGPASSWORD": postgres_server.password,
        "POSTGRES_USER": "owner",
        "POSTGRES_DB": database.name,
        "APPLICATION_PASSWORD": 'it\'s "quoted" $HOME',
    }

    try:
        subprocess.run(["sh", str(script)], env=environment, check=True, capture_output=True)
        upgrade(database.owner_url, application_role="ledger_application")
        url = database.application_url.replace(database.application_role, "ledger_application")
        url = url.replace(f":{postgres_server.password}@", ":it%27s%20%22quoted%22%20%24HOME@")
        with open_store(url) as store:
            assert store.rows("SELECT current_user") == [("ledger_application",)]
    finally:
        postgres_server.drop_database(database)
        subprocess.run(
            [str(binaries / "psql"), "-U", "owner", "-d", "postgres", "-c", "DROP ROLE IF EXISTS ledger_application"],
            env=environment, check=True, capture_output=True,
        )  # fmt: skip
