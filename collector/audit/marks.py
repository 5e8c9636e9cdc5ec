"""Marks that an auditor puts into a request, and the search for them in bytes, in every form they could take."""

import base64
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

#: Click ids and campaign ids that advertisers add to addresses; none may be kept, not even as presence.
CLICK_IDS: Final = (
    "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "igshid", "yclid",
    "mc_eid", "mc_cid", "_hsenc", "_hsmi", "mkt_tok", "vero_id", "oly_anon_id", "oly_enc_id", "srsltid", "_ga", "_gl",
    "epik", "utm_id", "utm_term", "utm_content",
)  # fmt: skip
CHUNK_BYTES: Final = 1 << 20


class Mark(msgspec.Struct, frozen=True):
    """Name a text that must be found nowhere, and the field of a request that it was put in."""

    field: str
    text: str


def forms(mark: Mark) -> set[bytes]:
    """Return the bytes to search for: as it is, percent-encoded, hexadecimal, base64 at each of its three offsets."""
    raw = mark.text.encode()
    found = {raw, quote(mark.text, safe="").encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        # The first and last characters of base64 depend on the neighbours: they are cut off.
        encoded = base64.b64encode(bytes(shift) + raw)
        found.add(encoded[shift + 1 if shift else 0 : len(encoded) - 4])
    found.add(mark.text.encode("utf-16-le"))
    return found


def address_forms(address: str) -> set[bytes]:
    """Return the bytes to search for of an IPv4 address and of its /24: text, decimal, hexadecimal and packed."""
    packed = ip_address(address).packed
    network = address.rpartition(".")[0] + "."
    return {
        address.encode(),
        network.encode(),
        str(int.from_bytes(packed)).encode(),
        packed.hex().encode(),
        packed,
    }


def search(paths: Iterable[Path], needles: Iterable[bytes]) -> tuple[int, list[str]]:
    """Search files for bytes; return how many bytes were read and where something was found.

    Returns:
        Bytes read, and the names of files that hold at least one of *needles*.
    """
    wanted = [needle for needle in needles if needle]
    overlap = max(len(needle) for needle in wanted)
    total, found = 0, []
    for path in paths:
        tail = b""
        for chunk in _chunks(path):
            total += len(chunk)
            window = tail + chunk
            if any(needle in window for needle in wanted):
                found.append(path.name)
                break
            tail = window[-overlap:]
    return total, found


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        # A file that ended meanwhile holds nothing.
        return
