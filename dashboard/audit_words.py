"""What the auditor's page says in whole sentences: steps of the supervisor's manual, what is not kept, what remains.

Every text is marked here and translated in the catalogues. A name that the audit gives to a figure is turned into words
in `dashboard.audit_names`.
"""

from typing import Final

import msgspec

from dashboard.metrics import mark, marks

THEMES: Final = {
    "address": mark("Address"),
    "identity": mark("Recognising somebody"),
    "sharing": mark("Sharing"),
    "small groups": mark("Small groups"),
    "retention": mark("Keeping"),
    "information": mark("Information and opt-out"),
    "security": mark("Security"),
    "who decides": mark("Who decides"),
}
#: What a theme is about, in one line below its name.
ABOUT: Final = {
    "address": mark("What is left of an internet address, a page's address and a place."),
    "identity": mark("Whether anybody can be followed: between sites, or from one day to the next."),
    "sharing": mark("What comes in beside the visit, and whether anything goes out."),
    "small groups": mark("Whether a figure can point at a few people."),
    "retention": mark("What is kept, for how long, and whether erased means gone."),
    "information": mark("What visitors are told, and how they stop the counting."),
    "security": mark("Who can get in, and what an error or a log gives away."),
    "who decides": mark("Whether the school decides, and whether it is written down."),
}
STATES: Final = {
    "pass": mark("holds"),
    "fail": mark("does not hold"),
    "n/a": mark("nothing to check"),
    "unseen": mark("not checked yet"),
}
FORCES: Final = {
    "law": mark("our reading of the law"),
    "ap": mark("from guidance of the Dutch supervisor"),
    "eu": mark("from guidance of European supervisors"),
    "own": mark("our own choice"),
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a step of the supervisor's manual: what it asked for, what there is here, and the checks that show it."""

    number: str
    title: str
    asked: str
    here: str
    ids: tuple[str, ...]


STEPS: Final = (
    Step(
        number="1",
        title=mark("An agreement with the processor"),
        asked=mark("Conclude a processor agreement with the supplier of the statistics."),
        here=mark(
            "The agreement between school and supplier is recorded before a site can be switched on. No other company "
            "receives figures; whoever hosts the house is named, with its country."
        ),
        ids=("R51", "R36"),
    ),
    Step(
        number="2",
        title=mark("Hide a part of the address"),
        asked=mark("Have the last part of the visitor's internet address masked."),
        here=mark(
            "The address is cut before anything else happens, and what is left of it is never kept: not in the "
            "history, not in a log, not in a backup."
        ),
        ids=("R16", "R17", "R41"),
    ),
    Step(
        number="3",
        title=mark("Share nothing with the supplier"),
        asked=mark("Switch off that the supplier may use the data for purposes of its own."),
        here=mark(
            "The program connects to nobody. The supplier's own view across schools is a separate permission and is "
            "off."
        ),
        ids=("R34", "R53"),
    ),
    Step(
        number="4",
        title=mark("No advertising"),
        asked=mark("Switch off sharing for advertisements."),
        here=mark(
            "There is no such feature. Marks of advertisers in an address are thrown away, and figures are not joined "
            "with anything."
        ),
        ids=("R7", "R35"),
    ),
    Step(
        number="5",
        title=mark("No user number"),
        asked=mark("Switch off that visitors get a number of their own across visits."),
        here=mark(
            "Nothing that recognises a browser outlives the day. A field that names somebody is refused, and that it "
            "was refused is counted."
        ),
        ids=("R13", "R14", "R18"),
    ),
    Step(
        number="6",
        title=mark("Tell visitors"),
        asked=mark("Tell visitors what is measured, by whom, and what was set to protect them."),
        here=mark("The text for visitors is made from the settings in force, for adults and for pupils."),
        ids=("R38", "R39"),
    ),
    Step(
        number="+",
        title=mark("Let visitors opt out"),
        asked=mark("Offer visitors a way not to be measured."),
        here=mark("One click is enough, and a browser that sends a signal against tracking is never counted."),
        ids=("R42", "R43"),
    ),
)
#: Figures of a finding that say most, shown beside a step.
TELLING: Final = {
    "R7": ("marks", "found_in"),
    "R13": ("distinct_salts",),
    "R14": ("salts", "files_with_an_old_salt"),
    "R16": ("notations_of_one_network", "visitors"),
    "R17": ("bytes_searched", "found_in"),
    "R34": ("connections_off_this_machine",),
    "R38": ("texts", "faults"),
    "R39": ("fingerprint_fits",),
    "R41": ("marks", "bytes_searched", "found_in"),
    "R43": ("stated_in_gpc_json",),
}
#: What each table is for.
TABLES: Final = {
    "schema_version": mark("version of the file"),
    "site": mark("sites and their switches"),
    "settings_log": mark("every change of a setting"),
    "closed": mark("days that were closed"),
    "cell": mark("the figures"),
    "committed_hour": mark("hours of the running day"),
    "dropped": mark("what was not counted"),
    "gap": mark("what went missing"),
}
#: What no table has a column for.
NOT_HERE: Final = (
    mark("names, numbers or accounts of visitors"),
    mark("internet addresses, whole or cut"),
    mark("user agents: only browser, system and kind of device, from closed lists"),
    mark("keys that tell visitors apart"),
    mark("what stands behind ? or # in an address"),
    mark("the page that somebody came from: only its host"),
    mark("click ids of advertisers"),
    mark("places finer than a country"),
    mark("times finer than an hour, and hours for totals only"),
    mark("what one visitor did one after the other"),
)


class Risk(msgspec.Struct, frozen=True):
    """Hold what no check can take away."""

    title: str
    text: str


RISKS: Final = (
    Risk(
        mark("Visitors who are made up"),
        mark(
            "Somebody who sends k − 1 visitors of their own and then sees a page appear knows that one real visitor "
            "was there. Refused requests are counted, so that a flood shows. No threshold can prevent it."
        ),
    ),
    Risk(
        mark("One person with several browsers"),
        mark(
            "A visitor is a browser that could be told apart that day. A pupil with a phone and a laptop counts twice, "
            "so k visitors can be fewer people."
        ),
    ),
    Risk(
        mark("A whole group"),
        mark(
            "The threshold hides who was in a group, not what a group did. If a whole class opened one page, the "
            "figure says so of each of them."
        ),
    ),
    Risk(
        mark("The running day"),
        mark(
            "Until midnight there are pseudonyms: in memory, and sealed on the disk with a key that is in memory only. "
            "They are personal data. Who rules the machine on that day can read them."
        ),
    ),
    Risk(
        mark("A program that deceives"),
        mark(
            "The checks in scratch houses are run by this program itself. A vendor could write one that behaves well"
            " there and nowhere else. So read a copy of the figures with an installation of your own, and look for "
            "marks that you sent to this house among real visits."
        ),
    ),
    Risk(
        mark("Words in addresses of pages"),
        mark(
            "A page whose address holds a name is kept under that name once k visitors have seen it. Sites can "
            "register templates and mark sensitive routes, so that such a name never counts."
        ),
    ),
    Risk(
        mark("Several breakdowns at once"),
        mark(
            "Every pair of breakdowns is attacked, three together up to a limit. More than that cannot be solved; in "
            "our tests nothing was found."
        ),
    ),
    Risk(
        mark("What stands in front of the program"),
        mark(
            "A content delivery network or a proxy can keep a log of its own. That is set there and cannot be checked "
            "from here."
        ),
    ),
)
#: What a site's papers are called, by their names in `dashboard.papers`.
PAPERS: Final = {
    "summary": mark("Summary"),
    "dpia": mark("DPIA sheet"),
    "breach": mark("Text for a breach"),
    "register": mark("Register to print"),
}
#: What an audit says it is doing, by the first words of its line.
DOING: Final = {
    "Attacking what is kept": mark("Trying to find small groups in what is kept"),
    "Attacking hostile days": mark("Trying to find small groups on days made up to be hard"),
    "Starting a scratch house": mark("Starting a scratch house"),
    "Sending marked requests": mark("Sending marked requests to a scratch house"),
    "Closing, and looking into memory": mark("Closing the day there, and looking into the memory"),
    "Knocking at the door": mark("Sending what should be refused"),
    "Ending the day": mark("Letting a day end"),
    "Searching all that is left": mark("Searching everything that is left"),
    "Breaking a house": mark("Making a scratch house fail, to read what it says"),
    "Erasing a site": mark("Erasing a site, and searching for it"),
    "Opening pages in a browser": mark("Watching the script in a real browser"),
}
#: Why an audit that was started here did not end with a report, by code.
ENDED: Final = {
    "audit_running": mark("A check is running already. Wait until it is done."),
    "audit_too_long": mark("The check took longer than {minutes} minutes and was stopped. Nothing was changed."),
    "audit_failed": mark("The check could not be finished. Nothing was changed. The program said: {message}"),
    "scratch_failed": mark(
        "The check could not be finished: its scratch house did not start in time. Mostly the machine is too busy. "
        "Try again later; if it stays so, ask the operator to run “turven audit”. Nothing was changed."
    ),
    "audit_unreadable": mark("The check ended, but what it wrote could not be read. Run it again."),
    "mark_too_short": mark("A mark has 8 characters or more: a shorter one can turn up by chance."),
    "mark_too_long": mark("A mark has 64 characters at most, on one line."),
    "audit_unavailable": mark("Checks cannot be started from this page here. Use the command “turven audit”."),
}
#: What to do where something does not hold.
WHAT_NOW: Final = mark(
    "What now? Open each point and read what was seen. Let the operator mend it, and repeat that check alone with the "
    "command below it. Until it holds, do not count on this promise, and consider what that means for the figures "
    "that are kept already."
)
#: What the verdict is about, and who says so.
ABOUT_VERDICT: Final = {
    "sites": mark("About"),
    "days": mark("Figures of"),
    "since": mark("Settings since"),
    "who": mark("Who says so"),
}
SITES: Final = marks("{n} site", "{n} sites")
DAYS: Final = marks("{first} to {last}, {n} day", "{first} to {last}, {n} days")
WHO_SAYS_SO: Final = mark(
    "this program itself, version {version}. It is no certificate. Each check can be repeated by you, with the command "
    "beside it."
)
BEGINNING: Final = mark("The check begins.")
ALL_HOLD: Final = marks("The one check holds.", "All {n} checks hold.")
SOME_FAIL: Final = marks("{n} of {of} checks does not hold.", "{n} of {of} checks do not hold.")
NOT_RUN: Final = mark("No full check has been run yet.")
QUICK_ONLY: Final = mark("Just now {n} quick checks were done. Start a full check to see the rest.")
CHECKED: Final = mark("Checked on {at}, version {version}.")
IDLE: Final = marks(
    "{n} check had nothing to look at; it does not count as held.",
    "{n} checks had nothing to look at; they do not count as held.",
)
