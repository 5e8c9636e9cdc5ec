"""Send the reports that are due, and the commands that do so by hand.

A report is due when every day of its week or month is closed and it is past six in the morning where the site is. It
is sent once: what was told is noted before the next is looked for, and what could not leave stays due.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from email.message import EmailMessage
from functools import partial
from typing import Any, Final, NamedTuple

import click

from collector.clock import Clock, SystemClock, local_day, local_hour
from collector.control import SOCKET_NAME, ask
from collector.engine import Engine
from collector.errors import TurvenError
from collector.model import Site
from collector.process import told
from collector.settings import Settings
from collector.spool import files
from dashboard.desk import mailings
from dashboard.desk.file import Desk
from dashboard.desk.mailings import Mailing
from dashboard.desk.taken import MAIL, record
from dashboard.house import House
from dashboard.links import base_url
from dashboard.mail import letter, message
from dashboard.query import Span
from dashboard.who import RIGHTS, Role, Way, Who
from turven.group import main, settings_of
from turven.mailing import Post, folder_post, post_of

log = logging.getLogger("turven.reports")

#: Not before: somebody may be woken by a mail.
HOUR: Final = 6
LOOK_SECONDS: Final = 60
COMMAND: Final = "report_send"


class Sent(NamedTuple):
    """Count what left, what failed, and what is not due."""

    sent: int
    failed: int
    waiting: int
    code: str = ""


class Reports:
    """Know which reports are due, and send them.

    Attributes:
        house: Of the figures.
    """

    def __init__(
        self,
        house: House,
        *,
        is_closed: Callable[[str, date], bool],
        post: Post | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Send reports of *house*.

        Args:
            house: Of the figures.
            is_closed: Tells of a time zone and a day whether nothing up to it is still to be closed.
            post: Lets mails leave; else as the settings say.
            random: Makes bytes of chance.
        """
        self.house = house
        self._is_closed = is_closed
        self._post = post or post_of(house.settings)
        self._random = random

    def round(self) -> Sent:
        """Send what is due now and was not tried just before; let go of what stood under a site that is gone."""
        desk, now = self.house.desk, self.house.clock.now()
        sites = {site.id: site for site in self.house.sites()}
        sent, failed, waiting, code = 0, 0, 0, ""
        for mailing in mailings.mailings(desk):
            site = sites.get(mailing.site)
            if site is None:
                continue
            span = self._due(mailing, site)
            if span is None or not mailings.may_try(mailing, at=now):
                waiting += 1
                continue
            try:
                self._send(mailing, span, site)
                sent += 1
            except TurvenError as error:
                mailings.note_failed(desk, mailing.id, code=error.code, at=now)
                failed, code = failed + 1, error.code
                log.warning("a report of a site could not leave: %s; it is tried again", error.code)
        return Sent(sent, failed, waiting, code)

    def write(self, site_id: str = "") -> Sent:
        """Write the last report of each mailing as a file, due or not; nothing is sent or noted as sent."""
        post, now = folder_post(self.house.settings), self.house.clock.now()
        sites = {site.id: site for site in self.house.sites()}
        written = 0
        for mailing in mailings.mailings(self.house.desk, site_id or None):
            if (site := sites.get(mailing.site)) is not None:
                span = mailings.ended(mailing.every, local_day(now, site.timezone))
                post.deliver(self._message(mailing, span, site), at=now)
                written += 1
        return Sent(written, 0, 0)

    def command(self, params: Mapping[str, Any]) -> bytes:
        """Carry out `turven report send`, as the running house is asked over its socket."""
        sent = self.write(str(params.get("site", ""))) if params.get("to_file") else self.round()
        return json.dumps(sent._asdict()).encode()

    def _due(self, mailing: Mailing, site: Site) -> Span | None:
        now = self.house.clock.now()
        span = mailings.due(mailing, today=local_day(now, site.timezone))
        if span is None or local_hour(now, site.timezone) < HOUR or not site.is_on:
            return None
        return span if self._is_closed(site.timezone, span.last) else None

    def _send(self, mailing: Mailing, span: Span, site: Site) -> None:
        now, desk = self.house.clock.now(), self.house.desk
        self._post.deliver(self._message(mailing, span, site), at=now)
        mailings.note_sent(desk, mailing.id, until=span.last)
        who = Who(name=mailing.made_by, way=Way.ACCOUNT, rights=RIGHTS[Role.CONTROLLER])
        record(desk, who, sites=(site.id,), what=MAIL, at=now)
        log.info("a report of a site was sent")

    def _message(self, mailing: Mailing, span: Span, site: Site) -> EmailMessage:
        written = letter(self.house, mailing, span, site=site, base_url=base_url(self.house))
        settings, now = self.house.settings, self.house.clock.now()
        return message(written, sender=settings.mail.sender, receiver=mailing.receiver, at=now, random=self._random)


def is_closed(engine: Engine, timezone: str, day: date) -> bool:
    """Tell whether nothing of that local day, or of one before it, is still to be closed: no key, no spool is left."""
    left = {*engine.secrets.epochs(), *files.list_epochs(engine.settings.spool_dir)}
    return not any(epoch.timezone == timezone and epoch.day <= day for epoch in left)


@asynccontextmanager
async def sending(reports: Reports) -> AsyncIterator[None]:
    """Send what is due while the house serves; what is being sent when it ends is waited for."""
    is_over = asyncio.Event()
    running = asyncio.create_task(_keep_sending(reports, is_over=is_over))
    try:
        yield
    finally:
        is_over.set()
        await running


async def _keep_sending(reports: Reports, *, is_over: asyncio.Event) -> None:
    """Look every minute whether a report is due; nothing that fails ends it."""
    while not is_over.is_set():
        try:
            await asyncio.to_thread(reports.round)
        except Exception as error:  # noqa: BLE001 - the house goes on without its mails
            log.error("%s", told(error))  # noqa: TRY400 - no words of foreign errors
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await is_over.wait()
        except TimeoutError:
            continue


# -- commands ----------------------------------------------------------------------------------------------------


@main.group("report")
def report() -> None:
    """Reports by e-mail: who gets which, and sending those that are due."""


@report.command("send")
@click.option("--site", "site_id", default="", metavar="ID", help="With --to-file: of this site only.")
@click.option("--to-file", is_flag=True, help="Write the last report of each receiver as .eml; send nothing.")
@click.pass_context
def send(ctx: click.Context, site_id: str, *, to_file: bool) -> None:
    """Send the reports that are due now."""
    settings = settings_of(ctx)
    params = {"site": site_id, "to_file": to_file}
    answer = ask(settings.runtime_path() / SOCKET_NAME, COMMAND, params)
    if answer is None:
        with _stopped(settings) as reports:
            answer = reports.command(params)
    done = Sent(**json.loads(answer))
    if to_file:
        click.echo(f"written: {done.sent}, into {settings.data_dir / 'mail'}")
        return
    click.echo(f"sent: {done.sent}, in vain: {done.failed}, not due: {done.waiting}")
    if done.failed:
        click.echo(f"turven: the reason is {done.code}; what is due is tried again.", err=True)
        ctx.exit(1)


@report.command("list")
@click.option("--site", "site_id", default="", metavar="ID")
@click.pass_context
def list_reports(ctx: click.Context, site_id: str) -> None:
    """Name who gets reports of which site, and up to which day they were sent."""
    settings = settings_of(ctx)
    if not settings.desk_file.exists():
        return
    desk = Desk(settings.desk_file)
    try:
        for one in mailings.mailings(desk, site_id or None):
            failed = f"  in vain: {one.failed}" if one.failed else ""
            click.echo(f"{one.site}  {one.every}  {one.language}  {one.receiver}  up to {one.sent_until}{failed}")
    finally:
        desk.close()


@contextmanager
def _stopped(settings: Settings, clock: Clock | None = None) -> Iterator[Reports]:
    """Lend the reports of a house that does not run."""
    clock = clock or SystemClock()
    engine, desk = Engine(settings, clock=clock), Desk(settings.desk_file)

    def unused(*_args: Any, **_more: Any) -> Any:
        raise TurvenError("house_stopped", "A house that does not run has no pages.")

    house = House(
        reader=engine.history, sites=engine.sites.all, add_site=unused, change_site=unused, snippet=unused,
        rules=engine.rules, now=lambda _site: None, desk=desk, settings=settings, clock=clock,
    )  # fmt: skip
    try:
        yield Reports(house, is_closed=partial(is_closed, engine))
    finally:
        engine.stop()
        desk.close()
