"""Every code that a timeline can hold has words in English and in Chinese, and both fill the same places."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from enum import StrEnum

import pytest

from ledger_service import errors
from ledger_service.cli.language import Language, default_language
from ledger_service.core import erasure
from ledger_service.core.balance import GOODS_REMEDIES, Line
from ledger_service.core.clock import Basis, ClockState
from ledger_service.core.clock import Reason as ClockReason
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.custody import GapReason, Holder
from ledger_service.core.entry import CASE_KINDS, Authenticity, Role
from ledger_service.core.erasure_entry import ERASE
from ledger_service.core.fields import Form
from ledger_service.core.file_claims import ClaimDoubt, Credentials
from ledger_service.core.findings import FindingCode
from ledger_service.core.lifecycle import LIFECYCLE, Transition
from ledger_service.core.package_sheets import FileState
from ledger_service.core.pages.sentences import SENTENCES
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.words import WORDS
from ledger_service.core.refusals import Refusal
from ledger_service.core.rule_clock import Confidence
from ledger_service.core.rules import RULE_SETS, Ground
from ledger_service.core.statistics import COUNTS
from ledger_service.core.timeline_row import Flag
from ledger_service.errors import TransitionRefusedError
from ledger_service.operations import export, package, statistics
from ledger_service.operations.attempt import UNKNOWN_STEP, refusal_code
from ledger_service.operations.keep_time import BREACHED
from ledger_service.operations.read_evidence import READ_EVIDENCE

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PUNCTUATION_ONLY = re.compile(r"[^A-Za-z]*(\{\w+\}[^A-Za-z]*)+")  # a sentence that only sets what fills it


def choices(verb: str, field: str, *members: str) -> set[str]:
    """Return the choices of a field of a step, or of a member of it."""
    row = LIFECYCLE.transition(verb)
    assert isinstance(row, Transition)
    form: Form = row.fields[field].form
    for member in members:
        form = next(known.form for known in form.members if known.name == member)
    return set(form.choices)


def codes(kind: type[StrEnum]) -> set[str]:
    """Return the values of an enumeration."""
    return {one.value for one in kind}


def refusal_codes() -> set[str]:
    """Return the codes that attempts record: one for each class of refusal of a step."""
    found = [
        kind for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, TransitionRefusedError) and kind is not TransitionRefusedError
    ]  # fmt: skip
    return {refusal_code(kind("…", verb="close", state=None, allowed=())) for kind in found}


def forms() -> Iterator[tuple[str, Form]]:
    """Yield every field of the table, and every member of its rows, with its form."""
    waiting = [field for machine in (LIFECYCLE.case, LIFECYCLE.dispute) for row in machine.transitions.values()
               for field in row.fields.values()]  # fmt: skip
    while waiting:
        field = waiting.pop()
        yield field.name, field.form
        waiting += field.form.members


BESIDE = {  # the names of what entries beside the chain hold
    "actor", "asked_at", "asked_by", "case_head", "clock", "clock_id", "decided_at", "entry", "erased", "erasure_id",
    "extent", "ground", "party", "position", "positions", "refused", "role", "size", "started_by", "subject", "why",
}  # fmt: skip
ALIASES = {"offered_remedy", "wanted_remedy", "charge_kind", "deduction_reason", "evidence_kind", "role"}
CHOICES = {form.name: set(form.choices) for _, form in forms() if form.choices and form.name not in ALIASES}

EXPECTED = CHOICES | {
    "field": {name for name, _ in forms()} | BESIDE,
    "boolean": {"true", "false"},
    "role": codes(Role),
    "flag": codes(Flag),
    "authenticity": codes(Authenticity),
    "life": {"checkpointed", "submitted", "included", "finalized"},
    "kind": {kind.value for kind in CASE_KINDS},
    "beside": {BREACHED, ERASE, UNKNOWN_STEP, export.EXPORTED, package.EXPORTED, statistics.READ, READ_EVIDENCE},
    "clock_state": codes(ClockState) | {"lapsed"},
    "ground": codes(Ground),
    "clock_reason": codes(ClockReason),
    "basis": codes(Basis),
    "confidence": codes(Confidence),
    "holder": codes(Holder),
    "gap": codes(GapReason),
    "refusal": codes(Refusal),
    "attempt": refusal_codes(),
    "legal_basis": choices("request_return", "legal_basis"),
    "dispute_type": choices("open_dispute", "type"),
    "dispute_outcome": choices("rule", "outcome"),
    "figure": {*COUNTS, "holds", "delays"},
    "share": {"decline", "overturn", "missed", "anchored", "final"},
    "column": set(Line.__dataclass_fields__) - {"line_id", "extra", "inspected", "reopened"},
    "payer": choices("approve_return", "return_cost_payer"),
    "charge": choices("ship_back", "charges", "kind"),
    "doubt": codes(ClaimDoubt),
    "credentials": codes(Credentials),
    "deduction": choices("approve_refund", "deductions", "why"),
    "file_state": codes(FileState),
    "refund_state": {"issued", "settled", "failed"},
    "refund_method": choices("issue_refund", "method"),
    "erasure_outcome": codes(erasure.Outcome),
    "erasure_ground": codes(erasure.Ground),
    "erasure_reason": codes(erasure.Reason),
    "erasure_extent": codes(erasure.Extent),
    "remedy": {"refund"} | choices("offer_settlement", "remedy") | set(GOODS_REMEDIES),
}


def test_there_are_words_for_these_groups_and_no_others() -> None:
    assert set(WORDS) == set(EXPECTED)


@pytest.mark.parametrize("group", EXPECTED)
def test_every_code_has_words_and_no_words_are_for_nothing(group: str) -> None:
    assert set(WORDS[group]) == EXPECTED[group]


def test_both_languages_are_complete() -> None:
    for group, words in WORDS.items():
        for code, both in words.items():
            assert both.en, (group, code)
            assert not CHINESE.search(both.en), (group, code)
            assert CHINESE.search(both.zh), (group, code)


def test_no_two_choices_of_a_form_have_the_same_words() -> None:
    for group in CHOICES:
        assert len({both.en for both in WORDS[group].values()}) == len(WORDS[group]), group
        assert len({both.zh for both in WORDS[group].values()}) == len(WORDS[group]), group


def test_the_words_of_states_steps_kinds_clocks_and_rule_sets_are_complete_as_well() -> None:
    machines = (LIFECYCLE.case, LIFECYCLE.dispute)
    found = [state.words for machine in machines for state in machine.states.values()]
    found += [row.words for machine in machines for row in machine.transitions.values()]
    found += [*LIFECYCLE.evidence_kinds.values(), *(kind.words for kind in CLOCK_KINDS.values())]
    found += [known.words for known in RULE_SETS]
    assert len(found) > 100
    assert all(both.en and CHINESE.search(both.zh) and not CHINESE.search(both.en) for both in found)


def test_every_finding_has_a_sentence() -> None:
    assert codes(FindingCode) <= set(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_both_languages_of_a_sentence_fill_the_same_places(name: str) -> None:
    both = SENTENCES[name]

    def places(text: str) -> set[str]:
        return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}

    assert places(both.en) == places(both.zh)
    assert not CHINESE.search(both.en)
    assert CHINESE.search(both.zh) or PUNCTUATION_ONLY.fullmatch(both.zh)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, Language.EN),
        ({"LANG": "de_DE.UTF-8"}, Language.EN),
        ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, Language.EN),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, Language.ZH),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, Language.ZH),
    ],
)
def test_the_language_is_the_terminal_s(environment: dict[str, str], language: Language) -> None:
    assert default_language(environment) is language


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (-59, "59 s", "59 秒"),
        (61, "1 min 1 s", "1 分钟 1 秒"),
        (7_200, "2 h", "2 小时"),
        (86_400 * 3 + 3_600 * 4 + 61, "3 d 4 h", "3 天 4 小时"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, en: str, zh: str) -> None:
    assert Speech(Language.EN).duration(seconds) == en
    assert Speech(Language.ZH).duration(seconds) == zh


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2000, "EUR", "€20.00"),
        (5, "EUR", "€0.05"),
        (1999, "JPY", "¥1,999"),
        (1, "KWD", "KWD 0.001"),
        (-150, "USD", "-$1.50"),
        (None, "EUR", "none"),
        (100, None, "none"),
    ],
)
def test_money_is_told_in_the_digits_of_its_currency(minor: int | None, currency: str | None, text: str) -> None:
    assert Speech(Language.EN).money(minor, currency) == text


def test_entries_are_told_in_runs() -> None:
    speech = Speech(Language.EN)

    assert speech.entries([7]) == "entry 7"
    assert speech.entries([9, 1, 2, 3, 5]) == "entries 1-3, 5, 9"
    assert Speech(Language.ZH).entries([1, 2]) == "条目 1-2"


def test_a_code_without_words_is_shown_escaped() -> None:
    speech = Speech(Language.EN)

    assert speech.code("attempt", "new\x1b[31m") == "new\\x1b[31m"
    assert speech.verb("teleport") == "teleport"
    assert speech.evidence("crystal_ball") == "crystal_ball"
    assert speech.dispute_state(None) == "not known"
    assert speech.evidence("ruling") == "ruling (Decision of the neutral)"


def test_what_fills_a_sentence_is_escaped_and_is_no_template_itself() -> None:
    assert Speech(Language.EN).say("erased", name="\x1b[2J{kind}") == "erased: \\x1b[2J{kind}"
