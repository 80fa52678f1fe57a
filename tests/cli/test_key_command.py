"""Promises of `rledger key`: a token is printed once and alone, a list shows no secret, a revocation counts."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from ledger_service.errors import CredentialError
from ledger_service.operations.credentials import authenticate, issue_link
from ledger_service.operations.principal import ACTS_FOR_ALL, Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.settings import load_settings
from ledger_service.store import credentials as stored
from ledger_service.wiring import open_ledger
from tests.cli.conftest import Story
from tests.cli.program import Program, assert_told
from tests.operations.world import BUYER

CREATE = ("key", "create", "platform:desk-1", "--label", "first desk", "--scope", "read,record")
LATER = "2999-01-01T00:00:00.000Z"


def who(rledger: Program, token: str) -> Principal:
    """Return whom the service takes the holder of a token for."""
    with open_ledger(load_settings(home=rledger.home)) as opened:
        return authenticate(opened.ledger, token)


def create(rledger: Program, *more: str) -> tuple[str, str]:
    """Make a key; return its token and its prefix."""
    token = rledger.done(*CREATE, *more).out.rstrip("\n")
    return token, token.split("_")[1]


def test_the_token_alone_is_on_standard_output_and_it_counts(story: Story) -> None:
    ended = story.rledger.done(*CREATE, "--acts-for", "all")

    token = ended.out.removesuffix("\n")
    _, prefix, secret = token.split("_", 2)
    assert "\n" not in token
    assert secret not in ended.err
    assert f"rledger key revoke {prefix}" in ended.err
    found = who(story.rledger, token)
    assert found.party == Party(found.party.role, "desk-1")
    assert found.party.role.value == "platform"
    assert found.scopes == {Scope.READ, Scope.RECORD}
    assert found.acts_for == ACTS_FOR_ALL


def test_a_regulator_s_key_sees_its_countries_until_it_expires(story: Story) -> None:
    made = story.rledger.done(
        "key", "create", "regulator:de-1", "--label", "watch", "--scope", "read", "--country", "DE,AT",
        "--expires", LATER, "--json",
    ).json()  # fmt: skip

    assert made["countries"] == ["AT", "DE"]
    assert made["expires_at"] == LATER
    assert who(story.rledger, made["token"]).countries == {"AT", "DE"}


def test_some_roles_can_be_named_to_act_for(story: Story) -> None:
    token, _ = create(story.rledger, "--acts-for", "buyer,seller")

    assert {role.value for role in who(story.rledger, token).acts_for} == {"buyer", "seller"}


def test_a_list_shows_what_there_is_and_no_secret(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)  # so that three keys are more than a page
    tokens = [create(story.rledger)[0] for _ in range(3)]

    shown = story.rledger.done("key", "list")
    listed: list[dict[str, Any]] = story.rledger.done("key", "list", "--json").json()

    assert [one["prefix"] for one in listed] == sorted(token.split("_")[1] for token in tokens)
    for token in tokens:
        _, prefix, secret = token.split("_", 2)
        line = next(line for line in shown.out.splitlines() if line.startswith(prefix))
        assert "platform" in line
        assert "read,record" in line
        assert "never expires" in line
        assert line.endswith("first desk")
        assert secret not in shown.out
    for one in listed:
        assert set(one) == {
            "prefix", "kind", "role", "label", "scopes", "acts_for", "countries", "return_id",
            "created_at", "expires_at", "revoked_at",
        }  # fmt: skip
    assert "desk-1" not in shown.out  # whose key it is stays sealed


def test_links_are_listed_where_all_are_asked_for(story: Story) -> None:
    with open_ledger(load_settings(home=story.rledger.home), write=True) as opened:
        link = issue_link(opened.ledger, BUYER, story.return_id, valid_seconds=60)

    assert story.rledger.done("key", "list").out == ""
    (line,) = story.rledger.done("key", "list", "--all").out.splitlines()
    assert line.startswith(f"{link.credential.prefix}  link ")
    assert f"return {story.return_id}" in line


def test_an_empty_list_says_how_to_make_a_key(story: Story) -> None:
    ended = story.rledger.done("key", "list")

    assert ended.out == ""
    assert "rledger key create" in ended.err
    assert story.rledger.done("key", "list", "--json").json() == []


def test_a_revoked_key_counts_no_more_and_another_still_does(story: Story) -> None:
    token, prefix = create(story.rledger)
    other, _ = create(story.rledger)

    first = story.rledger.done("key", "revoke", prefix)
    again = story.rledger.done("key", "revoke", prefix)

    assert first.out == f"revoked: key {prefix}\n"
    assert "before" in again.out
    with pytest.raises(CredentialError):
        who(story.rledger, token)
    assert who(story.rledger, other).party.reference == "desk-1"
    assert "revoked 2" in story.rledger.done("key", "list").out


def test_a_key_can_be_revoked_where_nothing_may_be_written(story: Story) -> None:
    """A stolen key does not wait for the chain to be repaired."""
    _, prefix = create(story.rledger)
    shutil.rmtree(story.rledger.home / "chain")
    (story.rledger.home / "high-water.mark").unlink()

    refused = story.rledger(*CREATE)
    assert refused.code == 4, refused.reported
    assert refused.out == ""
    assert story.rledger.done("key", "revoke", prefix).out == f"revoked: key {prefix}\n"


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({2: "platform"}, 2, "ROLE:REFERENCE"),
        ({2: "king:1"}, 2, "ROLE:REFERENCE"),
        ({2: "system:1"}, 4, "cannot have the scope"),
        ({2: "buyer:c-1", 6: "share"}, 4, "cannot have the scope"),
        ({4: ""}, 4, "a label has 1 to 80"),
        ({4: "x" * 81}, 4, "a label has 1 to 80"),
        ({6: ""}, 2, "at least one scope"),
        ({6: "read,rule"}, 2, "there is no such scope"),
        ({7: "--acts-for", 8: "king"}, 2, "there is no such role"),
        ({7: "--acts-for", 8: "regulator"}, 4, "nobody hands in steps"),
        ({2: "seller:s-1", 7: "--acts-for", 8: "all"}, 4, "only the platform"),
        ({7: "--country", 8: "DE"}, 4, "only a regulator"),
        ({2: "regulator:r", 6: "read", 7: "--country", 8: "de"}, 4, "no country code"),
        ({7: "--expires", 8: "tomorrow"}, 2, "RFC 3339"),
        ({7: "--expires", 8: "2020-01-01T00:00:00.000Z"}, 2, "has passed"),
    ],
)
def test_what_cannot_be_is_told_and_makes_no_key(story: Story, changed: dict[int, str], code: int, words: str) -> None:
    given = {**dict(enumerate(CREATE)), **changed}

    assert_told(story.rledger(*(given[place] for place in sorted(given))), code, words)

    assert story.rledger.done("key", "list", "--json").json() == []


def test_revoking_what_is_not_there_is_refused(story: Story) -> None:
    assert_told(story.rledger("key", "revoke", "0" * 16), 4, "there is no credential")


def test_a_token_given_for_its_prefix_is_not_repeated(story: Story) -> None:
    token, _ = create(story.rledger)

    ended = story.rledger("key", "revoke", token)

    assert_told(ended, 2, "16 lower-case hex digits", "between the underscores")
    assert token.split("_", 2)[2] not in ended.err


def test_where_nothing_was_founded_nothing_is_made(rledger: Program) -> None:
    for arguments in (CREATE, ("key", "list"), ("key", "revoke", "0" * 16)):
        assert_told(rledger(*arguments), 4)
    assert not rledger.home.exists()
