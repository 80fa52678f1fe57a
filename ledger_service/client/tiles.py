"""The tree as its hash tiles show it (c2sp.org/tlog-tiles): nodes, and the proofs that are folded from them.

Promises: a tile has the length that its place and the size ask for; full tiles, which never change, are kept. Does not:
know whether they are those of a signed root: whoever folds a proof compares where it leads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from ledger_service.client.failures import WrongAnswerError
from ledger_service.core.merkle import (
    HASH_BYTES,
    Node,
    fold_consistency,
    fold_inclusion,
    node_hash,
    nodes_for_consistency,
    nodes_for_inclusion,
    nodes_for_root,
)

TILE_HEIGHT = 8  # levels of a tile
TILE_WIDTH = 256  # hashes of a full one
TILES_KEPT = 1_024  # 8 MB; a proof needs two tiles for each level of a tile
Fetch = Callable[[str], bytes]


class Tiles:
    """The hash tiles of one log."""

    def __init__(self, fetch: Fetch) -> None:
        """Take who gives the content of a path."""
        self._fetch = fetch
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def forget(self) -> None:
        """Forget what was kept: of a log that showed other tiles, nothing kept says anything."""
        self._full.clear()

    def leaves(self, start: int, size: int) -> list[bytes]:
        """Return the leaf hashes from `start` to the end of its tile, or of the tree of `size`."""
        content = self._tile(0, start // TILE_WIDTH, size)
        hashes = [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
        return hashes[start % TILE_WIDTH :]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof of an index in the tree of a size."""
        return fold_inclusion(index, size, self._nodes(nodes_for_inclusion(index, size), size))

    def path(self, older: int, newer: int) -> list[bytes]:
        """Return the path from the tree of one size to that of a larger, its first node included."""
        proof = fold_consistency(older, newer, self._nodes(nodes_for_consistency(older, newer), newer))
        if older & (older - 1):
            return proof
        return [*self._nodes(nodes_for_root(older), newer), *proof]

    def _nodes(self, wanted: Sequence[Node], size: int) -> list[bytes]:
        return [self._node(level, position, size) for level, position in wanted]

    def _node(self, level: int, position: int, size: int) -> bytes:
        """Return a complete subtree: folded from the hashes of its tile that it covers."""
        height = level % TILE_HEIGHT
        first = position << height
        content = self._tile(level // TILE_HEIGHT, first // TILE_WIDTH, size)
        at = first % TILE_WIDTH * HASH_BYTES
        hashes = [content[at + one * HASH_BYTES : at + (one + 1) * HASH_BYTES] for one in range(1 << height)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[one], hashes[one + 1]) for one in range(0, len(hashes), 2)]
        return hashes[0]

    def _tile(self, level: int, number: int, size: int) -> bytes:
        width = min((size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH, TILE_WIDTH)
        if width == TILE_WIDTH and (kept := self._full.get((level, number))) is not None:
            self._full.move_to_end((level, number))
            return kept
        content = self._fetch(f"/tile/{level}/{tile_name(number, width)}")
        if len(content) != width * HASH_BYTES:
            raise WrongAnswerError("size", f"a tile of {width} hashes is expected", answer=content[:TILE_WIDTH])
        if width == TILE_WIDTH:
            self._full[level, number] = content
            if len(self._full) > TILES_KEPT:
                self._full.popitem(last=False)
        return content


def tile_name(number: int, width: int = TILE_WIDTH) -> str:
    """Return how a tile is called after its level: groups of three digits, all but the last after an x.

    >>> tile_name(1234067), tile_name(7, 12)
    ('x001/x234/067', '007.p/12')
    """
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03}")
    name = "/".join(reversed(groups))
    return name if width == TILE_WIDTH else f"{name}.p/{width}"
