"""What the pages say about what they do not show: every sentence in one place, to be translated."""

from typing import Final

from collector.model import DIRECT, OTHER, UNKNOWN, Dimension
from dashboard.breakdowns import Breakdown
from dashboard.metrics import Key, mark
from dashboard.plan import Refusal
from dashboard.timeline import State

DIMENSIONS: Final[dict[str, str]] = {
    Breakdown.PAGE: mark("All pages"),
    Breakdown.ENTRY_PAGE: mark("Entry pages"),
    Breakdown.EXIT_PAGE: mark("Exit pages"),
    Breakdown.GROUP: mark("Groups"),
    Breakdown.NOT_FOUND: mark("Not found"),
    Breakdown.SOURCE: mark("Source"),
    Breakdown.CHANNEL: mark("Channel"),
    Breakdown.CAMPAIGN: mark("Campaign"),
    Breakdown.DEVICE: mark("Type"),
    Breakdown.BROWSER: mark("Browser"),
    Breakdown.OS: mark("System"),
    Breakdown.VIEWPORT: mark("Width"),
    Breakdown.COUNTRY: mark("Country"),
    Breakdown.LANGUAGE: mark("Language"),
    Breakdown.EVENT: mark("Event"),
    Breakdown.OUTBOUND: mark("Outbound links"),
    Breakdown.DOWNLOAD: mark("Downloads"),
    Breakdown.GOAL: mark("Goal"),
    Breakdown.TIME: mark("Time on page"),
    Breakdown.SCROLL: mark("Scroll depth"),
}
#: The same as a part of a filter, where there is one of them; of a property by what its value begins with.
FILTERS: Final[dict[str, str]] = {
    **DIMENSIONS,
    Breakdown.PAGE: mark("Page"),
    Breakdown.ENTRY_PAGE: mark("Entry page"),
    Breakdown.EXIT_PAGE: mark("Exit page"),
    Breakdown.GROUP: mark("Group of pages"),
    Breakdown.NOT_FOUND: mark("Page that was not found"),
    Breakdown.DEVICE: mark("Device"),
    Breakdown.VIEWPORT: mark("Width of the window"),
    Breakdown.OUTBOUND: mark("Outbound link"),
    Breakdown.DOWNLOAD: mark("Download"),
    Dimension.PROPERTY: mark("Detail of an event"),
}
#: Headings of tables of their own, and of what is left out.
TABLES: Final[dict[str, str]] = {
    **DIMENSIONS,
    Breakdown.GROUP: mark("Groups of pages"),
    Breakdown.NOT_FOUND: mark("Pages that were not found"),
    Breakdown.SOURCE: mark("Sources"),
    Breakdown.CHANNEL: mark("Channels"),
    Breakdown.CAMPAIGN: mark("Campaigns"),
    Breakdown.DEVICE: mark("Devices"),
    Breakdown.BROWSER: mark("Browsers"),
    Breakdown.OS: mark("Systems"),
    Breakdown.VIEWPORT: mark("Widths of windows"),
    Breakdown.COUNTRY: mark("Countries"),
    Breakdown.LANGUAGE: mark("Languages"),
    Breakdown.EVENT: mark("Events"),
    Breakdown.GOAL: mark("Goals"),
}
PANELS: Final = {
    "pages": mark("Pages"),
    "sources": mark("Sources"),
    "devices": mark("Devices"),
    "countries": mark("Countries"),
    "events": mark("Events"),
    "goals": mark("Goals"),
    "time": mark("Time on page"),
    "scroll": mark("Scroll depth"),
}
CHANNELS: Final = {
    "direct": mark("Direct"),
    "search": mark("Search engines"),
    "social": mark("Social media"),
    "ai": mark("AI assistants"),
    "email": mark("E-mail"),
    "referral": mark("Other sites"),
    "campaign": mark("Campaigns"),
}
DEVICES: Final = {"Desktop": mark("Computer"), "Phone": mark("Phone"), "Tablet": mark("Tablet")}
WIDTHS: Final = {
    "small": mark("Small, as a phone"),
    "medium": mark("Medium, as a tablet"),
    "large": mark("Large, as a laptop"),
    "extra large": mark("Extra large"),
}
DEPTHS: Final = {
    "25": mark("The first quarter"),
    "50": mark("To half of the page"),
    "75": mark("To three quarters"),
    "100": mark("To the end"),
}
VALUES: Final = {
    OTHER: mark("Small groups together"),
    DIRECT: mark("Direct, without a source"),
    UNKNOWN: mark("Unknown"),
}
STATES: Final = {
    State.KEPT: mark("counted"),
    State.BELOW_K: mark("fewer than {k} visitors"),
    State.LOST: mark("lost in a restart"),
    State.RUNNING: mark("so far"),
    State.EMPTY: mark("no visitors"),
}
DROPS: Final = {
    "bot": mark("Bots"),
    "opt_out": mark("Opt-outs"),
    "unknown_site": mark("Unknown site"),
    "site_off": mark("Site was off"),
    "host": mark("Foreign host name"),
    "invalid": mark("Unreadable requests"),
    "late": mark("Reports that came too late"),
    "overload": mark("Turned away in a rush"),
}
REFUSED_FIELD: Final = mark("Removed from events: {field}")
GAPS: Final = {
    "keys_lost": (
        mark("the machine restarted {n} time and lost a running day's detail"),
        mark("the machine restarted {n} times and lost a running day's detail"),
    ),
    "spool_damaged": (
        mark("{n} damaged file of a running day could not be read"),
        mark("{n} damaged files of a running day could not be read"),
    ),
    "history_older": (
        mark("{n} part of a day is lost, since older figures were put back"),
        mark("{n} parts of days are lost, since older figures were put back"),
    ),
}
REFUSALS: Final = {
    Refusal.SAME: mark("Everything here has the value that you filter by, so there is nothing to divide."),
    Refusal.PAIR: mark(
        "“{dimension}” together with “{filter}” is not kept, because the combination would too often point at a "
        "few people. Without the filter the figures are there."
    ),
    Refusal.UNDECLARED: mark("Nobody has declared any for this site yet."),
    Refusal.PROFILE: mark("The profile that the controller chose for this site does not count this."),
    Refusal.TODAY: mark("This comes after midnight, when the day is closed."),
    Refusal.BELOW_K: mark(
        "There were fewer than {k} visitors a day, so nothing was kept that could point at one of them."
    ),
    Refusal.SMALL: mark(
        "There was something here, but only in groups of fewer than {k} visitors a day. "
        "They are part of the totals above."
    ),
    Refusal.EMPTY: mark("Nothing was counted here in this period."),
}
#: Heading and sentence of pages that say no.
MESSAGES: Final = {
    "pass": (
        mark("This pass does not work"),
        mark("It is wrong, over, or was withdrawn. Whoever controls the site can make another."),
    ),
    "peer": (
        mark("Only on this machine"),
        mark(
            "There are no accounts yet, so the dashboard answers only to the machine that it runs on. Whoever runs it "
            "turns accounts on in turven.toml ([access] accounts = true), or comes in by ssh -L."
        ),
    ),
    "forwarded": (
        mark("Only on this machine"),
        mark(
            "This request came through a proxy. There are no accounts yet, so the dashboard answers only to the "
            "machine that it runs on."
        ),
    ),
    "host": (
        mark("Not under this name"),
        mark("The dashboard answers to localhost, 127.0.0.1 and [::1] only, so that no other site can reach it."),
    ),
    "origin": (
        mark("Not from there"),
        mark("This form was sent from another page than ours, so nothing was changed. Open it here and try again."),
    ),
    "past_proxy": (
        mark("Not past the web server"),
        mark(
            "The dashboard answers to its own machine, and to what the web server hands on that its settings trust "
            "([server] trusted_proxies): a password never travels in clear."
        ),
    ),
    "other_host": (
        mark("Not under this name"),
        mark("The dashboard answers under the address in its settings ([public] base_url), and on its own machine."),
    ),
    "no_accounts": (
        mark("There are no accounts here"),
        mark(
            "Whoever sits at this machine sees and does everything, and nobody else anything. Accounts are switched on "
            "in the settings: [access] accounts = true."
        ),
    ),
    "sign_in": (
        mark("Not signed in"),
        mark("Your sign-in has ended, so nothing was changed. Sign in again and repeat what you did."),
    ),
    "no_sites": (
        mark("No site was given to you"),
        mark("Your account sees no figures of a site. Whoever made the account can change that."),
    ),
    "right": (
        mark("Not with this account"),
        mark("This page asks for a right that your account does not have. Whoever made the account can change that."),
    ),
    "query": (
        mark("That is not known here"),
        mark("The address asks for “{what}”, which this dashboard does not know."),
    ),
    "note_text": (
        mark("That note cannot be kept"),
        mark("A note has 1 to 200 characters, on one line. Go back and shorten it."),
    ),
    "note_day": (
        mark("That note cannot be kept"),
        mark("A note belongs to a day of which figures are kept, or to one in the year ahead."),
    ),
    "notes_full": (
        mark("That note cannot be kept"),
        mark("There are enough notes at that day already. Remove one first."),
    ),
    "no_site": (mark("There is no such site"), mark("Perhaps its name was written differently.")),
    "no_report": (mark("There is no such check"), mark("Perhaps it was removed, or the address was cut off.")),
    "no_page": (mark("There is no such page"), mark("Perhaps the address was cut off.")),
}
#: Why pages that begin alike cannot be added up.
DOUBTS: Final = {
    "other": mark("Some of them may be among the small groups, which are not divided by page."),
    "rolled_up": mark("Some of them may be counted under a page that stands for several."),
    "days": mark("On some days the pages were not divided at all."),
    "withheld": mark("The pageviews of some of them are withheld."),
    "many": mark("There are more pages than are read at once."),
}
CHART: Final = (mark("{metric} per day"), mark("{metric} per week"), mark("{metric} per hour"))
CHART_LINE: Final = mark("Most on {most_at}: {most}. Least on {least_at}: {least}.")
#: Names of columns, where there is little room.
COLUMNS: Final = {
    Key.VISITORS: mark("Visitors"),
    Key.VISITS: mark("Visits"),
    Key.PAGEVIEWS: mark("Views"),
    Key.EVENTS: mark("Times"),
    Key.BOUNCE_RATE: mark("Bounce rate"),
    Key.VISIT_LENGTH: mark("Visit length"),
    Key.TIME_ON_PAGE: mark("Time"),
    Key.CONVERSION: mark("Conversion"),
    Key.VIEWS_PER_VISIT: mark("Views per visit"),
}
VISITOR_DAYS: Final = mark("Visitor-days")
WITHHELD: Final = mark("withheld")
SMALL_SOURCES: Final = mark("Small sources: {channel}")
#: What the house says about a site that it cannot take in, by code; other errors say it themselves, in English.
ERRORS: Final = {
    "site_exists": mark("There is a site of that name already."),
    "agreement_missing": mark(
        "A site can only count once its controller, its processor agreement and the date of it are filled in."
    ),
    "identity_missing": mark("Choose what tells two visitors apart: there is no default."),
    "date_invalid": mark("The date of the agreement is no date: write 2026-08-01."),
    "site_invalid": mark("Something in this form is not right yet: {message}"),
}
