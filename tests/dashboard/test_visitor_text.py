"""The text for visitors says what is in force, in three languages."""

import re
from itertools import product

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.effective import country_from
from collector.model import Dimension, Identity, Profile, Site
from collector.policy import IPV4_BITS_MAX, IPV6_BITS_MAX, RETENTION_DAYS_MAX
from collector.settings import Privacy, Public, Server, Settings
from dashboard.names import NAMES
from dashboard.visitor_text import Language, visitor_text

EVERY_SITE = list(product(Profile, Identity))


def text(site: Site, *, language: Language = Language.NL, settings: Settings | None = None, form: str = "") -> str:
    """Write the text of *site*."""
    house = settings or Settings(privacy=Privacy(profile=Profile.OPEN, k=5))
    rules = house.privacy.rules_of(site)
    return visitor_text(site, rules, house, language=language, form="html" if form else "markdown")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("profile", "identity"), EVERY_SITE)
@pytest.mark.parametrize("is_named", [True, False])
def test_no_placeholder_stays_empty(
    school: Site, *, language: Language, profile: Profile, identity: Identity, is_named: bool
) -> None:
    """Whatever a site has switched on, its text has no gap: every name and number is filled in."""
    site = msgspec.structs.replace(school, profile=profile, identity=identity)
    if not is_named:
        site = msgspec.structs.replace(site, controller="", agreement="", agreed_on=None, is_on=False)
    written = text(site, language=language)
    assert not re.search(r"\{\{|\}\}|\{%|None|Undefined|undefined|\bTrue\b|\bFalse\b", written)
    # A value that came out empty leaves two spaces, or a space before the stop.
    assert not re.search(r"(?<=\S)  | [.,;:]|\(\)|\n{3}", written)
    assert re.search(rf"\b{Settings(privacy=Privacy(profile=Profile.OPEN, k=5)).privacy.rules(profile).k}\b", written)


@pytest.mark.parametrize("language", [Language.NL, Language.EN])
def test_the_five_statements_stand_in_the_text(school: Site, language: Language) -> None:
    """The text names controller and processor, the agreement, the cut address, that nothing is shared, the opt-out."""
    settings = Settings(public=Public(operator="Toetsbouwers B.V.", contact="privacy@toets.example"))
    written = text(school, language=language, settings=settings)
    assert "De Schoolvereniging" in written
    assert "Toetsbouwers B.V." in written
    assert "privacy@toets.example" in written
    for dutch, english in (
        ("verwerkersovereenkomst", "processor agreement"),
        ("blijven de eerste drie getallen van de vier over", "the first three numbers of the four are left"),
        ("stuurt niets naar andere bedrijven", "sends nothing to other companies"),
        ("Eén klik is genoeg", "One click is enough"),
        ("artikel 11.7a", "11.7a"),
        ("beperkt analytisch", "beperkt analytisch"),
        ("een persoonsgegeven (een pseudoniem)", "personal data (a pseudonym)"),
        ("760 dagen (ongeveer 25 maanden)", "760 days (about 25 months)"),
    ):
        assert (dutch if language is Language.NL else english) in written


def test_identity_says_what_stays_on_the_device(school: Site) -> None:
    """A site in `network` identity says that nothing is stored; one in `browser` names the number and its end."""
    browser = msgspec.structs.replace(school, identity=Identity.BROWSER)
    assert "Op uw apparaat slaan wij niets op." in text(school)
    assert "localStorage" not in text(school)
    assert "één willekeurig getal" in text(browser)
    assert "Het geldt tot middernacht" in text(browser)
    assert "slaan wij niets op" not in text(browser)


def test_a_profile_that_forbids_the_number_is_told_as_it_is_in_force(school: Site) -> None:
    """Where the profile allows only `network`, the text never speaks of a number, whatever was picked."""
    site = msgspec.structs.replace(school, profile=Profile.STRICT, identity=Identity.BROWSER)
    assert "localStorage" not in text(site)


def test_only_what_is_kept_is_named(school: Site) -> None:
    """Campaign, language, screen and properties are named where the profile keeps them, and nowhere else."""
    loose = text(msgspec.structs.replace(school, profile=Profile.OPEN))
    usual = text(school)
    for phrase in ("campagne", "de taal", "breed het scherm", "kenmerken", "hoofdnummer"):
        assert phrase in loose
        assert phrase not in usual
    assert "een bestand downloaden" in usual
    assert "een bestand downloaden" not in text(msgspec.structs.replace(school, profile=Profile.STRICT))


@pytest.mark.parametrize("dimension", [d for d in Dimension if d not in {Dimension.TOTAL, Dimension.HOUR}])
def test_every_dimension_changes_the_text(school: Site, dimension: Dimension) -> None:
    """No dimension is kept in silence: taking it away makes every text shorter."""
    settings = Settings(privacy=Privacy(profile=Profile.OPEN, k=5))
    rules = settings.privacy.rules(Profile.OPEN)
    less = msgspec.structs.replace(rules, dimensions=tuple(kept for kept in rules.dimensions if kept is not dimension))
    for language in Language:
        longer, shorter = (visitor_text(school, r, settings, language=language) for r in (rules, less))
        assert len(shorter) < len(longer)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("dimension", [d for d in Dimension if d not in {Dimension.TOTAL, Dimension.HOUR}])
def test_what_a_controller_switched_off_is_told(school: Site, dimension: Dimension, language: Language) -> None:
    """A breakdown that is switched off is named as such, and no longer among what is counted."""
    site = msgspec.structs.replace(school, profile=Profile.OPEN, without=(dimension,))
    written = text(site, language=language)
    off = f": {NAMES[language.tag][dimension]}."
    assert written.count(off) == 1
    assert off not in text(msgspec.structs.replace(school, profile=Profile.OPEN), language=language)
    settings = Settings(privacy=Privacy(profile=Profile.OPEN, k=5))
    silent = visitor_text(
        msgspec.structs.replace(site, without=()), settings.privacy.rules_of(site), settings, language=language
    )
    assert len(written) == len(silent) + len(next(block for block in written.split("\n\n") if off in block)) + 2


def test_what_the_profile_never_counts_is_not_called_switched_off(school: Site) -> None:
    """Only what would be counted otherwise is told to be switched off."""
    site = msgspec.structs.replace(school, without=(Dimension.LANGUAGE,))
    assert text(site, settings=Settings()) == text(school, settings=Settings())


@given(k=st.integers(0, 40), days=st.integers(0, RETENTION_DAYS_MAX + 40), language=st.sampled_from(Language))
def test_a_stricter_site_is_told_as_it_is(k: int, days: int, language: Language) -> None:
    """A controller's own threshold and retention period stand in the text where they are stricter, else the house's."""
    settings = Settings(privacy=Privacy(retention_days=400))
    site = Site(id="s", hosts=("s.example",), identity=Identity.NETWORK, k=k, retention_days=days)
    written = text(site, language=language, settings=settings)
    assert re.search(rf"\b{max(k, 10)} (bezoekers|visitors|mensen)\b", written)
    assert re.search(rf"\b{min(days or 400, 400)} (dag|dagen|day|days)\b", written)


@given(
    ipv4=st.integers(0, IPV4_BITS_MAX),
    ipv6=st.integers(0, IPV6_BITS_MAX),
    days=st.integers(1, RETENTION_DAYS_MAX),
    language=st.sampled_from(Language),
)
def test_stricter_settings_are_told_as_they_are(ipv4: int, ipv6: int, days: int, language: Language) -> None:
    """Whatever the house masks more or keeps shorter stands in the text as it is in force."""
    settings = Settings(privacy=Privacy(ipv4_bits=ipv4, ipv6_bits=ipv6, retention_days=days))
    site = Site(id="s", hosts=("s.example",), controller="C", agreement="A", is_on=True, identity=Identity.NETWORK)
    written = text(site, language=language, settings=settings)
    assert re.search(rf"\b{days} (dag|dagen|day|days)\b", written)
    if language is not Language.NL_PUPILS:
        assert re.search(rf"\b{min(days, 62)} (dag|dagen|day|days)\b", written)
        assert (f" {ipv6} " in written) == (ipv6 > 0)
        if ipv4 % 8:
            assert f" {ipv4} " in written


@given(name=st.text(max_size=60) | st.sampled_from(["#", "## x", "- x", "**x**", "a\n\n# b", "[[opt-out: x]]"]))
@example("#")
@example("[[opt-out: x]]")
def test_a_name_cannot_become_markup(name: str) -> None:
    """A controller's name is text, whatever it is made of: no heading, no list, no element and no second button."""
    site = Site(id="s", hosts=("s.example",), controller=name, identity=Identity.NETWORK)
    plain = msgspec.structs.replace(site, controller="C")
    tags = re.compile(r"<[^>]*>")
    for form in ("html", ""):
        assert tags.findall(text(site, form=form)) == tags.findall(text(plain, form=form))
    marks = re.compile(r"^(?:#+|-)(?= )", re.MULTILINE)
    assert marks.findall(text(site)) == marks.findall(text(plain))


@pytest.mark.parametrize("language", Language)
def test_the_opt_out_is_a_button_that_the_tracker_hears(school: Site, language: Language) -> None:
    """In Markdown and in HTML the opt-out is one button with the tracker's attribute, without a script."""
    for form in ("", "html"):
        written = text(school, language=language, form=form)
        assert written.count("<button") == written.count("data-turven-opt-out>") == 1
        assert "<script" not in written


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Server(), "table"),
        (Server(country_file="/srv/country.mmdb"), "file"),
        (Server(country_header="X-Country", country_file="/srv/country.mmdb"), "header"),
    ],
)
def test_the_origin_of_the_country_is_told(school: Site, server: Server, expected: str) -> None:
    """The text says whether a delivering service or a list of our own names the country."""
    assert country_from(server) == expected
    told = "horen wij van de dienst" in text(school, settings=Settings(server=server))
    assert told == (expected == "header")
