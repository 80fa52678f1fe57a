"""A person without a mouse: the tabulator, the return key, arrows and letters. Does not: know a page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

FOCUS_MILLISECONDS_MAX = 5_000


def reach(page: Page, selector: str, *, before: int = 60) -> None:
    """Press the tabulator until an element has the focus, and see that it shows."""
    for _ in range(before + 1):
        if page.evaluate("(wanted) => document.activeElement?.matches(wanted)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "no focus is seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached")


def press(page: Page, selector: str, *, before: int = 60) -> None:
    """Reach a link or a button, press it, and wait for the page that it leads to."""
    reach(page, selector, before=before)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, selector: str, text: str) -> None:
    """Reach a field and write over what stands in it."""
    reach(page, selector)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def holds_focus(page: Page, selector: str) -> None:
    """See that an element has the focus: a browser gives it once it has drawn the page."""
    page.wait_for_selector(f"{selector}:focus", timeout=FOCUS_MILLISECONDS_MAX)


def choose(page: Page, selector: str, value: str) -> None:
    """Reach a choice, and go down its answers to one of them."""
    reach(page, selector)
    for _ in range(40):
        if page.evaluate("document.activeElement.value") == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{selector} has no answer {value}")


def attach(page: Page, file: Path, kind: str) -> None:
    """Reach the field of files, choose one, wait until it has arrived, and say what it shows."""
    reach(page, "#file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(file)
    page.wait_for_selector(".uploads .arrived")
    choose(page, "[data-chosen] .file:last-child select", kind)
