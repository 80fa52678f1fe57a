"""Persons whose data can be told from everything else, the cases that they have, and where traces of them may lie."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.core.entry import Role
from ledger_service.core.receipt import Receipt
from ledger_service.operations.credentials import authenticate, issue_key, issue_link
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.prove import prove
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from ledger_service.operations.webhooks import add_webhook
from tests.operations.world import PLATFORM, REQUEST_FIELDS, SELLER, answer_step, ask_step, request_step

OTHERS_WORDS = "the serial number, please"


@dataclass
class Person:
    """A consumer with words and bytes that nobody else has: `canaries` are all of them."""

    number: int
    return_id: str = ""
    indexes: list[int] = field(default_factory=list)
    handed_out: list[Receipt] = field(default_factory=list)

    @property
    def name(self) -> str:
        """A full name."""
        return f"Quillon Vandertramp-{self.number:03d}"

    @property
    def address(self) -> str:
        """A street and place."""
        return f"Kanarienweg {self.number:03d}, 99998 Vogelheim"

    @property
    def phone(self) -> str:
        """A phone number."""
        return f"+49 151 7{self.number:03d}4242"

    @property
    def party(self) -> Party:
        """How the marketplace calls the person: by an e-mail address, as many do."""
        return Party(Role.BUYER, f"quillon.{self.number:03d}@canary.example")

    @property
    def pixels(self) -> bytes:
        """What the person's photo shows."""
        return b"pixels-of-canary-%03d" % self.number

    @property
    def canaries(self) -> list[bytes]:
        """Everything that must be gone."""
        texts = (self.name, self.address, self.phone, self.party.reference)
        return [*(text.encode() for text in texts), self.pixels]


def photo_of(folder: Path, person: Person) -> Path:
    """Return a photo whose bytes are the person's own."""
    path = folder / f"photo-{person.number}.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + person.pixels * 50)
    return path


def live(ledger: Ledger, folder: Path, person: Person, *, end: bool = True) -> Person:
    """Record a return of the person: request, question, answer and, unless told otherwise, the end."""
    comment = f"I am {person.name}, {person.address}, call {person.phone}"
    opened = record(
        ledger,
        request_step(
            photo_of(folder, person),
            asserted_by=person.party,
            fields={**REQUEST_FIELDS, "comment": comment},
            members=(SELLER,),
        ),
    )
    person.return_id = opened.return_id
    steps = [
        ask_step(opened.return_id),
        answer_step(
            opened.return_id,
            photo_of(folder, person),
            asserted_by=person.party,
            fields={"comment": person.phone},  # alone in its value: what a guesser would try
        ),
    ]
    if end:
        steps.append(Step("withdraw_request", person.party, PLATFORM, {}, return_id=opened.return_id))
    person.indexes = [opened.appended.index, *(record(ledger, step).appended.index for step in steps)]
    person.handed_out = [prove(ledger, index) for index in person.indexes]
    return person


def surround(ledger: Ledger, person: Person) -> Principal:
    """Give the person a key, a link and a webhook."""
    key = issue_key(ledger, person.party, label="app", scopes=[Scope.READ, Scope.RECORD, Scope.NOTIFY])
    issue_link(ledger, person.party, person.return_id, valid_seconds=600)
    principal = authenticate(ledger, key.token)
    add_webhook(ledger, principal, f"https://hooks.example.com/{person.party.reference}", ["return.state_changed"])
    return principal


def forms_of(canary: bytes) -> Iterator[bytes]:
    """Yield a canary as it is, in hex, in base64 at each of its three offsets, and in UTF-16."""
    yield canary
    yield canary.hex().encode()
    yield canary.hex().upper().encode()
    for offset in range(3):
        # Without the first and last groups, which depend on the bytes around.
        encoded = base64.b64encode(bytes(offset) + canary)
        yield encoded[4:-4]
        yield base64.urlsafe_b64encode(bytes(offset) + canary)[4:-4]
    text = canary.decode("latin-1")
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")


def hits(content: bytes, canaries: Iterable[bytes]) -> list[bytes]:
    """Return the forms of the canaries that stand in some bytes."""
    return [form for canary in canaries for form in forms_of(canary) if form in content]


def hits_in_files(folder: Path, canaries: Iterable[bytes]) -> list[str]:
    """Return which files under a folder hold, or are named after, a canary in any form."""
    wanted = [form for canary in canaries for form in forms_of(canary)]
    found = []
    for path in sorted(folder.rglob("*")):
        content = str(path.relative_to(folder)).encode() + (path.read_bytes() if path.is_file() else b"")
        found += [f"{path.relative_to(folder)}: {form!r}" for form in wanted if form in content]
    return found
