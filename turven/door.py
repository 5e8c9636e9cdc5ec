"""Make the door of the dashboard as the settings ask for it: of accounts, or of this machine alone."""

from collections.abc import Callable

import click
from starlette.requests import Request

from collector.clock import Clock
from collector.edge.address import Trusted, client, cut
from collector.policy import IPV4_BITS_MAX, IPV6_BITS_MAX
from collector.settings import Server, Settings
from dashboard.access_door import AccountsDoor
from dashboard.api_door import token_door
from dashboard.desk.file import Desk
from dashboard.frame import MachineDoor


def door_of(settings: Settings, *, desk: Desk, clock: Clock) -> AccountsDoor | MachineDoor:
    """Return the door of a house: with accounts, or for its own machine alone; programs come in by a pass."""
    programs = token_door(desk, clock)
    if not settings.access.accounts:
        return MachineDoor(programs)
    network = network_of(settings.server)
    return AccountsDoor(desk, settings=settings, clock=clock, network=network, programs=programs)


def network_of(server: Server) -> Callable[[Request], bytes]:
    """Return what cuts the address of a request to its network; nothing longer reaches the dashboard."""
    trusted, header = Trusted(server.trusted_proxies), server.client_header

    def network(request: Request) -> bytes:
        peer = request.client.host if request.client else ""
        packed = client(peer, ",".join(request.headers.getlist(header)), trusted)
        return bytes(cut(packed, ipv4_bits=IPV4_BITS_MAX, ipv6_bits=IPV6_BITS_MAX))

    return network


def tell_first_code(door: AccountsDoor | MachineDoor) -> None:
    """Print the code with which the first account is made, where there is none: to standard error, and nowhere else."""
    if isinstance(door, AccountsDoor) and door.accounts.is_empty():
        click.echo(
            f"Turven: nobody has an account yet. Code for the first one, at /sign-in: {door.first.draw()}", err=True
        )
