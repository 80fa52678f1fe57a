"""The monitor keeps apart: the log lied, the answer was garbled, nobody answered, our own folder is broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.contradiction import Kind, parse_contradiction
from ledger_service.core.encoding import Json
from ledger_service.core.entry import encode_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.report import Outcome, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.watch.durable import BrokenStateError, locked
from ledger_service.watch.monitor import Monitor, Round
from ledger_service.watch.seen_log import SeenLog
from tests.core.entries import FIRST, NEW_KEY, OLD_KEY, ORIGIN
from tests.core.receipts import FIRST_KEY, LOG, ROTATION_AT, SECOND_KEY, TRUST
from tests.watch.shown import ShownLog, asker_of, watch

SEEN, GROWN = 300, 700  # past one full tile, and past two


def entry(number: int, recorded_at: str = "2026-11-03T10:22:05.000Z") -> bytes:
    """Return a step of a case of its own."""
    facts: dict[str, Json] = {"buyer_country": "DE", "seller_country": "CN"}
    return encode_entry(dataclasses.replace(FIRST, return_id=f"{number:032x}", recorded_at=recorded_at, facts=facts))


ENTRIES = [encode_entry(LOG[0]), *(entry(number) for number in range(1, GROWN))]
OTHERS = [entry(10_000 + number) for number in range(GROWN)]


@pytest.fixture
def log() -> ShownLog:
    """An honest log of `SEEN` entries."""
    return ShownLog(ORIGIN, OLD_KEY, ENTRIES[:SEEN])


def outcomes(found: Round) -> dict[str, Outcome]:
    """Return the outcome of each check by its name."""
    return {check.name: check.outcome for check in found.report.checks}


def shown_by(found: Round, trust: Trust = TRUST) -> Kind:
    """Return which contradiction a round wrote down; it verifies offline."""
    assert found.evidence is not None
    data = found.evidence.read_bytes()
    assert verify_contradiction(data, trust).verdict is Verdict.VALID
    return parse_contradiction(data).kind


def test_a_log_that_grows_is_followed_over_restarts(log: ShownLog, tmp_path: Path) -> None:
    sizes = [1, 2, 255, 256, 257, SEEN, SEEN, 512, GROWN]
    for size in sizes:
        log.entries = ENTRIES[:size]
        found = watch(log, TRUST, tmp_path)

        assert found.report.verdict is Verdict.VALID, found.report
        assert (found.size, found.root) == (size, log.root(size))
        assert found.evidence is None
    document = found.as_json()
    assert (document["size"], document["verdict"], document["evidence"]) == (GROWN, "valid", None)


def test_only_what_is_new_is_asked_for(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    log.asked.clear()
    log.entries = ENTRIES[: SEEN + 5]

    watch(log, TRUST, tmp_path)

    assert log.asked == ["/checkpoint", "/tile/0/001.p/49"]


def forks(log: ShownLog) -> dict[str, tuple[ShownLog, Kind]]:
    """Return lies after a head of `SEEN` entries was seen, and which contradiction shows each."""
    return {
        "another entry at an index": (log.fork(20, [OTHERS[0], *ENTRIES[21:SEEN]]), Kind.TWO_ROOTS),
        "another last entry": (log.fork(SEEN - 1, OTHERS[:1]), Kind.TWO_ROOTS),
        "rewritten and grown": (log.fork(150, [*OTHERS[:1], *ENTRIES[151:GROWN]]), Kind.REWRITTEN),
        "the last entry gone, others in its place": (log.fork(SEEN - 1, OTHERS[:9]), Kind.REWRITTEN),
        "rewritten and cut off": (log.fork(100, OTHERS[:80]), Kind.REWRITTEN),
        "rewritten to 2^k entries": (log.fork(100, OTHERS[:156]), Kind.REWRITTEN),
    }


@pytest.mark.parametrize("name", forks(ShownLog(ORIGIN, OLD_KEY, ENTRIES[:SEEN])))
def test_a_log_that_lies_is_shown_to_by_a_file_and_found_again(log: ShownLog, tmp_path: Path, name: str) -> None:
    watch(log, TRUST, tmp_path)
    lie, kind = forks(log)[name]

    found = watch(lie, TRUST, tmp_path)
    again = watch(lie, TRUST, tmp_path)

    assert found.report.verdict is Verdict.INVALID
    assert shown_by(found) is kind
    assert again.evidence == found.evidence
    assert found.size == SEEN  # the lie is not remembered
    assert watch(log, TRUST, tmp_path).report.verdict is Verdict.VALID


def test_a_log_that_goes_back_to_what_it_was_is_behind_and_nothing_else(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    log.entries = ENTRIES[:77]

    found = watch(log, TRUST, tmp_path)

    assert found.report.verdict is Verdict.INCONCLUSIVE
    assert found.size == SEEN


def test_a_log_that_hides_its_tiles_is_convicted_by_its_own_proof(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    lie = log.fork(150, [*OTHERS[:1], *ENTRIES[151:GROWN]])
    lie.answers.append(lambda request: httpx.Response(404) if request.url.path.startswith("/tile") else None)

    found = watch(lie, TRUST, tmp_path)

    assert found.report.verdict is Verdict.INCONCLUSIVE  # nobody need believe what cannot be re-derived
    lie.answers[:] = [lambda r: httpx.Response(200, content=bytes(32 * 300)) if "/tile/1" in r.url.path else None]
    assert shown_by(watch(lie, TRUST, tmp_path)) is Kind.REWRITTEN


def test_a_log_whose_first_leaf_is_not_the_pinned_one_fails_without_a_file(log: ShownLog, tmp_path: Path) -> None:
    """Nobody signed two things: the pinned genesis entry is the verifier's own."""
    stranger = log.fork(0, OTHERS[:SEEN])

    found = watch(stranger, TRUST, tmp_path)
    one = watch(log.fork(0, OTHERS[:1]), TRUST, tmp_path / "one")

    assert outcomes(found)["growth"] is outcomes(one)["growth"] is Outcome.FAIL
    assert found.evidence is one.evidence is None


GARBLED: dict[str, Callable[[httpx.Request], httpx.Response | None]] = {
    "no checkpoint": lambda r: httpx.Response(200, content=b"<html>") if r.url.path == "/checkpoint" else None,
    "a spoiled tile": lambda r: httpx.Response(200, content=bytes(32 * 44)) if r.url.path.endswith("/44") else None,
    "a short tile": lambda r: httpx.Response(200, content=b"x") if r.url.path.startswith("/tile/0") else None,
    "an error": lambda r: httpx.Response(500),
    "no such tile": lambda r: httpx.Response(404) if r.url.path.startswith("/tile/0") else None,
    "a redirect": lambda r: httpx.Response(302, headers={"Location": "https://elsewhere.test/"}),
}


@pytest.mark.parametrize("name", GARBLED)
@pytest.mark.parametrize("seen", [0, 200])
def test_a_garbled_answer_accuses_nobody(log: ShownLog, tmp_path: Path, name: str, seen: int) -> None:
    if seen:
        watch(ShownLog(ORIGIN, OLD_KEY, ENTRIES[:seen]), TRUST, tmp_path)
    log.answers.append(GARBLED[name])

    found = watch(log, TRUST, tmp_path)
    log.answers.clear()

    assert found.report.verdict is Verdict.INCONCLUSIVE, found.report
    assert watch(log, TRUST, tmp_path).report.verdict is Verdict.VALID


def test_every_proof_spoiled_accuses_nobody(log: ShownLog, tmp_path: Path) -> None:
    """Whoever sits on the wire can spoil every tile and every proof; the signature is all that convicts."""
    watch(log, TRUST, tmp_path)
    log.entries = ENTRIES[:GROWN]
    lie = log.fork(SEEN, [*OTHERS[:1], *ENTRIES[SEEN + 1 : GROWN]])
    log.answers.append(lambda r: None if r.url.path == "/checkpoint" else lie.handle_request(r))

    assert watch(log, TRUST, tmp_path).report.verdict is Verdict.INCONCLUSIVE


def test_a_head_that_a_stranger_signed_accuses_nobody(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    stranger = ShownLog(ORIGIN, Ed25519PrivateKey.generate(), OTHERS[:SEEN])

    assert outcomes(watch(stranger, TRUST, tmp_path)) == {"checkpoint": Outcome.UNKNOWN}


def test_a_change_of_the_key_is_followed_and_a_fork_under_the_new_key_is_shown(tmp_path: Path) -> None:
    entries = [encode_entry(one) for one in LOG]
    old = ShownLog(ORIGIN, OLD_KEY, entries[:ROTATION_AT])
    new = ShownLog(ORIGIN, NEW_KEY, entries, rotations=(ROTATION_AT,))
    watch(old, TRUST, tmp_path)

    assert watch(new, TRUST, tmp_path).report.verdict is Verdict.VALID
    fork = new.fork(len(LOG) - 1, OTHERS[:3])
    assert shown_by(watch(fork, TRUST, tmp_path)) is Kind.REWRITTEN
    pinned_anew = dataclasses.replace(TRUST, keys=(SECOND_KEY,))
    assert watch(new, pinned_anew, tmp_path).report.verdict is Verdict.VALID
    assert shown_by(watch(fork, pinned_anew, tmp_path), pinned_anew) is Kind.REWRITTEN


def test_what_was_seen_under_a_key_that_is_no_longer_pinned_fails_without_a_file(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    lie = ShownLog(ORIGIN, NEW_KEY, [*ENTRIES[:9], *OTHERS[:SEEN]])

    found = watch(lie, dataclasses.replace(TRUST, keys=(SECOND_KEY,)), tmp_path)

    assert (outcomes(found)["growth"], found.evidence) == (Outcome.FAIL, None)
    assert FIRST_KEY in TRUST.keys


# ── our own folder ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_power_cut_at_any_point_of_a_write_raises_no_alarm(log: ShownLog, tmp_path: Path) -> None:
    """What is on disk then: leaves torn or too many, the new document beside the old one, or the one before it."""
    watch(ShownLog(ORIGIN, OLD_KEY, ENTRIES[:200]), TRUST, tmp_path)
    watch(log, TRUST, tmp_path)
    document, leaves = tmp_path / "seen.json", tmp_path / "leaves"
    whole, all_leaves = document.read_bytes(), leaves.read_bytes()

    def cut() -> Round:
        found = watch(log, TRUST, tmp_path)
        document.write_bytes(whole)
        leaves.write_bytes(all_leaves)
        return found

    leaves.write_bytes(all_leaves[: 32 * 200 + 7])
    assert cut().report.verdict is Verdict.VALID
    leaves.write_bytes(all_leaves + b"torn" * 9)
    assert cut().report.verdict is Verdict.VALID
    document.write_bytes(whole[:100])
    assert cut().report.verdict is Verdict.VALID
    document.unlink()
    assert cut().report.verdict is Verdict.VALID
    (tmp_path / ".seen.json.new").write_bytes(whole[:50])
    assert cut().report.verdict is Verdict.VALID


def test_a_folder_that_holds_nonsense_is_told_from_a_log_that_lies(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    (tmp_path / "leaves").write_bytes(bytes(32 * SEEN))
    with pytest.raises(BrokenStateError, match="not those of the head"):
        watch(log, TRUST, tmp_path)
    for name in ("seen.json", "seen.previous.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BrokenStateError, match="is broken"):
        watch(log, TRUST, tmp_path)


def test_a_folder_of_another_log_is_refused(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)

    with pytest.raises(BrokenStateError, match="another log"):
        SeenLog(tmp_path, dataclasses.replace(TRUST, genesis=leaf_hash(OTHERS[0])))


def test_a_folder_is_one_process_s(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(BrokenStateError, match="another process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_entries_are_read_once_and_compared_with_their_leaves(log: ShownLog, tmp_path: Path) -> None:
    assert watch(log, TRUST, tmp_path, reads=True).entries == SEEN
    log.entries, log.asked[:] = ENTRIES[:GROWN], []

    found = watch(log, TRUST, tmp_path, reads=True)

    assert (found.entries, found.report.verdict) == (GROWN, Verdict.VALID)
    assert [path for path in log.asked if "entries" in path] == ["/tile/entries/001", "/tile/entries/002.p/188"]


def test_entries_that_are_not_the_reader_s_are_unknown(log: ShownLog, tmp_path: Path) -> None:
    log.may_read = False

    assert outcomes(watch(log, TRUST, tmp_path, reads=True))["entries"] is Outcome.UNKNOWN


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\x00\x09ab", b"\x00\x01a" * 256])
def test_a_bundle_that_is_not_that_of_the_leaves_is_garbled(log: ShownLog, tmp_path: Path, sent: bytes) -> None:
    log.answers.append(lambda r: httpx.Response(200, content=sent) if "entries/000" in r.url.path else None)

    assert outcomes(watch(log, TRUST, tmp_path, reads=True))["entries"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"{}", "entry 5"),
        (entry(5, "2026-11-03T10:00:00.000Z"), "before the entry"),
        (ENTRIES[0], "begins once"),
        (encode_entry(dataclasses.replace(FIRST, origin="other.example")), "of the log other.example"),
    ],
)
def test_an_entry_that_no_honest_ledger_writes_fails_with_its_index(tmp_path: Path, bad: bytes, words: str) -> None:
    log = ShownLog(ORIGIN, OLD_KEY, [*ENTRIES[:5], bad, *ENTRIES[6:9]])

    found = watch(log, TRUST, tmp_path, reads=True)

    assert outcomes(found)["entries"] is Outcome.FAIL
    assert words in found.report.checks[-1].detail
    assert found.entries == 5


def test_a_head_seen_under_another_key_is_compared_by_its_leaves_alone(log: ShownLog, tmp_path: Path) -> None:
    """Pinned anew, what was seen before has no signature that counts: it is still known, and nobody is shown two."""
    pinned_anew = dataclasses.replace(TRUST, keys=(SECOND_KEY,))
    same = ShownLog(ORIGIN, NEW_KEY, ENTRIES[:SEEN])
    watch(log, TRUST, tmp_path)

    same.entries = ENTRIES[: SEEN - 9]
    assert watch(same, pinned_anew, tmp_path).report.verdict is Verdict.INCONCLUSIVE
    same.entries = [*ENTRIES[: SEEN - 1], OTHERS[0]]
    assert outcomes(watch(same, pinned_anew, tmp_path))["growth"] is Outcome.FAIL
    same.entries = [*ENTRIES[: SEEN - 9], OTHERS[0]]
    assert outcomes(watch(same, pinned_anew, tmp_path))["growth"] is Outcome.FAIL
    same.entries = ENTRIES[:SEEN]
    assert watch(same, pinned_anew, tmp_path).report.verdict is Verdict.VALID
    same.entries = [*ENTRIES[:9], *OTHERS]
    assert shown_by(watch(same, pinned_anew, tmp_path), pinned_anew) is Kind.REWRITTEN


@pytest.mark.parametrize("sent", [b"{}", b"no JSON", b'{"kind":"consistency","sizes":[],"roots":[],"hashes":["00"]}'])
def test_a_proof_of_another_form_accuses_nobody(log: ShownLog, tmp_path: Path, sent: bytes) -> None:
    watch(log, TRUST, tmp_path)
    lie = log.fork(150, [*OTHERS[:1], *ENTRIES[151:GROWN]])
    lie.answers.append(lambda r: httpx.Response(404) if r.url.path.startswith("/tile/1") else None)
    lie.answers.append(lambda r: httpx.Response(200, content=sent) if "proofs" in r.url.path else None)

    assert outcomes(watch(lie, TRUST, tmp_path))["growth"] is Outcome.UNKNOWN


def test_a_log_that_claims_more_than_any_log_has_does_not_fill_the_disk(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    log.asked.clear()
    huge = sign_checkpoint(Checkpoint(ORIGIN, 1 << 40, bytes(32)), OLD_KEY)
    log.answers.append(lambda r: httpx.Response(200, content=huge) if r.url.path == "/checkpoint" else None)

    assert outcomes(watch(log, TRUST, tmp_path))["growth"] is Outcome.UNKNOWN
    assert log.asked == ["/checkpoint"]


def test_an_empty_head_is_behind(log: ShownLog, tmp_path: Path) -> None:
    watch(log, TRUST, tmp_path)
    empty = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), OLD_KEY)
    log.answers.append(lambda r: httpx.Response(200, content=empty) if r.url.path == "/checkpoint" else None)

    assert outcomes(watch(log, TRUST, tmp_path))["growth"] is Outcome.UNKNOWN


def test_a_document_of_another_form_is_broken(log: ShownLog, tmp_path: Path) -> None:
    seen = SeenLog(tmp_path, TRUST)
    seen.keep(dataclasses.replace(seen.memory, size=0))

    with pytest.raises(BrokenStateError, match="integer"):
        SeenLog(tmp_path, TRUST)


def test_a_monitor_that_goes_on_finds_a_fork_of_what_it_has_kept_tiles_of(tmp_path: Path) -> None:
    """The proof of a key change is made of tiles; those of the log before it forked would prove nothing."""
    entries = [*ENTRIES[:5], encode_entry(LOG[ROTATION_AT]), *ENTRIES[6:GROWN]]
    log = ShownLog(ORIGIN, NEW_KEY, entries[:GROWN], rotations=(5,))
    monitor = Monitor(asker_of(log), TRUST, SeenLog(tmp_path, TRUST), evidence=tmp_path / "out", cases=None)
    assert monitor.run().report.verdict is Verdict.VALID

    log.entries = [*entries[:9], OTHERS[0], *entries[10:], OTHERS[1]]

    assert shown_by(monitor.run()) is Kind.REWRITTEN
