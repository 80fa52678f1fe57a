"""Mutations of what a receipt says of its leaf: index, inclusion proof, entry, and the records of what is shown."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from ledger_service.core import merkle
from tests.campaigns.receipts.document import write
from tests.campaigns.receipts.draw import Draw, edit, get, kind, paths, put, some
from tests.campaigns.receipts.kinds_text import is_number, spelled

_INDEXES: tuple[Any, ...] = (
    -1, -(2**63), 2**31, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**40, True, False, None, "",
    "0", 1.5, [], {}, [0], "one", "0x0", "١",
)  # fmt: skip


@edit
def index_shifted(draw: Draw, value: Any) -> None:
    value["index"] += draw.rng.choice([-2, -1, 1, 2, 3, 4, 8, 16, draw.base.size])


@edit
def index_absurd(draw: Draw, value: Any) -> None:
    index = value["index"]
    value["index"] = draw.rng.choice([*_INDEXES, str(index), float(index), [index], -index - 1, ~index, index + 2**64])


@kind
def index_spelled_otherwise(draw: Draw) -> bytes:
    index = draw.base.index
    ways = [f"0{index}", f"{index}.0", f"+{index}", f"{index}e0", f"{index}.", f'"{index}"', f"-{index}", hex(index)]
    return spelled(draw.base.value(), ("index",), draw.rng.choice(ways))


@edit
def index_and_proof_of_another(draw: Draw, value: Any) -> None:
    index = draw.rng.choice([n for n in range(draw.base.size) if n != draw.base.index] or [draw.base.index + 1])
    value["index"] = index
    if index < draw.base.size and draw.rng.random() < 0.7:
        value["inclusion"] = [one.hex() for one in draw.base.log.inclusion(index, draw.base.size)]


@edit
def proof_longer(draw: Draw, value: Any) -> None:
    root = draw.base.log.root(draw.base.size).hex()
    leaf = merkle.leaf_hash(value["entry"].encode()).hex()
    more = draw.rng.choice([[root], [leaf], ["00" * 32], value["inclusion"][:1], value["inclusion"], ["00" * 32] * 70])
    value["inclusion"] = value["inclusion"] + more if draw.rng.random() < 0.7 else more + value["inclusion"]


@edit
def proof_shorter(draw: Draw, value: Any) -> bool | None:
    if not value["inclusion"]:
        return False
    keep = draw.rng.randrange(len(value["inclusion"]))
    value["inclusion"] = value["inclusion"][:keep] if draw.rng.random() < 0.5 else value["inclusion"][-keep:]
    return None


@edit
def proof_reordered(draw: Draw, value: Any) -> bool | None:
    if len(value["inclusion"]) < 2:
        return False
    draw.rng.shuffle(value["inclusion"])
    return None


@edit
def proof_hash_replaced(draw: Draw, value: Any) -> bool | None:
    if not value["inclusion"]:
        return False
    at = draw.rng.randrange(len(value["inclusion"]))
    old = value["inclusion"][at]
    flipped = f"{int(old, 16) ^ 1 << draw.rng.randrange(256):064x}"
    leaf, root = merkle.leaf_hash(value["entry"].encode()).hex(), draw.base.log.root(draw.base.size).hex()
    new = [
        "00" * 32,
        "ff" * 32,
        leaf,
        root,
        "",
        old[:-2],
        old + "00",
        old[:62] + "  ",
        draw.rng.choice(value["inclusion"]),
    ]
    value["inclusion"][at] = flipped if draw.rng.random() < 0.5 else draw.rng.choice(new)
    return None


@edit
def proof_of_another_size(draw: Draw, value: Any) -> bool | None:
    log = draw.base.log
    sizes = [size for size in range(draw.base.index + 1, len(log.entries) + 1) if size != draw.base.size]
    if not sizes:
        return False
    value["inclusion"] = [one.hex() for one in log.inclusion(draw.base.index, draw.rng.choice(sizes))]
    return None


@edit
def inner_node_as_leaf(draw: Draw, value: Any) -> bool | None:
    """Offer the two hashes under an inner node as an entry, with the proof from that node upwards."""
    if not value["inclusion"]:
        return False
    up = draw.rng.randint(1, len(value["inclusion"]))
    node: bytes = merkle.leaf_hash(value["entry"].encode())
    index = draw.base.index
    left = right = node
    for step in value["inclusion"][:up]:
        sibling = bytes.fromhex(step)
        left, right = (sibling, node) if index & 1 else (node, sibling)
        node, index = merkle.node_hash(left, right), index >> 1
    both = left + right
    value["entry"] = draw.rng.choice(
        [
            both.decode("latin-1"),
            "\x01" + both.decode("latin-1"),
            both.hex(),
            "01" + both.hex(),
            json.dumps([left.hex(), right.hex()]),
        ]
    )
    value["inclusion"], value["index"] = value["inclusion"][up:], index
    value["records"] = []
    return None


@edit
def entry_spelled_otherwise(draw: Draw, value: Any) -> None:
    """Write the same entry in other bytes: spaces, another order of names, escapes."""
    members = json.loads(value["entry"])
    mixed = dict(draw.rng.sample(list(members.items()), len(members)))
    ways = [json.dumps(members), json.dumps(members, indent=1), json.dumps(mixed, separators=(",", ":"))]
    ways += [value["entry"].replace("/", "\\/", 1), value["entry"] + "\n", " " + value["entry"], value["entry"][:-1]]
    ways += [value["entry"].replace("e", "\\u0065", 1), value["entry"] + "{}", "\ufeff" + value["entry"]]
    ways += [value["entry"].replace('"version":1', way) for way in ('"version":1.0', '"version":1,"version":1')]
    value["entry"] = draw.rng.choice(ways)


@edit
def entry_character_changed(draw: Draw, value: Any) -> None:
    at = draw.rng.randrange(len(value["entry"]))
    letter = draw.rng.choice("0123456789abcdefghijklmnopqrstuvwxyzABCDEZ_-. ")
    value["entry"] = value["entry"][:at] + letter + value["entry"][at + 1 :]


@edit
def entry_member_changed(draw: Draw, value: Any) -> None:
    """Change one value of the entry and write it canonically: a well-formed entry that nobody recorded."""
    members = json.loads(value["entry"])
    path = some(draw, members, lambda one: isinstance(one, str | int) and one != "")
    assert path is not None
    old = get(members, path)
    new = [old + 1, abs(old - 1), 0] if is_number(old) else ["x", str(old)[:-1] + "1", str(old)[:-1] + "a", None]
    put(members, path, draw.rng.choice([*new, *(get(members, one) for one in paths(members) if one[-1] == path[-1])]))
    value["entry"] = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@edit
def entry_member_added_or_removed(draw: Draw, value: Any) -> None:
    members = json.loads(value["entry"])
    if draw.rng.random() < 0.5:
        members.pop(draw.rng.choice(list(members)))
    else:
        name = draw.rng.choice(["a", "zz", "note", "amount", "seal", "approved"])
        (members if draw.rng.random() < 0.5 else members.setdefault("facts", {}))[name] = draw.rng.choice(
            [1, "yes", None]
        )
    value["entry"] = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@edit
def entry_of_another_receipt(draw: Draw, value: Any) -> None:
    other = draw.another(log=draw.base.log).value()
    value["entry"], value["records"] = other["entry"], other["records"]


@edit
def entry_of_another_log(draw: Draw, value: Any) -> None:
    log = draw.other_log()
    index = draw.rng.choice([min(draw.base.index, len(log.entries) - 1), draw.rng.randrange(len(log.entries))])
    value["entry"] = log.entries[index].decode()
    value["records"] = [record.as_json() for record in log.receipts[index].records]


def _shown(value: Any) -> list[Any]:
    return [record for record in value["records"] if "salt" in record]


@edit
def record_removed(draw: Draw, value: Any) -> bool | None:
    if not value["records"]:
        return False
    value["records"].pop(draw.rng.randrange(len(value["records"])))
    return None


@edit
def record_added(draw: Draw, value: Any) -> None:
    others = [record for base in (draw.another(), draw.another()) for record in base.value()["records"]]
    made = {"name": "note", "salt": "11" * 32, "value": "more"}
    new = draw.rng.choice([*others, *value["records"], made, {"name": "evidence:photo"}, {"name": ""}])
    value["records"].insert(draw.rng.randint(0, len(value["records"])), new)


@edit
def records_swapped(draw: Draw, value: Any) -> bool | None:
    if len(value["records"]) < 2:
        return False
    draw.rng.shuffle(value["records"])
    return None


@edit
def record_renamed(draw: Draw, value: Any) -> bool | None:
    if not value["records"]:
        return False
    record = draw.rng.choice(value["records"])
    names = [
        record["name"] + "x",
        record["name"].upper(),
        "evidence:" + record["name"],
        "comment",
        "",
        record["name"][:-1],
    ]
    record["name"] = draw.rng.choice([*names, *(one["name"] for one in value["records"])])
    return None


@edit
def salt_changed(draw: Draw, value: Any) -> bool | None:
    if not _shown(value):
        return False
    record = draw.rng.choice(_shown(value))
    salt = record["salt"]
    new = [f"{int(salt, 16) ^ 1 << draw.rng.randrange(256):064x}", salt.upper(), salt[:-2], salt + "00", "", "00" * 32]
    record["salt"] = draw.rng.choice([*new, sha256(salt.encode()).hexdigest(), *(one["salt"] for one in _shown(value))])
    return None


@edit
def salt_spelled_otherwise(draw: Draw, value: Any) -> bool | None:
    if not _shown(value):
        return False
    record = draw.rng.choice(_shown(value))
    salt = record["salt"]
    record["salt"] = draw.rng.choice([salt.upper(), salt.title(), "0x" + salt, salt + "\n", f"{salt[:32]} {salt[32:]}"])
    return None


@edit
def shown_value_changed(draw: Draw, value: Any) -> bool | None:
    if not _shown(value):
        return False
    record = draw.rng.choice(_shown(value))
    old = record["value"]
    inside = some(draw, old, lambda one: isinstance(one, str | int))
    if inside:
        put(old, inside, draw.rng.choice([0, "", "other", 1, None]))
    else:
        text = str(old)
        record["value"] = draw.rng.choice([text + " ", text[:-1], text.upper(), "", None, text + "\u200b", "00" * 32])
    return None


@edit
def shown_value_of_another_type(draw: Draw, value: Any) -> bool | None:
    if not _shown(value):
        return False
    record = draw.rng.choice(_shown(value))
    old = record["value"]
    new: list[Any] = [[old], {"value": old}, json.dumps(old), str(old), [], {}, None, True, 1]
    if is_number(old):
        new += [float(old), bool(old)]
    record["value"] = draw.rng.choice(new)
    return None


@edit
def half_a_record(draw: Draw, value: Any) -> bool | None:
    if not _shown(value):
        return False
    record = draw.rng.choice(_shown(value))
    record.pop(draw.rng.choice(["salt", "value", "name"]))
    return None


@edit
def withheld_value_made_up(draw: Draw, value: Any) -> bool | None:
    withheld = [record for record in value["records"] if "salt" not in record]
    if not withheld:
        return False
    record = draw.rng.choice(withheld)
    record["salt"] = draw.rng.choice(["00" * 32, draw.rng.randbytes(32).hex(), *(one["salt"] for one in _shown(value))])
    record["value"] = draw.rng.choice(["", "made up", 0, sha256(b"").hexdigest(), None])
    return None


@kind
def records_of_another_entry(draw: Draw) -> bytes | None:
    value, other = draw.base.value(), draw.another().value()
    if not value["records"] or not other["records"]:
        return None
    at = draw.rng.randrange(len(value["records"]))
    taken = draw.rng.choice(other["records"])
    value["records"][at] = {**taken, "name": draw.rng.choice([taken["name"], value["records"][at]["name"]])}
    return write(value)
