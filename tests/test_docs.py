"""Promises of the papers: whatever a person can type or set stands in them, and what they show to type works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from ledger_service.cli import output
from ledger_service.cli.main import app
from ledger_service.core.alarms import LINES
from ledger_service.settings import PREFIX, Settings
from tests.cli.program import REQUEST, Program

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAPERS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
TESTED = "<!-- test -->"  # the line above a block that a test runs as it stands
BLOCK = re.compile(
    r"(?P<mark>^<!-- test -->[ ]*\n\n?)?^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```[ ]*$", re.M | re.S
)
BLOCK_SECONDS_MAX = 240


def commands() -> dict[str, object]:
    """Return every command of the program by what a person types."""
    found: dict[str, object] = {}

    def walk(prefix: str, group: TyperGroup) -> None:
        for name, command in group.commands.items():
            found[f"{prefix} {name}"] = command
            if isinstance(command, TyperGroup):
                walk(f"{prefix} {name}", command)

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    walk("rledger", root)
    return found


COMMANDS = sorted(commands())


def blocks(text: str) -> list[tuple[bool, str]]:
    """Return each shell block of a paper: whether it is marked for testing, and its lines."""
    return [
        (match["mark"] is not None, match["body"])
        for match in BLOCK.finditer(text)
        if match["language"] in ("sh", "console", "bash", "shell")
    ]


def typed(body: str) -> list[str]:
    """Return what a person types of a block: without prompts, comments and the answers to prompts."""
    lines = re.sub(r"\s*\\\n\s*", " ", body).splitlines()
    if any(line.lstrip().startswith("$ ") for line in lines):
        lines = [line.lstrip()[2:] for line in lines if line.lstrip().startswith("$ ")]
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def rledger_calls(text: str) -> list[list[str]]:
    """Return the words after `rledger` of every call that a text shows, in blocks and in code spans."""
    shown = [line for _, body in blocks(text) for line in typed(body)]
    shown += [line.strip() for line in re.findall(r"^ {4}(\S*rledger [^\n]*)$", text, re.M)]
    shown += re.findall(r"(?<!`)`([^`\n]*\brledger [^`\n]+)`(?!`)", text)
    calls = []
    for line in shown:
        for part in re.split(r"[|;&]+", line):
            words = part.split("#")[0].split()
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words and Path(words[0]).name == "rledger":
                calls.append(words[1:])
    return calls


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples_of_itself(name: str, tmp_path: Path) -> None:
    shown = Program(tmp_path).done(*name.split()[1:], "--help").out

    about = shown.splitlines()[2].strip()
    assert about
    assert about[0].isupper()
    assert len(re.findall(rf"^  .*{name}\b", shown, re.M)) >= 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name: str) -> None:
    for parameter in getattr(commands()[name], "params", []):
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_readme(name: str) -> None:
    """A command of a group may stand beside the group: `rledger database upgrade`, `accept-mark`."""
    readme = README.read_text()
    group, _, last = name.rpartition(" ")

    named = name in readme or (group != "rledger" and group in readme and f"`{last}`" in readme)

    assert named, f"README.md does not name `{name}`"


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_described_and_doctor_prints_it(setting: str, tmp_path: Path) -> None:
    description = Settings.model_fields[setting].description

    shown = Program(tmp_path)("doctor", "--json").json()

    assert description
    assert len(description) > 15
    (line,) = (check for check in shown if check["name"] == f"{PREFIX}{setting.upper()}")
    assert description in line["detail"]


def test_the_papers_name_every_setting_and_none_that_is_none() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}

    named = {name for paper in PAPERS for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", (ROOT / paper).read_text())}

    assert named == known


def test_the_readme_gives_every_alarm_with_its_meaning_and_way_out() -> None:
    readme = (ROOT / "README.md").read_text()

    for alarm, line in LINES.items():
        assert f"| `{alarm.value}` | {line.meaning} | {line.way_out} |" in readme


def test_every_exit_code_is_documented_where_people_look(tmp_path: Path) -> None:
    shown = " ".join(Program(tmp_path).done("--help").out.split())
    readme = README.read_text()

    for code, meaning in output.MEANINGS.items():
        assert f"{code} {meaning}" in shown
        row = re.search(rf"(?<![\d.]){code}\b(?![\d.])[^\n]*\b{meaning.split()[0]}", readme)
        assert row or code == output.EXIT_INTERRUPTED, f"README.md does not document exit code {code} ({meaning})"


@pytest.mark.parametrize("paper", PAPERS)
def test_a_command_that_a_paper_shows_exists_with_these_options(paper: str) -> None:
    known = commands()
    for words in rledger_calls((ROOT / paper).read_text()):
        name = "rledger"
        while words and f"{name} {words[0]}" in known:
            name, words = f"{name} {words[0]}", words[1:]
        if name == "rledger":
            assert not words or words[0].startswith("-"), f"{paper}: there is no `rledger {words[0]}`"
            continue
        options = {option for parameter in getattr(known[name], "params", []) for option in parameter.opts}
        for word in words:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in options | {"-h", "--help"}, f"{paper}: `{name}` has no {word}"


@pytest.mark.parametrize("paper", PAPERS)
def test_a_script_and_a_file_that_a_paper_names_exist(paper: str) -> None:
    text = (ROOT / paper).read_text()

    for name in set(re.findall(r"\bscripts/([a-z_]+)", text)):
        assert (ROOT / "scripts" / name).is_file(), f"{paper} names scripts/{name}"
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text):
        assert (ROOT / target).exists(), f"{paper} links to {target}"


def run_marked(text: str, folder: Path) -> int:
    """Run every marked block of a paper in one scratch folder, in order, and return how many there were.

    The program is on the path, a ledger's home and the two files that examples name are in the folder; scripts that
    only begin with an installation stand for the program itself.
    """
    home = folder / "home"
    (folder / "request.json").write_text(json.dumps(REQUEST))
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {
        f"{PREFIX}HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    marked = [body for is_marked, body in blocks(text) if is_marked]
    for body in marked:
        lines = "\n".join(typed(body)).replace(".venv/bin/rledger", "rledger")
        lines = re.sub(r"^scripts/install\b.*$", "true", lines, flags=re.M)
        lines = re.sub(r"^scripts/(demo|serve)\b", r"rledger \1", lines, flags=re.M)
        ended = subprocess.run(
            ["bash", "-euc", lines],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=BLOCK_SECONDS_MAX,
        )
        assert ended.returncode == 0, f"{lines}\n{ended.stdout}{ended.stderr}"
    return len(marked)


def test_a_marked_block_of_the_readme_works_as_it_stands(tmp_path: Path) -> None:
    """Every block under `<!-- test -->` runs in one scratch folder, in order."""
    if run_marked(README.read_text(), tmp_path) == 0:
        pytest.skip(f"README.md has no shell block marked with {TESTED}")


# --- the readers of this file ----------------------------------------------------------------------------------------

PAPER = """
Run `rledger verify FILE --nosuch`, or:

<!-- test -->
```sh
$ FOO=1 rledger show  # a comment
ledger x
$ .venv/bin/rledger record close \\
    --as platform:x
```

```sh
rledger teleport
# rledger commented
```

```json
{"rledger": "verify"}
```
"""


def test_the_reader_of_papers_finds_blocks_marks_and_calls() -> None:
    assert [mark for mark, _ in blocks(PAPER)] == [True, False]
    assert typed(blocks(PAPER)[0][1]) == [
        "FOO=1 rledger show  # a comment",
        ".venv/bin/rledger record close --as platform:x",
    ]
    assert rledger_calls(PAPER) == [
        ["show"],
        ["record", "close", "--as", "platform:x"],
        ["teleport"],
        ["verify", "FILE", "--nosuch"],
    ]


def test_what_a_help_page_shows_can_be_read_by_a_shell(tmp_path: Path) -> None:
    """An example that a shell splits otherwise than meant is no example."""
    for name in COMMANDS:
        shown = Program(tmp_path).done(*name.split()[1:], "--help").out
        for line in re.findall(rf"^  (.*{name}\b.*)$", shown, re.M):
            words = shlex.split(line)
            options = [word for word in words if word.startswith("--")]
            spoken = max((one for one in COMMANDS if re.search(rf"{one}\b", line)), key=len)  # of a group: which of it
            known = {option for parameter in getattr(commands()[spoken], "params", []) for option in parameter.opts}
            assert set(options) <= known, line


def test_a_marked_block_that_fails_fails_here_and_an_unmarked_one_is_not_run(tmp_path: Path) -> None:
    good = f"{TESTED}\n```sh\ntest -f request.json\nrledger --version > version.txt\n```\n\n```sh\nfalse\n```\n"

    assert run_marked(good, tmp_path) == 1
    assert (tmp_path / "version.txt").read_text().startswith("rledger ")
    with pytest.raises(AssertionError, match="no such command"):
        run_marked(f"{TESTED}\n```sh\n$ rledger teleport\n```\n", tmp_path)
