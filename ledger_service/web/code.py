"""A QR code (ISO/IEC 18004) as the path of a drawing. Does not: know what it says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import segno

QUIET = 4  # modules of white around it, as the standard asks


@dataclass(frozen=True, slots=True)
class Code:
    """A drawing of `side` × `side` units; `path` covers the dark modules, row by row (SVG 2 §9.3)."""

    side: int
    path: str


def draw_code(text: str) -> Code:
    """Return the QR code of a text, of which a seventh may be lost (level M)."""
    rows = segno.make(text, micro=False, error="m").matrix
    runs = []
    for y, row in enumerate(rows, start=QUIET):
        x = QUIET
        for dark, group in groupby(row, bool):
            length = len(list(group))
            if dark:
                runs.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return Code(len(rows) + 2 * QUIET, "".join(runs))
