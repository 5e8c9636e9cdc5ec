"""No page, text or document claims more than the product can keep."""

from pathlib import Path
from typing import Final

import pytest

from collector.audit.claims import find_claims, package_texts, read_by_people, seen_text

ROOT: Final = Path(__file__).parents[2]
#: Where people read, beside the program itself: everything that is printed, shown or published.
READ_BY_PEOPLE: Final = (
    "*.md",
    "schema.sql",
    "docs/**/*.md",
    "deploy/*",
)


def texts() -> list[Path]:
    """Return every file that is read by people."""
    return read_by_people({path for pattern in READ_BY_PEOPLE for path in ROOT.glob(pattern)} | {*package_texts()})


def test_no_text_over_claims() -> None:
    """Nothing that people read says that the law is met by the program, or that no personal data is involved."""
    found = [f"{path.relative_to(ROOT)}: {claim}" for path in texts() for claim in find_claims(path.read_text("utf-8"))]
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
    assert find_claims(claim)


def test_a_claim_is_found_through_elements_and_entities() -> None:
    """What a reader sees is scanned, not how the page is written; attributes and comments are not read aloud."""
    assert find_claims(seen_text("<p>bewaart <b>geen</b>&nbsp;persoons<!-- x -->gegevens</p>")) == []
    assert find_claims(seen_text("<p>bewaart <b>geen</b>&nbsp;persoonsgegevens</p>")) == ["geen persoonsgegevens"]
    assert find_claims(seen_text('<a href="/gdpr-proof">hier</a>')) == []


def test_the_installed_program_is_scanned_too() -> None:
    """What the audit scans of the program is the whole of its three packages: code, templates, texts and scripts."""
    names = {path.relative_to(ROOT).as_posix() for path in package_texts()}
    assert names >= {"turven/sites.py", "collector/static/turven.js", "dashboard/texts/en.md.jinja"}
    assert {name.partition("/")[0] for name in names} == {"collector", "dashboard", "turven"}
