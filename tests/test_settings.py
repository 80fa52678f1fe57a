"""Settings: from the environment alone, refused where they cannot be right, silent about secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ledger_service.errors import SettingsError
from ledger_service.settings import PREFIX, Settings, load_settings

SECRET = "hunter2-is-a-secret"


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a ledger of their own."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_defaults_run_with_nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()

    assert settings.database == f"sqlite:///{tmp_path}/ledger-home/ledger.sqlite3"
    assert settings.migration_database == settings.database
    assert settings.rpc == f"embedded:{tmp_path}/ledger-home/chain"
    assert not settings.webhook_allow_loopback  # who adds a webhook is a stranger
    assert settings.oidc_file is None  # nobody's tokens count but ours
    assert not settings.oidc_allow_loopback


def test_the_environment_is_taken_and_a_caller_may_override_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_HOME", "/srv/one")
    monkeypatch.setenv("LEDGER_RPC_URL", "http://127.0.0.1:8545")
    monkeypatch.setenv("LEDGER_DATABASE_URL", "postgresql+psycopg://app:x@127.0.0.1/ledger")
    monkeypatch.setenv("LEDGER_CONFIRMATIONS", "12")
    settings = load_settings(home=Path("/srv/two"))

    assert settings.home == Path("/srv/two")
    assert settings.rpc == "http://127.0.0.1:8545"
    assert settings.database == settings.migration_database == "postgresql+psycopg://app:x@127.0.0.1/ledger"
    assert settings.confirmations == 12


def test_the_owner_s_url_is_for_migrations_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "postgresql://app@127.0.0.1/ledger")
    monkeypatch.setenv("LEDGER_MIGRATION_DATABASE_URL", "postgresql://owner@127.0.0.1/ledger")
    settings = load_settings()

    assert settings.database != settings.migration_database == "postgresql://owner@127.0.0.1/ledger"


@pytest.mark.parametrize("name", ["LEDGER_HOEM", "LEDGER_", "ledger_home", "Ledger_Rpc_Url"])
def test_a_name_that_no_setting_has_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match=f"{name} is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGIN", "two words"),
        ("ORIGIN", "with+plus"),
        ("ORIGIN", ""),
        ("CONFIRMATIONS", "0"),
        ("CONFIRMATIONS", "two"),
        ("CONFIRMATIONS", ""),
        ("MAX_GROWTH", "15"),
        ("MAX_GROWTH", "1e6"),
        ("ANCHOR_INTERVAL_SECONDS", "0"),
        ("EVIDENCE_BYTES_MAX", "0"),
        ("DISK_FREE_BYTES_MIN", "-1"),
        ("GROUP_COUNT_MAX", "10001"),
        ("QUEUE_MAX", "none"),
        ("WEBHOOK_ALLOW_LOOPBACK", "perhaps"),
        ("WEBHOOK_DUE_SOON_HOURS", "0"),
        ("WEBHOOK_DUE_SOON_HOURS", "721"),
        ("OIDC_ALLOW_LOOPBACK", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=f"{PREFIX}{name}: "):
        load_settings()


def test_an_override_that_is_no_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="LEDGER_HOEM"):
        load_settings(hoem="x")


def test_secrets_stand_in_no_text_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "RPC_URL"):
        monkeypatch.setenv(PREFIX + name, f"https://user:{SECRET}@example.test/")
    settings = load_settings()
    monkeypatch.setenv("LEDGER_MAX_GROWTH", SECRET)
    with pytest.raises(SettingsError) as raised:
        load_settings()

    for text in (repr(settings), str(settings), settings.model_dump_json(), str(raised.value), repr(raised.value)):
        assert SECRET not in text
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__  # nor in a traceback, where pydantic would print the input


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.home = Path("/elsewhere")


def test_every_setting_says_what_it_is_and_every_url_is_a_secret() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if name.endswith("_url"):
            assert field.annotation is SecretStr, name
