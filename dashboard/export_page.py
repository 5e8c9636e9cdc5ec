"""Give figures away as files: each table that a page shows, and all cells of a site. Each file is noted."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from collector.model import Site
from dashboard import access, export, export_more
from dashboard.answer import asked, report_of
from dashboard.assets import pack
from dashboard.breakdowns import PANELS
from dashboard.desk import taken
from dashboard.export_all import archive
from dashboard.frame import Frame, parameters
from dashboard.house import House
from dashboard.listed import Asked, holds
from dashboard.query import Query, QueryError
from dashboard.rollup import chosen_by
from dashboard.who import Way

#: As many rows as a table of its own shows in all its pages.
EXPORT_ROWS_MAX: Final = 20_000
#: All cells of a site.
ALL: Final = ("all", "zip")
_ZIP: Final = "application/zip"


class Files:
    """Give files of a house away."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def answer(self, request: Request) -> Response:
        """Answer a file: a table at the query of its page, or all cells of a site."""
        name, kind = request.path_params["name"], request.path_params["kind"]
        sites = self._frame.sites(request, self._house.sites())
        if (name, kind) == ALL:
            return self._all(request, sites)
        if kind not in export.KINDS or name not in {*export.NAMES, *export_more.NAMES}:
            return self._frame.message(request, "no_page", status=404)
        table, told = self._table(request, sites, name)
        self._note(request, told.sites, name)
        bodies = {
            "csv": lambda: export.as_csv(table, bom=request.query_params.get("bom") == "1"),
            "json": lambda: export.as_json(table, told),
            "parquet": lambda: export.as_parquet(table),
        }
        headers = _headers(export.file_name(told, name, kind))
        return pack(request, bodies[kind](), media_type=export.KINDS[kind], headers=headers)

    def _table(self, request: Request, sites: list[Site], name: str) -> tuple[export.Table, export.Told]:
        params = parameters(request)
        if name == "sites" and not any(param == "site" for param, _ in params):
            return self._of_many(params, sites)
        query, chosen = asked(self._house, params, sites)
        if name in export_more.NAMES:
            return export_more.table(self._house, query, name=name, sites=chosen)
        panels = [name] if name in PANELS else []
        report = report_of(self._house, query, sites=chosen, limit=EXPORT_ROWS_MAX, panels=panels, is_whole_table=True)
        return export.table(report, name), export.told(report)

    def _of_many(self, params: list[tuple[str, str]], sites: list[Site]) -> tuple[export.Table, export.Told]:
        """Return the sites that the list of sites shows under the same address, in all its pages."""
        listing = Asked.from_params(params)
        named = set(chosen_by(listing.collection, sites)) if listing.collection else {site.id for site in sites}
        chosen = [site for site in sites if site.id in named and holds(site, listing.narrow)]
        if not chosen:
            raise QueryError("site")
        query = Query(sites=(chosen[0].id,), period=listing.period)
        return export_more.table(self._house, query, name="sites", sites=chosen)

    def _all(self, request: Request, sites: list[Site]) -> Response:
        wanted = request.query_params.get("site", sites[0].id if len(sites) == 1 else "")
        site = next((site for site in sites if site.id == wanted), None)
        # A link gives away what it shows.
        if site is None or self._frame.who(request).way is Way.LINK:
            return self._frame.message(request, "no_site", status=404)
        self._note(request, (site.id,), taken.ALL_CELLS)
        at = self._house.clock.now()
        headers = _headers(f"turven-{site.id}-all-{at:%Y-%m-%d}.zip") | {"Cache-Control": "no-store"}
        return StreamingResponse(archive(self._house.reader, site.id, at=at), media_type=_ZIP, headers=headers)

    def _note(self, request: Request, sites: tuple[str, ...], what: str) -> None:
        """Note who takes what, before it leaves: what cannot be noted is not given."""
        who = self._frame.who(request)
        taken.record(self._house.desk, who, sites=sites, what=what, at=self._house.clock.now())


def _headers(file: str) -> dict[str, str]:
    return {**access.HEADERS, "Content-Disposition": f'attachment; filename="{file}"'}
