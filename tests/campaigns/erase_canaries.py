"""Erase twenty persons whose every word can be told from all others, then look for them everywhere.

Looked through: every file of the home (database, write-ahead log, key store, evidence, lists), the temporary folder,
which lies there meanwhile, what was logged, every row of every table, the files of PostgreSQL's tables, and the home
after an older backup of database, files and key store was brought back and opened.
Looked for: each canary as it is, in hex, base64 and UTF-16; the persons' keys; what was encrypted under them. Their
receipts verify as before, fresh ones show the content as erased, and nobody guesses a phone number from a published
entry. Two persons more are not erased: they are found wherever the others were, so finding nothing means something.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.receipt import Receipt
from ledger_service.errors import GateClosedError
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.store.service_tables import SERVICE_TABLES
from ledger_service.store.tables import LOG_TABLES, MUTABLE_TABLES
from tests.api.asking import Asking, asking
from tests.campaigns.phone_guesses import guess
from tests.operations.conftest import make_world
from tests.operations.persons import Person, forms_of, hits_in_files, live, surround
from tests.operations.world import PLATFORM, World, check

PERSONS = 20
KEPT = 2  # persons that are not erased
GUESSES = 10**7
GUESSES_SHORT = 10**5
SAMPLE_BYTES = 24  # of a ciphertext: enough to be found by
ASKED_AT = "2026-11-03T11:00:00.000Z"


@dataclass
class Traces:
    """What somebody who looks for persons looks for, and their receipts as they were handed out."""

    persons: list[Person]
    sealed: list[bytes] = field(default_factory=list)  # keys, and the beginnings of ciphertexts

    @property
    def canaries(self) -> list[bytes]:
        """Return every canary of every person."""
        return [canary for person in self.persons for canary in person.canaries]

    def in_files(self, folder: Path) -> list[str]:
        """Return where any of it stands in the files of a folder."""
        found = hits_in_files(folder, self.canaries)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                found += [f"{path.name}: {trace.hex()}" for trace in self.sealed if trace in content]
        return found

    def in_bytes(self, content: bytes) -> list[bytes]:
        """Return what of it stands in some bytes; what is encrypted in hex too, as a dump shows it."""
        wanted = [form for canary in self.canaries for form in forms_of(canary)]
        wanted += [*self.sealed, *(trace.hex().encode() for trace in self.sealed)]
        return [one for one in wanted if one in content]


def run(short: bool, seed: int) -> dict[str, object]:
    """Run the campaign on SQLite; return what it counted.

    Raises:
        AssertionError: A promise was broken.
    """
    del seed  # nothing is drawn
    with tempfile.TemporaryDirectory(prefix="ledger-canaries-") as folder, no_settings_of_the_machine():
        world = make_world(Path(folder) / "home")
        world.found()
        return erase_and_look(world, Path(folder), guesses=GUESSES_SHORT if short else GUESSES)


def erase_and_look(world: World, folder: Path, *, guesses: int, persons: int = PERSONS) -> dict[str, object]:
    """Erase persons in a founded ledger and look for them; return what was counted.

    Args:
        world: The ledger.
        folder: Where evidence is made and backups are kept.
        guesses: Phone numbers that are tried.
        persons: How many are erased.

    Raises:
        AssertionError: A promise was broken.
    """
    with temporary_folder(world.home / "temporary"):
        return _erase_and_look(world, folder, guesses=guesses, persons=persons)


def _erase_and_look(world: World, folder: Path, *, guesses: int, persons: int) -> dict[str, object]:
    sent = folder / "sent"
    sent.mkdir()
    gone, kept = [Person(n) for n in range(persons)], [Person(900 + n) for n in range(KEPT)]
    with logged() as log:
        with asking(world, sent) as service:
            for person in (*gone, *kept):
                live_aloud(service, sent, person)
            for person in (gone[0], kept[0]):
                _hand_out(service, person)
            lost, stay = traces_of(service.ledger, gone), traces_of(service.ledger, kept)
        _anchor(world)
        assert lost.in_files(world.home), "the look finds nothing even before the erasure"
        backup = _back_up(world, folder / "backup")
        rows_before = dump(world)
        assert lost.in_bytes(rows_before)
        with asking(world, sent) as service:
            ids = [erase_over_http(service, person) for person in gone]
    counts: dict[str, object] = {"persons": len(gone)}
    counts["files"] = look(world, lost, stay)
    assert not lost.in_bytes(dump(world)), "a row still holds something"
    assert not lost.in_bytes(log.getvalue().encode()), f"the log holds {lost.in_bytes(log.getvalue().encode())[:3]}"
    counts["log_characters"] = len(log.getvalue())
    counts["receipts"] = _receipts_hold(world, gone, kept)
    counts["guesses"] = _nobody_guesses(world, gone[0], guesses)
    counts["restored"] = _restore_and_look(world, backup, lost, stay, ids)
    return counts


def traces_of(ledger: Ledger, persons: list[Person]) -> Traces:
    """Return what is to be looked for: canaries, the persons' keys, and what is encrypted under them."""
    found = Traces(persons)
    for person in persons:
        known = ledger.keys.find(f"party:{person.party.reference}")
        assert known is not None
        found.sealed.append(known[1])
        indexes = {place.index for place in ledger.erasures.places(known[0])}  # refused attempts among them
        for index in sorted(indexes):
            values = ledger.read.sealed_values(index)
            found.sealed += [value.ciphertext[:SAMPLE_BYTES] for value in values if value.key_id == known[0]]
    return found


def look(world: World, lost: Traces, stay: Traces) -> int:
    """Assert that nothing of the erased is in any file of the home, and that the others are; return how many files."""
    found = lost.in_files(world.home)
    assert not found, f"{len(found)} traces, the first: {found[0]}"
    assert any(".sqlite3" not in one for one in stay.in_files(world.home)), "those who stay are gone too"
    return sum(path.is_file() for path in world.home.rglob("*"))


def dump(world: World) -> bytes:
    """Return every row of every table, as text and bytes."""
    with world.opened(write=False) as opened:
        parts: list[bytes] = []
        for table in (*LOG_TABLES, *MUTABLE_TABLES, *SERVICE_TABLES):
            for row in opened.ledger.store.rows(f"SELECT * FROM {table}"):
                parts += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
        return b"\n".join(parts)


@contextlib.contextmanager
def logged() -> Iterator[io.StringIO]:
    """Catch whatever is printed and logged, down to the statements that the database driver is given."""
    caught = io.StringIO()
    handler, root = logging.StreamHandler(caught), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
            yield caught
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextlib.contextmanager
def temporary_folder(folder: Path) -> Iterator[None]:
    """Have temporary files made in a folder, by this process, by the programs that it starts, and by SQLite."""
    folder.mkdir()
    names = ("TMPDIR", "SQLITE_TMPDIR")
    before, kept = tempfile.tempdir, {name: os.environ.get(name) for name in names}
    tempfile.tempdir = str(folder)
    os.environ |= dict.fromkeys(names, str(folder))
    try:
        yield
    finally:
        tempfile.tempdir = before
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def no_settings_of_the_machine() -> Iterator[None]:
    """Leave the settings of a ledger of the machine's own aside."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    try:
        yield
    finally:
        os.environ.update(kept)


def live_aloud(service: Asking, folder: Path, person: Person) -> None:
    """Let a person have a return, a key, a webhook, and requests that are refused while they quote the person."""
    live(service.ledger, folder, person, end=False)
    surround(service.ledger, person)
    steps = f"/v1/returns/{person.return_id}/transitions"
    speaker = {"role": "buyer", "reference": person.party.reference}
    wrong = {"verb": "provide_info", "asserted_by": speaker, "fields": {"comment": person.name, "colour": person.phone}}
    assert service.post(steps, PLATFORM, wrong).status_code in (409, 422)
    unknown = {"verb": "withdraw_request", "asserted_by": speaker, "fields": {}, "name": person.name}
    assert service.post(steps, PLATFORM, unknown).status_code == 422
    link = {"return_id": person.return_id, "party": speaker}
    assert service.post("/v1/links", PLATFORM, link).status_code == 201
    end = {"verb": "withdraw_request", "asserted_by": speaker, "fields": {}}
    assert service.post(steps, PLATFORM, end).status_code == 201


def _hand_out(service: Asking, person: Person) -> None:
    """Send a file of the person's as a form, print a receipt and make a package: what needs room while it is made."""
    content = b"\x89PNG\r\n\x1a\n" + person.pixels * 100_000  # beyond what a form parser keeps in memory
    assert service.ask("POST", "/v1/evidence", person.party, files={"file": content}).status_code == 201
    for index in person.indexes:
        assert service.ask("GET", f"/v1/entries/{index}/receipt.pdf", PLATFORM).status_code == 200
    assert service.ask("POST", f"/v1/returns/{person.return_id}/package", PLATFORM).status_code == 200


def erase_over_http(service: Asking, person: Person) -> str:
    """Erase a person as a platform does; return the id of the decision."""
    party = {"role": "buyer", "reference": person.party.reference}
    body = {"party": party, "ground": "consent_withdrawn", "asked_by": "buyer", "asked_at": ASKED_AT}
    answer = service.post("/v1/erasures", PLATFORM, body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["outcome"] == "done", answer.text
    return str(answer.json()["id"])


def _anchor(world: World) -> None:
    with world.anchoring() as (_, _, anchorer):
        anchorer.run()


def _receipts_hold(world: World, gone: Sequence[Person], kept: Sequence[Person]) -> int:
    """Assert that receipts verify as they did when they were handed out, and that fresh ones show what is erased."""
    count = 0
    _anchor(world)
    with world.anchoring() as (ledger, node, _):
        trust = ledger.trust()

        def verdict(receipt: Receipt) -> str:
            return check(receipt, trust, node).verdict.value

        for person in (*gone, *kept):
            for index, old in zip(person.indexes, person.handed_out, strict=True):
                assert verdict(old) == "inconclusive", f"receipt {index} was handed out before any anchor"
                assert not [one for one in check(old, trust, node).checks if one.outcome.value == "fail"]
                fresh = prove(ledger, index)
                assert verdict(fresh) == "valid", f"receipt {index}"
                names: Any = fresh.unprotected.get("erased", [])
                own = {record.name for record in old.records if record.name == "comment" or "photo" in record.name}
                wanted = own if person in gone and _by_buyer(ledger, index) else set()
                assert set(names) == wanted, f"receipt {index} shows {names} as erased"
                count += 2
    return count


def _by_buyer(ledger: Ledger, index: int) -> bool:
    entry = parse_entry(ledger.read.entry(index).encoded)
    return isinstance(entry, CaseEntry) and entry.asserted_by.role.value == "buyer"


def _nobody_guesses(world: World, person: Person, guesses: int) -> int:
    """Try phone numbers against the published entry, the true one among them: found with the salt, and only so."""
    receipt = person.handed_out[2]  # the answer whose comment is the number and nothing else
    with world.opened(write=False) as opened:
        entry = parse_entry(opened.ledger.read.entry(receipt.index).encoded)
    assert isinstance(entry, CaseEntry)
    (commitment,) = (one.commitment for one in entry.all_commitments() if one.name == "comment")
    (shown,) = (record.disclosure for record in receipt.records if record.name == "comment")
    assert shown is not None  # as it was handed out, before the erasure
    assert shown.value == person.phone
    own = int(person.phone[-7:])
    start = 0 if guesses >= 10**7 else own - guesses // 2  # the true number is among them
    found, tried = guess(commitment, "comment", numbers(start, guesses))
    assert found is None, "a phone number was guessed from the published entry"
    assert tried == guesses
    near = numbers(own - 500, 1_000)
    assert guess(commitment, "comment", near, salt=shown.salt)[0] == person.phone, "the guesser finds nothing anyhow"
    return tried


def numbers(start: int, count: int) -> Iterator[str]:
    """Yield phone numbers of the persons' form."""
    for number in range(start, start + count):
        yield f"+49 151 7{number % 10**7:07d}"


def _back_up(world: World, folder: Path) -> Path:
    """Copy what an operator backs up: database, evidence and, against our advice, the key store."""
    folder.mkdir()
    shutil.copytree(world.home / "files", folder / "files")
    shutil.copytree(world.home / "secrets", folder / "secrets")
    for path in world.home.glob("ledger.sqlite3*"):
        shutil.copy2(path, folder)
    return folder


def _restore_and_look(world: World, backup: Path, lost: Traces, stay: Traces, ids: Sequence[str]) -> int:
    """Bring the backup back, open the ledger, and look again; on PostgreSQL only keys and files came back."""
    for name in ("files", "secrets"):
        shutil.rmtree(world.home / name)
        shutil.copytree(backup / name, world.home / name)
    for path in world.home.glob("ledger.sqlite3*"):
        path.unlink()
    for path in backup.glob("ledger.sqlite3*"):
        shutil.copy2(path, world.home)
    assert lost.in_files(world.home), "the backup brought nothing back"
    with world.opened(write=False) as opened:  # whoever only reads is shown nothing either
        for person in lost.persons:
            assert opened.ledger.keys.find(f"party:{person.party.reference}") is None
    older = world.database.exists()
    with contextlib.suppress(GateClosedError), world.opened():
        assert not older, "a database behind the mark was opened to write"
    look(world, lost, stay)
    assert not lost.in_bytes(dump(world))
    with world.opened(write=False) as opened:
        report = audit(opened.ledger, None, unreachable="not asked")
        told = [one.what for one in report.findings if one.stage == "erasures"]
        assert len([one for one in told if "not recorded in every case yet" in one]) == (len(ids) if older else 0)
        assert len(told) == (len(ids) if older else 0), told
    return len(ids)
