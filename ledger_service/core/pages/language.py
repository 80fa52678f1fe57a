"""The languages that people read here."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """What a case can be told in."""

    EN = "en"
    ZH = "zh"
