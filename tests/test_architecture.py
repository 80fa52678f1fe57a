"""The shape of the code is a promise too: layers, a pure core, an independent verifier, small and honest modules."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ledger_service"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES_MAX = 400
MAY_IMPORT = {
    "verifier-is-independent": {"chain", "cli", "core", "errors"},
    "client-stands-alone": {"client", "core", "errors"},
    "watchers-are-independent": {"chain", "client", "core", "errors", "watch"},
}
# Claims that no ledger can keep. Written in parts, so that this file does not contain them.
CLAIMS = re.compile("|".join(["tamper[- ]?" + "proof", "trust" + "less", "un" + "hackable"]), re.IGNORECASE)
TEXT = {".py", ".md", ".sol", ".js", ".ts", ".toml", ".json", ".html", ".txt", ""}


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the package in `folder`, with the rules that lie beside it."""
    program = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of package and rules in which a test may plant a violation."""
    shutil.copytree(PACKAGE, tmp_path / "ledger_service", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(folder: Path, module: str, statement: str) -> None:
    """Append an import to a module of the copy."""
    path = folder / "ledger_service" / module
    path.write_text(f"{path.read_text()}\n{statement}\n")


def test_every_import_rule_holds() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "5 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("contract", "module", "statement"),
    [
        ("layers", "core/merkle.py", "import ledger_service.store"),
        ("layers", "store/__init__.py", "import ledger_service.operations"),
        ("layers", "chain/__init__.py", "import ledger_service.store"),
        ("core-is-pure", "core/merkle.py", "import time"),
        ("core-is-pure", "core/merkle.py", "from os import urandom"),
        ("core-is-pure", "errors.py", "import logging"),
        ("verifier-is-independent", "cli/verify.py", "import ledger_service.store"),
        ("verifier-is-independent", "cli/verify.py", "import ledger_service.operations"),
        ("verifier-is-independent", "cli/verify.py", "import ledger_service.client"),
        ("layers", "operations/record.py", "import ledger_service.client"),
        ("client-stands-alone", "client/checks.py", "import ledger_service.api.wire"),
        ("client-stands-alone", "client/ledger.py", "import ledger_service.settings"),
        ("watchers-are-independent", "watch/monitor.py", "import ledger_service.store"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, contract: str, module: str, statement: str) -> None:
    plant(copy, module, statement)

    result = lint(copy, "--contract", contract)

    assert result.returncode == 1
    assert "0 kept, 1 broken" in result.stdout


def test_a_new_top_level_module_needs_a_layer(copy: Path) -> None:
    (copy / "ledger_service" / "newcomer.py").write_text('"""A module without a place."""\n')

    result = lint(copy, "--contract", "layers")

    assert result.returncode == 1
    assert "newcomer" in result.stdout


@pytest.mark.parametrize("rule_id", MAY_IMPORT)
def test_a_rule_of_independence_forgets_no_package(rule_id: str) -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(rule for rule in rules if rule["id"] == rule_id)["forbidden_modules"]
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    due = {name for name in present - MAY_IMPORT[rule_id] if not name.startswith("__")}

    assert due == {name.removeprefix("ledger_service.") for name in forbidden}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_stays_readable(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= MODULE_LINES_MAX, f"over {MODULE_LINES_MAX} lines: split it by concept"
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "the first line says what the module is"


def third_party_imports() -> dict[str, str]:
    """Return each top-level package from outside that our code imports, with one module that does."""
    found: dict[str, str] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    ours = sys.stdlib_module_names | {PACKAGE.name}
    return {name: where for name, where in found.items() if name not in ours}


def test_every_package_that_is_imported_is_asked_for_by_name() -> None:
    """What comes only because another package needs it today may be gone tomorrow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    declared = {normal_name(re.split(r"[\[<>=!~ ;]", entry, maxsplit=1)[0]) for entry in asked}
    offered_by = importlib.metadata.packages_distributions()

    strangers = {
        name: where
        for name, where in third_party_imports().items()
        if declared.isdisjoint(normal_name(offer) for offer in offered_by.get(name, []))
    }

    assert strangers == {}


def normal_name(distribution: str) -> str:
    """Return a distribution's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_no_text_claims_what_no_ledger_can_keep() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so the project's own files cannot be told from others")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]

    claims = {
        str(path.relative_to(ROOT)): found.group()
        for path in paths
        if path.is_file() and path.suffix in TEXT and path.name != "package-lock.json"
        if (found := CLAIMS.search(path.read_text(errors="replace")))
    }

    assert claims == {}


def test_the_word_check_finds_a_claim() -> None:
    assert CLAIMS.search("this log is Tamper-" + "Proof")
    assert not CLAIMS.search("a tamper-evident log")
