"""Anchors over HTTP: what stands where, and a link where people can look it up."""

from __future__ import annotations

import dataclasses

from ledger_service.api.entries import anchor_members
from ledger_service.api.wire import AnchorAnswer
from ledger_service.chain.chains import load_chains
from tests.core.test_anchoring import INCLUDED, SUBMITTED


def test_an_anchor_in_a_public_chains_block_has_a_link_to_it_and_its_price() -> None:
    shown = anchor_members(dataclasses.replace(INCLUDED, chain_id=8453, fee_paid=10**15), load_chains())

    assert (shown["chain"], shown["block_url"]) == ("base", "https://basescan.org/block/100")
    assert shown["fee_paid"] == "1000000000000000"
    assert AnchorAnswer.model_validate(shown).block_number == 100


def test_where_nobody_shows_it_there_is_no_link() -> None:
    for anchor in (
        SUBMITTED,
        dataclasses.replace(INCLUDED, chain_id=31337),
        dataclasses.replace(INCLUDED, chain_id=99),
    ):
        shown = anchor_members(anchor, load_chains())
        assert shown["block_url"] is None
        assert shown["fee_paid"] is None
    assert shown["chain"] == "chain-99"
