"""Let a secret link in: to the figures of one site, read-only, below an address that nobody guesses.

Nothing here asks who somebody is, or from where: whoever holds the address is let in, and with a password whoever
knows that too. An address of a link that there is not, that is over, or whose site is off or gone, is a page that
there is not.
"""

import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import wraps
from threading import Lock, Semaphore
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from collector.clock import Clock
from collector.model import Site
from dashboard.desk import links
from dashboard.desk.file import Desk
from dashboard.desk.links import Link
from dashboard.frame import AsyncEndpoint, Endpoint, Frame
from dashboard.house import House
from dashboard.links_words import message_text
from dashboard.who import Right, Way, Who

SHARED: Final = "/shared"
COOKIE: Final = "turven-link"
#: Wrong passwords of a link before nobody may try for a while: then ten thousand are some twenty days of work.
TRIES_MAX: Final = 5
#: Passwords that are looked at, with those that wait for it.
WAITING_MAX: Final = 4
TRIES_WAIT: Final = timedelta(minutes=15)
#: The address is the secret: no other page learns it, nothing keeps the page, and search engines leave it alone.
HEADERS: Final[Mapping[str, str]] = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_TEMPLATES: Final[Mapping[str, str]] = {"overview.html": "shared.html"}


def link_door(desk: Desk, clock: Clock, request: Request) -> Who | None:
    """Return who the secret in the address of *request* lets in.

    None where no link has it, where the link is over, or where its password was not given yet.
    """
    link = _link(desk, clock, request)
    return who_of(link) if link and not asks_password(link, request, at=clock.now()) else None


def who_of(link: Link) -> Who:
    """Return who comes in by *link*: sees one site, and takes files away only where the link says so."""
    more = {Right.EXPORT} if link.may_export else set()
    rights = frozenset({Right.ANYBODY, Right.FIGURES} | more)
    return Who(name=link.name, way=Way.LINK, rights=rights, sites=frozenset({link.site}))


def asks_password(link: Link, request: Request, *, at: datetime) -> bool:
    """Tell whether the password of *link* is still to be given."""
    return bool(link.password) and not links.is_pass(link, request.cookies.get(COOKIE, ""), at=at)


def _link(desk: Desk, clock: Clock, request: Request) -> Link | None:
    secret = str(request.path_params.get("secret", ""))
    return links.find(desk, secret, at=clock.now()) if _SECRET.fullmatch(secret) else None


class Tries:
    """Count wrong passwords of links, in memory; only a link that there is takes room."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[datetime]] = {}
        # One at a time: each takes 64 MB while it is compared. Few wait: they hold threads that answer pages.
        self.lock = Lock()
        self.room = Semaphore(WAITING_MAX)

    def are_over(self, link: Link, *, at: datetime) -> bool:
        """Tell whether nobody may try now."""
        wrong = self._wrong.get(link.hash, deque())
        while wrong and at - wrong[0] >= TRIES_WAIT:
            wrong.popleft()
        return len(wrong) >= TRIES_MAX

    def note(self, link: Link, *, at: datetime) -> None:
        """Note a wrong one."""
        self._wrong.setdefault(link.hash, deque(maxlen=TRIES_MAX)).append(at)

    def forget(self, link: Link) -> None:
        """Let who knew it begin anew."""
        self._wrong.pop(link.hash, None)


class SecretFrame(Frame):
    """Make pages whose address is the secret: nobody is asked for an account."""

    def __init__(self, frame: Frame, *, prefix: str) -> None:
        """Make pages of *frame* whose addresses begin with *prefix* and a secret."""
        super().__init__(f"{frame.base_path}{prefix}/{{secret}}")
        # The dashboard's own files stand behind its door, which knows no guests.
        self.assets = frame.assets.below(f"{frame.base_path}{SHARED}")
        self._above = frame.base_path
        self._prefix = prefix
        #: What each page asks of its reader.
        self.rights: dict[AsyncEndpoint | Endpoint, Right] = {}

    def root(self, request: Request) -> str:
        """Return what stands before every address of the page that *request* asks for."""
        secret = str(request.path_params.get("secret", ""))
        return f"{self._above}{self._prefix}/{secret}" if _SECRET.fullmatch(secret) else self._above

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer a page without what leads to the rest of the dashboard."""
        return super().page(request, _TEMPLATES.get(template, template), status=status, **values)

    def message(self, request: Request, code: str, *, status: int, what: str = "") -> Response:
        """Answer a page that says no."""
        heading, sentence = message_text(self.view(request), code, what)
        return self.page(request, "shared_message.html", heading=heading, sentence=sentence, status=status)

    def guarded(self, answer: Endpoint, right: Right = Right.FIGURES) -> Endpoint:
        """Return *answer* behind the secret, with the headers of a page that is one."""

        @wraps(answer)
        def endpoint(request: Request) -> Response:
            return self.dressed(request, self.refused(request, right) or self._answered(request, answer))

        self.rights[endpoint] = right
        return endpoint

    def refused(self, request: Request, right: Right) -> Response | None:
        """Return why *request* is not answered, or None."""
        del request, right
        return None

    def dressed(self, request: Request, response: Response) -> Response:
        """Return *response* with the headers that keep its address secret."""
        del request
        response.headers.update(HEADERS)
        return response


class LinkFrame(SecretFrame):
    """Make the pages of secret links to one site."""

    def __init__(self, frame: Frame, house: House, *, prefix: str = SHARED) -> None:
        super().__init__(frame, prefix=prefix)
        self.house = house
        self._is_embed = prefix != SHARED

    def link(self, request: Request) -> Link | None:
        """Return the link that the address of *request* holds; None where its site is off or gone, too."""
        link = _link(self.house.desk, self.house.clock, request)
        return link if link and link.is_embed is self._is_embed and self.site(link) else None

    def site(self, link: Link) -> Site | None:
        """Return the site that *link* leads to, while it counts."""
        return next((site for site in self.house.sites() if site.id == link.site and site.is_on), None)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer a page that says how long its link works."""
        until = getattr(request.state, "until", None)
        return super().page(request, template, status=status, **({"until": until} if until else {}), **values)

    def password_page(self, request: Request, *, error: str, status: int) -> Response:
        """Answer the page that asks for a password."""
        action = self.root(request)
        return self.page(
            request, "shared_password.html", action=action, hours=links.PASS_HOURS, error=error, status=status
        )

    def refused(self, request: Request, right: Right) -> Response | None:
        """Return why *request* is not answered, or None; from then on its reader is known."""
        link = self.link(request)
        if link is None:
            return self.message(request, "no_link", status=404)
        request.state.until = link.expires_at.date()
        if asks_password(link, request, at=self.house.clock.now()):
            return self.password_page(request, error="", status=403)
        request.state.who = who_of(link)
        return None if request.state.who.may(right) else self.message(request, "no_page", status=404)
