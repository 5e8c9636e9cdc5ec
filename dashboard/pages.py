"""List every page of the dashboard that stands behind its door."""

from starlette.routing import Route

from dashboard import (
    access_own,
    access_pages,
    access_staff,
    api,
    app,
    every,
    goal_page,
    links,
    mailings,
    notes,
    now_page,
    passes,
    settings_page,
    sites_page,
)
from dashboard.frame import Frame
from dashboard.house import House

#: What makes the routes of each part of the dashboard.
_PARTS = (
    app.routes,
    every.routes,
    now_page.routes,
    goal_page.routes,
    settings_page.routes,
    sites_page.routes,
    links.routes,
    mailings.routes,
    notes.routes,
    access_pages.routes,
    access_own.routes,
    access_staff.routes,
    api.routes,
    passes.routes,
)


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of every part.

    Args:
        house: What pages are made from.
        frame: Makes pages, and knows who may open which.
    """
    return [route for part in _PARTS for route in part(house=house, frame=frame)]
