"""Papers for a privacy officer say what is in force, leave no gap, claim no more than holds, and fit their pages."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

import turven
from collector.audit.claims import find_claims
from collector.audit.questions import REQUIREMENTS
from collector.model import Dimension, Identity, Profile, Site
from collector.policy import IPV4_BITS_MAX, IPV6_BITS_MAX, RETENTION_DAYS_MAX
from collector.settings import Privacy, Public, Server, Settings, SubProcessor
from dashboard.names import NAMES
from dashboard.papers import LANGUAGES, Form, Paper, paper
from dashboard.visitor_text import Language
from tests.browser import open_browser

ROOT: Final = Path(__file__).parents[2]
EVERY_PAPER = list(product(Paper, LANGUAGES))
#: Papers that state what is in force for the site, setting by setting.
STATING = [(name, language) for name, language in EVERY_PAPER if name is not Paper.BREACH]
PUBLIC = Public(
    operator="Toetsbouwers B.V.",
    contact="privacy@toets.example",
    privacy_officer="F. Gever, fg@toets.example",
    sub_processors=(
        SubProcessor(name="Serverzaal", task="hosting", country="NL"),
        SubProcessor(name="Edge Inc.", task="CDN", country="US"),
    ),
)
WHOLE = Settings(public=PUBLIC)
SITE = Site(
    id="school",
    hosts=("www.school.example",),
    controller="De Schoolvereniging",
    controller_contact="privacy@school.example",
    privacy_officer="P. Rivacy, fg@school.example",
    legal_basis="taak van algemeen belang",
    agreement="VO-2026-1",
    agreed_on=date(2026, 8, 1),
    identity=Identity.BROWSER,
    is_on=True,
)
_WORDS = re.compile(r"\{\{|\}\}|\{%|None|Undefined|undefined|\bTrue\b|\bFalse\b|\[\[")
#: A value that came out empty leaves two spaces, a space before the stop, or empty brackets.
_GAPS = re.compile(r"(?<=[^\s|])  |(?<=[\w.)]) [.,;:](?=\s)|\(\)|``|\n{3}|; ;|, ,|: \.")


def written(
    name: Paper,
    site: Site = SITE,
    *,
    language: Language = Language.NL,
    house: Settings = WHOLE,
    form: Form = "markdown",
) -> str:
    """Write a paper as it is in force."""
    return paper(name, site, house.privacy.rules_of(site), house, language=language, form=form)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open one browser for all prints."""
    with open_browser() as opened:
        yield opened


@pytest.mark.parametrize(("name", "language"), EVERY_PAPER)
@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("identity", Identity)
@pytest.mark.parametrize("is_named", [True, False])
def test_no_placeholder_stays_empty(
    name: Paper, *, language: Language, profile: Profile, identity: Identity, is_named: bool
) -> None:
    """Whatever a site has switched on, and whoever is named or not, a paper has no gap where a value belongs."""
    site = msgspec.structs.replace(SITE, profile=profile, identity=identity)
    house = Settings(privacy=Privacy(profile=Profile.OPEN, k=5), public=PUBLIC)
    if not is_named:
        site = Site(id="school", hosts=SITE.hosts, profile=profile, identity=identity)
        house = Settings(privacy=house.privacy)
    text = written(name, site, language=language, house=house)
    assert not _WORDS.search(text)
    assert not _GAPS.search(text)
    assert text.startswith("# ")
    # A block that lost its empty line would run on in the paragraph before it.
    assert all(block.count("#") == 0 or block.startswith("#") for block in text.split("\n\n"))
    assert not re.search(r"^[^|\n].*\n\|", text, re.MULTILINE)
    assert ".." not in text


@pytest.mark.parametrize(("name", "language"), EVERY_PAPER)
@pytest.mark.parametrize("keeps_day", [True, False])
def test_no_paper_over_claims(name: Paper, *, language: Language, keeps_day: bool) -> None:
    """No paper says more than a program can keep; that pseudonyms are personal data is said where they are told of."""
    text = written(name, language=language, house=msgspec.structs.replace(WHOLE, keep_day_through_reboot=keeps_day))
    assert find_claims(text) == []
    pseudonym = "pseudoniem" if language is Language.NL else "pseudonym"
    assert pseudonym in text
    if name in {Paper.SUMMARY, Paper.BREACH}:
        assert ("persoonsgegeven" if language is Language.NL else "personal data") in text


@given(
    k=st.integers(5, 90),
    days=st.integers(1, RETENTION_DAYS_MAX),
    ipv4=st.integers(1, IPV4_BITS_MAX),
    ipv6=st.integers(1, IPV6_BITS_MAX),
    which=st.sampled_from(STATING),
)
@settings(max_examples=40)
def test_every_figure_is_the_one_in_force(
    k: int, days: int, ipv4: int, ipv6: int, which: tuple[Paper, Language]
) -> None:
    """Threshold, retention and what is left of an address stand in the papers as they are in force."""
    house = msgspec.structs.replace(WHOLE, privacy=Privacy(ipv4_bits=ipv4, ipv6_bits=ipv6))
    site = msgspec.structs.replace(SITE, k=k, retention_days=days)
    name, language = which
    text = written(name, site, language=language, house=house)
    assert re.search(rf"\b{max(k, 10)}\b", text)
    assert re.search(rf"\b{days} (dag|dagen|day|days)\b", text)
    assert re.search(rf"\b{min(days, 62)}\b", text)
    assert re.search(rf"\b{ipv4} (of|van|bits)\b", text)
    assert re.search(rf"\b{ipv6} (of|van|bits)\b", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "change", "house"),
    [
        *((name, change, {}) for name in (Paper.SUMMARY, Paper.DPIA, Paper.REGISTER) for change in (
            {"k": 12}, {"retention_days": 100}, {"identity": Identity.NETWORK}, {"profile": Profile.STRICT},
            {"without": (Dimension.DEVICE,)}, {"is_on": False},
        )),
        *((name, {"sensitive": ("/zorg",)}, {}) for name in (Paper.SUMMARY, Paper.DPIA)),
        *((Paper.BREACH, change, {}) for change in (
            {"k": 12}, {"identity": Identity.NETWORK}, {"without": (Dimension.EVENT,)}, {"controller": "Een ander"},
        )),
        *((name, {}, {"keep_day_through_reboot": True}) for name in Paper),
        *((name, {}, {"public": Public()}) for name in Paper),
        *((name, {}, {"server": Server(country_header="X-Country")}) for name in (Paper.DPIA, Paper.REGISTER)),
        *((name, {}, {"privacy": Privacy(ipv4_bits=16)}) for name in (Paper.SUMMARY, Paper.DPIA, Paper.REGISTER)),
    ],
)  # fmt: skip
def test_a_changed_setting_changes_the_paper(
    name: Paper, change: dict[str, Any], house: dict[str, Any], language: Language
) -> None:
    """What is in force differs, so what the paper says differs."""
    site, changed = msgspec.structs.replace(SITE, **change), msgspec.structs.replace(WHOLE, **house)
    assert written(name, site, language=language, house=changed) != written(name, language=language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [Paper.SUMMARY, Paper.DPIA, Paper.REGISTER])
def test_sub_processors_are_named_with_their_country(name: Paper, language: Language) -> None:
    """Whom the operator has do a part of the work stands in the papers by name, with task and country."""
    lines = written(name, language=language).splitlines()
    for company in WHOLE.public.sub_processors:
        assert any({company.name, company.task, company.country} <= _names_in(line, company) for line in lines)


def _names_in(line: str, company: SubProcessor) -> set[str]:
    return {name for name in (company.name, company.task, company.country) if re.search(rf"\b{re.escape(name)}", line)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [Paper.SUMMARY, Paper.DPIA])
def test_what_is_switched_off_is_named(name: Paper, language: Language) -> None:
    """A breakdown that a controller switched off is told as such."""
    site = msgspec.structs.replace(SITE, without=(Dimension.COUNTRY,))
    word = "Uitgezet" if language is Language.NL else "Switched off"
    assert f"{word} " in written(name, site, language=language)
    assert f"{NAMES[language.tag]['country']}." in written(name, site, language=language)
    assert f"{word} door" not in written(name, language=language)


@pytest.mark.parametrize(("name", "language"), EVERY_PAPER)
def test_every_check_that_is_named_exists(name: Paper, language: Language) -> None:
    """A number such as R16 is one of the audit's, and each command is one of the command line's."""
    text = written(name, language=language)
    assert set(re.findall(r"\bR\d+\b", text)) <= {requirement.id for requirement in REQUIREMENTS}
    for words in re.findall(r"`turven ([^`…]+)`", text):
        found: Any = turven.main
        for word in words.split():
            inner = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else None
            found = inner or found
        known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", words)) <= known


def test_the_threshold_is_shown_by_an_example() -> None:
    """At k = 10 the picture has groups of 30, 9 and 4, of which the small ones show as 13 together."""
    rows = [row for row in written(Paper.SUMMARY).splitlines() if row.startswith(("| een ", "| overig"))]
    assert rows == [
        "| een zoekmachine | 30 | 30 |",
        "| een nieuwssite | 9 | telt mee bij ‘overig’ |",
        "| een blog | 4 | telt mee bij ‘overig’ |",
        "| overig | | 13 |",
    ]  # fmt: skip


@given(k=st.integers(5, 500))
def test_the_example_obeys_the_threshold(k: int) -> None:
    """Whatever the threshold is, one group of the picture has it, two have not, and those two have it together."""
    text = written(Paper.SUMMARY, msgspec.structs.replace(SITE, k=k))
    rows = re.findall(r"^\| (?:een \w+|overig) \| (\d*) ?\| (\d*)", text, re.MULTILINE)
    (big, shown), (small, _), (smallest, _), (_, together) = rows
    threshold = max(k, 10)
    assert int(big) == int(shown) >= threshold > int(small) > int(smallest) > 0
    assert int(together) == int(small) + int(smallest) >= threshold


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_breach_tells_what_its_settings_make_of_it(language: Language) -> None:
    """Whether the key lies on disk, and what the code is made of, decide what a finder can read and trace."""
    plain, kept = (
        written(Paper.BREACH, language=language, house=msgspec.structs.replace(WHOLE, keep_day_through_reboot=keeps))
        for keeps in (False, True)
    )
    network = written(Paper.BREACH, msgspec.structs.replace(SITE, identity=Identity.NETWORK), language=language)
    on_disk = "**Bij deze dienst staat `keep_day" if language is Language.NL else "**This house has `keep_day"
    in_memory = "staat alleen in het werkgeheugen" if language is Language.NL else "lies in memory only"
    assert (on_disk in kept, in_memory in kept, kept.count("keep_day_through_reboot")) == (True, False, 2)
    assert (on_disk in plain, in_memory in plain) == (False, True)
    assert "keep_day_through_reboot" not in plain
    assert ("alle netwerken proberen" if language is Language.NL else "try every network") in network
    assert ("alle netwerken proberen" if language is Language.NL else "try every network") not in plain
    assert ("**72 uur**" if language is Language.NL else "**72 hours**") in plain
    assert plain.count("…………") >= 10


@pytest.mark.parametrize(("name", "language"), EVERY_PAPER)
@given(text=st.text(max_size=60) | st.sampled_from(["# x", "- x", "**x**", "| x | y |", "> x", "`x`", "[[room: 9]]"]))
@example(text="a\n\n# b")
@settings(max_examples=6)
def test_a_name_cannot_become_markup(name: Paper, language: Language, text: str) -> None:
    """What people fill in is text, whatever it is made of: no heading, no cell, no code and no element."""
    filled = f"x{text}x"
    named = dict.fromkeys(("controller", "controller_contact", "privacy_officer", "legal_basis", "agreement"), filled)
    company = SubProcessor(name=filled, task=filled, country="NL")
    house = Settings(public=Public(operator=filled, contact=filled, privacy_officer=filled, sub_processors=(company,)))
    calm = Settings(
        public=Public(operator="x", contact="x", privacy_officer="x",
                      sub_processors=(SubProcessor(name="x", task="x", country="NL"),))
    )  # fmt: skip
    tags = re.compile(r"<[^>]*>")
    forms = [
        tags.findall(written(name, msgspec.structs.replace(SITE, **values), language=language, house=one, form="html"))
        for values, one in ((named, house), (dict.fromkeys(named, "x"), calm))
    ]
    assert forms[0] == forms[1]


def longest() -> tuple[Site, Settings]:
    """Return the longest settings that a real site may have."""
    site = msgspec.structs.replace(
        SITE,
        hosts=tuple(
            f"leerlingenportaal-{place}.scholengemeenschap.example" for place in ("noord", "zuid", "oost", "west")
        ),
        controller="Stichting voor Christelijk, Katholiek en Openbaar Voortgezet Onderwijs Kennemerland en Omstreken",
        controller_contact="Bestuursbureau, Lange Voorhout 1234, 2514 AB Den Haag, privacy@scholengemeenschap.example",
        privacy_officer="mr. A.B.C. van der Meulen-Hoogendoorn, functionaris@scholengemeenschap.example, 070 000 00 00",
        profile=Profile.OPEN,
        identity=Identity.NETWORK,
        without=(Dimension.CAMPAIGN, Dimension.LANGUAGE, Dimension.VIEWPORT),
        sensitive=("/zorg",) * 30,
        templates=("/les/:id",) * 120,
    )
    names = ("Datacentrum Noord-Nederland", "Content Delivery International", "Back-up en Herstel", "Postbezorging")
    public = msgspec.structs.replace(
        PUBLIC,
        operator="Vereniging van Onderwijssoftwareontwikkelaars Toetsbouwers B.V.",
        sub_processors=tuple(SubProcessor(name=f"{name} B.V.", task="hosting en CDN", country="NL") for name in names),
    )  # fmt: skip
    house = Settings(public=public, privacy=Privacy(profile=Profile.OPEN, k=5), keep_day_through_reboot=True)
    return site, house


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("site", "house"), [(SITE, WHOLE), longest()], ids=["usual", "longest"])
def test_the_summary_fits_two_pages(browser: Browser, language: Language, site: Site, house: Settings) -> None:
    """Printed on A4 by a real browser, the summary takes two pages, with the longest settings too."""
    page = browser.new_page()
    page.set_content(written(Paper.SUMMARY, site, language=language, house=house, form="page"))
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2


@pytest.mark.parametrize(("name", "language"), EVERY_PAPER)
def test_a_page_needs_nothing_from_elsewhere(name: Paper, language: Language) -> None:
    """A page to print holds its style and no script, link or picture."""
    page = written(name, language=language, form="page")
    assert not re.search(r"<script|<link|<img|src=|url\(|https?:", page)
    assert f'<html lang="{language}">' in page
    assert page.count("<h1>") == 1


def turven_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in *folder*, in a process of its own: a command shuts the process that it runs in."""
    return subprocess.run(
        [sys.executable, "-m", "turven", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TURVEN_RUNTIME_DIR": str(folder / "run")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_what_is_in_force(tmp_path: Path) -> None:
    """`turven paper` prints a paper of a site, and what is not filled in yet with the command that fills it."""
    added = turven_in(tmp_path, "site", "add", "school", "--identity", "browser", "--host", "www.school.example")
    assert added.returncode == 0, added.stderr
    told = turven_in(tmp_path, "paper", "register", "--site", "school")
    assert told.stdout.startswith("# Register van verwerkingsactiviteiten")
    assert "turven site set school --legal-basis" in told.stdout
