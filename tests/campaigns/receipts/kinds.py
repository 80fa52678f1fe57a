"""All kinds of mutation, by name; importing the modules registers them."""

from __future__ import annotations

from tests.campaigns.receipts import (
    kinds_anchor,
    kinds_bytes,
    kinds_leaf,
    kinds_note,
    kinds_shape,
    kinds_state,
    kinds_text,
)
from tests.campaigns.receipts.draw import KINDS

MODULES = (kinds_bytes, kinds_text, kinds_shape, kinds_leaf, kinds_note, kinds_anchor, kinds_state)

__all__ = ["KINDS", "MODULES"]
