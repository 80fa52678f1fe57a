"""Mutations of state proofs, and of the proof that an entry was recorded after an earlier anchor."""

from __future__ import annotations

from typing import Any

from ledger_service.core.receipt_state import AfterProof, after_members
from tests.campaigns.receipts.draw import Draw, edit

_PROOFS = ("account", "storage")


def _flipped(draw: Draw, text: str) -> str:
    """Return the text with one hexadecimal digit changed, or cut, or longer."""
    if len(text) < 3 or draw.rng.random() < 0.1:
        return draw.rng.choice([text[:-2], text + "00", text.upper(), text[2:], ""])
    at = draw.rng.randrange(2, len(text))
    return text[:at] + draw.rng.choice("0123456789abcdefF".replace(text[at], "")) + text[at + 1 :]


def _nodes_changed(draw: Draw, nodes: list[Any]) -> None:
    way = draw.rng.choice(["flip", "flip", "flip", "drop", "double", "reverse", "more"])
    at = draw.rng.randrange(len(nodes))
    if way == "flip":
        nodes[at] = _flipped(draw, nodes[at])
    elif way == "drop":
        nodes.pop(at)
    elif way == "double":
        nodes.insert(at, nodes[at])
    elif way == "reverse":
        nodes.reverse()
    else:
        nodes.append(draw.rng.choice(["0x80", "0x", "0xc0", None, nodes[0]]))


@edit
def state_proof_changed(draw: Draw, value: Any) -> bool | None:
    state = value["anchors"][0]["state"]
    if state is None:
        return False
    if draw.rng.random() < 0.4:
        state["header"] = _flipped(draw, state["header"])
    else:
        _nodes_changed(draw, state[draw.rng.choice(_PROOFS)])
    return None


@edit
def state_proof_of_another_head(draw: Draw, value: Any) -> bool | None:
    others = [base for base in draw.world.bases if base.value()["anchors"][0]["state"] is not None]
    other, state = draw.rng.choice(others).value()["anchors"][0]["state"], value["anchors"][0]["state"]
    if state is None or other == state:
        return False
    for name in draw.rng.choice([["header"], ["account"], ["storage"], ["header", "account"], list(other)]):
        state[name] = other[name]
    return None


@edit
def state_proof_and_block_hash(draw: Draw, value: Any) -> None:
    anchor = value["anchors"][0]
    if anchor["state"] is None:
        anchor["block_hash"] = None
    else:
        anchor["block_hash"] = draw.rng.choice([anchor["parent_hash"], "0x" + "00" * 32])
        anchor["state"] = draw.rng.choice([anchor["state"], None])


@edit
def earlier_anchor_changed(draw: Draw, value: Any) -> bool | None:
    after = value["after"]
    if after is None:
        return False
    anchor = after["anchor"]
    way = draw.rng.choice(["number", "hash", "seal", "index", "inclusion", "storage"])
    if way == "number":
        name = draw.rng.choice(["block_number", "sequence", "size", "time"])
        anchor[name] += draw.rng.choice([-2, -1, 1, 2, 2**40])
    elif way == "hash":
        name = draw.rng.choice(["log_id", "parent_hash", "root"])
        anchor[name] = _flipped(draw, anchor[name])
    elif way == "seal":
        at = draw.rng.randrange(len(after["seal"]))
        after["seal"] = draw.rng.choice(
            [after["seal"][:at] + draw.rng.choice("019af}") + after["seal"][at + 1 :], value["entry"], ""]
        )
    elif way == "index":
        after["index"] = draw.rng.choice([after["index"] + 1, after["index"] - 1, value["index"], -1, None])
    elif way == "inclusion":
        draw.rng.choice([after["inclusion"].reverse, after["inclusion"].clear, after["inclusion"].pop])()
    elif after["storage"] is None:
        after["storage"] = draw.rng.choice([[], ["0x80"], {}])
    else:
        _nodes_changed(draw, after["storage"])
    return None


@edit
def earlier_anchor_of_another_receipt(draw: Draw, value: Any) -> bool | None:
    """One that holds in another tree or log, or a seal that stands behind the entry."""
    base = draw.rng.choice(draw.world.bases)
    after = base.value()["after"]
    if after is None or (base.log is draw.base.log and after["index"] < value["index"]):
        return False
    value["after"] = after
    return None


@edit
def seal_behind_the_entry(draw: Draw, value: Any) -> bool | None:
    """A seal that truly quotes an anchor and stands in this very tree, but not before the entry."""
    log, size = draw.base.log, draw.base.size
    later = [one.after for one in log.receipts if one.after is not None and value["index"] <= one.after.index < size]
    if not later:
        return False
    value["after"] = after_members(_placed(draw, draw.rng.choice(later)))
    return None


@edit
def anchor_that_the_seal_does_not_quote(draw: Draw, value: Any) -> bool | None:
    """Another true anchor of the log under the entry's own seal: a later one moves the time since when."""
    log, after = draw.base.log, value["after"]
    if after is None or after["anchor"]["log_id"] != "0x" + log.trust.targets[0].target.log_id.hex():
        return False
    sizes = [size for size, anchor in log.anchors.items() if anchor.sequence != after["anchor"]["sequence"]]
    size = draw.rng.choice([*sizes, draw.base.size])
    anchor = log.anchors[size]
    other = AfterProof(
        seal=after["seal"].encode(),
        index=after["index"],
        inclusion=(),
        log_id=anchor.log_id,
        sequence=anchor.sequence,
        size=size,
        root=log.root(size),
        time=anchor.time,
        block_number=anchor.block_number,
        parent_hash=anchor.parent_hash,
        storage=None,
    )
    value["after"] = after_members(_placed(draw, other))
    return None


def _placed(draw: Draw, after: AfterProof) -> AfterProof:
    """Return an earlier bound with its seal's place in the tree of the receipt, and with the storage proof if there is
    one in the state that the receipt shows."""
    stated = draw.base.value()["anchors"][0]["state"] is not None
    return draw.base.log.after_at(after, draw.base.size, stated=stated)
