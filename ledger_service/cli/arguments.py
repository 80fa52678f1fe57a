"""What stands in the arguments of `record` and `show`, as values of the ledger.

Promises: whatever is wrong is told with the name of its option. Does not: know what a step needs (`core/returns.py`).
Loads much: commands import it when they run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.core.case import COUNTRY
from ledger_service.core.encoding import DOCUMENT_BYTES_MAX, Json, parse
from ledger_service.core.entry import RETURN_ID_BYTES, Role, RuleReference
from ledger_service.core.members import Reader
from ledger_service.core.merkle import HASH_BYTES
from ledger_service.errors import EntryFormatError, FormatError, SettingsError
from ledger_service.operations.record import Party

ID_CHARACTERS = 2 * RETURN_ID_BYTES


def require_text(option: str, text: str) -> str:
    """Return an argument that is UTF-8; Python hands other bytes on as lone surrogates.

    Raises:
        SettingsError: It is not.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{option}: {text!r} is no UTF-8 text", hint="check the terminal's encoding") from None
    return text


def party(option: str, text: str) -> Party:
    """Return the party of ROLE:REFERENCE.

    Raises:
        SettingsError: Another form, or no such role.
    """
    role, _, reference = require_text(option, text).partition(":")
    if role not in set(Role) or not reference:
        raise SettingsError(
            f"{option} {text}: ROLE:REFERENCE is expected", hint="roles: " + ", ".join(role.value for role in Role)
        )
    return Party(Role(role), reference)


def role(option: str, text: str) -> Role:
    """Return a role.

    Raises:
        SettingsError: No such role.
    """
    if text not in set(Role):
        known = ", ".join(one.value for one in Role)
        raise SettingsError(f"{option} {require_text(option, text)}: there is no such role", hint=f"roles: {known}")
    return Role(text)


def evidence(text: str) -> tuple[str, Path]:
    """Return kind and path of KIND=FILE.

    Raises:
        SettingsError: Another form.
    """
    kind, equals, path = text.partition("=")
    if not kind or not equals or not path:
        raise SettingsError(f"--evidence {text}: KIND=FILE is expected", hint="as in product_photo=photo.jpg")
    return require_text("--evidence", kind), Path(path)


def fields(texts: Sequence[str], path: Path | None) -> dict[str, Json]:
    """Return the fields of a JSON file (`-`: of standard input) and of NAME=TEXT arguments.

    Raises:
        SettingsError: No strict JSON object, another form, or a field twice.
    """
    found = {} if path is None else _fields_of(path)
    for text in texts:
        name, equals, value = require_text("--field", text).partition("=")
        if not name or not equals:
            raise SettingsError(
                f"--field {text}: NAME=TEXT is expected", hint="what is no text goes into --fields FILE"
            )
        if name in found:
            raise SettingsError(f"the field {name} is given twice", hint="name it once, in --field or in --fields")
        found[name] = value
    return found


def _fields_of(path: Path) -> dict[str, Json]:
    name = "standard input" if str(path) == "-" else str(path)
    try:
        value = parse(_read(path))
    except FormatError as error:
        hint = error.hint or 'a strict JSON object with the fields is expected, as in {"language": "de"}'
        raise SettingsError(f"{name}: {error.message}", hint=hint) from None
    if not isinstance(value, dict):
        raise SettingsError(f"{name}: a JSON object with the fields is expected", hint='as in {"language": "de"}')
    return value


def _read(path: Path) -> bytes:
    """Read at most one byte more than the limit: the parser refuses what is longer."""
    if str(path) == "-":
        return sys.stdin.buffer.read(DOCUMENT_BYTES_MAX + 1)
    with path.open("rb") as stream:
        return stream.read(DOCUMENT_BYTES_MAX + 1)


def rule(text: str) -> RuleReference:
    """Return the rule of ID@VERSION.

    Raises:
        SettingsError: Another form.
    """
    rule_id, at, version = require_text("--rule", text).partition("@")
    if not rule_id or not at or not version:
        raise SettingsError(f"--rule {text}: ID@VERSION is expected", hint="as in eu-2019-771-art-13@1")
    return RuleReference(rule_id, version)


def return_id(option: str, text: str) -> str:
    """Return a return's id.

    Raises:
        SettingsError: Not one.
    """
    return _hexadecimal(option, text, RETURN_ID_BYTES, "`rledger show` lists the returns").hex()


def leaf_hash(option: str, text: str) -> bytes:
    """Return a leaf hash.

    Raises:
        SettingsError: Not one.
    """
    return _hexadecimal(option, text, HASH_BYTES, "`rledger show INDEX` names the leaf hash of an entry")


def _hexadecimal(option: str, text: str, length: int, hint: str) -> bytes:
    try:
        return Reader(EntryFormatError, option).hexadecimal(text, length)
    except FormatError as error:
        raise SettingsError(error.message, hint=hint) from None


def country(option: str, text: str | None) -> str | None:
    """Return a country, if one was given.

    Raises:
        SettingsError: Another form than two capitals.
    """
    if text is not None and not COUNTRY.fullmatch(text):
        raise SettingsError(f"{option} {require_text(option, text)}: two capitals are expected", hint="ISO 3166-1: DE")
    return text


def instant(option: str, text: str) -> str:
    """Return a time as an entry holds it.

    Raises:
        SettingsError: Another form.
    """
    try:
        return Reader(EntryFormatError, option).instant(text)
    except FormatError as error:
        raise SettingsError(error.message, hint=error.hint) from None


def shown_return(what: str) -> str | None:
    """Return the return's id that `show` was given; None where it was given nothing, `trust` or an index.

    Raises:
        SettingsError: None of these.
    """
    if what in ("", "trust") or (what.isascii() and what.isdigit() and len(what) < ID_CHARACTERS):
        return None
    try:
        return return_id("", what)
    except SettingsError as error:
        raise SettingsError(
            f"{what!r} is neither a return's id ({ID_CHARACTERS} lower-case hex digits), an index, nor `trust`",
            hint=error.hint,
        ) from None
