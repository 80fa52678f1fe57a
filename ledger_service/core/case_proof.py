"""The completeness file: as of a seal, how many entries a case has and which is the last, or which cases a scope has.

It holds the receipt of a seal, a scope, and the nodes of the case index on the way to it. What it means: the seal
commits the ledger to this; an entry of the case from before the seal that is not among them is evidence against the
operator, together with this file. Promises: one spelling, white space aside; `digest` shows a change on the way even
where what a changed file says is true as well. Does not: judge (`verify_case_proof.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256

from ledger_service.core import encoding
from ledger_service.core.case_index import Scope, key_of
from ledger_service.core.encoding import Json
from ledger_service.core.members import Reader
from ledger_service.core.receipt import RECEIPT_BYTES_MAX, Receipt, parse_receipt, receipt_members
from ledger_service.core.trie import HASH_BYTES, NODE_BYTES_MAX, NODES_MAX
from ledger_service.errors import FormatError

FORMAT = "return-ledger/case-index@v1"
CASE_PROOF_BYTES_MAX = 64 * 1024 * 1024  # some hundred thousand cases
_RETURN = re.compile(r"[0-9a-f]{32}")
_NODE = re.compile(rf"(?:[0-9a-f]{{2}}){{{HASH_BYTES},{NODE_BYTES_MAX}}}")
_BEGINNING = re.compile(rb'\s*\{\s*"digest"\s*:')


class CaseProofFormatError(FormatError):
    """A completeness file is not well formed."""


@dataclass(frozen=True, slots=True)
class CaseProof:
    """What is shown of the cases of `scope`; of one of them where `return_id` is given, which needs the month.

    `seal` is the receipt of the seal, `nodes` are those of `trie.prove` for the prefix.
    """

    scope: Scope
    return_id: str | None
    seal: Receipt
    nodes: tuple[bytes, ...]
    unprotected: dict[str, Json] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Return the nibbles with which the keys begin that the file speaks of."""
        if self.return_id is None:
            return self.scope.prefix
        assert self.scope.month is not None  # of a case; `parse_case_proof` and `prove_case` see to it
        return key_of(
            self.return_id,
            buyer_country=self.scope.buyer_country,
            seller_country=self.scope.seller_country,
            opened_at=self.scope.month,
        ).hex()


def encode_case_proof(proof: CaseProof) -> bytes:
    """Return the completeness file."""
    return encoding.encode_document(case_proof_members(proof))


def case_proof_members(proof: CaseProof) -> dict[str, Json]:
    """Return the members of a completeness file, for an answer that holds one."""
    covered: dict[str, Json] = {
        "format": FORMAT,
        "nodes": [node.hex() for node in proof.nodes],
        "return_id": proof.return_id,
        "scope": {
            "buyer_country": proof.scope.buyer_country,
            "month": proof.scope.month,
            "seller_country": proof.scope.seller_country,
        },
        "seal": receipt_members(proof.seal),
    }
    return {**covered, "digest": digest_of(covered), "unprotected": proof.unprotected}


def parse_case_proof(data: bytes) -> CaseProof:
    """Return what a completeness file holds.

    Raises:
        CaseProofFormatError: Not one of this version, too large, too deep, spelled another way, or changed on its way.
    """
    read = Reader(CaseProofFormatError, "completeness file")
    try:
        value = encoding.parse_document(data, bytes_max=CASE_PROOF_BYTES_MAX)
    except FormatError as error:
        raise CaseProofFormatError(f"completeness file: {error.message}", hint=error.hint) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    m = read.members(value, ("digest", "format", "nodes", "return_id", "scope", "seal", "unprotected"))
    if not isinstance(m["unprotected"], dict):
        raise read.at("unprotected").fail("an object is expected")
    if m["digest"] != digest_of({name: one for name, one in m.items() if name not in ("digest", "unprotected")}):
        raise read.at("digest").fail("the file was changed on its way")
    s = read.at("scope").members(m["scope"], ("buyer_country", "month", "seller_country"))
    texts = (s["buyer_country"], s["seller_country"], "" if s["month"] is None else s["month"])
    if not all(isinstance(one, str) for one in texts):
        raise read.at("scope").fail("texts are expected")
    return_id = read.nullable(m["return_id"], lambda v: read.at("return_id").text(v, _RETURN))
    if return_id is not None and s["month"] is None:
        raise read.at("scope").fail("a case needs the month in which it was opened")
    try:
        scope = Scope(s["buyer_country"], s["seller_country"], s["month"])
        seal = parse_receipt(encoding.encode_document(m["seal"]))
    except FormatError as error:
        raise CaseProofFormatError(f"completeness file: {error.message}", hint=error.hint) from None
    return CaseProof(
        scope=scope,
        return_id=return_id,
        seal=seal,
        nodes=read.at("nodes").items(m["nodes"], NODES_MAX, lambda v: bytes.fromhex(read.at("nodes").text(v, _NODE))),
        unprotected=m["unprotected"],
    )


def begins_case_proof(data: bytes) -> bool:
    """Say whether a file begins as a completeness file does.

    >>> begins_case_proof(b' { "digest": "'), begins_case_proof(b'{"after": null')
    (True, False)
    """
    return _BEGINNING.match(data[:RECEIPT_BYTES_MAX]) is not None


def digest_of(covered: dict[str, Json]) -> str:
    """Return the SHA-256, in hex, of all members but `digest` and `unprotected` in canonical form."""
    return sha256(encoding.encode(covered)).hexdigest()
