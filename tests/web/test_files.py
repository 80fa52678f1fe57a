"""Files that a party sends from a page: by a form without a script, in parts by a script, then named by a step."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256

import httpx
import pytest

from tests.api.asking import Asking
from tests.web.browsing import HOST, Browser, Page
from tests.web.test_follow import opened

STEP = "/return/steps/add_evidence"
OURS = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def photo() -> bytes:
    """Return a photo that nobody sent before."""
    return JPEG + secrets.token_bytes(40) + b"\xff\xd9"


def send(browser: Browser, page: Page, content: bytes, **headers: str) -> httpx.Response:
    """Send a file by the form of a step's page, as a browser without a script does."""
    (path,) = [form.action for form in page.forms if form.action.startswith("/return/files/")]
    return browser.raw("POST", path, files={"file": ("photo.jpg", content, "image/jpeg")}, headers=OURS | headers)


def test_a_photo_is_sent_by_a_form_and_stands_in_the_step(service: Asking) -> None:
    browser, _, return_id = opened(service, "photo@web")
    content = photo()
    name = f"file-{sha256(content).hexdigest()}"

    answer = send(browser, browser.get(STEP), content)
    form = browser.get(STEP)
    done = browser.send(form, STEP, **{name: "product_photo"})

    assert (answer.status_code, answer.headers["location"]) == (303, f"{STEP}#files")
    assert form.form(STEP).fields[name] == "product_photo"
    assert done.headings[0] == "Your step is recorded"
    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [(one["kind"], one["size"], one["media_type"]) for one in entry["evidence"]] == [
        ("product_photo", len(content), "image/jpeg")
    ]
    assert name not in browser.get(STEP).form(STEP).fields, "what a step holds waits no more"


def test_words_and_files_go_together_and_a_file_may_be_left_out(service: Asking) -> None:
    browser, _, return_id = opened(service, "both@web")
    used, left = photo(), photo()
    for content in (used, left):
        send(browser, browser.get(STEP), content)

    choice = {f"file-{sha256(used).hexdigest()}": "product_video", f"file-{sha256(left).hexdigest()}": ""}
    browser.send(browser.get(STEP), STEP, statement="The seam is open.", **choice)

    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [one["kind"] for one in entry["evidence"]] == ["product_video", "message_log"]
    assert f"file-{sha256(left).hexdigest()}" in browser.get(STEP).form(STEP).fields


def test_a_step_that_needs_a_file_or_words_says_so(service: Asking) -> None:
    browser, _, return_id = opened(service, "nothing@web")

    page = browser.send(browser.get(STEP), STEP)

    assert page.status == 422
    assert "Write something, or choose a file above." in page.text
    assert service.ledger.read.case(return_id).case.count == 1


def test_a_form_that_is_sent_twice_keeps_one_file(service: Asking) -> None:
    browser, _, _ = opened(service, "doubled@web")
    page, content = browser.get(STEP), photo()

    answers = [send(browser, page, content).status_code for _ in range(2)]
    other = send(browser, page, photo())

    assert answers == [303, 303]
    assert other.status_code == 422, "another file under the key of the first"
    fields = browser.get(STEP).form(STEP).fields
    assert [name for name in fields if name.startswith("file-")] == [f"file-{sha256(content).hexdigest()}"]


def test_nobody_names_a_file_of_somebody_else(service: Asking) -> None:
    mine, _, return_id = opened(service, "mine@files")
    theirs, _, _ = opened(service, "theirs@files")
    content = photo()
    send(theirs, theirs.get(STEP), content)
    form = mine.get(STEP)

    page = mine.post(STEP, {**form.form(STEP).fields, f"file-{sha256(content).hexdigest()}": "product_photo"})

    assert f"file-{sha256(content).hexdigest()}" not in form.form(STEP).fields
    assert (page.status, page.headings[0]) == (409, "A file is not here any more")
    assert service.ledger.read.case(return_id).case.count == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("file-" + "0" * 64, "ruling"), ("file-" + "0" * 64, "x"), ("file-../../x", "product_photo")]
)
def test_what_no_page_offers_is_refused(service: Asking, name: str, kind: str) -> None:
    browser, _, return_id = opened(service, f"{secrets.token_hex(4)}@files")
    form = browser.get(STEP).form(STEP)

    page = browser.post(STEP, {**form.fields, name: kind, "statement": "words"})

    assert page.status == 422
    assert service.ledger.read.case(return_id).case.count == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://elsewhere.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_a_file_from_elsewhere_is_not_taken(service: Asking, headers: dict[str, str], status: int) -> None:
    browser, _, _ = opened(service, f"{secrets.token_hex(4)}@elsewhere")
    content = photo()

    form = send(browser, browser.get(STEP), content, **headers)
    digest = sha256(content).hexdigest()
    part = browser.raw("PUT", f"/return/parts/{digest}", content=content, headers=OURS | headers)

    assert (form.status_code, part.status_code) == (status, status)
    assert f"file-{digest}" not in browser.get(STEP).form(STEP).fields


def test_without_a_session_nothing_is_taken(service: Asking) -> None:
    browser, key = Browser(service.app), secrets.token_hex(16)

    form = browser.raw("POST", f"/return/files/{key}/add_evidence", files={"file": b"x"}, headers=OURS)
    part = browser.raw("PUT", "/return/parts/" + "0" * 64, content=b"x", headers=OURS)

    assert (form.status_code, part.status_code) == (401, 401)


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"files": {"other": b"x"}}, 400), ({"content": b"x"}, 415), ({"files": {"file": b""}}, 422)],
)
def test_what_is_no_file_is_told_on_a_page(service: Asking, sent: dict[str, object], status: int) -> None:
    browser, _, _ = opened(service, f"{secrets.token_hex(4)}@nofile")

    answer = browser.raw("POST", f"/return/files/{secrets.token_hex(16)}/add_evidence", headers=OURS, **sent)

    assert answer.status_code == status
    assert "The file did not arrive" in answer.text


def test_a_script_sends_a_file_in_parts_and_goes_on_after_a_break(service: Asking) -> None:
    browser, _, _ = opened(service, "parts@web")
    content = photo() * 100
    digest, half = sha256(content).hexdigest(), len(content) // 2
    path = f"/return/parts/{digest}"

    def put(start: int, end: int) -> httpx.Response:
        span = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}", "Content-Type": "application/octet-stream"}
        return browser.raw("PUT", path, content=content[start:end], headers=OURS | span)

    before = browser.raw("GET", path, headers={"Sec-Fetch-Site": "same-origin"})
    first = put(0, half)
    asked = browser.raw("GET", path, headers={"Sec-Fetch-Site": "same-origin"}).json()
    last = put(asked["offset"], len(content))
    after = browser.raw("GET", path, headers={"Sec-Fetch-Site": "same-origin"}).json()

    assert before.status_code == 404
    assert (first.status_code, first.json()["offset"], asked["complete"]) == (200, half, False)
    assert last.status_code == 201
    assert (after["complete"], after["size"]) == (True, len(content))
    assert f"file-{digest}" in browser.get(STEP).form(STEP).fields
