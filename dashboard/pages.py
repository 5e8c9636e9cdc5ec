"""List every page of the dashboard that stands behind its door."""

from starlette.routing import Route

from dashboard import app, links
from dashboard.frame import Frame
from dashboard.house import House

#: What makes the routes of each part of the dashboard.
_PARTS = (app.routes, links.routes)


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of every part.

    Args:
        house: What pages are made from.
        frame: Makes pages, and knows who may open which.
    """
    return [route for part in _PARTS for route in part(house=house, frame=frame)]
