"""Any party signs a step with a wallet: it counts for that step, that head and that ledger, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from ledger_service.core.disclosure import Record
from ledger_service.core.entry import Authenticity, CaseEntry
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME, verify_signed_entry
from ledger_service.errors import (
    FieldValueError,
    SignatureRefusedError,
    StaleHeadError,
    StatementExpiredError,
    WrongSignerError,
)
from ledger_service.evidence.folder import StoredEvidence
from ledger_service.operations.admit import admit
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.operations.record import Step, record
from ledger_service.operations.sign_step import Content, WalletSignature, ask_to_sign, domain_of
from tests.core.signatures import BUYER as WALLET
from tests.core.signatures import STRANGER, address
from tests.operations.test_attempts import attempts
from tests.operations.world import World, answer_step, ask_step, open_case, photo, request_step

NONCE = bytes(range(32))


def signed(ledger: Ledger, step: Step, *, wallet: Any = WALLET, claimed: Any = None, **changes: Any) -> Step:
    """Return the step with the signature of a wallet, made as a wallet makes it: from the typed data alone."""
    marked = replace(step, authenticity=Authenticity.PLATFORM_ATTESTED)
    admitted = admit(ledger, marked, step.return_id or "00" * 16)
    digests = [(kind, _digest(ledger, path)) for kind, path in step.evidence if isinstance(path, Path)]
    content = Content(
        return_id=step.return_id,
        verb=step.verb,
        role=step.asserted_by.role,
        occurred_at=step.occurred_at,
        fields=step.fields,
        evidence=digests,
        rule=step.rule,
        to_state=admitted.to_state,
    )
    deadline = changes.pop("deadline", int(ledger.clock().timestamp()) + 600)
    head = changes.pop("head", admitted.judged_at)
    asked = ask_to_sign(ledger, content, head=head, nonce=NONCE, deadline=deadline)
    signature = bytes(wallet.sign_message(encode_typed_data(full_message=asked)).signature)
    made = WalletSignature(address(claimed or wallet), signature, NONCE, deadline, head)
    return replace(step, signed=replace(made, **changes))


def _digest(ledger: Ledger, path: Path) -> bytes:
    stored: StoredEvidence = ledger.evidence.store(path, size_max=ledger.evidence_bytes_max)
    ledger.evidence.erase(stored.name)
    return stored.sha256


def test_a_signed_step_is_recorded_and_a_stranger_with_its_values_finds_the_wallet(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        opening = record(ledger, signed(ledger, request_step(photo(tmp_path))))
        record(ledger, ask_step(opening.return_id))
        answer = record(ledger, signed(ledger, answer_step(opening.return_id, photo(tmp_path))))

        for recorded in (opening, answer):
            entry = recorded.appended.entry
            assert isinstance(entry, CaseEntry)
            records: tuple[Record, ...] = prove(ledger, recorded.appended.index).records
            assert entry.authenticity is Authenticity.SIGNED
            assert verify_signed_entry(entry, records, [domain_of(ledger)]) == address(WALLET)
            assert WALLET.address.lower().encode() not in recorded.appended.encoded.lower()
        assert audit(ledger, None).findings == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"claimed": STRANGER}, WrongSignerError),
        ({"deadline": 1_000}, StatementExpiredError),
        ({"nonce": bytes(32)}, WrongSignerError),
        ({"signature": bytes(65)}, SignatureRefusedError),
        ({"head": bytes([7]) * 32}, StaleHeadError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value.__name__,
)
def test_a_signature_of_another_wallet_time_or_head_is_refused(
    world: World, tmp_path: Path, changes: dict[str, Any], error: type[Exception]
) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        before = ledger.read.case(case.return_id)
        with pytest.raises(error):
            record(ledger, signed(ledger, answer_step(case.return_id, photo(tmp_path)), **changes))

        assert ledger.read.case(case.return_id) == before
        assert len(attempts(ledger, case.return_id)) == (0 if error is StaleHeadError else 1)
        assert list(ledger.evidence.orphans(ledger.read.file_names())) == []


def test_what_was_signed_is_what_is_recorded_or_nothing(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        step = signed(ledger, answer_step(case.return_id, photo(tmp_path)))
        with pytest.raises(WrongSignerError):
            record(ledger, replace(step, fields={"comment": "something else"}))
        with pytest.raises(WrongSignerError):
            record(ledger, replace(step, evidence=[("product_photo", photo(tmp_path, b"\x89PNG\r\n\x1a\n other"))]))

        photo(tmp_path)
        assert record(ledger, step).appended.index > 0


def test_the_opening_of_a_case_counts_once_and_its_retry_gets_the_same_answer(
    each_world: World, tmp_path: Path
) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        step = signed(ledger, request_step(photo(tmp_path), idempotency_key="k"))
        first = record(ledger, step)
        again = record(ledger, step)
        with pytest.raises(SignatureRefusedError, match="recorded before"):
            record(ledger, replace(step, idempotency_key="another"))

        assert (again.appended.index, again.appended.replayed) == (first.appended.index, True)


def test_the_retry_of_a_signed_step_finds_it_although_the_head_moved(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        step = signed(ledger, answer_step(case.return_id, photo(tmp_path), idempotency_key="k"))
        first = record(ledger, step)

        assert record(ledger, step).appended.index == first.appended.index


def test_a_party_does_not_change_its_wallet_within_a_case(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = record(ledger, signed(ledger, request_step(photo(tmp_path))))
        record(ledger, ask_step(case.return_id))
        with pytest.raises(WrongSignerError, match="another wallet"):
            record(ledger, signed(ledger, answer_step(case.return_id, photo(tmp_path)), wallet=STRANGER))

        record(ledger, signed(ledger, answer_step(case.return_id, photo(tmp_path))))


def test_a_step_is_not_marked_signed_without_a_signature(world: World, tmp_path: Path) -> None:
    with world.opened() as opened, pytest.raises(FieldValueError, match="wallet's signature"):
        record(opened.ledger, request_step(photo(tmp_path), authenticity=Authenticity.SIGNED))


def test_after_erasure_of_the_person_nobody_learns_the_wallet(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = record(ledger, signed(ledger, request_step(photo(tmp_path))))
        found = ledger.keys.find("party:buyer-58113")
        assert found is not None
        ledger.keys.destroy(found[0])
        shown = {one.name: one.disclosure for one in prove(ledger, case.appended.index).records}

        assert shown[SIGNATURE_NAME] is None
        assert shown[SIGNER_NAME] is None
