"""Somebody verifies what they hold in a real browser: on the page, and with the one file and the network off."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from ledger_service.chain.embedded_transport import EmbeddedTransport
from ledger_service.core.entry import Role
from ledger_service.core.pages.escaping import escaped
from ledger_service.core.report import Report, Verdict
from ledger_service.core.trust import parse_trust
from ledger_service.core.verify import EvidenceFile, Sha256Hex, verify
from ledger_service.core.verify_package import verify_package
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.verifier_file import VERIFIER, verifier_file
from tests.api.asking import Asking
from tests.chain.fake_node import FakeNode
from tests.core.packages import Bytes
from tests.web.final import Final, blocks_of, final_service, make_final
from tests.web.test_follow import link_to
from tests.web.walking import Walker, walker

pytestmark = pytest.mark.campaign
WORDS = {
    "en": {
        "valid": "valid", "invalid": "invalid", "inconclusive": "inconclusive",
        "inclusion": "The place in the log", "hint": "Choose the trust file",
    },
    "zh-CN": {
        "valid": "有效", "invalid": "无效", "inconclusive": "尚无定论",
        "inclusion": "在日志中的位置", "hint": "信任配置与回执一并选择",
    },
}  # fmt: skip
READ = """() => [...document.querySelectorAll(".report")].map((one) => ({
  verdict: one.querySelector(".mark").textContent,
  file: one.querySelector("h2").textContent,
  checks: [...one.querySelectorAll(".checks li")].map((li) => [li.className, li.querySelector("span").textContent]),
}))"""
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def held_and_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Final, Asking]]:
    """Return what the buyer of a final return holds, and the service that gave it."""
    with final_service(tmp_path_factory.mktemp("final")) as both:
        yield both


@pytest.fixture(scope="module")
def held(held_and_service: tuple[Final, Asking]) -> Final:
    """Return what the buyer holds."""
    return held_and_service[0]


@pytest.fixture(scope="module")
def service(held_and_service: tuple[Final, Asking]) -> Asking:
    """Return the service."""
    return held_and_service[1]


@pytest.fixture
def one_file(held: Final, chromium: Browser, tmp_path: Path) -> Callable[..., tuple[Walker, BrowserContext]]:
    """Return a way to open the one file, as it lay in the package, from the disk with the network off."""

    def opened(**more: Any) -> tuple[Walker, BrowserContext]:
        path = tmp_path / VERIFIER
        path.write_bytes(zipfile.ZipFile(BytesIO(held.package)).read(VERIFIER))
        assert path.read_bytes() == verifier_file()
        who, context = walker(chromium, path.parent.as_uri(), **more)
        context.set_offline(True)
        who.go(f"/{VERIFIER}")
        return who, context

    return opened


def choose(who: Walker, files: Files) -> None:
    """Begin anew, and choose files."""
    who.page.reload()
    given = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files.items()]
    who.page.set_input_files("#verifier-files", given)  # type: ignore[arg-type]  # what playwright documents
    who.page.wait_for_selector(f".chosen li >> nth={len(files) - 1}")


def verified(
    who: Walker, files: Files, *, hashes: tuple[str, ...] = (), nodes: str = "", look: bool = True
) -> list[dict[str, Any]]:
    """Verify files, look at the page where it is to be looked at, and return what it says of each."""
    choose(who, files)
    who.page.fill("#verifier-hashes", "\n".join(hashes))
    who.page.fill("#verifier-nodes", nodes)
    who.page.click("[data-part=go]")
    who.page.wait_for_selector(".report")
    if look:
        who.look()
    return list(who.page.evaluate(READ))


def said(report: Report) -> list[list[str]]:
    """Return the checks of a report as the page says them."""
    return [[check.outcome.value, escaped(check.detail)] for check in report.checks]


def tampered(receipt: bytes) -> bytes:
    """Return a receipt of an entry that is said to have been recorded by somebody else."""
    changed = receipt.replace(b"platform_attested", b"webhook_verified", 1)
    assert changed != receipt
    return changed


@pytest.mark.parametrize(("place", "language"), [("page", "en"), ("page", "zh-CN"), ("file", "zh-CN")])
def test_what_somebody_holds_is_verified_check_by_check(
    held: Final, address: str, chromium: Browser, one_file: Any, language: str, place: str
) -> None:
    if place == "file":
        who, context = one_file(language=language)
    else:
        who, context = walker(chromium, address, language=language)
        who.go("/verify")
    words, trust = WORDS[language], parse_trust(held.trust)
    blocks = frozenset(bytes.fromhex(one[2:]) for one in held.hashes)
    pinned = {"step.receipt.json": held.receipt, "ledger.trust.json": held.trust}

    (good,) = verified(who, {**pinned, "lamp.png": held.original}, hashes=held.hashes)
    offered = [EvidenceFile("lamp.png", Sha256Hex(sha256(held.original).hexdigest()))]
    expected = verify(held.receipt, trust, (), evidence=offered, block_hashes=blocks)
    assert expected.verdict is Verdict.VALID
    assert (good["verdict"], good["file"], good["checks"]) == (words["valid"], "step.receipt.json", said(expected))

    changed = tampered(held.receipt)
    (bad,) = verified(who, {**pinned, "step.receipt.json": changed}, hashes=held.hashes, look=place == "file")
    assert bad["checks"] == said(verify(changed, trust, (), block_hashes=blocks))
    assert bad["verdict"] == words["invalid"]
    assert words["inclusion"] in who.page.inner_text(".report > p:not(.mark)")

    (unknown,) = verified(who, {"step.receipt.json": held.receipt}, hashes=held.hashes, look=False)
    assert unknown["verdict"] == words["inconclusive"]
    assert who.page.locator(".report .open li").count() >= 1, "what was not checked"
    assert words["hint"] in who.page.inner_text(".report .open + p"), "and how to check it"

    package = {"case.zip": held.package, "ledger.trust.json": held.trust}
    (whole,) = verified(who, package, hashes=held.hashes, look=False)
    found = verify_package(Bytes(held.package), trust, (), block_hashes=blocks)
    assert found.verdict is Verdict.VALID
    assert (whole["verdict"], whole["checks"]) == (words["valid"], said(found))
    assert who.strangers == []
    context.close()


def test_an_arbitrator_takes_the_package_along_and_verifies_it_on_the_page_and_alone(
    held: Final, service: Asking, address: str, chromium: Browser, tmp_path: Path
) -> None:
    who, context = walker(chromium, address, language="zh-CN", viewport={"width": 1280, "height": 900})
    arbitrator = Party(Role.ARBITRATOR, "adr-verifies")
    who.go("/open#" + link_to(service, held.return_id, arbitrator).rpartition("#")[2])
    who.follow("main form button")
    who.follow('a[href="/return/case"]')
    make_final(service)  # what the arbitrator looked at is an entry too
    with who.page.expect_download() as download:
        who.page.click('form[action="/return/package"] button')
    kept = tmp_path / "case.zip"
    download.value.save_as(kept)
    package = kept.read_bytes()
    files = {"case.zip": package, "ledger.trust.json": held.trust}

    who.follow('main a[href="/verify"]')
    (here,) = verified(who, files, hashes=blocks_of(package), look=False)
    alone = tmp_path / VERIFIER
    alone.write_bytes(zipfile.ZipFile(kept).read(VERIFIER))
    context.set_offline(True)
    who.page.goto(alone.as_uri())
    (there,) = verified(who, files, hashes=blocks_of(package), look=False)

    assert here["verdict"] == "有效", here
    assert there == here
    assert set(who.strangers) == {alone.as_uri()}
    context.close()


def test_each_of_several_files_has_a_verdict_of_its_own_and_all_are_announced(
    held: Final, address: str, chromium: Browser
) -> None:
    who, context = walker(chromium, address, color_scheme="dark")
    who.go("/verify")
    files = {"a.receipt.json": tampered(held.receipt), "b.receipt.json": held.receipt, "c.json": b"{}", "d.zip": b"PK"}

    found = verified(who, {**files, "ledger.trust.json": held.trust}, hashes=held.hashes, look=False)

    assert [one["verdict"] for one in found] == ["invalid", "valid", "invalid", "invalid"]
    assert who.page.inner_text("[role=status]") == "Done. valid: 1 · invalid: 3"
    who.page.set_viewport_size({"width": 320, "height": 640})  # 1280 pixels at 400 % (WCAG 1.4.10)
    who.look()
    context.close()


@pytest.mark.parametrize("place", ["page", "file"])
def test_a_node_is_asked_only_where_its_address_was_typed(
    held: Final, service: Asking, address: str, chromium: Browser, one_file: Any, place: str
) -> None:
    if place == "file":
        who, context = one_file()
        context.set_offline(False)
    else:
        who, context = walker(chromium, address)
        who.go("/verify")
    pinned = {"step.receipt.json": held.receipt, "ledger.trust.json": held.trust}
    transport = EmbeddedTransport(service.folder / "home" / "chain", read_only=True, clock=None)
    with FakeNode(transport.chain) as node:
        url = "http://" + node.url.partition("@")[2]
        (alone,) = verified(who, pinned)
        assert (alone["verdict"], node.requests, who.strangers) == ("inconclusive", [], [])
        (asked,) = verified(who, pinned, nodes=url, look=False)
        assert asked["verdict"] == "valid", asked
        assert "fail" not in {outcome for outcome, _ in asked["checks"]}
        assert {request["method"] for request in node.requests} >= {"eth_chainId", "eth_getCode"}
        assert set(who.strangers) <= {url}
        who.strangers.clear()
    transport.close()

    (nobody,) = verified(who, pinned, nodes=url, look=False)  # an error to the console, and to nobody else
    assert nobody["verdict"] == "inconclusive"
    context.close()


def test_what_a_file_says_of_itself_counts_for_nothing(held: Final, address: str, chromium: Browser) -> None:
    """A hostile name, a claim in what is not protected, markup, characters that turn text around: all is text."""
    who, context = walker(chromium, address)
    who.go("/verify")
    claims = json.loads(held.receipt)
    claims["unprotected"]["verdict"] = "VALID \u2713 <b>verified</b> by everybody \u202e"
    claims["verdict"] = "valid"
    name = "<img src=x onerror=alert(1)>\u202e\x1b[32mdilav\u200b" + "a" * 400 + ".receipt.json"

    (found,) = verified(who, {name: json.dumps(claims).encode(), "ledger.trust.json": held.trust}, hashes=held.hashes)

    assert found["verdict"] == "invalid"
    assert found["file"].startswith("<img src=x onerror=alert(1)>\\u202e\\x1b[32mdilav\\u200baaa")
    assert len(found["file"]) < 200
    assert who.page.locator("main img, main b").count() == 0
    assert "verified" not in who.page.inner_text(".report")
    context.close()


def test_what_cannot_be_verified_is_refused_with_its_reason_at_its_field(
    held: Final, address: str, chromium: Browser, tmp_path: Path
) -> None:
    who, context = walker(chromium, address)
    who.go("/verify")
    page, large = who.page, tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate((1 << 28) + 1)

    def refused() -> str:
        page.click("[data-part=go]")
        assert page.locator(".report").count() == 0
        return str(page.inner_text("[role=alert]"))

    assert "Choose a receipt" in refused()
    who.look()
    choose(who, {"receipt.pdf": b"%PDF-1.7"})
    assert "attached inside of it" in refused()
    page.click(".chosen button")
    page.set_input_files("#verifier-files", large)
    page.wait_for_selector(".chosen li")
    assert "more than a browser takes" in refused()
    page.click(".chosen button")
    choose(who, {"a.json": held.trust, "b.json": held.trust, "c.receipt.json": held.receipt})
    assert "Only one trust file" in refused()
    page.select_option(".chosen li:nth-child(2) select", "original")
    for field, wrong in (("hashes", "0x12"), ("nodes", "http://node.example"), ("nodes", "ftp://x"), ("nodes", "x")):
        page.fill(f"#verifier-{field}", wrong)
        assert wrong in refused()
        assert page.evaluate("document.activeElement.id") == f"verifier-{field}"
        page.fill(f"#verifier-{field}", "")
    page.click("[data-part=go]")
    page.wait_for_selector(".report")
    context.close()


def test_the_verifier_is_open_to_a_keyboard(held: Final, address: str, chromium: Browser, tmp_path: Path) -> None:
    who, context = walker(chromium, address)
    who.page.on("filechooser", lambda _: None)  # from now on the browser hands its dialogue to the test
    who.go("/verify")
    page, kept = who.page, [tmp_path / "a.receipt.json", tmp_path / "ledger.trust.json"]
    for path, data in zip(kept, (held.receipt, held.trust), strict=True):
        path.write_bytes(data)

    def reach(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("(wanted) => document.activeElement?.matches(wanted)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "no focus to be seen"
                return
        raise AssertionError(f"{selector} is not reached")

    reach("#verifier-files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(kept)
    page.wait_for_selector(".chosen li >> nth=1")
    reach(".chosen li:nth-child(2) button")
    reach("#verifier-hashes")
    page.keyboard.insert_text("\n".join(held.hashes))
    reach("[data-part=go]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".report.valid")
    context.close()


@pytest.mark.parametrize(
    "missing",
    [
        "Object.defineProperty(crypto, 'subtle', { value: undefined })",
        "delete window.Worker",
        "window.Worker = class { constructor() { throw new Error('no') } }",
    ],
    ids=["no digests", "no threads", "threads refused"],
)
def test_a_browser_that_lacks_something_verifies_all_the_same(held: Final, one_file: Any, missing: str) -> None:
    who, context = one_file()
    context.add_init_script(missing)

    (found,) = verified(who, {"a.receipt.json": held.receipt, "t.json": held.trust}, hashes=held.hashes, look=False)

    assert found["verdict"] == "valid"
    context.close()


def test_without_a_script_the_page_says_what_to_do(
    held: Final, address: str, chromium: Browser, tmp_path: Path
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page, path = context.new_page(), tmp_path / VERIFIER
    path.write_bytes(verifier_file())
    for where in (f"{address}/verify", path.as_uri()):
        page.goto(where)

        assert "rledger verify FILE --trust FILE" in page.inner_text("main")
        assert page.locator("input[type=file]").count() == 0
    context.close()


def test_another_language_keeps_what_was_chosen_and_found(held: Final, one_file: Any) -> None:
    who, context = one_file()
    verified(who, {"a.receipt.json": held.receipt, "t.json": held.trust}, hashes=held.hashes, look=False)

    who.page.click("button[lang=zh-Hans]")

    who.look()
    assert who.page.get_attribute("html", "lang") == "zh-Hans"
    assert who.page.inner_text(".report .mark") == "有效"
    assert who.page.locator(".chosen li").count() == 2
    assert who.page.input_value("#verifier-hashes") == "\n".join(held.hashes)
    context.close()


def test_a_large_file_leaves_the_page_usable_and_can_be_stopped(
    held: Final, address: str, chromium: Browser, tmp_path: Path
) -> None:
    who, context = walker(chromium, address)
    who.go("/verify")
    large = tmp_path / "film.mp4"
    with large.open("wb") as file:
        file.truncate(200 << 20)
    choose(who, {"a.receipt.json": held.receipt})
    who.page.set_input_files("#verifier-files", large)
    who.page.wait_for_selector(".chosen li >> nth=1")

    who.page.click("[data-part=go]")
    who.page.click("[data-part=stop]")

    assert who.page.inner_text("[role=status]") == "Stopped. Nothing was decided."
    assert who.page.locator(".report").count() == 0
    who.look()
    context.close()
