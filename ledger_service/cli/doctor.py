"""What `rledger doctor` looks at: every setting, every connection, and what the boot gate would say.

Promises: secrets are shown as set or not set, never as values. Does not: change anything.
"""

from __future__ import annotations

import shutil

from pydantic import SecretStr

from ledger_service.chain.registry import Registry
from ledger_service.core.alarms import LINES
from ledger_service.core.log_entry import Target
from ledger_service.core.registry import format_address
from ledger_service.core.report import Check, Outcome
from ledger_service.errors import AccountError, ChainError, GateClosedError, LedgerError, SettingsError
from ledger_service.operations.anchor_state import TargetState, anchoring
from ledger_service.operations.cosign import NotCosignedError, WitnessAddress, ask_witness, parse_witnesses
from ledger_service.operations.gate import check_chain, check_mark
from ledger_service.operations.issuer_keys import IssuerKeys, IssuerUnreachableError, fetch_with
from ledger_service.operations.issuers import Issuer, load_issuers
from ledger_service.operations.ledger import Ledger
from ledger_service.outbound.connection import Rules
from ledger_service.settings import PREFIX, Settings, load_settings
from ledger_service.store.read import StoredCheckpoint
from ledger_service.wiring import Places, load_signer, load_signing_key, open_ledger, open_nodes

_WITNESS_SAYS = {
    400: (Outcome.PASS, "it answers, and takes heads of this log"),
    403: (Outcome.FAIL, "it does not take this log's checkpoint key; send it the trust file of now"),
    404: (Outcome.FAIL, "it does not know this log, or the URL is not that of a witness; send it the trust file"),
}  # to a head that it must not cosign: `operations/cosign.py`


def examine() -> list[Check]:
    """Return one check for each setting of the environment and each connection."""
    try:
        settings = load_settings()
    except SettingsError as error:
        wrong = Check("settings", Outcome.FAIL, _reason(error))
        return [wrong, *(_about(name) for name in Settings.model_fields)]
    checks = [_setting(settings, name) for name in Settings.model_fields]
    places = Places(settings.home.absolute())
    checks.append(_disk(settings, places))
    checks += _issuers(settings)
    try:
        with open_ledger(settings) as opened:
            ledger = opened.ledger
            size = ledger.read.size()
            entries = "1 entry" if size == 1 else f"{size} entries"
            checks.append(Check("database", Outcome.PASS, f"{ledger.store.shown_url}: {entries}"))
            checks.append(_key(places))
            checks.append(_mark(ledger))
            checks += _witnesses(settings, ledger)
            for target, state in zip(ledger.targets(), anchoring(ledger), strict=True):
                checks += [_chain(settings, ledger, target), _account(settings, ledger, target), _anchoring(state)]
    except (LedgerError, OSError) as error:
        checks.append(Check("database", Outcome.FAIL, _reason(error)))
    return checks


def _about(name: str) -> Check:
    return Check(f"{PREFIX}{name.upper()}", Outcome.UNKNOWN, str(Settings.model_fields[name].description))


def _setting(settings: Settings, name: str) -> Check:
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        value = "set" if value.get_secret_value() else None
    shown = "not set" if value in (None, "") else value
    return Check(f"{PREFIX}{name.upper()}", Outcome.PASS, f"{shown} ({Settings.model_fields[name].description})")


def _disk(settings: Settings, places: Places) -> Check:
    try:
        free = shutil.disk_usage(places.home).free
    except OSError as error:
        return Check("disk", Outcome.FAIL, _reason(error))
    outcome = Outcome.PASS if free >= settings.disk_free_bytes_min else Outcome.FAIL
    return Check("disk", outcome, f"{free} bytes free in {places.home}, at least {settings.disk_free_bytes_min} wanted")


def _issuers(settings: Settings) -> list[Check]:
    """Return a check for each issuer whose tokens count: what its keys are good for now."""
    local = settings.oidc_allow_loopback
    try:
        issuers = load_issuers(settings.oidc_file, allow_loopback=local)
    except SettingsError as error:
        return [Check("issuers", Outcome.FAIL, _reason(error))]
    keys = IssuerKeys(fetch_with(Rules(allow_loopback=local)))
    return [_issuer(issuer, keys) for issuer in issuers]


def _issuer(issuer: Issuer, keys: IssuerKeys) -> Check:
    name = f"issuer {issuer.name}"
    try:
        found = keys.examine(issuer)
    except IssuerUnreachableError as error:
        return Check(name, Outcome.UNKNOWN, f"its keys could not be fetched: {error.message}")
    signing = sorted(set().union(*(key.algorithms for key in found.keys.values())))
    said = f"{len(found.keys)} keys count, for {', '.join(signing) or 'nothing'}; staff come as {issuer.role.value}"
    left_out = f"; left out: {'; '.join(found.left_out)}" if found.left_out else ""
    return Check(name, Outcome.PASS if found.keys else Outcome.FAIL, said + left_out)


def _key(places: Places) -> Check:
    try:
        load_signing_key(places.signing_key)
    except LedgerError as error:
        return Check("checkpoint key", Outcome.FAIL, _reason(error))
    return Check("checkpoint key", Outcome.PASS, "there, and for its owner alone")


def _mark(ledger: Ledger) -> Check:
    try:
        check_mark(ledger)
    except GateClosedError as error:
        return Check("high-water mark", Outcome.FAIL, f"{error.reason}: {_reason(error)}")
    return Check("high-water mark", Outcome.PASS, "the database is at or past it")


def _witnesses(settings: Settings, ledger: Ledger) -> list[Check]:
    """Ask each witness whether it takes heads of this log; none cosigns anything for it."""
    try:
        return [_witness(one, ledger.read.head()) for one in parse_witnesses(settings.witnesses)]
    except SettingsError as error:
        return [Check("witnesses", Outcome.FAIL, _reason(error))]


def _witness(witness: WitnessAddress, head: StoredCheckpoint | None) -> Check:
    name = f"witness {witness.key.name}"
    if head is None:
        return Check(name, Outcome.UNKNOWN, "there is no head yet to ask it about")
    try:
        status = ask_witness(witness, head)
    except NotCosignedError as error:
        return Check(name, Outcome.UNKNOWN, str(error))
    outcome, said = _WITNESS_SAYS.get(status, (Outcome.UNKNOWN, f"it answered {status}, which says nothing"))
    return Check(name, outcome, said)


def _chain(settings: Settings, ledger: Ledger, target: Target) -> Check:
    """Ask every node that is named for the target's chain."""
    name = f"chain {ledger.chains.name_of(target.chain_id)}"
    try:
        with open_nodes(settings, target.chain_id) as nodes:
            for node in nodes:
                check_chain(ledger, Registry(node, target.contract), target)
            asked = ", ".join(node.name for node in nodes)
            known = ledger.chains.of_id(target.chain_id)
            notes = [] if known is None else [note for note in (known.limit, known.ends) if note is not None]
            said = "; ".join([f"{asked}: the pinned contract, and a head that is ours", *notes])
            return Check(name, Outcome.PASS, said)
    except GateClosedError as error:
        return Check(name, Outcome.FAIL, f"{error.reason}: {_reason(error)}")
    except ChainError as error:
        return Check(name, Outcome.UNKNOWN, _reason(error))
    except LedgerError as error:
        return Check(name, Outcome.FAIL, _reason(error))


def _account(settings: Settings, ledger: Ledger, target: Target) -> Check:
    """Show who pays, what is left, and whether the contract takes heads from that account."""
    name = f"account {ledger.chains.name_of(target.chain_id)}"
    try:
        signer = load_signer(settings, target.chain_id)
        with open_nodes(settings, target.chain_id) as nodes:
            balance = nodes[0].balance(signer.address)
            anchorer = Registry(nodes[0], target.contract).log(target.log_id).anchorer
    except AccountError as error:
        return Check(name, Outcome.FAIL, _reason(error))
    except LedgerError as error:
        return Check(name, Outcome.UNKNOWN, _reason(error))
    said = f"{format_address(signer.address)} holds {balance} wei"
    if anchorer != signer.address:
        return Check(name, Outcome.FAIL, f"{said}; the contract takes heads from {format_address(anchorer)}")
    return Check(name, Outcome.PASS if balance else Outcome.FAIL, said)


def _anchoring(state: TargetState) -> Check:
    """Show what the worker said last, with the way out where something waits for a person."""
    name = f"anchoring {state.chain}"
    if state.looked_at is None:
        return Check(name, Outcome.PASS, "no worker has looked yet")
    if state.alarm is None:
        return Check(name, Outcome.PASS, f"{state.detail} (seen {state.looked_at})")
    line = LINES[state.alarm]
    said = f"{state.alarm.value}: {line.meaning}; {line.way_out} (since {state.since}: {state.detail})"
    return Check(name, Outcome.FAIL, said)


def _reason(error: Exception) -> str:
    if isinstance(error, LedgerError):
        return error.message + (f"; {error.hint}" if error.hint else "")
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error)
