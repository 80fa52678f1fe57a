"""A language that nobody speaks, to look at pages with: every message in brackets and longer, from either side.

Whatever stands on a page outside of brackets came past the catalogue. Does not: replace a translation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from babel.support import NullTranslations
from fastapi import FastAPI

from ledger_service.app import make_app
from ledger_service.web.talk import Languages, Talk, talk
from tests.api.asking import Asking

OPEN, CLOSE = "⟦", "⟧"
LONGER = 0.4  # of a message's length more, as German and Russian need
_IN_BRACKETS = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")


def wrapped(text: str) -> str:
    """Return a message as the pseudo-language says it; its places stay."""
    return f"{OPEN}{text}{' ẍẍẍẍ' * max(1, int(len(text) * LONGER / 5))}{CLOSE}"


class _Wrapping(NullTranslations):
    def gettext(self, message: str) -> str:
        return wrapped(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return wrapped(msgid1 if n == 1 else msgid2)

    ugettext, ungettext = gettext, ngettext  # the names that templates ask for


class Pseudo(Talk):
    """The pseudo-language; what the locale writes (times, amounts, names of countries) is in brackets too."""

    def __init__(self, direction: str) -> None:
        """Take the direction: `ltr` or `rtl`."""
        super().__init__("eo", _Wrapping())
        self.tag = "en-XA" if direction == "ltr" else "ar-XB"
        self.locale = talk("en").locale
        self._direction = direction

    @property
    def direction(self) -> str:
        """Return the direction."""
        return self._direction

    @property
    def own_name(self) -> str:
        """Return what the choice of languages shows."""
        return wrapped("Pseudo")

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in {"instant", "day", "amount", "country", "language", "length", "number", "share", "month"}:
            return lambda *given: f"{OPEN}{found(*given)}{CLOSE}"
        return found


def pseudo_app(service: Asking, direction: str = "ltr") -> FastAPI:
    """Return the application of a service with the pseudo-language as its only one."""
    app = make_app(service.ledger, service.app.state.service.settings)
    app.state.site = replace(app.state.site, languages=Languages([Pseudo(direction)]))
    return app


def outside(text: str) -> str:
    """Return what of a text stands outside of all brackets."""
    while (shorter := _IN_BRACKETS.sub(" ", text)) != text:
        text = shorter
    return text
