"""The tables of the core as data files, and the time zones of the `tzdata` package; the only file access of the core.

Promises: the machine's own zone files are never read, so one lock gives one result everywhere.
"""

from __future__ import annotations

from importlib.resources import files
from zoneinfo import ZoneInfo

from ledger_service.core.encoding import Json, parse


def load(name: str) -> Json:
    """Return the value of the data file `name` (strict JSON), for example `lifecycle.json`.

    Raises:
        JsonFormatError, LimitError: The file is not strict JSON.
    """
    return parse(files(__name__).joinpath(name).read_bytes())


def load_zone_names() -> frozenset[str]:
    """Return the names of the IANA time zone database, for example `Europe/Berlin`."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def load_zone(name: str) -> ZoneInfo:
    """Return the zone of one of `load_zone_names`."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as opened:
        return ZoneInfo.from_file(opened, key=name)
