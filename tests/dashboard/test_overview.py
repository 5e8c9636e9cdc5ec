"""Does the overview say what the file holds, and say so where it holds nothing?"""

import re
from datetime import date, timedelta
from html import unescape

import msgspec
import pytest

from collector.model import Dimension, Identity, Origin, Profile
from collector.policy import rules_for
from dashboard.breakdowns import PANELS, Breakdown, panel_of
from tests.dashboard.house import SCHOOL, SHARES, TODAY, House, line, morning, pair, school_day, total

YESTERDAY = TODAY - timedelta(1)


def text(part: str) -> str:
    """Return what a piece of HTML says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def figures(page: str) -> dict[str, str]:
    """Return the six figures of a page, by the metric that their link asks for."""
    found = {}
    for block in re.findall(r'<li>\s*<a href="[^"]*" aria-describedby="about-.*?</li>', page, re.DOTALL):
        key = re.search(r'aria-describedby="about-(\w+)"', block)
        value = re.search(r'<span class="value">(.*?)</span>', block, re.DOTALL)
        assert key
        assert value
        found[key[1]] = text(value[1])
    return found


def panel(page: str, name: str) -> list[list[str]]:
    """Return the rows of a panel."""
    section = re.search(rf'<section class="card panel" id="{name}".*?</section>', page, re.DOTALL)
    assert section
    rows = re.findall(r"<tr[ >].*?</tr>", section[0].partition("<tbody>")[2], re.DOTALL)
    return [[text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def said(page: str, name: str) -> str:
    """Return all that a section says."""
    section = re.search(rf'id="{name}".*?</section>', page, re.DOTALL)
    assert section
    return text(section[0])


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
        "visit_length": f"{minutes} min {rest:02} s",
    }


SEEN = [one for name, choices in PANELS.items() if name not in {"goals", "time", "scroll"} for one in choices]


@pytest.mark.parametrize("breakdown", [one for one in SEEN if one.dimension in SHARES])
def test_every_panel_equals_plain_sql(house: House, breakdown: Breakdown) -> None:
    """Each row of each panel, `(other)` too, equals what plain SQL says."""
    second = {"page": "sum(pageviews)", "event": "sum(events)", "entry_page": "sum(bounces) / sum(visits)"}
    rows = house.rows(
        f"select value, sum(visitors), {second.get(breakdown, 'sum(visits)')} from cell where dimension = ? "
        f"and filter_dimension = '' and day >= date '{TODAY}' - 28 group by value "
        "order by value = '(other)', sum(visitors) desc, value",
        breakdown.dimension,
    )
    shown = [row[1:] for row in panel(house.client().get(f"/?lang=en&show={breakdown}").text, panel_of(breakdown))]
    named = [row for row in rows if row[0] != "(other)"][:10] + [row for row in rows if row[0] == "(other)"]
    form = "{:.0%}" if breakdown is Breakdown.ENTRY_PAGE else "{:,}"
    assert shown == [[f"{visitors:,}", form.format(other)] for _, visitors, other in named]


def test_a_filter_is_answered_from_pairs(house: House) -> None:
    """With a filter, figures are those of its own line and panels those of its pairs, as plain SQL has them."""
    page = house.client().get("/?lang=en&filter=page:/rooster").text
    since = f"and day >= date '{TODAY}' - 28"
    own = house.value(f"select sum(visitors) from cell where dimension = 'page' and value = '/rooster' {since}")
    pairs = house.rows(
        "select sum(pageviews) from cell where filter_dimension = 'page' and filter_value = '/rooster' "
        f"and dimension = 'browser' {since} group by value order by 1 desc"
    )
    filtered = house.client().get("/?lang=en&filter=page:/rooster&show=browser").text
    assert figures(page)["visitors"] == f"{own:,}"
    assert [row[1] for row in panel(filtered, "devices")] == [f"{views:,}" for (views,) in pairs]


def test_a_pair_that_is_not_kept_is_refused(house: House) -> None:
    """A breakdown that is not kept together with the filter says so and shows the way back."""
    page = house.client().get("/?lang=en&filter=browser:Chrome").text
    assert 'id="events"' not in page
    assert "Not kept together with “Browser”" in page
    assert "Countries, Events. Show without the filter" in text(page)


def test_a_second_filter_is_refused_kindly(house: House) -> None:
    """Of two filters the first is answered; the page says why, and what both had together where that is kept."""
    page = house.client().get("/?lang=en&filter=page:/rooster&filter=source:Google&show=source").text
    both = house.value(
        "select sum(pageviews) from cell where filter_dimension = 'page' and filter_value = '/rooster' "
        f"and dimension = 'source' and value = 'Google' and day >= date '{TODAY}' - 28"
    )
    assert "One filter at a time." in page
    assert f"Together they had {both:,} pageviews." in text(page)
    assert figures(page) == figures(house.client().get("/?lang=en&filter=page:/rooster").text)


def test_parts_of_a_day_are_added_up(empty: House) -> None:
    """A day of several parts shows their sum, and says that who came in two of them counts twice."""
    empty.close_day(YESTERDAY, [total(40)])
    said = "1 day counted in parts: who came in two of them counts twice"
    assert said not in text(empty.client().get("/?lang=en").text)
    empty.close_day(YESTERDAY, [total(60)], part=2)
    page = empty.client().get("/?lang=en").text
    assert figures(page)["visitors"] == "100"
    assert said in text(page)


def test_what_is_withheld_is_a_word_and_never_nought(empty: House) -> None:
    """A withheld figure is a dash with its reason; sums that lack a part are "at least"."""
    empty.close_day(YESTERDAY, [total(40, pageviews=None), line(Dimension.PAGE, "/", 40, pageviews=None)])
    page = empty.client().get("/?lang=en").text
    assert figures(page)["pageviews"] == "–"
    assert panel(page, "pages") == [["/", "40", "withheld"]]
    empty.close_day(YESTERDAY - timedelta(1), [total(50, pageviews=200)])
    assert figures(empty.client().get("/?lang=en").text)["pageviews"] == "at least 200"


def test_a_ratio_uses_days_that_hold_both_measures(empty: House) -> None:
    """A ratio is taken over the days that have both measures, and says over how many."""
    empty.close_day(YESTERDAY, [total(40, pageviews=None, visits=1_000)])
    empty.close_day(YESTERDAY - timedelta(1), [total(50, pageviews=300, visits=100)])
    page = empty.client().get("/?lang=en").text
    assert figures(page)["views_per_visit"] == "3.0"
    assert "1 of 2 parts of days could be used" in text(page)


@pytest.mark.parametrize(("bounces", "shown"), [(0, "<5%"), (2, "<5%"), (50, "50%"), (98, ">95%"), (100, ">95%")])
def test_a_bounce_rate_never_speaks_of_nobody_or_everybody(empty: House, bounces: int, shown: str) -> None:
    """A share below 5 % or above 95 % is not shown as it is, on the page or in an export."""
    empty.close_day(YESTERDAY, [total(80, visits=100, bounces=bounces)])
    client = empty.client()
    assert figures(client.get("/?lang=en").text)["bounce_rate"] == shown
    assert 0.05 <= client.get("/export/days.json").json()["rows"][-1]["bounce_rate"] <= 0.95


def test_visitors_of_a_network_site_are_at_least(empty: House) -> None:
    """Where a network tells visitors apart, their number is "at least"."""
    empty.sites = [msgspec.structs.replace(SCHOOL, identity=Identity.NETWORK)]
    empty.close_day(YESTERDAY, [total(40)], site=empty.sites[0])
    shown = figures(empty.client().get("/?lang=en").text)
    assert (shown["visitors"], shown["visits"]) == ("at least 40", "48")


def test_a_running_day_is_shown_up_to_its_last_committed_hour(house: House) -> None:
    """Today shows visitors of the snapshot and pageviews of the committed hours, nothing else, and no comparison."""
    page = house.client().get("/?lang=en&period=today").text
    assert figures(page) | {"visitors": "210", "pageviews": "840", "visits": "–", "bounce_rate": "–"} == figures(page)
    assert panel(page, "pages") == [["/", "180"], ["/rooster", "110"]]
    assert "Today so far, up to 09:00." in page
    assert "Comes after midnight, when the day is closed: Devices, Countries, Events." in text(page)
    assert "%</span>" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_a_closed_part_counts_once(empty: House) -> None:
    """A part that was just closed is not added to its own snapshot, which is replaced a moment later."""
    empty.run_today(*morning())
    empty.close_day(TODAY, [total(215), line(Dimension.PAGE, "/", 190)])
    page = empty.client().get("/?lang=en&period=today").text
    assert figures(page)["visitors"] == "215"
    assert panel(page, "pages") == [["/", "190"]]


def test_a_quiet_site_is_told_why_and_what_helps(empty: House) -> None:
    """A site whose days are all below k sees no figure, a kind reason, and what helps."""
    site = msgspec.structs.replace(SCHOOL, identity=Identity.NETWORK)
    empty.sites = [site]
    empty.close_days([(TODAY - timedelta(n), []) for n in range(1, 29)], site=site)
    page = empty.client().get("/?lang=en").text
    assert set(figures(page).values()) == {"–"}
    assert "On 28 days of this period there were visitors, but fewer than 10 a day." in text(page)
    assert "A longer period does not help" in page
    assert "Identity “browser”" in page


def test_a_lost_day_keeps_its_committed_hours(empty: House) -> None:
    """Of a day lost in a restart the committed hours are left: pageviews exact, visitors at least the fullest block."""
    empty.lose(YESTERDAY, morning()[1])
    page = empty.client().get("/?lang=en&period=7d").text
    assert (figures(page)["pageviews"], figures(page)["visitors"]) == ("840", "160")
    assert "1 day lost in a restart" in page
    assert "the machine restarted 1 time" in text(page)


def test_completeness_says_what_is_missing(empty: House) -> None:
    """The strip names drops, opt-outs of the house, server-log days and the share that was folded."""
    rows = [total(100), line(Dimension.PAGE, "/", 60), line(Dimension.PAGE, "(other)", 40)]
    empty.close_day(YESTERDAY, rows, origin=Origin.SERVER_LOG, drops={"bot": 47, "refused:email": 12})
    empty.ledger.keep_house_drops(day=YESTERDAY, epoch_part=1, drops={"opt_out": 310})
    page = text(empty.client().get("/?lang=en&period=7d").text)
    for sentence in (
        "1 day counted",
        "6 days without visitors",
        "1 day from a server log, opt-outs unknown",
        "All pages: 40% of pageviews in small groups",
        "Bots 40",
        "Removed from events: email 10",
        "Opt-outs, of all sites together 300",
    ):
        assert sentence in page


def test_several_sites_are_summed_and_listed(empty: House) -> None:
    """Several sites have a list to choose from, and a sum where they are asked for together."""
    other = msgspec.structs.replace(SCHOOL, id="portaal")
    empty.sites.append(other)
    empty.close_day(YESTERDAY, [total(40)])
    empty.close_day(YESTERDAY, [total(30)], site=other)
    client = empty.client()
    assert "portaal" in client.get("/").text
    assert figures(client.get("/?lang=en&site=school&site=portaal").text)["visitors"] == "70"
    assert figures(client.get("/?lang=en&site=portaal").text)["visitors"] == "30"
    assert client.get("/?site=nobody").status_code == 400


def test_a_single_day_is_drawn_by_its_hours(house: House) -> None:
    """One closed day shows its blocks of hours as they stand in the file."""
    rows = house.client().get(f"/export/days.json?period={YESTERDAY}..{YESTERDAY}").json()["rows"]
    hours = house.rows(
        "select sum(visitors) from cell where dimension = 'hour' and day = ? group by value order by value", YESTERDAY
    )
    assert [row["visitors"] for row in rows] == [visitors for (visitors,) in hours]
    assert rows[1]["from"].endswith("T08:00")


def test_a_long_period_is_drawn_by_week(empty: House) -> None:
    """Weeks hold the sums of their days."""
    empty.close_days([(date(2026, 3, 2) + timedelta(n), [total(20)]) for n in range(14)])
    rows = empty.client().get("/export/days.json?period=2026-03-02..2026-08-01").json()["rows"]
    assert [row["visitors"] for row in rows[:3]] == [140, 140, None]
    assert (rows[0]["from"], rows[0]["to"]) == ("2026-03-02", "2026-03-08")


def test_the_strict_profile_answers_no_pair(empty: House) -> None:
    """A site of the strict profile keeps no pairs, so a filter leaves its own figures and no breakdown."""
    empty.sites = [msgspec.structs.replace(SCHOOL, profile=Profile.STRICT)]
    empty.close_day(YESTERDAY, school_day(600))
    page = empty.client().get("/?lang=en&filter=page:/rooster").text
    assert figures(page)["visitors"] == "300"
    assert '<section class="card panel"' not in page
    assert rules_for(Profile.STRICT).pairs == ()


def test_hostile_names_are_shown_harmlessly(empty: House) -> None:
    """HTML stays text, marks that turn text around are replaced, and a name of 300 characters does no harm."""
    names = ["/<script>alert(1)</script>", "/\u202egnp.exe", "/" + "x" * 299, "/a\"'&b", "/{{7*7}}"]
    cells = [total(300), *(line(Dimension.PAGE, name, 50) for name in names)]
    cells += pair((Dimension.PAGE, names[0]), (Dimension.SOURCE, "Google"), 40)
    empty.close_day(YESTERDAY, cells)
    client = empty.client()
    page = client.get("/?lang=en")
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text
    assert {row[0] for row in panel(page.text, "pages")} == {name.replace("\u202e", "�") for name in names}
    for link in re.findall(r'<a href="([^"]*filter=page[^"]*)"', page.text):
        filtered = client.get(unescape(link))
        assert filtered.status_code == 200
        assert "<script>alert" not in filtered.text
