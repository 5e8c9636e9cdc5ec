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
#: An auditor's own mark has so many characters at least.
MARK_LENGTH_MIN: Final = 8
#: A shorter form is found in any file.
FORM_BYTES_MIN: Final = 6
CHUNK_BYTES: Final = 1 << 20
#: Shorter needles, packed addresses, would be found by chance where case is no matter.
ANY_CASE_BYTES_MIN: Final = 8


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Mark(msgspec.Struct, frozen=True):
    """Name a text that must be found nowhere, and the field of a request that it was put in."""

    field: str
    text: str


def forms(mark: Mark) -> set[bytes]:
    """Return the bytes to search for.

    As it is, backwards, percent-encoded, hexadecimal, two bytes a character, base64 at each of its three offsets.
    """
    raw = mark.text.encode()
    found = {raw, quote(mark.text, safe="").encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        # Only the characters that the mark alone decides: the first and the last depend on its neighbours.
        encoded = base64.b64encode(bytes(shift) + raw)[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        found |= {encoded, encoded.translate(_URL_SAFE)}
    found |= {mark.text.encode("utf-16-le"), mark.text[::-1].encode()}
    # What is not long enough to be a mark is left out: it would be found by chance.
    return {form for form in found if len(form) >= FORM_BYTES_MIN}


def address_forms(address: str) -> set[bytes]:
    """Return the bytes to search for of an IPv4 address and of its /24: text, decimal, hexadecimal and packed."""
    packed = ip_address(address).packed
    network = packed[:3] + bytes(1)
    first, second = packed.hex()[:4], packed.hex()[4:]
    return {
        address.encode(),
        (address.rpartition(".")[0] + ".").encode(),
        str(int.from_bytes(packed)).encode(),
        str(int.from_bytes(network)).encode(),
        packed.hex().encode(),
        network.hex().encode(),
        f"{first}:{second}".encode(),
        packed,
        network,
    }


def holds(content: bytes, needles: Iterable[bytes]) -> bool:
    """Tell whether *content* holds one of *needles*, in whatever case its letters are; short ones as they are."""
    lowered = content.lower()
    return any(
        needle.lower() in lowered if len(needle) >= ANY_CASE_BYTES_MIN else needle in content for needle in needles
    )


def search(paths: Iterable[Path], needles: Iterable[bytes]) -> tuple[int, list[str]]:
    """Search files for bytes; return how many bytes were read and where something was found.

    Returns:
        Bytes read, and the names of files that hold at least one of *needles*.

    Raises:
        ValueError: There is nothing to search for.
    """
    wanted = [needle for needle in needles if needle]
    if not wanted:
        raise ValueError("a search for nothing finds nothing")
    overlap = max(len(needle) for needle in wanted)
    total, found = 0, []
    for path in paths:
        tail = b""
        for chunk in _chunks(path):
            total += len(chunk)
            window = tail + chunk
            if holds(window, wanted):
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
