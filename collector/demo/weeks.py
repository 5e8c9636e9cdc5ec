"""Fill eight closed weeks: every day through the gate and under the k rule, shared by the machine's cores.

A worker process makes a day's requests by itself and hands back its counts, so nothing but cells leaves it.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from typing import Final

import msgspec

from collector.backfill import Backfill, DayCount, PastDays
from collector.demo.school import SITE, Request, School
from collector.edge.raw import RawRequest
from collector.model import Origin, Site
from collector.process import harden
from collector.progress import Bar
from collector.settings import Settings

DAYS: Final = 8 * 7
#: More would not help: the first process keeps what they count.
WORKERS_MAX: Final = 4
#: The school sits behind a CDN on this machine, which tells the one address of everybody and their countries.
CDN: Final = "127.0.0.1"
ADDRESS: Final = "192.0.2.17"
COUNTRY_HEADER: Final = "CDN-Country"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Say of which school days are counted, and how."""

    settings: Settings
    site: Site
    seed: str
    today: date
    share: float = 1.0

    def school(self) -> School:
        """Return the school."""
        return School(seed=self.seed, timezone=self.site.timezone, today=self.today, share=self.share)

    def days(self, *, count: int) -> list[date]:
        """Return the last *count* days before today, oldest first."""
        return [self.today - timedelta(days=back) for back in range(count, 0, -1)]


def site_in(timezone: str) -> Site:
    """Return the school's site, lying in *timezone*."""
    return msgspec.structs.replace(SITE, timezone=timezone)


def as_raw(request: Request) -> RawRequest:
    """Return *request* as the door would see it."""
    return RawRequest(
        peer=CDN,
        forwarded=ADDRESS,
        user_agent=request.user_agent,
        body=request.body,
        gpc="1" if request.opts_out else "",
        country=request.country,
    )


def fill(backfill: Backfill, job: Job, *, days: int, workers: int, bar: Bar) -> None:
    """Count and keep the last *days* days before today, oldest first.

    Args:
        backfill: Of the demo's house.
        job: Which school.
        days: How many.
        workers: Processes that share the work; below 2 everything is done here.
        bar: Is told how far it is.

    Raises:
        SettingsError: A day cannot be taken in; see `Backfill.check`.
        StoreError: See `Backfill.keep`.
    """
    wanted = job.days(count=days)
    for day in wanted:
        backfill.check(job.site, day)
    with _counted(job, wanted, workers=workers) as counts:
        for done, count in enumerate(counts, 1):
            backfill.keep(job.site, count)
            bar("Simulating 8 weeks at a school", done, len(wanted))
    backfill.finish()


@contextmanager
def _counted(job: Job, days: list[date], *, workers: int) -> Iterator[Iterator[DayCount]]:
    if workers < 2:  # noqa: PLR2004 - one worker is this process
        yield map(count_day, repeat(job), days)
        return
    # A fork would copy the locks of threads that are not there; a new process begins clean.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=harden) as pool:
        yield pool.map(count_day, repeat(job), days)


def count_day(job: Job, day: date) -> DayCount:
    """Count one day of the school through the gate."""
    school, past = _workshop(job)
    return past.count(day, ((request.at, as_raw(request)) for request in school.requests_of(day)))


@cache
def _workshop(job: Job) -> tuple[School, PastDays]:
    past = PastDays(job.site, settings=job.settings, origin=Origin.TRACKER, random=os.urandom)
    return job.school(), past
