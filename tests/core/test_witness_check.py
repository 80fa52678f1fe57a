"""A verifier who asks for witnesses gets `valid` only with enough of them; who does not is not held up by any."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.cosignature import cosign, witness_key
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Check, Outcome, Report, Verdict
from ledger_service.core.trust import Trust, encode_trust, parse_trust
from ledger_service.core.verify import verify
from ledger_service.errors import TrustFormatError
from tests.core.receipts import EMBEDDED, TRUST, answer, head, receipt

KEYS = {f"w{n}.example": Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3)}
LINES = {name: cosign(head(), name, key, seconds=1_793_700_300).line()[:-1] for name, key in KEYS.items()}


def asking(required: int) -> Trust:
    """Return a trust file that pins three witnesses and asks for so many."""
    keys = tuple(witness_key(name, key) for name, key in KEYS.items())
    return dataclasses.replace(TRUST, witnesses=keys, witnesses_required=required)


def check(required: int, *lines: Any, held: Any = None) -> tuple[Report, Check]:
    """Verify a final receipt with these cosignatures; return the report and its check `witnesses`."""
    given = dataclasses.replace(receipt(), unprotected={"cosignatures": list(lines) if held is None else held})
    report = verify(encode_receipt(given), asking(required), [answer(EMBEDDED)])
    return report, next(one for one in report.checks if one.name == "witnesses")


@pytest.mark.parametrize("required", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_enough_witnesses_make_it_valid_and_too_few_leave_it_open(required: int, count: int) -> None:
    report, found = check(required, *list(LINES.values())[:count])

    assert report.verdict is (Verdict.VALID if count >= required else Verdict.INCONCLUSIVE)
    assert found.outcome is (Outcome.PASS if count >= max(required, 1) else Outcome.UNKNOWN)
    assert f"{count} of 3 pinned witnesses" in found.detail


def test_a_witness_counts_once_and_a_stranger_not_at_all() -> None:
    one = LINES["w1.example"]
    later = cosign(head(), "w1.example", KEYS["w1.example"], seconds=1_793_700_400).line()[:-1]
    stranger = cosign(head(), "w9.example", Ed25519PrivateKey.generate(), seconds=1).line()[:-1]

    assert check(2, one, one, later, stranger)[0].verdict is Verdict.INCONCLUSIVE


def test_a_cosignature_of_another_head_or_no_cosignature_is_passed_over() -> None:
    other = cosign(head(7), "w1.example", KEYS["w1.example"], seconds=1).line()[:-1]
    borrowed = other.rpartition(" ")[0] + " " + LINES["w2.example"].rpartition(" ")[2]

    report, found = check(1, other, borrowed, "nonsense", 7, None, {})

    assert report.verdict is Verdict.INCONCLUSIVE
    assert found.outcome is Outcome.UNKNOWN
    for held in ("text", 7, {"a": 1}):
        assert check(1, held=held)[0].verdict is Verdict.INCONCLUSIVE


def test_without_pinned_witnesses_nothing_is_said_of_them() -> None:
    report = verify(encode_receipt(receipt()), TRUST, [answer(EMBEDDED)])

    assert report.verdict is Verdict.VALID
    assert "witnesses" not in [one.name for one in report.checks]


def test_the_policy_is_told_in_words() -> None:
    report, _ = check(2)

    assert "signed by the log + final on 1 of 2 chains + cosigned by 2 of 3 witnesses" in report.checks[1].detail
    assert TRUST.policy() == "signed by the log + final on 1 of 2 chains"


def test_a_trust_file_with_witnesses_is_read_back_and_one_without_is_what_it_was() -> None:
    for trust in (asking(0), asking(3), TRUST):
        assert parse_trust(encode_trust(trust)) == trust
    assert b"witnesses" not in encode_trust(TRUST)


@pytest.mark.parametrize(
    "change",
    [
        {"witnesses": []},
        {"witnesses": ["x"]},
        {"witnesses": [7]},
        {"witnesses": None},
        {"witnesses": [asking(1).witnesses[0].encode()] * 2},
        {"witnesses": [witness_key(name, KEYS["w1.example"]).encode() for name in KEYS]},
        {"witnesses": [witness_key("w1.example", key).encode() for key in KEYS.values()]},
        {"policy": {"required": 1}},
        {"policy": {"required": 1, "witnesses": 4}},
        {"policy": {"required": 1, "witnesses": -1}},
    ],
)
def test_a_trust_file_whose_witnesses_are_none_or_stand_twice_is_refused(change: dict[str, Any]) -> None:
    value = json.loads(encode_trust(asking(1))) | change

    with pytest.raises(TrustFormatError):
        parse_trust(json.dumps(value).encode())
