"""The text for visitors, made from the settings in force: plain Dutch, Dutch for pupils, and English.

The words stand in `texts/`, one file a language. What they say of a site is worked out here, so that a changed setting
changes the text and no text can promise what is not in force.
"""

import html
import re
from enum import StrEnum
from functools import partial
from importlib.resources import files
from typing import Any, Final, Literal

from jinja2 import Environment

from collector.effective import country_from
from collector.model import Dimension, Site
from collector.policy import HOUR_ROWS_DAYS_MAX, Rules
from collector.settings import Settings
from dashboard.markup import line, texts_of, tidy, to_html
from dashboard.names import listed, named

_DAYS_A_MONTH: Final = 365.25 / 12
_BITS_A_NUMBER: Final = 8
_DEVICE_KINDS: Final = (Dimension.BROWSER, Dimension.OS, Dimension.DEVICE)
_SWITCH: Final = re.compile(r"\[\[opt-out: (?P<label>[^\]]+)\]\]")


class Language(StrEnum):
    """Name a language, or a reader, that the text is written for."""

    NL = "nl"
    NL_PUPILS = "nl-pupils"
    EN = "en"

    @property
    def tag(self) -> str:
        """Return the language tag for HTML."""
        return self.value.partition("-")[0]


#: What a controller is called that nobody has named yet.
_NAMELESS: Final = {
    Language.NL: "De organisatie achter deze site",
    Language.NL_PUPILS: "De school of organisatie achter deze site",
    Language.EN: "The organisation behind this site",
}


def _environment() -> Environment:
    folder = files("dashboard") / "texts"
    names = {language.value: f"{language.value.replace('-', '_')}.md.jinja" for language in Language}
    return texts_of({language: (folder / name).read_text("utf-8") for language, name in names.items()})


_TEXTS: Final = _environment()


def visitor_text(
    site: Site,
    rules: Rules,
    settings: Settings,
    *,
    language: Language,
    form: Literal["markdown", "html"] = "markdown",
    switch: str | None = None,
) -> str:
    """Write what the visitors of *site* are to be told.

    The place of the opt-out is a button with the attribute `data-turven-opt-out`, which the tracker listens to on
    every page that it counts.

    Args:
        site: What its controller has switched on.
        rules: What is in force for it.
        settings: Settings of the house.
        language: Whom it is written for.
        form: Markdown, or HTML without a frame (headings, paragraphs, lists), to be pasted into a page.
        switch: HTML to stand in place of the button; for pages of our own.
    """
    words = _TEXTS.get_template(language.value).render(site_facts(site, rules, settings, language=language))
    text = tidy(words)
    if form == "html":
        return to_html(text, special=partial(_switch, switch=switch))
    return _SWITCH.sub(lambda found: switch if switch is not None else _button(found["label"]), text)


def site_facts(site: Site, rules: Rules, settings: Settings, *, language: Language) -> dict[str, Any]:
    """Return what texts about a site are made of, each name on one line and without marks of Markdown."""
    retention = rules.retention_days
    whole, rest = divmod(rules.ipv4_bits, _BITS_A_NUMBER)
    nameless = _NAMELESS[language]
    keeps = {dimension.value for dimension in rules.dimensions}
    return {
        "controller": line(site.controller) or nameless,
        "the_controller": line(site.controller) or nameless[0].lower() + nameless[1:],
        "operator": line(settings.public.operator),
        "contact": line(settings.public.contact),
        "has_agreement": bool(site.agreement),
        "is_on": site.is_on,
        "has_one_host": len(site.hosts) == 1 and not site.hosts[0].startswith("*"),
        "has_hash_routes": "hash" in site.scripts,
        "hosts": listed(site.hosts, tag=language.tag),
        "identity": rules.identity(site.identity).value,
        "k": rules.k,
        "keeps": keeps,
        "own_properties_only": rules.own_properties_only,
        "devices": named((kind for kind in _DEVICE_KINDS if kind in keeps), tag=language.tag),
        "switched_off": named(
            (one for one in settings.privacy.rules(site.profile).dimensions if one in site.without), tag=language.tag
        ),
        "templates_only": rules.templates_only,
        "ipv4_bits": rules.ipv4_bits,
        "ipv4_parts": whole if rest == 0 else None,
        "ipv6_bits": rules.ipv6_bits,
        "country_from": country_from(settings.server),
        "retention_days": retention,
        "retention_months": round(retention / _DAYS_A_MONTH),
        "hour_rows_days": min(retention, HOUR_ROWS_DAYS_MAX),
    }


def _button(label: str) -> str:
    return f'<button type="button" data-turven-opt-out>{html.escape(label)}</button>'


def _switch(block: str, *, switch: str | None) -> str | None:
    found = _SWITCH.fullmatch(block)
    if found is None:
        return None
    return switch if switch is not None else f"<p>{_button(found['label'])}</p>"
