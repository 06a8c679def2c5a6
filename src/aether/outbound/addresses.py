"""IP addresses: which belong to the public internet, and which to this machine.

Follows the IANA registries of special-purpose addresses. `ipaddress.is_global` is not used because its answers differ
between releases of Python: in 3.11.7, NAT64's `64:ff9b::10.0.0.1` counts as global.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT; Alibaba Cloud's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's own services, as a virtual machine sees them
            "169.254.0.0/16",  # link-local; most clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; Oracle Cloud's metadata
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")  # all global unicast; loopback, local, multicast and mapped addresses lie outside
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, which embeds an IPv4 address, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the former 6bone
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 as seen from an IPv6-only network; the embedded address counts


def is_public(address: str) -> bool:
    """Whether the address belongs to the public internet; an address with a zone (`fe80::1%eth0`) never does.

    Raises:
        ValueError: this is no IP address in the usual notation.
    """
    match ip_address(address):
        case IPv4Address() as plain:
            return _is_public_4(plain)
        case IPv6Address(scope_id=str()):
            return False
        case inner:
            return _is_public_6(inner)


def is_loopback(address: str) -> bool:
    """Whether this is a loopback address; an IPv4 address may be mapped into IPv6.

    Raises:
        ValueError: this is no IP address in the usual notation.
    """
    parsed = ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_public_4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_4(IPv4Address(address.packed[-4:]))
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
