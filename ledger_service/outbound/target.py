"""A URL that a stranger gave us, taken apart once: the parts that were checked are the parts that are used.

Promises: what two readers of URLs could read differently is refused: white space, backslashes, user names, fragments,
unusual spellings of IP addresses, names that a search list would complete. No message repeats the URL: its path may
hold a secret. Does not: look names up (`post.py`).

>>> parse_target("https://hooks.example.com/returns?shop=7").port
443
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ledger_service.errors import AddressRefusedError
from ledger_service.outbound.addresses import Reach, reach_of

URL_CHARACTERS_MAX = 2048
NAME_CHARACTERS_MAX = 253  # RFC 1035 §2.3.4, in text
PORT_HTTP, PORT_HTTPS = 80, 443
PORT_MAX = 65_535
FREE_PORT_MIN = 1024  # below lie mail, remote shells, directories: nobody takes webhooks there
LOCALHOST = "localhost"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")  # WHATWG URL §3.5: a host that ends like this is an IPv4 address


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: `host` is a lower-case name or an IP address without brackets, `path` includes the query.

    `literal`: the host is an address. `plain`: http, which goes to this machine and nowhere else.
    """

    host: str
    port: int
    path: str
    literal: bool
    plain: bool

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (PORT_HTTP if self.plain else PORT_HTTPS) else f"{shown}:{self.port}"


def parse_target(url: str, *, allow_loopback: bool = False) -> Target:
    """Return the parts of an https URL.

    Args:
        url: As the stranger gave it.
        allow_loopback: For development: this machine may be named, over http too.

    Raises:
        AddressRefusedError: Nothing is sent there.
    """
    if len(url) > URL_CHARACTERS_MAX:
        raise AddressRefusedError(f"the URL is longer than {URL_CHARACTERS_MAX} characters")
    if any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise AddressRefusedError(
            "the URL has white space, a backslash or a character outside ASCII",
            hint="write international names as xn--…, other characters as %XX",
        )
    found = _URL.fullmatch(url)
    scheme = found[1].lower() if found else ""
    if found is None or scheme not in (("https", "http") if allow_loopback else ("https",)):
        raise AddressRefusedError("the URL must begin with https://")
    if found[4] is not None:
        raise AddressRefusedError("the URL has a fragment, which is never sent", hint="leave out # and what follows")
    host, port = _host_and_port(found[2], plain=scheme == "http")
    literal = _check_host(host, allow_loopback=allow_loopback, plain=scheme == "http")
    path = found[3] if found[3].startswith("/") else "/" + found[3]
    return Target(host, port, path, literal, scheme == "http")


def _host_and_port(authority: str, *, plain: bool) -> tuple[str, int]:
    if "@" in authority:
        raise AddressRefusedError(
            "the URL holds a user name", hint="put a secret into the path, or check the signature of what arrives"
        )
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise AddressRefusedError("the URL names no host and port that can be read", hint="https://host or host:port")
    port = int(found[2]) if found[2] else PORT_HTTP if plain else PORT_HTTPS
    if port != PORT_HTTPS and not (plain and port == PORT_HTTP) and not FREE_PORT_MIN <= port <= PORT_MAX:
        raise AddressRefusedError(
            f"nothing is sent to port {port}", hint=f"use {PORT_HTTPS}, or one from {FREE_PORT_MIN} on"
        )
    return found[1].strip("[]").lower(), port


def _check_host(host: str, *, allow_loopback: bool, plain: bool) -> bool:
    """Return whether the host is an address; refuse one that is not public, or no name at all."""
    literal = _is_literal(host)
    if host == LOCALHOST or (literal and reach_of(host) is Reach.LOOPBACK):
        if allow_loopback:
            return literal
        raise _not_public()
    if plain:
        raise AddressRefusedError("http is for this machine only", hint="use https")
    if literal:
        if reach_of(host) is not Reach.PUBLIC:
            raise _not_public()
    elif len(host) > NAME_CHARACTERS_MAX or not _NAME.fullmatch(host):
        raise AddressRefusedError(
            "the URL's host is no full name", hint="as in hooks.example.com, with no dot at its end"
        )
    return literal


def _is_literal(host: str) -> bool:
    try:
        if ":" in host:
            IPv6Address(host)
            return True
        if not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return False
        IPv4Address(host)
    except AddressValueError:
        raise AddressRefusedError("the URL's host is an unusual spelling of an IP address", hint="use a name") from None
    return True


def _not_public() -> AddressRefusedError:
    return AddressRefusedError("the URL's host is not a public address", hint="webhooks go to public addresses only")
