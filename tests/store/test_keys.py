"""Keys and sealed values: durable before they are used, gone when destroyed, useless for anything else."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger_service.core.disclosure import Disclosure
from ledger_service.errors import StoreError, StoreReadOnlyError, StoreSettingsError
from ledger_service.store.keys import KeyStore
from ledger_service.store.values import NONCE_BYTES, open_value, seal_value
from tests.store.drafts import digest


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "keys.db") as opened:
        yield opened


def everything(keys: KeyStore) -> bytes:
    """Return the bytes of every file beside the key store."""
    return b"".join(path.read_bytes() for path in sorted(keys.path.parent.iterdir()))


def test_a_subject_keeps_its_key(keys: KeyStore) -> None:
    key_id, key = keys.key_for("party:alice")

    assert (len(key_id), len(key)) == (16, 32)
    assert keys.key_for("party:alice") == (key_id, key)
    assert keys.get(key_id) == key
    with KeyStore.open(keys.path) as again:
        assert again.key_for("party:alice") == (key_id, key)


def test_subjects_have_different_keys(keys: KeyStore) -> None:
    made = keys.keys_for(["a", "b", "a", "c"])

    assert made[0] == made[2]
    assert len({key for _, key in made}) == len({key_id for key_id, _ in made}) == 3


def test_looking_for_a_key_does_not_make_one(keys: KeyStore) -> None:
    assert keys.find("a") is None
    assert keys.find("a") is None
    made = keys.key_for("a")
    assert keys.find("a") == made


def test_who_a_subject_is_stands_nowhere_in_the_file(keys: KeyStore) -> None:
    keys.key_for("party:customer-4711@example.com")

    assert b"4711" not in everything(keys)


def test_a_destroyed_key_is_gone_from_every_byte(keys: KeyStore) -> None:
    made = keys.keys_for([f"subject {n}" for n in range(50)])
    key_id, key = made[20]
    assert key in everything(keys)

    assert keys.destroy(key_id)

    assert key not in everything(keys)
    assert keys.get(key_id) is None
    assert keys.destroyed() == [key_id]
    assert not keys.destroy(key_id)
    assert all(keys.get(other) == value for other, value in made if other != key_id)


def test_a_subject_whose_key_was_destroyed_gets_another(keys: KeyStore) -> None:
    old_id, old = keys.key_for("a")
    keys.destroy(old_id)

    new_id, new = keys.key_for("a")

    assert new_id != old_id
    assert new != old
    assert keys.get(old_id) is None


@pytest.mark.parametrize("by_whom", ["this store", "another store", "another process"])
def test_a_destroyed_key_is_never_served_from_memory(keys: KeyStore, by_whom: str) -> None:
    old_id, old = keys.key_for("a")
    other_id, other = keys.key_for("b")
    assert keys.ring().key_for("a") == (old_id, old)
    assert (keys.get(old_id), keys.get(old_id)) == (old, old)
    assert (keys.destroyed_count(), keys.destroyed_seen, keys.ring().destroyed) == (0, 0, 0)

    if by_whom == "this store":
        keys.destroy(old_id)
    elif by_whom == "another store":
        with KeyStore.open(keys.path) as another:
            another.destroy(old_id)
    else:
        process = multiprocessing.get_context("spawn").Process(target=_destroy, args=(keys.path, old_id))
        process.start()
        process.join(60)
        assert process.exitcode == 0

    assert keys.get(old_id) is None
    assert old not in keys._by_id.values()
    assert (keys.ring().destroyed, keys.destroyed_seen, keys.destroyed_count()) == (1, 1, 1)
    assert all(old not in one for one in keys._known.values())
    new_id, new = keys.ring().key_for("a")
    assert (new_id != old_id, new != old) == (True, True)
    assert keys.key_for("a") == keys.ring().key_for("a") == (new_id, new)
    assert keys.keys_for(["b", "a"]) == [(other_id, other), (new_id, new)]


def test_what_another_store_begins_and_does_not_commit_changes_nothing_here(keys: KeyStore) -> None:
    made = keys.key_for("a")
    with closing(sqlite3.connect(keys.path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        another.execute("DELETE FROM subject_keys")

        assert keys.get(made[0]) == made[1]
        another.execute("ROLLBACK")

        another.execute("DELETE FROM subject_keys")

    assert keys.get(made[0]) is None


def test_a_closed_store_gives_no_key_from_memory(keys: KeyStore) -> None:
    key_id, _ = keys.key_for("a")
    keys.get(key_id)
    keys.close()

    with pytest.raises(StoreError):
        keys.get(key_id)
    with pytest.raises(StoreError):
        keys.ring()


def test_a_ring_in_hand_gives_no_key_that_its_own_store_destroyed(keys: KeyStore) -> None:
    old_id, _ = keys.key_for("a")
    ring = keys.ring()
    keys.destroy(old_id)

    assert ring.key_for("a")[0] != old_id


def _destroy(path: Path, key_id: bytes) -> None:
    with KeyStore.open(path) as keys:
        assert keys.destroy(key_id)


def test_two_stores_of_one_file_agree_whatever_either_remembers(keys: KeyStore) -> None:
    with KeyStore.open(keys.path) as another:
        for turn in range(20):
            here, there = (keys, another) if turn % 2 else (another, keys)
            key_id, _ = here.ring().key_for("a")
            assert there.ring().key_for("a") == here.ring().key_for("a") == (key_id, here.get(key_id))
            there.destroy(key_id)
            assert here.ring().destroyed == there.ring().destroyed == turn + 1


def test_more_keys_than_are_remembered_are_read_again(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.store.keys.KEYS_REMEMBERED", 3)
    made = keys.keys_for(["a", "b"])

    assert keys.keys_for(["a", "c", "d", "b"])[::3] == made
    assert len(keys._known) == 2
    assert keys.keys_for(["b", "a"]) == made[::-1]


def test_an_unknown_key_is_none(keys: KeyStore) -> None:
    assert keys.get(b"\x00" * 16) is None
    assert not keys.destroy(b"\x00" * 16)
    assert keys.destroyed() == []


def test_the_file_is_for_its_owner_alone(keys: KeyStore) -> None:
    assert keys.path.stat().st_mode & 0o777 == 0o600
    keys.path.chmod(0o640)

    with pytest.raises(StoreSettingsError, match="others may read"):
        KeyStore.open(keys.path)


def test_another_database_is_not_taken_for_a_key_store(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE something (n)")
    path.chmod(0o600)

    with pytest.raises(StoreError, match="no key store"):
        KeyStore.open(path)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    path.write_bytes(os.urandom(4_096))
    path.chmod(0o600)

    with pytest.raises(StoreError):
        KeyStore.open(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreReadOnlyError):
        KeyStore.open(tmp_path / "file" / "keys.db")


def _make_keys(path: Path, results: multiprocessing.Queue[list[tuple[bytes, bytes]]]) -> None:
    with KeyStore.open(path) as keys:
        results.put([keys.key_for(f"subject {n}") for n in range(20)])


def test_processes_agree_on_every_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[tuple[bytes, bytes]]] = context.Queue()
    workers = [context.Process(target=_make_keys, args=(tmp_path / "keys.db", results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    made = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    results.close()
    results.join_thread()

    assert made[0] == made[1]


DISCLOSURE = Disclosure("tracking_no", digest("salt"), {"no": "RR123456785CN", "name": "李雷"})
KEY = digest("key")


def test_a_sealed_value_opens_to_what_was_sealed() -> None:
    sealed = seal_value(KEY, DISCLOSURE)

    assert open_value(KEY, sealed, commitment=DISCLOSURE.commitment()) == DISCLOSURE
    assert b"RR123456785CN" not in sealed
    assert DISCLOSURE.salt not in sealed


def test_sealing_twice_gives_different_bytes() -> None:
    first, second = seal_value(KEY, DISCLOSURE), seal_value(KEY, DISCLOSURE)

    assert first[:NONCE_BYTES] != second[:NONCE_BYTES]
    assert first != second


def test_another_key_or_commitment_does_not_open_it() -> None:
    sealed = seal_value(KEY, DISCLOSURE)

    with pytest.raises(StoreError):
        open_value(digest("other key"), sealed, commitment=DISCLOSURE.commitment())
    with pytest.raises(StoreError):
        open_value(KEY, sealed, commitment=digest("other commitment"))


@pytest.mark.parametrize("length", [0, 1, NONCE_BYTES, NONCE_BYTES + 15])
def test_cut_bytes_do_not_open(length: int) -> None:
    with pytest.raises(StoreError):
        open_value(KEY, seal_value(KEY, DISCLOSURE)[:length], commitment=DISCLOSURE.commitment())


def test_no_flipped_bit_opens() -> None:
    sealed = seal_value(KEY, DISCLOSURE)
    for offset in range(len(sealed)):
        spoiled = bytearray(sealed)
        spoiled[offset] ^= 1

        with pytest.raises(StoreError):
            open_value(KEY, bytes(spoiled), commitment=DISCLOSURE.commitment())
