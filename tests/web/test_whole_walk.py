"""One return from the first photo to the verdict, in a real browser, by everybody who has a part in it."""

from __future__ import annotations

import json
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from ledger_service.core.entry import Role
from ledger_service.core.pages.words import WORDS
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.state_proof import read_header
from ledger_service.core.trust import encode_trust
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.verifier_file import VERIFIER
from tests.api.asking import PARTIES, Asking, asking
from tests.operations.conftest import make_world
from tests.operations.world import PLATFORM, SELLER
from tests.web.keyboard import press, reach
from tests.web.test_staff import key_for
from tests.web.test_verify_walk import WORDS as VERDICTS
from tests.web.test_verify_walk import verified
from tests.web.test_walk import heading, photo
from tests.web.walking import PHONE, Walker, walker

pytestmark = pytest.mark.campaign
DEDUCTED = {"en": "deducted €30.00", "zh-CN": "扣减金额 €30.00"}
DESK = {"width": 1280, "height": 900}
DONE = {"en": "Your step is recorded", "zh-CN": "您的步骤已记录"}
ORDER: dict[str, Any] = {
    "lines": [{"line_id": "lamp", "qty": 2, "name": "Lamp 灯", "paid": {"minor": 25_800, "currency": "EUR"}}],
    "fields": {
        "buyer_country": "DE", "seller_country": "CN", "buyer_zone": "Europe/Berlin",
        "outbound_delivered_at": "2026-10-30T15:00:00+01:00",
    },
}  # fmt: skip
RECORD = "main form.card button.button:not(.quiet)"


@dataclass
class Marketplace:
    """The ledger as a marketplace runs it: its pages, its API with keys, and the worker that anchors."""

    service: Asking
    anchorer: Anchorer
    address: str

    def post(self, path: str, value: Any = None, **sent: Any) -> Any:
        """Post to the API with the platform's key."""
        headers = {"Authorization": f"Bearer {self.service.token(PLATFORM)}", "Idempotency-Key": secrets.token_hex(8)}
        answer = httpx.post(self.address + path, json=value, headers=headers, **sent)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def link(self, role: Role, reference: str, **to: Any) -> str:
        """Make a one-time link and return what stands behind its #."""
        return str(self.post("/v1/links", {"party": {"role": role.value, "reference": reference}, **to})["token"])

    def hand_in(self, return_id: str, role: Role, verb: str, kind: str, **fields: Any) -> None:
        """Hand in a step of somebody who has no page here, with a file."""
        content = b"%PDF-1.4\n" + secrets.token_bytes(64)
        self.post("/v1/evidence", files={"file": ("paper.pdf", content, "application/pdf")})
        party = {"role": role.value, "reference": PARTIES[role].reference}
        evidence = [{"kind": kind, "sha256": sha256(content).hexdigest()}]
        body = {"verb": verb, "asserted_by": party, "fields": fields, "evidence": evidence}
        self.post(f"/v1/returns/{return_id}/transitions", body)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asking, Anchorer]]:
    """Return a service with the worker beside it."""
    folder = tmp_path_factory.mktemp("whole")
    world = make_world(folder / "home")
    world.found()
    with ExitStack() as stack:
        service = stack.enter_context(asking(world, folder))
        node = stack.enter_context(world.node())
        yield service, make_anchorer(service.ledger, [node], world.signer)


@pytest.fixture(scope="module")
def service(running: tuple[Asking, Anchorer]) -> Asking:
    """Return the service."""
    return running[0]


@pytest.fixture
def marketplace(running: tuple[Asking, Anchorer], address: str) -> Marketplace:
    """Return the marketplace."""
    return Marketplace(*running, address)


def enter(who: Walker, token: str) -> None:
    """Open a link, and look at what it opens."""
    who.page.goto(f"{who.address}/open#{token}")
    who.follow("main form button")


def take(who: Walker, verb: str, kind: str | None = None, **filled: str) -> None:
    """Take a step on its page, which is looked at: send a paper where one is needed, fill in the rest, record."""
    who.go(f"/return/steps/{verb}")
    if kind is not None:
        paper = {"name": "paper.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" + secrets.token_bytes(64)}
        who.page.set_input_files("#file", paper)  # type: ignore[arg-type]  # what playwright documents
        who.page.wait_for_selector(".uploads .arrived")
        who.page.select_option("[data-chosen] .file:last-child select", kind)
    for name, value in filled.items():
        field = who.page.locator(f"[id='{name.replace('__', '-')}']")
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    with who.page.expect_navigation():
        who.page.click(RECORD)


def counted(regulator: Walker, language: str) -> dict[str, int]:
    """Return how many returns were opened, and how many were held by customs, as the regulator's page says it."""
    regulator.go("/regulator")
    found = {}
    for figure in ("opened", "holds"):
        words = WORDS["figure"][figure]
        line = regulator.page.locator(f"dt:text-is('{words.en if language == 'en' else words.zh}') + dd")
        told = line.inner_text().partition(" ")[0].partition(":")[0] if line.count() else "–"
        found[figure] = 0 if told == "–" else int(told)  # a dash: none
    return found


def blocks_of(package: bytes) -> tuple[str, ...]:
    """Return the hashes of the blocks whose state the receipts of a package show."""
    archive = zipfile.ZipFile(BytesIO(package))
    names = [name for name in archive.namelist() if name.endswith(".receipt.json")]
    anchors = [one for name in names for one in parse_receipt(archive.read(name)).anchors]
    hashes = {read_header(one.state.header).block_hash.hex() for one in anchors if one.state is not None}
    return tuple(f"0x{one}" for one in sorted(hashes))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_return_goes_its_whole_way(
    marketplace: Marketplace, chromium: Browser, language: str, tmp_path: Path
) -> None:
    done, photos = DONE[language], [photo(200), photo(300), photo(400)]
    opened: list[Callable[[], None]] = []

    def person(screen: dict[str, int]) -> Walker:
        who, context = walker(chromium, marketplace.address, language=language, viewport=screen)
        opened.append(context.close)
        return who

    regulator = person(DESK)
    regulator.go("/staff")
    regulator.page.fill("#key", key_for(marketplace.service).token)
    regulator.follow("main form button")
    before = counted(regulator, language)

    made = marketplace.post(
        "/v1/links",
        {
            "party": {"role": "buyer", "reference": f"whole-{language}"},
            "order": {**ORDER, "parties": [{"role": "seller", "reference": SELLER.reference}]},
        },
    )
    return_id, buyer = made["return_id"], person(PHONE)
    enter(buyer, made["token"])
    buyer.follow("main a[href$='/non_conformity']")
    files = [{"name": f"IMG{n}.jpg", "mimeType": "image/jpeg", "buffer": one} for n, one in enumerate(photos)]
    buyer.page.set_input_files("#file", files)  # type: ignore[arg-type]  # what playwright documents
    buyer.page.wait_for_selector(".uploads .arrived >> nth=2")
    assert buyer.page.locator(".uploads code").all_inner_texts() == [sha256(one).hexdigest() for one in photos]
    buyer.page.select_option("#reason-0", "damaged_in_transit")
    buyer.page.select_option("#wanted-0", "refund")
    buyer.page.fill("#words", "Der Schirm ist zerbrochen. 灯罩碎了。")
    buyer.follow(RECORD)
    assert heading(buyer.page) == done
    with buyer.page.expect_download() as download:
        buyer.page.click("a[download]")
    first = json.loads(parse_receipt(download.value.path().read_bytes()).entry)
    assert (first["return_id"], len(first["evidence"])) == (return_id, 3)

    seller = person(DESK)
    enter(seller, marketplace.link(Role.SELLER, SELLER.reference, return_id=return_id))
    take(seller, "approve_return", "rma_document", return_cost_payer="seller")
    assert heading(seller.page) == done

    hand_in = marketplace.hand_in
    parcels = [{"parcel_id": "P1", "tracking_no": "LX1", "lines": [{"line_id": "lamp", "qty": 2}]}]
    hand_in(return_id, Role.CARRIER, "ship_back", "proof_of_posting", parcels=parcels)
    hold = {"country": "CN", "hold_reason": "documents_missing"}
    hand_in(return_id, Role.CUSTOMS, "hold_at_customs", "customs_notice", **hold)
    hand_in(return_id, Role.CUSTOMS, "release_from_customs", "customs_notice")
    hand_in(return_id, Role.CARRIER, "confirm_delivery", "proof_of_delivery")

    warehouse = person(PHONE)
    enter(warehouse, marketplace.link(Role.INSPECTOR, "warehouse-3", return_id=return_id))
    take(warehouse, "receive", "receiving_report")
    take(warehouse, "start_inspection")
    graded = {"lines-0-grade": "damaged", "lines-0-condition": "scratched", "lines-0-deduction": "30.00"}
    take(warehouse, "complete_inspection", "inspection_report", **graded)
    assert heading(warehouse.page) == done

    buyer.go("/return")
    take(
        buyer, "open_dispute", None, type="adr", claim="The whole price 全额", statement="It came broken. 到货即破损。"
    )
    assert heading(buyer.page) == done

    arbitrator = person(DESK)
    enter(arbitrator, marketplace.link(Role.ARBITRATOR, "adr-body", return_id=return_id))
    arbitrator.follow('a[href="/return/case"]')
    told = arbitrator.page.inner_text("main")
    assert all(one in told for one in (DEDUCTED[language], "scratched", "zerbrochen", "The whole price 全额"))
    arbitrator.go("/return/pictures")
    marketplace.anchorer.run()
    arbitrator.go("/return/case")
    with arbitrator.page.expect_download() as download:
        arbitrator.page.click('form[action="/return/package"] button')
    package = download.value.path().read_bytes()

    held = {"case.zip": package, "ledger.trust.json": encode_trust(marketplace.service.ledger.trust())}
    arbitrator.go("/verify")
    (found,) = verified(arbitrator, held, hashes=blocks_of(package))
    assert found["verdict"] == VERDICTS[language]["valid"], found["checks"]
    (tmp_path / VERIFIER).write_bytes(zipfile.ZipFile(BytesIO(package)).read(VERIFIER))
    alone, context = walker(chromium, tmp_path.as_uri(), language=language)
    opened.append(context.close)
    context.set_offline(True)
    alone.go(f"/{VERIFIER}")
    (found,) = verified(alone, held, hashes=blocks_of(package), look=False)
    assert found["verdict"] == VERDICTS[language]["valid"], found["checks"]

    after = counted(regulator, language)
    assert (after["opened"], after["holds"]) == (before["opened"] + 1, before["holds"] + 1)
    for close in opened:
        close()


def test_a_return_is_asked_for_with_a_keyboard_alone(marketplace: Marketplace, chromium: Browser) -> None:
    made = marketplace.post("/v1/links", {"party": {"role": "buyer", "reference": "keyboard-whole"}, "order": ORDER})
    who, context = walker(chromium, marketplace.address)
    page = who.page
    who.go(f"/open#{made['token']}")

    press(page, "main form button", before=0)  # the link stands in its field: the button has the focus
    press(page, "main a[href$='/statutory_withdrawal']")
    reach(page, "#qty-0")
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    press(page, "main form.card button")
    assert heading(page) == DONE["en"]
    press(page, "main a[href^='/return/entries/']")
    assert page.locator(".code svg").count() == 1
    press(page, ".away a")

    assert page.url == f"{marketplace.address}/return"
    assert marketplace.service.ledger.read.case(made["return_id"]).case.state == "requested"
    context.close()
