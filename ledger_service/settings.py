"""Settings: one frozen object from the environment (prefix `LEDGER_`); the defaults run with nothing set.

Promises: unknown `LEDGER_` names are refused, secrets print as asterisks. Does not: open anything (`wiring.py`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger_service.errors import SettingsError

PREFIX = "LEDGER_"
_NEXT = re.compile(r"\s+(?=(?:[a-z0-9][a-z0-9_.-]{0,63}=)?(?:https?://|embedded:))")
_NAMED = re.compile(r"([a-z0-9][a-z0-9_.-]{0,63})=(.+)", re.DOTALL)


class Settings(BaseSettings):
    """Every setting, with its default, unit and meaning (`rledger doctor` prints them)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    home: Path = Field(
        default=Path("ledger-home"), description="folder of everything that is not in a database elsewhere"
    )
    origin: str = Field(
        default="localhost/return-ledger",
        pattern=r"^[!-*,-~]{1,255}$",
        description="name of the log: a URL without scheme that you control",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""), description="sqlite:///FILE or postgresql+psycopg://…; empty: a SQLite file in the home"
    )
    migration_database_url: SecretStr = Field(
        default=SecretStr(""), description="the same database as its owner, for `database upgrade`; empty: as above"
    )
    application_role: str = Field(
        default="", description="PostgreSQL role that the migration grants its rights; empty: the user of database_url"
    )
    rpc_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "JSON-RPC URLs of the anchoring chain, the one to send to first; with several chains each as NAME=URL;"
            " empty: the embedded chain in the home"
        ),
    )
    rpc_quorum: int = Field(
        default=1, ge=1, le=16, description="nodes of a chain that must have seen something before it counts"
    )
    chains_file: Path | None = Field(
        default=None, description="JSON file of further chains, or of other words about known ones; unset: none"
    )
    confirmations: int | None = Field(
        default=None, ge=1, description="blocks that make an anchor final; unset: each chain's own rule"
    )
    anchorer_keystore: Path | None = Field(
        default=None, description="keystore v3 file of the account that deploys and anchors (mode 0600)"
    )
    anchorer_password_file: Path | None = Field(default=None, description="file with that keystore's password")
    anchorer_private_key: SecretStr = Field(
        default=SecretStr(""),
        description="the same account's key, 0x and 64 hexadecimal digits; instead of a file",
    )
    signer_url: SecretStr = Field(
        default=SecretStr(""), description="URL of a service that signs (eth_signTransaction) in place of a key here"
    )
    signer_address: str = Field(
        default="", pattern=r"^(0x[0-9a-fA-F]{40})?$", description="the account that the signing service signs for"
    )
    max_growth: int = Field(
        default=100_000, ge=16, le=2**40, description="entries that one anchor may add at most; fixed when founded"
    )
    anchor_interval_seconds: int = Field(
        default=60, ge=1, description="age of the oldest entry at which the worker anchors; urgent ones at once"
    )
    anchor_count: int = Field(default=10_000, ge=1, description="waiting entries that are anchored whatever their age")
    anchor_heartbeat_seconds: int = Field(
        default=86_400, ge=0, description="age of the newest anchor at which a quiet log is anchored too; 0: never"
    )
    anchor_promise_seconds: int = Field(
        default=3_600, ge=1, description="time from recording to block that is promised; later than this is an alarm"
    )
    witnesses: str = Field(
        default="", description="witnesses that are asked to cosign anchored heads: KEY=URL, separated by spaces"
    )
    fee_ceiling_gwei: int = Field(default=500, ge=1, description="highest fee for each gas, in gwei")
    fee_cheap_gwei: int = Field(
        default=0, ge=0, description="base fee above which a cheaper hour is waited for, in gwei; 0: never waited"
    )
    fee_daily_budget_gwei: int = Field(
        default=0, ge=0, description="most that anchoring at one target may cost in 24 hours, in gwei; 0: no limit"
    )
    fee_bump_seconds: int = Field(default=180, ge=1, description="how long a transaction waits before its fees rise")
    evidence_bytes_max: int = Field(default=2 * 1024**3, ge=1, description="largest evidence file")
    upload_bytes_max: int = Field(
        default=4 * 1024**3, ge=1, description="bytes that one party may have sent over HTTP and not used in a step yet"
    )
    upload_hours: int = Field(
        default=72, ge=1, le=8_760, description="hours that a file sent over HTTP waits for a step to use it"
    )
    disk_free_bytes_min: int = Field(
        default=64 * 1024**2, ge=0, description="free space below which the ledger stops writing"
    )
    group_count_max: int = Field(default=256, ge=1, le=10_000, description="entries in one durable commit at most")
    append_apart: str = Field(
        default="busy",
        pattern=r"^(busy|always|never)$",
        description="when a process of its own appends for an API process on SQLite: busy, always or never",
    )
    requests_per_second_max: float = Field(
        default=200, ge=0, description="requests a second that one caller may send over HTTP; 0: no limit"
    )
    requests_burst_max: int = Field(default=400, ge=1, description="requests that one caller may send at once")
    trusted_proxies: str = Field(
        default="",
        pattern=r"^[0-9A-Fa-f.:/, ]*$",
        description="addresses, with commas, of the reverse proxies whose X-Forwarded-For is believed; empty: nobody's",
    )
    queue_max: int = Field(default=4096, ge=1, description="waiting entries beyond which callers are turned away")

    retention_years: int = Field(
        default=3, ge=0, le=100, description="years that joint facts of a return are kept after its end, by the law"
    )
    webhook_allow_loopback: bool = Field(
        default=False, description="for development: webhooks may go to this machine, over http too"
    )
    webhook_due_soon_hours: int = Field(
        default=48, ge=1, le=720, description="hours before a deadline at which webhooks hear of it"
    )

    oidc_file: Path | None = Field(
        default=None, description="JSON file of the OIDC issuers whose staff may come in with their tokens; unset: none"
    )
    oidc_allow_loopback: bool = Field(
        default=False, description="for development: issuers' keys may come from this machine, over http too"
    )

    @property
    def database(self) -> str:
        """Return the URL of the application's database."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.home.absolute() / 'ledger.sqlite3'}"

    @property
    def migration_database(self) -> str:
        """Return the URL under which the schema is made and upgraded."""
        return self.migration_database_url.get_secret_value() or self.database

    @property
    def rpc(self) -> str:
        """Return where the anchoring chain is asked first: a URL, or `embedded:FOLDER`."""
        words = _words(self.rpc_url.get_secret_value())
        return _named(words[0])[1] if words else self._embedded

    def rpcs_of(self, chain_name: str) -> tuple[str, ...]:
        """Return where a chain is asked, the node to send to first; nothing where no URL is given for it.

        A URL without a name is for whatever chain the ledger is anchored on.
        """
        words = _words(self.rpc_url.get_secret_value())
        found = tuple(url for name, url in map(_named, words) if name in ("", chain_name))
        return (self._embedded,) if not words or (not found and chain_name == "embedded") else found

    @property
    def rpcs(self) -> tuple[str, ...]:
        """Return every URL of `rpc_url`, whatever its chain."""
        words = _words(self.rpc_url.get_secret_value())
        return tuple(_named(word)[1] for word in words) or (self._embedded,)

    @property
    def named_chains(self) -> tuple[str, ...]:
        """Return the names that stand before URLs in `rpc_url`, each once, in this order."""
        names = (_named(word)[0] for word in _words(self.rpc_url.get_secret_value()))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def _embedded(self) -> str:
        return f"embedded:{self.home.absolute() / 'chain'}"


def _words(text: str) -> list[str]:
    """Return the addresses of a list; a space inside a folder's name begins no new one."""
    return _NEXT.split(text.strip()) if text.strip() else []


def _named(word: str) -> tuple[str, str]:
    """Return the name (empty: none) and the URL of a word of `rpc_url`."""
    found = _NAMED.fullmatch(word)
    return (found[1], found[2]) if found else ("", word)


def load_settings(**overrides: object) -> Settings:
    """Return the settings of the environment, with some given by the caller.

    Raises:
        SettingsError: A value that cannot be right, or a `LEDGER_` name that no setting has.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    # Other spellings too: pydantic would take `ledger_home`, and leave `Ledger_Hoem` aside without a word.
    if unknown := sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name not in known):
        raise SettingsError(f"{unknown[0]} is not a setting", hint="`rledger doctor` lists the settings")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # checked by pydantic, field by field
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # without the input: it may be a secret
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{PREFIX}{name.upper()}: {first['msg'].lower()}") from None
