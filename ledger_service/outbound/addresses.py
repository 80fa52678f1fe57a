"""Which IP addresses a stranger may make us connect to: public unicast ones, read from their text alone.

Promises: whatever is not known to be public is refused: private, link-local, shared, documentation, benchmarking,
multicast and reserved addresses (IANA's special-purpose registries), the fixed addresses of cloud metadata, and IPv6
forms that carry an IPv4 address to somewhere else. One such form is read instead of refused: NAT64's well-known prefix
(RFC 6052), under which machines with IPv6 only reach the public IPv4 internet.
Does not: look names up, or know a NAT64 prefix that a network chose for itself: such a network needs a firewall.

>>> reach_of("93.184.216.34"), reach_of("10.0.0.1"), reach_of("::ffff:127.0.0.1"), reach_of("127.0.0.1")
(<Reach.PUBLIC: 'public'>, <Reach.REFUSED: 'refused'>, <Reach.REFUSED: 'refused'>, <Reach.LOOPBACK: 'loopback'>)
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network


class Reach(StrEnum):
    """Where an address leads."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    REFUSED = "refused"


_LOOPBACK_4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_6 = IPv6Address("::1")
# The standard library's `is_global` changed its mind between patch releases of Python; this list does not.
_REFUSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared behind a carrier's NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata and wire server, at a public-looking address
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols; 192.0.0.192 is Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST_6 = IPv6Network("2000::/3")  # everything else, mapped, local and multicast forms included, is not public
_REFUSED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 (RFC 7526 ended it): carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214 §6.1: third quarter of an address that ends in an IPv4 address


def reach_of(address: str) -> Reach:
    """Return where an IP address leads.

    Args:
        address: As `getaddrinfo` gives it. Short, octal, hexadecimal and scoped forms are refused, not read.
    """
    try:
        return _reach_of_6(IPv6Address(address)) if ":" in address else _reach_of_4(IPv4Address(address))
    except AddressValueError:
        return Reach.REFUSED


def _reach_of_4(address: IPv4Address) -> Reach:
    if address in _LOOPBACK_4:
        return Reach.LOOPBACK
    return Reach.REFUSED if any(address in network for network in _REFUSED_4) else Reach.PUBLIC


def _reach_of_6(address: IPv6Address) -> Reach:
    if address.scope_id is not None:
        return Reach.REFUSED
    if address == _LOOPBACK_6:
        return Reach.LOOPBACK
    if address in _NAT64:
        inner = _reach_of_4(IPv4Address(int(address) & 0xFFFF_FFFF))
        return Reach.PUBLIC if inner is Reach.PUBLIC else Reach.REFUSED
    if address not in _UNICAST_6 or any(address in network for network in _REFUSED_6):
        return Reach.REFUSED
    return Reach.REFUSED if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP else Reach.PUBLIC
