"""The address is cut before anything else, and believed from trusted proxies only."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge.address import HOPS_MAX, NOWHERE, Network, Trusted, client, cut, narrow, pack, text

V4 = "198.51.100.77"


def _cut(address: str) -> Network:
    return cut(pack(address), ipv4_bits=24, ipv6_bits=48)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.77", "198.51.100.0"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - an address in a table, nothing listens
        ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:0db8:1234::"),
        ("2001:DB8:1234::1", "2001:0db8:1234::"),
        ("fe80::1%eth0", "fe80:0000:0000::"),
        ("::1", "0000:0000:0000::"),
        ("::ffff:198.51.100.77", "198.51.100.0"),
        ("::ffff:c633:644d", "198.51.100.0"),
        ("64:ff9b::198.51.100.77", "198.51.100.0"),
        ("64:ff9b:1:fffe::c633:644d", "198.51.100.0"),
        ("2002:c633:644d::1", "198.51.100.0"),
        ("2002:c633:644d:1:2:3:4:5", "198.51.100.0"),
        ("2001:0:4136:e378:8000:63bf:39cc:9bb2", "198.51.100.0"),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, network: str) -> None:
    """IPv4 keeps /24, IPv6 /48; mapped, NAT64, 6to4 and Teredo addresses are unwrapped to IPv4 first."""
    assert text(_cut(address)) == network


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "1.2",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "0x7f.1",
        "1.2.3.4/24",
        "jan@school.nl",
        "::g",
        "\0",
        "1.2.3.4\0",
        "é",
    ],
)
def test_what_is_no_address_becomes_nowhere(rubbish: str) -> None:
    """Text that is no address is kept in no form."""
    assert _cut(rubbish) == NOWHERE
    assert text(NOWHERE) == ""


@given(st.integers(0, 2**32 - 1), st.integers(0, 24))
def test_ipv4_keeps_the_leading_bits(number: int, bits: int) -> None:
    """Nothing behind the cut survives, whatever the address and the setting."""
    address = str(ipaddress.IPv4Address(number))
    kept = ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address
    assert text(cut(pack(address), ipv4_bits=bits, ipv6_bits=0)) == str(kept)


@given(st.ip_addresses(v=6), st.integers(0, 48))
def test_ipv6_keeps_the_leading_bits(address: ipaddress.IPv6Address, bits: int) -> None:
    """Nothing behind the cut survives, whatever the address and the setting."""
    if address.ipv4_mapped or address.sixtofour or address.teredo or str(address).startswith("64:ff9b:"):
        return
    kept = ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address
    assert ipaddress.ip_address(text(cut(pack(str(address)), ipv4_bits=0, ipv6_bits=bits))) == kept


@given(st.ip_addresses(v=4), st.ip_addresses(v=6))
def test_the_families_never_meet(four: ipaddress.IPv4Address, six: ipaddress.IPv6Address) -> None:
    """An IPv4 network and an IPv6 network are never the same one."""
    whole = cut(pack(str(four)), ipv4_bits=0, ipv6_bits=0)
    assert whole != cut(pack("2001:db8::"), ipv4_bits=0, ipv6_bits=0)
    assert _cut(str(four))[0] == 4
    assert len(_cut(str(six))) in (5, 17)


def test_narrowing_masks_more_and_never_less() -> None:
    """A stricter profile masks more of what the house has cut; a looser one brings nothing back."""
    assert text(narrow(_cut(V4), ipv4_bits=16, ipv6_bits=32)) == "198.51.0.0"
    assert text(narrow(_cut("2001:db8:1234::1"), ipv4_bits=16, ipv6_bits=32)) == "2001:0db8:0000::"
    assert text(narrow(_cut(V4), ipv4_bits=32, ipv6_bits=128)) == "198.51.100.0"
    assert narrow(NOWHERE, ipv4_bits=16, ipv6_bits=32) == NOWHERE


TRUSTED = Trusted(["10.0.0.0/8", "192.0.2.1", "2001:db8:cdc::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        # Nobody asked for a header.
        ("10.0.0.1", "", "10.0.0.1"),
        # One trusted hop, in every spelling of an entry.
        ("10.0.0.1", V4, V4),
        ("10.0.0.1", f" {V4}:50123 ", V4),
        ("10.0.0.1", f'"{V4}"', V4),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("10.0.0.1", '"[2001:db8::7]:4711"', "2001:db8::7"),
        ("::ffff:10.0.0.1", V4, V4),
        ("2001:db8:cdc::1", V4, V4),
        # Several hops: the first from the right that is not trusted; what the client wrote itself stands further left.
        ("10.0.0.1", f"{V4}, 10.0.0.2", V4),
        ("10.0.0.1", f"203.0.113.9, {V4}, 192.0.2.1,10.0.0.2", V4),
        ("10.0.0.1", f"127.0.0.1, {V4}", V4),
        # Everybody is trusted: the furthest.
        ("10.0.0.1", "10.9.9.9, 10.0.0.2", "10.9.9.9"),
        # Rubbish makes the header unbelievable.
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", f"{V4}, _hidden", "10.0.0.1"),
        ("10.0.0.1", ",", "10.0.0.1"),
        ("10.0.0.1", "[", "10.0.0.1"),
        # Nobody believes these peers.
        ("203.0.113.5", V4, "203.0.113.5"),
        ("192.0.2.2", V4, "192.0.2.2"),
        ("2002:0a00:0001::1", V4, "2002:0a00:0001::1"),
        ("64:ff9b::10.0.0.1", V4, "64:ff9b::10.0.0.1"),
        ("", V4, ""),
        ("rubbish", V4, "rubbish"),
    ],
)
def test_the_client_is_counted_from_the_right(peer: str, forwarded: str, found: str) -> None:
    """The client's address comes from configured proxies only, by hop counting from the right."""
    assert client(peer, forwarded, TRUSTED) == pack(found)


@given(st.text(max_size=60) | st.ip_addresses().map(str))
def test_an_untrusted_peer_cannot_speak_for_another(forwarded: str) -> None:
    """A spoofed header has no effect, whatever it says."""
    assert client("203.0.113.5", forwarded, TRUSTED) == pack("203.0.113.5")
    assert client("10.0.0.1", forwarded, Trusted([])) == pack("10.0.0.1")


@given(st.text(max_size=60))
def test_a_client_cannot_change_what_its_proxy_adds(spoofed: str) -> None:
    """What a client writes into the header before its proxy does has no effect."""
    assert client("10.0.0.1", f"{spoofed}, {V4}", TRUSTED) == pack(V4)


def test_hop_counting_ends() -> None:
    """No more than a fixed number of hops is looked through."""
    assert client("10.0.0.1", f"{V4}," + ",".join(["10.0.0.2"] * HOPS_MAX), TRUSTED) == pack("10.0.0.2")
