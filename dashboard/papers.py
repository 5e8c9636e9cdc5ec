"""Papers for a privacy officer, made from the settings in force: summary, DPIA sheet, breach text, art. 30 register.

The words stand in `texts/papers/`, one file a paper and language. Figures and names are put in here, so that a changed
setting changes the paper.
"""

import html
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib.resources import files
from typing import Any, Final, Literal

from jinja2 import Environment

from collector import __version__
from collector.audit.kept import inventory
from collector.audit.register import EEA, Record, describe, records
from collector.model import Dimension, Site
from collector.policy import IPV4_BITS_MAX, IPV6_BITS_MAX, K_FLOOR, RETENTION_DAYS_MAX, Rules
from collector.settings import Settings
from dashboard.markup import line, texts_of, tidy, to_html
from dashboard.names import NAMES, named
from dashboard.visitor_text import Language, site_facts


class Paper(StrEnum):
    """Name a paper."""

    SUMMARY = "summary"
    DPIA = "dpia"
    BREACH = "breach"
    REGISTER = "register"


#: Markdown; HTML to stand in a page; or a page of its own, to be printed.
Form = Literal["markdown", "html", "page"]
#: Languages that papers are written in.
LANGUAGES: Final = (Language.NL, Language.EN)
_ROOM: Final = re.compile(r"^\[\[room: (?P<lines>\d)\]\]$", re.MULTILINE)
#: A name may end with a stop (B.V.), and so may the sentence that it ends.
_TWO_STOPS: Final = re.compile(r"(?<!\.)\.\.(?!\.)")
_DOTS: Final = "…" * 40
_TITLE: Final = re.compile(r"^# (.+)$", re.MULTILINE)


def _environment() -> Environment:
    folder = files("dashboard") / "texts" / "papers"
    names = [f"{paper}.{language}" for paper in Paper for language in LANGUAGES]
    return texts_of({name: (folder / f"{name}.md.jinja").read_text("utf-8") for name in names})


_TEXTS: Final = _environment()


def paper(
    name: str, site: Site, rules: Rules, settings: Settings, *, language: Language, form: Form = "markdown"
) -> str:
    """Write a paper about one site.

    Args:
        name: One of `Paper`.
        site: What its controller has switched on.
        rules: What is in force for it.
        settings: Settings of the house.
        language: Dutch for all but English.
        form: Markdown, HTML without a frame, or a whole page to print.

    Raises:
        ValueError: There is no paper of that name.
    """
    wanted = Paper(name)
    if wanted is Paper.REGISTER:
        columns = [describe(*_split(key), kind, comment) for key, (kind, comment) in inventory().items()]
        made = records(columns, settings=settings, sites=[site], rules=lambda _site: rules, version=__version__)
        return register_paper(made, language=language, form=form)
    return _write(wanted, _facts(site, rules, settings, tag=language.tag), tag=language.tag, form=form)


def register_paper(made: Sequence[Record], *, language: Language, form: Form = "markdown") -> str:
    """Write the register of art. 30 that `collector.audit.register` has made, of one controller or of all."""
    facts = {"records": made, "names": NAMES[language.tag], "version": __version__}
    return _write(Paper.REGISTER, facts, tag=language.tag, form=form)


def style() -> str:
    """Return the style sheet of a page."""
    return (files("dashboard") / "static" / "papers.css").read_text("utf-8")


def _split(key: str) -> tuple[str, str]:
    table, _, column = key.partition(".")
    return table, column


def _write(wanted: Paper, facts: Mapping[str, Any], *, tag: str, form: Form) -> str:
    text = _TWO_STOPS.sub(".", tidy(_TEXTS.get_template(f"{wanted}.{tag}").render(facts)))
    if form == "markdown":
        return _ROOM.sub(lambda found: "\n\n".join([_DOTS] * int(found["lines"])), text)
    body = to_html(text, special=_room)
    return body if form == "html" else _page(body, text, tag=tag)


def _room(block: str) -> str | None:
    """Return empty lines to write on."""
    found = _ROOM.fullmatch(block)
    return f'<p class="room">{"<br>" * int(found["lines"])}</p>' if found else None


def _page(body: str, text: str, *, tag: str) -> str:
    found = _TITLE.search(text)
    title = html.escape(found[1]) if found else ""
    return (
        f'<!doctype html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style()}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _facts(site: Site, rules: Rules, settings: Settings, *, tag: str) -> dict[str, Any]:
    """Return what the papers say of a site, beside what the text for its visitors says."""
    word = partial(named, tag=tag)
    public = settings.public
    return site_facts(site, rules, settings, language=Language(tag)) | {
        "site_id": site.id,
        "version": __version__,
        "agreement": line(site.agreement),
        "agreed_on": site.agreed_on.isoformat() if site.agreed_on else "",
        "controller_contact": line(site.controller_contact),
        "officer": line(site.privacy_officer),
        "legal_basis": line(site.legal_basis),
        "operator_officer": line(public.privacy_officer),
        "sub_processors": [
            {"name": line(x.name), "task": line(x.task), "country": x.country, "is_beyond": x.country not in EEA}
            for x in public.sub_processors
        ],
        "profile": site.profile.value,
        "breakdowns": word(one.value for one in rules.dimensions),
        "pairs": len(rules.pairs),
        "sensitive": len(site.sensitive),
        "templates": len(site.templates),
        "may_echo": site.may_echo,
        "keep_day": settings.keep_day_through_reboot,
        "example": _example(rules.k),
        "floors": {
            "k": K_FLOOR, "retention_days": RETENTION_DAYS_MAX, "ipv4_bits": IPV4_BITS_MAX, "ipv6_bits": IPV6_BITS_MAX,
        },
        "held_extra": word(one.value for one in _HELD_WHERE_KEPT if one in rules.dimensions),
    }  # fmt: skip


#: What an event holds of a running day only where the site's rules keep it.
_HELD_WHERE_KEPT: Final = (
    Dimension.EVENT,
    Dimension.PROPERTY,
    Dimension.CAMPAIGN,
    Dimension.VIEWPORT,
    Dimension.LANGUAGE,
    Dimension.BROWSER_MAJOR,
)


def _example(k: int) -> dict[str, int]:
    """Return three groups of a day: one that shows, and two that only show together."""
    big, small, smallest = 3 * k, k - 1, max(1, 2 * k // 5)
    return {"big": big, "small": small, "smallest": smallest, "together": small + smallest}
