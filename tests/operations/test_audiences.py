"""One entry, copies for different audiences: the same leaf, fewer salts, and every copy verifies."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.erasure import Ground
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Verdict
from ledger_service.errors import RefusedError
from ledger_service.operations.erase import Request, erase
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.prove import prove
from ledger_service.operations.record import record
from tests.operations.world import BUYER, PLATFORM, World, answer_step, ask_step, check, open_case, photo

PHOTO, LINES, WORDS = "evidence:product_photo", "lines", "comment"
SEE_ALL = {Role.BUYER, Role.SELLER, Role.PLATFORM, Role.ARBITRATOR}


def shown(receipt: Receipt) -> list[str]:
    """Return the names of the values that a copy shows."""
    return [row.name for row in receipt.records if row.disclosure is not None]


def test_every_role_gets_what_it_may_see_and_every_copy_is_valid(each_world: World, tmp_path: Path) -> None:
    with each_world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        anchorer.run()
        copies = {role: prove(ledger, 1, audience=role) for role in Role}

        assert {role for role, copy in copies.items() if shown(copy) == [PHOTO, LINES]} == SEE_ALL
        assert all(shown(copies[role]) == [LINES] for role in set(Role) - SEE_ALL)
        assert len({copy.entry for copy in copies.values()}) == 1
        assert {check(copy, ledger.trust(), node).verdict for copy in copies.values()} == {Verdict.VALID}


def test_a_withheld_value_is_named_and_its_bytes_are_nowhere_in_the_copy(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        case = open_case(opened.ledger, tmp_path)
        record(opened.ledger, ask_step(case.return_id))
        index = record(opened.ledger, answer_step(case.return_id, photo(tmp_path))).appended.index
        whole, copy = prove(opened.ledger, index), prove(opened.ledger, index, audience=Role.CARRIER)

    assert shown(whole) == [PHOTO, WORDS]
    assert [row.name for row in copy.records] == [PHOTO, WORDS]
    assert shown(copy) == []
    for opened_value in (row.disclosure for row in whole.records):
        assert opened_value is not None
        assert opened_value.salt.hex().encode() in encode_receipt(whole)
        assert opened_value.salt.hex().encode() not in encode_receipt(copy)
    assert b"under the foot" not in encode_receipt(copy)


@pytest.mark.parametrize(
    ("show", "audience", "wanted"),
    [
        ([PHOTO], Role.ARBITRATOR, [PHOTO]),
        ([PHOTO], Role.CARRIER, []),
        ([LINES, PHOTO], Role.CARRIER, [LINES]),
        ([], Role.ARBITRATOR, []),
    ],
)
def test_names_and_audience_together_show_what_both_allow(
    world: World, tmp_path: Path, show: list[str], audience: Role, wanted: list[str]
) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        assert shown(prove(opened.ledger, 1, show=show, audience=audience)) == wanted


@pytest.mark.parametrize("index", [0, 1])
def test_a_name_that_is_not_there_is_refused_whatever_the_audience(world: World, tmp_path: Path, index: int) -> None:
    with world.opened() as opened:
        open_case(opened.ledger, tmp_path)
        with pytest.raises(RefusedError, match=f"entry {index} has no committed value 'phone'") as raised:
            prove(opened.ledger, index, show=["phone"], audience=Role.CARRIER)

    assert raised.value.hint == ("it has none" if index == 0 else f"it has: {PHOTO}, {LINES}")


def test_an_entry_of_the_log_itself_has_nothing_to_withhold(world: World) -> None:
    with world.opened(write=False) as opened:
        assert prove(opened.ledger, 0, audience=Role.CARRIER).records == ()


def test_a_restricted_persons_values_are_in_no_copy_for_a_role_not_even_their_own(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        asked = Request(BUYER, Ground.ACCURACY_CONTESTED, Role.BUYER, format_instant(ledger.clock()))
        erase(ledger, asked, by=PLATFORM)

        assert {role: shown(prove(ledger, 1, audience=role)) for role in SEE_ALL} == {role: [LINES] for role in SEE_ALL}
