"""A real browser for tests: Chromium of the npm package @sparticuz/chromium, driven by playwright.

The package holds the program compressed; it is unpacked once, into `.cache/chromium/`, under a name of its version.
It finds the fonts of this machine, and for Chinese the one that documents are printed with. Promises: where the package
is missing, or this machine lacks a library that the program needs, the reason is given as text, so that a test skips
and says so. Does not: reach any host but this one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from playwright.sync_api import Browser, Error, sync_playwright

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hardhat_local" / "node_modules" / "@sparticuz" / "chromium"
AXE = ROOT / "hardhat_local" / "node_modules" / "axe-core" / "axe.min.js"
UNPACK_SECONDS = 120
ARGUMENTS = ("--no-sandbox", "--no-zygote", "--font-render-hinting=none", "--disable-gpu", "--disable-dev-shm-usage")
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""
_UNPACK = """
const { default: chromium } = await import(process.argv[1]);
chromium.setGraphicsMode = false;
await chromium.executablePath();
"""


class NoBrowserError(Exception):
    """This machine cannot run the browser; the text says why."""


def program() -> Path:
    """Return the unpacked program.

    Raises:
        NoBrowserError: The package is not installed.
    """
    if not PACKAGE.is_dir() or not AXE.is_file():
        raise NoBrowserError("@sparticuz/chromium and axe-core are not installed: run scripts/install --test")
    version = str(json.loads((PACKAGE / "package.json").read_text())["version"])
    folder = ROOT / ".cache" / "chromium" / version
    if not (folder / "chromium").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=folder.parent))
        node = [str(ROOT / ".venv" / "bin" / "node"), "--input-type=module", "-e", _UNPACK]
        script = (PACKAGE / "build" / "index.js").as_uri()
        subprocess.run([*node, script], check=True, env={"TMPDIR": str(place)}, timeout=UNPACK_SECONDS)
        try:
            place.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(place)
    return folder / "chromium"


def fonts() -> Path:
    """Return the file that tells the program where fonts are (FONTCONFIG_FILE)."""
    found = find_spec("noto_cjk_sans_otc")
    assert found is not None  # the service prints with it
    assert found.origin is not None
    path, cache = ROOT / ".cache" / "fonts.conf", ROOT / ".cache" / "fontconfig"
    content = _FONTS.format(fonts=escape(str(Path(found.origin).parent)), cache=escape(str(cache)))
    if not path.is_file() or path.read_text() != content:
        beside = path.with_name(f"fonts.{os.getpid()}.conf")
        beside.write_text(content)
        beside.replace(path)  # whole, whoever else starts now
    return path


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser and stop it in the end.

    Raises:
        NoBrowserError: It is not installed, or does not start here.
    """
    path = program()
    with sync_playwright() as playwright:
        try:
            environment: dict[str, str | float | bool] = {**os.environ, "FONTCONFIG_FILE": str(fonts())}
            started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS), env=environment)
        except Error as error:
            raise NoBrowserError(f"Chromium does not start on this machine: {error.message[:600]}") from None
        try:
            yield started
        finally:
            started.close()
