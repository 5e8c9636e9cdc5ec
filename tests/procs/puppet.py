"""A child process without a house in it: does what its name says, and needs no package of ours."""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Speak with the parent as a child does."""
    said = json.loads(sys.argv[1])
    does = said["name"]
    if does == "fails":
        sys.exit(2)
    channel = socket.socket(fileno=said["channel"])
    channel.sendall(b"L")
    if channel.recv(1) != b"G" or does == "dies":
        sys.exit(3)
    if does == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel.sendall(b"R")
    if does == "hangs":
        os.kill(os.getpid(), signal.SIGSTOP)
    channel.recv(1)


main()
