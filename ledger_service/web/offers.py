"""The steps that a person can take on a page, and the form of each: what is asked.

A step that rests on a file takes those that the person sent before (`files.py`), and one which a person can write (a
statement, a message, a notice) takes it as text too: what was written is stored as a file and fingerprinted like any
other. What is counted for each line of the return stands in rows (`rows.py`), entries that a step names are chosen from
those of the return (`entries.py`).
Promises: a form asks only what the step needs or the person may want to add, and every step that a link's roles may
take has one. Does not: read what was filled in (`answers.py`), or decide whether a step is allowed
(`operations/record.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger_service.core.actions import Action
from ledger_service.core.entry import Role
from ledger_service.core.fields import TEXT_CHARACTERS_MAX, Field
from ledger_service.core.lifecycle import ANY_EVIDENCE, LIFECYCLE, State
from ledger_service.web.entries import Named, entries_for
from ledger_service.web.rows import Goods, Rows, rows_of

WRITTEN = (  # kinds of evidence that a person can write down, the likeliest first
    "message_log", "appeal_statement", "dispute_notice", "feedback_record", "submission", "settlement_agreement",
    "withdrawal_statement", "error_declaration", "offer_document",
)  # fmt: skip
SENT = (  # kinds of files that a form offers where the step takes any, the likeliest first
    "product_photo", "product_video", "logistics_document", "proof_of_posting", "message_log", "order_snapshot",
    "customs_notice", "weight_dimension_record",
)  # fmt: skip
LANGUAGE = "language"  # of the words of a step, known of the page; of the proceedings where a neutral is appointed
PROCEEDINGS = "appoint_neutral"
_ASKED = frozenset({"text", "boolean", "score", "days", "reference", "language"})  # scalars, beside choices
_WANTED = frozenset({  # though a step may lack them
    "amount", "valid_days", "return_method", "cn_form", "seal_state", "shipping_refund", "duty_tax_refund", "keep_item",
    "returned_goods_relief_claim", "corrective_entry", "lines", "deductions", "order", "original_payment_ref",
})  # fmt: skip
_JUDGED = frozenset({"receive", "settle_refund", "deliver_exchange"})  # the balance says where they lead
_ID = re.compile(r"[0-9a-f]{32}")
STATEMENT_BYTES_MAX = 4 * TEXT_CHARACTERS_MAX
_NOTHING = Goods()


@dataclass(frozen=True, slots=True)
class Offer:
    """A step as a form.

    `asked` are its fields, `statement` the kind of file that is written, None where none is; `kinds` are the kinds of
    files that it takes, none where it rests on no file, and `groups` those of which one each is needed. `rows` are what
    is counted, `ways` the states to choose from where the step leaves a choice, `goods` what the form knows of its
    case.
    """

    action: Action
    asked: tuple[Field, ...]
    statement: str | None
    kinds: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    rows: tuple[Rows, ...] = ()
    ways: tuple[State, ...] = ()
    goods: Goods = _NOTHING

    @property
    def path(self) -> str:
        """Return where its form is."""
        ending = "" if self.action.dispute_id is None else f"/{self.action.dispute_id}"
        return f"/return/steps/{self.action.verb}{ending}"

    @property
    def says_its_language(self) -> bool:
        """Say whether the step has a field for the language of its words."""
        fields = (*self.action.required, *self.action.optional)
        return self.action.verb != PROCEEDINGS and any(one.name == LANGUAGE for one in fields)

    @property
    def likely(self) -> tuple[str, ...]:
        """Return the kinds of evidence that most are asked for: what people hold."""
        return SENT

    def entries(self, field: str) -> tuple[Named, ...]:
        """Return the entries that a field can name."""
        return entries_for(field, self.goods.entries)


def offer_of(action: Action, goods: Goods) -> Offer | None:
    """Return the form of an action, None where what it needs is not there to be asked for."""
    if action.refused or (action.needs_rule and not goods.rules):
        return None
    statement = None
    for group in action.evidence if len(action.evidence) == 1 else ():
        statement = next((kind for kind in WRITTEN if kind in group or ANY_EVIDENCE in group), None)
    groups = tuple(SENT if ANY_EVIDENCE in group else group for group in action.evidence)
    kinds = tuple(dict.fromkeys(kind for group in groups for kind in group))
    asked, rows = list[Field](), list[Rows]()
    for field in (*action.required, *action.optional):
        if field.name == "dispute_id" or (field.name == LANGUAGE and action.verb != PROCEEDINGS):
            continue  # known without asking: of the path or the key, of the page
        wanted = field.required or field.name in _WANTED
        counted = rows_of(field, goods) if wanted else None
        if counted is not None:
            rows.append(counted)
        elif _can_ask(field, goods) and (wanted or field.form.name in ("text", "language")):
            asked.append(field)
        elif field.required:
            return None
    return Offer(action, tuple(asked), statement, kinds, groups, tuple(rows), _ways(action), goods)


def offer_in_table(verb: str, dispute_id: str | None, role: Role, goods: Goods) -> Offer | None:
    """Return the form of a step of the table that this role may take at some time, None where there is none."""
    row = LIFECYCLE.transition(verb)
    if row is None or role not in row.actors or (dispute_id is not None and not _ID.fullmatch(dispute_id)):
        return None
    action = Action(
        verb=verb,
        words=row.words,
        dispute_id=dispute_id,
        targets=row.targets if row.leads == "named" else (),
        evidence=row.evidence,
        recorded_as_missing=row.evidence_if_held,
        required=tuple(field for field in row.fields.values() if field.required),
        optional=tuple(field for field in row.fields.values() if not field.required),
        needs_rule=row.rule_required,
    )
    return offer_of(action, goods)


def _can_ask(field: Field, goods: Goods) -> bool:
    form = field.form
    if form.name == "leaf_hash":
        return not form.many and bool(entries_for(field.name, goods.entries))
    if form.many:
        return bool(form.choices)
    return bool(form.choices) or form.name in _ASKED or (form.name == "amount" and bool(goods.currency))


def _ways(action: Action) -> tuple[State, ...]:
    """Return the states to choose from, none where the step leads to one, or the balance says where."""
    if len(action.targets) < 2 or action.verb in _JUDGED:
        return ()
    machine = LIFECYCLE.case if action.verb in LIFECYCLE.case.transitions else LIFECYCLE.dispute
    return tuple(machine.states[name] for name in action.targets)
