"""The modules of the second verifier by themselves: their own tests, their types, and what they may not reach for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.installed import not_installed
from tests.verifier.second import FOLDER, MODULES, NOBLE, NODE, ROOT

pytestmark = pytest.mark.node

CORE = ROOT / "ledger_service" / "core"
# Where a module of core/ has no namesake of its own here, or Python has what JavaScript has not.
OWN = {"ask_nodes", "bytes", "ed25519", "errors", "hashes", "quoted", "verify_anchors", "verify_files"}
LINE_MAX, LINES_MAX = 120, 400
IMPORTED = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)"', re.MULTILINE)
COMMENT = re.compile(r"/\*\*.*?\*/|^\s*//.*?$", re.MULTILINE | re.DOTALL)
# The only way out is `ask`; nothing is shown, kept, timed or drawn by lot.
FORBIDDEN = re.compile(
    r"innerHTML|document\b\.|window\.|fetch\(|XMLHttpRequest|localStorage|import\(|eval\(|new Function|Date\.now|"
    r"Math\.random|JSON\.parse|console\."
)


def modules() -> list[Path]:
    """Return the door and every module that it leads to: what stands beside them is the page's."""
    found, waiting = set(), [MODULES / "verify_files.js"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            named = IMPORTED.findall(path.read_text())
            waiting += [MODULES / name.removeprefix("./") for name in named if name.startswith("./")]
    return sorted(found)


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of hardhat_local in Node."""
    if not NOBLE.is_dir():
        not_installed("hardhat_local/node_modules is not there: scripts/install_node puts it in place")
    return subprocess.run([str(NODE), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_vectors_and_worked_bytes_hold_in_node() -> None:
    tests = sorted(FOLDER.glob("*.test.js"))

    ran = tool("--import", (FOLDER / "noble.js").as_uri(), "--test", "--test-reporter=tap", *tests)

    assert ran.returncode == 0, ran.stdout[-4000:]
    assert int(re.search(r"^# pass ([0-9]+)$", ran.stdout, re.MULTILINE)[1]) > 60  # type: ignore[index]


def test_the_types_hold_strictly() -> None:
    checked = tool("hardhat_local/node_modules/typescript/bin/tsc", "-p", FOLDER / "tsconfig.json")

    assert (checked.returncode, checked.stdout) == (0, "")


def test_each_module_is_called_as_that_of_the_core_which_it_reads_again() -> None:
    names = {path.stem for path in modules()}

    assert names >= OWN
    assert {name for name in names - OWN if not (CORE / f"{name}.py").is_file()} == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_a_module_is_checked_says_what_it_is_and_reaches_for_nothing(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()

    assert lines[0] == "// @ts-check"
    assert lines[1].startswith("/**")
    assert len(lines) <= LINES_MAX
    assert [line for line in lines if len(line) > LINE_MAX] == []
    assert FORBIDDEN.findall(COMMENT.sub("", text)) == []
    allowed = ("./", "@noble/hashes/", "@noble/curves/")
    assert [name for name in IMPORTED.findall(text) if not name.startswith(allowed)] == []
