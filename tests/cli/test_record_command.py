"""Promises of `rledger record`: what is refused is told with its exit code, and leaves nothing behind but, for a step
of a return that exists, the attempt."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PHOTO, Story
from tests.cli.program import APPROVAL, BUYER, PLATFORM, REQUEST, SELLER, Ended, assert_told, fields

ZERO_HASH, ZERO_ID = "00" * 32, "00" * 16
LINE = {"line_id": "l1", "qty": 1, "reason": "defective", "wanted": "refund"}


@dataclass(frozen=True, slots=True)
class Refused:
    """One call that must be refused: what it changes of a good one, its exit code, and words of its error."""

    name: str
    arguments: tuple[str, ...]
    code: int
    words: tuple[str, ...]
    fields: bytes | None = None

    @property
    def is_an_attempt(self) -> bool:
        """Say whether the table or the numbers refuse a step of a return that exists."""
        return self.code == 4 and "ID" in self.arguments and "somebody else recorded" not in self.words


def request(**changed: Any) -> bytes:
    """Return the fields of a request with some changed; None leaves one out."""
    return json.dumps({name: value for name, value in (REQUEST | changed).items() if value is not None}).encode()


def parcels(count: int) -> bytes:
    """Return the fields of a parcel slip with long numbers."""
    return json.dumps({"parcels": [{"parcel_id": f"P{n}", "tracking_no": "x" * 3_999} for n in range(count)]}).encode()


SHIP = (
    "record", "ship_back", "--as", BUYER, "--return", "APPROVED", "--fields", "-",
    "--evidence", "proof_of_posting=photo.png",
)  # fmt: skip
ASK = ("record", "request_return", "--as", BUYER, "--fields", "-", "--evidence", "product_photo=photo.png")
INFO = ("record", "request_info", "--as", PLATFORM, "--return", "ID", "--fields", "-")
GOOD_INFO = b'{"asked_for":["product_photo"]}'

REFUSED = [
    # the state machine says no
    Refused("unknown transition", ("record", "teleport", "--as", BUYER, "--return", "ID"), 4, ("teleport", "allowed")),
    Refused("unknown transition of a new return", ("record", "teleport", "--as", BUYER), 4, ("teleport",)),
    Refused("transition from another state", ("record", "close", "--as", PLATFORM, "--return", "ID"), 4, ("close",)),
    Refused("wrong role", ("record", "approve_return", "--as", BUYER, "--return", "ID"), 4, ("not by buyer",)),
    Refused("missing evidence", ASK[:-2], 4, ("needs", "product_photo"), request()),
    Refused("another kind of evidence", (*ASK[:-1], "order_snapshot=photo.png"), 4, ("product_photo",), request()),
    Refused("unknown kind of evidence", (*ASK, "--evidence", "selfie=photo.png"), 4, ("selfie",), request()),
    Refused("missing field", ASK, 4, ("needs", "legal_basis"), request(legal_basis=None)),
    Refused("stranger field", ASK, 4, ("colour", "no such field"), request(colour="red")),
    Refused("field outside its domain", ASK, 4, ("buyer_country",), request(buyer_country="Germany")),
    Refused("field of another type", ASK, 4, ("lines",), request(lines="l1")),
    Refused("text over its limit", ASK, 4, ("4000",), request(comment="x" * 4_001)),
    Refused("money as a float", ASK, 2, ("1.5", "minor units"), request(lines=[LINE | {"qty": 1.5}])),
    Refused("stale case head", (*INFO, "--expected-head", ZERO_HASH), 4, ("somebody else recorded",), GOOD_INFO),
    Refused("unknown return", (*INFO[:5], ZERO_ID, *INFO[6:]), 4, ("there is no return",), GOOD_INFO),
    Refused("rule with no version", (*INFO, "--rule", "eu-2019"), 2, ("ID@VERSION",), GOOD_INFO),
    Refused("state that it does not lead to", (*INFO, "--to-state", "closed"), 4, ("closed",), GOOD_INFO),
    # limits
    Refused("value over its limit", SHIP, 2, ("65536",), parcels(20)),
    Refused(
        "more files than an entry holds",
        (*ASK, *("--evidence", "product_photo=photo.png") * 64),
        2,
        ("64", "65"),
        request(),
    ),
    Refused("fields over the limit of a document", ASK, 2, ("most bytes", "4194304"), b" " * 4_194_305),
    # strict JSON
    Refused("duplicate keys", ASK, 2, ("standard input", "twice"), b'{"language":"de","language":"en"}'),
    Refused("floats", ASK, 2, ("standard input", "1.0"), b'{"language":1.0}'),
    Refused("exponents", ASK, 2, ("1e3",), b'{"language":1e3}'),
    Refused("NaN", ASK, 2, ("NaN",), b'{"language":NaN}'),
    Refused("infinity", ASK, 2, ("Infinity",), b'{"language":-Infinity}'),
    Refused("large integer", ASK, 2, ("largest integer",), b'{"language":9007199254740992}'),
    Refused("lone surrogate", ASK, 2, ("surrogate",), b'{"language":"\\ud800"}'),
    Refused("BOM", ASK, 2, ("byte order mark",), b"\xef\xbb\xbf" + request()),
    Refused("UTF-16", ASK, 2, ("standard input",), request().decode().encode("utf-16")),
    Refused("NUL", ASK, 2, ("U+0000",), b'{"language":"\\u0000"}'),
    Refused("not UTF-8", ASK, 2, ("UTF-8",), b'{"language":"\xff"}'),
    Refused("truncated", ASK, 2, ("standard input",), request()[:-5]),
    Refused("empty", ASK, 2, ("standard input",), b""),
    Refused("deep", ASK, 2, ("deep", "32"), b'{"language":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    Refused("a list", ASK, 2, ("JSON object",), b"[]"),
    Refused("a field twice", (*ASK, "--field", "language=en"), 2, ("language is given twice",), request()),
    # files
    Refused("0-byte file", (*ASK[:-1], "product_photo=nothing.png"), 2, ("nothing.png", "no bytes"), request()),
    Refused("missing file", (*ASK[:-1], "product_photo=gone.png"), 2, ("gone.png", "no such file"), request()),
    Refused("a folder as file", (*ASK[:-1], "product_photo=."), 2, ("not a regular file",), request()),
    Refused("one file good, one missing", (*ASK, "--evidence", "product_photo=gone.png"), 2, ("gone.png",), request()),
    Refused("missing file of fields", (*ASK[:5], "gone.json"), 2, ("gone.json", "no such file", "hint")),
    # arguments
    Refused("unknown role", ("record", "close", "--as", "king:1", "--return", "ID"), 2, ("king:1", "roles: buyer")),
    Refused("party with no reference", ("record", "close", "--as", "buyer"), 2, ("ROLE:REFERENCE",)),
    Refused("recorder with no reference", (*INFO, "--by", "platform:"), 2, ("--by", "ROLE:REFERENCE"), GOOD_INFO),
    Refused("evidence with no kind", (*ASK[:-1], "photo.png"), 2, ("KIND=FILE",), request()),
    Refused("field with no name", (*ASK, "--field", "=x"), 2, ("NAME=TEXT",), request()),
    Refused("return id of another form", ("record", "close", "--as", PLATFORM, "--return", "42"), 2, ("--return",)),
    Refused("head of another form", (*INFO, "--expected-head", "42"), 2, ("--expected-head", "32 bytes"), GOOD_INFO),
    Refused("time of another form", (*INFO, "--occurred-at", "yesterday"), 2, ("--occurred-at", "RFC 3339"), GOOD_INFO),
    Refused(
        "time that does not exist",
        (*INFO, "--occurred-at", "2026-02-30T00:00:00.000Z"),
        2,
        ("--occurred-at",),
        GOOD_INFO,
    ),
    Refused("party that is no UTF-8", ("record", "close", "--as", "buyer:\udcff"), 2, ("--as", "no UTF-8")),
    Refused("key that is no UTF-8", (*INFO, "--idempotency-key", "\udcff"), 2, ("--idempotency-key",), GOOD_INFO),
    Refused("verb that is no UTF-8", ("record", "\udcff", "--as", BUYER), 2, ("STEP", "no UTF-8")),
    Refused("field that is no UTF-8", (*INFO, "--field", "reason=\udcff"), 2, ("--field", "no UTF-8"), GOOD_INFO),
]


@pytest.fixture
def here(story: Story, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a photo and an empty file."""
    folder = story.folder / "desk"
    folder.mkdir()
    (folder / "photo.png").write_bytes(PHOTO)
    (folder / "nothing.png").touch()
    monkeypatch.chdir(folder)
    return folder


def requested(story: Story) -> str:
    """Record a second return, still in its first state, and return its id."""
    photo = story.folder / "another.png"
    photo.write_bytes(PHOTO)
    ended = story.rledger.done(
        "record", "request_return", "--as", BUYER, "--fields", fields(story.folder, REQUEST), "--evidence",
        f"product_photo={photo}", "--json",
    )  # fmt: skip
    return str(ended.json()["return_id"])


def held(home: Path) -> dict[str, bytes]:
    """Return every file of the home but the demonstration chain's and SQLite's own."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.parent.name != "chain" and not path.name.endswith(("-wal", "-shm", ".sqlite3"))
    }


@pytest.fixture(scope="module")
def young(template: Story, tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, str]:
    """A ledger with a return in its first state, which refusals leave as it is."""
    folder = tmp_path_factory.mktemp("refusals")
    story = Story(
        template.rledger.copy(folder / "home"), template.return_id, folder, template.final, template.young,
        template.photo, template.trust,
    )  # fmt: skip
    (folder / "photo.png").write_bytes(PHOTO)
    (folder / "nothing.png").touch()
    return story, requested(story)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_refused_step_is_told_with_its_exit_code_and_leaves_nothing_behind(
    young: tuple[Story, str], case: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, return_id = young
    monkeypatch.chdir(story.folder)
    size, files = story.rledger.size(), held(story.rledger.home)

    names = {"ID": return_id, "APPROVED": story.return_id}
    ended = story.rledger(*(names.get(text, text) for text in case.arguments), stdin=case.fields or b"")

    assert_told(ended, case.code, *case.words)
    assert "internal error" not in ended.err
    assert story.rledger.size() == size + case.is_an_attempt
    if case.is_an_attempt:
        attempt = story.rledger.done("show", str(size)).json()["entry"]
        assert (attempt["kind"], attempt["return_id"], "seq" in attempt) == ("attempt", return_id, False)
        files["high-water.mark"] = (story.rledger.home / "high-water.mark").read_bytes()
    assert held(story.rledger.home) == files


def test_after_all_refusals_the_ledger_is_clean_and_takes_the_good_step(
    young: tuple[Story, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accepting twin of each refusal: the same arguments, unspoiled."""
    story, return_id = young
    story = Story(
        story.rledger.copy(story.folder / "after"),
        story.return_id,
        story.folder,
        story.final,
        story.young,
        story.photo,
        story.trust,
    )
    monkeypatch.chdir(story.folder)

    story.rledger.done(*ASK, stdin=request())
    story.rledger.done(*(return_id if text == "ID" else text for text in INFO), stdin=GOOD_INFO)
    story.rledger.done(*(story.return_id if text == "APPROVED" else text for text in SHIP), stdin=parcels(2))

    audited = story.rledger.done("audit", "--json").json()
    assert audited["findings"] == audited["unknown"] == audited["notes"] == []


# --- what is told after a good step ---------------------------------------------------------------------------------


def approve(story: Story, return_id: str, *options: str) -> Ended:
    """Call the approval of a return."""
    paper = story.folder / "rma.pdf"
    paper.write_bytes(b"%PDF-1.4\n")
    return story.rledger(
        "record", "approve_return", "--as", SELLER, "--return", return_id, "--fields",
        fields(story.folder, APPROVAL, "approval.json"), "--evidence", f"rma_document={paper}", *options,
    )  # fmt: skip


def test_a_recorded_step_says_what_is_true_now_and_what_to_run_next(story: Story) -> None:
    return_id = requested(story)

    ended = approve(story, return_id)

    assert ended.code == 0
    assert ended.out.splitlines()[0] == f"return {return_id}: approved"
    assert ended.err.splitlines()[-1] == "rledger: hint: its receipt: rledger receipt 5"


def test_json_gives_all_that_a_machine_needs_to_go_on(story: Story) -> None:
    answer = approve(story, requested(story), "--json").json()

    assert answer["state"] == "approved"
    assert (answer["index"], answer["size"], answer["replayed"]) == (5, 6, False)
    assert answer["checkpoint"].splitlines()[1] == "6"
    described = story.rledger.done("show", "5").json()
    assert described["leaf_hash"] == answer["leaf_hash"]


def test_the_same_idempotency_key_gives_the_same_answer_and_no_second_entry(story: Story) -> None:
    return_id = requested(story)

    first = approve(story, return_id, "--idempotency-key", "k-1", "--json").json()
    again = approve(story, return_id, "--idempotency-key", "k-1", "--json").json()

    assert again == first | {"replayed": True}
    assert story.rledger.size() == 6
    assert story.rledger.done("audit", "--json").json()["notes"] == []


def test_the_same_key_for_another_step_is_refused(story: Story) -> None:
    return_id = requested(story)
    approve(story, return_id, "--idempotency-key", "k-1")

    other = story.rledger(
        "record", "withdraw_request", "--as", BUYER, "--return", return_id, "--idempotency-key", "k-1"
    )

    assert_told(other, 4, "key")
    assert story.rledger.size() == 6


def test_the_right_head_is_taken(story: Story) -> None:
    return_id = requested(story)
    head = story.rledger.done("show", "4").json()["leaf_hash"]

    assert approve(story, return_id, "--expected-head", head).code == 0


def test_fields_of_text_need_no_file(story: Story) -> None:
    return_id = requested(story)

    story.rledger.done(
        "record", "withdraw_request", "--as", BUYER, "--return", return_id, "--field", "reason=doch behalten = ok 台灯"
    )

    values = story.rledger.done("show", return_id, "--json").json()["rows"][-1]["values"]
    assert values["reason"] == "doch behalten = ok 台灯"


def test_nothing_personal_stands_in_the_entry(story: Story) -> None:
    """Neither the party's reference nor a committed value is in the bytes of any entry."""
    with sqlite3.connect(story.rledger.home / "ledger.sqlite3") as connection:
        entries = b"".join(bytes(row[0]) for row in connection.execute("SELECT entry FROM entries"))
    connection.close()

    assert b"c-17" not in entries
    assert b"damaged_in_transit" not in entries
    assert b"DE" in entries


# --- a database, a disk or a chain that says no ---------------------------------------------------------------------


def test_a_full_disk_refuses_and_loses_nothing(story: Story, here: Path) -> None:
    full = story.rledger.with_settings(disk_free_bytes_min=str(2**60))
    before = held(story.rledger.home)

    ended = full(*ASK, stdin=request())

    assert_told(ended, 4, "free", "hint: free space")
    assert held(story.rledger.home) == before
    assert story.rledger.size() == 4
    assert full("show").code == 0
    story.rledger.done(*ASK, stdin=request())


def test_evidence_over_its_limit_is_refused(story: Story, here: Path) -> None:
    small = story.rledger.with_settings(evidence_bytes_max=str(len(PHOTO) - 1))

    assert_told(small(*ASK, stdin=request()), 2, str(len(PHOTO) - 1), "photo.png")
    assert story.rledger.size() == 4
    exact = story.rledger.with_settings(evidence_bytes_max=str(len(PHOTO)))
    exact.done(*ASK, stdin=request())


def change_schema(home: Path) -> None:
    """Pretend that a newer program has upgraded the schema."""
    with sqlite3.connect(home / "ledger.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_the_future'")
    connection.close()


def damage(home: Path) -> None:
    """Overwrite the database's header."""
    path = home / "ledger.sqlite3"
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    path.write_bytes(b"not a database".ljust(4096, b"!") + path.read_bytes()[4096:])


def remove_key(home: Path) -> None:
    """Lose the key that signs checkpoints."""
    (home / "secrets" / "checkpoint.key").unlink()


def open_key(home: Path) -> None:
    """Let others read the key that signs checkpoints."""
    (home / "secrets" / "checkpoint.key").chmod(0o644)


def remove_mark(home: Path) -> None:
    """Lose the high-water mark."""
    (home / "high-water.mark").unlink()


def drop_trigger(home: Path) -> None:
    """Remove a guard of the log."""
    with sqlite3.connect(home / "ledger.sqlite3") as connection:
        name = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name").fetchone()[0]
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (change_schema, 4, ("schema",)),
        (damage, 4, ("damaged",)),
        (remove_key, 2, ("checkpoint key", "rledger deploy")),
        (open_key, 2, ("can be read by others", "chmod 600")),
        (remove_mark, 4, ("high-water mark", "accept-mark")),
        (drop_trigger, 4, ("trigger",)),
    ],
)
def test_a_home_that_is_not_whole_refuses_to_write_and_says_what_is_wrong(
    story: Story, here: Path, spoil: Callable[[Path], None], code: int, words: tuple[str, ...]
) -> None:
    spoil(story.rledger.home)
    files = held(story.rledger.home)

    ended = story.rledger(*ASK, stdin=request())

    assert_told(ended, code, *words, "hint: ")
    assert held(story.rledger.home) == files


def test_a_database_that_was_restored_refuses_to_write(story: Story, here: Path) -> None:
    """Yesterday's database beside today's mark: what it would append next would fork the log."""
    old = story.folder / "old.sqlite3"
    with sqlite3.connect(story.rledger.home / "ledger.sqlite3") as now, sqlite3.connect(old) as copy:
        now.backup(copy)
    now.close()
    copy.close()
    story.rledger.done(*ASK, stdin=request())
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"):
        (story.rledger.home / name).unlink(missing_ok=True)
    old.rename(story.rledger.home / "ledger.sqlite3")

    assert_told(story.rledger(*ASK, stdin=request()), 4, "4 entries", "5", "restored backup")
    assert story.rledger.size() == 4


def test_an_unreachable_chain_is_said_loudly_and_the_step_recorded(story: Story, here: Path) -> None:
    """The mark decides where the chain is silent (design §6)."""
    alone = story.rledger.with_settings(rpc_url="http://127.0.0.1:1")

    ended = alone.done(*ASK, stdin=request())

    assert "rledger: warning: not confirmed by the chain: " in ended.err
    assert story.rledger.size() == 5
    assert alone("audit").code == 3
    story.rledger.done("audit")


def test_blocks_that_are_gone_are_a_warning_and_no_new_chain_is_begun(story: Story, here: Path) -> None:
    (story.rledger.home / "chain").rename(story.folder / "elsewhere")

    ended = story.rledger.done(*ASK, stdin=request())

    assert "warning: not confirmed by the chain: the embedded chain's blocks are missing" in ended.err
    assert not (story.rledger.home / "chain").exists()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "embedded:"])
def test_a_wrong_address_of_the_chain_is_a_setting_to_correct(story: Story, here: Path, url: str) -> None:
    ended = story.rledger.with_settings(rpc_url=url)(*ASK, stdin=request())

    assert_told(ended, 2, "hint: ")
    assert story.rledger.size() == 4


def test_another_chain_than_the_pinned_one_refuses_to_write(story: Story, here: Path, template: Story) -> None:
    """A chain that was begun anew has the same id, but not the contract."""
    from ledger_service.chain.embedded import open_embedded

    empty = story.folder / "empty-chain"
    with open_embedded(empty, read_only=False):
        pass

    ended = story.rledger.with_settings(rpc_url=f"embedded:{empty}")(*ASK, stdin=request())

    assert_told(ended, 4, "no contract")
    assert story.rledger.size() == 4
