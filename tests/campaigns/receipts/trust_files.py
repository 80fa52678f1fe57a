"""Mutations of trust files: what a verifier pins must be what a receipt is held against.

A changed trust file is not counted where the change cannot matter to the receipt at hand (`still_pins`): display
names, the order of lists, further keys or targets, fewer required targets, the genesis leaf for an entry that is not
the genesis (the log id and the contract's own consistency check bind that one), and another number of confirmations
that the anchors have. Every other file must be refused, or leave the receipt without the verdict `valid`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ledger_service.core.checkpoint import verifier_key
from ledger_service.core.log_entry import target_members
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from tests.campaigns.receipts import kinds_bytes, kinds_shape, kinds_text
from tests.campaigns.receipts.document import compact, read, tokens, write
from tests.campaigns.receipts.draw import Draw, Kind
from tests.campaigns.receipts.kinds_note import STRANGER
from tests.campaigns.receipts.world import Base

_GENERAL: tuple[Kind, ...] = (
    kinds_bytes.bit_flipped, kinds_bytes.byte_deleted, kinds_bytes.byte_inserted, kinds_bytes.byte_doubled,
    kinds_bytes.byte_replaced, kinds_bytes.digit_changed, kinds_bytes.letter_case_changed, kinds_bytes.run_deleted,
    kinds_bytes.run_doubled, kinds_bytes.line_removed, kinds_bytes.line_doubled, kinds_bytes.truncated,
    kinds_bytes.something_after_the_end, kinds_bytes.byte_order_mark, kinds_bytes.other_encoding,
    kinds_bytes.nul_inserted, kinds_bytes.control_character_inserted, kinds_bytes.broken_utf8,
    kinds_bytes.lookalike_letter, kinds_text.needless_escape, kinds_text.lone_surrogate, kinds_text.names_reordered,
    kinds_text.member_doubled, kinds_text.member_doubled_second_good, kinds_text.number_spelled_otherwise,
    kinds_text.constant_for_a_value, kinds_text.white_space_in_a_text, kinds_text.odd_white_space_between_tokens,
    kinds_text.deep_nesting, kinds_text.huge_value,
)  # fmt: skip


def still_pins(base: Base, changed: bytes) -> bool:
    """Return whether a trust file, rightly written, pins everything that this receipt rests on as before."""
    value, old = read(changed), read(base.trust)
    try:
        if not isinstance(value, dict) or tokens(changed.decode()) != tokens(write(value).decode()):
            return False
        receipt = base.value()
        first_key = next(key for key in old["keys"])
        wanted = {anchor["log_id"] for anchor in receipt["anchors"]}
        kept = [_rule(target, base) for target in value["targets"] if target["log_id"] in wanted]
        before = [_rule(target, base) for target in old["targets"] if target["log_id"] in wanted]
        return (
            set(value) == set(old)
            and (value["format"], value["origin"]) == (old["format"], old["origin"])
            and first_key in value["keys"]
            and sorted(map(compact, kept)) == sorted(map(compact, before))
            and set(value["policy"]) == {"required"}
            and type(value["policy"]["required"]) is int
            and 1 <= value["policy"]["required"] <= len(wanted)
            and (value["genesis"] == old["genesis"] or base.index > 0)
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return False


def _rule(target: dict[str, Any], base: Base) -> dict[str, Any]:
    """Return a target without its name, and its finality rule as whether the anchors are final by it now."""
    confirmations = target["confirmations"]
    head = base.log.node.block("latest")
    assert head is not None
    block = max(anchor["block_number"] for anchor in base.value()["anchors"])
    final = confirmations is None or (type(confirmations) is int and 1 <= confirmations <= head.number - block)
    return {**{name: item for name, item in target.items() if name != "name"}, "confirmations": final}


def _edit(change: Callable[[Draw, Any], Any]) -> Kind:
    def made(draw: Draw) -> bytes | None:
        value = read(draw.base.trust)
        return None if change(draw, value) is False else write(value)

    made.__name__ = change.__name__
    return made


def _general(made: Kind) -> Kind:
    """Return a kind of receipts, applied to the trust file."""

    def on_trust(draw: Draw) -> bytes | None:
        return made(dataclasses.replace(draw, base=dataclasses.replace(draw.base, data=draw.base.trust)))

    on_trust.__name__ = made.__name__
    return on_trust


def trust_member_changed(draw: Draw, value: Any) -> None:
    change = draw.rng.choice(
        [
            kinds_shape.value_of_another_type, kinds_shape.member_removed, kinds_shape.member_renamed,
            kinds_shape.member_unknown, kinds_shape.members_exchanged, kinds_shape.number_changed,
            kinds_shape.text_changed, kinds_shape.item_removed, kinds_shape.item_doubled,
            kinds_shape.hexadecimal_spelled_otherwise,
        ]
    )  # fmt: skip
    done = change(dataclasses.replace(draw, base=dataclasses.replace(draw.base, data=write(value))))
    if done is not None:
        value.clear()
        value.update(read(done))


def pinned_hash_changed(draw: Draw, value: Any) -> None:
    target = draw.rng.choice(value["targets"])
    holder, name = draw.rng.choice(
        [(target, "code_hash"), (target, "chain_genesis"), (target, "log_id"), (value, "genesis")]
    )
    prefix = "0x" if holder is target else ""
    flipped = int(holder[name].removeprefix("0x"), 16) ^ 1 << draw.rng.randrange(256)
    holder[name] = draw.rng.choice([f"{prefix}{flipped:064x}", prefix + "00" * 32, target["code_hash"]])


def pinned_address_changed(draw: Draw, value: Any) -> None:
    """Another contract or registrar; half of the time with the log id that follows from it."""
    target = draw.rng.choice(value["targets"])
    name = draw.rng.choice(["contract", "registrar"])
    others = [draw.world.lookalike[0], draw.world.same_contract[0], draw.world.impostor.trust.targets[0].target]
    target[name] = "0x" + getattr(draw.rng.choice(others), name).hex()
    if draw.rng.random() < 0.5:
        _follow(value, target)


def pinned_chain_changed(draw: Draw, value: Any) -> None:
    target = draw.rng.choice(value["targets"])
    target["chain_id"] = draw.rng.choice([1, 31337, 11155111, target["chain_id"] + 1, 2**53 - 1])
    if draw.rng.random() < 0.5:
        _follow(value, target)


def pinned_target_of_another(draw: Draw, value: Any) -> None:
    others = [draw.world.lookalike[0], draw.world.same_contract[0]]
    others += [log.trust.targets[0].target for log in draw.world.logs]
    chosen: dict[str, Any] = dict(target_members(draw.rng.choice(others)))
    at = draw.rng.randrange(len(value["targets"]))
    value["targets"][at] = {**value["targets"][at], **chosen}


def pinned_keys_changed(draw: Draw, value: Any) -> None:
    origin = value["origin"]
    others = [verifier_key(origin, STRANGER).encode(), verifier_key(origin, draw.other_log().keys[0]).encode()]
    others += [verifier_key("witness.example", STRANGER).encode(), draw.other_log().trust.keys[0].encode()]
    value["keys"] = draw.rng.choice([[draw.rng.choice(others)], [*value["keys"], draw.rng.choice(others)], []])


def pinned_origin_changed(draw: Draw, value: Any) -> None:
    value["origin"] = draw.rng.choice(
        [value["origin"] + "x", value["origin"].upper(), draw.other_log().origin, "a b", ""]
    )
    if draw.rng.random() < 0.5:
        value["keys"] = [verifier_key(value["origin"], draw.base.log.keys[0]).encode()]
        for target in value["targets"]:
            _follow(value, target)


def policy_changed(draw: Draw, value: Any) -> None:
    old = value["policy"]["required"]
    value["policy"]["required"] = draw.rng.choice([0, -1, old + 1, old + 2, 17, True, "1", None, 2**53, 1.0, [1]])


def confirmations_changed(draw: Draw, value: Any) -> None:
    odd: list[Any] = [0, -1, True, "1", "finalized", 1.5, 2**53, 1_000_001]
    target = draw.rng.choice(value["targets"])
    target["confirmations"] = draw.rng.choice([*odd, *([draw.rng.choice([10_000, 999_999, 1_000_000, 500])] * 4)])


def trust_file_of_another_log(draw: Draw, value: Any) -> None:
    log = draw.other_log()
    other = draw.rng.choice([base for base in draw.world.bases if base.log is not draw.base.log])
    value.clear()
    value.update(read(other.trust))
    if draw.rng.random() < 0.3:
        value["origin"] = log.origin


def _follow(value: Any, target: Any) -> None:
    """Give a target the log id that follows from its other members."""
    contract, registrar = (bytes.fromhex(target[name].removeprefix("0x")) for name in ("contract", "registrar"))
    origin_hash = compute_origin_hash(value["origin"])
    log_id = compute_log_id(target["chain_id"], contract, registrar=registrar, origin_hash=origin_hash)
    target["log_id"] = "0x" + log_id.hex()


_OWN = (
    trust_member_changed, pinned_hash_changed, pinned_address_changed, pinned_chain_changed, pinned_target_of_another,
    pinned_keys_changed, pinned_origin_changed, policy_changed, confirmations_changed, trust_file_of_another_log,
)  # fmt: skip
TRUST_KINDS: dict[str, Kind] = {
    **{one.__name__: _general(one) for one in _GENERAL},
    **{one.__name__: _edit(one) for one in _OWN},
}
"""Every kind of changed trust file, by name."""
