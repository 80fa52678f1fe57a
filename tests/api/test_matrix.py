"""Who may do what: every operation × every role and nobody × own, same, another and no such object.

The table below has a row for every operation of the API; an operation without one fails. What a role may do follows
from the scope that the operation names; what it may see from the access list of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from ledger_service.api.openapi import routes_of, scope_of
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.errors import PermissionRefusedError
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import SCOPES_OF, Scope
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import PARTIES, Asking, with_issuers
from tests.issuer import COUNTS, SUBJECT, URL, key_set, token

NO_CASE = "0" * 32
DIGEST = sha256(b"another photo").hexdigest()
OCTETS = {"content": b"another photo", "headers": {"Content-Type": "application/octet-stream"}}
STAFF = (Role.ARBITRATOR, Role.REGULATOR)  # who come with tokens of their own issuer
STEP = {"verb": "receive", "fields": {}}


@dataclass(frozen=True)
class Objects:
    """A case with its last entry, and a credential."""

    return_id: str
    index: int
    prefix: str


@dataclass(frozen=True)
class Row:
    """How an operation is asked for an object: its path, and the body of a POST. `seen`: the object has an owner."""

    path: Callable[[Objects], str]
    body: Callable[[Objects], Any] | None = None
    seen: bool = False
    sent: Mapping[str, Any] | None = None  # what httpx sends in place of a JSON body


def fixed(path: str, body: Any = None, *, seen: bool = False) -> Row:
    """Return the row of an operation whose path names no object of a case."""
    return Row(lambda _: path, None if body is None else lambda _: body, seen)


PARTY = {"party": {"role": "carrier", "reference": "carrier-9"}}
ROWS: dict[str, Row] = {
    "open_return": fixed("/v1/returns", STEP),
    "record_batch": fixed("/v1/returns:batch", STEP),
    "list_returns": fixed("/v1/returns"),
    "show_return": Row(lambda o: f"/v1/returns/{o.return_id}", seen=True),
    "record_transition": Row(lambda o: f"/v1/returns/{o.return_id}/transitions", lambda _: STEP, seen=True),
    "show_timeline": Row(lambda o: f"/v1/returns/{o.return_id}/timeline", seen=True),
    "list_actions": Row(lambda o: f"/v1/returns/{o.return_id}/actions", seen=True),
    "prepare_statement_of_step": Row(lambda o: f"/v1/returns/{o.return_id}/statements", lambda _: STEP, seen=True),
    "export_return": Row(lambda o: f"/v1/returns/{o.return_id}/package", seen=True),
    "export_cases": fixed("/v1/exports", {}),
    "share_return": Row(lambda o: f"/v1/returns/{o.return_id}/parties", lambda _: PARTY, seen=True),
    "unshare_return": Row(lambda o: f"/v1/returns/{o.return_id}/parties:remove", lambda _: PARTY, seen=True),
    "list_entries": fixed("/v1/entries"),
    "show_entry": Row(lambda o: f"/v1/entries/{o.index}", seen=True),
    "get_receipt": Row(lambda o: f"/v1/entries/{o.index}/receipt", seen=True),
    "read_evidence": Row(lambda o: f"/v1/entries/{o.index}/evidence/0", seen=True),
    "upload_evidence": Row(lambda _: "/v1/evidence", sent={"files": {"file": b"a photo"}}),
    "put_evidence": Row(lambda _: f"/v1/evidence/{DIGEST}", sent=OCTETS),
    "show_upload": Row(lambda _: f"/v1/evidence/{'0' * 64}"),
    "list_anchors": fixed("/v1/anchors"),
    "prove_consistency": fixed("/v1/proofs/consistency?from=1&to=2"),
    "prove_inclusion": fixed("/v1/proofs/inclusion?index=0&size=1"),
    "create_key": fixed("/v1/keys", {**PARTY, "label": "x", "scopes": ["read"]}),
    "list_keys": fixed("/v1/keys"),
    "revoke_key": Row(lambda o: f"/v1/keys/{o.prefix}"),
    "create_link": Row(
        lambda _: "/v1/links",
        lambda o: {"return_id": o.return_id, "party": {"role": "buyer", "reference": "buyer-9"}},
        seen=True,
    ),
    "create_session": fixed("/v1/sessions", {"link": "rll_0123456789abcdef_" + "A" * 43}),
    "end_session": fixed("/v1/sessions/current"),
    "checkpoint": fixed("/checkpoint"),
    "entry_bundle": fixed("/tile/entries/000.p/1"),  # the genesis entry is everybody's
    "tile": fixed("/tile/0/000.p/1"),
    "trust": fixed("/.well-known/return-ledger"),
    "live": fixed("/health/live"),
    "ready": fixed("/health/ready"),
    "add_webhook": fixed("/v1/webhooks", {"url": "https://shop.example/hook", "events": ["return.state_changed"]}),
    "list_webhooks": fixed("/v1/webhooks"),
    "remove_webhook": Row(lambda _: f"/v1/webhooks/{NO_CASE}"),
    "list_deliveries": Row(lambda _: f"/v1/webhooks/{NO_CASE}/deliveries"),
    "decide_erasure": fixed(
        "/v1/erasures",
        {
            "party": {"role": "buyer", "reference": "nobody-at-all"},
            "ground": "objection",
            "asked_by": "buyer",
            "asked_at": "2026-11-03T11:00:00.000Z",
        },
    ),
    "show_erasure": Row(lambda _: f"/v1/erasures/{NO_CASE}"),
    "lift_restriction": Row(
        lambda _: f"/v1/erasures/{NO_CASE}/lift", lambda _: {"told_at": "2026-11-03T11:00:00.000Z"}
    ),
    "show_metrics": fixed("/metrics"),
    "problem_page": fixed("/help/problems/busy"),
}
PUBLIC = {"checkpoint", "entry_bundle", "tile", "trust", "live", "ready", "problem_page"}
# A webhook and an upload are their party's alone: tests/api/test_webhooks.py, test_evidence.py; erasures:
# tests/api/test_erasures.py.
NEVER_THERE = {"remove_webhook", "list_deliveries", "show_upload", "show_erasure", "lift_restriction"}
ASKS_BY_TOKEN = {"create_session"}  # the link in its body is the credential: anybody with a bad one gets 401


def operations(service: Asking) -> dict[str, Any]:
    """Return the routes of the API by their operation ids."""
    return {route.name: route for route in routes_of(service.app)}


def test_every_operation_has_a_row_and_every_row_an_operation(service: Asking) -> None:
    assert set(operations(service)) == set(ROWS)


def test_nobody_speaks_as_the_system(service: Asking) -> None:
    with pytest.raises(PermissionRefusedError):
        issue_key(service.ledger, Party(Role.SYSTEM, "system"), label="x", scopes=[Scope.READ])


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_role_gets_what_its_scopes_and_its_cases_allow(service: Asking, name: str) -> None:
    route, row = operations(service)[name], ROWS[name]
    scope, (method,) = scope_of(route), route.methods
    members = tuple(party for role, party in PARTIES.items() if role is not Role.REGULATOR)
    own = objects_of(service, service.open_case(members=members))
    other = objects_of(service, service.open_case("somebody-else", members=(), buyer_country="FR"))
    service.ledger.credentials.unshare(other.return_id, _mark(service, PARTIES[Role.PLATFORM]))
    nothing = Objects(NO_CASE, 2**40, "0" * 16)
    found: dict[tuple[str, str], int] = {}
    for who in (None, *PARTIES):
        for place, target in (("own", own), ("other", other), ("none", nothing)):
            party = None if who is None else PARTIES[who]
            token = None if party is None else fresh_token(service, party) if name == "end_session" else party
            sent = {} if row.body is None else {"json": row.body(target)}
            sent |= row.sent or {}
            if name == "revoke_key" and place != "none":
                target = objects_of(service, own.return_id)
            answer = service.ask(method, row.path(target), token, **sent)
            found["nobody" if who is None else who.value, place] = answer.status_code
    for (who_asked, place), status in found.items():
        wanted = expected(name, scope, row, None if who_asked == "nobody" else Role(who_asked), place)
        assert (status in wanted) if wanted else status not in (401, 403, 404), (who_asked, place, status, wanted)


@pytest.fixture(scope="module")
def staffed(service: Asking, tmp_path_factory: pytest.TempPathFactory) -> Asking:
    """The service with issuers of a court and of a ministry that looks after Germany, whose staff may all they can."""
    listed = [
        {
            **COUNTS,
            "name": role.value,
            "issuer": f"{URL}/{role.value}",
            "role": role.value,
            "scopes": sorted(SCOPES_OF[role]),
            "countries": ["DE"] if role is Role.REGULATOR else [],
            "keys": {"jwks": key_set("ES256")},
        }
        for role in STAFF
    ]
    return with_issuers(service, tmp_path_factory.mktemp("issuers"), *listed)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_staff_with_a_token_of_their_issuer_get_what_a_key_of_their_role_would(staffed: Asking, name: str) -> None:
    route, row = operations(staffed)[name], ROWS[name]
    scope, (method,) = scope_of(route), route.methods
    own = objects_of(staffed, staffed.open_case(members=(Party(Role.ARBITRATOR, f"court/{SUBJECT}"),)))
    other = objects_of(staffed, staffed.open_case("somebody-else", members=(), buyer_country="FR"))
    now = staffed.ledger.clock().timestamp()
    for role in STAFF:
        sent = token("ES256", now, iss=f"{URL}/{role.value}")
        for place, target in (("own", own), ("other", other), ("none", Objects(NO_CASE, 2**40, "0" * 16))):
            body = {} if row.body is None else {"json": row.body(target)}
            body |= row.sent or {}
            status = staffed.ask(method, row.path(target), sent, **body).status_code
            wanted = (409,) if name == "end_session" else expected(name, scope, row, role, place)
            assert (status in wanted) if wanted else status not in (401, 403, 404), (role, place, status, wanted)


def expected(name: str, scope: str | None, row: Row, role: Role | None, place: str) -> tuple[int, ...]:
    """Return the statuses that are right; empty: anything but a refusal of the caller."""
    if name in PUBLIC:
        return (200,)
    if name in ASKS_BY_TOKEN:
        return (401,)
    if scope != "anybody":
        if role is None:
            return (401,)
        if Scope(scope or "read") not in SCOPES_OF[role]:
            return (403,)
    if name in NEVER_THERE:
        return (404,)
    if place == "none" and (row.seen or name == "revoke_key"):
        return (404,)
    if row.seen and (role is None or place == "other"):
        return (404,)
    return {"upload_evidence": (201,), "put_evidence": (201,), "read_evidence": (200,)}.get(name, ())


def objects_of(service: Asking, return_id: str) -> Objects:
    """Return a case's objects, with a credential of its own."""
    made = issue_key(service.ledger, Party(Role.CARRIER, "carrier-7"), label="x", scopes=[Scope.READ])
    return Objects(return_id, service.ledger.read.case(return_id).last_index, made.credential.prefix)


def fresh_token(service: Asking, party: Party) -> str:
    """Return a token that may be revoked without harm."""
    return issue_key(service.ledger, party, label="x", scopes=SCOPES_OF[party.role]).token


def _mark(service: Asking, party: Party) -> bytes:
    from ledger_service.operations.access import member_of

    return member_of(service.ledger, party).mark


def nothing_to_see() -> str:
    """Answer a route that no row knows."""
    return ""


def test_a_new_operation_is_noticed(service: Asking) -> None:
    """The check that this file rests on, against an application with one operation more."""
    app = make_app(service.ledger, service.app.state.service.settings)
    app.add_api_route("/v1/backdoor", nothing_to_see, name="backdoor")

    assert {route.name for route in routes_of(app)} - set(ROWS) == {"backdoor"}
