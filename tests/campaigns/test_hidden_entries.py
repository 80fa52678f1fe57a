"""The short form of the campaign `hidden_entries`: whatever an operator leaves out is found, each time."""

from __future__ import annotations

import random

import pytest

from tests.campaigns import hidden_entries

pytestmark = pytest.mark.campaign


def test_whatever_is_left_out_is_found() -> None:
    counted = hidden_entries.run(short=True, seed=random.getrandbits(32))

    tries, lies = hidden_entries.TRIES_SHORT, hidden_entries.LIES_SHORT
    assert counted["hidden_and_found"] == {
        "last_entry": tries, "last_entry_and_seal": tries, "last_entry_and_newer_seal": tries, "middle_entry": tries,
        "case_of_a_scope": tries, "lying_seal_entry": lies, "lying_seal_case": lies, "lying_seal_middle": lies,
    }  # fmt: skip
