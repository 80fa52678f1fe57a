"""Questions to statistics that a party keeps under a name of its own, to ask them again next month.

Promises: a party sees and removes its own alone; the same name again takes the place of the question before. Does not:
ask them.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.question import Question, parse_question
from ledger_service.errors import RefusedError
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal
from ledger_service.store.saved_questions import StoredQuestion
from ledger_service.store.values import open_text, seal_text

NAME_CHARACTERS_MAX = 80
SAVED_MAX = 50  # of one party: a page of them
_NAME = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{NAME_CHARACTERS_MAX}}}")


class QuestionNameError(RefusedError):
    """A name that is none: nothing, too long, or with a control character."""


class TooManyQuestionsError(RefusedError):
    """The party has as many saved questions as it can have."""


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question under its name."""

    id: str
    name: str
    question: Question


def save_question(ledger: Ledger, who: Principal, name: str, question: Question) -> None:
    """Keep a question; durable on return.

    Raises:
        QuestionNameError: It has no name that can be shown.
        TooManyQuestionsError: There are `SAVED_MAX` already.
    """
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise QuestionNameError(f"a name has 1 to {NAME_CHARACTERS_MAX} characters, and no control characters")
    key_id, key = ledger.keys.key_for(f"party:{who.party.reference}")
    # From the name, under the party's key: the same name is the same row, and the id tells nothing.
    identity = hmac.digest(key, f"return-ledger/saved-question@v1\n{who.party.role}\n{name}".encode(), "sha256").hex()
    identity = identity[:32]
    text = encoding.encode({"name": name, "question": dict(question.members())}).decode()
    stored = StoredQuestion(identity, who.mark, key_id, seal_text(key, text, about=identity.encode()))
    if not ledger.saved_questions.put(stored, now=format_instant(ledger.clock()), most=SAVED_MAX):
        raise TooManyQuestionsError(f"at most {SAVED_MAX} questions are kept", hint="remove one first")


def saved_questions(ledger: Ledger, who: Principal) -> list[SavedQuestion]:
    """Return the questions of a party, oldest first; what cannot be opened any more is left out."""
    found = []
    for stored in ledger.saved_questions.of(who.mark):
        key = ledger.keys.get(stored.key_id)
        if key is not None:
            value: Any = encoding.parse(open_text(key, stored.sealed, about=stored.id.encode()).encode())
            found.append(SavedQuestion(stored.id, value["name"], parse_question(value["question"])))
    return found


def remove_question(ledger: Ledger, who: Principal, identity: str) -> None:
    """Remove a question of the party, if it is there."""
    ledger.saved_questions.remove(identity, mark=who.mark)
