"""What pages about links and mailings say when they say no."""

from collections.abc import Mapping
from typing import Final

from collector.errors import SettingsError
from dashboard.metrics import mark
from dashboard.view import View

#: Heading and sentence of a page that says no.
MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "no_link": (
        mark("This link does not work"),
        mark("Perhaps it is over, was withdrawn, or was cut off. Ask who gave it to you for another."),
    ),
    "embed_nowhere": (
        mark("No page may show these figures yet"),
        mark(
            "The settings of the site name no sites that may show them. Its controller can add some under "
            "“embed_hosts”."
        ),
    ),
    "no_mailing": (
        mark("There is no such report"),
        mark("Perhaps it was stopped already, or the address was cut off. Then nothing is sent to you by it."),
    ),
}
#: What is wrong with a form, by code.
ERRORS: Final[Mapping[str, str]] = {
    "link_name": mark("Give the link a name of at most 100 letters."),
    "link_days": mark("Choose 1 to 365 days."),
    "link_password": mark("A password has 8 to 200 characters; left empty, there is none."),
    "link_embed": mark(
        "What other pages show takes no password and gives no files: their readers bring no cookie along. Leave both "
        "empty, or make a link to the overview."
    ),
    "links_too_many": mark("This site has 100 links. Withdraw one that is not needed any more."),
    "embed_nowhere": mark("No site may show this one yet. Name them in its settings first, under “embed_hosts”."),
    "mail_receiver": mark("Write one e-mail address, such as team@school.example."),
    "mail_every": mark("Choose how often, and in which language."),
    "mail_twice": mark("This address gets this report already."),
    "mailings_too_many": mark("This site has 50 receivers. Remove one first."),
}
#: Why a report has not left yet, by code.
FAILED: Final[Mapping[str, str]] = {
    "mail_unreachable": mark("the mail server does not answer"),
    "mail_insecure": mark("the mail server offers no safe connection"),
    "mail_sign_in": mark("the mail server does not take our name and password"),
    "mail_refused": mark("the mail server refused it"),
    "mail_folder": mark("the folder for mails cannot be written"),
}


def error_text(view: View, error: SettingsError) -> str:
    """Return what is wrong with a form, in the reader's language."""
    return view.words.text(ERRORS[error.code]) if error.code in ERRORS else view.error(error)


def message_text(view: View, code: str, what: str) -> tuple[str, str]:
    """Return heading and sentence of a page that says no."""
    if code not in MESSAGES:
        return view.message(code, what)
    heading, sentence = MESSAGES[code]
    return view.words.text(heading), view.words.text(sentence)
