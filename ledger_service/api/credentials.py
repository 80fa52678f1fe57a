"""Keys, one-time links, sessions and access lists: how people and systems come in.

Promises: a token is shown in the answer that makes it and never again; a session's token comes in a body, so that no
link of ours carries a secret past the exchange. Does not: know passwords; there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints, model_validator

from ledger_service.api.address import Cursor, KeyPrefix, ReturnId
from ledger_service.api.bodies import Wire, body_of, documented
from ledger_service.api.identity import At, Key, Operator, Reader, Sharer, Stranger
from ledger_service.api.ordered import OrderRequest
from ledger_service.api.problems import ProblemError
from ledger_service.api.respond import created, page
from ledger_service.api.service import Service
from ledger_service.api.wire import PLAIN_TEXT, Answer, Hex16, Instant, PartyReference, RoleName
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.operations import credentials as issue
from ledger_service.operations import orders
from ledger_service.operations.access import open_case, share, unshare
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.once import Outcome, once
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.revoke import revoke
from ledger_service.store.credentials import PAGE

router = APIRouter(tags=["credentials"])
DAY = 86_400
ScopeName = Literal["read", "record", "evidence", "export", "share", "notify", "erase", "operate"]
assert set(ScopeName.__args__) == set(Scope)  # type: ignore[attr-defined]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class KeyRequest(Wire):
    """An API key to make: for a party, with scopes and, for a platform, the roles whose steps it hands in."""

    party: PartyReference
    label: Annotated[str, Field(min_length=1, max_length=issue.LABEL_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=8)]
    acts_for: Annotated[list[RoleName], Field(max_length=10)] = Field(default_factory=list)
    countries: Annotated[list[Country], Field(max_length=50)] = Field(default_factory=list)
    expires_at: Instant | None = None


class LinkRequest(Wire):
    """A one-time link: to one return, for who has no account; with `order`, for a buyer to open one."""

    return_id: Hex16 | None = None
    order: OrderRequest | None = None
    party: PartyReference
    valid_seconds: Annotated[int, Field(ge=60, le=issue.LINK_SECONDS_MAX)] = 7 * DAY

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.return_id is None) is (self.order is None):
            raise ValueError("either `return_id` or `order` is named")
        return self


class SessionRequest(Wire):
    """The token of a one-time link, exchanged for a session."""

    link: Annotated[str, Field(min_length=1, max_length=200)]


class ShareRequest(Wire):
    """A party that comes onto the access list of a return."""

    party: PartyReference


class CredentialAnswer(Answer):
    """A credential; `token` only in the answer that made it."""

    prefix: str
    kind: str
    role: RoleName
    label: str
    scopes: list[str]
    acts_for: list[str]
    countries: list[str]
    return_id: Hex16 | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class IssuedAnswer(CredentialAnswer):
    """A new credential; a repeated answer holds null in place of the token."""

    token: str | None


class CredentialList(Answer):
    """A page of credentials."""

    items: list[CredentialAnswer]
    next: str | None


class SharedAnswer(Answer):
    """A party on the access list of a return; `new` says whether it was not there before."""

    return_id: Hex16
    role: RoleName
    new: bool


@router.post(
    "/v1/keys", status_code=201, responses={201: {"model": IssuedAnswer}}, openapi_extra=documented(KeyRequest)
)
def create_key(
    service: At, principal: Operator, key: Key, body: Annotated[KeyRequest, Depends(body_of(KeyRequest))]
) -> Response:
    """Make an API key. Its token is in this answer and nowhere else."""

    def work() -> Outcome:
        made = issue.issue_key(
            service.ledger,
            Party(Role(body.party.role), body.party.reference),
            label=body.label,
            scopes=[Scope(name) for name in body.scopes],
            acts_for=[Role(name) for name in body.acts_for],
            countries=body.countries,
            expires_at=body.expires_at,
        )
        return _new(made)

    request: list[Json] = ["POST /v1/keys", body.model_dump()]
    return _again(service, once(service.ledger, principal.party, key, request, work))


@router.get("/v1/keys", responses={200: {"model": CredentialList}})
def list_keys(service: At, _: Operator, after: Annotated[Cursor, Query()] = "") -> Response:
    """List the credentials that were made, by prefix; none shows its secret."""
    found = service.ledger.credentials.all(after=after)
    return page([issue.credential_members(one) for one in found], found[-1].prefix if len(found) == PAGE else None)


@router.delete("/v1/keys/{prefix}", status_code=204)
def revoke_key(service: At, _: Operator, prefix: KeyPrefix) -> Response:
    """Revoke a key, link or session within a second, in every process; a party's last key takes its webhooks along."""
    found = service.ledger.credentials.find(prefix)
    if found is None:
        raise ProblemError("unknown-object", f"there is no credential {prefix!r:.40}")
    revoke(service.ledger, found)
    return Response(status_code=204)


@router.post(
    "/v1/links", status_code=201, responses={201: {"model": IssuedAnswer}}, openapi_extra=documented(LinkRequest)
)
def create_link(
    service: At, principal: Sharer, key: Key, body: Annotated[LinkRequest, Depends(body_of(LinkRequest))]
) -> Response:
    """Make a one-time link for who has no account (buyer, seller, inspector, arbitrator); it goes behind a `#`.

    With `order` it opens a return that is not there yet: the answer names it, and it is found as soon as its buyer has
    filled in the form.
    """
    ledger, party, return_id = service.ledger, Party(Role(body.party.role), body.party.reference), body.return_id
    order = None if body.order is None else body.order.value(principal.party)
    if order is not None:
        orders.check_order(order)
    elif return_id is not None:
        open_case(ledger, principal, return_id)

    def work() -> Outcome:
        if order is not None:
            text = orders.encode_order(order)
            return _new(issue.issue_start(ledger, party, text, valid_seconds=body.valid_seconds))
        assert return_id is not None  # the body names one of the two
        made = issue.issue_link(ledger, party, return_id, valid_seconds=body.valid_seconds)
        share(ledger, return_id, party)
        return _new(made)

    request: list[Json] = ["POST /v1/links", body.model_dump()]
    return _again(service, once(service.ledger, principal.party, key, request, work))


@router.post(
    "/v1/sessions", status_code=201, responses={201: {"model": IssuedAnswer}}, openapi_extra=documented(SessionRequest)
)
def create_session(
    service: At, _: Stranger, key: Key, body: Annotated[SessionRequest, Depends(body_of(SessionRequest))]
) -> Response:
    """Exchange a one-time link for a session. The same key gets the same session again, for as long as it counts."""
    made, replayed = issue.redeem_link(service.ledger, body.link, key)
    return _issued(Outcome(issue.credential_members(made.credential), {"token": made.token}, replayed=replayed))


@router.delete("/v1/sessions/current", status_code=204)
def end_session(service: At, principal: Reader) -> Response:
    """End the session, or revoke the key, that this request is made with. A token of an issuer ends by itself."""
    if principal.issuer is not None:
        raise ProblemError(
            "no-session", f"the token is one of the issuer {principal.issuer!r}: sign out there; here is nothing to end"
        )
    found = service.ledger.credentials.find(principal.name)
    if found is not None:
        revoke(service.ledger, found)
    return Response(status_code=204)


@router.post(
    "/v1/returns/{return_id}/parties",
    status_code=201,
    responses={201: {"model": SharedAnswer}},
    openapi_extra=documented(ShareRequest),
)
def share_return(
    service: At,
    principal: Sharer,
    return_id: ReturnId,
    key: Key,
    body: Annotated[ShareRequest, Depends(body_of(ShareRequest))],
) -> Response:
    """Put a party on the access list of a return."""
    return _change_list(service, principal, return_id, key, body, "parties", share)


@router.post(
    "/v1/returns/{return_id}/parties:remove",
    status_code=201,
    responses={201: {"model": SharedAnswer}},
    openapi_extra=documented(ShareRequest),
)
def unshare_return(
    service: At,
    principal: Sharer,
    return_id: ReturnId,
    key: Key,
    body: Annotated[ShareRequest, Depends(body_of(ShareRequest))],
) -> Response:
    """Take a party off the access list of a return. What it did stands in the log all the same."""
    return _change_list(service, principal, return_id, key, body, "parties:remove", unshare)


def _change_list(
    service: Service,
    principal: Principal,
    return_id: str,
    key: str,
    body: ShareRequest,
    verb: str,
    change: Callable[[Ledger, str, Party], bool],
) -> Response:
    """Change the access list of a return once, and answer with whether the party is new on it."""
    open_case(service.ledger, principal, return_id)
    party = Party(Role(body.party.role), body.party.reference)

    def work() -> Outcome:
        new = change(service.ledger, return_id, party)
        return Outcome({"return_id": return_id, "role": party.role.value, "new": new})

    request: list[Json] = [f"POST /v1/returns/{return_id}/{verb}", body.model_dump()]
    return _issued(once(service.ledger, principal.party, key, request, work))


def _new(made: issue.Issued) -> Outcome:
    """Return a new credential, of which the prefix alone is kept: a label may name a person, who may be erased."""
    return Outcome(
        {"prefix": made.credential.prefix}, {**issue.credential_members(made.credential), "token": made.token}
    )


def _again(service: Service, outcome: Outcome) -> Response:
    """Answer with a new credential, or with an earlier one as it stands now, without its token.

    Raises:
        ProblemError: It was removed since then, with its party's data.
    """
    if not outcome.replayed:
        return _issued(outcome)
    prefix = str(outcome.answer["prefix"])
    known = service.ledger.credentials.find(prefix)
    if known is None:
        raise ProblemError("unknown-object", f"the credential {prefix} was removed with the data of its party")
    return _issued(Outcome({**issue.credential_members(known), "token": None}, replayed=True))


def _issued(outcome: Outcome) -> Response:
    return created({**outcome.answer, **outcome.shown}, headers={}, replayed=outcome.replayed)
