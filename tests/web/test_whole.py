"""The whole return for whoever has to decide: the page, pictures side by side, proofs, the package; nobody else's."""

from __future__ import annotations

import re
import secrets
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.verify_case_proof import verify_case_proof
from ledger_service.core.verify_package import verify_package
from ledger_service.operations.asked import Step
from ledger_service.operations.credentials import issue_link
from ledger_service.operations.principal import LINK_SCOPES
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft
from tests.api.asking import Asking
from tests.api.test_packages import failed
from tests.core.packages import Bytes
from tests.documents.reading import text_of
from tests.operations.world import PLATFORM
from tests.web.browsing import HOST, Browser, Page
from tests.web.test_files import JPEG, OURS
from tests.web.test_follow import link_to, opened

WORDS = "<script>alert(1)</script> \u202e\u200b[31m"


def decided_by(service: Asking, return_id: str, *, accepts: str = "en") -> tuple[Browser, Page]:
    """Return an arbitrator's browser with a return open, and its page."""
    browser = Browser(service.app, accepts=accepts)
    link = link_to(service, return_id, Party(Role.ARBITRATOR, f"adr-{secrets.token_hex(4)}"))
    browser.send(browser.get("/open"), "/open", link=link)
    return browser, browser.get("/return/case")


def with_photo(service: Asking, name: str) -> tuple[str, bytes]:
    """Return a return with a photo that the buyer added, and that photo."""
    return_id, content = service.open_case(name), JPEG + secrets.token_bytes(40)
    photo = service.folder / f"{secrets.token_hex(4)}.jpg"
    photo.write_bytes(content)
    step = Step(
        "add_evidence", Party(Role.BUYER, name), PLATFORM, {"comment": WORDS}, [("product_photo", photo)], return_id
    )
    record(service.ledger, step)
    return return_id, content


@pytest.mark.parametrize(("accepts", "heading"), [("en", "The whole return"), ("zh", "完整退货记录")])
def test_an_arbitrator_reads_the_whole_return(service: Asking, accepts: str, heading: str) -> None:
    return_id, _ = with_photo(service, f"whole-{accepts}@web")

    _, page = decided_by(service, return_id, accepts=accepts)

    assert (page.status, page.headings[0]) == (200, heading)
    assert return_id in page.text
    assert WORDS not in page.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.html
    receipts = [link for link in page.links if link.startswith("/return/receipts/")]
    assert len(receipts) == len(service.ledger.read.entries_of(return_id))


def test_a_picture_is_shown_and_that_is_recorded(service: Asking) -> None:
    return_id, content = with_photo(service, "picture@web")
    index = service.ledger.read.entries_of(return_id)[-1].index
    browser, page = decided_by(service, return_id)
    assert "/return/pictures" in page.links

    columns = browser.get("/return/pictures")
    before = len(service.ledger.read.entries_of(return_id))
    answer = browser.raw("GET", f"/return/pictures/{index}/0")

    assert f'src="/return/pictures/{index}/0"' in columns.html
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, "image/jpeg")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert len(service.ledger.read.entries_of(return_id)) == before + 1, "looking stands in the ledger"


def test_a_file_that_is_no_picture_is_not_sent_as_one(service: Asking, tmp_path: Path) -> None:
    return_id = service.open_case("nopicture@web")
    page = tmp_path / "photo.jpg"
    page.write_text("<html><script>alert(1)</script>")
    buyer = Party(Role.BUYER, "nopicture@web")
    record(service.ledger, Step("add_evidence", buyer, PLATFORM, {}, [("product_photo", page)], return_id))
    index = service.ledger.read.entries_of(return_id)[-1].index
    browser, whole = decided_by(service, return_id)

    assert browser.raw("GET", f"/return/pictures/{index}/0").status_code == 404
    assert f"/return/pictures/{index}/0" not in browser.get("/return/pictures").html
    assert whole.status == 200


@pytest.mark.parametrize("place", ["x/0", "0/x", "-1/0", "999999999/0", "0/0", "0x1/0", "1/99"])
def test_there_is_no_other_picture(service: Asking, place: str) -> None:
    return_id, _ = with_photo(service, f"{secrets.token_hex(4)}@place")
    browser, _ = decided_by(service, return_id)

    assert browser.raw("GET", f"/return/pictures/{place}").status_code == 404


def test_the_package_is_taken_along_and_verifies(service: Asking) -> None:
    return_id, content = with_photo(service, "package@web")
    browser, page = decided_by(service, return_id)
    assert page.form("/return/package").fields == {}

    answer = browser.raw("POST", "/return/package", headers=OURS)

    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="return-{return_id}.zip"'
    assert failed(verify_package(Bytes(answer.content), service.ledger.trust())) == []
    assert content in [
        ZipFile(BytesIO(answer.content)).read(name) for name in ZipFile(BytesIO(answer.content)).namelist()
    ]


@pytest.mark.parametrize(("language", "words"), [("en", "Finding of facts"), ("zh-Hans", "事实认定")])
def test_the_report_in_the_package_is_in_the_language_of_the_page(service: Asking, language: str, words: str) -> None:
    return_id, _ = with_photo(service, f"{language}@report")
    browser, _ = decided_by(service, return_id)

    answer = browser.raw("POST", "/return/package", headers={**OURS, "Accept-Language": language})

    assert "".join(words.split()) in text_of(ZipFile(BytesIO(answer.content)).read("report.pdf"))


def test_proofs_are_told_check_by_check_in_the_words_of_the_verifier(service: Asking) -> None:
    return_id, _ = with_photo(service, "proofs@web")
    browser, _ = decided_by(service, return_id)
    chinese, _ = decided_by(service, return_id, accepts="zh")

    page, other = browser.get("/return/proofs"), chinese.get("/return/proofs")

    assert page.html.count("<strong>The place in the log</strong>: holds") == 2
    assert other.html.count("<strong>在日志中的位置</strong>") == 2
    assert re.findall(r"<strong[^>]*>[^<]*[A-Za-z]", other.html) == []
    assert "does not hold" not in page.text
    assert "These checks were made by the server of this ledger" in page.text


@pytest.mark.parametrize("path", ["/return/case", "/return/pictures", "/return/proofs"])
def test_nobody_reads_the_whole_of_another_return(service: Asking, path: str) -> None:
    return_id, _ = with_photo(service, f"{secrets.token_hex(4)}@whole")
    index = service.ledger.read.entries_of(return_id)[-1].index
    stranger, _, own = opened(service, f"{secrets.token_hex(4)}@stranger")

    page = stranger.get(path)

    assert Browser(service.app).get(path).status == 401
    assert return_id not in page.html
    assert own in stranger.get("/return/case").text
    assert stranger.raw("GET", f"/return/pictures/{index}/0").status_code == 404


def test_a_package_asked_for_from_elsewhere_is_not_made(service: Asking) -> None:
    return_id, _ = with_photo(service, "elsewhere@package")
    browser, _ = decided_by(service, return_id)
    before = len(service.ledger.read.entries_of(return_id))

    answer = browser.raw("POST", "/return/package", headers={"Origin": "https://elsewhere.example"})

    assert (answer.status_code, Browser(service.app).raw("POST", "/return/package", headers=OURS).status_code) == (
        403,
        401,
    )
    assert len(service.ledger.read.entries_of(return_id)) == before


def test_a_link_for_an_arbitrator_opens_one_return(service: Asking) -> None:
    return_id = service.open_case("onecase@web")
    made = issue_link(service.ledger, Party(Role.ARBITRATOR, "adr-body"), return_id, valid_seconds=60)

    assert set(made.credential.scopes) == {scope.value for scope in LINK_SCOPES}
    assert made.credential.return_id == return_id
    assert HOST not in made.token


def test_completeness_is_offered_as_soon_as_a_seal_covers_the_return(service: Asking) -> None:
    return_id, _ = with_photo(service, "complete@web")
    service.ledger.store.change("DELETE FROM case_index_roots")  # a seal may have come meanwhile
    browser, before = decided_by(service, return_id)
    refused = browser.get("/return/completeness")
    service.ledger.require_writer().append(LogDraft(make_seal(service.ledger.origin)))

    page = browser.get("/return/case")
    answer = browser.raw("GET", "/return/completeness")

    assert "/return/completeness" not in before.links
    assert (refused.status, refused.headings[0]) == (409, "No seal covers this return yet")
    assert "/return/completeness" in page.links
    report = verify_case_proof(answer.content, service.ledger.trust())
    (told,) = [check.detail for check in report.checks if check.name == "case_index"]
    assert f"the return {return_id} had exactly 2 entries" in told
