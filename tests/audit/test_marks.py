"""The search finds a mark in every form in which it could be kept, and by itself finds nothing."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit.marks import CHUNK_BYTES, ENCODINGS, Mark, Needles, address_forms, forms, holds, hunt, search

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=382), min_size=9, max_size=40)
AROUND = st.binary(max_size=30)
WAYS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "in capitals": lambda text: text.upper().encode() if text.isascii() else text.encode(),
    "percent-encoded": lambda text: quote(text, safe="").encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper().encode(),
    "two bytes a character": lambda text: text.encode("utf-16-le"),
    "backwards": lambda text: text[::-1].encode(),
}


@pytest.mark.parametrize("way", WAYS)
@given(text=WORDS, before=AROUND, after=AROUND)
def test_a_mark_is_found(way: str, text: str, before: bytes, after: bytes) -> None:
    """Whatever stands around it, a mark is found in each of its forms."""
    assert holds(before + WAYS[way](text) + after, forms(Mark("path", text)))


@pytest.mark.parametrize("spelling", ENCODINGS)
@settings(max_examples=25)
@given(text=WORDS, before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_mark_is_found_as_it_was_spelled(spelling: str, text: str, before: str, after: str) -> None:
    """A mark that is kept in the very spelling in which it was sent is found."""
    kept = ENCODINGS[spelling](text)
    assert holds((before + kept + after).encode("utf-8", "replace"), forms(Mark("path", text)))


@pytest.mark.parametrize("spelling", ENCODINGS)
@settings(max_examples=5)
@given(suffix=st.integers(0, 255), before=AROUND, after=AROUND)
def test_a_quick_look_misses_nothing(spelling: str, suffix: int, before: bytes, after: bytes) -> None:
    """Looking first for the letters that all marks of a run begin with finds every mark that a whole search finds."""
    stem = "kanarie0a1b2c3d"
    mark = Mark("path", f"{stem}{suffix:02x}")
    needles = Needles({"path": forms(mark)}, quick={"path": forms(Mark("", stem))})
    for form in {ENCODINGS[spelling](mark.text).encode(), *forms(mark)}:
        assert needles.found_in(before + form + after) == {"path"}


@given(text=WORDS, before=AROUND, after=AROUND, is_url_safe=st.booleans())
def test_a_mark_is_found_in_base64(*, text: str, before: bytes, after: bytes, is_url_safe: bool) -> None:
    """A mark is found inside base64, at whichever of the three places of a group it begins."""
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    assert holds(encode(before + text.encode() + after), forms(Mark("path", text)))


@given(octets=st.tuples(*[st.integers(1, 254)] * 4), before=AROUND, after=AROUND)
def test_an_address_is_found(octets: tuple[int, int, int, int], before: bytes, after: bytes) -> None:
    """An address, and the network that it is cut to, are found as text, number, hexadecimal and packed."""
    address, network = (".".join(map(str, parts)) for parts in (octets, (*octets[:3], 0)))
    packed, cut = bytes(octets), bytes((*octets[:3], 0))
    for form in (
        address.encode(), network.encode(), packed, cut, packed.hex().encode(), cut.hex().upper().encode(),
        str(int.from_bytes(packed)).encode(), str(int.from_bytes(cut)).encode(),
        f"::ffff:{packed.hex()[:4]}:{packed.hex()[4:]}".encode(),
        hashlib.sha256(address.encode()).digest(), hashlib.md5(network.encode(), usedforsecurity=False).digest(),
        hashlib.sha1(cut, usedforsecurity=False).hexdigest().upper().encode(),
    ):  # fmt: skip
        assert holds(before + form + after, address_forms(address))


@given(content=st.binary(max_size=300))
def test_nothing_is_found_where_nothing_is(content: bytes) -> None:
    """A mark that was not put there is not found."""
    assert not holds(content, forms(Mark("path", "kanarie-die-er-niet-is")))


@pytest.mark.parametrize("place", [0, CHUNK_BYTES - 10, CHUNK_BYTES, 2 * CHUNK_BYTES - 3])
def test_a_mark_is_found_across_chunks(place: int, tmp_path: Path) -> None:
    """A mark is found wherever in a large file it lies, also where two reads meet."""
    file = tmp_path / "history"
    file.write_bytes(bytes(place) + b"kanarie0123456789" + bytes(CHUNK_BYTES))
    read, found = search([file, tmp_path / "gone"], forms(Mark("path", "kanarie0123456789")))
    assert (found, read > place) == (["history"], True)


def test_a_hunt_tells_what_was_found_where() -> None:
    """Several marks are looked for at once; each is told apart, in every piece of every place."""
    needles = Needles({"one": [b"kanarie-een"], "two": [b"kanarie-twee"], "three": [b"kanarie-drie"]})
    places = [("a", [b"..KANARIE-", b"een..", b"kanarie-twee"]), ("b", [b"kanarie-twee"]), ("c", [])]
    read, found = hunt(places, needles)
    assert (read, found) == (39, {"one": ["a"], "two": ["a", "b"]})


def test_a_search_for_nothing_is_an_error(tmp_path: Path) -> None:
    """Without anything to search for there is no result, least of all "nothing found"."""
    with pytest.raises(ValueError, match="nothing"):
        search([tmp_path], [])
