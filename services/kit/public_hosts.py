"""Which addresses belong to the public internet: a request whose target others may choose goes nowhere else.

Asked of the address that is about to be connected to, so that no name, spelling or second look-up gets around it
(OWASP, Server-Side Request Forgery Prevention).
"""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

_INSIDE = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
"""Azure's services for its own machines, and what RFC 6890 keeps for protocols, where Oracle has the same."""
_NAT64 = ip_network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052); its local form 64:ff9b:1::/48 (RFC 8215) is not global by itself."""


class NotPublicError(PermissionError):
    """The host's address is not a public one: no connection was tried."""


def is_public(address: str) -> bool:
    """Whether an IP address is global unicast, and so is the IPv4 address that it may carry."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        carried = _carried(found)
        if carried is not None:
            return is_public(str(carried))
        if found.is_site_local:
            return False
    return (
        found.is_global
        and not found.is_multicast
        and not found.is_reserved
        and not any(found in one for one in _INSIDE)
    )


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for one result of getaddrinfo (family, type, protocol, name, address). NotPublicError if it is none."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublicError(errno.EACCES, "not a public address")
    return socket.socket(family, kind, protocol)


def _carried(found: IPv6Address) -> IPv4Address | None:
    """The IPv4 address in a mapped (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380) or NAT64 address."""
    if found.teredo is not None:
        return found.teredo[1]
    if isinstance(_NAT64, IPv6Network) and found in _NAT64:
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.ipv4_mapped or found.sixtofour
