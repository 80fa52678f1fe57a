"""Opening a ledger: keys and folders for their owner alone, everything closed again, nothing made by reading."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.chain.account import key_signer
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.rpc import open_node
from ledger_service.core.checkpoint import parse_checkpoint
from ledger_service.errors import (
    AccountError,
    GateClosedError,
    LedgerError,
    RefusedError,
    SettingsError,
    StorageFullError,
    StoreError,
    StoreReadOnlyError,
)
from ledger_service.operations.audit import audit
from ledger_service.operations.rotate import change_key
from ledger_service.settings import load_settings
from ledger_service.wiring import load_signer, load_signing_key, open_ledger, open_nodes, rotate_key
from tests.operations.conftest import make_world
from tests.operations.world import World, open_case


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a ledger of their own."""
    for name in [name for name in os.environ if name.upper().startswith("LEDGER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A founded ledger that nobody writes to."""
    world = make_world(tmp_path_factory.mktemp("wiring") / "home")
    world.found()
    return world


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    """A founded ledger."""
    return template.copy(tmp_path / "home")


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """A home with nothing in it."""
    return make_world(tmp_path / "home")


def open_files(world: World) -> set[str]:
    """Return the files under the home that this process holds open."""
    return {file.path for file in psutil.Process().open_files() if file.path.startswith(str(world.home))}


def test_a_new_home_and_its_keys_are_for_their_owner_alone(empty: World) -> None:
    with empty.opened(create=True):
        pass
    for name in ("", "secrets", "secrets/checkpoint.key", "secrets/subjects.sqlite3", "high-water.mark"):
        assert stat.S_IMODE((empty.home / name).stat().st_mode) & 0o077 == 0, name


def test_what_was_opened_is_closed_again(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        assert {Path(path).name for path in open_files(world)} >= {"ledger.sqlite3", "subjects.sqlite3"}

    assert open_files(world) == set()
    opened.ledger.close()  # twice is no harm


def spoil_mark(world: World) -> None:
    """Lose the mark: the gate closes."""
    (world.home / "high-water.mark").unlink()


def spoil_signing_key(world: World) -> None:
    """Lose the checkpoint key."""
    (world.home / "secrets" / "checkpoint.key").unlink()


def spoil_key_store(world: World) -> None:
    """Leave something else in place of the key store."""
    (world.home / "secrets" / "subjects.sqlite3").write_bytes(b"no database")


def spoil_space(world: World) -> None:
    """Want more room than there is."""
    world.settings = world.settings.model_copy(update={"disk_free_bytes_min": 2**62})


def spoil_origin(world: World) -> None:
    """Call it otherwise."""
    world.settings = load_settings(home=world.home, origin="other.example/log")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (spoil_mark, GateClosedError),
        (spoil_signing_key, SettingsError),
        (spoil_key_store, StoreError),
        (spoil_space, StorageFullError),
        (spoil_origin, SettingsError),
    ],
)
def test_what_was_opened_before_a_refusal_is_closed_again(
    world: World, spoil: Callable[[World], None], error: type[LedgerError]
) -> None:
    spoil(world)
    with pytest.raises(error), world.opened():
        raise AssertionError("it was opened")

    assert open_files(world) == set()


def test_an_error_of_the_caller_closes_everything_too(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.opened():
        raise ZeroDivisionError
    assert open_files(world) == set()


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"), make_world(tmp_path / "home").opened(write=False):
        pass
    assert not (tmp_path / "home").exists()


def test_without_its_key_store_a_ledger_is_not_opened_and_no_new_one_is_made(world: World) -> None:
    path = world.home / "secrets" / "subjects.sqlite3"
    path.unlink()
    for write in (False, True):
        with pytest.raises(StoreError, match="no key store"), world.opened(write=write):
            pass
    assert not path.exists()


def test_the_origin_is_the_genesis_entry_s_unless_the_settings_say_otherwise(world: World) -> None:
    settings = load_settings(home=world.home)
    with open_ledger(settings) as opened:
        assert opened.ledger.origin == world.settings.origin
    with pytest.raises(SettingsError, match="founded as"), open_ledger(load_settings(home=world.home, origin="x")):
        pass


def test_opening_again_with_create_keeps_the_keys(world: World) -> None:
    before = (world.home / "secrets" / "checkpoint.key").read_bytes()
    with world.opened(create=True):
        pass
    assert (world.home / "secrets" / "checkpoint.key").read_bytes() == before


def test_opening_that_died_before_the_keys_were_made_goes_on(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", die)  # the mark and the key are put in place by it
    with pytest.raises(StoreError), empty.opened(create=True):
        pass
    monkeypatch.undo()
    assert open_files(empty) == set()
    with empty.opened(create=True):
        pass


def test_a_checkpoint_key_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "checkpoint.key"
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError):
        load_signing_key(path, create=True)
    monkeypatch.undo()

    assert list(tmp_path.iterdir()) == []
    made = load_signing_key(path, create=True)
    assert load_signing_key(path, create=True).private_bytes_raw() == made.private_bytes_raw()


def test_of_two_processes_that_make_the_key_at_once_both_hold_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.key"
    real = os.link

    def second(source: str, target: Path) -> None:
        monkeypatch.undo()
        load_signing_key(path, create=True)
        real(source, target)

    monkeypatch.setattr(os, "link", second)
    late = load_signing_key(path, create=True)

    assert late.private_bytes_raw() == load_signing_key(path).private_bytes_raw()
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_is_not_the_log_s_is_refused_and_none_is_made_for_a_founded_ledger(world: World) -> None:
    path = world.home / "secrets" / "checkpoint.key"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(SettingsError, match="there is no checkpoint key"), world.opened(create=True):
        pass
    path.write_bytes(pem(Ed25519PrivateKey.generate()))
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="is not the checkpoint key of"), world.opened():
        pass

    path.write_bytes(kept)
    with world.opened():
        pass


def signer_of(world: World) -> str:
    """Return which key signed the newest checkpoint, in the order in which the log names them."""
    with world.opened(write=False) as opened:
        head, keys = opened.ledger.read.head(), opened.ledger.checkpoint_keys()
        assert head is not None
        (signature,) = parse_checkpoint(head.note)[1]
        return str([key.key_id() for key in keys].index(signature.key_id))


def test_after_a_change_of_key_the_next_checkpoint_is_signed_by_the_new_one(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        rotate_key(opened)
        assert signer_of(world) == "0"  # the change itself
        open_case(opened.ledger, tmp_path)
        assert signer_of(world) == "1"
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        rotate_key(opened)
        open_case(opened.ledger, tmp_path)
        assert audit(opened.ledger, None).findings == []
    assert signer_of(world) == "2"
    assert [path.name for path in (world.home / "secrets").glob("checkpoint*")] == ["checkpoint.key"]


def test_a_change_of_key_that_died_before_its_entry_leaves_the_old_one(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        load_signing_key(opened.places.next_signing_key, create=True)  # and here it died
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        assert signer_of(world) == "0"
        rotate_key(opened)  # goes on with the same new key
        open_case(opened.ledger, tmp_path)
    assert signer_of(world) == "1"


def test_a_change_of_key_that_died_after_its_entry_is_finished_by_opening(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        change_key(opened.ledger, load_signing_key(opened.places.next_signing_key, create=True))  # and here it died
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
    assert signer_of(world) == "1"
    assert not (world.home / "secrets" / "checkpoint.key.next").exists()


def test_a_key_that_the_log_has_had_is_not_taken_again_and_a_reader_changes_none(world: World) -> None:
    with world.opened() as opened:
        assert opened.ledger.signing_key is not None
        with pytest.raises(RefusedError, match="has had this key"):
            change_key(opened.ledger, opened.ledger.signing_key)
    with world.opened(write=False) as opened, pytest.raises(SettingsError, match="opened to read"):
        change_key(opened.ledger, Ed25519PrivateKey.generate())


def pem(key: Ed25519PrivateKey | Ed448PrivateKey, *, password: bytes | None = None) -> bytes:
    """Return a key as PEM."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "content",
    [b"", b"no key", pem(Ed448PrivateKey.generate()), pem(Ed25519PrivateKey.generate(), password=b"x")],
    ids=["empty", "text", "another kind", "with a password"],
)
def test_a_file_that_holds_no_plain_ed25519_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="no Ed25519 key"):
        load_signing_key(path)


def test_a_key_that_others_can_read_is_refused(world: World) -> None:
    (world.home / "secrets" / "checkpoint.key").chmod(0o640)
    with pytest.raises(SettingsError, match="read by others") as raised, world.opened():
        pass
    assert "chmod 600" in raised.value.hint


def test_a_key_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_signing_key(tmp_path / "key")
    with pytest.raises(SettingsError, match="there is no checkpoint key"):
        load_signing_key(tmp_path / "missing")


def test_a_home_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreReadOnlyError, match="cannot be written"),
        make_world(tmp_path / "file" / "home").opened(create=True),
    ):
        pass


def test_the_development_key_signs_on_development_chains_only() -> None:
    settings = load_settings()

    assert load_signer(settings, EMBEDDED_CHAIN_ID).address
    with pytest.raises(AccountError, match="chain 1 is no development chain"):
        load_signer(settings, 1)


def test_a_keystore_is_opened_with_the_password_of_its_file(tmp_path: Path) -> None:
    import json

    from eth_keyfile.keyfile import create_keyfile_json

    password, keystore = tmp_path / "password", tmp_path / "keystore.json"
    made = create_keyfile_json(b"\x01" * 32, b"open sesame", kdf="pbkdf2", iterations=200_000)
    for path, content in ((password, "open sesame\n"), (keystore, json.dumps(made))):
        path.write_text(content)
        path.chmod(0o600)
    settings = load_settings(anchorer_keystore=keystore, anchorer_password_file=password)

    assert load_signer(settings, 1).address == bytes.fromhex(str(made["address"]).removeprefix("0x"))
    with pytest.raises(SettingsError, match="without LEDGER_ANCHORER_PASSWORD_FILE"):
        load_signer(load_settings(anchorer_keystore=keystore), 1)
    password.chmod(0o644)
    with pytest.raises(SettingsError, match="read by others"):
        load_signer(settings, 1)
    password.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_signer(settings, 1)


def test_an_account_comes_from_one_source_only(tmp_path: Path) -> None:
    key, address = "0x" + "17" * 32, "0x" + "ab" * 20
    both = load_settings(anchorer_private_key=key, signer_url="http://127.0.0.1:1", signer_address=address)
    remote = load_settings(signer_url="http://127.0.0.1:1", signer_address=address)

    assert load_signer(load_settings(anchorer_private_key=key), 1).address == key_signer(key).address
    assert load_signer(remote, 1).address == bytes.fromhex("ab" * 20)
    with pytest.raises(SettingsError, match="LEDGER_ANCHORER_PRIVATE_KEY and LEDGER_SIGNER_URL are set") as caught:
        load_signer(both, 1)
    assert "17" * 32 not in caught.value.message
    with pytest.raises(SettingsError, match="without LEDGER_SIGNER_ADDRESS"):
        load_signer(load_settings(signer_url="http://127.0.0.1:1"), 1)
    with pytest.raises(SettingsError):
        load_settings(signer_address="0xabc")
    assert "17" * 32 not in repr(both)


def test_the_nodes_of_a_chain_are_those_of_its_name_and_enough_to_agree(tmp_path: Path) -> None:
    folders = [f"embedded:{tmp_path / name}" for name in ("a", "b")]
    named = f"embedded={folders[0]} sepolia=https://node.example embedded={folders[1]}"
    for folder in folders:
        open_node(folder, writable=True).close()

    with open_nodes(load_settings(rpc_url=named, rpc_quorum=2), EMBEDDED_CHAIN_ID) as nodes:
        assert [node.name for node in nodes] == folders
    with (
        pytest.raises(SettingsError, match="names 1 nodes of the chain sepolia, 2 must agree"),
        open_nodes(load_settings(rpc_url=named, rpc_quorum=2), 11155111),
    ):
        pass
    with (
        pytest.raises(SettingsError, match="names 0 nodes of the chain base"),
        open_nodes(load_settings(rpc_url=named), 8453),
    ):
        pass
    assert load_settings(rpc_url=folders[0]).rpcs_of("whatever") == (folders[0],)
    assert load_settings(rpc_url=f"sepolia={folders[0]}").rpc == folders[0]


def test_urls_are_found_by_the_name_of_their_chain_and_the_embedded_chain_needs_none(tmp_path: Path) -> None:
    own = f"embedded:{tmp_path.absolute() / 'chain'}"
    none = load_settings(home=tmp_path)
    named = load_settings(home=tmp_path, rpc_url="a=http://1.example b=http://2.example a=http://3.example")
    mixed = load_settings(home=tmp_path, rpc_url="http://0.example embedded=embedded:/elsewhere")

    assert (none.named_chains, none.rpcs, none.rpcs_of("embedded")) == ((), (own,), (own,))
    assert named.named_chains == ("a", "b")
    assert named.rpcs == ("http://1.example", "http://2.example", "http://3.example")
    assert named.rpcs_of("a") == ("http://1.example", "http://3.example")
    assert (named.rpcs_of("c"), named.rpcs_of("embedded")) == ((), (own,))
    assert mixed.rpcs_of("embedded") == ("http://0.example", "embedded:/elsewhere")
