"""core/SPEC.md cannot drift from the library: its bytes, its limits and its member names are recomputed here."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import ledger_service.core
from ledger_service.core.clock import Basis, Clock, ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.entry import Authenticity, CaseEntry, Kind, Role, parse_entry
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.report import Verdict
from ledger_service.core.rules import Ground
from ledger_service.core.signing import verify_signed_entry
from ledger_service.core.trust import parse_trust
from tests.core.worked import (
    DOMAIN,
    GENESIS,
    KEY_ENTRY,
    RECEIPT,
    SEAL,
    SIGNED_RECORDS,
    SIGNED_STEP,
    STEP,
    TRUST,
    TYPED_DATA,
    WALLET,
    WORKED,
    report,
)

SPEC = Path(ledger_service.core.__path__[0], "SPEC.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text ([a-z0-9-]+)\n(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE)
LIMITS = re.findall(r"`(\w+)\.([A-Z0-9_]+_MAX|[A-Z]+_BYTES|[A-Z]+_ID_BYTES|[A-Z]+)` = ([0-9][0-9,]*[0-9]|[0-9])", SPEC)


def test_every_worked_block_stands_once_and_none_is_missing() -> None:
    names = [name for name, _ in BLOCKS]

    assert sorted(names) == sorted(WORKED)
    assert SPEC.count("```") == 2 * len(names)


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_bytes_are_those_that_the_library_computes(name: str) -> None:
    assert dict(BLOCKS)[name] == WORKED[name]


def test_every_named_limit_has_the_value_of_the_code() -> None:
    wrong = [
        (module, name, text)
        for module, name, text in LIMITS
        if getattr(importlib.import_module(f"ledger_service.core.{module}"), name) != int(text.replace(",", ""))
    ]

    assert wrong == []
    assert len(LIMITS) >= 18


def test_every_size_limit_of_the_formats_is_named() -> None:
    """A new `…_MAX` in a module that defines a format is a part of the format, so it must be said."""
    formats = (
        "encoding", "entry", "log_entry", "disclosure", "merkle", "checkpoint", "receipt", "trust", "signing",
        "archive", "package", "export", "trie", "case_proof", "contradiction", "tlog_proof",
    )  # fmt: skip
    defined = {
        (module, name)
        for module in formats
        for name, value in vars(importlib.import_module(f"ledger_service.core.{module}")).items()
        if name.endswith("_MAX") and not name.startswith("_") and isinstance(value, int)
        if f"\n{name} = " in Path(ledger_service.core.__path__[0], f"{module}.py").read_text(encoding="utf-8")
    }

    assert defined <= {(module, name) for module, name, _ in LIMITS} | {("encoding", "DIGITS_MAX")}


def members(value: Any) -> set[str]:
    """Every member name in a JSON value, but those of facts and fields, which the life cycle names."""
    if isinstance(value, dict):
        inner = [members(item) for name, item in value.items() if name not in ("facts", "fields", "unprotected")]
        return set(value).union(*inner)
    return set().union(*[members(item) for item in value]) if isinstance(value, list) else set()


FORMATS = [GENESIS, STEP, KEY_ENTRY, SEAL, RECEIPT]
FORMATS += [
    WORKED[name].encode()
    for name in ("trust", "statement-content", "signature-value", "signed-step", "package-manifest", "contradiction")
]


@pytest.mark.parametrize("data", FORMATS, ids=range(len(FORMATS)))
def test_every_member_of_every_format_is_described(data: bytes) -> None:
    described = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", SPEC))))

    assert members(json.loads(data)) <= described


@pytest.mark.parametrize("values", [Kind, Role, Authenticity])
def test_every_value_of_a_choice_is_described(values: Any) -> None:
    assert {str(value) for value in values} <= set(re.findall(r"`([a-z_]+)`", SPEC))


def test_the_worked_files_are_read_and_the_receipt_is_valid() -> None:
    for entry in (GENESIS, STEP, KEY_ENTRY, SEAL):
        assert parse_entry(entry).origin == "returns.example/eu"
    assert parse_receipt(WORKED["receipt"].encode()).entry == STEP
    assert parse_trust(WORKED["trust"].encode()) == TRUST
    assert report().verdict is Verdict.VALID


def test_the_worked_signature_is_that_of_the_worked_wallet_over_the_worked_step() -> None:
    entry = parse_entry(SIGNED_STEP)
    assert isinstance(entry, CaseEntry)

    assert verify_signed_entry(entry, SIGNED_RECORDS, [DOMAIN]).hex() == WALLET.address[2:].lower()


def test_every_member_of_the_signed_message_is_described_with_its_type() -> None:
    described = {
        name: row[1] for row in re.findall(r"^\| (`\w+`.*?) \| `(\w+)` \|", SPEC, re.M) for name in row[0].split(", ")
    }

    assert {f"`{member['name']}`": member["type"] for member in TYPED_DATA["types"]["Step"]} == described


def test_every_module_that_the_text_names_exists() -> None:
    modules = {module.name for module in pkgutil.iter_modules(ledger_service.core.__path__)}

    assert set(re.findall(r"`(\w+)\.py`", SPEC)) <= modules


def test_every_member_and_value_of_a_clock_is_described() -> None:
    described = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", SPEC))))

    assert set(Clock.__dataclass_fields__) <= described
    assert {str(value) for value in (*ClockState, *Basis, *Nature)} <= described
    assert {str(ground) for ground in Ground} <= set(re.findall(r"\*\*([a-z_]+)\*\*", SPEC))
