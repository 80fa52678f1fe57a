"""A contradiction file is `valid` only if an honest log could not have signed what it holds, whoever made it."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import encoding
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.contradiction import (
    CONTRADICTION_BYTES_MAX,
    Contradiction,
    ContradictionFormatError,
    Kind,
    ShownLeaf,
    SignedHead,
    encode_contradiction,
    is_contradiction,
    parse_contradiction,
    rewritten,
    sole_signature,
    two_leaves,
    two_roots,
)
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.trust import Trust
from ledger_service.core.verify_contradiction import verify_contradiction
from ledger_service.errors import InvalidProofError
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN
from tests.core.forks import OTHER, TRUE, head, inclusion, leaf, leaves, path, rewriting, root, roots
from tests.core.receipts import FIRST_KEY, SECOND_KEY, STEP_AT, TRUST, receipt
from tests.core.spoiled import spoil

KINDS = {"two_roots": roots(), "rewritten": rewriting(), "two_leaves": leaves()}
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(9, 41)))


def check(contradiction: Contradiction, trust: Trust | None = TRUST) -> Report:
    """Verify a contradiction as a file."""
    return verify_contradiction(encode_contradiction(contradiction), trust)


def failed(contradiction: Contradiction, trust: Trust | None = TRUST) -> list[str]:
    """Return the names of the checks that failed."""
    return [one.name for one in check(contradiction, trust).checks if one.outcome is Outcome.FAIL]


@pytest.mark.parametrize("name", KINDS)
def test_a_log_that_contradicts_itself_is_shown_to_whoever_pinned_it(name: str) -> None:
    report = check(KINDS[name])

    assert report.verdict is Verdict.VALID
    assert [one.name for one in report.checks] == ["format", "trust", "checkpoint", "checkpoint", "contradiction"]


@pytest.mark.parametrize("name", KINDS)
def test_without_a_trust_file_it_shows_nothing(name: str) -> None:
    assert check(KINDS[name], None).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_is_read_back_and_under_unprotected_anything_may_stand(name: str) -> None:
    given = dataclasses.replace(KINDS[name], unprotected={"seen_at": "2026-11-03T10:00:00.000Z"})

    assert parse_contradiction(encode_contradiction(given)) == given
    assert check(given).verdict is Verdict.VALID


@pytest.mark.parametrize("older", range(5, 9))
@pytest.mark.parametrize("newer", range(6, 10))
def test_a_rewriting_is_shown_between_any_two_sizes(older: int, newer: int) -> None:
    """Of 2^k leaves the path holds the node that RFC 9162 leaves out, or nothing could be told from the older root."""
    if older < newer:
        assert check(rewriting(older, newer)).verdict is Verdict.VALID


def test_leaves_may_be_shown_as_hashes_alone() -> None:
    assert check(leaves(shown=False)).verdict is Verdict.VALID


def test_a_head_that_a_later_key_signed_is_followed_to_the_pinned_one() -> None:
    found = two_roots(head(TRUE, 9, NEW_KEY), head(OTHER, 9, NEW_KEY))

    assert check(found).verdict is Verdict.VALID
    assert [one.name for one in check(found).checks].count("keys") == 2


def test_a_head_that_a_later_key_signed_shows_nothing_without_its_key_changes() -> None:
    given = two_roots(SignedHead(head(TRUE, 9, NEW_KEY).note), head(OTHER, 9))

    assert failed(given) == ["checkpoint"]
    assert check(given, dataclasses.replace(TRUST, keys=(FIRST_KEY, SECOND_KEY))).verdict is Verdict.VALID


def test_a_key_change_that_is_not_in_the_tree_of_its_head_leads_nowhere() -> None:
    good = head(TRUE, 9, NEW_KEY)
    change = dataclasses.replace(good.key_changes[0], index=5)

    assert failed(two_roots(dataclasses.replace(good, key_changes=(change,)), head(OTHER, 9))) == ["keys"]


def signed_by(key: Ed25519PrivateKey, size: int = 7, origin: str = ORIGIN, **more: tuple[str, ...]) -> SignedHead:
    """Return a head over the other entries, signed by a key under an origin."""
    return SignedHead(sign_checkpoint(Checkpoint(origin, size, root(OTHER, size), **more), key))


def doubled(one: SignedHead) -> SignedHead:
    """Return the head with its signature line twice."""
    return SignedHead(one.note + one.note.splitlines(keepends=True)[-1])


FRAMED = {
    "a head that somebody else signed": (two_roots(head(TRUE, 7), signed_by(STRANGER)), "checkpoint"),
    "a head of another log": (two_roots(head(TRUE, 7), signed_by(OLD_KEY, origin="b.example")), "checkpoint"),
    "a head with two signature lines": (two_roots(head(TRUE, 7), doubled(head(OTHER, 7))), "checkpoint"),
    "heads of two sizes": (two_roots(head(TRUE, 6), head(TRUE, 7)), "contradiction"),
    "a head that grew": (rewritten(head(TRUE, 6), head(TRUE, 9), path(TRUE, 6, 9)), "contradiction"),
    "a head of 2^k leaves that grew": (rewritten(head(TRUE, 8), head(TRUE, 9), path(TRUE, 8, 9)), "contradiction"),
    "a spoiled path": (rewritten(head(TRUE, 6), head(TRUE, 9), path(OTHER, 6, 9)), "contradiction"),
    "a path of another length": (rewritten(head(TRUE, 6), head(TRUE, 9), path(TRUE, 6, 9)[1:]), "contradiction"),
    "no path": (rewritten(head(TRUE, 6), head(TRUE, 9), []), "contradiction"),
    "the path of a proof that leaves the older root out": (
        rewritten(head(TRUE, 8), head(OTHER, 9), path(OTHER, 8, 9)[1:]), "contradiction",
    ),
    "a leaf that is in neither head": (
        two_leaves(4, (head(TRUE, 7), leaf(TRUE, 4, 7)), (head(TRUE, 9), leaf(OTHER, 4, 9))), "contradiction",
    ),
    "leaves at two indexes": (
        two_leaves(4, (head(TRUE, 7), leaf(TRUE, 4, 7)), (head(TRUE, 9), leaf(TRUE, 5, 9))), "contradiction",
    ),
    "an inner node as a leaf": (
        two_leaves(0, (head(TRUE, 8), leaf(TRUE, 0, 8)),
                   (head(TRUE, 9), ShownLeaf(root(TRUE, 2), inclusion(TRUE, 0, 9)[1:]))), "contradiction",
    ),
    "an entry that is not that of its leaf": (
        two_leaves(4, (head(TRUE, 7), leaf(TRUE, 4, 7)),
                   (head(OTHER, 9), dataclasses.replace(leaf(OTHER, 4, 9), entry=TRUE[5]))), "contradiction",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMED)
def test_an_honest_log_is_not_framed(name: str) -> None:
    given, check_name = FRAMED[name]

    assert failed(given) == [check_name]


def test_the_path_of_one_size_serves_no_other() -> None:
    """A path that leads to the signed newer root names its nodes at the size that was signed, or leads elsewhere."""
    for older in (5, 7):
        assert failed(rewritten(head(OTHER, older), head(OTHER, 9), path(OTHER, 6, 9))) == ["contradiction"]


def test_a_signed_extension_of_a_head_takes_nothing_away() -> None:
    extended = signed_by(OLD_KEY, extensions=("shown to some",))

    assert check(two_roots(head(TRUE, 7), extended)).verdict is Verdict.VALID


OUT_OF_ORDER = {
    "the larger root first": dataclasses.replace(roots(), heads=roots().heads[::-1]),
    "one root": two_roots(head(TRUE, 7), head(TRUE, 7)),
    "the larger head first": dataclasses.replace(rewriting(), heads=rewriting().heads[::-1]),
    "two heads of one size": rewritten(head(TRUE, 7), head(OTHER, 7), []),
    "the larger leaf first": dataclasses.replace(
        leaves(), heads=leaves().heads[::-1], leaves=leaves().leaves[::-1]
    ),
    "one leaf": two_leaves(4, (head(TRUE, 7), leaf(TRUE, 4, 7)), (head(TRUE, 9), leaf(TRUE, 4, 9))),
    "no leaves": dataclasses.replace(leaves(), leaves=()),
    "a head that is none": dataclasses.replace(roots(), heads=(SignedHead(b"x"), head(TRUE, 7))),
}  # fmt: skip


@pytest.mark.parametrize("name", OUT_OF_ORDER)
def test_there_is_one_spelling(name: str) -> None:
    data = encode_contradiction(OUT_OF_ORDER[name])

    with pytest.raises(ContradictionFormatError):
        parse_contradiction(data)
    assert [one.name for one in verify_contradiction(data, TRUST).checks] == ["format"]


@pytest.mark.parametrize("name", KINDS)
def test_no_spoiled_file_is_valid_and_nothing_raises(name: str) -> None:
    value = json.loads(encode_contradiction(KINDS[name]))

    for what, where, changed in spoil(value):
        if where[:1] == ("unprotected",) and isinstance(changed, dict) and isinstance(changed.get("unprotected"), dict):
            continue
        if where[-1:] == ("entry",) and changed["leaves"][where[1]].get("entry", "") is None:
            continue  # withheld: a leaf is as good by its hash
        data = encoding.encode_document(changed)
        assert verify_contradiction(data, TRUST).verdict is not Verdict.VALID, (what, where)


@pytest.mark.parametrize("name", KINDS)
def test_no_changed_character_leaves_a_file_valid(name: str) -> None:
    data = encode_contradiction(KINDS[name])
    chance = random.Random(random.getrandbits(32))

    for at in chance.sample(range(data.index(b'"unprotected"')), 150):
        if not data[at : at + 1].isspace():
            changed = bytearray(data)
            changed[at] ^= 1 << chance.randrange(7)
            if not bytes(changed[at : at + 1]).isspace():
                assert verify_contradiction(bytes(changed), TRUST).verdict is not Verdict.VALID


def test_a_file_is_called_one_by_its_format_alone() -> None:
    named = dataclasses.replace(receipt(), unprotected={"note": "return-ledger/contradiction@v1"})

    assert is_contradiction(encode_contradiction(roots()))
    assert not is_contradiction(encode_receipt(named))
    assert not is_contradiction(b"return-ledger/contradiction@v1")
    assert not is_contradiction(b"{}")


def test_what_is_too_large_or_no_document_is_refused() -> None:
    for data in (b"", b"[]", b"{}", b" " * (CONTRADICTION_BYTES_MAX + 1)):
        with pytest.raises(ContradictionFormatError):
            parse_contradiction(data)


def test_of_a_note_the_line_of_the_log_alone_is_taken() -> None:
    note = head(TRUE, 7).note
    witnessed = note + "— witness.example AAAAAQ==\n".replace("AAAAAQ==", "AAAAAQAA").encode()

    assert sole_signature(witnessed, TRUST.keys) == note
    with pytest.raises(ContradictionFormatError, match="no signature"):
        sole_signature(note, (SECOND_KEY,))


def test_kinds_are_those_of_the_promise() -> None:
    assert [kind.value for kind in Kind] == ["two_roots", "rewritten", "two_leaves"]


def test_a_failed_proof_alone_is_refused_before_anything_is_hashed() -> None:
    from ledger_service.core.merkle import reconstruct_roots

    for sizes in ((0, 3), (3, 3), (4, 3)):
        with pytest.raises(InvalidProofError):
            reconstruct_roots(*sizes, [bytes(32)])
    assert reconstruct_roots(4, 7, path(TRUE, 4, 7)) == (root(TRUE, 4), root(TRUE, 7))
    assert STEP_AT == 4
