"""Three answers: unknown never turns into no, and neither into yes."""

from __future__ import annotations

import itertools

from ledger_service.core.report import Check, Outcome, Report, Verdict

PASS = Check("a", Outcome.PASS, "")
FAIL = Check("b", Outcome.FAIL, "")
UNKNOWN = Check("c", Outcome.UNKNOWN, "")
ASIDE = Check("d", Outcome.UNKNOWN, "", decisive=False)


def test_the_verdict_of_every_set_of_checks_in_every_order() -> None:
    """One failure is enough for invalid; one open question that decides is enough against valid."""
    for count in range(5):
        for checks in itertools.product((PASS, FAIL, UNKNOWN, ASIDE), repeat=count):
            expected = Verdict.VALID
            if not checks or UNKNOWN in checks:
                expected = Verdict.INCONCLUSIVE
            if FAIL in checks:
                expected = Verdict.INVALID
            assert Report(checks).verdict is expected


def test_a_failure_counts_even_where_its_question_is_not_decisive() -> None:
    assert Report((PASS, Check("d", Outcome.FAIL, "", decisive=False))).verdict is Verdict.INVALID


def test_outcomes_and_verdicts_have_the_words_of_the_command_line() -> None:
    assert list(Outcome) == ["pass", "fail", "unknown"]
    assert list(Verdict) == ["valid", "invalid", "inconclusive"]
