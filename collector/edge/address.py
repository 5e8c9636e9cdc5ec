"""The first operation on a request: the address is cut to its network, before anything else is read.

IPv4 keeps 24 bits and IPv6 48 at most; settings only mask more. An IPv6 address that carries an IPv4 address is
unwrapped first: the /48 of a 6to4 address, for one, holds the whole IPv4 address of its owner.
"""

from collections.abc import Iterable
from functools import cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NewType

#: A family (4 or 6, one byte) and the cut address (4 or 16 bytes, zeros behind the cut); still personal data.
Network = NewType("Network", bytes)

#: What an address that cannot be read becomes: one network for all of them.
NOWHERE: Final = Network(b"")
#: Proxies between the client and us that are looked through; further to the left nothing is believed.
HOPS_MAX: Final = 16
#: Addresses of trusted proxies that are known by heart.
PROXIES_MAX: Final = 256

_IPV4_BYTES: Final = 4
#: Of IPv4, that stay where no setting masks more.
_USUAL_BITS: Final = 24
_IPV4: Final = b"\x04"
_IPV6: Final = b"\x06"
_MAPPED: Final = bytes(10) + b"\xff\xff"
_NAT64: Final = bytes.fromhex("0064ff9b0000000000000000")
_NAT64_LOCAL: Final = bytes.fromhex("0064ff9b0001")
_TEREDO: Final = bytes.fromhex("20010000")
_SIX_TO_FOUR: Final = bytes.fromhex("2002")


class Trusted:
    """Know the networks of the proxies whose client header is believed.

    Args:
        networks: `10.0.0.0/8`, `2001:db8::/32` or single addresses, as the settings hold them (checked there).
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[tuple[int, int, int]] = []
        for network in networks:
            address, _, bits = network.partition("/")
            packed = pack(address)
            if packed is not None:
                hidden = len(packed) * 8 - int(bits or len(packed) * 8)
                self._networks.append((len(packed), hidden, int.from_bytes(packed) >> hidden))
        # Proxies of our own that were seen; until the day turns, since a visitor may sit in one of these networks.
        self._seen: set[str] = set()

    def holds(self, address: str) -> bool:
        """Tell whether *address* belongs to a trusted proxy."""
        if address in self._seen:
            return True
        is_held = bool(self._networks) and self._look_up(address)
        if is_held and len(self._seen) < PROXIES_MAX:
            self._seen.add(address)
        return is_held

    def forget(self) -> None:
        """Forget who was seen; called when a day turns."""
        self._seen.clear()

    def _look_up(self, address: str) -> bool:
        packed = pack(address)
        if packed is None:
            return False
        number = int.from_bytes(packed)
        for size, hidden, start in self._networks:  # noqa: SIM110 - `any` over a generator costs twice as much
            if number >> hidden == start and len(packed) == size:
                return True
        return False


def client(peer: str, forwarded: str, trusted: Trusted) -> bytes | None:
    """Return the client's address, packed: the first one from the right that is not a trusted proxy's.

    What an untrusted peer says of itself has no effect. An entry that is no address makes the whole header
    unbelievable: the peer's own address stands.

    Args:
        peer: Address of the socket's other end.
        forwarded: The client header; entries separated by `,`, the nearest hop last, ports and brackets allowed.
        trusted: Whose header is believed.

    Returns:
        4 or 16 bytes; `None` for what is no address.
    """
    if not forwarded or not trusted.holds(peer):
        return pack(peer)
    if "," not in forwarded and (packed := pack(forwarded)) is not None:
        # One address and nothing more, as most proxies send it.
        return packed
    rest, packed = forwarded, None
    for _ in range(HOPS_MAX):
        rest, _, entry = rest.rpartition(",")
        address = entry.strip(" \t")
        packed = pack(address)
        if packed is None:
            address = _bare(address)
            packed = pack(address)
        if packed is None:
            return pack(peer)
        if not rest or not trusted.holds(address):
            break
    return packed


def cut(packed: bytes | None, *, ipv4_bits: int, ipv6_bits: int) -> Network:
    """Cut an address to its network; an embedded IPv4 address is unwrapped first.

    Args:
        packed: 4 or 16 bytes; `None` gives `NOWHERE`.
        ipv4_bits: Leading bits of an IPv4 address that stay.
        ipv6_bits: Leading bits of an IPv6 address that stay.
    """
    if packed is None:
        return NOWHERE
    if len(packed) != _IPV4_BYTES:
        packed = _unwrap(packed)
    if len(packed) == _IPV4_BYTES:
        if ipv4_bits == _USUAL_BITS:
            # Whole bytes stay: half the cost of a mask.
            return _IPV4 + packed[:3] + b"\0"  # type: ignore[return-value]
        # Not called by its name, which costs as much as the cut.
        return _IPV4 + (int.from_bytes(packed) & _mask(32, ipv4_bits)).to_bytes(4)  # type: ignore[return-value]
    return Network(_IPV6 + (int.from_bytes(packed) & _mask(128, ipv6_bits)).to_bytes(16))


def narrow(network: Network, *, ipv4_bits: int, ipv6_bits: int) -> Network:
    """Mask more of a network that was cut before; never less."""
    if network[:1] == _IPV4:
        return Network(_IPV4 + (int.from_bytes(network[1:]) & _mask(32, ipv4_bits)).to_bytes(4))
    if network[:1] == _IPV6:
        return Network(_IPV6 + (int.from_bytes(network[1:]) & _mask(128, ipv6_bits)).to_bytes(16))
    return network


def text(network: Network) -> str:
    """Return the first address of *network* as text, for the table of countries; empty for `NOWHERE`."""
    if len(network) == 1 + _IPV4_BYTES:
        return inet_ntop(AF_INET, network[1:])
    if network[:1] == _IPV6:
        # Zeros fill everything behind the cut, at 48 bits or before.
        return f"{network[1:3].hex()}:{network[3:5].hex()}:{network[5:7].hex()}::"
    return ""


def pack(address: str) -> bytes | None:
    """Return the 4 or 16 bytes of an address in text; `None` for what is none."""
    try:
        if ":" not in address:
            return inet_pton(AF_INET, address)
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return None
    # Only the mapped form is the same host for a socket. The others are not unwrapped before the trust question:
    # whoever sends from 2002:7f00:1:: is not 127.0.0.1.
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _unwrap(packed: bytes) -> bytes:
    """Take an IPv4 address out of the IPv6 address that carries it."""
    if packed.startswith(_SIX_TO_FOUR):
        return packed[2:6]
    if packed.startswith(_TEREDO):
        # Teredo stores the client's address with every bit turned (RFC 4380, section 4).
        return bytes(byte ^ 0xFF for byte in packed[12:])
    if packed.startswith((_NAT64, _NAT64_LOCAL)):
        # RFC 8215 networks are used with /96; an embedding elsewhere becomes 0.0.0.0, which merges and tells nothing.
        return packed[12:]
    return packed


def _bare(entry: str) -> str:
    """Take port, brackets and quotes off an entry of the client header."""
    entry = entry.strip('"')
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    if entry.count(":") == 1:
        return entry.partition(":")[0]
    return entry


@cache
def _mask(size: int, bits: int) -> int:
    kept = max(0, min(bits, size))
    return ((1 << kept) - 1) << (size - kept)
