"""The error tree: drawn as it is, and every error says what, why and what to do."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import ledger_service.core
from ledger_service import errors
from ledger_service.errors import LedgerError

CLASSES: dict[str, type[LedgerError]] = {
    name: value for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, LedgerError)
}
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(ledger_service.core.__path__, ledger_service.core.__name__ + ".")
)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^    ((?:[│ ]   )*)(?:[├└]── )?(\w+Error)\b", line):
            depth = len(found[1]) // 4 + ("── " in line)
            stack = [*stack[:depth], found[2]]
            drawn[found[2]] = stack[-2] if depth else "Exception"

    assert drawn == {name: value.__bases__[0].__name__ for name, value in CLASSES.items()}
    assert list(drawn) == list(CLASSES)


def test_every_error_has_a_message_a_hint_and_one_parent() -> None:
    for value in CLASSES.values():
        assert len(value.__bases__) == 1
        assert inspect.getdoc(value)

    plain = LedgerError("the disk is full", hint="make room")
    assert (plain.message, plain.hint, str(plain)) == ("the disk is full", "make room", "the disk is full")


def test_errors_carry_the_values_that_they_speak_of() -> None:
    refused = errors.WrongStateError("not from here", verb="refund", state="closed", allowed=["reopen", "note"])
    nothing = errors.UnknownVerbError("no such step", verb="fly", state=None, allowed=[], hint="")
    pressed = errors.BackPressureError("the queue is full", retry_after_seconds=3)
    reverted = errors.ContractRevertedError("NotAnchorer", [b"\x01\x02", 7])
    unnamed = errors.ContractRevertedError("")
    over, more = errors.LimitError("the most bytes", 3, 5, hint="cut it"), errors.LimitError("the most bytes", 3)

    assert (refused.verb, refused.state, refused.allowed) == ("refund", "closed", ("reopen", "note"))
    assert refused.hint == "allowed now: reopen, note"
    assert nothing.hint == "allowed now: nothing by this role"
    assert (pressed.retry_after_seconds, pressed.hint) == (3, "try again in 3 s")
    assert (reverted.name, reverted.arguments, reverted.message) == (
        "NotAnchorer",
        (b"\x01\x02", 7),
        "the contract refused: NotAnchorer(0102, 7)",
    )
    assert unnamed.message == "the contract refused: no reason given()"
    assert (over.message, over.limit, over.most, over.actual, over.hint) == (
        "the most bytes is 3, found 5",
        "the most bytes",
        3,
        5,
        "cut it",
    )
    assert (more.message, more.actual) == ("the most bytes is 3, found more", None)
    assert errors.JsonFormatError("nul", "U+0000", hint="remove it").code == "nul"


def test_every_closed_gate_has_a_stable_reason_of_its_own() -> None:
    reasons = {name: value.reason for name, value in CLASSES.items() if issubclass(value, errors.GateClosedError)}

    assert reasons == {
        "GateClosedError": "gate_closed",
        "BehindChainError": "behind_chain",
        "BehindMarkError": "behind_mark",
        "MissingMarkError": "mark_missing",
        "ContradictedError": "contradicted",
        "WrongChainError": "wrong_chain",
        "WrongCodeError": "wrong_code",
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_of_the_core_work(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)

    assert result.failed == 0


def test_the_modules_whose_docstrings_show_an_example_are_not_forgotten() -> None:
    shown = {
        name.rpartition(".")[2]
        for name in MODULES
        if any(test.examples for test in doctest.DocTestFinder().find(importlib.import_module(name)))
    }

    assert {"merkle", "encoding", "members", "disclosure", "registry"} <= shown
