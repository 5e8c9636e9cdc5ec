"""The house as a child process: engine, dashboard and control socket, beside collectors that take in the events."""

import socket
import sys
from collections.abc import Callable

from collector.settings import Settings
from turven.child import Channel, Start, run_child
from turven.compose import build
from turven.member import Member
from turven.serving import http_protocol, server_config


def keep_house(start: Start, settings: Settings, channel: Channel) -> Callable[[], None]:
    """Serve as the house; nothing is opened before that, since the one before has to let go first."""

    def serve() -> None:
        whole = build(settings, config=start.config_path(), control=socket.socket(fileno=start.control))
        http = http_protocol(settings, whole.house.door)
        whole.house.engine.metrics.refused = http.keeper.refused
        config = server_config(whole.app, http=http)
        Member(config, settings=settings, start=start, channel=channel).run()

    return serve


if __name__ == "__main__":
    run_child(sys.argv, keep_house)
