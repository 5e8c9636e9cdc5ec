"""Add up the pages that begin alike, where the kept cells say it exactly; elsewhere say what stands in the way."""

from enum import StrEnum
from typing import Final

import msgspec

from dashboard.metrics import Key
from dashboard.report import Panel

#: What ends the name of pages that were too small one by one and are counted under their path.
ROLLED_UP: Final = "/…"
#: What begins the part of a path that stands for many.
_STANDS_FOR_MANY: Final = "/:"


class Doubt(StrEnum):
    """Name why a sum could leave something out."""

    OTHER = "other"
    ROLLED_UP = "rolled_up"
    DAYS = "days"
    WITHHELD = "withheld"
    MANY = "many"


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the pages with a beginning came to.

    Attributes:
        pages: Rows that begin so.
        pageviews: Of them all; None where there is a doubt.
    """

    pages: int
    pageviews: int | None
    doubt: Doubt | None


def begin_with(beginning: str, panel: Panel) -> Sum:
    """Return the pageviews of the rows of *panel* whose page begins with *beginning*, if nothing else can hold any."""
    inside = [row for row in panel.rows if row.value.startswith(beginning)]
    doubt = _doubt(beginning, panel)
    amounts = [row.tally[Key.PAGEVIEWS] for row in inside]
    if doubt is None and any(amount.value is None or amount.is_partial for amount in amounts):
        doubt = Doubt.WITHHELD
    total = sum(amount.numerator for amount in amounts)
    return Sum(pages=len(inside), pageviews=None if doubt else total, doubt=doubt)


def _doubt(beginning: str, panel: Panel) -> Doubt | None:
    if panel.rows_count > len(panel.rows):
        return Doubt.MANY
    if panel.other:
        return Doubt.OTHER
    if panel.is_partial:
        return Doubt.DAYS
    for row in panel.rows:
        if not row.value.startswith(beginning) and beginning.startswith(_sure(row.value)):
            return Doubt.ROLLED_UP
    return None


def _sure(page: str) -> str:
    """Return how every page that *page* stands for begins; the whole of a page that stands for itself."""
    if page.endswith(ROLLED_UP):
        return page.removesuffix(ROLLED_UP) + "/"
    before, many, _ = page.partition(_STANDS_FOR_MANY)
    # A page that stands for itself is no beginning of another: "/a" has nothing of "/a/b".
    return f"{before}/" if many else f"{page}\0"
