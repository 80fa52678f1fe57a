"""What is said to a person in one language: the catalogue's messages, times, days, amounts, lengths of time.

Catalogues are gettext files under `locale/`, one folder a language, read once. The words for the codes of a case stand
in the core in English and Chinese, with how these write times and amounts; of any other language they come from its
catalogue and from CLDR. Promises: a language that is not here is never answered with; times are shown in UTC and say
so; amounts keep every minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations

from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.words import WORDS
from ledger_service.core.rules import RULE_SETS
from ledger_service.web.spoken import Spoken, Translated

LOCALES = Path(__file__).parent / "locale"
DOMAIN = "messages"
_IN_CORE = {"en": Language.EN, "zh-Hans": Language.ZH}  # whose words stand in the core
_ALIASES = {  # choices whose words stand under a name that sheets use too
    "offered_remedy": "remedy", "wanted_remedy": "remedy", "charge_kind": "charge", "deduction_reason": "deduction",
}  # fmt: skip
SOURCE = "en"  # the language that messages are written in
TAGS = (SOURCE, *sorted(folder.name.replace("_", "-") for folder in LOCALES.iterdir() if folder.is_dir()))
_MIB = 1 << 20
_CODE_LETTERS = 2  # ISO 639-1: the languages that a court or a board is likely to use
ACCEPTED_PARTS_MAX = 20  # of an Accept-Language header; browsers send fewer than ten


class Talk:
    """One language."""

    def __init__(self, tag: str, translations: NullTranslations) -> None:
        """Take a tag of `TAGS` and its catalogue."""
        self.tag = tag
        self.locale = Locale.parse(tag, sep="-")
        self.translations = translations
        known = _IN_CORE.get(tag)
        self.speech = Translated(Language.EN, translations, self.locale) if known is None else Spoken(known)

    @property
    def direction(self) -> str:
        """Return `ltr` or `rtl`."""
        return self.locale.text_direction

    @property
    def own_name(self) -> str:
        """Return the name of the language in itself."""
        return self.locale.get_display_name() or self.tag

    def instant(self, instant: str) -> str:
        """Return an instant (RFC 3339 UTC) to the minute, with its zone."""
        return self.speech.instant(instant)

    def day(self, day: str) -> str:
        """Return a local day (ISO 8601)."""
        return self.speech.day(day)

    def amount(self, minor: int, currency: str) -> str:
        """Return an amount of minor units."""
        return self.speech.amount(minor, currency)

    def evidence(self, kind: str) -> str:
        """Return what a kind of evidence is, without its code."""
        return self.speech.evidence(kind)

    def choice(self, form: str, code: str) -> str:
        """Return the words for a choice of a form of the life cycle; the code itself where it has none."""
        if form == "evidence_kind":
            return self.evidence(code)
        group = _ALIASES.get(form, form)
        return self.speech.code(group, code) if group in WORDS else escaped(code)

    def rule(self, name: str) -> str:
        """Return a rule (`id@version`) with what it is; its name alone where it is not one of the rule sets.

        >>> talk("en").rule("EU@2"), talk("en").rule("eu-2019-771-art-13@1")
        ('European Union, distance contracts (EU@2)', 'eu-2019-771-art-13@1')
        """
        identity = name.partition("@")[0]
        words = self.rule_set(identity)
        return name if words == identity else f"{words} ({name})"

    def rule_set(self, identity: str) -> str:
        """Return what a set of rules is, whatever its version; its id where it is none that we know."""
        words = next((one.words for one in RULE_SETS if one.id == identity), None)
        return identity if words is None else self.speech.of(words)

    def pair(self, pair: tuple[str, str]) -> str:
        """Return the countries of a buyer and a seller."""
        return " → ".join(map(self.country, pair))

    def country(self, code: str) -> str:
        """Return the name of a country (ISO 3166-1 alpha-2); the code itself where it has none."""
        return str(self.locale.territories.get(code, code))

    def language(self, tag: str) -> str:
        """Return the name of a language (a BCP 47 tag); the tag itself where it has none."""
        language, _, rest = tag.partition("-")
        names = self.locale.languages
        return str(names.get(f"{language}_{rest[:4]}") or names.get(language, tag))

    def other_language(self, tag: str) -> str:
        """Return the name of the language of a text, empty where none is said or it is the page's own."""
        return "" if not tag or _spoken_as(tag) == _spoken_as(self.tag) else self.language(tag)

    def all_languages(self) -> list[tuple[str, str]]:
        """Return the tag and the name of each language that has a code of two letters, by name."""
        found = [(tag, str(name)) for tag, name in self.locale.languages.items() if len(tag) == _CODE_LETTERS]
        return sorted(found, key=lambda one: (one[1], one[0]))

    def number(self, value: int) -> str:
        """Return a whole number."""
        return str(format_decimal(value, locale=self.locale))

    def size(self, count: int) -> str:
        """Return how many bytes something has, in whole MiB where it has at least one.

        >>> talk("en").size(2**31), talk("en").size(1000)
        ('2,048 MiB', '1,000 B')
        """
        return f"{self.number(count // _MIB)} MiB" if count >= _MIB else f"{self.number(count)} B"

    def share(self, ratio: tuple[int, int]) -> str:
        """Return so many of so many, in percent and in numbers; a dash of none."""
        some, of = ratio
        if not of:
            return "–"
        percent = format_percent(Decimal(some) / of, "#,##0.#%", locale=self.locale)
        return f"{percent} ({self.number(some)} / {self.number(of)})"

    def month(self, month: str) -> str:
        """Return a month (2026-11)."""
        return str(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=self.locale))

    def length(self, seconds: int) -> str:
        """Return how long something is, in its largest unit."""
        return format_timedelta(abs(seconds), threshold=1, locale=self.locale)


def _spoken_as(tag: str) -> tuple[str, str | None]:
    """Return the language of a tag (BCP 47) and, where it is known, how it is written.

    >>> _spoken_as("zh-TW"), _spoken_as("zh-CN") == _spoken_as("zh-Hans") == _spoken_as("zh")
    (('zh', 'Hant'), True)
    """
    try:
        found = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return tag.partition("-")[0].lower(), None
    return found.language, found.script or ("Hans" if found.language == "zh" else None)


@cache
def talk(tag: str) -> Talk:
    """Return a language of `TAGS`."""
    return Talk(tag, catalogue(tag))


def catalogue(tag: str, *, locales: Path = LOCALES) -> NullTranslations:
    """Return the messages of a language; those of the first one are the source itself."""
    if tag == SOURCE:
        return NullTranslations()
    path = locales / tag.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        messages = read_po(file, locale=tag.replace("-", "_"))
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def spoken_in_core(tag: str) -> bool:
    """Say whether the core itself holds the words of a language."""
    return tag in _IN_CORE


class Languages:
    """The languages that people are answered in, the first where they want none of them."""

    def __init__(self, spoken: Sequence[Talk]) -> None:
        """Take them."""
        self._spoken = {one.tag: one for one in spoken}

    @property
    def tags(self) -> tuple[str, ...]:
        """Return their tags (BCP 47)."""
        return tuple(self._spoken)

    def of(self, tag: str) -> Talk:
        """Return one of them."""
        return self._spoken[tag]

    def choose(self, *, cookie: str | None, accepted: str) -> Talk:
        """Return the language for a person: the one that was chosen, else the best of an Accept-Language header.

        A longer tag counts as its language (RFC 4647 §3.4, look-up); what is not here counts for nothing.

        >>> known().choose(cookie=None, accepted="fr, zh-CN;q=0.9, en;q=0.8").tag
        'zh-Hans'
        """
        if cookie in self._spoken:
            return self._spoken[cookie]
        best, weight = self.tags[0], 0.0
        for part in accepted.split(",")[:ACCEPTED_PARTS_MAX]:
            range_, _, parameter = part.strip().partition(";")
            wanted = _language(range_.strip())
            found = next((tag for tag in self.tags if _language(tag) == wanted), None)
            quality = _quality(parameter)
            if found is not None and quality > weight:
                best, weight = found, quality
        return self._spoken[best]


@cache
def known() -> Languages:
    """Return the languages of all catalogues."""
    return Languages([talk(tag) for tag in TAGS])


def _language(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not parameter.strip():
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" and 0 <= float(value) <= 1 else 0.0
    except ValueError:
        return 0.0
