"""Does the overview say what the file holds?"""

import re
from html import unescape

from tests.dashboard.house import TODAY, House


def figures(page: str) -> dict[str, str]:
    """Return the six figures of a page, by the metric that their link asks for."""
    found = {}
    for block in re.findall(r'<li>\s*<a href="[^"]*" aria-describedby="about-.*?</li>', page, re.DOTALL):
        key = re.search(r'aria-describedby="about-(\w+)"', block)
        value = re.search(r'<span class="value">(.*?)</span>', block, re.DOTALL)
        assert key
        assert value
        found[key[1]] = unescape(re.sub(r"<small>.*?</small>|\s", "", value[1]))
    return found


def test_six_figures_equal_plain_sql(house: House) -> None:
    """Each of the six figures equals what plain SQL says over the same days."""
    page = house.client().get("/?lang=en").text
    where = f"from cell where dimension = 'total' and day >= date '{TODAY}' - 28"
    sums = house.rows(f"select sum(visitors), sum(visits), sum(pageviews), sum(bounces), sum(seconds) {where}")[0]
    visitors, visits, pageviews, bounces, seconds = sums
    minutes, rest = divmod(round(seconds / visits), 60)
    assert figures(page) == {
        "visitors": f"{visitors:,}",
        "visits": f"{visits:,}",
        "pageviews": f"{pageviews:,}",
        "views_per_visit": f"{pageviews / visits:.1f}",
        "bounce_rate": f"{bounces / visits:.0%}",
        "visit_length": f"{minutes}min{rest:02}s",
    }
