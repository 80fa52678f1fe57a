"""Who may do what: every operation × every role, sessions and nobody × own, another's of the same case, another case's
and no such object.

The table below has a row for every operation of the API; an operation without one fails. What a role may do follows
from the scope that the operation names; what it may see from the access list of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import pytest

from ledger_service.api.openapi import routes_of, scope_of
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.errors import PermissionRefusedError
from ledger_service.operations.credentials import issue_key, issue_link, redeem_link
from ledger_service.operations.principal import LINK_SCOPES, SCOPES_OF, Scope
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import PARTIES, Asking, with_issuers
from tests.api.places import ASKED_AT, NO_CASE, PARTYS_OWN, Objects, Places
from tests.issuer import COUNTS, SUBJECT, URL, key_set, token
from tests.operations.world import BUYER, SELLER

DIGEST = sha256(b"another photo").hexdigest()
OCTETS = {"content": b"another photo", "headers": {"Content-Type": "application/octet-stream"}}
STAFF = (Role.ARBITRATOR, Role.REGULATOR)  # who come with tokens of their own issuer
STEP = {"verb": "receive", "fields": {}}


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
    "show_completeness": Row(lambda o: f"/v1/returns/{o.return_id}/completeness", seen=True),
    "list_actions": Row(lambda o: f"/v1/returns/{o.return_id}/actions", seen=True),
    "prepare_statement_of_step": Row(lambda o: f"/v1/returns/{o.return_id}/statements", lambda _: STEP, seen=True),
    "export_return": Row(lambda o: f"/v1/returns/{o.return_id}/package", seen=True),
    "export_cases": fixed("/v1/exports", {}),
    "show_statistics": fixed("/v1/statistics"),
    "show_scope_completeness": fixed("/v1/completeness?buyer_country=DE&seller_country=CN"),
    "share_return": Row(lambda o: f"/v1/returns/{o.return_id}/parties", lambda _: PARTY, seen=True),
    "unshare_return": Row(lambda o: f"/v1/returns/{o.return_id}/parties:remove", lambda _: PARTY, seen=True),
    "list_entries": fixed("/v1/entries"),
    "show_entry": Row(lambda o: f"/v1/entries/{o.index}", seen=True),
    "get_receipt": Row(lambda o: f"/v1/entries/{o.index}/receipt", seen=True),
    "print_receipt": Row(lambda o: f"/v1/entries/{o.index}/receipt.pdf", seen=True),
    "get_tlog_proof": Row(lambda o: f"/v1/entries/{o.index}/tlog-proof", seen=True),
    "read_evidence": Row(lambda o: f"/v1/entries/{o.index}/evidence/0", seen=True),
    "upload_evidence": Row(lambda _: "/v1/evidence", sent={"files": {"file": b"a photo"}}),
    "put_evidence": Row(lambda _: f"/v1/evidence/{DIGEST}", sent=OCTETS),
    "show_upload": Row(lambda o: f"/v1/evidence/{o.upload}"),
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
    "remove_webhook": Row(lambda o: f"/v1/webhooks/{o.webhook}"),
    "list_deliveries": Row(lambda o: f"/v1/webhooks/{o.webhook}/deliveries"),
    "decide_erasure": fixed(
        "/v1/erasures",
        {
            "party": {"role": "buyer", "reference": "nobody-at-all"},
            "ground": "objection",
            "asked_by": "buyer",
            "asked_at": ASKED_AT,
        },
    ),
    "show_erasure": Row(lambda o: f"/v1/erasures/{o.erasure}"),
    "lift_restriction": Row(lambda o: f"/v1/erasures/{o.erasure}/lift", lambda o: {"told_at": o.told_at}),
    "show_metrics": fixed("/metrics"),
    "problem_page": fixed("/help/problems/busy"),
}
PUBLIC = {"checkpoint", "entry_bundle", "tile", "trust", "live", "ready", "problem_page"}
OF_PERSONS = {"show_erasure": (200,), "lift_restriction": (201,)}  # of whose cases the platform need not be a party
COUNTS_CASES = {"show_scope_completeness": (Role.PLATFORM, Role.REGULATOR)}  # of a country: others have none
ASKS_BY_TOKEN = {"create_session"}  # the link in its body is the credential: anybody with a bad one gets 401


def operations(service: Asking) -> dict[str, Any]:
    """Return the routes of the API by their operation ids."""
    return {route.name: route for route in routes_of(service.app)}


def test_every_operation_has_a_row_and_every_row_an_operation(service: Asking) -> None:
    assert set(operations(service)) == set(ROWS)


def test_nobody_speaks_as_the_system(service: Asking) -> None:
    with pytest.raises(PermissionRefusedError):
        issue_key(service.ledger, Party(Role.SYSTEM, "system"), label="x", scopes=[Scope.READ])


@pytest.fixture(scope="module")
def places(service: Asking) -> Places:
    """Cases and what lies beside them, for all operations."""
    return Places(service)


def statuses(service: Asking, places: Places, name: str, asker: Party | None, token: Any) -> dict[str, int]:
    """Return what an asker is answered at each place; `token` makes its credential."""
    route, row = operations(service)[name], ROWS[name]
    (method,) = route.methods
    found = {}
    for place in Places.names:
        target = places.at(place, name, asker)
        sent = {} if row.body is None else {"json": row.body(target)}
        sent |= row.sent or {}
        found[place] = service.ask(method, row.path(target), token(), **sent).status_code
    return found


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_role_gets_what_its_scopes_and_its_cases_allow(service: Asking, places: Places, name: str) -> None:
    scope, row = scope_of(operations(service)[name]), ROWS[name]
    for role in (None, *PARTIES):
        party = None if role is None else PARTIES[role]

        def token(party: Party | None = party) -> Party | str | None:
            return fresh_token(service, party) if party is not None and name == "end_session" else party

        for place, status in statuses(service, places, name, party, token).items():
            wanted = expected(name, scope, row, role, place)
            assert (status in wanted) if wanted else status not in (401, 403, 404), (role, place, status, wanted)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_session_of_a_one_time_link_gets_what_its_scopes_allow_in_its_one_case(
    service: Asking, places: Places, name: str
) -> None:
    scope, row = scope_of(operations(service)[name]), ROWS[name]
    for party in (BUYER, SELLER):

        def token(party: Party = party) -> str:
            link = issue_link(service.ledger, party, places.case, valid_seconds=600)
            return redeem_link(service.ledger, link.token, "try")[0].token

        for place, status in statuses(service, places, name, party, token).items():
            wanted = expected(name, scope, row, party.role, place, scopes=LINK_SCOPES)
            if name == "open_return":
                wanted = (403,)  # it is for the one return that there is
            assert (status in wanted) if wanted else status not in (401, 403, 404), (party, place, status, wanted)


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
def test_staff_with_a_token_of_their_issuer_get_what_a_key_of_their_role_would(
    staffed: Asking, staff_places: dict[str, Objects], name: str
) -> None:
    route, row = operations(staffed)[name], ROWS[name]
    scope, (method,) = scope_of(route), route.methods
    now = staffed.ledger.clock().timestamp()
    for role in STAFF:
        sent = token("ES256", now, iss=f"{URL}/{role.value}")
        for place, target in staff_places.items():
            if name == "revoke_key" and place != "none":
                made = issue_key(staffed.ledger, Party(Role.CARRIER, "carrier-7"), label="x", scopes=[Scope.READ])
                target = replace(target, prefix=made.credential.prefix)
            body = {} if row.body is None else {"json": row.body(target)}
            body |= row.sent or {}
            status = staffed.ask(method, row.path(target), sent, **body).status_code
            at = "none" if name in PARTYS_OWN else place  # they have none
            wanted = (409,) if name == "end_session" else expected(name, scope, row, role, at)
            assert (status in wanted) if wanted else status not in (401, 403, 404), (role, place, status, wanted)


@pytest.fixture(scope="module")
def staff_places(staffed: Asking) -> dict[str, Objects]:
    """A case that the court's staff is a party of, and one that nobody of it may see."""
    own = staffed.open_case(members=(Party(Role.ARBITRATOR, f"court/{SUBJECT}"),))
    other = staffed.open_case("somebody-else-again", members=(), buyer_country="FR")
    last = {one: staffed.ledger.read.case(one).last_index for one in (own, other)}
    return {"own": Objects(own, last[own]), "other": Objects(other, last[other]), "none": Objects(NO_CASE, 2**40)}


def expected(
    name: str,
    scope: str | None,
    row: Row,
    role: Role | None,
    place: str,
    *,
    scopes: Collection[Scope] | None = None,
) -> tuple[int, ...]:
    """Return the statuses that are right; empty: anything but a refusal of the caller."""
    if name in PUBLIC:
        return (200,)
    if name in ASKS_BY_TOKEN:
        return (401,)
    if scope != "anybody":
        if role is None:
            return (401,)
        if Scope(scope or "read") not in (scopes or SCOPES_OF[role]) or role not in COUNTS_CASES.get(name, (role,)):
            return (403,)
    if name in PARTYS_OWN:
        return PARTYS_OWN[name] if place == "own" else (404,)
    if name in OF_PERSONS:
        return OF_PERSONS[name] if place != "none" else (404,)
    if place == "none" and (row.seen or name == "revoke_key"):
        return (404,)
    if row.seen and (role is None or place == "other"):
        return (404,)
    return {"upload_evidence": (201,), "put_evidence": (201,), "read_evidence": (200,)}.get(name, ())


def fresh_token(service: Asking, party: Party) -> str:
    """Return a token that may be revoked without harm."""
    return issue_key(service.ledger, party, label="x", scopes=SCOPES_OF[party.role]).token


def nothing_to_see() -> str:
    """Answer a route that no row knows."""
    return ""


def test_a_new_operation_is_noticed(service: Asking) -> None:
    """The check that this file rests on, against an application with one operation more."""
    app = make_app(service.ledger, service.app.state.service.settings)
    app.add_api_route("/v1/backdoor", nothing_to_see, name="backdoor")

    assert {route.name for route in routes_of(app)} - set(ROWS) == {"backdoor"}
