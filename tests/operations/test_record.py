"""Recording: durable and answered once; refused without a trace; nothing of a person in clear."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.entry import CaseEntry, Role, RuleReference, parse_entry
from ledger_service.errors import (
    ContradictedError,
    EvidenceEmptyError,
    EvidenceMissingError,
    EvidenceTooLargeError,
    FieldValueError,
    IdempotencyMismatchError,
    LedgerError,
    LimitError,
    MissingEvidenceError,
    MissingFieldError,
    RefusedError,
    SettingsError,
    StaleHeadError,
    StorageFullError,
    StoreError,
    UnknownOutcomeError,
    UnknownReturnError,
    UnknownVerbError,
    WrongRoleError,
)
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import Party, Step, record
from ledger_service.store.drafts import Draft
from tests.operations.world import (
    BUYER,
    PLATFORM,
    REQUEST_FIELDS,
    SELLER,
    World,
    answer_step,
    ask_step,
    open_case,
    photo,
    request_step,
    stored_files,
)

UNKNOWN = "ab" * 16


class FailingWriter:
    """Stands before the real writer: appends, or not, and then fails as told."""

    def __init__(self, ledger: Ledger, error: Exception, *, appends: bool) -> None:
        self.inner = ledger.require_writer()
        self.error = error
        self.appends = appends

    def append(self, draft: Draft) -> object:
        """Fail."""
        if self.appends:
            self.inner.append(draft)
        raise self.error

    def close(self) -> None:
        """Close the real one."""
        self.inner.close()


def keys_of(world: World, ledger: Ledger) -> int:
    """Return how many keys there are."""
    return len(ledger.keys._connection.execute("SELECT key_id FROM subject_keys").fetchall())


def test_a_first_step_opens_a_case_with_a_random_name_and_a_durable_entry(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        recorded = open_case(opened.ledger, tmp_path)
        other = open_case(opened.ledger, tmp_path)

    assert len(recorded.return_id) == 32
    assert recorded.return_id != other.return_id
    with world.opened(write=False) as opened:
        assert opened.ledger.read.entry(recorded.appended.index).encoded == recorded.appended.encoded
        assert opened.ledger.read.case(recorded.return_id).case.state == "requested"


def test_the_same_key_gets_the_same_answer_and_leaves_no_second_file(each_world: World, tmp_path: Path) -> None:
    step = request_step(photo(tmp_path), idempotency_key="k-1")
    with each_world.opened() as opened:
        first = record(opened.ledger, step)
    with each_world.opened() as opened:  # also after a restart
        again = record(opened.ledger, step)

        assert opened.ledger.read.size() == 2
    assert again.return_id == first.return_id
    assert again.appended.replayed
    assert (again.appended.index, again.appended.encoded) == (first.appended.index, first.appended.encoded)
    assert len(stored_files(each_world)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"fields": REQUEST_FIELDS | {"language": "fr"}},
        {"asserted_by": Party(Role.BUYER, "buyer-2")},
        {"asserted_by": Party(Role.PLATFORM, BUYER.reference)},
        {"occurred_at": "2026-11-01T00:00:00.000Z"},
        {"rule": RuleReference("shop-policy", "1")},
        {"to_state": "requested"},
    ],
)
def test_the_same_key_with_another_request_is_refused(world: World, tmp_path: Path, changed: dict[str, Any]) -> None:
    file = photo(tmp_path)
    with world.opened() as opened:
        record(opened.ledger, request_step(file, idempotency_key="k-1"))
        with pytest.raises(IdempotencyMismatchError, match="'k-1'"):
            record(opened.ledger, request_step(file, idempotency_key="k-1", **changed))

        assert opened.ledger.read.size() == 2
    assert len(stored_files(world)) == 1


def test_the_same_key_with_another_file_is_refused(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        record(opened.ledger, request_step(photo(tmp_path), idempotency_key="k-1"))
        with pytest.raises(IdempotencyMismatchError):
            record(opened.ledger, request_step(photo(tmp_path, b"another photo"), idempotency_key="k-1"))
    assert len(stored_files(world)) == 1


def test_a_key_belongs_to_who_records(world: World, tmp_path: Path) -> None:
    file = photo(tmp_path)
    with world.opened() as opened:
        first = record(opened.ledger, request_step(file, idempotency_key="k-1"))
        other = record(opened.ledger, request_step(file, idempotency_key="k-1", recorded_by=SELLER))
    assert not other.appended.replayed
    assert other.appended.index != first.appended.index


def test_a_retry_of_a_step_that_is_not_possible_any_more_gets_its_first_answer(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        ask = ask_step(case.return_id, idempotency_key="k-2", expected_head=case.appended.leaf_hash)
        first = record(opened.ledger, ask)
        record(opened.ledger, answer_step(case.return_id, photo(tmp_path)))

        assert record(opened.ledger, ask).appended.index == first.appended.index


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"verb": "teleport"}, UnknownVerbError),
        ({"asserted_by": SELLER}, WrongRoleError),
        ({"evidence": ()}, MissingEvidenceError),
        ({"fields": {}}, MissingFieldError),
        ({"fields": REQUEST_FIELDS | {"language": 7}}, FieldValueError),
        ({"fields": REQUEST_FIELDS | {"phone": "0171"}}, FieldValueError),
        ({"to_state": "closed"}, FieldValueError),
        ({"occurred_at": "yesterday"}, FieldValueError),
        ({"return_id": UNKNOWN}, UnknownReturnError),
        ({"rule": RuleReference("no id at all!", "1")}, FieldValueError),
        ({"asserted_by": Party(Role.BUYER, "")}, RefusedError),
        ({"asserted_by": Party(Role.BUYER, "\udcff")}, RefusedError),
        ({"recorded_by": Party(Role.PLATFORM, "x" * 257)}, RefusedError),
        ({"idempotency_key": ""}, RefusedError),
    ],
)
def test_a_refused_step_leaves_no_entry_no_file_and_no_key(
    world: World, tmp_path: Path, changed: dict[str, Any], error: type[LedgerError]
) -> None:
    with world.opened() as opened:
        before = keys_of(world, opened.ledger)
        with pytest.raises(error):
            record(opened.ledger, request_step(photo(tmp_path), **changed))

        assert opened.ledger.read.size() == 1
        assert keys_of(world, opened.ledger) == before
    assert stored_files(world) == []


def test_a_refusal_that_only_the_writer_sees_leaves_no_file(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        record(opened.ledger, ask_step(case.return_id, idempotency_key="k"))
        kept = stored_files(world)
        step = answer_step(case.return_id, photo(tmp_path), idempotency_key="k")  # possible, but for the used key
        with pytest.raises(IdempotencyMismatchError):
            record(opened.ledger, step)

        assert opened.ledger.read.size() == 3
    assert stored_files(world) == kept


def test_a_stale_head_is_refused_and_the_present_one_taken(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        asked = record(opened.ledger, ask_step(case.return_id, expected_head=case.appended.leaf_hash))
        answer = answer_step(case.return_id, photo(tmp_path), expected_head=case.appended.leaf_hash)
        with pytest.raises(StaleHeadError):
            record(opened.ledger, answer)

        taken = record(
            opened.ledger, answer_step(case.return_id, photo(tmp_path), expected_head=asked.appended.leaf_hash)
        )
    assert taken.appended.index == asked.appended.index + 1


def test_a_step_of_an_unknown_return_is_refused(world: World) -> None:
    with world.opened() as opened, pytest.raises(UnknownReturnError, match=UNKNOWN):
        record(opened.ledger, ask_step(UNKNOWN))


def test_more_files_than_an_entry_holds_are_refused_and_as_many_taken(world: World, tmp_path: Path) -> None:
    files = [("product_photo", photo(tmp_path))] * 65
    with world.opened() as opened:
        with pytest.raises(LimitError):
            record(opened.ledger, request_step(photo(tmp_path), evidence=files))
        assert stored_files(world) == []

        record(opened.ledger, request_step(photo(tmp_path), evidence=files[1:]))
    assert len(stored_files(world)) == 64


@pytest.mark.parametrize(
    ("second", "error"),
    [("missing", EvidenceMissingError), ("empty", EvidenceEmptyError), ("large", EvidenceTooLargeError)],
)
def test_a_file_that_cannot_be_taken_in_takes_the_others_back_out(
    world: World, tmp_path: Path, second: str, error: type[LedgerError]
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * 101)
    step = request_step(tmp_path, evidence=[("product_photo", photo(tmp_path)), ("product_photo", tmp_path / second)])
    world.settings = world.settings.model_copy(update={"evidence_bytes_max": 100})
    with world.opened() as opened:
        with pytest.raises(error):
            record(opened.ledger, step)

        assert opened.ledger.read.size() == 1
    assert stored_files(world) == []


def test_a_ledger_opened_to_read_records_nothing(world: World, tmp_path: Path) -> None:
    with world.opened(write=False) as opened, pytest.raises(SettingsError, match="opened to read"):
        open_case(opened.ledger, tmp_path)


def test_with_too_little_space_nothing_more_is_recorded_and_reading_goes_on(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        opened.ledger.free_bytes_min = 2**62
        with pytest.raises(StorageFullError, match="bytes are free"):
            record(opened.ledger, ask_step(case.return_id))

        assert opened.ledger.read.case(case.return_id).case.count == 1
        opened.ledger.free_bytes_min = 0
        record(opened.ledger, ask_step(case.return_id))


@pytest.mark.parametrize(
    "error", [UnknownOutcomeError("who knows"), ContradictedError("the mark says no"), StoreError("stopped")]
)
def test_when_the_entry_may_stand_its_files_stay_and_the_retry_finds_it(
    world: World, tmp_path: Path, error: LedgerError
) -> None:
    step = request_step(photo(tmp_path), idempotency_key="k-1")
    with world.opened() as opened:
        ledger = opened.ledger
        real = ledger.writer
        ledger.writer = FailingWriter(ledger, error, appends=True)  # type: ignore[assignment]
        with pytest.raises(type(error)):
            record(ledger, step)
        ledger.writer = real

        assert record(ledger, step).appended.replayed
        assert len(stored_files(world)) == 1
        assert audit(ledger, None).findings == []


def test_when_the_entry_cannot_stand_its_files_go(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        real = opened.ledger.writer
        opened.ledger.writer = FailingWriter(opened.ledger, StorageFullError("full"), appends=False)  # type: ignore[assignment]
        with pytest.raises(StorageFullError):
            open_case(opened.ledger, tmp_path)
        opened.ledger.writer = real
    assert stored_files(world) == []


def test_a_failure_while_taking_files_back_out_does_not_hide_the_reason(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        record(opened.ledger, ask_step(case.return_id, idempotency_key="k"))
        monkeypatch.setattr(os, "unlink", fail)
        with pytest.raises(IdempotencyMismatchError):
            record(opened.ledger, answer_step(case.return_id, photo(tmp_path), idempotency_key="k"))
        monkeypatch.undo()

        assert len(list(opened.ledger.evidence.orphans(opened.ledger.read.file_names()))) == 1


def test_nothing_of_a_person_stands_in_clear_anywhere_but_in_the_evidence(world: World, tmp_path: Path) -> None:
    canary = "Kanarienvogel-4711"
    file = photo(tmp_path, b"a photo without a name in it")
    buyer, recorder = Party(Role.BUYER, f"{canary}-buyer"), Party(Role.PLATFORM, f"{canary}-clerk")
    secret = REQUEST_FIELDS | {
        "lines": [{"line_id": canary, "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}]
    }
    with world.opened() as opened:
        case = record(
            opened.ledger,
            request_step(file, asserted_by=buyer, recorded_by=recorder, fields=secret, idempotency_key=f"{canary}-key"),
        )
        fields = {"asked_for": ["product_photo"], "reason": f"{canary} said so"}
        record(opened.ledger, ask_step(case.return_id, fields=fields, idempotency_key=f"{canary}-2"))
        hidden = {canary.encode(), *_guesses(opened.ledger, buyer, recorder)}
        looked_at = 0
        for path in world.home.rglob("*"):  # while it is open: the write-ahead log is there too
            assert canary not in path.name
            if path.is_file():
                looked_at += 1
                content = path.read_bytes()
                assert not [word for word in hidden if word in content], path.name

    assert looked_at > 8


def _guesses(ledger: Ledger, *parties: Party) -> set[bytes]:
    """Return what somebody who guesses a reference would compute without any key."""
    from hashlib import sha256

    found = set()
    for party in parties:
        for text in (party.reference, f"{party.role}\n{party.reference}", f"party:{party.reference}"):
            found |= {sha256(text.encode()).digest(), sha256(text.encode()).hexdigest()[:32].encode()}
    return found


def test_a_person_has_one_pseudonym_in_a_case_and_another_in_the_next(world: World, tmp_path: Path) -> None:
    def parties(index: int) -> tuple[str, str]:
        entry = parse_entry(opened.ledger.read.entry(index).encoded)
        assert isinstance(entry, CaseEntry)
        return entry.asserted_by.party, entry.recorded_by.party

    with world.opened() as opened:
        one, two = open_case(opened.ledger, tmp_path), open_case(opened.ledger, tmp_path)
        asked = record(opened.ledger, ask_step(one.return_id))
        answered = record(opened.ledger, answer_step(one.return_id, photo(tmp_path)))

        assert parties(one.appended.index) == parties(answered.appended.index)
        assert parties(one.appended.index)[0] != parties(two.appended.index)[0]
        assert parties(one.appended.index)[1] != parties(two.appended.index)[1]
        assert set(parties(asked.appended.index)) == {parties(one.appended.index)[1]}  # the platform, in both parts


def test_what_a_consumer_says_is_sealed_under_their_key_and_the_rest_under_the_case(
    world: World, tmp_path: Path
) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        record(ledger, ask_step(case.return_id))
        of_person = ledger.keys.find(f"party:{BUYER.reference}")
        of_case = ledger.keys.find(f"case:{case.return_id}")
        assert of_person is not None
        assert of_case is not None

        record(ledger, answer_step(case.return_id, photo(tmp_path)))

        def keys_of(index: int) -> dict[str, bytes]:
            return {value.name: value.key_id for value in ledger.read.sealed_values(index)}

        assert keys_of(1) == {"evidence:product_photo": of_person[0], "lines": of_case[0]}
        assert keys_of(2) == {"reason": of_case[0]}
        assert keys_of(3) == {"evidence:product_photo": of_person[0], "comment": of_person[0]}


def test_of_sixteen_who_take_the_same_step_exactly_one_wins_each_time(each_world: World, tmp_path: Path) -> None:
    outcomes: list[Counter[str]] = []
    file = photo(tmp_path)
    with each_world.opened() as opened:
        ledger = opened.ledger
        case = open_case(ledger, tmp_path)
        steps = [ask_step(case.return_id), answer_step(case.return_id, file)] * 2
        for step in steps:
            outcomes.append(_race(ledger, step, 16))

        assert outcomes == [Counter({"recorded": 1, "WrongStateError": 15})] * 4
        assert ledger.read.case(case.return_id).case.count == 5
        assert audit(ledger, None).findings == []
    assert len(stored_files(each_world)) == 3


def test_sixteen_retries_at_once_under_one_key_are_one_entry(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        outcomes = _race(opened.ledger, request_step(photo(tmp_path), idempotency_key="k"), 16)

        assert outcomes == Counter({"replayed": 15, "recorded": 1})
        assert opened.ledger.read.size() == 2
    assert len(stored_files(world)) == 1


def _race(ledger: Ledger, step: Step, count: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        try:
            outcome = "replayed" if record(ledger, step).appended.replayed else "recorded"
        except LedgerError as error:
            outcome = type(error).__name__
        outcomes[outcome] += 1

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_two_processes_may_record_at_once(each_world: World, tmp_path: Path) -> None:
    with each_world.opened() as one, each_world.opened() as two:
        case = open_case(one.ledger, tmp_path)
        record(two.ledger, ask_step(case.return_id))
        record(one.ledger, answer_step(case.return_id, photo(tmp_path)))

        assert one.ledger.read.case(case.return_id).case.count == 3
        assert audit(two.ledger, None).findings == []


def test_the_platform_may_open_a_case_for_a_buyer_under_a_key(world: World, tmp_path: Path) -> None:
    step = request_step(photo(tmp_path), asserted_by=PLATFORM, idempotency_key="order-1")
    with world.opened() as opened:
        first = record(opened.ledger, step)
        assert record(opened.ledger, step).return_id == first.return_id
        with pytest.raises(IdempotencyMismatchError):
            record(opened.ledger, replace(step, asserted_by=Party(Role.PLATFORM, "another marketplace")))
