"""What waits between two processes of a house, and who answers where nobody comes for it."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from collector.errors import SettingsError, StoreError
from turven.handover import Outbox
from turven.listening import listen
from turven.lock import server_of, serving
from turven.notify import notify
from turven.pairs import RETRY_SECONDS, answer_away, make_pair, receive


def _connection() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=10)
        return client, listening.accept()[0]


def test_a_connection_arrives_with_what_was_read_of_it() -> None:
    """Socket and bytes arrive as they were sent, in order, though the sender has closed its own end."""
    inbox, outbox = make_pair()
    sender = Outbox(outbox.detach())
    clients = []
    for said in (b"GET /", b"", b"\x00" * 100_000):
        client, ours = _connection()
        assert sender.send(ours.fileno(), said)
        ours.close()
        clients.append(client)
    arrived = list(receive(inbox))
    assert [said for _, said in arrived] == [b"GET /", b"", b"\x00" * 100_000]
    for client, (connection, _) in zip(clients, arrived, strict=True):
        connection.sendall(b"hello")
        assert client.recv(5) == b"hello"
        client.close()
        connection.close()
    inbox.close()
    sender.close()


def test_where_nobody_comes_a_page_is_answered_503() -> None:
    """Without a house for a while, whoever waits is told so and when to come again."""
    inbox, outbox = make_pair()
    client, ours = _connection()
    sender = Outbox(outbox.detach())
    assert sender.send(ours.fileno(), b"GET / HTTP/1.1\r\n")
    ours.close()
    assert answer_away(inbox) == 1
    answer = client.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 503 ")
    assert f"retry-after: {RETRY_SECONDS}\r\n" in answer
    assert answer_away(inbox) == 0
    for one in (client, inbox, sender):
        one.close()


def test_where_there_is_no_room_the_sender_is_told() -> None:
    """A queue that is full takes no more; the connection is still the sender's to answer."""
    inbox, outbox = make_pair()
    sender = Outbox(outbox.detach())
    client, ours = _connection()
    sent = 0
    while sender.send(ours.fileno(), b"x" * 50_000):
        sent += 1
    assert sent > 1
    for connection, _ in receive(inbox):
        connection.close()
    for one in (client, ours, inbox, sender):
        one.close()


def test_an_address_that_another_house_has_is_refused() -> None:
    """Sockets that share an address share it with nobody else, although the kernel would let them."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    ours = listen(address, count=2)
    with pytest.raises(SettingsError, match="address_unusable"):
        listen(address, count=1)
    for one in ours:
        one.close()


def test_a_data_directory_is_held_by_one(tmp_path: Path) -> None:
    """The second is refused with a sentence; who holds it can be told, and after it nobody does."""
    assert server_of(tmp_path) is None
    with serving(tmp_path / "data", collectors=3):
        assert server_of(tmp_path / "data") == (os.getpid(), 3)
        with pytest.raises(StoreError, match="house_running"), serving(tmp_path / "data"):
            pass
    assert server_of(tmp_path / "data") is None


def test_what_is_left_of_a_house_that_died_is_waited_for(tmp_path: Path) -> None:
    """A directory whose server died is taken when the last of its processes has ended, and not before."""
    with serving(tmp_path):
        pass
    left = os.open(tmp_path / "children.lock", os.O_RDWR)
    fcntl.flock(left, fcntl.LOCK_EX)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            os.close(left)

    with serving(tmp_path, sleep=sleep):
        assert len(waited) == 3
    left = os.open(tmp_path / "children.lock", os.O_RDWR)
    fcntl.flock(left, fcntl.LOCK_EX)
    with pytest.raises(StoreError, match="house_draining"), serving(tmp_path, sleep=lambda _: None):
        pass
    os.close(left)


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    """Where systemd waits to be told it is told; where it is not there nothing happens."""
    notify("READY=1", environ={})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
    notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "gone")})
