"""The verdict of every proof of a return with its reason, on the word of the ledger, and what the page says of that."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking, asking
from tests.operations.conftest import make_world
from tests.operations.world import PLATFORM, World
from tests.web.browsing import Page
from tests.web.final import make_final
from tests.web.test_whole import decided_by

BUYER = Party(Role.BUYER, "verdict@web")


@dataclass(frozen=True)
class Judged:
    """A return whose first entry is final, and whose second is in no block; `world` owns its database."""

    service: Asking
    world: World
    return_id: str
    final: int
    fresh: int


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    """Return it, in a ledger of its own."""
    world = make_world(tmp_path / "home")
    world.found()
    with asking(world, tmp_path) as service:
        return_id = service.open_case(BUYER.reference)
        make_final(service)
        fresh = add(service, return_id)
        yield Judged(service, world, return_id, service.ledger.read.entries_of(return_id)[0].index, fresh)


def add(service: Asking, return_id: str, **fields: str) -> int:
    """Add a photo to a return; return the index of the entry."""
    photo = service.folder / f"{secrets.token_hex(4)}.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(16))
    step = Step("add_evidence", BUYER, PLATFORM, dict(fields), [("product_photo", photo)], return_id)
    return record(service.ledger, step).appended.index


def verdict(page: Page, index: int) -> tuple[str, str]:
    """Return the verdict on an entry, and everything that is told of it."""
    (told,) = re.findall(rf'<section aria-labelledby="proof-{index}">(.*?)</section>', page.html, re.DOTALL)
    (found,) = re.findall(r'<span class="mark (\w+)">', told)
    return found, told


def test_a_final_entry_is_valid_on_the_word_of_the_ledger(judged: Judged) -> None:
    browser, _ = decided_by(judged.service, judged.return_id)

    page = browser.get("/return/proofs")

    found, told = verdict(page, judged.final)
    assert found == "valid"
    assert "<strong>Finality</strong>: holds" in told
    assert "this ledger&#39;s own records: final by the rule" in told
    assert "no chain was asked. A verdict here is a convenience and not independent of the ledger" in page.text


def test_an_entry_in_no_block_is_inconclusive_and_says_why(judged: Judged) -> None:
    browser, _ = decided_by(judged.service, judged.return_id)

    found, told = verdict(browser.get("/return/proofs"), judged.fresh)

    assert found == "inconclusive"
    assert "not anchored yet; 1 required" in told


def test_without_a_kept_state_proof_the_records_of_the_worker_answer(judged: Judged) -> None:
    judged.service.ledger.store.change("DELETE FROM anchor_proofs")
    browser, _ = decided_by(judged.service, judged.return_id)

    found, told = verdict(browser.get("/return/proofs"), judged.final)

    assert found == "valid"
    assert "<strong>The state of the contract</strong>" not in told


def test_a_head_that_the_records_do_not_call_final_is_not_known_to_be(judged: Judged) -> None:
    (record_of,) = judged.service.ledger.store.rows(
        "SELECT record FROM anchor_history WHERE state = 'finalized' ORDER BY id DESC LIMIT 1"
    )
    included = json.loads(bytes(record_of[0])) | {"state": "included"}
    encoded = json.dumps(included, sort_keys=True, separators=(",", ":")).encode()
    judged.world.sql(
        "UPDATE anchor_history SET state = 'included', record = ? WHERE state = 'finalized'", values=(encoded,)
    )
    browser, _ = decided_by(judged.service, judged.return_id)

    found, told = verdict(browser.get("/return/proofs"), judged.final)

    assert found == "inconclusive"
    assert "is not final by them" in told


def test_a_broken_entry_is_invalid_and_the_others_stand_beside_it(judged: Judged) -> None:
    browser, _ = decided_by(judged.service, judged.return_id)
    encoded = judged.service.ledger.read.entry(judged.final).encoded
    judged.world.sql(
        f"UPDATE entries SET entry = ? WHERE idx = {judged.final}", values=(encoded.replace(b'"DE"', b'"FR"'),)
    )

    page = browser.get("/return/proofs")

    found, told = verdict(page, judged.final)
    assert found == "invalid"
    assert "<strong>The place in the log</strong>: does not hold" in told
    assert verdict(page, judged.fresh)[0] == "inconclusive"


def test_an_entry_that_is_none_is_invalid(judged: Judged) -> None:
    browser, _ = decided_by(judged.service, judged.return_id)
    judged.world.sql(f"UPDATE entries SET entry = ? WHERE idx = {judged.fresh}", values=(b"{}",))

    page = browser.get("/return/proofs")

    assert verdict(page, judged.fresh)[0] == "invalid"
    assert verdict(page, judged.final)[0] == "valid"


def test_a_broken_state_proof_is_invalid(judged: Judged) -> None:
    (kept,) = judged.service.ledger.store.rows("SELECT record FROM anchor_proofs LIMIT 1")
    value = json.loads(bytes(kept[0]))
    value["account"] = value["account"][1:] or ["00"]
    broken = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    judged.world.sql("UPDATE anchor_proofs SET record = ?", values=(broken,))
    browser, _ = decided_by(judged.service, judged.return_id)

    found, told = verdict(browser.get("/return/proofs"), judged.final)

    assert found == "invalid"
    assert "<strong>The state of the contract</strong>: does not hold" in told


def test_a_value_that_does_not_open_leaves_the_verdict_open(judged: Judged) -> None:
    browser, _ = decided_by(judged.service, judged.return_id)
    judged.world.sql(f"UPDATE sealed_values SET ciphertext = zeroblob(64) WHERE idx = {judged.fresh}")

    page = browser.get("/return/proofs")

    found, told = verdict(page, judged.fresh)
    assert found == "inconclusive"
    assert "no receipt can be made: a sealed value does not open to its commitment" in told
    assert verdict(page, judged.final)[0] == "valid"
