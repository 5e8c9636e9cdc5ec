"""No page, text or document claims more than the product can keep."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
#: Where people read: everything that is printed, shown or published.
READ_BY_PEOPLE: Final = (
    "*.md",
    "turven/*.py",
    "schema.sql",
    "docs/**/*.md",
    "deploy/*",
    "collector/**/*.py",
    "collector/static/*",
    "dashboard/**/*",
)
SUFFIXES: Final = frozenset(
    {
        "",
        ".conf",
        ".css",
        ".html",
        ".jinja",
        ".js",
        ".json",
        ".md",
        ".po",
        ".py",
        ".service",
        ".sql",
        ".toml",
        ".ts",
        ".txt",
        ".yaml",
    }
)
#: A law is kept by a controller, not by a program; no authority has certified or approved anything here; and while a
#: day runs its pseudonyms are personal data.
CLAIMS: Final = (
    r"(avg|gdpr|privacy|eprivacy)[\s-]*(proof|compliant|conform|certified|safe)\b",
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
# Lines of a document break anywhere.
_CLAIM: Final = re.compile("|".join(CLAIMS).replace(" ", r"\s+"), re.IGNORECASE)


def texts() -> list[Path]:
    """Return every file that is read by people."""
    found = {path for pattern in READ_BY_PEOPLE for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.suffix in SUFFIXES and "__pycache__" not in path.parts)


def test_no_text_over_claims() -> None:
    """Nothing that people read says that the law is met by the program, or that no personal data is involved."""
    found = [
        f"{path.relative_to(ROOT)}: {' '.join(claim.group().split())}"
        for path in texts()
        for claim in _CLAIM.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_what_people_read_is_scanned() -> None:
    """The scan reaches the README, the texts for visitors, the templates and the deploy files."""
    names = {path.relative_to(ROOT).as_posix() for path in texts()}
    assert names >= {
        "README.md",
        "dashboard/texts/nl.md.jinja",
        "dashboard/templates/public/privacy.html",
        "dashboard/public_words.py",
        "deploy/akamai.md",
        "docs/guides/install.md",
    }


@pytest.mark.parametrize(
    "claim",
    [
        "Turven is AVG-proof.",
        "GDPR compliant analytics",
        "a certified product",
        "It stores no personal\ndata.",
        "bewaart geen persoonsgegevens",
        "volledig anoniem",
        "goedgekeurd door de Autoriteit Persoonsgegevens",
        "no consent needed",
    ],
)
def test_an_over_claim_is_found(claim: str) -> None:
    """The scan finds what it is there to find."""
    assert _CLAIM.search(claim)
