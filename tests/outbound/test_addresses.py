"""Nothing but public addresses: a table of addresses and of URLs, each with what must come of it."""

from __future__ import annotations

import doctest
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.errors import AddressRefusedError
from ledger_service.outbound import addresses, target
from ledger_service.outbound.addresses import Reach, reach_of
from ledger_service.outbound.target import URL_CHARACTERS_MAX, Target, parse_target

PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.1", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2001:200::1", "2001:4860:4860::8888", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:82a::200e",
    "2003::1", "64:ff9b::8.8.8.8", "64:ff9b::5db8:d822",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.0.0.0", "127.1.2.3", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1", "0::0001"]
REFUSED = [
    # IPv4: this network, private, shared, link-local, special, multicast, reserved
    "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.1.2.3", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
    "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    # spellings that some readers take for an address
    "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "127.0.0.1.", "127.0.0.01",
    " 127.0.0.1", "127.0.0.1%eth0", "", "localhost", "1.2.3.4.5",
    # IPv6: unspecified, mapped, compatible, translated, local, multicast, tunnels, documentation
    "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::192.168.1.1",
    "64:ff9b::0.0.0.0", "64:ff9b:1::8.8.8.8", "64:ff9b:0:1::8.8.8.8", "100::1", "fc00::1", "fd00:ec2::254",
    "fdff:ffff::1", "fe80::1", "fe80::1%1", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "2002:7f00:1::",
    "2002:a00:1::1", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "3fff::1", "2620:4f:8000::1", "4000::1", "5f00::1", "2606:2800::5efe:10.0.0.1",
    "2606:2800::200:5efe:7f00:1", "::1%lo", "1::2::3",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address: str) -> None:
    assert reach_of(address) is Reach.PUBLIC


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_told_apart(address: str) -> None:
    assert reach_of(address) is Reach.LOOPBACK


@pytest.mark.parametrize("address", REFUSED)
def test_everything_else_is_refused(address: str) -> None:
    assert reach_of(address) is Reach.REFUSED


@given(st.one_of(st.ip_addresses(), st.sampled_from(["10.0.0.0/8", "fc00::/7", "192.168.0.0/16", "fe80::/10"]).flatmap(
    lambda network: st.ip_addresses(network=network))))  # fmt: skip
def test_what_the_standard_library_calls_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if reach_of(str(address)) is Reach.PUBLIC and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_link_local))


@given(st.ip_addresses(v=4))
def test_an_address_carried_in_another_is_never_better_than_itself(inner: ipaddress.IPv4Address) -> None:
    for carried in (f"::ffff:{inner}", f"::{inner}", f"64:ff9b::{inner}", f"64:ff9b:1::{inner}"):
        if reach_of(str(inner)) is not Reach.PUBLIC:
            assert reach_of(carried) is Reach.REFUSED or carried == "::0.0.0.1"


# --- URLs ------------------------------------------------------------------------------------------------------------

TAKEN = {
    "https://hooks.example.com": Target("hooks.example.com", 443, "/", False, False),
    "https://hooks.example.com/": Target("hooks.example.com", 443, "/", False, False),
    "HTTPS://Hooks.Example.COM:443/In?a=b&c": Target("hooks.example.com", 443, "/In?a=b&c", False, False),
    "https://hooks.example.com?token=1": Target("hooks.example.com", 443, "/?token=1", False, False),
    "https://hooks.example.com:8443/%C3%A9": Target("hooks.example.com", 8443, "/%C3%A9", False, False),
    "https://xn--bcher-kva.example/x": Target("xn--bcher-kva.example", 443, "/x", False, False),
    "https://a_b.shop-7.example/x//y/../z": Target("a_b.shop-7.example", 443, "/x//y/../z", False, False),
    "https://8.8.8.8/hook": Target("8.8.8.8", 443, "/hook", True, False),
    "https://[2606:2800:220::1]:8443/hook": Target("2606:2800:220::1", 8443, "/hook", True, False),
}
REFUSED_URLS = [
    # other schemes and no URL at all
    "", "https:", "https://", "https:///path", "http://hooks.example.com/", "file:///etc/passwd",
    "ftp://hooks.example.com/", "gopher://hooks.example.com:70/_", "javascript:alert(1)", "//hooks.example.com/",
    "hooks.example.com", "https:hooks.example.com", "https:/hooks.example.com", "unix:///run/docker.sock", "dict://hooks.example.com:2628/",
    # who is meant?
    "https://user@hooks.example.com/", "https://user:pass@hooks.example.com/", "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:443@10.0.0.1/", "https://@hooks.example.com/", "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com\\.internal/", "https:\\\\hooks.example.com\\", "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com/#", "https://hooks.example.com\t.evil.example/", " https://hooks.example.com/",
    "https://hooks.example.com/\r\nhost: internal", "https://hooks.example.com/a b", "https://hooks.example.com\x00/",
    "https://hooks。example。com/", "https://hooks.examplе.com/", "https://１２７.0.0.1/", "https://hooks.example.com/é",
    # this machine, private addresses, and every spelling of them
    "https://localhost/", "https://LOCALHOST:8443/", "https://127.0.0.1/", "https://127.1/", "https://0x7f.1/",
    "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://0/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[0:0:0:0:0:ffff:7f00:1]/",
    "https://[64:ff9b::127.0.0.1]/", "https://[fd00:ec2::254]/", "https://[fe80::1%25eth0]/", "https://[fe80::1]/",
    "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/", "https://192.168.1.1/",
    "https://172.16.0.1/", "https://0.0.0.0/", "https://255.255.255.255/", "https://224.0.0.1/", "https://[2002:7f00:1::]/",
    # hosts that are none, or that a search list completes
    "https://metadata/", "https://intranet/", "https://hooks.example.com./", "https://.example.com/", "https://a..example/",
    "https://-a.example/", "https://a-.example/", "https://[hooks.example.com]/", "https://[8.8.8.8]/", "https://[::1/",
    "https://::1/", "https://hooks.example.com:8443:1/", "https://a%2eexample/", "https://*.example.com/",
    "https://1.2.3.4.5/", "https://example.123/", "https://example.0x1/", f"https://{'a' * 64}.example/",
    f"https://{'a.' * 126}example/",
    # ports that are other services'
    "https://hooks.example.com:80/", "https://hooks.example.com:25/", "https://hooks.example.com:22/",
    "https://hooks.example.com:0/", "https://hooks.example.com:1023/", "https://hooks.example.com:65536/",
    "https://hooks.example.com:-1/", "https://hooks.example.com:x/", "https://hooks.example.com:/",
    "https://hooks.example.com:0000443/", "https://hooks.example.com/" + "a" * URL_CHARACTERS_MAX,
]  # fmt: skip


@pytest.mark.parametrize("url", TAKEN)
def test_a_plain_https_url_is_taken_apart(url: str) -> None:
    assert parse_target(url) == TAKEN[url]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_any_other_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(AddressRefusedError) as raised:
        parse_target(url)

    said = raised.value.message + raised.value.hint
    assert said.isascii() or "…" in said
    assert not url[8:].strip("/") or url[8:] not in said


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://localhost:9000/x", "localhost", 9000),
        ("http://127.0.0.1/x", "127.0.0.1", 80),
        ("http://[::1]:9000/x", "::1", 9000),
        ("https://localhost:9443/x", "localhost", 9443),
        ("https://127.0.0.1:9443/x", "127.0.0.1", 9443),
    ],
)
def test_this_machine_is_taken_for_development_only(url: str, host: str, port: int) -> None:
    found = parse_target(url, allow_loopback=True)

    assert (found.host, found.port, found.plain) == (host, port, url.startswith("http:"))
    with pytest.raises(AddressRefusedError):
        parse_target(url)


OURS = ("localhost", "//127.0.0.1/", "[::1]")  # what names this machine in the table above


@pytest.mark.parametrize(
    "url",
    [
        *(url for url in REFUSED_URLS if not any(name in url.lower() for name in OURS)),
        "http://hooks.example.com/", "http://8.8.8.8/", "http://10.0.0.1/", "http://localhost.example.com/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/", "http://localhost:22/",
        "http://127.1/", "https://localhost:80/",
    ],
)  # fmt: skip
def test_for_development_nothing_else_is_taken(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        parse_target(url, allow_loopback=True)


def test_the_host_header_is_what_the_url_said() -> None:
    assert parse_target("https://hooks.example.com/").authority == "hooks.example.com"
    assert parse_target("https://hooks.example.com:8443/").authority == "hooks.example.com:8443"
    assert parse_target("https://[2606:2800:220::1]:8443/").authority == "[2606:2800:220::1]:8443"
    assert parse_target("http://127.0.0.1/", allow_loopback=True).authority == "127.0.0.1"


@pytest.mark.parametrize("spelled", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1"])
def test_the_machine_s_resolver_does_read_the_spellings_that_we_refuse(spelled: str) -> None:
    """The reason why they are refused: a look-up would lead them to this machine."""
    assert socket.inet_ntoa(socket.inet_aton(spelled)) == "127.0.0.1"


@pytest.mark.parametrize("module", [addresses, target])
def test_the_examples_work(module: object) -> None:
    assert doctest.testmod(module, raise_on_error=False).failed == 0  # type: ignore[arg-type]  # it is a module
