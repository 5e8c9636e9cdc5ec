"""What no page, text or document may claim: more than a program can keep."""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: A law is kept by a controller, not by a program; no authority has put its stamp on anything here; and while a
#: day runs its pseudonyms are personal data. Each pattern is written so that it does not find itself.
CLAIMS: Final = (
    r"(avg|gdpr|privacy|eprivacy)[\s-]*(proof|compliant|conform|safe|certif(?:ied))\b",
    r"\b(gdpr|avg)[\s-]+ready\b",
    r"\bcertified\b",
    r"\bgecertificeerd",
    r"\b(goedgekeurd|erkend) door (de )?(ap|autoriteit)\b",
    r"\bapproved by (the )?(ap|dpa|cnil|dutch)\b",
    r"\b(no|without|zero|contains no) personal data\b",
    r"\b(geen|zonder) persoonsgegevens\b",
    r"\banoniem volgens de wet\b",
    r"\b(fully|completely|truly|100\s?%|legally) anonym",
    r"\b(volledig|helemaal|100\s?%|wettelijk|echt) ano?niem",
    r"\bno (consent|cookie banner) (is )?(needed|required)\b",
    r"\bgeen (toestemming|cookiebanner) nodig\b",
    r"\bno cookies,? so no\b",
    r"\bimpossible to (identify|re-?identify)\b",
)
#: What of a package is read by people, and not by a machine alone.
SUFFIXES: Final = frozenset(
    {
        "", ".conf", ".css", ".html", ".jinja", ".js", ".json", ".md", ".po", ".py", ".service", ".sql", ".toml", ".ts",
        ".txt", ".yaml",
    }
)  # fmt: skip
_PACKAGES: Final = ("collector", "dashboard", "turven")
# Lines of a document break anywhere.
_CLAIM: Final = re.compile("|".join(CLAIMS).replace(" ", r"\s+"), re.IGNORECASE)
_UNSEEN: Final = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)


def find_claims(text: str) -> list[str]:
    """Return every over-claim of *text*, each on one line."""
    return [" ".join(found.group().split()) for found in _CLAIM.finditer(text)]


def seen_text(page: str) -> str:
    """Return what a reader sees of a page: a claim may be broken by elements, and spelt with entities."""
    return html.unescape(_UNSEEN.sub(" ", page))


def read_by_people(paths: Iterable[Path]) -> list[Path]:
    """Return the files among *paths* that hold text, in order."""
    return sorted(
        path for path in paths if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts
    )


def package_texts(root: Path = Path(__file__).parents[2]) -> list[Path]:
    """Return the files of the program itself that hold text: code, templates, texts, scripts, as they are installed."""
    return read_by_people(path for name in _PACKAGES for path in (root / name).rglob("*"))
