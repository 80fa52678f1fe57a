"""The languages of the command line; apart from its words, so that `--help` need not read them."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """What the command line can speak."""

    EN = "en"
    ZH = "zh"
