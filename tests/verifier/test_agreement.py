"""Both verifiers say the same of the same files: every check, its outcome and its reason."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Sequence

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from ledger_service.core import encoding
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.contradiction import encode_contradiction
from ledger_service.core.cosignature import cosign, witness_key
from ledger_service.core.facts import Answer, Unanswered
from ledger_service.core.package import EVENTS, LATER
from ledger_service.core.package_events import LINE_BYTES_MAX
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.tlog_proof import encode_tlog_proof, tlog_proof_of
from ledger_service.core.trust import encode_trust
from ledger_service.errors import JsonFormatError
from tests.core import forks, packages
from tests.core.entries import NEW_KEY, OLD_KEY
from tests.core.hostile_packages import HOSTILE
from tests.core.large import large
from tests.core.receipts import BOTH, EMBEDDED, GENESIS_AT, SEPOLIA, TRUST, answer, head, question, receipt
from tests.core.test_package_events import CHANGES, told
from tests.verifier.first import first
from tests.verifier.second import Given, SecondVerifier

pytestmark = pytest.mark.node

PHOTO = ("photo.png", packages.PHOTO)
HONEST_NODE = answer(EMBEDDED)
# What a node may say that is not the whole truth, or says nothing of use.
ANSWERS: dict[str, Sequence[Answer]] = {
    "nobody was asked": (),
    "an honest node": (HONEST_NODE,),
    "two chains": (HONEST_NODE, answer(SEPOLIA)),
    "of the quoted anchor too": packages.answers(),
    "nobody answered": (Unanswered("node", "cannot be reached"),),
    "nobody answered to one question": (Unanswered("node", "timed out", question(EMBEDDED)), HONEST_NODE),
    "another chain": (dataclasses.replace(HONEST_NODE, chain_id=1),),
    "another genesis": (dataclasses.replace(HONEST_NODE, chain_genesis=bytes(32)),),
    "not final": (dataclasses.replace(HONEST_NODE, final_number=119),),
    "not final, and another block": (dataclasses.replace(HONEST_NODE, final_number=119, block_hash=None),),
    "other code": (dataclasses.replace(HONEST_NODE, code_hash=None),),
    "another commitment": (dataclasses.replace(HONEST_NODE, commitment=bytes(32)),),
    "another block": (dataclasses.replace(HONEST_NODE, block_hash=bytes(32)),),
}


@functools.cache
def files() -> dict[str, bytes]:
    """Return files of every kind, right ones and wrong ones."""
    whole, rotated = receipt(on=(EMBEDDED, SEPOLIA)), receipt(rotated=True)
    lines = [cosign(head(), name, key, seconds=5).line()[:-1] for name, key in WITNESSES.items()]
    cosigned = dataclasses.replace(whole, unprotected={"cosignatures": ["", lines[0], lines[0], None], "erased": [1]})
    erased = dataclasses.replace(whole, unprotected={"erased": ["note", "serial_no", "note"]})
    return {
        "a receipt": encode_receipt(receipt()),
        "a receipt on two chains": encode_receipt(whole),
        "a receipt of the genesis entry": encode_receipt(receipt(GENESIS_AT)),
        "a receipt after a key change": encode_receipt(rotated),
        "a key change that is left out": encode_receipt(dataclasses.replace(rotated, key_changes=())),
        "a receipt without anchors": encode_receipt(receipt(on=())),
        "a cosigned receipt": encode_receipt(cosigned),
        "a receipt of erased values": encode_receipt(erased),
        "a receipt with a state proof": encode_receipt(large(stated=True).receipt),
        "a receipt without its state proof": encode_receipt(large(stated=False).receipt),
        "a package": packages.honest(),
        "a completeness file": encode_case_proof(packages.completeness()),
        "two roots": encode_contradiction(forks.roots()),
        "a rewritten log": encode_contradiction(forks.rewriting()),
        "two leaves": encode_contradiction(forks.leaves()),
        "a tlog-proof": encode_tlog_proof(tlog_proof_of(whole)),
        "a tlog-proof without its entry": encode_tlog_proof(dataclasses.replace(tlog_proof_of(whole), extra=None)),
        "a tlog-proof by another key": encode_tlog_proof(tlog_proof_of(rotated)),
        "a trust file": encode_trust(TRUST),
        "nothing": b"",
    }


WITNESSES = {"one.example": OLD_KEY, "two.example": NEW_KEY}
WITNESSED = dataclasses.replace(
    TRUST, witnesses=tuple(witness_key(name, key) for name, key in WITNESSES.items()), witnesses_required=1
)
TRUSTS = {
    "no trust file": None,
    "one target": encode_trust(TRUST),
    "both targets": encode_trust(BOTH),
    "a witness": encode_trust(WITNESSED),
    "two witnesses": encode_trust(dataclasses.replace(WITNESSED, witnesses_required=2)),
    "witnesses that nobody asks for": encode_trust(dataclasses.replace(WITNESSED, witnesses_required=0)),
    "another log": encode_trust(large(stated=True).trust),
}


@pytest.mark.parametrize("trust", TRUSTS)
def test_both_say_the_same_of_every_kind_of_file(second: SecondVerifier, trust: str) -> None:
    said = set()
    for answers in list(ANSWERS.values())[: None if trust == "both targets" else 3]:
        given = Given(list(files().items()), TRUSTS[trust], answers, evidence=[PHOTO, ("other", b"x")])

        found = first(given)

        assert second.verify(given) == found
        said |= {report["verdict"] for report in found.reports}
    assert said >= {"invalid", "inconclusive"}
    assert ("valid" in said) == (trust != "no trust file")


def test_both_take_a_block_hash_and_refuse_what_is_none(second: SecondVerifier) -> None:
    made = large(stated=True)
    given = Given([("r", encode_receipt(made.receipt))], encode_trust(made.trust))
    known = dataclasses.replace(given, block_hashes=[f"0x{made.block_hash.hex().upper()}"])

    assert second.verify(given) == first(given)
    assert second.verify(known) == first(known)
    assert first(known).reports[0]["verdict"] == "valid"
    assert second.verify(dataclasses.replace(given, block_hashes=["0x00"])).refused is not None


@pytest.mark.parametrize("name", HOSTILE)
def test_both_say_the_same_of_a_hostile_package(second: SecondVerifier, name: str) -> None:
    given = Given([("p", HOSTILE[name]())], encode_trust(TRUST), packages.answers())

    found = first(given)

    assert second.verify(given) == found
    assert found.reports[0]["verdict"] != "valid"


def test_both_say_the_same_of_events_that_say_something_else(second: SecondVerifier) -> None:
    whole = packages.files()
    lines = [whole[EVENTS][:at] for at in (0, 1, 999, -1)]
    long = b"x" * LINE_BYTES_MAX
    lines += [
        whole[EVENTS] + more for more in (b"x", b"\n", b"[]\n", b"\xff\n", long + b"x\n", long + b"xx", long + b"\n")
    ]
    older = {name: content for name, content in whole.items() if name not in LATER}
    made = [told(change) for change in CHANGES.values()]
    made += [packages.Draft({**whole, EVENTS: data}).packed() for data in lines]
    made.append(packages.Draft(older).packed())

    given = Given([(str(at), data) for at, data in enumerate(made)], TRUSTS["one target"], packages.answers())
    found = first(given)

    assert second.verify(given) == found
    assert {report["verdict"] for report in found.reports[:-1]} == {"invalid"}
    assert found.reports[-1]["verdict"] == "valid"


TEXTS = (
    b"\xff", b"\x80abc", b"ab\xc3", b"\xef\xbb\xbf{}", b"tru", b"-", b"[1 2]", b'{"a" 1}', b'{"a":1 "b":2}', b"{1:2}",
    b'"abc', b'"a\nb"', b'"\\x"', b'"\\', b'{"x":"\\u12', b'"\\u12 4"', b"[1.5", b"NaN", b"[-Infinity]", b"[-0]",
    b"12345678901234567890", b"[01]", b"[" * 40, b"{}" * 40, b'{"a":1,"a":2}', b'{"\\u0061":1,"a":2}', b'["\\u0000"]',
    b'["\\ud800"]', b'["\xf0\x9f\x98\x80", \xf0', '["😀", x'.encode(), b'{"format":"return-ledger/receipt@v1"}', b"[]",
    b'{"format":"return-ledger/receipt@v1","__proto__":1}', b'{"cases":1}\n', b'{"digest":1}', b' {\f"digest" :',
    b'"\\u0041', b"PK", b"PK\3\4" + bytes(50), b"c2sp.org/tlog-proof@v2\n", b"c2sp.org/tlog-proof@v1\nindex 1\n\n",
    b" " * 70_000, b"," * 70_000, b'"' + b"a" * 1_100_000 + b'"',
)  # fmt: skip


def test_both_give_the_same_reason_against_a_text_that_is_no_file_of_ours(second: SecondVerifier) -> None:
    given = Given([(str(place), text) for place, text in enumerate(TEXTS)], encode_trust(TRUST))

    found = first(given)

    assert second.verify(given) == found
    assert {report["verdict"] for report in found.reports} == {"invalid"}


TOKENS = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", " ", "\n", '"', "\\", "\\u00", "\\ud83d", "\\ude00", "é", "😀", "\u2028", "\x7f",
     "0", "-", "9" * 17, "1e", ".5", "true", "null", "nul", "NaN", '"a"', '"b":', '"a":1']
)  # fmt: skip


@drawn(st.lists(TOKENS, max_size=25).map("".join))
@example("-0-")
@settings(max_examples=200)
def test_both_read_or_refuse_the_same_texts(second: SecondVerifier, text: str) -> None:
    given = Given([("t", text.encode())])

    found, also = first(given), second.verify(given)

    if re.search(r"-0[0-9]", text):  # the reader in Python looks at -0 first only where digits follow elsewhere
        assert [one["verdict"] for one in also.reports] == [one["verdict"] for one in found.reports]
    else:
        assert also == found


@drawn(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=5),
        max_leaves=12,
    )
)
@settings(max_examples=100)
def test_both_find_one_canonical_form(second: SecondVerifier, value: encoding.Json) -> None:
    """A trust file of any members is refused for its members, not for its spelling: so both spell them alike."""
    members = {"format": "return-ledger/receipt@v1", "value": value}
    try:
        data = encoding.encode_document(members)
    except JsonFormatError:
        return
    given = Given([("t", data)])

    found = first(given)

    assert second.verify(given) == found
    assert "canonical" not in json.dumps(found.reports)


POINTS = [
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    )
]  # of small order, spelled oddly, or no point at all


def test_both_verify_ed25519_alike_where_rfc_8032_leaves_it_open(second: SecondVerifier) -> None:
    cases = [(r + bytes(32), bytes([n]), key) for key in POINTS for r in POINTS for n in range(8)]

    accepted = second.verified(cases)

    assert accepted == [openssl(*case) for case in cases]
    assert any(accepted)
    assert not all(accepted)


def openssl(signature: bytes, message: bytes, key: bytes) -> bool:
    """Return what the verifier in Python would say."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
