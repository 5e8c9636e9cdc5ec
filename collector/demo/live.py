"""Let simulated visitors come while the house runs: real requests over loopback, a few a second."""

import heapq
import http.client
from datetime import datetime
from random import Random
from threading import Event, Thread
from typing import Final

from collector.clock import Clock, local_day
from collector.demo.school import Request, School
from collector.demo.weeks import ADDRESS, COUNTRY_HEADER

#: Somebody begins a visit this often, on average; a visit is about six requests.
VISIT_SECONDS: Final = 4.0
REQUESTS_A_SECOND_MAX: Final = 5
LOOK_SECONDS: Final = 0.2
#: A house that starts, stops or is busy is tried again so much later.
RETRY_SECONDS: Final = 0.5
ANSWER_SECONDS_MAX: Final = 5.0
#: Requests that wait for their time; more visitors than that are not sent on their way.
WAITING_MAX: Final = 1_000


class LiveVisitors:
    """Send what visitors of the school would send now, from a thread of its own."""

    def __init__(self, school: School, *, host: str, port: int, clock: Clock, seed: str) -> None:
        """Be ready to visit.

        Args:
            school: Whose visitors.
            host: Where the house listens.
            port: Where the house listens.
            clock: Tells the time of each visit.
            seed: The same seed gives the same visitors in the same order.
        """
        self.answered = 0
        self._school = school
        self._address = (host, port)
        self._clock = clock
        self._rng = Random(f"{seed}/live")  # noqa: S311 - a simulation has to be repeatable
        self._waiting: list[tuple[float, int, Request]] = []
        self._made = 0
        self._next_visit = 0.0
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="live-visitors", daemon=True)

    def start(self) -> None:
        """Begin as soon as the house answers."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more, and wait for the last answer."""
        self._stopped.set()
        self._thread.join(ANSWER_SECONDS_MAX + RETRY_SECONDS)

    def due(self, now: datetime) -> list[Request]:
        """Return what is to be sent at *now*, at most a second's worth."""
        at = now.timestamp()
        if at >= self._next_visit and len(self._waiting) < WAITING_MAX:
            self._next_visit = at + self._rng.expovariate(1 / VISIT_SECONDS)
            self._begin_visit(now)
        due: list[Request] = []
        while self._waiting and self._waiting[0][0] <= at and len(due) < REQUESTS_A_SECOND_MAX * LOOK_SECONDS:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def _begin_visit(self, now: datetime) -> None:
        day = local_day(now, self._school.timezone)
        person = self._school.somebody(self._rng)
        for request in self._school.visit(self._rng, person, day=day, at=int(now.timestamp())):
            self._made += 1
            heapq.heappush(self._waiting, (request.at, self._made, request))

    def _run(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=ANSWER_SECONDS_MAX)
        while not self._stopped.wait(LOOK_SECONDS):
            for request in self.due(self._clock.now()):
                try:
                    self._send(connection, request)
                except (OSError, http.client.HTTPException):
                    connection.close()
                    self._stopped.wait(RETRY_SECONDS)
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        headers = {
            "Content-Type": "text/plain;charset=UTF-8",
            "User-Agent": request.user_agent,
            "X-Forwarded-For": ADDRESS,
            COUNTRY_HEADER: request.country,
        }
        if request.opts_out:
            headers["Sec-GPC"] = "1"
        connection.request("POST", "/event", body=request.body, headers=headers)
        connection.getresponse().read()
        self.answered += 1
