"""Serve a dashboard on loopback for a browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette

START_SECONDS_MAX: Final = 20.0


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve *app* on a free port, and end it afterwards."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    ends_at = time.monotonic() + START_SECONDS_MAX
    while not server.started and time.monotonic() < ends_at:
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
