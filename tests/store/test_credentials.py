"""Credentials, access lists and kept answers as rows, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger_service.errors import IdempotencyMismatchError, RequestRunningError
from ledger_service.store.credentials import Credentials, StoredCredential
from ledger_service.store.drafts import STATEMENT_SCOPE, IdempotencyKey, Member
from ledger_service.store.engine import Store
from ledger_service.store.requests import Answered, Requests
from ledger_service.store.writer import Writer
from tests.store import drafts

NOW = "2026-11-03T12:00:00.000Z"
LATER = "2026-11-03T12:05:00.000Z"
CASE = "ab" * 16
KEY = StoredCredential(
    prefix="0123456789abcdef",
    kind="key",
    secret_sha256=bytes(32),
    role="seller",
    mark=b"m" * 32,
    key_id=b"k" * 16,
    reference=b"sealed",
    label="Shop",
    scopes=("read", "record"),
    acts_for=(),
    countries=(),
    return_id=None,
    created_at=NOW,
)
LINK = replace(KEY, prefix="fedcba9876543210", kind="link", return_id=CASE, expires_at=LATER)
ASKED = IdempotencyKey("s" * 32, "key-1", b"f" * 32)


def test_a_credential_comes_back_as_it_was_stored(store: Store) -> None:
    credentials = Credentials(store)

    credentials.add(KEY)
    credentials.add(LINK)

    assert credentials.find(KEY.prefix) == KEY
    assert credentials.all() == [KEY, LINK]
    assert credentials.all(after=KEY.prefix) == [LINK]
    assert credentials.find("0" * 16) is None


def test_a_revocation_counts_for_the_next_look_up_and_once(store: Store) -> None:
    credentials = Credentials(store)
    credentials.add(KEY)

    assert credentials.revoke(KEY.prefix, now=LATER)
    assert not credentials.revoke(KEY.prefix, now=LATER)
    assert credentials.find(KEY.prefix) == replace(KEY, revoked_at=LATER)


def test_a_link_is_used_up_once_and_not_after_it_was_revoked(store: Store) -> None:
    credentials = Credentials(store)
    credentials.add(LINK)
    credentials.add(replace(LINK, prefix="1" * 16, revoked_at=NOW))
    credentials.add(KEY)

    assert credentials.use_up(LINK.prefix, now=LATER)
    assert not credentials.use_up(LINK.prefix, now=LATER)
    assert not credentials.use_up("1" * 16, now=LATER)
    assert not credentials.use_up(KEY.prefix, now=LATER)


def test_an_access_list_names_whom_it_was_told_and_nobody_else(store: Store) -> None:
    credentials = Credentials(store)

    assert credentials.share(CASE, Member(b"a" * 32, "buyer"), now=NOW)
    assert not credentials.share(CASE, Member(b"a" * 32, "buyer"), now=LATER)
    assert credentials.share(CASE, Member(b"b" * 32, "carrier"), now=NOW)

    assert credentials.members(CASE) == [Member(b"a" * 32, "buyer"), Member(b"b" * 32, "carrier")]
    assert credentials.is_member(CASE, b"a" * 32)
    assert credentials.is_known_member(CASE, b"a" * 32)
    assert not credentials.is_known_member(CASE, b"c" * 32)
    assert not credentials.is_member("cd" * 16, b"a" * 32)
    assert credentials.unshare(CASE, b"a" * 32)
    assert not credentials.unshare(CASE, b"a" * 32)
    assert not credentials.is_known_member(CASE, b"a" * 32)


def test_an_answer_is_kept_and_given_again(store: Store) -> None:
    requests = Requests(store)

    assert requests.begin(ASKED, now=NOW, stale="") is None
    with pytest.raises(RequestRunningError):
        requests.begin(ASKED, now=NOW, stale=NOW)
    requests.finish(ASKED, Answered(201, "{}"))

    assert requests.begin(ASKED, now=LATER, stale=LATER) == Answered(201, "{}")
    with pytest.raises(IdempotencyMismatchError):
        requests.begin(replace(ASKED, fingerprint=b"g" * 32), now=NOW, stale="")


def test_a_request_that_died_is_taken_over_once(store: Store) -> None:
    requests = Requests(store)
    requests.begin(ASKED, now=NOW, stale="")

    assert requests.begin(ASKED, now=LATER, stale=LATER) is None
    with pytest.raises(RequestRunningError):
        requests.begin(ASKED, now=LATER, stale=LATER)


def test_a_request_that_failed_may_be_sent_again(store: Store) -> None:
    requests = Requests(store)
    requests.begin(ASKED, now=NOW, stale="")

    requests.forget(ASKED)

    assert requests.begin(ASKED, now=LATER, stale="") is None


def test_kept_answers_go_after_their_time(store: Store) -> None:
    requests = Requests(store)
    requests.begin(ASKED, now=NOW, stale="")
    requests.finish(ASKED, Answered(201, "{}"))

    assert requests.purge(before=NOW) == 0
    assert requests.purge(before=LATER) == 1
    assert requests.begin(ASKED, now=LATER, stale="") is None


def test_a_signed_statement_stays_used_up_for_ever(store: Store) -> None:
    insert = "INSERT INTO idempotency (scope, key, fingerprint, idx, created_at) VALUES (?, ?, ?, 0, ?)"
    with Writer(store, sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=lambda *_: None) as writer:
        writer.append(drafts.genesis())
    for scope in (STATEMENT_SCOPE, ASKED.scope):
        store.change(insert, scope, "k", b"f" * 32, NOW)

    assert Requests(store).purge(before=LATER) == 1

    assert store.rows("SELECT scope FROM idempotency") == [(STATEMENT_SCOPE,)]
