"""The verifier's page and the one file beside it: what is served, under which policy, and what was published of it."""

from __future__ import annotations

import base64
import re
import tomllib
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

import ledger_service.core
from ledger_service.operations.verifier_file import verifier_file
from ledger_service.web.site import NODES, asset_path, assets
from ledger_service.web.talk import TAGS
from tests.api.asking import Asking
from tests.web.browsing import Browser

ROOT = Path(__file__).parents[2]
CORE = Path(ledger_service.core.__file__).parent
MODULES = CORE.parent / "web" / "static" / "verifier"
DIGEST = sha256(verifier_file()).hexdigest()
LINE = f"{DIGEST}  verifier.html"


def inside(name: str) -> list[str]:
    """Return what stands in each element of a name in the one file."""
    return re.findall(rf"<{name}>(.*?)</{name}>", verifier_file().decode(), re.DOTALL)


def test_the_one_file_is_served_to_be_kept_and_never_as_a_page_of_ours(service: Asking) -> None:
    answer = Browser(service.app).raw("GET", "/verifier.html")

    assert (answer.status_code, answer.content) == (200, verifier_file())
    assert answer.headers["content-disposition"] == 'attachment; filename="verifier.html"'
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "verifier.html" not in assets()


def test_its_digest_is_published_on_the_page_as_a_file_and_in_the_papers(service: Asking) -> None:
    browser = Browser(service.app)

    assert browser.raw("GET", "/verifier.html.sha256").text == f"{LINE}\n"
    assert DIGEST in browser.get("/verify").text
    for paper in ("README.md", "CHANGELOG.md"):
        assert (ROOT / paper).read_text().count(LINE) == 1, f"{paper}: run scripts/build_verifier"


@pytest.mark.parametrize("tag", TAGS)
def test_the_page_says_what_it_is_worth_and_what_to_do_without_a_script(service: Asking, tag: str) -> None:
    page = Browser(service.app, accepts=tag).get("/verify")
    noscript = page.html.partition("<noscript>")[2].partition("</noscript>")[0]

    assert {"en": "convenience, not independence", "zh-Hans": "并不独立"}[tag] in page.text
    assert "rledger verify FILE --trust FILE" in noscript
    assert {"/verifier.html", "/verifier.html.sha256", "/.well-known/return-ledger"} <= set(page.links)
    assert "<form" not in page.html.partition("<main")[2].partition("</main>")[0], "nothing can be sent by it"


def test_the_thread_of_the_page_has_a_policy_of_its_own_and_no_other_file_one_that_connects(service: Asking) -> None:
    for name in assets():
        policy = Browser(service.app).raw("GET", asset_path(name)).headers["content-security-policy"]

        assert policy.startswith("default-src 'none';")
        assert (f"connect-src {NODES}" in policy) == (name == "verifier.js")


def test_the_one_file_holds_one_script_and_one_style_and_its_policy_lets_no_other_run() -> None:
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', verifier_file().decode())
    (script,), (style,) = inside("script"), inside("style")
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy).split(";"))

    assert rules == {
        "default-src": "'none'",
        "script-src": f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'",
        "style-src": f"'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'",
        "worker-src": "blob:",
        "connect-src": NODES,
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_one_file_loads_nothing_and_leads_nowhere() -> None:
    text = verifier_file().decode()
    (script,), (style,) = inside("script"), inside("style")
    page = text.replace(script, "").replace(style, "")

    assert not re.findall(r"\b(?:src|href|action|srcset|poster|data)=", page)
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)


@pytest.mark.parametrize("path", [MODULES / "page.js", *sorted((MODULES / "page").glob("*.js"))], ids=lambda p: p.stem)
def test_a_module_of_the_page_is_short_is_checked_and_makes_no_markup(path: Path) -> None:
    lines = path.read_text().splitlines()

    assert lines[0] == "// @ts-check"
    assert lines[1].startswith("// ")
    assert len(lines) <= 300
    assert [line for line in lines if len(line) > 120] == []
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|localStorage|console\.", path.read_text()
    )
    assert ("fetch(" in path.read_text()) == (path.stem == "ask"), "one way out"


def test_what_the_page_is_made_of_is_part_of_what_is_installed() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = asked["tool"]["setuptools"]["package-data"]["ledger_service"]
    installed = {path for pattern in patterns for path in CORE.parent.glob(pattern) if path.is_file()}

    static = {path for path in (CORE.parent / "web" / "static").rglob("*") if path.is_file()}
    assert static <= installed
    assert {"verifier.html", "verifier.js", "page.js", "verify_files.js", "report.js"} <= {path.name for path in static}


def test_the_one_file_speaks_every_language_and_the_page_has_a_word_for_every_check() -> None:
    named = {name for path in CORE.glob("*.py") for name in re.findall(r'\bCheck\(\s*"(\w+)"', path.read_text())}
    named.add("contradiction")
    assert len(named) > 25
    for tag in TAGS:
        (form,) = re.findall(
            rf'<template data-verifier lang="{tag}".*?</template>', verifier_file().decode(), re.DOTALL
        )
        said = set(re.findall(r'data-word="check-(\w+)"', form))

        assert named == said
