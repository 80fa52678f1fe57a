"""A receipt's log part for other people's tools: made, read strictly, and verified as far as a log alone can be."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.checkpoint import SIGNATURES_MAX, Checkpoint, parse_checkpoint, sign_checkpoint
from ledger_service.core.cosignature import cosign, witness_key
from ledger_service.core.encoding import Json
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.tlog_proof import (
    EXTRA_BYTES_MAX,
    TlogProof,
    TlogProofFormatError,
    encode_tlog_proof,
    is_tlog_proof,
    parse_tlog_proof,
    tlog_proof_of,
)
from ledger_service.core.verify_tlog_proof import verify_tlog_proof
from ledger_service.errors import FormatError
from tests.core.entries import NEW_KEY, OLD_KEY
from tests.core.notes import signature_line
from tests.core.receipts import STEP_AT, TRUST, receipt

RECEIPT = receipt()
PROOF = tlog_proof_of(RECEIPT)
DATA = encode_tlog_proof(PROOF)
LINES = DATA.decode().split("\n")
HOLDS = {"format": "pass", "trust": "pass", "entry": "pass", "checkpoint": "pass", "inclusion": "pass"}


def outcomes(report: Report) -> dict[str, str]:
    """Return the outcome of each check by its name."""
    return {check.name: check.outcome.value for check in report.checks}


def test_the_text_is_the_one_of_the_specification() -> None:
    written = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(RECEIPT.entry).decode(), f"index {STEP_AT}"]
    written += [base64.b64encode(value).decode() for value in RECEIPT.inclusion]

    assert "\n".join([*written, "", ""]).encode() + RECEIPT.checkpoint == DATA
    assert parse_tlog_proof(DATA) == PROOF
    assert is_tlog_proof(DATA)
    assert not is_tlog_proof(RECEIPT.checkpoint)


def test_what_it_shows_holds_and_final_is_left_to_the_receipt() -> None:
    report = verify_tlog_proof(DATA, TRUST)

    assert outcomes(report) == HOLDS | {"anchor": "unknown"}
    assert report.verdict is Verdict.INCONCLUSIVE


def test_without_a_trust_file_no_key_is_known() -> None:
    found = outcomes(verify_tlog_proof(DATA, None))

    assert (found["trust"], found["checkpoint"], found["inclusion"]) == ("unknown", "unknown", "pass")


def test_cosignatures_of_witnesses_stand_in_it_and_are_ignored() -> None:
    text = RECEIPT.checkpoint.decode().partition("\n\n")[0] + "\n"
    witness = signature_line(text, NEW_KEY, "witness.example/1") + "\n"
    cosigned = dataclasses.replace(PROOF, checkpoint=RECEIPT.checkpoint + witness.encode())
    report = verify_tlog_proof(encode_tlog_proof(cosigned), TRUST)

    assert outcomes(report) == HOLDS | {"anchor": "unknown"}
    assert "1 signatures of other keys ignored" in report.checks[3].detail


def test_the_cosignatures_of_a_receipt_go_with_it_and_count_where_their_witness_is_pinned() -> None:
    checkpoint, _ = parse_checkpoint(RECEIPT.checkpoint)
    line = cosign(checkpoint, "witness.example/1", NEW_KEY, seconds=1_793_700_300).line()
    held: dict[str, Json] = {"cosignatures": [line.rstrip("\n"), "no signature", 5]}
    data = encode_tlog_proof(tlog_proof_of(dataclasses.replace(RECEIPT, unprotected=held)))
    pinned = dataclasses.replace(TRUST, witnesses=(witness_key("witness.example/1", NEW_KEY),), witnesses_required=1)

    assert data == DATA + line.encode()
    assert outcomes(verify_tlog_proof(data, pinned))["witnesses"] == "pass"
    assert outcomes(verify_tlog_proof(DATA, pinned))["witnesses"] == "unknown"


def test_cosignatures_that_no_note_has_room_for_stay_in_the_receipt() -> None:
    line = f"— {'w' * 90} {base64.b64encode(bytes(900)).decode()}"
    for count in (60, 99):
        proof = tlog_proof_of(dataclasses.replace(RECEIPT, unprotected={"cosignatures": [line] * count}))
        assert proof.checkpoint == RECEIPT.checkpoint
    short = f"— w {base64.b64encode(bytes(76)).decode()}"
    full = tlog_proof_of(dataclasses.replace(RECEIPT, unprotected={"cosignatures": [short] * 200}))
    assert len(parse_checkpoint(full.checkpoint)[1]) == SIGNATURES_MAX


def test_a_head_that_no_pinned_key_claims_is_unknown_and_a_bad_signature_fails() -> None:
    other = sign_checkpoint(Checkpoint(TRUST.origin, 9, bytes(32)), NEW_KEY)
    forged = sign_checkpoint(Checkpoint(TRUST.origin, 9, bytes(32)), OLD_KEY).replace(b"\n9\n", b"\n8\n")
    foreign = sign_checkpoint(Checkpoint("elsewhere.example", 9, bytes(32)), OLD_KEY)
    found = [
        outcomes(verify_tlog_proof(encode_tlog_proof(dataclasses.replace(PROOF, checkpoint=note)), TRUST))["checkpoint"]
        for note in (other, forged, foreign)
    ]

    assert found == ["unknown", "fail", "fail"]


def test_a_proof_without_the_entry_says_so() -> None:
    found = outcomes(verify_tlog_proof(encode_tlog_proof(dataclasses.replace(PROOF, extra=None)), TRUST))

    assert (found["entry"], found["inclusion"], found["checkpoint"]) == ("unknown", "unknown", "pass")


def test_another_entry_another_log_and_another_first_entry_fail() -> None:
    spoiled = dataclasses.replace(PROOF, extra=RECEIPT.entry.replace(b'"seq":', b'"seq":1', 1))
    junk = dataclasses.replace(PROOF, extra=b"no entry")
    elsewhere = dataclasses.replace(TRUST, origin="elsewhere.example", keys=TRUST.keys)
    first = encode_tlog_proof(tlog_proof_of(receipt(0)))

    assert outcomes(verify_tlog_proof(encode_tlog_proof(spoiled), TRUST))["inclusion"] == "fail"
    assert outcomes(verify_tlog_proof(encode_tlog_proof(junk), TRUST))["entry"] == "fail"
    assert outcomes(verify_tlog_proof(DATA, elsewhere))["entry"] == "fail"
    assert outcomes(verify_tlog_proof(first, TRUST))["inclusion"] == "pass"
    repinned = dataclasses.replace(TRUST, genesis=bytes(32))
    assert outcomes(verify_tlog_proof(first, repinned))["inclusion"] == "fail"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n",
        DATA.replace(b"@v1", b"@v2", 1),
        DATA.replace(b"\n", b"\r\n"),
        b"\n" + DATA,
        DATA.replace(b"index 4", b"index 04"),
        DATA.replace(b"index 4", b"index +4"),
        DATA.replace(b"index 4", b"index  4"),
        DATA.replace(b"index 4", b"Index 4"),
        DATA.replace(b"index 4\n", b""),
        DATA.replace(b"index 4", b"index %d" % SIZE_MAX),
        DATA.replace(b"index 4\n", b"index 4\nextra AA==\n"),  # after the index
        DATA.replace(b"\nextra ", b"\nextra AA==\nextra "),
        DATA.replace(LINES[1].encode(), b"extra "),
        DATA.replace(LINES[1].encode(), b"extra *"),
        DATA.replace(LINES[3].encode(), LINES[3].encode()[:-4]),  # not 32 bytes
        DATA.replace(LINES[3].encode(), LINES[3].encode() + b"\n" + b"\n".join([LINES[3].encode()] * 63)),
        DATA.replace(b"\n\n", b"\n", 1),
        DATA + b"x",
        DATA.replace(b"index", "índex".encode()),
        encode_tlog_proof(dataclasses.replace(PROOF, extra=bytes(EXTRA_BYTES_MAX + 1))),
        encode_tlog_proof(dataclasses.replace(PROOF, checkpoint=b"no note\n")),
        DATA + b"A" * 300_000,
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_tlog_proof(data)

    assert verify_tlog_proof(data, TRUST).verdict is Verdict.INVALID


def test_the_unused_bits_of_base64_are_zero() -> None:
    hash_line = LINES[3]
    assert hash_line.endswith("=")
    other = chr(ord(hash_line[-2]) + 1)  # the two lowest bits of this character are unused

    with pytest.raises(TlogProofFormatError, match=r"canonical|base64"):
        parse_tlog_proof(DATA.replace(hash_line.encode(), f"{hash_line[:-2]}{other}=".encode()))


def test_no_change_of_one_byte_leaves_everything_shown() -> None:
    """Each byte of the file is covered by a check."""
    for place in range(len(DATA)):
        spoiled = bytearray(DATA)
        spoiled[place] ^= 1
        report = verify_tlog_proof(bytes(spoiled), TRUST)
        shown = {check.name for check in report.checks if check.outcome is Outcome.PASS}
        assert shown < HOLDS.keys(), place


@given(
    st.integers(0, SIZE_MAX - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(min_size=1, max_size=200),
)
def test_what_was_written_is_read_back(index: int, hashes: list[bytes], extra: bytes | None) -> None:
    proof = TlogProof(index, tuple(hashes), RECEIPT.checkpoint, extra)

    assert parse_tlog_proof(encode_tlog_proof(proof)) == proof
