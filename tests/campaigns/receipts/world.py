"""The world that receipts are attacked in: logs, the receipts that they issued, and nodes that answer truthfully.

What counts as a mutation is decided here, without the verifier: every file that no ledger of this world could have
issued for one of its entries. Not counted, because the file says the same or something as true (`World.is_lawful`):

* white space between tokens, and the content of the object `unprotected`, are different;
* a shown record is withheld instead, or a withheld one shown as it was committed (a lawful redaction);
* anchors of the same head under the same trust file are left out or added, as long as its policy is met; each with
  its state proof or with its block's hash; the proof that the entry came after an earlier anchor is left out, or its
  storage proof is, or it is that of a seal further back: the entry came after that one's anchor too;
* the receipt of an entry in one anchored head is replaced by the whole receipt of an entry in an anchored head.

Everything else is counted, and must never be `valid`.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.chain.account import development_signer
from ledger_service.chain.facts import answer_from, final_number
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.checkpoint import parse_checkpoint
from ledger_service.core.disclosure import Record
from ledger_service.core.facts import Answer, Question
from ledger_service.core.log_entry import Target
from ledger_service.core.receipt import AnchorProof, Receipt, encode_receipt
from ledger_service.core.state_proof import StateProof, read_header
from ledger_service.core.trust import PinnedTarget, Trust, encode_trust
from tests.campaigns.receipts.document import compact, covered, read, write
from tests.campaigns.receipts.logs import Log, build, place_again, plans

CORE = (
    "after",
    "checkpoint",
    "entry",
    "format",
    "inclusion",
    "index",
    "key_changes",
)  # what one head fixes


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A receipt that is `valid` under its trust file: the control, and what mutations start from."""

    name: str
    log: Log
    index: int
    size: int
    data: bytes
    trust_name: str
    trust: bytes
    twice: bool  # anchored twice

    def value(self) -> Any:
        """Return the receipt's members, fresh: to be changed."""
        return read(self.data)


@dataclass(frozen=True, slots=True)
class _Issuable:
    """What may lawfully stand beside one core: the full records, and every genuine anchor of its head."""

    records: list[dict[str, Any]]
    anchors: list[dict[str, Any]]


@dataclass(slots=True)
class World:
    """Everything that mutations draw from."""

    main: Log
    rotated: Log
    impostor: Log
    other: Log
    same_contract: tuple[Target, dict[int, AnchorProof]]  # main's heads under the attacker's registrar
    lookalike: tuple[Target, dict[int, AnchorProof]]  # main's heads in the attacker's contract of the same code
    bases: list[Base] = field(default_factory=list)
    pending: list[Base] = field(default_factory=list)  # not final yet: `inconclusive`
    _issuable: dict[str, _Issuable] = field(default_factory=dict)
    _answers: dict[tuple[str, Question], list[Answer]] = field(default_factory=dict)
    _hashes: dict[tuple[str, frozenset[int | None]], frozenset[bytes]] = field(default_factory=dict)

    @property
    def logs(self) -> list[Log]:
        """Return every log."""
        return [self.main, self.rotated, self.impostor, self.other]

    def true_sizes(self) -> dict[bytes, int]:
        """Return the size of every anchored head by its root."""
        return {log.root(size): size for log in self.logs for size in log.anchors}

    def ask(self, node: Node, questions: Sequence[Question]) -> list[Answer]:
        """Return what the node truly answers; asked once for each question."""
        answers: list[Answer] = []
        for question in questions:
            key = (node.name, question)
            if key not in self._answers:
                self._answers[key] = answer_from(node, [question])
            answers += self._answers[key]
        return answers

    def block_hashes(self, node: Node, targets: Sequence[Any]) -> frozenset[bytes]:
        """Return the hashes of blocks that somebody who pins these targets looks up and gives in place of a node.

        They are the blocks whose state was proved: final by each target's rule. None where no target is pinned, or one
        is of another chain, of which nobody here knows a block.
        """
        chain = (node.chain_id(), node.genesis_hash())
        if not targets or any((one.target.chain_id, one.target.chain_genesis) != chain for one in targets):
            return frozenset()
        key = (node.name, frozenset(one.confirmations for one in targets))
        if key not in self._hashes:
            final = min(final_number(node, confirmations) or 0 for confirmations in key[1])
            kept = [read_header(one.header) for log in self.logs if log.node is node for one in log.kept.values()]
            self._hashes[key] = frozenset(header.block_hash for header in kept if header.number <= final)
        return self._hashes[key]

    def is_lawful(self, data: bytes, trust: Trust) -> bool:
        """Return whether a ledger of this world could have issued this file under this trust (see the module)."""
        value = read(data)
        if not isinstance(value, dict) or not isinstance(value.get("unprotected"), dict):
            return False
        core = {name: value.get(name) for name in CORE}
        try:
            issuable = self._issuable.get(compact(core))
            if issuable is None:
                return False
            records = _lawful_records(issuable.records, value.get("records"))
            anchors = _lawful_anchors(issuable.anchors, value.get("anchors"), trust)
        except (UnicodeEncodeError, RecursionError):
            return False
        if records is None or anchors is None:
            return False
        return covered(data) == covered(write({**core, "records": records, "anchors": anchors, "unprotected": {}}))

    def issue(
        self, log: Log, index: int, size: int, *, show: int | None = None, second: bool = False, stated: bool = False
    ) -> Receipt:
        """Return a genuine receipt of an entry in an anchored head.

        `show` bits choose which records are shown (None: all); `second` adds the anchor in the other contract;
        `stated`: with the state proof that was kept, instead of the anchor's block.
        """
        records, after = log.receipts[index].records, log.receipts[index].after
        if show is not None:
            records = tuple(record if show >> n & 1 else Record(record.name, None) for n, record in enumerate(records))
        anchors = [log.anchors[size]]
        kept = log.kept[size] if stated else None
        if kept is not None:
            state = StateProof(kept.header, kept.account, kept.slots[anchors[0].sequence])
            anchors = [dataclasses.replace(anchors[0], block_hash=None, state=state)]
        if second:
            anchors.append(self.lookalike[1][size])
        return dataclasses.replace(
            log.receipts[index],
            records=records,
            inclusion=log.inclusion(index, size),
            checkpoint=log.notes[size],
            anchors=tuple(sorted(anchors, key=lambda anchor: anchor.log_id)),
            key_changes=log.key_changes(size),
            after=None if after is None else log.after_at(after, size, stated=kept is not None),
        )

    def register(self, log: Log, *, twice: bool) -> None:
        """Note what of a log is genuine."""
        for size, anchor in log.anchors.items():
            further = [self.lookalike[1][size]] if twice else []
            for index in range(size):
                plain = self.issue(log, index, size)
                full = self.issue(log, index, size, stated=True) if size in log.kept else plain
                bounds = [log.after_at(one, size, stated=False) for one in log.afters(index)]
                proven = [log.after_at(one, size, stated=True) for one in log.afters(index)]
                for after, mains in (
                    *[(one, (anchor, full.anchors[0])) for one in (None, *bounds)],
                    *[(one, full.anchors) for one in proven],
                ):
                    issued = [
                        dataclasses.replace(plain, after=after, anchors=(one,))
                        for one in dict.fromkeys((*mains, *further))
                    ]
                    values = [read(encode_receipt(one)) for one in issued]
                    core = compact({name: values[0][name] for name in CORE})
                    genuine = [value["anchors"][0] for value in values]
                    if core not in self._issuable or len(genuine) > len(self._issuable[core].anchors):
                        self._issuable[core] = _Issuable(values[0]["records"], genuine)


def _lawful_records(full: list[dict[str, Any]], found: Any) -> list[Any] | None:
    """Return the records as a ledger writes them, if each is shown in full or withheld; else None."""
    if not isinstance(found, list) or len(found) != len(full):
        return None
    lawful: list[Any] = []
    for genuine, one in zip(full, found, strict=True):
        choices = [genuine, {"name": genuine["name"]}]
        chosen = next((choice for choice in choices if compact(choice) == compact(one)), None)
        if chosen is None:
            return None
        lawful.append(chosen)
    return lawful


def _lawful_anchors(genuine: list[dict[str, Any]], found: Any, trust: Trust) -> list[Any] | None:
    """Return the anchors if each is one of this head that the trust file pins, in order, and they meet its policy."""
    pinned = {"0x" + target.target.log_id.hex() for target in trust.targets}
    choices = sorted((one for one in genuine if one["log_id"] in pinned), key=lambda one: str(one["log_id"]))
    if not isinstance(found, list) or len(found) < trust.required:
        return None
    wanted = {compact(one) for one in found}
    lawful = [one for one in choices if compact(one) in wanted]
    return lawful if len(lawful) == len(found) else None


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Build the world in a new folder and close its chains afterwards."""
    with (
        open_node(f"embedded:{folder / 'chain-a'}", writable=True) as first,
        open_node(f"embedded:{folder / 'chain-b'}", writable=True) as second,
    ):
        logs = {
            plan.name: build(plan, second if plan.name == "other" else first, folder / plan.name) for plan in plans()
        }
        main, chain_id = logs["main"], first.chain_id()
        world = World(
            main=main,
            rotated=logs["rotated"],
            impostor=logs["impostor"],
            other=logs["other"],
            same_contract=place_again(
                main, development_signer(3, chain_id), contract=main.trust.targets[0].target.contract
            ),
            lookalike=place_again(main, development_signer(4, chain_id), contract=None),
        )
        for log in (main, world.rotated, world.other):
            world.register(log, twice=log is main)
        world.bases = list(_bases(world))
        first_size = min(size for size in main.anchors if size > 1)
        early = dataclasses.replace(world.issue(main, 1, first_size), anchors=(), checkpoint=main.notes[2])
        early = dataclasses.replace(early, inclusion=main.inclusion(1, 2))
        world.pending = [_base(main, 1, 2, encode_receipt(early), "main", main.trust)]
        gc.collect()
        gc.freeze()  # a verifier's own process has not this heap to walk when it collects garbage
        try:
            yield world
        finally:
            gc.unfreeze()


def _bases(world: World) -> Iterator[Base]:
    """Yield every entry in its first head as `prove` made it, then other shows, later heads and two-target policies."""
    for log in (world.main, world.rotated, world.other):
        sizes = sorted(log.anchors)
        for index, made in enumerate(log.receipts):
            size = parse_checkpoint(made.checkpoint)[0].size
            yield _base(log, index, size, encode_receipt(made), log.name, log.trust)
            if made.records:
                for show in (0, 0b0101_0101):
                    receipt = world.issue(log, index, size, show=show)
                    yield _base(log, index, size, encode_receipt(receipt), log.name, log.trust)
            for later in sizes:
                if later > index and later != size and (index % 4 == 0 or later == sizes[-1] or later < 4):
                    receipt = world.issue(log, index, later)
                    yield _base(log, index, later, encode_receipt(receipt), log.name, log.trust)
    main = world.main
    pinned = (*main.trust.targets, PinnedTarget("second", world.lookalike[0], None))
    for required in (1, 2):
        trust = dataclasses.replace(main.trust, targets=pinned, required=required)
        for index in (0, 1, 4, 6, 9, 13, 20, 25):
            size = min(size for size in main.anchors if size > index and size > 1)
            data = encode_receipt(world.issue(main, index, size, second=True))
            yield _base(main, index, size, data, f"two targets, {required} required", trust)


def _base(log: Log, index: int, size: int, data: bytes, trust_name: str, trust: Trust) -> Base:
    name = f"{log.name} {index} in {size}, {trust_name}"
    return Base(name, log, index, size, data, trust_name, encode_trust(trust), "two" in trust_name)
