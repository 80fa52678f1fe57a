"""The catalogues of the pages: what they must hold, whether they do, and how one of a new language begins.

`python -m tests.web.catalogues` says what is missing, fuzzy or left over (`scripts/check` runs it); with `--update TAG`
(and a folder, where it is not the pages' own) it adds what is missing, untranslated, and takes out what is left over. A
language that the core does not speak gets the core's words too. Does not: translate.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import ledger_service.web
from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.pages.words import WORDS
from ledger_service.core.rules import RULE_SETS
from ledger_service.web.talk import DOMAIN, LOCALES, SOURCE, TAGS, spoken_in_core

FOLDER = Path(ledger_service.web.__file__).parent
_PLACES = re.compile(r"%\(\w+\)s|\{\w+\}")
Forms = tuple[str, ...]


def extracted(folder: Path = FOLDER) -> dict[str, Forms]:
    """Return the messages of the pages: the first form, and all forms."""
    found = extract_from_dir(
        str(folder), [("templates/**.html", "jinja2")], {"templates/**.html": {"newstyle_gettext": "true"}}
    )
    known: dict[str, Forms] = {}
    for _, _, message, _, _ in found:
        forms = (message,) if isinstance(message, str) else tuple(one for one in message or () if one)
        known[forms[0]] = forms
    return known


def core_words() -> Iterator[str]:
    """Yield the English of all words that the core holds in two languages."""
    machines = (LIFECYCLE.case, LIFECYCLE.dispute)
    yield from (words.en for group in WORDS.values() for words in group.values())
    yield from (words.en for words in SENTENCES.values())
    yield from (state.words.en for machine in machines for state in machine.states.values())
    yield from (row.words.en for machine in machines for row in machine.transitions.values())
    yield from (words.en for words in LIFECYCLE.evidence_kinds.values())
    yield from (kind.words.en for kind in CLOCK_KINDS.values())
    yield from (words.en for known in RULE_SETS for words in (known.words, *known.notes.values()))
    yield from (text for known in PROBLEM_TYPES.values() for text in (known.title, known.meaning))


def wanted(tag: str) -> dict[str, Forms]:
    """Return the messages that the catalogue of a language must hold."""
    return extracted() | ({} if spoken_in_core(tag) else {words: (words,) for words in core_words()})


def path_of(tag: str, *, locales: Path = LOCALES) -> Path:
    """Return where the catalogue of a language lies."""
    return locales / tag.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(tag: str, *, locales: Path = LOCALES) -> Catalog:
    """Return the catalogue of a language."""
    with path_of(tag, locales=locales).open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"))


def messages(catalogue: Catalog) -> Iterator[tuple[str, Forms, Forms, bool]]:
    """Yield each message: first form, all forms, translations, whether it is fuzzy."""
    for message in catalogue:
        if message.id:
            forms = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            yield forms[0], forms, said, message.fuzzy


def faults(tag: str, *, locales: Path = LOCALES) -> Iterator[str]:
    """Yield what is wrong with the catalogue of a language."""
    found = {first: (forms, said, fuzzy) for first, forms, said, fuzzy in messages(read(tag, locales=locales))}
    needed = wanted(tag)
    for first, forms in needed.items():
        known = found.get(first)
        if known is None or known[0] != forms:
            yield f"missing: {first!r}"
        elif known[2]:
            yield f"fuzzy: {first!r}"
        elif not all(known[1]):
            yield f"not translated: {first!r}"
        elif any(set(_PLACES.findall(said)) != set(_PLACES.findall(forms[-1])) for said in known[1]):
            yield f"other places than in {first!r}"
    yield from (f"left over: {first!r}" for first in found if first not in needed)


def update(tag: str, *, locales: Path = LOCALES) -> Path:
    """Bring the catalogue of a language up to the messages of now, those that are new untranslated; return its path."""
    path = path_of(tag, locales=locales)
    known = read(tag, locales=locales) if path.is_file() else Catalog(locale=tag.replace("-", "_"))
    made = Catalog(locale=known.locale, fuzzy=False)
    for first, forms in wanted(tag).items():
        old = known.get(first)
        made.add(forms[0] if len(forms) == 1 else forms, old.string if old is not None else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, made, width=120, omit_header=False)
    return path


def main(arguments: list[str]) -> int:
    """Check all catalogues, or update one."""
    if arguments[:1] == ["--update"]:
        tag, folder = arguments[1], Path(arguments[2]) if arguments[2:] else LOCALES
        sys.stdout.write(f"{update(tag, locales=folder)}\n")
        return 0
    found = [f"{tag}: {fault}" for tag in TAGS if tag != SOURCE for fault in faults(tag)]
    sys.stderr.writelines(f"{one}\n" for one in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
