"""Mutations of how a receipt is spelled: the same value, or nearly, in JSON that is written otherwise."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.campaigns.receipts.document import write
from tests.campaigns.receipts.draw import Draw, Path, get, kind, paths, put, some
from tests.campaigns.receipts.kinds_bytes import splice

_MARK = "\ue000mark\ue000"  # stands for what is spelled by hand; no receipt holds it
_HUGE = (70_000, 400_000, 1_000_000, 1_200_000)  # characters; a receipt has 2^20 bytes at most


def spelled(value: Any, path: Path, text: str) -> bytes:
    """Return the document with what stands at `path` written as `text`."""
    put(value, path, _MARK)
    return write(value).replace(f'"{_MARK}"'.encode(), text.encode(errors="surrogatepass"), 1)


def is_number(value: Any) -> bool:
    """Return whether a JSON number stands here."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Return whether a text that is not empty stands here."""
    return isinstance(value, str) and value != ""


@kind
def needless_escape(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = some(draw, value, is_text)
    assert path is not None
    text = get(value, path)
    at = draw.rng.randrange(len(text))
    code = f"{ord(text[at]):04x}"
    short = {"/": "\\/", "\n": "\\u000a", '"': "\\u0022", "\\": "\\u005c"}.get(text[at], f"\\u{code}")
    chosen = draw.rng.choice([short, f"\\u{code}", f"\\u{code.upper()}"])
    before, after = (json.dumps(part, ensure_ascii=False)[1:-1] for part in (text[:at], text[at + 1 :]))
    return spelled(value, path, f'"{before}{chosen}{after}"')


@kind
def escaped_name(draw: Draw) -> bytes:
    found = list(re.finditer(rb'"([a-z_]+)": ', draw.base.data[: draw.base.data.index(b'"unprotected"')]))
    match = draw.rng.choice(found)
    at = draw.rng.randrange(match.start(1), match.end(1))
    return splice(draw.base.data, at, at + 1, b"\\u%04x" % draw.base.data[at])


@kind
def lone_surrogate(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = some(draw, value, lambda one: isinstance(one, str))
    assert path is not None
    text = json.dumps(get(value, path), ensure_ascii=False)[1:-1]
    surrogate = draw.rng.choice(["\\ud800", "\\uDFFF", "\\udc00\\ud800", "\\uD83D"])
    return spelled(value, path, f'"{text}{surrogate}"' if draw.rng.random() < 0.5 else f'"{surrogate}{text}"')


@kind
def names_reordered(draw: Draw) -> bytes | None:
    value = draw.base.value()
    found = [path for path in ((), *paths(value)) if isinstance(get(value, path), dict) and len(get(value, path)) > 1]
    path = draw.rng.choice(found)
    members = list(get(value, path).items())
    draw.rng.shuffle(members)
    if path:
        put(value, path, dict(members))
    else:
        value = dict(members)
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _doubled(draw: Draw, *, first: str, second: str) -> bytes | None:
    """Write one member twice; each of the two is `good` or `bad`."""
    value = draw.base.value()
    objects = [path for path in ((), *paths(value)) if isinstance(get(value, path), dict) and get(value, path)]
    path = draw.rng.choice(objects)
    name = draw.rng.choice([name for name in get(value, path) if name != "unprotected"])
    good = json.dumps(get(value, path)[name], ensure_ascii=False, sort_keys=True)
    bad = draw.rng.choice(["null", "0", '""', "[]", "{}", "true", str(draw.rng.randrange(100)), f'"{"00" * 32}"'])
    texts = {"good": good, "bad": bad}
    quoted = json.dumps(name)
    return spelled(value, (*path, name), f"{texts[first]}, {quoted}: {texts[second]}")


@kind
def member_doubled(draw: Draw) -> bytes | None:
    return _doubled(draw, first="good", second="good")


@kind
def member_doubled_second_good(draw: Draw) -> bytes | None:
    return _doubled(draw, first="bad", second="good")


@kind
def member_doubled_first_good(draw: Draw) -> bytes | None:
    return _doubled(draw, first="good", second="bad")


@kind
def number_spelled_otherwise(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = some(draw, value, is_number)
    assert path is not None
    n = get(value, path)
    ways = [
        f"{n}.0",
        f"{n}e0",
        f"{n}E0",
        f"0{n}",
        f"+{n}",
        f"{n}.",
        f"{n}e+0",
        f'"{n}"',
        f"{n}0e-1",
        f" {n} .0",
        f"{n}n",
    ]
    ways += [f"-{n}", hex(n), f"{n}_0"] + (["-0", "0e5", "false", ".0"] if n == 0 else ["true"] if n == 1 else [])
    return spelled(value, path, draw.rng.choice(ways))


@kind
def truth_value_for_a_number(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = some(draw, value, lambda one: is_number(one) and one in (0, 1))
    return None if path is None else spelled(value, path, "true" if get(value, path) else "false")


@kind
def constant_for_a_value(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = draw.rng.choice(list(paths(value)))
    names = ["NaN", "Infinity", "-Infinity", "True", "None", "undefined", "nul", "1e400", "9" * 400, "9" * 5000, "''"]
    return spelled(value, path, draw.rng.choice(names))


@kind
def white_space_in_a_text(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = some(draw, value, is_text)
    assert path is not None
    text = get(value, path)
    at = draw.rng.choice([0, len(text), draw.rng.randrange(len(text))])
    put(value, path, text[:at] + draw.rng.choice([" ", "\n", "\t", "\r", "  ", "\u00a0", "\u2009"]) + text[at:])
    return write(value)


@kind
def odd_white_space_between_tokens(draw: Draw) -> bytes:
    at = draw.rng.choice([match.start() for match in re.finditer(rb'\n *"', draw.base.data)])
    odd = ["\x0b", "\x0c", "\u00a0", "\u2028", "\u2029", "\u3000", "\x85", "\ufeff", "\x1c"]
    return splice(draw.base.data, at, at, draw.rng.choice(odd).encode())


@kind
def comment_added(draw: Draw) -> bytes:
    at = draw.rng.choice([match.start() for match in re.finditer(rb'\n *"', draw.base.data)])
    return splice(
        draw.base.data, at, at, draw.rng.choice([b" /* checked */", b" // checked", b" # checked", b" <!-- -->"])
    )


@kind
def comma_added(draw: Draw) -> bytes:
    at = draw.rng.choice([match.start() for match in re.finditer(rb"\n *[\]}]", draw.base.data)])
    return splice(draw.base.data, at, at, draw.rng.choice([b",", b",,", b";"]))


@kind
def other_quotes(draw: Draw) -> bytes:
    match = draw.rng.choice(list(re.finditer(rb'"[a-z_0-9]+"', draw.base.data)))
    inner = match.group()[1:-1]
    other = [b"'" + inner + b"'", inner, b"`" + inner + b"`", "“".encode() + inner + "”".encode()]
    return splice(draw.base.data, match.start(), match.end(), draw.rng.choice(other))


@kind
def deep_nesting(draw: Draw) -> bytes | None:
    depth = draw.rng.choice([28, 33, 100, 1_000, 100_000])
    text = draw.rng.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth, "[{" * depth])
    if draw.rng.random() < 0.2:
        return text.encode()
    value = draw.base.value()
    return spelled(value, draw.rng.choice(list(paths(value))), text)


@kind
def huge_value(draw: Draw) -> bytes | None:
    value = draw.base.value()
    path = draw.rng.choice(list(paths(value)))
    size = draw.rng.choice(_HUGE)
    ways = [f'"{"a" * size}"', "9" * size, "[" + "0," * (size // 2) + "0]", '"' + "\\u0061" * (size // 6) + '"']
    ways += ['"' + "\\\\" * (size // 2) + '"', "[" + "{}," * (size // 3) + "{}]", '"' + "\\n" * (size // 2)]
    ways += ["[" + "[[]]," * (size // 5) + "0]"]
    ways += ["{" + ",".join(f'"{n:06}":0' for n in range(size // 11)) + "}"]
    return spelled(value, path, draw.rng.choice(ways))
