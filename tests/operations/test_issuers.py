"""The file of issuers: all of it is fixed, none of it is guessed, and no two of its issuers speak for one party."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.errors import SettingsError
from ledger_service.operations.issuers import IssuersFormatError, load_issuers, parse_issuers
from ledger_service.operations.key_set import ALGORITHMS
from ledger_service.operations.principal import SCOPES_OF, Scope
from tests.issuer import COUNTS, URL, key_of, key_set, settings_file

COURT: dict[str, Any] = {**COUNTS, "keys": {"jwks_url": "https://login.court.example/keys"}}
REGULATOR = {**COURT, "role": "regulator", "scopes": ["read"], "countries": ["DE", "FR"]}


def refused(*issuers: dict[str, Any], **options: Any) -> str:
    """Return why a file with these issuers is refused."""
    with pytest.raises(IssuersFormatError) as raised:
        parse_issuers(settings_file(*issuers), folder=Path("/nowhere"), **options)
    return raised.value.message


def test_a_file_is_read_as_it_is_written() -> None:
    (issuer,) = parse_issuers(settings_file(COURT), folder=Path("/nowhere"))

    assert (issuer.name, issuer.url, issuer.audience) == ("court", URL, "return-ledger")
    assert issuer.algorithms == frozenset(ALGORITHMS)
    assert issuer.role is Role.ARBITRATOR
    assert issuer.scopes == {Scope.READ, Scope.RECORD}
    assert (issuer.key_set, issuer.jwks_url) == (None, "https://login.court.example/keys")
    assert (issuer.clock_skew_seconds, issuer.token_age_seconds_max) == (30, 3600)


def test_a_regulator_has_countries_and_a_marketplace_hands_in_for_others() -> None:
    platform = {**COURT, "role": "platform", "scopes": ["read", "record", "share"], "acts_for": ["buyer", "seller"]}

    (watches,) = parse_issuers(settings_file(REGULATOR), folder=Path())
    (trades,) = parse_issuers(settings_file(platform), folder=Path())

    assert watches.countries == {"DE", "FR"}
    assert trades.acts_for == {Role.BUYER, Role.SELLER}


@pytest.mark.parametrize("name", sorted(COURT))
def test_every_member_is_needed_and_has_its_type(name: str) -> None:
    assert refused({key: value for key, value in COURT.items() if key != name})
    for value in (None, 1.5, True, {"a": 1}, [1], [["ES256"]], "\n"):
        assert refused({**COURT, name: value}), value


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "Court"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"issuer": "login.court.example"}, "issuer"),
        ({"issuer": URL + "?x=1"}, "issuer"),
        ({"issuer": URL + "#x"}, "issuer"),
        ({"issuer": "https://a b"}, "issuer"),
        ({"audience": ""}, "audience"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["ES256", "HS512"]}, "algorithms"),
        ({"algorithms": ["RS1"]}, "algorithms"),
        ({"role": "system"}, "scopes"),
        ({"role": "owner"}, "role"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["operate"]}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"acts_for": ["buyer"]}, "acts_for"),
        ({"role": "platform", "acts_for": ["regulator"]}, "acts_for"),
        ({"countries": ["DE"]}, "countries"),
        ({"role": "regulator", "scopes": ["read"]}, "countries"),
        ({**REGULATOR, "countries": ["de"]}, "countries"),
        ({**REGULATOR, "countries": ["DEU"]}, "countries"),
        ({"party_claim": ""}, "party_claim"),
        ({"party_claim": "a b"}, "party_claim"),
        ({"reference_prefix": "a b"}, "reference_prefix"),
        ({"reference_prefix": "x" * 65}, "reference_prefix"),
        ({"clock_skew_seconds": -1}, "clock_skew_seconds"),
        ({"clock_skew_seconds": 301}, "clock_skew_seconds"),
        ({"token_age_seconds_max": 0}, "token_age_seconds_max"),
        ({"token_age_seconds_max": 86_401}, "token_age_seconds_max"),
        ({"keys": {}}, "keys"),
        ({"keys": {"jwks": {"keys": []}, "jwks_url": "https://login.court.example/keys"}}, "keys"),
        ({"keys": {"pem": "x"}}, "keys"),
        ({"keys": {"jwks": {"keys": []}}}, "keys"),
        ({"keys": {"jwks": {}}}, "keys"),
        ({"keys": {"jwks_url": "http://login.court.example/keys"}}, "jwks_url"),
        ({"keys": {"jwks_url": "https://10.0.0.7/keys"}}, "jwks_url"),
        ({"keys": {"jwks_url": "https://127.0.0.1:8443/keys"}}, "jwks_url"),
        ({"keys": {"jwks_url": "file:///etc/passwd"}}, "jwks_url"),
        ({"keys": {"jwks_file": "not-there.json"}}, "jwks_file"),
        ({"unknown": 1}, "unknown"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused_by_name(changed: dict[str, Any], words: str) -> None:
    assert words in refused({**COURT, **changed})


def test_for_development_keys_may_come_from_this_machine() -> None:
    local = {**COURT, "issuer": "http://localhost:8080/realms/x", "keys": {"jwks_url": "http://127.0.0.1:8080/keys"}}

    (issuer,) = parse_issuers(settings_file(local), folder=Path(), allow_loopback=True)

    assert issuer.jwks_url == "http://127.0.0.1:8080/keys"
    assert "jwks_url" in refused(local)


def test_a_key_that_was_written_down_and_does_not_count_is_a_mistake() -> None:
    private = {**key_of("ES256").as_dict(private=True), "kid": "k"}

    assert "private key" in refused({**COURT, "keys": {"jwks": {"keys": [private]}}})
    assert "pinned" in refused({**COURT, "algorithms": ["ES384"], "keys": {"jwks": key_set("ES256", "ES384")}})


def test_keys_may_lie_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "court.jwks.json").write_text(json.dumps(key_set("ES256")))
    (tmp_path / "issuers.json").write_bytes(settings_file({**COURT, "keys": {"jwks_file": "court.jwks.json"}}))

    (issuer,) = load_issuers(tmp_path / "issuers.json")

    assert issuer.key_set is not None
    assert list(issuer.key_set.keys) == ["es256-0"]


@pytest.mark.parametrize(
    ("changed", "refused_for"),
    [
        ({"name": "court"}, "its own"),
        ({"issuer": URL}, "its own"),
        ({"reference_prefix": "court/"}, "same references"),
        ({"reference_prefix": ""}, "same references"),
        ({"reference_prefix": "court/chamber-"}, "same references"),
        ({"reference_prefix": "c"}, "same references"),
    ],
)
def test_two_issuers_speak_for_no_party_together(changed: dict[str, Any], refused_for: str) -> None:
    second = {**COURT, "name": "second", "issuer": URL + "/2", "reference_prefix": "second/"}
    assert len(parse_issuers(settings_file(COURT, second), folder=Path())) == 2

    assert refused_for in refused(COURT, {**second, **changed})


def test_issuers_of_different_roles_may_have_the_same_references() -> None:
    customs = {**COURT, "name": "customs", "issuer": URL + "/2", "role": "customs"}

    assert len(parse_issuers(settings_file(COURT, customs), folder=Path())) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"format": "return-ledger/issuers@v2", "issuers": []}', settings_file()[:-1],
        b'{"format": "return-ledger/issuers@v1", "issuers": []}',
        b'{"format": "return-ledger/issuers@v1", "issuers": [1]}',
        b'{"format": "return-ledger/issuers@v1", "issuers": [], "issuers": []}',
        b"\xef\xbb\xbf" + settings_file(COURT),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(IssuersFormatError):
        parse_issuers(data, folder=Path())


def test_a_file_that_is_set_and_not_there_or_not_right_is_a_setting_that_cannot_be_right(tmp_path: Path) -> None:
    assert load_issuers(None) == ()
    (tmp_path / "wrong.json").write_text("{}")
    for path in (tmp_path / "nowhere.json", tmp_path / "wrong.json", tmp_path):
        with pytest.raises(SettingsError, match="LEDGER_OIDC_FILE"):
            load_issuers(path)


def test_the_example_of_the_readme_is_such_a_file_and_its_table_names_every_algorithm(project_root: Path) -> None:
    readme = (project_root / "README.md").read_text()
    (example,) = [one for one in re.findall(r"^```json\n(.*?)^```$", readme, re.M | re.S) if "issuers@v1" in one]

    (issuer,) = parse_issuers(example.encode(), folder=Path("/nowhere"))

    assert (issuer.role, issuer.jwks_url) == (Role.REGULATOR, "https://login.ministry.example/realms/staff/certs")
    (row,) = re.findall(r"^\| `algorithms` \|(.*)$", readme, re.M)
    assert set(re.findall(r"`(\w+)`", row)) == {*ALGORITHMS, "none"}


def test_no_issuer_gives_more_than_a_key_of_its_role_may_have() -> None:
    for role, most in SCOPES_OF.items():
        for scope in Scope:
            issuer = {**(REGULATOR if role is Role.REGULATOR else COURT), "role": role.value, "scopes": [scope.value]}
            if scope in most:
                (parsed,) = parse_issuers(settings_file(issuer), folder=Path())
                assert parsed.scopes == {scope}
            else:
                assert "cannot have the scope" in refused(issuer)


PAGES = {
    "authorization_url": "https://login.court.example/authorize?tenant=7",
    "token_url": "https://login.court.example/token",
    "client_id": "return-ledger-pages",
    "redirect_url": "https://returns.example/staff/back",
}


def test_an_issuer_may_say_how_its_staff_sign_in_on_the_pages(tmp_path: Path) -> None:
    (tmp_path / "client.secret").write_text("s3cret+/=\n")
    with_secret = {**COURT, "pages": {**PAGES, "client_secret_file": "client.secret"}}

    (public,) = parse_issuers(settings_file({**COURT, "pages": PAGES}), folder=tmp_path)
    (private,) = parse_issuers(settings_file(with_secret), folder=tmp_path)

    assert public.pages is not None
    assert private.pages is not None
    assert (public.pages.client_id, public.pages.client_secret) == ("return-ledger-pages", None)
    assert private.pages.client_secret == "s3cret+/="
    assert "s3cret" not in repr(private)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"authorization_url": "http://login.court.example/authorize"}, "authorization_url: it must begin with https"),
        ({"authorization_url": "https://login.court.example/authorize#x"}, "authorization_url"),
        ({"token_url": "https://10.0.0.1/token"}, "token_url"),
        ({"token_url": "http://127.0.0.1:8080/token"}, "token_url: it must begin with https"),
        ({"redirect_url": "https://returns.example/staff"}, "redirect_url"),
        ({"redirect_url": "https://returns.example/x/staff/back"}, "redirect_url"),
        ({"redirect_url": "http://returns.example/staff/back"}, "redirect_url: it must begin with https"),
        ({"client_id": "two words"}, "client_id"),
        ({"client_secret_file": "not-there"}, "client_secret_file: it cannot be read"),
        ({"client_secret_file": "empty"}, "client_secret_file"),
        ({"client_secret_file": "words"}, "client_secret_file"),
        ({"client_secret": "in clear"}, "client_secret"),
    ],
)
def test_a_sign_in_that_cannot_be_right_is_refused_by_name(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "words").write_text("geheim ä")

    with pytest.raises(IssuersFormatError) as raised:
        parse_issuers(settings_file({**COURT, "pages": {**PAGES, **changed}}), folder=tmp_path)

    assert words in raised.value.message
    for name in PAGES:
        assert refused({**COURT, "pages": {key: value for key, value in PAGES.items() if key != name}})


def test_for_development_staff_may_sign_in_on_this_machine() -> None:
    local = {
        "authorization_url": "http://127.0.0.1:8080/authorize",
        "token_url": "http://127.0.0.1:8080/token",
        "redirect_url": "http://localhost:8000/staff/back",
    }

    (issuer,) = parse_issuers(settings_file({**COURT, "pages": {**PAGES, **local}}), folder=Path(), allow_loopback=True)

    assert issuer.pages is not None
    assert issuer.pages.token_url == "http://127.0.0.1:8080/token"
    elsewhere = {**PAGES, **local, "redirect_url": "http://returns.example/staff/back"}
    assert "https" in refused({**COURT, "pages": elsewhere}, allow_loopback=True)
