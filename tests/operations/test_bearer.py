"""Bearer tokens of issuers: every forged one is refused for its own reason, every good one counts for what is set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.errors import CredentialError
from ledger_service.operations.access import member_of
from ledger_service.operations.bearer import BearerTokens, Fault, TokenRefusedError
from ledger_service.operations.issuer_keys import IssuerKeys
from ledger_service.operations.issuers import parse_issuers
from ledger_service.operations.key_set import ALGORITHMS
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.outbound.get import Got
from tests.forged import forgeries
from tests.issuer import (
    AGE_SECONDS_MAX,
    AUDIENCE,
    COUNTS,
    SKEW_SECONDS,
    SUBJECT,
    URL,
    claims,
    header,
    key_set,
    settings_file,
    sign,
    token,
)
from tests.operations.world import World

EACH = sorted(ALGORITHMS)


def nobody(url: str) -> Got:
    """Fetch nothing: the keys of these tests are in the settings."""
    raise AssertionError(f"{url} was asked")


class Stopped:
    """A clock that stands where a test puts it."""

    def __init__(self, ledger: Ledger) -> None:
        self.at = ledger.clock().replace(microsecond=0)
        ledger.clock = lambda: self.at

    @property
    def seconds(self) -> int:
        """The time, as tokens have it."""
        return int(self.at.timestamp())


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    with world.opened(write=False) as opened:
        yield opened.ledger


@pytest.fixture
def clock(ledger: Ledger) -> Stopped:
    return Stopped(ledger)


def reader(ledger: Ledger, data: bytes = b"") -> BearerTokens:
    """Return what reads the tokens of the issuers in a settings file."""
    issuers = parse_issuers(data or settings_file(), folder=Path("/nowhere"))
    return BearerTokens(ledger, issuers, IssuerKeys(nobody))


def refusal(bearer: BearerTokens, sent: str) -> Fault | None:
    """Return why a token does not count, None if it does."""
    try:
        bearer.authenticate(sent)
    except TokenRefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize("algorithm", EACH)
def test_every_forged_token_is_refused_for_its_own_reason(ledger: Ledger, clock: Stopped, algorithm: str) -> None:
    bearer = reader(ledger)
    forged = list(forgeries(algorithm, clock.seconds))

    wrong = [(what, wanted, found) for what, wanted, sent in forged if (found := refusal(bearer, sent)) is not wanted]

    assert wrong == []
    assert len(forged) >= 130
    assert {fault for _, fault, _ in forged} >= set(Fault) - {Fault.PARTY}
    assert refusal(bearer, token(algorithm, clock.seconds)) is None  # and what they were made from counts


def test_the_sender_of_a_forged_token_learns_nothing(ledger: Ledger, clock: Stopped) -> None:
    bearer = reader(ledger)
    said = set()
    for _, _, sent in forgeries("ES256", clock.seconds):
        with pytest.raises(CredentialError) as raised:
            bearer.authenticate(sent)
        said.add((raised.value.message, raised.value.hint, str(raised.value.__cause__)))

    assert said == {("the credential does not count", "it may be unknown, used, revoked or expired", "None")}


@pytest.mark.parametrize("algorithm", EACH)
def test_a_token_counts_for_what_the_settings_say_and_for_nothing_that_it_says(
    ledger: Ledger, clock: Stopped, algorithm: str
) -> None:
    sent = token(algorithm, clock.seconds, scope="operate", role="platform", countries=["DE"], acts_for=["buyer"])

    principal = reader(ledger).authenticate(sent)

    party = Party(Role.ARBITRATOR, f"court/{SUBJECT}")
    assert principal.party == party
    assert principal.mark == member_of(ledger, party).mark
    assert principal.scopes == {Scope.READ, Scope.RECORD}
    assert (principal.acts_for, principal.countries, principal.return_id) == (frozenset(), frozenset(), None)
    assert principal.issuer == "court"


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_a_type_that_names_a_token_of_this_kind_counts(ledger: Ledger, clock: Stopped, typ: object) -> None:
    sent = sign("ES256", header("ES256", typ=typ, x5t="not looked at"), claims(clock.seconds))

    assert refusal(reader(ledger), sent) is None


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["account", AUDIENCE]])
def test_one_of_several_audiences_may_be_us(ledger: Ledger, clock: Stopped, audience: object) -> None:
    assert refusal(reader(ledger), token("ES256", clock.seconds, aud=audience)) is None


@pytest.mark.parametrize(
    ("changed", "inside", "outside", "fault"),
    [
        ("exp", 1 - SKEW_SECONDS, -SKEW_SECONDS, Fault.EXPIRED),
        ("nbf", SKEW_SECONDS, SKEW_SECONDS + 1, Fault.NOT_YET),
        ("iat", SKEW_SECONDS, SKEW_SECONDS + 1, Fault.NOT_YET),
        ("iat", -AGE_SECONDS_MAX - SKEW_SECONDS, -AGE_SECONDS_MAX - SKEW_SECONDS - 1, Fault.TOO_OLD),
    ],
)
def test_the_bounds_of_time_lie_where_the_settings_put_them_to_the_second(
    ledger: Ledger, clock: Stopped, changed: str, inside: int, outside: int, fault: Fault
) -> None:
    bearer, now = reader(ledger), clock.seconds
    early: dict[str, Any] = (
        {"iat": now - 1000, "nbf": ...} if changed == "exp" else {"nbf": ...} if changed == "iat" else {}
    )

    assert refusal(bearer, token("ES256", now, **{**early, changed: now + inside})) is None
    assert refusal(bearer, token("ES256", now, **{**early, changed: now + outside})) is fault


def test_a_time_that_stands_still_or_jumps_makes_no_expired_token_count(ledger: Ledger, clock: Stopped) -> None:
    bearer = reader(ledger)
    sent = token("ES256", clock.seconds)
    assert refusal(bearer, sent) is None

    clock.at = clock.at.replace(year=clock.at.year + 1)
    assert refusal(bearer, sent) is Fault.EXPIRED
    clock.at = clock.at.replace(year=clock.at.year - 2)
    assert refusal(bearer, sent) is Fault.NOT_YET


def test_an_algorithm_that_the_settings_do_not_pin_does_not_count_though_the_key_is_there(
    ledger: Ledger, clock: Stopped
) -> None:
    keys = key_set("RS256", "ES256")
    keys["keys"][0].pop("alg")
    bearer = reader(ledger, settings_file({**COUNTS, "algorithms": ["ES256", "PS256"], "keys": {"jwks": keys}}))

    assert refusal(bearer, token("RS256", clock.seconds)) is Fault.ALGORITHM
    assert refusal(bearer, token("ES256", clock.seconds)) is None


def test_an_issuer_signs_for_itself_and_for_no_other(ledger: Ledger, clock: Stopped) -> None:
    other = {**COUNTS, "name": "second", "issuer": URL + "/second", "reference_prefix": "second/"}
    bearer = reader(
        ledger,
        settings_file(
            {**COUNTS, "keys": {"jwks": key_set("ES256")}},
            {**other, "keys": {"jwks": key_set("ES256", number=1)}},
        ),
    )

    mine = sign("ES256", header("ES256", 1), claims(clock.seconds, iss=URL + "/second"), number=1)
    theirs = sign("ES256", header("ES256", 1), claims(clock.seconds), number=1)
    borrowed = sign("ES256", header("ES256", 0), claims(clock.seconds), number=1)

    assert bearer.authenticate(mine).party == Party(Role.ARBITRATOR, f"second/{SUBJECT}")
    assert refusal(bearer, theirs) is Fault.UNKNOWN_KEY
    assert refusal(bearer, borrowed) is Fault.SIGNATURE


def test_the_party_is_the_claim_that_the_settings_name(ledger: Ledger, clock: Stopped) -> None:
    bearer = reader(ledger, settings_file({**COUNTS, "party_claim": "org", "keys": {"jwks": key_set("ES256")}}))

    assert bearer.authenticate(token("ES256", clock.seconds, org="chamber-3")).party.reference == "court/chamber-3"
    for value in (..., 3, "", "a\nb", ["chamber-3"], "c" * 256):
        assert refusal(bearer, token("ES256", clock.seconds, org=value)) is Fault.PARTY


def test_each_member_of_the_staff_has_a_name_in_the_log_that_leads_to_nobody(ledger: Ledger, clock: Stopped) -> None:
    bearer = reader(ledger)

    def name(of: BearerTokens, subject: str) -> str:
        return of.authenticate(token("ES256", clock.seconds, sub=subject)).name

    assert name(bearer, "one@court.example") == name(bearer, "one@court.example")
    assert name(bearer, "one@court.example") != name(bearer, "two@court.example")
    assert name(bearer, "one@court.example") != name(reader(ledger), "one@court.example")  # another process
    assert name(bearer, "one@court.example").startswith("court:")
    assert "one" not in name(bearer, "one@court.example").removeprefix("court:")


def test_where_no_issuer_is_named_no_token_counts(ledger: Ledger, clock: Stopped) -> None:
    assert refusal(BearerTokens(ledger, (), IssuerKeys(nobody)), token("ES256", clock.seconds)) is Fault.ISSUER
