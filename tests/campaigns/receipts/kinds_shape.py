"""Mutations of a receipt's members: removed, added, renamed, exchanged, of another type, from another receipt."""

from __future__ import annotations

import re
from typing import Any

from tests.campaigns.receipts.document import write
from tests.campaigns.receipts.draw import Draw, edit, get, kind, paths, put, some
from tests.campaigns.receipts.kinds_text import is_number, is_text

_UNKNOWN = (
    "tree_size", "size", "root", "leaf_hash", "hash", "status", "verified", "valid", "verdict", "trust", "keys", "rpc",
    "policy", "required", "state", "transaction", "witnesses", "cosignatures", "critical", "version", "comment", "",
    "__proto__", "anchor", "Entry", "entry ", "unprotected", "$ref", "x", "seal", "issued_at",
)  # fmt: skip


def _objects(value: Any) -> list[Any]:
    return [value, *(get(value, path) for path in paths(value) if isinstance(get(value, path), dict))]


@edit
def member_removed(draw: Draw, value: Any) -> None:
    members = draw.rng.choice([one for one in _objects(value) if one])
    members.pop(draw.rng.choice(list(members)))


@edit
def member_renamed(draw: Draw, value: Any) -> None:
    members = draw.rng.choice([one for one in _objects(value) if one])
    name = draw.rng.choice(list(members))
    names = [name.upper(), name + "s", name[:-1], name + " ", " " + name, name.replace("_", "-"), "x_" + name, name * 2]
    members[draw.rng.choice([*names, draw.rng.choice(_UNKNOWN)])] = members.pop(name)


@edit
def member_unknown(draw: Draw, value: Any) -> None:
    members = draw.rng.choice(_objects(value))
    more: list[Any] = [None, True, 0, draw.base.size, draw.base.size + 1, "valid", [], {}, "00" * 32]
    members.setdefault(draw.rng.choice(_UNKNOWN), draw.rng.choice(more))


@edit
def member_moved_under_unprotected(draw: Draw, value: Any) -> None:
    name = draw.rng.choice([name for name in value if name != "unprotected"])
    value["unprotected"][name] = value.pop(name)


@edit
def members_exchanged(draw: Draw, value: Any) -> None:
    members = draw.rng.choice([one for one in _objects(value) if len(one) > 1])
    one, two = draw.rng.sample(list(members), 2)
    members[one], members[two] = members[two], members[one]


@edit
def value_of_another_type(draw: Draw, value: Any) -> None:
    path = draw.rng.choice(list(paths(value)))
    old = get(value, path)
    new: list[Any] = [None, True, False, 0, 1, "", [], {}, [old], {"value": old}, str(old), 1.5, -1, "null"]
    if is_number(old):
        new += [str(old), float(old), bool(old), [old], f"{old}.0", hex(old)]
    elif isinstance(old, str):
        new += [list(old), old.encode().hex(), len(old), {"0": old}, [old, old]]
    elif isinstance(old, list):
        new += [{str(n): item for n, item in enumerate(old)}, old[0] if old else None, ",".join(map(str, old))]
    put(value, path, draw.rng.choice(new))


@edit
def number_changed(draw: Draw, value: Any) -> None:
    path = some(draw, value, is_number)
    assert path is not None
    old = get(value, path)
    huge = [2**31, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -1, -(2**63), old << 32]
    put(value, path, draw.rng.choice([old + 1, old - 1, old ^ 1, old * 2, old + 2**32, old + 2**64, *huge]))


@edit
def text_changed(draw: Draw, value: Any) -> None:
    path = some(draw, value, is_text)
    assert path is not None
    old = get(value, path)
    at = draw.rng.randrange(len(old))
    new = ["", old + old, old[:-1], old[1:], old + "0", old[::-1], old.upper(), old.title(), old + "\n", old.strip("0")]
    new += [old[:at] + old[at + 1 :], old[:at] + "0" + old[at + 1 :], old[:at] + old[at:][::-1], old.replace("0x", "")]
    put(value, path, draw.rng.choice(new))


@edit
def text_of_elsewhere(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, is_text)
    other = draw.another().value()
    source = some(draw, other, is_text)
    assert path is not None
    assert source is not None
    put(value, path, get(other, source))
    return None


@edit
def item_removed(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, lambda one: isinstance(one, list) and bool(one))
    if path is None:
        return False
    items = get(value, path)
    items.pop(draw.rng.randrange(len(items)))
    return None


@edit
def item_doubled(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, lambda one: isinstance(one, list) and bool(one))
    if path is None:
        return False
    items = get(value, path)
    items.insert(draw.rng.randrange(len(items) + 1), draw.rng.choice(items))
    return None


@edit
def items_swapped(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, lambda one: isinstance(one, list) and len(one) > 1)
    if path is None:
        return False
    items = get(value, path)
    one, two = draw.rng.sample(range(len(items)), 2)
    items[one], items[two] = items[two], items[one]
    return None


@edit
def items_emptied(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, lambda one: isinstance(one, list) and bool(one))
    if path is None:
        return False
    get(value, path).clear()
    return None


@edit
def item_added(draw: Draw, value: Any) -> bool | None:
    path = some(draw, value, lambda one: isinstance(one, list))
    assert path is not None
    items = get(value, path)
    source = draw.another().value()
    more = [get(source, one) for one in paths(source) if one[:-1] and isinstance(one[-1], int)]
    items.insert(draw.rng.randrange(len(items) + 1), draw.rng.choice([None, {}, "", "00" * 32, 0, *more]))
    return None


@edit
def hexadecimal_spelled_otherwise(draw: Draw, value: Any) -> None:
    path = some(draw, value, lambda one: isinstance(one, str) and re.fullmatch(r"(0x)?[0-9a-f]{40,}", one) is not None)
    if path is None:
        return
    old = get(value, path)
    digits = old.removeprefix("0x")
    new = [old.upper(), digits.upper(), "0x" + digits.upper(), "0X" + digits, digits, "0x" + digits, "0x0x" + digits]
    new += [
        old + "00",
        old[:-2],
        old[:-1],
        old + "0",
        "00" + old,
        " ".join(re.findall("..", old)),
        old + " ",
        old.title(),
    ]
    put(value, path, draw.rng.choice(new))


@edit
def format_changed(draw: Draw, value: Any) -> None:
    names = [
        "return-ledger/receipt@v2",
        "return-ledger/receipt@v0",
        "return-ledger/receipt@v1.0",
        "return-ledger/receipt",
    ]
    names += ["return-ledger/trust@v1", "return-ledger/Receipt@v1", "return-ledger/receipt@v1 ", "receipt@v1", "", "v1"]
    others: list[Any] = [None, 1, True, ["return-ledger/receipt@v1"], {"return-ledger/receipt@v1": 1}]
    value["format"] = draw.rng.choice([*names, *others])


@kind
def other_document(draw: Draw) -> bytes:
    value, other = draw.base.value(), draw.another().value()
    ways: list[Any] = [
        [value],
        [value, value],
        [value, other],
        {"receipt": value},
        {"value": value, "format": value["format"]},
    ]
    ways += [None, True, 0, "", [], {}, draw.base.data.decode(), [draw.base.data.decode()], list(value.items())]
    return write(draw.rng.choice(ways)) if draw.rng.random() < 0.9 else draw.base.trust


@edit
def unprotected_is_no_object(draw: Draw, value: Any) -> None:
    value["unprotected"] = draw.rng.choice([None, [], "", 0, True, [value["unprotected"]], "{}"])


@edit
def member_of_another_receipt(draw: Draw, value: Any) -> None:
    name = draw.rng.choice(["anchors", "checkpoint", "entry", "inclusion", "index", "key_changes", "records"])
    value[name] = draw.another(log=draw.base.log).value()[name]


@edit
def member_of_another_log(draw: Draw, value: Any) -> None:
    other = draw.rng.choice([one for one in draw.world.bases if one.log is not draw.base.log]).value()
    name = draw.rng.choice(["anchors", "checkpoint", "entry", "inclusion", "index", "key_changes", "records"])
    value[name] = other[name]


@edit
def members_of_another_receipt(draw: Draw, value: Any) -> None:
    other = draw.another().value()
    names = ["anchors", "checkpoint", "entry", "inclusion", "index", "key_changes", "records"]
    for name in draw.rng.sample(names, draw.rng.randint(2, 5)):
        value[name] = other[name]
