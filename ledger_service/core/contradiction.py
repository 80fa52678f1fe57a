"""The contradiction file: what a log signed, set side by side, where an honest log could not have signed both.

Three kinds (P10): `two_roots`, two signed heads of one size; `rewritten`, two signed heads and the path of a
consistency proof that leads to the newer root, but to another root at the older size; `two_leaves`, different leaves at
one index, each with its inclusion proof in a signed head.

Promises: one spelling of each file, white space between tokens aside; whatever verification does not cover stands under
`unprotected`. Does not: say whether it is one (`verify_contradiction.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ledger_service.core import encoding
from ledger_service.core.checkpoint import Checkpoint, VerifierKey, parse_checkpoint
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ENTRY_BYTES_MAX
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.receipt import KEY_CHANGES_MAX, PROOF_MAX, KeyChange, key_change_members, parse_key_change
from ledger_service.errors import FormatError

FORMAT = "return-ledger/contradiction@v1"
CONTRADICTION_BYTES_MAX = 1024 * 1024  # two entries at their limit and some key changes; a receipt has as much
PATH_MAX = 64  # hashes that lead from the smaller of two trees to the larger


class ContradictionFormatError(FormatError):
    """Not a contradiction file of this version, or spelled another way."""


class Kind(StrEnum):
    """Which contradiction it is."""

    TWO_ROOTS = "two_roots"
    REWRITTEN = "rewritten"
    TWO_LEAVES = "two_leaves"


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed note with exactly one signature, and the key changes that lead to the key that made it."""

    note: bytes
    key_changes: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownLeaf:
    """A leaf in the tree of a head: its hash, the entry where it may be shown (None: not), and its inclusion proof."""

    leaf_hash: bytes
    inclusion: tuple[bytes, ...]
    entry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two signed heads, and what sets them against each other.

    `path` is that of `rewritten` (`merkle.reconstruct_roots`), `index` and `leaves` are those of `two_leaves`, a leaf
    for each head; they are empty in the other kinds. Order of the heads: of `rewritten` the smaller first; of the
    others the one with the smaller root or leaf hash first, so that there is one spelling.
    """

    kind: Kind
    heads: tuple[SignedHead, SignedHead]
    path: tuple[bytes, ...] = ()
    index: int = 0
    leaves: tuple[ShownLeaf, ...] = ()
    unprotected: dict[str, Json] = field(default_factory=dict)


def two_roots(one: SignedHead, other: SignedHead) -> Contradiction:
    """Return the contradiction of two signed heads of one size.

    Raises:
        CheckpointFormatError: One is no checkpoint.
    """
    first, second = sorted((one, other), key=lambda head: parse_checkpoint(head.note)[0].root)
    return Contradiction(Kind.TWO_ROOTS, (first, second))


def rewritten(older: SignedHead, newer: SignedHead, path: Sequence[bytes]) -> Contradiction:
    """Return the contradiction of a head and a larger one that does not begin with it."""
    return Contradiction(Kind.REWRITTEN, (older, newer), path=tuple(path))


def two_leaves(index: int, one: tuple[SignedHead, ShownLeaf], other: tuple[SignedHead, ShownLeaf]) -> Contradiction:
    """Return the contradiction of two leaves at one index."""
    first, second = sorted((one, other), key=lambda pair: pair[1].leaf_hash)
    return Contradiction(Kind.TWO_LEAVES, (first[0], second[0]), index=index, leaves=(first[1], second[1]))


def sole_signature(note: bytes, keys: Sequence[VerifierKey]) -> bytes:
    """Return the note with the one line that a key of these made, without the lines of others.

    Raises:
        CheckpointFormatError: It is no checkpoint, or has no line of such a key.
    """
    checkpoint, signatures = parse_checkpoint(note)
    mine = {(key.name, key.key_id()) for key in keys}
    kept = [signature for signature in signatures if (signature.name, signature.key_id) in mine]
    if not kept:
        raise ContradictionFormatError("the checkpoint bears no signature by a key of this log")
    return (checkpoint.text() + "\n" + kept[0].line()).encode()


def heads_of(contradiction: Contradiction) -> tuple[Checkpoint, Checkpoint]:
    """Return the tree heads that the two notes name, in order; who signed them is not looked at.

    Raises:
        CheckpointFormatError: One is no checkpoint.
    """
    first, second = (parse_checkpoint(head.note)[0] for head in contradiction.heads)
    return first, second


def encode_contradiction(contradiction: Contradiction) -> bytes:
    """Return the contradiction file."""
    members: dict[str, Json] = {
        "format": FORMAT,
        "heads": [signed_head_members(head) for head in contradiction.heads],
        "kind": contradiction.kind.value,
        "unprotected": contradiction.unprotected,
    }
    if contradiction.kind is Kind.REWRITTEN:
        members["path"] = [value.hex() for value in contradiction.path]
    elif contradiction.kind is Kind.TWO_LEAVES:
        members["index"] = contradiction.index
        members["leaves"] = [
            {
                "entry": None if leaf.entry is None else leaf.entry.decode(),
                "inclusion": [value.hex() for value in leaf.inclusion],
                "leaf_hash": leaf.leaf_hash.hex(),
            }
            for leaf in contradiction.leaves
        ]
    return encoding.encode_document(members)


def is_contradiction(data: bytes) -> bool:
    """Say whether a file calls itself one; a receipt may hold the name of the format, under `unprotected`."""
    if FORMAT.encode() not in data:
        return False
    try:
        value = encoding.parse_document(data, bytes_max=CONTRADICTION_BYTES_MAX)
    except FormatError:
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


def parse_contradiction(data: bytes) -> Contradiction:
    """Return the contradiction of a file.

    Raises:
        ContradictionFormatError: Not a contradiction file of this version, too large, too deep, or spelled another way.
    """
    read = Reader(ContradictionFormatError, "contradiction")
    try:
        value = encoding.parse_document(data, bytes_max=CONTRADICTION_BYTES_MAX)
    except FormatError as error:
        raise ContradictionFormatError(f"contradiction: {error.message}", hint=error.hint) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    kind = read.at("kind").choice(value.get("kind"), Kind)
    m = read.members(value, ("format", "heads", "kind", "unprotected", *_MEMBERS[kind]))
    if not isinstance(m["unprotected"], dict):
        raise read.at("unprotected").fail("an object is expected")
    heads = read.at("heads").items(m["heads"], 2, lambda v: parse_head(read.at("heads"), v))
    if len(heads) != 2:
        raise read.at("heads").fail("two heads are expected")
    leaves = _leaves_of(read.at("leaves"), m["leaves"]) if kind is Kind.TWO_LEAVES else ()
    found = Contradiction(
        kind,
        (heads[0], heads[1]),
        path=_parse_hashes(read.at("path"), m["path"], PATH_MAX) if kind is Kind.REWRITTEN else (),
        index=read.at("index").integer(m["index"]) if kind is Kind.TWO_LEAVES else 0,
        leaves=leaves,
        unprotected=m["unprotected"],
    )
    _require_order(read, found)
    return found


_MEMBERS = {Kind.TWO_ROOTS: (), Kind.REWRITTEN: ("path",), Kind.TWO_LEAVES: ("index", "leaves")}


def _require_order(read: Reader, found: Contradiction) -> None:
    try:
        first, second = heads_of(found)
    except FormatError as error:
        raise read.at("heads").fail(error.message) from None
    if found.kind is Kind.REWRITTEN and first.size >= second.size:
        raise read.at("heads").fail("the smaller head stands first")
    if found.kind is Kind.TWO_ROOTS and first.root >= second.root:
        raise read.at("heads").fail("two roots are expected, the smaller first")
    if found.kind is Kind.TWO_LEAVES and found.leaves[0].leaf_hash >= found.leaves[1].leaf_hash:
        raise read.at("leaves").fail("two leaf hashes are expected, the smaller first")


def signed_head_members(head: SignedHead) -> dict[str, Json]:
    """Return a signed head as JSON."""
    return {
        "checkpoint": head.note.decode(),
        "key_changes": [key_change_members(change) for change in head.key_changes],
    }


def parse_head(read: Reader, value: Json) -> SignedHead:
    """Return the signed head that `signed_head_members` wrote, under the reader's error."""
    m = read.members(value, ("checkpoint", "key_changes"))
    changes = read.at("key_changes")
    return SignedHead(
        _parse_text(read.at("checkpoint"), m["checkpoint"], CONTRADICTION_BYTES_MAX),
        changes.items(m["key_changes"], KEY_CHANGES_MAX, lambda v: parse_key_change(changes, v)),
    )


def _leaves_of(read: Reader, value: Json) -> tuple[ShownLeaf, ...]:
    leaves = read.items(value, 2, lambda v: _parse_leaf(read, v))
    if len(leaves) != 2:
        raise read.fail("two leaves are expected")
    return leaves


def _parse_leaf(read: Reader, value: Json) -> ShownLeaf:
    m = read.members(value, ("entry", "inclusion", "leaf_hash"))
    return ShownLeaf(
        leaf_hash=read.at("leaf_hash").hexadecimal(m["leaf_hash"], HASH),
        inclusion=_parse_hashes(read.at("inclusion"), m["inclusion"], PROOF_MAX),
        entry=read.nullable(m["entry"], lambda v: _parse_text(read.at("entry"), v, ENTRY_BYTES_MAX)),
    )


def _parse_hashes(read: Reader, value: Json, most: int) -> tuple[bytes, ...]:
    return read.items(value, most, lambda v: read.hexadecimal(v, HASH))


def _parse_text(read: Reader, value: Json, bytes_max: int) -> bytes:
    if not isinstance(value, str) or len(data := value.encode()) > bytes_max:
        raise read.fail(f"text of at most {bytes_max} bytes is expected")
    return data
