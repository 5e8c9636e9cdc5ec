"""The control socket: commands act on a running house through it, since DuckDB lets no second process in.

One JSON line asks; one JSON line answers, followed by as many bytes as it says. The socket lies in the runtime
directory, which only the house's own user may enter.
"""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from collector.errors import SettingsError, StoreError, TurvenError
from collector.process import told

log = logging.getLogger("turven.control")

SOCKET_NAME: Final = "control.sock"
REQUEST_BYTES_MAX: Final = 1_000_000
#: A close of the largest house takes less; after it the command gives up waiting, not the house working.
ANSWER_SECONDS_MAX: Final = 600

_ERRORS: Final = {0: TurvenError, 1: TurvenError, 2: SettingsError, 3: StoreError}


async def start_control(
    path: Path, run: Callable[[str, Mapping[str, Any]], bytes], *, listening: socket.socket | None = None
) -> asyncio.Server:
    """Listen for commands until the server is closed.

    Args:
        path: Where; a socket that a dead house left there is replaced.
        run: Carries out a command.
        listening: A socket that listens there already and that others keep open, so that a command waits in it while
            one house follows another.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            payload = await asyncio.to_thread(run, request["command"], request["params"])
            head: dict[str, Any] = {"length": len(payload)}
        except TurvenError as error:
            payload, head = b"", {"error": error.code, "message": error.message, "exit": error.exit_code}
        except Exception as error:  # noqa: BLE001 - the asker is told, the house goes on
            log.error("%s", told(error))  # noqa: TRY400 - no words of foreign errors
            payload, head = b"", {"error": "internal", "message": "The command failed; see the house's log.", "exit": 1}
        writer.write(json.dumps(head).encode() + b"\n" + payload)
        await writer.drain()
        writer.close()

    # One that is handed in listens once more here: from then on the kernel tells whoever asks this process's number.
    return await asyncio.start_unix_server(
        answer, sock=listening or await asyncio.to_thread(open_control, path), limit=REQUEST_BYTES_MAX
    )


def open_control(path: Path) -> socket.socket:
    """Return a listening control socket for the user of the house alone, in the place of one that a dead house left."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen()
    return listening


def ask(path: Path, command: str, params: Mapping[str, Any]) -> bytes | None:
    """Have a running house carry out a command; return its answer, or `None` where no house is running.

    Raises:
        TurvenError: As the command says, or `control_broken`.
    """
    answered = ask_peer(path, command, params)
    return None if answered is None else answered[1]


def ask_peer(path: Path, command: str, params: Mapping[str, Any]) -> tuple[int, bytes] | None:
    """As `ask`; return before the answer the process at the other end, by the number that the kernel gives it here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS_MAX)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        pid = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
        connection.sendall(json.dumps({"command": command, "params": params}).encode() + b"\n")
        with connection.makefile("rb") as stream:
            line = stream.readline()
            if not line:
                raise TurvenError("control_broken", "The house stopped before it answered; look in its log.")
            head = json.loads(line)
            if "error" in head:
                raise _ERRORS[head["exit"]](head["error"], head["message"])
            return pid, stream.read(head["length"])
