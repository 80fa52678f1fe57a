"""What a completeness file may say of its scope: nothing but two countries and a month, each as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger_service.core.case_proof import CaseProofFormatError, case_proof_members, digest_of, parse_case_proof
from tests.core.packages import completeness


def written(**scope: Any) -> bytes:
    """Return the completeness file of a case with other members of its scope, and the digest that they ask for."""
    members: dict[str, Any] = dict(case_proof_members(completeness()))
    members["scope"] = {**members["scope"], **scope}
    covered = {name: one for name, one in members.items() if name not in ("digest", "unprotected")}
    return json.dumps({**members, "digest": digest_of(covered)}, sort_keys=True, ensure_ascii=False).encode()


def test_a_file_with_its_own_scope_is_read() -> None:
    assert parse_case_proof(written()).scope == completeness().scope


@pytest.mark.parametrize("name", ["buyer_country", "seller_country", "month"])
@pytest.mark.parametrize("other", [0, 1, False, True, [], ["DE"], {}, "", "x", "２０２６-１１"])
def test_what_is_no_text_and_what_is_no_country_or_month_is_refused(name: str, other: Any) -> None:
    with pytest.raises(CaseProofFormatError, match="completeness file"):
        parse_case_proof(written(**{name: other}))
