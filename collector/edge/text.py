"""Read text as it is meant and not as it is written: percent-encoding, look-alike letters, invisible marks."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from collector.edge.identifiers import has_identifier

#: How often text is decoded until it stays the same; nobody honest encodes more often.
ROUNDS_MAX: Final = 8

_PLAIN: Final = re.compile(r"[!-$&-~]*")
_FORBIDDEN: Final = re.compile(r"[?#;@%\s]+")


def decode(written: str) -> str | None:
    """Undo percent-encoding, compatibility forms and invisible characters until nothing changes.

    Returns:
        Printable text in Unicode form NFKC, or `None` if it still changes after `ROUNDS_MAX` rounds.
    """
    if _PLAIN.fullmatch(written):
        return written
    for _ in range(ROUNDS_MAX):
        meant = unquote(written, errors="replace") if "%" in written else written
        meant = unicodedata.normalize("NFKC", meant)
        # Control characters, marks of writing direction, unassigned and private characters hide what is there.
        if not meant.isprintable() or "\ufffd" in meant:
            meant = "".join(letter for letter in meant if letter.isprintable() and letter != "\ufffd")
        if meant == written:
            return meant
        written = meant
    return None


def label(written: str) -> str | None:
    """Make a label of words that a page or a link brought: printable, one line, without `? # ; @ %`.

    A label does not begin with what a spreadsheet takes for a formula, nor with `(`, which begins reserved labels.

    Returns:
        The label, empty if nothing was left; `None` if the words hold an identifier.
    """
    meant = decode(written)
    if meant is None or has_identifier(meant):
        return None
    return _FORBIDDEN.sub(" ", meant).strip().lstrip("=+-@(:'\" ")
