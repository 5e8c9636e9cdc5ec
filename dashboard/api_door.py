"""Know a program by its pass: `Authorization: Bearer turven_…`, in whatever house and from whatever machine.

A house without accounts answers nobody from elsewhere, except who brings a pass: that is what a release pipeline is,
and making the pass was the controller's word for it. Nothing but the secret is looked at: a page of another site cannot
send what it does not know.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from collector.clock import Clock
from dashboard.desk import tokens
from dashboard.desk.file import Desk
from dashboard.who import Right, Way, Who

#: Wrong passes that the house answers each minute; a pass that is right is always answered.
WRONG_MAX: Final = 30
_MINUTE: Final = timedelta(minutes=1)
_BEARER: Final = "bearer "
_RIGHTS: Final = {
    tokens.Scope.FIGURES: {Right.FIGURES},
    # A file holds what could be asked for one by one.
    tokens.Scope.EXPORT: {Right.FIGURES, Right.EXPORT},
    tokens.Scope.NOTES: {Right.NOTES},
}

TokenDoor = Callable[[Request], Who | None]


def token_door(desk: Desk, clock: Clock) -> TokenDoor:
    """Return what tells which program sent a request: None where it brought no pass, or one that does not work.

    Who brought one that does not work (`brings_pass`) is to be refused, whatever else they brought along.
    """

    def who(request: Request) -> Who | None:
        secret = _secret(request)
        found = tokens.find(desk, secret, at=clock.now()) if secret else None
        return _who(found) if found else None

    return who


def brings_pass(request: Request) -> bool:
    """Tell whether *request* says that it comes from a program; what a proxy asks people for is none of ours."""
    return _header(request)[: len(_BEARER)].lower() == _BEARER


def _secret(request: Request) -> str:
    return _header(request)[len(_BEARER) :].strip() if brings_pass(request) else ""


def _header(request: Request) -> str:
    return request.headers.get("authorization", "")


def _who(found: tokens.Pass) -> Who:
    return Who(
        name=found.name,
        way=Way.TOKEN,
        rights=frozenset({Right.ANYBODY}).union(*(_RIGHTS[scope] for scope in found.scopes)),
        sites=frozenset({found.site}),
    )


class Throttle:
    """Count what goes wrong in the whole house, minute by minute; whose it was is not kept."""

    def __init__(self, most: int = WRONG_MAX) -> None:
        self._most = most
        self._since: datetime | None = None
        self._count = 0

    def is_too_often(self, at: datetime) -> bool:
        """Count one more, and tell whether the minute had too many already."""
        if self._since is None or at - self._since >= _MINUTE:
            self._since, self._count = at, 0
        self._count += 1
        return self._count > self._most
