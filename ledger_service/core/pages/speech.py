"""What is said in one language: codes, sentences, durations, money and times as text.

Promises: what fills a sentence is escaped; a code without words is shown as it is. Does not: print.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ledger_service.core.entry import RuleReference
from ledger_service.core.lifecycle import LIFECYCLE, Words
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.notation import write_amount, write_day, write_instant
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.pages.words import WORDS
from ledger_service.core.rules import RULE_SETS

_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True, slots=True)
class Speech:
    """One language."""

    language: Language

    def of(self, words: Words) -> str:
        """Return the meaning in this language."""
        return words.zh if self.language is Language.ZH else words.en

    def code(self, group: str, code: str) -> str:
        """Return the words for a code of `WORDS`."""
        words = WORDS[group].get(code)
        return escaped(code) if words is None else self.of(words)

    def say(self, sentence: str, **filled: object) -> str:
        """Return a sentence of `SENTENCES`, filled."""
        return self.of(SENTENCES[sentence]).format(**{key: escaped(str(value)) for key, value in filled.items()})

    def verb(self, verb: str) -> str:
        """Return what a step means, of either machine or beside both."""
        row = LIFECYCLE.transition(verb)
        return self.code("beside", verb) if row is None else self.of(row.words)

    def dispute_state(self, state: str | None) -> str:
        """Return what a state of a dispute means."""
        known = LIFECYCLE.dispute.states.get(state or "")
        return self.say("not_known") if known is None else self.of(known.words)

    def rule(self, rule: RuleReference) -> str:
        """Return a rule set with what it is.

        >>> Speech(Language.EN).rule(RuleReference("GB", "1"))
        'GB@1 (United Kingdom)'
        """
        words = next((one.words for one in RULE_SETS if one.id == rule.id), None)
        name = escaped(f"{rule.id}@{rule.version}")
        return name if words is None else f"{name} ({self.of(words)})"

    def evidence(self, kind: str) -> str:
        """Return a kind of evidence with its meaning."""
        words = LIFECYCLE.evidence_kinds.get(kind)
        return escaped(kind) if words is None else f"{kind} ({self.of(words)})"

    def field(self, name: str) -> str:
        """Return the name of a field, as whoever records a step types it."""
        return escaped(name)

    def step(self, verb: str) -> str:
        """Return the verb of a step that was tried, as it was typed."""
        return escaped(verb)

    def refusal(self, code: str, why: str | None) -> str:
        """Return why a step was refused, with what the error said."""
        words = self.code("attempt", code)
        return words if why is None else f"{words}: {escaped(why)}"

    def clock(self, clock_id: str, subject: str | None, words: Words) -> str:
        """Return a deadline with its code, and with what it is about where there are several of it."""
        return f"{clock_id}{'' if subject is None else f' {escaped(subject)}'}  {self.of(words)}"

    def count(self, count: int) -> str:
        """Return so many entries."""
        return self.say("one_entry") if count == 1 else self.say("many_entries", count=count)

    def entries(self, indexes: Collection[int]) -> str:
        """Return the indexes of entries, runs of them shortened; they are counted one by one where few."""
        if len(indexes) == 1:
            return self.say("entry", index=next(iter(indexes)))
        return self.say("entries", indexes=", ".join(_runs(sorted(indexes))))

    def duration(self, seconds: int) -> str:
        """Return a length of time in its two largest units, whatever its sign."""
        left, parts = abs(seconds), list[str]()
        for unit, length in _UNITS:
            if left >= length or (unit == "seconds" and not parts):
                parts.append(self.say(unit, n=left // length))
                left %= length
            if len(parts) == 2:
                break
        return " ".join(parts)

    def after(self, seconds: int | None) -> str:
        """Return how much later something is, in brackets; nothing where it is not known or within a minute."""
        if seconds is None or abs(seconds) < 60:
            return ""
        return self.say("later" if seconds > 0 else "earlier", duration=self.duration(seconds))

    def minute(self, instant: str | None, *, none: str = "not_known") -> str:
        """Return an instant (RFC 3339 UTC) to the minute, with its zone."""
        return self.say(none) if instant is None else self.instant(instant)

    def money(self, minor: int | None, currency: str | None) -> str:
        """Return an amount of minor units, where there is one."""
        return self.say("none") if minor is None or currency is None else self.amount(minor, currency)

    def instant(self, instant: str) -> str:
        """Return an instant (RFC 3339 UTC) to the minute, with its zone."""
        return write_instant(instant, self.language)

    def day(self, day: str) -> str:
        """Return a local day (ISO 8601)."""
        return write_day(day, self.language)

    def amount(self, minor: int, currency: str) -> str:
        """Return an amount of minor units."""
        return write_amount(minor, escaped(currency), self.language)


def _runs(indexes: Sequence[int]) -> list[str]:
    """Return sorted numbers as runs.

    >>> _runs([1, 2, 3, 7])
    ['1-3', '7']
    """
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1][1:] = [index]
        else:
            runs.append([index])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[1]}" for run in runs]
