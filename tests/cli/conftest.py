"""Ledgers for the command line: founded once for each session, copied for each test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.program import APPROVAL, BUYER, REQUEST, SELLER, Program, fields

PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
PAPER = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a ledger of their own."""
    for name in [name for name in os.environ if name.upper().startswith("LEDGER_")]:
        monkeypatch.delenv(name)


@dataclass(frozen=True, slots=True)
class Story:
    """A ledger with one return: entry 1 and its seal are anchored and final, entry 3 is only recorded."""

    rledger: Program
    return_id: str
    folder: Path
    final: Path
    young: Path
    photo: Path
    trust: Path

    @property
    def pinned(self) -> tuple[str | Path, ...]:
        """The arguments with which the final receipt is valid."""
        return "--trust", self.trust, "--rpc", self.rledger.rpc()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger that tests only read."""
    return tell(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def story(template: Story, tmp_path: Path) -> Story:
    """A ledger that a test may change, and a receipt that may grow."""
    young = tmp_path / template.young.name
    young.write_bytes(template.young.read_bytes())
    return Story(
        template.rledger.copy(tmp_path / "home"),
        template.return_id,
        tmp_path,
        template.final,
        young,
        template.photo,
        template.trust,
    )


@pytest.fixture
def rledger(tmp_path: Path) -> Program:
    """The program where nothing was founded yet."""
    return Program(tmp_path / "home")


def tell(folder: Path, **settings: str) -> Story:
    """Found a ledger in this folder and record the beginning of a return."""
    rledger = Program(folder / "home").with_settings(**settings)
    photo, paper = folder / "photo.png", folder / "rma.pdf"
    photo.write_bytes(PHOTO)
    paper.write_bytes(PAPER)
    rledger.done("deploy")
    request = fields(folder, REQUEST, "request.json")
    recorded = rledger.done(
        "record", "request_return", "--as", BUYER, "--fields", request, "--evidence", f"product_photo={photo}", "--json"
    )
    return_id = recorded.json()["return_id"]
    rledger.done("worker", "--once")
    approval = fields(folder, APPROVAL, "approval.json")
    rledger.done(
        "record", "approve_return", "--as", SELLER, "--return", return_id, "--fields", approval,
        "--evidence", f"rma_document={paper}",
    )  # fmt: skip
    final, young = folder / "1.receipt.json", folder / "3.receipt.json"
    rledger.done("receipt", "1", "--out", final)
    rledger.done("receipt", "3", "--out", young)
    return Story(rledger, return_id, folder, final, young, photo, rledger.trust())
