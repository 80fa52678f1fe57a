"""A long list in parts, each on a page of its own: which entries stand on which, and which one a reader asked for.

Promises: each entry stands on one page, in order; a page holds at most so many entries, and no more of their words than
it has room for unless a single entry has more. Does not: know what is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request

from ledger_service.web.session import PageError

PAGE = "page"  # the parameter of a URL that names one, from 1
WORDS_BYTES_MAX = 40_000  # of people's own words on one page, before they are escaped; beside them stand some 60 KB
_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a list: its `number` of `count`, from 1, and the places in the list from `first` up to `end`."""

    number: int
    count: int
    first: int
    end: int

    @property
    def before(self) -> int | None:
        """Return the number of the page before, None where this is the first."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """Return the number of the next page, None where this is the last."""
        return self.number + 1 if self.number < self.count else None


def parts(weights: Sequence[int], *, entries_max: int, weight_max: int) -> list[Part]:
    """Return the pages of a list; one, which is empty, of an empty list.

    Args:
        weights: How much room each entry takes.
        entries_max: The most entries of a page.
        weight_max: The most room that the entries of a page take together, unless it is one alone.

    >>> [(one.first, one.end) for one in parts([1, 1, 1, 9, 1], entries_max=2, weight_max=5)]
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    starts, held = [0], 0
    for place, weight in enumerate(weights):
        if place > starts[-1] and (place - starts[-1] == entries_max or held + weight > weight_max):
            starts.append(place)
            held = 0
        held += weight
    ends = [*starts[1:], len(weights)]
    return [
        Part(number, len(starts), first, end)
        for number, (first, end) in enumerate(zip(starts, ends, strict=True), start=1)
    ]


def asked_part(request: Request, found: Sequence[Part]) -> Part:
    """Return the page that a request asks for: the first where it names none.

    Raises:
        PageError: There is no such page.
    """
    asked = request.query_params.get(PAGE, "1")
    if not asked.isascii() or not asked.isdigit() or len(asked) > _DIGITS_MAX or not 1 <= int(asked) <= len(found):
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return found[int(asked) - 1]
