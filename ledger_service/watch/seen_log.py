"""What a monitor has seen of one log, durably: the newest head with its leaves, and how far entries and anchors went.

Promises: what is remembered was verified before it was written; a power cut costs the last round and raises no alarm: a
folder that holds less is behind, and one that holds nonsense is told from a log that lies. Does not: ask anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger_service.client.public_log import ShownHead
from ledger_service.core.checkpoint import Checkpoint, verify_checkpoint
from ledger_service.core.contradiction import SignedHead, parse_head, signed_head_members
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.merkle import Frontier
from ledger_service.core.trust import Trust
from ledger_service.core.verify import follow_key_changes
from ledger_service.errors import FormatError, LedgerError
from ledger_service.watch.durable import BrokenStateError, DurableDocument
from ledger_service.watch.leaf_file import LeafFile

FORMAT = "return-ledger/monitor@v1"
_MEMBERS = ("anchors", "entries", "format", "genesis", "head", "origin", "root", "size")


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered.

    `size` and `root` of the newest head; `signed`: its note, None where there is none under the pinned keys (the
    genesis entry, before the first round). `entries`: how many were read and checked. `anchors`: by
    log id in hex, the sequence of the next head to compare with the chain.
    """

    size: int
    root: bytes
    signed: SignedHead | None = None
    entries: int = 0
    anchors: Mapping[str, int] = field(default_factory=dict)


class SeenLog:
    """The memory of one log in a folder."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        """Read what is there; begin with the pinned genesis entry where there is nothing.

        Raises:
            BrokenStateError: What is there cannot be read, or is of another log.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._trust = trust
        self._document = DurableDocument(folder, "seen")
        self.leaves = LeafFile(folder / "leaves")
        versions = self._document.versions()
        if not versions:
            self.leaves.append(0, [trust.genesis])
            self.memory = Memory(1, trust.genesis)  # the tree of one leaf has its hash as root
            self._frontier = Frontier(1, [trust.genesis])
            self.keep(self.memory)
            return
        for members in versions:
            memory = self._parse(members)
            frontier = self.leaves.frontier(memory.size)
            if frontier is not None and frontier.root() == memory.root:
                self.memory, self._frontier = memory, frontier
                return
        raise BrokenStateError(
            f"the leaves in {folder} are not those of the head that was seen",
            hint="this says nothing about the log: move the folder away and start anew, or restore a copy of it",
        )

    @property
    def head(self) -> ShownHead | None:
        """Return the newest head with its signature; None where there is none."""
        memory = self.memory
        if memory.signed is None:
            return None
        return ShownHead(Checkpoint(self._trust.origin, memory.size, memory.root), memory.signed)

    def frontier(self) -> Frontier:
        """Return a copy of the right edge of the tree that was seen."""
        return self._frontier.copy()

    def grow(self, head: ShownHead, frontier: Frontier) -> None:
        """Remember a larger head; its leaves are in the file, and `frontier` is their tree's."""
        assert (frontier.size, frontier.root()) == (head.checkpoint.size, head.checkpoint.root)
        self._frontier = frontier
        self.keep(replace(self.memory, size=frontier.size, root=frontier.root(), signed=head.signed))

    def keep(self, memory: Memory) -> None:
        """Remember, durably."""
        self._document.write(
            {
                "anchors": dict(memory.anchors),
                "entries": memory.entries,
                "format": FORMAT,
                "genesis": self._trust.genesis.hex(),
                "head": None if memory.signed is None else signed_head_members(memory.signed),
                "origin": self._trust.origin,
                "root": memory.root.hex(),
                "size": memory.size,
            }
        )
        self.memory = memory

    def _parse(self, members: dict[str, Json]) -> Memory:
        read = Reader(FormatError, "what was seen")
        if (members.get("origin"), members.get("genesis")) != (self._trust.origin, self._trust.genesis.hex()):
            raise BrokenStateError(
                "the folder is of another log than the trust file", hint="name a folder for each log"
            )
        try:
            m = read.members(members, _MEMBERS)
            signed = read.nullable(m["head"], lambda v: parse_head(read.at("head"), v))
            size, root = read.integer(m["size"], least=1), read.hexadecimal(m["root"], HASH)
            return Memory(
                size=size,
                root=root,
                signed=None if signed is None else self._still_signed(signed, size, root),
                entries=read.integer(m["entries"], most=size),
                anchors={name: read.integer(sequence) for name, sequence in dict(m["anchors"]).items()},
            )
        except FormatError as error:
            raise BrokenStateError(error.message, hint="move the folder away and start anew") from None

    def _still_signed(self, signed: SignedHead, size: int, root: bytes) -> SignedHead | None:
        """Return the head under the keys that are pinned now; of a trust file that was pinned anew, it may be none."""
        for one in (signed, SignedHead(signed.note)):
            try:
                named = Checkpoint(self._trust.origin, size, root)
                keys = follow_key_changes(one.key_changes, named, self._trust)
                if verify_checkpoint(one.note, keys, origin=self._trust.origin).text().startswith(named.text()):
                    return one
            except LedgerError:
                continue
        return None
