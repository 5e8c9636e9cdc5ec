"""Marks that an auditor puts into a request, and the search for them in bytes, in every form they could take."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
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
#: And at most so many: spelled in entities, percent-encoded, it still has to fit into an event five times.
MARK_LENGTH_MAX: Final = 64
#: A shorter form is found in any file.
FORM_BYTES_MIN: Final = 6
CHUNK_BYTES: Final = 1 << 20
#: Hashes that an engineer may take for anonymous.
_HASHES: Final = ("md5", "sha1", "sha256")
#: Shorter needles, packed addresses, would be found by chance where case is no matter.
ANY_CASE_BYTES_MIN: Final = 8


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: The ways in which a mark is written into a request; every one of them is searched for.
ENCODINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "as it is": str,
    "capitals": str.upper,
    "percent-encoded": _percent,
    "percent-encoded twice": lambda text: _percent(text).replace("%", "%25"),
    "hexadecimal": lambda text: text.encode().hex(),
    "HTML": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
    "JSON": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "base64": _base64,
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "UTF-16": lambda text: "".join(f"{letter}\0" for letter in text),
    "full width": lambda text: "".join(
        chr(ord(letter) + _FULL_WIDTH) if "!" <= letter <= "~" else letter for letter in text
    ),
}
_FULL_WIDTH: Final = 0xFEE0


class Mark(msgspec.Struct, frozen=True):
    """Name a text that must be found nowhere, and the field of a request that it was put in."""

    field: str
    text: str


def forms(mark: Mark) -> set[bytes]:
    """Return the bytes to search for: what each of `ENCODINGS` makes of the mark, and what storing it could make.

    As it is, backwards, percent-encoded, hexadecimal, two bytes a character, base64 at each of its three offsets.
    """
    raw = mark.text.encode()
    found = {encode(mark.text).encode() for encode in ENCODINGS.values()}
    found |= {quote(mark.text, safe="").encode(), raw.hex().upper().encode()}
    found |= {encode(mark.text).encode("unicode_escape") for encode in (str, ENCODINGS["full width"])}
    for shift in range(3):
        # Only the characters that the mark alone decides: the first and the last depend on its neighbours.
        encoded = base64.b64encode(bytes(shift) + raw)[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        found |= {encoded, encoded.translate(_URL_SAFE)}
    # Padding is not part of a mark that stands inside a longer text.
    found = {form.rstrip(b"=") for form in found}
    found |= {mark.text.encode("utf-16-le"), mark.text.encode("utf-16-be"), mark.text[::-1].encode()}
    # What is not long enough to be a mark is left out: it would be found by chance.
    return {form for form in found if len(form) >= FORM_BYTES_MIN}


def address_forms(address: str) -> set[bytes]:
    """Return the bytes to search for of an IPv4 address and of its /24.

    Text, decimal, hexadecimal and packed; and their hashes without a salt, which anybody can turn back.
    """
    packed = ip_address(address).packed
    network = packed[:3] + bytes(1)
    first, second = packed.hex()[:4], packed.hex()[4:]
    texts = (address.encode(), str(ip_address(network)).encode(), packed, network)
    hashes = [hashlib.new(kind, text, usedforsecurity=False) for kind in _HASHES for text in texts]
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
        *(made.digest() for made in hashes),
        *(made.hexdigest().encode() for made in hashes),
    }


class Needles:
    """Hold what is searched for, by name, prepared for many searches.

    Args:
        groups: For each name (a field of a request, an address, …) the forms that count as found.
        quick: Per name, fewer forms, one of which is in everything that holds one of the group's; where none of them
            is found, the group is not looked for. Marks of one run share their first letters.

    Raises:
        ValueError: There is nothing to search for.
    """

    def __init__(self, groups: Mapping[str, Iterable[bytes]], *, quick: Mapping[str, Iterable[bytes]] = {}) -> None:
        self._groups = {name: _prepared(forms) for name, forms in groups.items()}
        if not any(any(pair) for pair in self._groups.values()):
            raise ValueError("a search for nothing finds nothing")
        self._quick: dict[_Prepared, list[str]] = {}
        for name, prepared in self._groups.items():
            self._quick.setdefault(_prepared(quick[name]) if name in quick else prepared, []).append(name)
        self.forms = sum(len(pair[0]) + len(pair[1]) for pair in self._groups.values())
        self.overlap = max(len(form) for pair in self._groups.values() for forms in pair for form in forms)

    def found_in(self, content: bytes) -> set[str]:
        """Return the names of which *content* holds a form, in whatever case; short forms as they are."""
        lowered = content.lower()
        return {
            name
            for quick, names in self._quick.items()
            if _holds(content, lowered, quick)
            for name in names
            if _holds(content, lowered, self._groups[name])
        }


_Prepared = tuple[tuple[bytes, ...], tuple[bytes, ...]]


def _prepared(forms: Iterable[bytes]) -> _Prepared:
    """Part forms into those that are found in any case, in small letters, and those that are found as they are."""
    wanted = {form for form in forms if form}
    long = {form.lower() for form in wanted if len(form) >= ANY_CASE_BYTES_MIN}
    return tuple(sorted(long)), tuple(sorted(form for form in wanted if len(form) < ANY_CASE_BYTES_MIN))


def _holds(content: bytes, lowered: bytes, prepared: _Prepared) -> bool:
    return any(form in lowered for form in prepared[0]) or any(form in content for form in prepared[1])


def holds(content: bytes, needles: Iterable[bytes]) -> bool:
    """Tell whether *content* holds one of *needles*, in whatever case its letters are; short ones as they are."""
    return _holds(content, content.lower(), _prepared(needles))


def search(paths: Iterable[Path], needles: Iterable[bytes]) -> tuple[int, list[str]]:
    """Search files for bytes; return how many bytes were read and where something was found.

    Returns:
        Bytes read, and the names of files that hold at least one of *needles*.

    Raises:
        ValueError: There is nothing to search for.
    """
    read, found = hunt(((path.name, chunks(path)) for path in paths), Needles({"": needles}))
    return read, found.get("", [])


def hunt(places: Iterable[tuple[str, Iterable[bytes]]], needles: Needles) -> tuple[int, dict[str, list[str]]]:
    """Search places, each a name and its bytes in pieces, for all of *needles* at once.

    Returns:
        Bytes read, and for each name that was found the places.
    """
    total, found = 0, dict[str, list[str]]()
    for place, pieces in places:
        tail, here = b"", set[str]()
        for piece in pieces:
            total += len(piece)
            window = tail + piece
            here |= needles.found_in(window)
            tail = window[-needles.overlap :]
        for name in here:
            found.setdefault(name, []).append(place)
    return total, found


def chunks(path: Path) -> Iterator[bytes]:
    """Return the bytes of a file, piece by piece."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        # A file that ended meanwhile holds nothing.
        return
