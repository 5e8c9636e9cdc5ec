"""The API: questions of programs, its description, and a page that shows how to ask."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector import __version__
from collector.model import Site
from dashboard import access
from dashboard.api_answer import answer
from dashboard.api_ask import BODY_BYTES_MAX, read
from dashboard.api_examples import examples
from dashboard.api_http import JSON, Programs, asking
from dashboard.api_openapi import document
from dashboard.api_reply import Answer
from dashboard.api_words import DIMENSIONS, METRICS, PERIODS, PROPERTY, TIMES, QuestionError, names
from dashboard.assets import pack
from dashboard.desk import taken
from dashboard.frame import Frame
from dashboard.house import House
from dashboard.who import Right

#: Where clients of Plausible ask, too.
PATHS: Final = ("/api/query", "/api/v2/query")
#: Of a house with more, whoever takes all cells away knows the address.
SITES_SHOWN: Final = 50


class Api:
    """Answer programs of a house that was handed in."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def query(self, request: Request, body: bytes) -> Answer:
        """Answer a question, and note that figures left.

        Raises:
            QuestionError: It cannot be answered.
        """
        question = read(body)
        site = self._site(request, question.site_id)
        made = answer(self._house, question, site=site)
        taken.record(self._house.desk, asking(request), sites=(site.id,), what=taken.API, at=self._house.clock.now())
        return made

    def openapi(self, request: Request) -> Response:
        """Answer the description for programs."""
        made = document(base_url=base_url(self._house), version=__version__)
        return pack(request, msgspec.json.encode(made), media_type=JSON, headers=dict(access.HEADERS))

    def page(self, request: Request) -> Response:
        """Answer the page that shows people how to ask."""
        sites = self._frame.sites(request, self._house.sites())
        asked = request.query_params.get("site", "")
        site = next((site for site in sites if site.id == asked), sites[0] if sites else None)
        return self._frame.page(
            request,
            "api.html",
            sites=sites[:SITES_SHOWN],
            examples=examples(base_url=base_url(self._house), site=site.id if site else "school"),
            metrics=names(METRICS),
            dimensions=names((*DIMENSIONS, f"{PROPERTY}…")),
            times=names(TIMES),
            periods=names(PERIODS),
        )

    def _site(self, request: Request, asked: str) -> Site:
        """Return the site that is asked for by its id or one of its hosts.

        Raises:
            QuestionError: `site_unknown`.
        """
        sites = self._frame.sites(request, self._house.sites())
        for site in sites:
            if asked == site.id or asked.lower() in site.hosts:
                return site
        raise QuestionError(
            "site_unknown", f"There is no site {asked[:60]!r} here for this pass; there is {_known(sites)}.", status=404
        )


def _known(sites: list[Site]) -> str:
    return names(site.id for site in sites[:10]) or "none"


def base_url(house: House) -> str:
    """Return the address before every path, as programs reach it."""
    settings = house.settings
    return settings.public.base_url or f"http://{settings.server.listen}{settings.server.base_path}"


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of the API."""
    api, base = Api(house=house, frame=frame), frame.base_path
    query = Programs(frame, house.clock).taking(api.query, Right.FIGURES, bytes_max=BODY_BYTES_MAX)
    return [
        *(Route(base + path, query, methods=["POST", "OPTIONS"]) for path in PATHS),
        Route(f"{base}/api/openapi.json", frame.guarded(api.openapi, Right.ANYBODY), methods=["GET"]),
        Route(f"{base}/api", frame.guarded(api.page, Right.FIGURES), methods=["GET"]),
    ]
