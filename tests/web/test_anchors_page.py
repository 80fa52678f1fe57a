"""The anchors on the public page and the operator's: each block is a link to an explorer where its chain has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.core.anchor_record import Anchor
from ledger_service.operations.anchored import anchors_of
from ledger_service.web.public import anchor_rows
from tests.api.asking import Asking, asking
from tests.operations.conftest import make_world
from tests.operations.world import PLATFORM, World
from tests.web.browsing import Browser
from tests.web.final import make_final
from tests.web.test_staff import key_for

MAINNET, NOWHERE = 1, 999_999_999


@pytest.fixture
def anchored(tmp_path: Path) -> Iterator[tuple[Asking, World]]:
    """Return a service over a ledger with one final anchor, and who owns its database."""
    world = make_world(tmp_path / "home")
    world.found()
    with asking(world, tmp_path) as service:
        service.open_case()
        make_final(service)
        yield service, world


def moved(service: Asking, world: World, chain_id: int) -> Anchor:
    """Return the anchor, having written down that it stands on another chain."""
    (anchor,) = anchors_of(service.ledger)
    for (record,) in service.ledger.store.rows("SELECT record FROM anchor_history"):
        changed = json.dumps(json.loads(bytes(record)) | {"chain_id": chain_id}, sort_keys=True, separators=(",", ":"))
        world.sql("UPDATE anchor_history SET record = ? WHERE record = ?", values=(changed.encode(), bytes(record)))
    return replace(anchor, chain_id=chain_id)


def test_a_block_of_a_public_chain_is_a_link_to_its_explorer(anchored: tuple[Asking, World]) -> None:
    service, world = anchored
    anchor = moved(service, world, MAINNET)
    assert anchor.block is not None
    link = f'<a href="https://etherscan.io/block/{anchor.block.number}" rel="noreferrer">{anchor.block.number}</a>'

    public, operator = Browser(service.app).get("/log"), Browser(service.app)
    operator.send(operator.get("/staff"), "/staff", key=key_for(service, PLATFORM).token)

    assert link in public.html
    assert link in operator.get("/operator").html


@pytest.mark.parametrize("chain_id", [None, NOWHERE])
def test_a_block_of_a_chain_without_an_explorer_is_a_number(
    anchored: tuple[Asking, World], chain_id: int | None
) -> None:
    service, world = anchored
    (anchor,) = [moved(service, world, chain_id)] if chain_id else anchors_of(service.ledger)
    assert anchor.block is not None

    page = Browser(service.app).get("/log")

    assert f"<td>{anchor.block.number}</td>" in page.html
    assert "https://" not in page.html


def test_every_explorer_that_is_known_gets_the_block_that_an_anchor_stands_in(anchored: tuple[Asking, World]) -> None:
    service, world = anchored
    chains = [one for one in service.ledger.chains.all if one.explorer is not None]
    assert len(chains) > 2

    for chain in chains:
        anchor = moved(service, world, chain.chain_id)
        (row,) = anchor_rows(service.ledger)
        assert anchor.block is not None
        assert chain.explorer is not None
        assert row["explorer"] == chain.explorer.block.replace("{block}", str(anchor.block.number))
        assert str(row["explorer"]).startswith("https://")


def test_an_anchor_in_no_block_has_no_link(anchored: tuple[Asking, World]) -> None:
    service, world = anchored
    moved(service, world, MAINNET)
    for (record,) in service.ledger.store.rows("SELECT record FROM anchor_history"):
        value = json.loads(bytes(record)) | {"block": None, "commitment": None, "state": "submitted"}
        changed = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        world.sql(
            "UPDATE anchor_history SET record = ?, state = 'submitted' WHERE record = ?",
            values=(changed, bytes(record)),
        )

    (row,) = anchor_rows(service.ledger)

    assert (row["block"], row["explorer"]) == (None, None)
