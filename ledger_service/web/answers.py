"""What was filled in on the form of a step: its fields, the words, the files, or why an answer is none.

Promises: what is missing or has not its form is named field by field, and nothing is guessed. Does not: know what a
form asks (`offers.py`), or judge what was said (`operations/record.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core.encoding import Json
from ledger_service.core.entry import RuleReference
from ledger_service.core.fields import TEXT_CHARACTERS_MAX, Field, check
from ledger_service.web.entries import what_is_wrong
from ledger_service.web.offers import LANGUAGE, Offer
from ledger_service.web.rows import Goods, read_amount, read_rows

_WHY = {"text": "too_long", "amount": "no_amount", "reference": "no_reference"}  # why an answer is none
_DIGEST = re.compile(r"[0-9a-f]{64}")


class AnswersError(Exception):
    """What somebody filled in does not do: for each field, the name of the words that say why."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        """Take the fields with the names of their words (`problem` in `forms.html`)."""
        super().__init__(", ".join(wrong))
        self.wrong = dict(wrong)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was filled in: the fields of the step, the statement's bytes (UTF-8), files as (kind, SHA-256), the rule.

    `to_state` is the state that the step leads to, None where it leaves no choice.
    """

    fields: dict[str, Json]
    statement: bytes | None
    files: tuple[tuple[str, bytes], ...]
    rule: RuleReference | None = None
    to_state: str | None = None


def read_answers(offer: Offer, form: Mapping[str, str], *, key: str, language: str) -> Answers:
    """Return what was filled in.

    Args:
        offer: The step.
        form: As it was sent.
        key: Of the form; an id that the step needs is made from it, so that a form sent twice is one request.
        language: Of the page that was used (BCP 47), which stands beside the words of a step that says its language.

    Raises:
        AnswersError: Something is missing, or has not its form.
    """
    fields: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for field in offer.asked:
        if field.form.many:
            value: Json = [one for one in field.form.choices if form.get(f"field-{field.name}-{one}")]
            given = "some" if value else ""
        else:
            given = form.get(f"field-{field.name}", "").strip()
            value = _value(field, given, offer.goods) if given else None
        if not given:
            if field.required:
                wrong[field.name] = "missing" if not field.form.many else "choose_some"
            continue
        if value is None:
            wrong[field.name] = _WHY.get(field.form.name, "choice")
        else:
            fields[field.name] = value
    for rows in offer.rows:
        if found := read_rows(rows, form, offer.goods, wrong):
            fields[rows.field.name] = found
    rule = form.get("rule", "") if offer.action.needs_rule else ""
    if offer.action.needs_rule and rule not in offer.goods.rules:
        wrong["rule"] = "choice" if rule else "missing"
    to_state = form.get("to_state", "") if offer.ways else ""
    if offer.ways and to_state not in [way.name for way in offer.ways]:
        wrong["to_state"] = "choice" if to_state else "missing"
    statement = form.get("statement", "").strip() if offer.statement is not None else ""
    files = read_files(offer.kinds, form, wrong)
    there = {kind for kind, _ in files}
    if not statement and "files" not in wrong and any(there.isdisjoint(group) for group in offer.groups):
        wrong |= {"files": "missing_file"} if offer.statement is None else {"statement": "missing_words"}
    if len(statement) > TEXT_CHARACTERS_MAX:
        wrong["statement"] = "too_long"
    if fields.get("method") == "original" and "original_payment_ref" not in {*fields, *wrong}:
        wrong["original_payment_ref"] = "missing"
    if not wrong and offer.action.verb == "correct":
        wrong = what_is_wrong(fields, offer.goods.entries)
    if wrong:
        raise AnswersError(wrong)
    if offer.says_its_language:
        fields[LANGUAGE] = language
    if offer.action.verb == "open_dispute":
        fields["dispute_id"] = sha256(f"dispute\n{key}".encode()).hexdigest()[:32]
    elif offer.action.dispute_id is not None:
        fields["dispute_id"] = offer.action.dispute_id
    return Answers(fields, statement.encode() if statement else None, files, _rule(rule), to_state or None)


def read_files(kinds: Collection[str], form: Mapping[str, str], wrong: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Return the files that a form names, those with a kind chosen; note what no page of ours would send."""
    found = []
    for name, kind in form.items():
        digest = name.removeprefix("file-")
        if digest == name or not kind:
            continue
        if kind not in kinds or not _DIGEST.fullmatch(digest):
            wrong["files"] = "choice"
        else:
            found.append((kind, bytes.fromhex(digest)))
    return tuple(found)


def _rule(name: str) -> RuleReference | None:
    identity, _, version = name.partition("@")
    return RuleReference(identity, version) if name else None


def _value(field: Field, given: str, goods: Goods) -> Json:
    """Return what somebody filled in as a value, None if it is none."""
    form = field.form
    if form.choices:
        return given if given in form.choices else None
    if form.name == "text":
        return given if len(given) <= TEXT_CHARACTERS_MAX else None
    if form.name == "amount":
        return read_amount(given, goods.currency or "")
    if form.name in ("reference", "language"):
        return None if check(form, given) else given
    if form.name == "leaf_hash":  # one that the form of a step back could name then is still an entry of the return
        return given if any(one.leaf == given for one in goods.entries) else None
    if form.name == "boolean":
        return {"yes": True, "no": False}.get(given)
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 4 else None
