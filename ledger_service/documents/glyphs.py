"""Which characters the fonts of our PDFs have, and what is printed in the place of the others.

Noto Sans and Noto Sans CJK, both under the SIL Open Font License 1.1, come as packages. Promises: a character that
neither has is printed as its escape, never as nothing and never as an empty box. Does not: shape text.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from ledger_service.core.pages.document import inert

FAMILIES: Final = ("Noto Sans", "Noto Sans CJK SC")  # in the order in which a character is looked for
GLYPHS_MAX: Final = 65_536  # of an OpenType font
_LATIN: Final = ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf", 0)
_CHINESE: Final = ("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc", 2)  # the third of the collection is for Chinese


def folders() -> tuple[Path, ...]:
    """Return the folders that hold the fonts."""
    return _path(_LATIN).parent, _path(_CHINESE).parent


def printable(text: str) -> str:
    """Return a text without characters that hide or move others, and with escapes for those that no font has."""
    return "".join(one if one == "\n" or _known(ord(one)) else _escape(one) for one in inert(text))


def _known(character: int) -> bool:
    return character in characters(_LATIN) or character in characters(_CHINESE)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


@cache
def characters(font: tuple[str, str, int]) -> frozenset[int]:
    """Return the characters that a font has: the keys of its character map."""
    from fontTools.ttLib import TTFont  # not at start: most runs print nothing

    with TTFont(_path(font), fontNumber=font[2], lazy=True) as opened:
        opened.setGlyphOrder([str(number) for number in range(GLYPHS_MAX)])  # names that nobody asks for cost a second
        return frozenset(opened.getBestCmap())


def _path(font: tuple[str, str, int]) -> Path:
    package, name, _ = font
    return Path(str(files(package).joinpath(name)))
