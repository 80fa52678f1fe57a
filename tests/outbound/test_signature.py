"""The signature is the one of Standard Webhooks, and what the README shows receivers checks it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_service.outbound.signature import show_secret, signed_headers

SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
Check = Callable[..., bool]


@pytest.fixture(scope="module")
def check() -> Check:
    """The function that the README shows."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    section = re.search(r"^## Webhooks$(.*?)^## ", readme, re.M | re.S)
    assert section
    (shown,) = re.findall(r"^```python\n(.*?)^```$", section[1], re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(shown, "README.md", "exec"), names)
    found: Check = names["is_from_the_ledger"]
    return found


def test_a_published_message_has_its_published_signature() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    assert show_secret(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert signed_headers(SECRET, ID, seconds=SECONDS, body=BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_check_of_the_readme_takes_what_we_sign(check: Check) -> None:
    headers = signed_headers(SECRET, ID, seconds=SECONDS, body=BODY)
    rotated = headers | {"webhook-signature": "v1,AAAA " + headers["webhook-signature"]}

    assert check(show_secret(SECRET), headers, BODY, now=SECONDS + 299)
    assert check(show_secret(SECRET), rotated, BODY, now=SECONDS)


@pytest.mark.parametrize(
    ("changed", "body", "secret", "now"),
    [
        ({}, BODY + b" ", SECRET, SECONDS),
        ({}, BODY, bytes(32), SECONDS),
        ({"webhook-id": "msg_other"}, BODY, SECRET, SECONDS),
        ({"webhook-timestamp": str(SECONDS + 1)}, BODY, SECRET, SECONDS),
        ({"webhook-signature": "v1,AAAA"}, BODY, SECRET, SECONDS),
        ({"webhook-signature": ""}, BODY, SECRET, SECONDS),
        ({}, BODY, SECRET, SECONDS + 301),
        ({}, BODY, SECRET, SECONDS - 301),
    ],
)
def test_the_check_of_the_readme_refuses_anything_else(
    check: Check, changed: dict[str, str], body: bytes, secret: bytes, now: int
) -> None:
    headers = signed_headers(SECRET, ID, seconds=SECONDS, body=BODY)

    assert not check(show_secret(secret), headers | changed, body, now=now)
