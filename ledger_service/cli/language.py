"""The language of the command line; apart from its words, so that `--help` need not read them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ledger_service.core.pages.language import Language as Language


def default_language(environment: Mapping[str, str] | None = None) -> Language:
    """Return the language of the terminal (`LC_ALL`, else `LANG`): Chinese where it says so, else English."""
    known = os.environ if environment is None else environment
    locale = known.get("LC_ALL") or known.get("LANG") or ""
    return Language.ZH if locale.lower().startswith("zh") else Language.EN
