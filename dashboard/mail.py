"""Write a report as a letter: the overview's figures of a week or a month, as HTML and as plain text.

Nothing in it is fetched from anywhere, and nobody learns whether it was read: no picture, no sheet, no address that
counts. What a mail program does not show (a drawing) stands in a table too.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from typing import Any, Final

import msgspec
from babel.dates import format_date
from jinja2 import Environment, select_autoescape

from collector.model import Site
from dashboard.answer import report_of
from dashboard.chart import Chart, draw
from dashboard.desk.mailings import Mailing
from dashboard.frame import templates, words
from dashboard.house import House
from dashboard.metrics import Key, mark
from dashboard.query import Period, Query, Span
from dashboard.report import Report
from dashboard.view import View
from dashboard.words import Words

ROWS_MAX: Final = 10
#: In plain text a long address would break the table.
TEXT_LENGTH_MAX: Final = 60
_NAME_WIDTH, _VALUE_WIDTH = 34, 16
SHOWN: Final = ("pages", "sources")
#: Weekdays match: a week is set against the one four weeks before, a month against the one 52 weeks before.
COMPARED: Final = {"week": 28, "month": 364}
WEEK: Final = mark("week {week}, {span}")
SENDER_WITHOUT_SERVER: Final = "turven@localhost"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a report as it is read."""

    subject: str
    html: str
    text: str
    stop_url: str
    language: str


def query_of(mailing: Mailing, span: Span) -> Query:
    """Return what a report says: the same as the overview at that address."""
    period = Period.month(span.first) if mailing.every == "month" else Period.own(span.first, span.last)
    return Query(sites=(mailing.site,), period=period, compare=COMPARED[mailing.every])


def letter(house: House, mailing: Mailing, span: Span, *, site: Site, base_url: str) -> Letter:
    """Return the report of *span*.

    Args:
        house: Of the figures.
        mailing: Whose report it is, and in which language.
        span: A week or a month that is closed.
        site: The mailing's.
        base_url: Where browsers reach the house.
    """
    query = query_of(mailing, span)
    report = report_of(house, query, sites=[site], limit=ROWS_MAX)
    view = View(words()[mailing.language], base_path=base_url, kept=[("lang", mailing.language)])
    stop_url = view.path(f"/weekly/stop/{mailing.stop}")
    values: dict[str, Any] = {
        "_": view.words.text,
        "n_": view.words.count,
        "view": view,
        "words": view.words,
        "site": site,
        "every": mailing.every,
        "report": report,
        "query": query,
        # A young site has nothing to be set against: then nothing is said of it.
        "before": report.previous_span if any(figure.previous for figure in report.figures) else None,
        "chart": _chart(report, view),
        "panels": [panel for panel in report.panels if panel.name in SHOWN and panel.rows],
        "rows_max": ROWS_MAX,
        "url": view.url(query),
        "stop_url": stop_url,
        "title": _title(view.words, mailing, span),
    }
    return Letter(
        subject=f"{site.id}: {values['title']}",
        html=templates().get_template("mail/report.html").render(values),
        text=_plain().get_template("mail/report.txt").render(values | {"line": _line}),
        stop_url=stop_url,
        language=mailing.language,
    )


def message(
    letter: Letter, *, sender: str, receiver: str, at: datetime, random: Callable[[int], bytes]
) -> EmailMessage:
    """Return *letter* as a mail of two parts that say the same.

    Args:
        letter: What it says.
        sender: Address that it comes from.
        receiver: Address that it goes to.
        at: Aware; when it is sent.
        random: Makes bytes of chance, for the mail's own number.
    """
    made = EmailMessage(policy=SMTP)
    sender = sender or SENDER_WITHOUT_SERVER
    made["From"] = sender
    made["To"] = receiver
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{random(16).hex()}@{sender.rpartition('@')[2]}>"
    made["Content-Language"] = letter.language
    # A machine wrote it, so a machine that is away need not answer it.
    made["Auto-Submitted"] = "auto-generated"
    made["List-Unsubscribe"] = f"<{letter.stop_url}>"
    if letter.stop_url.startswith("https://"):
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(letter.text)
    made.add_alternative(letter.html, subtype="html")
    return made


@cache
def _plain() -> Environment:
    """Return the templates for plain text, in which nothing is escaped."""
    return templates().overlay(autoescape=select_autoescape(("html",)))


def _title(speech: Words, mailing: Mailing, span: Span) -> str:
    if mailing.every == "month":
        return speech.day(span.first, "month")
    week = format_date(span.first, format="w", locale=speech.locale)
    return speech.text(WEEK, week=week, span=speech.span(span.first, span.last))


def _chart(report: Report, view: View) -> Chart | None:
    return draw(
        report.points,
        Key.VISITORS,
        previous=report.previous_blocks,
        name_value=lambda value: view.axis(Key.VISITORS, value),
        name_point=view.tick,
    )


def _short(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else text[: TEXT_LENGTH_MAX - 1] + "…"


def _line(name: str, *values: str) -> str:
    """Return a line of a table in plain text, its figures at the right."""
    return f"  {_short(name):<{_NAME_WIDTH}}" + "".join(f" {value:>{_VALUE_WIDTH}}" for value in values)
