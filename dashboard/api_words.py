"""Name what a program can ask for, in the words of Plausible's Stats API v2, and say why the rest is refused."""

from typing import Final

from collector.errors import TurvenError
from collector.model import Dimension
from dashboard.metrics import Key


class QuestionError(TurvenError):
    """Refuse a question, with a sentence that says why and what would work instead."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(code, message)
        self.status = status


#: Metrics that are a figure of the pages by another name.
FIGURES: Final = {
    "visitors": Key.VISITORS,
    "visits": Key.VISITS,
    "pageviews": Key.PAGEVIEWS,
    "views_per_visit": Key.VIEWS_PER_VISIT,
    "bounce_rate": Key.BOUNCE_RATE,
    "visit_duration": Key.VISIT_LENGTH,
    "events": Key.EVENTS,
    "time_on_page": Key.TIME_ON_PAGE,
}
PERCENTAGE: Final = "percentage"
CONVERSION: Final = "conversion_rate"
GROUP_CONVERSION: Final = "group_conversion_rate"
METRICS: Final = (*FIGURES, PERCENTAGE, CONVERSION, GROUP_CONVERSION)

_D = Dimension
DIMENSIONS: Final = {
    "event:page": _D.PAGE,
    "visit:entry_page": _D.ENTRY_PAGE,
    "visit:exit_page": _D.EXIT_PAGE,
    "visit:source": _D.SOURCE,
    "visit:channel": _D.CHANNEL,
    "visit:device": _D.DEVICE,
    "visit:screen": _D.DEVICE,
    "visit:browser": _D.BROWSER,
    "visit:browser_version": _D.BROWSER_MAJOR,
    "visit:os": _D.OS,
    "visit:country": _D.COUNTRY,
    "visit:utm_campaign": _D.CAMPAIGN,
    "event:name": _D.EVENT,
    "event:goal": _D.GOAL,
    # Not Plausible's.
    "event:group": _D.GROUP,
    "event:funnel_step": _D.FUNNEL_STEP,
    "event:scroll": _D.SCROLL,
    "event:next_page": _D.NEXT_PAGE,
    "visit:language": _D.LANGUAGE,
    "visit:viewport": _D.VIEWPORT,
}
PROPERTY: Final = "event:props:"
TIMES: Final = ("time", "time:hour", "time:day", "time:week", "time:month")
#: Periods by Plausible's names; days by a number are whole days that are over.
DAYS: Final = {"7d": 7, "28d": 28, "30d": 30, "91d": 91}
MONTHS: Final = {"6mo": 6, "12mo": 12}
PERIODS: Final = ("day", *DAYS, "month", *MONTHS, "year", "all")

_PLACE: Final = "Of a place only the country is ever known here; ask for visit:country."
_CAMPAIGN: Final = "Of a campaign only its name is kept; ask for visit:utm_campaign or visit:source."
#: What Plausible has and is not known here, each with the nearest that is.
REFUSED: Final = {
    "visit:city": _PLACE,
    "visit:city_name": _PLACE,
    "visit:region": _PLACE,
    "visit:region_name": _PLACE,
    "visit:country_name": "Countries are answered by their code of two letters; ask for visit:country.",
    "visit:utm_term": _CAMPAIGN,
    "visit:utm_content": _CAMPAIGN,
    "visit:utm_medium": "The medium of a campaign decides its channel and is not kept; ask for visit:channel.",
    "visit:utm_source": "What a campaign calls its source is shown as the source; ask for visit:source.",
    "visit:referrer": "Of a referring page only its host is kept, as the source; ask for visit:source.",
    "visit:os_version": "Versions of systems are not kept, since few have the same; ask for visit:os.",
    "event:hostname": "Hosts of one site are counted together; give each host a site of its own.",
    "visit:entry_page_hostname": "Hosts of one site are counted together; ask for visit:entry_page.",
    "visit:exit_page_hostname": "Hosts of one site are counted together; ask for visit:exit_page.",
    "segment": "There are no segments: a filter is one value of one dimension.",
    "scroll_depth": "Depth is kept in quarters, not as an average; ask for pageviews by event:scroll.",
    "average_revenue": "Nothing about money is counted here.",
    "total_revenue": "Nothing about money is counted here.",
    "exit_rate": "Ask for visits by visit:exit_page and by event:page, and divide.",
}
_UNION: Final = "Visitors of several values cannot be added up, since some had both. "
OPERATORS: Final = {
    "is_not": "What is left of k visitors could be few, so nothing is taken away from a figure; ask with and without "
    "the filter `is`.",
    "contains": _UNION + "Use `is` with one value, or event:group for the pages under a path that the site declared.",
    "contains_not": "What is left of k visitors could be few; use `is` with one value.",
    "matches": _UNION + "Use `is` with one value, or event:group for the pages under a path that the site declared.",
    "matches_not": "What is left of k visitors could be few; use `is` with one value.",
    "or": _UNION + "Ask once for each value.",
    "not": "What is left of k visitors could be few; use `is` with one value.",
    "has_done": "What one visitor did one thing after another is counted for declared funnels only; ask for "
    "event:funnel_step.",
    "has_not_done": "What is left of k visitors could be few; declare a funnel and ask for event:funnel_step.",
}


def names(known: object) -> str:
    """Return a list of *known* names for a sentence."""
    return ", ".join(str(one) for one in known)  # type: ignore[attr-defined]
