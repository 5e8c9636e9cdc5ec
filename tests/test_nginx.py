"""The nginx of `deploy/` passes what is public, names the client itself, and writes no log."""

import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Final, Self

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.settings import Limits
from tests.process import free_port

ROOT: Final = Path(__file__).parents[1]
DEPLOY: Final = ROOT / "deploy"
START_SECONDS_MAX: Final = 10.0
NGINX: Final = shutil.which("nginx")

#: What the public may reach behind the product's own host.
PUBLIC: Final = (
    "/turven.js",
    "/turven.0123456789abcdef.js",
    "/privacy",
    "/privacy.json",
    "/privacy/opt-out",
    "/privacy/public.css",
    "/privacy/public.js",
)
#: What it may not: the dashboard, its API, figures of the machine, and tricks to get there.
SHUT: Final = (
    "/",
    "/health",
    "/metrics",
    "/api/x",
    "/static/x.css",
    "/event/x",
    "/privacy/x",
    "/%2e%2e/",
    "/privacy%0a",
)


def test_nginx_keeps_no_record_of_an_event() -> None:
    """Where events pass, neither log of nginx is written, and limits are by host and never by address."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    events = re.findall(r"location = /(?:turven/)?event \{(.*?)\n    \}", text, re.DOTALL)
    assert len(events) == 2
    assert text.count("access_log off;") >= 3
    assert text.count("error_log  /dev/null emerg;") == 4
    assert "client_max_body_size    8k;" in events[0]
    zones = re.findall(r"^limit_(?:req|conn)_zone (\S+)", text, re.MULTILINE)
    assert zones == ["$server_name"]


def test_nginx_keeps_no_record_of_secret_addresses() -> None:
    """Where the dashboard is opened, the lines that open it take the place of the refusal only: both logs stay off."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    (rest,) = re.findall(r"location /turven/ \{(.*?)\n    \}", text, re.DOTALL)
    assert rest.split("\n")[1:] == [
        "        access_log off;",
        "        error_log  /dev/null emerg;",
        "        return 404;",
    ]
    assert "this in the place of `return 404;`" in text
    assert re.search(r"server_name stats\.example;.*?access_log off;\n    error_log  /dev/null emerg;", text, re.DOTALL)


def test_nginx_sends_events_where_collectors_may_be() -> None:
    """Events have an upstream of their own, and nginx lets go of a connection to it before the house does."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    events = re.findall(r"location = /(?:turven/)?event \{(.*?)\n    \}", text, re.DOTALL)
    assert ["proxy_pass http://turven_events;" in event for event in events] == [True, True]
    assert text.count("proxy_pass http://turven_events;") == 2
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", text)
    assert int(seconds) < Limits().idle_seconds


class Behind:
    """Run a real nginx with the file of `deploy/` in front of an application that tells what reached it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        app = Starlette(routes=[Route("/{path:path}", self._told, methods=["GET", "POST"])])
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run)
        self._nginx: subprocess.Popen[bytes] | None = None

    async def _told(self, request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"path": request.url.path, "headers": dict(request.headers), "bytes": len(body)})

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self._server.started)
        upstream = self._server.servers[0].sockets[0].getsockname()[1]
        config = self._write(upstream)
        checked = subprocess.run([str(NGINX), "-t", "-c", config], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        self._nginx = subprocess.Popen([str(NGINX), "-c", config])
        wait_for(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._nginx:
            self._nginx.terminate()
            self._nginx.wait(timeout=START_SECONDS_MAX)
        self._server.should_exit = True
        self._thread.join()

    def ask(
        self,
        path: str,
        *,
        host: str = "www.school.example",
        method: str = "GET",
        body: bytes | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """Ask over TLS and return the status and what the application was told."""
        # The certificate is the test's own.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=START_SECONDS_MAX, context=context)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers={"Host": host, **given})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if answer.status == 200 else None
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            return bool(self.ask("/turven/privacy")[0])
        except OSError:
            return False

    def _write(self, upstream: int) -> str:
        certificate, key = make_certificate(self.folder)
        text = (DEPLOY / "nginx.conf").read_text("utf-8")
        for old, new in (
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("/etc/ssl/turven/fullchain.pem", str(certificate)),
            ("/etc/ssl/turven/privkey.pem", str(key)),
        ):
            assert old in text
            text = text.replace(old, new)
        (self.folder / "turven.conf").write_text(text, "utf-8")
        temporary = "".join(
            f"{name}_temp_path {self.folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # Root's nginx would give its workers another user, who may not read the test's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        main = self.folder / "nginx.conf"
        main.write_text(
            f"{user}daemon off;pid {self.folder / 'pid'};error_log {self.folder / 'error.log'};worker_processes 1;"
            # Where a path leaves our locations it is the product's own; here there is none, not Debian's welcome page.
            f"events {{}} http {{ root {self.folder / 'nothing'}; access_log {self.folder / 'access.log'}; {temporary} "
            f"include {self.folder / 'turven.conf'}; }}",
            "utf-8",
        )
        return str(main)


def wait_for(is_so: Any) -> None:
    """Wait until *is_so* says so."""
    ends_at = time.monotonic() + START_SECONDS_MAX
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.school.example")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Start nginx once."""
    with Behind(tmp_path_factory.mktemp("nginx")) as started:
        yield started


needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx here; its file is read as text above")


@needs_nginx
def test_nginx_names_the_client_itself(behind: Behind) -> None:
    """What a sender says of its address has no effect, and no cookie, referrer or authorization passes."""
    status, told = behind.ask(
        "/turven/event",
        method="POST",
        body=b"{}",
        X_Forwarded_For="198.51.100.7",
        Cookie="session=canary",
        Referer="https://www.school.example/?canary",
        Authorization="Bearer canary",
        Sec_GPC="1",
    )
    assert (status, told["path"], told["bytes"]) == (200, "/turven/event", 2)
    headers = told["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["host"] == "www.school.example"
    assert headers["sec-gpc"] == "1"
    assert "canary" not in json.dumps(headers)


@needs_nginx
@pytest.mark.parametrize(("host", "prefix"), [("www.school.example", "/turven"), ("stats.example", "")])
def test_nginx_lets_through_what_is_public_and_nothing_else(behind: Behind, *, host: str, prefix: str) -> None:
    """Tracker and public pages pass with their query; the dashboard and everything else is not there."""
    for path in PUBLIC:
        status, told = behind.ask(f"{prefix}{path}?site=school", host=host)
        assert (path, status) == (path, 200)
        assert told["path"] == f"{prefix}{path}"
    for path in SHUT:
        assert behind.ask(f"{prefix}{path}", host=host)[0] in {400, 404}, path


@needs_nginx
def test_nginx_stops_large_bodies_and_writes_no_log(behind: Behind) -> None:
    """A body above 8 KB stops at the door, and neither log holds a line of an event, whatever became of it."""
    logs = (behind.folder / "access.log", behind.folder / "error.log")
    before = [log.read_text("utf-8") for log in logs]
    for host, prefix in (("www.school.example", "/turven"), ("stats.example", "")):
        assert behind.ask(f"{prefix}/event", host=host, method="POST", body=b"x" * 8_192)[0] == 200
        assert behind.ask(f"{prefix}/event", host=host, method="POST", body=b"x" * 8_193)[0] == 413
    assert [log.read_text("utf-8") for log in logs] == before
