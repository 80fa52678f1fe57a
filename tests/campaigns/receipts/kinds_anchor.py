"""Mutations of anchors and key changes, and whole forgeries by an attacker with key, log and contract of its own."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

from eth_utils.address import to_checksum_address

from ledger_service.core import merkle
from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.entry import encode_entry, parse_entry
from ledger_service.core.log_entry import KeyEntry, key_change_message
from ledger_service.core.receipt import AnchorProof, encode_receipt
from tests.campaigns.receipts.document import read, write
from tests.campaigns.receipts.draw import Draw, edit, kind
from tests.campaigns.receipts.kinds_note import STRANGER, note_text, signature_line
from tests.campaigns.receipts.logs import Log

_NUMBERS = ("block_number", "chain_id", "sequence", "time")
_HASHES = ("block_hash", "parent_hash", "log_id")


def anchor_members(anchor: AnchorProof) -> dict[str, Any]:
    """Return an anchor as a receipt writes it."""
    members = dataclasses.asdict(anchor)
    return {name: "0x" + one.hex() if isinstance(one, bytes) else one for name, one in members.items()}


@edit
def anchors_removed(draw: Draw, value: Any) -> None:
    value["anchors"] = draw.rng.choice([[], None, {}, [None]])


@edit
def one_of_two_anchors_removed(draw: Draw, value: Any) -> bool | None:
    """Lawful, and not counted, where the policy asks for one target only."""
    if len(value["anchors"]) < 2:
        return False
    value["anchors"].pop(draw.rng.randrange(2))
    return None


@edit
def anchor_doubled(draw: Draw, value: Any) -> None:
    anchor = dict(draw.rng.choice(value["anchors"]))
    if draw.rng.random() < 0.6:
        anchor[draw.rng.choice(_NUMBERS)] += draw.rng.choice([-1, 1])
    value["anchors"].insert(draw.rng.randint(0, len(value["anchors"])), anchor)


@edit
def anchor_number_changed(draw: Draw, value: Any) -> None:
    anchor, name = draw.rng.choice(value["anchors"]), draw.rng.choice(_NUMBERS)
    far = [2**31, 2**53 - 1, 2**53, 2**64 - 1, 2**64, -1, 0, anchor[name] + 2**64, 10**25, 1]
    near = [anchor[name] + step for step in (-3, -2, -1, 1, 2, 3, 12)]
    anchor[name] = draw.rng.choice([*near, *near, *far])


@edit
def anchor_number_of_another_type(draw: Draw, value: Any) -> None:
    anchor, name = draw.rng.choice(value["anchors"]), draw.rng.choice(_NUMBERS)
    old = anchor[name]
    anchor[name] = draw.rng.choice([str(old), float(old), hex(old), bool(old), None, [old], f"0{old}", {"value": old}])


@edit
def anchor_hash_changed(draw: Draw, value: Any) -> None:
    anchor = draw.rng.choice(value["anchors"])
    names = [one for one in _HASHES if anchor[one] is not None]
    name = draw.rng.choice(names)
    old = int(anchor[name], 16)
    flipped = f"0x{old ^ 1 << draw.rng.randrange(256):064x}"
    anchor[name] = draw.rng.choice(
        [flipped, flipped, "0x" + "00" * 32, "0x", anchor[name][:-2], *(anchor[n] for n in names)]
    )


@edit
def contract_changed(draw: Draw, value: Any) -> None:
    anchor = draw.rng.choice(value["anchors"])
    old = int(anchor["contract"], 16)
    others = [draw.world.lookalike[0].contract, draw.world.impostor.trust.targets[0].target.contract, bytes(20)]
    flipped = f"0x{old ^ 1 << draw.rng.randrange(160):040x}"
    anchor["contract"] = draw.rng.choice([flipped, *("0x" + one.hex() for one in others if one.hex() != f"{old:040x}")])


@edit
def contract_in_mixed_case(draw: Draw, value: Any) -> None:
    anchor = draw.rng.choice(value["anchors"])
    anchor["contract"] = draw.rng.choice([to_checksum_address(anchor["contract"]), anchor["contract"].upper()])


@edit
def anchor_of_another_head(draw: Draw, value: Any) -> None:
    """Another anchor of the same log, whole or one of its members."""
    other = anchor_members(
        draw.base.log.anchors[draw.rng.choice([n for n in draw.base.log.anchors if n != draw.base.size])]
    )
    anchor = draw.rng.choice(value["anchors"])
    for name in draw.rng.choice([list(other), [draw.rng.choice(list(other))], ["sequence", "time"], [*_NUMBERS]]):
        anchor[name] = other[name]


@edit
def anchor_of_another_log(draw: Draw, value: Any) -> None:
    log = draw.other_log()
    sizes = [draw.base.size] if draw.base.size in log.anchors else list(log.anchors)
    other = anchor_members(log.anchors[draw.rng.choice(sizes)])
    at = draw.rng.randrange(len(value["anchors"]))
    value["anchors"][at] = other if draw.rng.random() < 0.6 else {**value["anchors"][at], "log_id": other["log_id"]}


@edit
def anchor_under_another_registrar(draw: Draw, value: Any) -> bool | None:
    """The same head, truly anchored in the pinned contract, but in a log that the attacker registered."""
    if draw.base.log is not draw.world.main:
        return False
    forged = anchor_members(draw.world.same_contract[1][draw.base.size])
    value["anchors"] = draw.rng.choice([[forged], [*value["anchors"], forged], [forged, *value["anchors"]]])
    return None


@edit
def anchor_in_a_lookalike_contract(draw: Draw, value: Any) -> bool | None:
    """The same head, truly anchored in a contract with the same code that the attacker deployed."""
    if draw.base.log is not draw.world.main:
        return False
    forged = anchor_members(draw.world.lookalike[1][draw.base.size])
    mixed = {**value["anchors"][0], "contract": forged["contract"]}
    value["anchors"] = draw.rng.choice([[forged], [*value["anchors"], forged], [mixed], [forged, *value["anchors"]]])
    return None


@edit
def anchors_reordered(draw: Draw, value: Any) -> bool | None:
    if len(value["anchors"]) < 2:
        return False
    value["anchors"].reverse()
    return None


@edit
def head_and_anchor_of_later(draw: Draw, value: Any) -> bool | None:
    """Note and anchor of another head that both hold, with the inclusion proof of this one."""
    sizes = [size for size in draw.base.log.anchors if size != draw.base.size]
    size = draw.rng.choice(sizes)
    value["checkpoint"] = draw.base.log.notes[size].decode()
    value["anchors"] = [anchor_members(draw.base.log.anchors[size])]
    return None


def _key_change(draw: Draw, *, signer: Any, old: Any, index: int, new: Any = STRANGER) -> dict[str, Any]:
    """Return a key change to `new`, signed by `signer`, claiming `old` and the place of the entry at `index`."""
    log = draw.base.log
    old_key, new_key = verifier_key(log.origin, old), verifier_key(log.origin, new)
    recorded_at = parse_entry(log.entries[index]).recorded_at
    entry = KeyEntry(log.origin, recorded_at, old_key, new_key, signer.sign(key_change_message(log.origin, new_key)))
    proof = [one.hex() for one in log.inclusion(index, draw.base.size)]
    return {"entry": encode_entry(entry).decode(), "inclusion": proof, "index": index}


def _resigned(draw: Draw, key: Any, *, size: int | None = None, root: bytes | None = None) -> str:
    log = draw.base.log
    text = note_text(log.origin, size or draw.base.size, root or log.root(draw.base.size))
    return f"{text}\n{signature_line(text, key, name=log.origin)}"


@edit
def key_change_forged(draw: Draw, value: Any) -> None:
    """A change to the attacker's key that the attacker signed; the note, true or not, is signed with that key."""
    index = draw.rng.randrange(draw.base.size)
    signer, old = draw.rng.choice(
        [(STRANGER, draw.base.log.keys[0]), (STRANGER, STRANGER), (draw.other_log().keys[0],) * 2]
    )
    value["key_changes"].append(_key_change(draw, signer=signer, old=old, index=index))
    value["checkpoint"] = _resigned(draw, STRANGER, root=draw.rng.choice([None, draw.rng.randbytes(32)]))


@edit
def key_change_not_in_the_log(draw: Draw, value: Any) -> None:
    """A change that the stolen old key really signed, but that was never recorded."""
    index = draw.rng.randrange(draw.base.size)
    old = draw.rng.choice(draw.base.log.keys)
    change = _key_change(draw, signer=old, old=old, index=index)
    value["key_changes"] = draw.rng.choice([[change], [*value["key_changes"], change]])
    value["checkpoint"] = draw.rng.choice([value["checkpoint"], _resigned(draw, STRANGER)])


@edit
def key_change_of_another_log(draw: Draw, value: Any) -> None:
    change = dataclasses.asdict(draw.world.rotated.key_changes(12)[draw.rng.randrange(2)])
    entry, proof = change["entry"].decode(), [one.hex() for one in change["inclusion"]]
    value["key_changes"].append({"entry": entry, "inclusion": proof, "index": change["index"]})
    if draw.rng.random() < 0.3:
        value["checkpoint"] = _resigned(draw, draw.world.rotated.keys[-1])


@edit
def key_change_removed(draw: Draw, value: Any) -> bool | None:
    if not value["key_changes"]:
        return False
    value["key_changes"].pop(draw.rng.randrange(len(value["key_changes"])))
    return None


@edit
def key_change_doubled(draw: Draw, value: Any) -> bool | None:
    if not value["key_changes"]:
        return False
    changes = value["key_changes"]
    value["key_changes"] = [*changes, *changes] if draw.rng.random() < 0.3 else sorted([*changes, changes[0]], key=str)
    return None


@edit
def note_signed_by_a_retired_key(draw: Draw, value: Any) -> bool | None:
    """The true head under a key that the receipt itself says was changed, or with fewer changes than it needs."""
    if not value["key_changes"]:
        return False
    retired = draw.rng.randrange(len(value["key_changes"]))
    value["checkpoint"] = _resigned(draw, draw.base.log.keys[retired])
    return None


@edit
def key_change_altered(draw: Draw, value: Any) -> bool | None:
    if not value["key_changes"]:
        return False
    change = draw.rng.choice(value["key_changes"])
    way = draw.rng.choice(["index", "proof", "entry", "order", "member"])
    if way == "index":
        change["index"] = draw.rng.choice(
            [change["index"] + 1, change["index"] - 1, -1, str(change["index"]), 2**63, 0]
        )
    elif way == "proof":
        draw.rng.choice([change["inclusion"].reverse, change["inclusion"].clear, change["inclusion"].pop])()
    elif way == "entry":
        entry = json.loads(change["entry"])
        entry[draw.rng.choice(["recorded_at", "signature", "new_key", "origin"])] = draw.rng.choice(
            list(entry.values())
        )
        change["entry"] = json.dumps(entry, separators=(",", ":"), sort_keys=True)
    elif way == "order":
        value["key_changes"].reverse()
    else:
        change[draw.rng.choice(["note", "size"])] = 1
    return None


@kind
def receipt_of_the_impostor(draw: Draw) -> bytes:
    """A receipt that is valid in every part, of a log under the same origin that an attacker runs."""
    log, world = draw.world.impostor, draw.world
    size = draw.rng.choice(list(log.anchors))
    index = draw.rng.randrange(size)
    value = read(encode_receipt(world.issue(log, index, size, show=draw.rng.randrange(256))))
    if draw.rng.random() < 0.5:
        name = draw.rng.choice(["anchors", "checkpoint", "key_changes", "entry"])
        value[name] = draw.base.value()[name]
    return write(value)


@kind
def receipt_of_another_log(draw: Draw) -> bytes | None:
    others = [base for base in draw.world.bases if base.log is not draw.base.log]
    return draw.rng.choice(others).data


@kind
def history_forged(draw: Draw) -> bytes:
    """A changed entry in a tree built anew, its note signed by a stranger or with the old signature."""
    log, size, index = draw.base.log, draw.base.size, draw.base.index
    entry = json.loads(log.entries[index])
    entry["recorded_at"] = "2026-01-01T00:00:00.000Z"
    encoded = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    entries = [*log.entries[:index], encoded, *log.entries[index + 1 :]]
    forged = Log(log.name, log.node, log.trust, log.keys, entries, log.notes, log.anchors, log.receipts)
    value = draw.base.value()
    value["entry"], value["inclusion"] = encoded.decode(), [one.hex() for one in forged.inclusion(index, size)]
    text = note_text(log.origin, size, forged.root(size))
    old = value["checkpoint"].rpartition("\n\n")[2]
    value["checkpoint"] = f"{text}\n{draw.rng.choice([old, signature_line(text, STRANGER, name=log.origin)])}"
    return write(value)


@kind
def history_forged_with_the_stolen_key(draw: Draw) -> bytes:
    """The same, signed with the log's own key: only the contract tells (P2)."""
    log, size, index = draw.base.log, draw.base.size, draw.base.index
    other = draw.rng.choice([n for n in range(size) if n != index] or [index])
    entries = [*log.entries]
    entries[other] = merkle.leaf_hash(entries[other]).hex().encode() + base64.b64encode(draw.rng.randbytes(3))
    forged = Log(log.name, log.node, log.trust, log.keys, entries, log.notes, log.anchors, log.receipts)
    value = draw.base.value()
    if other == index:
        value["entry"], value["records"] = entries[index].decode(), []
    value["inclusion"] = [one.hex() for one in forged.inclusion(index, size)]
    text = note_text(log.origin, size, forged.root(size))
    signer = log.keys[len(value["key_changes"])]
    value["checkpoint"] = f"{text}\n{signature_line(text, signer, name=log.origin)}"
    for change in value["key_changes"]:
        change["inclusion"] = [one.hex() for one in forged.inclusion(change["index"], size)]
    return write(value)
