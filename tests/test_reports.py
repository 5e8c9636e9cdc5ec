"""Do reports leave once, when their days are closed, and does a mail server that says no cost none of them?"""

import asyncio
import email
import logging
import os
import re
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collector.clock import SystemClock
from collector.effective import effective
from collector.engine import Engine
from collector.errors import SettingsError, TurvenError
from collector.model import Epoch
from collector.settings import Mail, Settings, load_settings
from dashboard.desk import links, mailings
from dashboard.desk.file import Desk
from dashboard.desk.links import Wish
from dashboard.desk.mailings import Order
from dashboard.desk.taken import taken
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, school_days
from turven import main
from turven.mailing import FolderPost, Post, SmtpPost, post_of
from turven.reports import Reports, is_closed, sending

RECEIVER: Final = "team@school.example"
WORDS: Final = "niet raden"
MONDAY: Final = "2026-11-30T06:00:00+01:00"


class Box:
    """Take mails in, as a mail server does; say no where a test wants it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuses = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a receiver, or say no."""
        if self.refuses:
            return f"550 <{address}> is not known here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        made = email.message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(made, EmailMessage)
        self.mails.append((envelope.rcpt_tos, made))
        return "250 OK"


def certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


class Server:
    """Run a mail server on loopback that asks for TLS, a name and a password."""

    def __init__(self, folder: Path) -> None:
        self.box = Box()
        self.file = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        self._controller = Controller(
            self.box,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=self._knows,
        )
        self._controller.start()
        self.port = self._controller.port

    def _knows(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        known = data.login == b"turven" and data.password == WORDS.encode()
        return AuthResult(success=known, handled=False)

    def post(self, **more: Any) -> SmtpPost:
        """Return what hands mails to this server and believes its certificate."""
        return SmtpPost(self.mail(**more), context=ssl.create_default_context(cafile=self.file))

    def mail(self, **more: Any) -> Mail:
        """Return the settings for this server."""
        usual = {"server": f"127.0.0.1:{self.port}", "sender": "cijfers@product.example", "name": "turven"}
        return Mail(**(usual | {"password": WORDS} | more))

    def stop(self) -> None:
        """End."""
        self._controller.stop()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the server for the whole module."""
    made = Server(tmp_path_factory.mktemp("smtp"))
    yield made
    made.stop()


@pytest.fixture
def server(running: Server) -> Server:
    """Begin each test with an empty box that takes everything."""
    running.box.mails.clear()
    running.box.refuses = False
    return running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill five weeks, up to the Sunday after today."""
    house = House(tmp_path_factory.mktemp("reports"), ManualClock())
    house.close_days(list(school_days(date(2026, 11, 29), 35)))
    yield house
    house.history.close()


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """Begin each test with one receiver who asked on a Tuesday, on the Monday after."""
    order = Order(site="school", every="week", receiver=RECEIVER, language="nl")
    mailings.add(shared.desk, order, stop="S" * 43, made_by="griet", at=ManualClock().now(), today=TODAY)
    shared.clock.set(MONDAY)
    yield shared
    shared.sites[:] = [SCHOOL]
    with shared.desk.write() as cursor:
        cursor.execute("delete from mailing")
        cursor.execute("delete from taken")


def reports(house: House, post: Post, *, closed: bool = True) -> Reports:
    """Return what sends the reports of *house*."""
    return Reports(house.inside(), is_closed=lambda _zone, _day: closed, post=post, random=os.urandom)


# -- when ------------------------------------------------------------------------------------------------------------


def test_a_report_that_is_due_arrives_once(house: House, server: Server) -> None:
    """A mail server really gets it, over TLS and with a password; a second round and a restart send nothing more."""
    assert reports(house, server.post()).round() == (1, 0, 0, "")
    ((receivers, made),) = server.box.mails
    assert receivers == [RECEIVER]
    assert str(made["Subject"]) == "school: week 48, 23 nov – 29 nov 2026"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]
    assert "Bezoekersdagen" in made.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert reports(house, server.post()).round() == (0, 0, 1, "")
    assert len(server.box.mails) == 1
    (line,), _ = taken(house.desk, sites=None, limit=10)
    assert (line.who, line.site, line.what) == ("griet", "school", "mail")


@pytest.mark.parametrize("reason", ["early", "open", "off", "gone", "before"])
def test_a_report_waits_for_its_time(house: House, server: Server, reason: str) -> None:
    """Not before six, not before every day is closed, not while the site is off, and not before the week is over."""
    if reason == "early":
        house.clock.set("2026-11-30T05:59:59+01:00")
    if reason == "before":
        house.clock.set("2026-11-29T23:59:59+01:00")
    if reason == "off":
        house.sites[0] = msgspec.structs.replace(SCHOOL, is_on=False)
    if reason == "gone":
        house.sites.clear()
    made = reports(house, server.post(), closed=reason != "open")
    assert (made.round().sent, server.box.mails) == (0, [])


def test_a_refused_report_stays_due(house: House, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A server that says no is asked again, later and later, until it takes the report; no log line names anybody."""
    server.box.refuses = True
    made = reports(house, server.post())
    with caplog.at_level(logging.DEBUG, logger="turven"):
        assert made.round() == (0, 1, 0, "mail_refused")
        assert made.round() == (0, 0, 1, "")
        house.clock.forward(days=3)
        server.box.refuses = False
        assert made.round() == (1, 0, 0, "")
    # The test's own mail server writes into the same log.
    said = [record.getMessage() for record in caplog.records if record.name.startswith("turven")]
    assert RECEIVER not in str(said)
    assert "mail_refused" in str(said)
    assert [str(one["Subject"]) for _, one in server.box.mails] == ["school: week 48, 23 nov – 29 nov 2026"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"password": "x"}, "mail_sign_in"),
        ({"security": "tls"}, "mail_insecure"),
        ({"server": "127.0.0.1:1"}, "mail_unreachable"),
    ],
)
def test_what_goes_wrong_has_a_name(server: Server, more: dict[str, str], code: str) -> None:
    """Each thing that keeps a mail from leaving has a code and advice, which quotes no server and no receiver."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@product.example", RECEIVER
    with pytest.raises(TurvenError) as error:
        server.post(**more).deliver(mail, at=ManualClock().now())
    assert error.value.code == code
    assert RECEIVER not in str(error.value)
    assert error.value.__cause__ is None


def test_a_server_that_proves_nothing_gets_no_mail(server: Server) -> None:
    """A certificate that nobody vouches for ends the connection before a password or a mail is sent."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@product.example", RECEIVER
    with pytest.raises(TurvenError, match="mail_insecure"):
        SmtpPost(server.mail()).deliver(mail, at=ManualClock().now())
    assert server.box.mails == []


def test_without_a_server_a_report_is_a_file(house: House, tmp_path: Path) -> None:
    """The file is a whole mail, for the house's own account alone, and nothing is left of writing it."""
    post = post_of(Settings(data_dir=tmp_path))
    assert isinstance(post, FolderPost)
    assert reports(house, post).round().sent == 1
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    made = email.message_from_bytes(file.read_bytes(), policy=default)
    assert made["To"] == RECEIVER
    assert made.get_body(("html",)).get_content().lstrip().startswith("<!doctype html>")  # type: ignore[union-attr]


def test_a_folder_that_cannot_be_written_keeps_the_report(house: House, tmp_path: Path) -> None:
    """Where a file stands in the place of the folder, the report stays due."""
    (tmp_path / "mail").write_text("")
    assert reports(house, FolderPost(tmp_path / "mail")).round() == (0, 1, 0, "mail_folder")


def test_writing_the_last_report_notes_nothing(house: House) -> None:
    """A look at the last week's report as a file leaves it due."""
    made = reports(house, FolderPost(house.settings.data_dir / "unused"))
    house.clock.set("2026-11-25T12:00:00+01:00")
    assert made.command({"to_file": True}) == b'{"sent": 1, "failed": 0, "waiting": 0, "code": ""}'
    (file,) = (house.settings.data_dir / "mail").iterdir()
    assert b"week 47" in file.read_bytes()
    assert mailings.mailings(house.desk)[0].sent_until == TODAY - timedelta(1)


class Broken(Reports):
    """Fail at the first round."""

    rounds = 0
    began: Callable[[], object]

    def round(self) -> Any:
        """Count, and fail."""
        self.rounds += 1
        self.began()
        raise RuntimeError(RECEIVER)


def test_a_round_that_fails_does_not_end_the_house(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """An error nobody thought of is logged without its words; the task ends at once when the house does."""
    broken = Broken(house.inside(), is_closed=lambda _zone, _day: True)

    async def serve() -> None:
        has_begun, loop = asyncio.Event(), asyncio.get_running_loop()
        broken.began = lambda: loop.call_soon_threadsafe(has_begun.set)
        async with sending(broken):
            await has_begun.wait()

    asyncio.run(asyncio.wait_for(serve(), 10))
    assert broken.rounds == 1
    assert "RuntimeError" in caplog.text
    assert RECEIVER not in caplog.text


# -- the house -------------------------------------------------------------------------------------------------------


def settings_in(folder: Path) -> Settings:
    """Return settings of a house in *folder*."""
    return Settings(data_dir=folder / "var", runtime_dir=str(folder / "run"))


def test_a_day_is_closed_when_no_key_of_it_is_left(tmp_path: Path) -> None:
    """While a day can still be counted, no report tells of it."""
    clock = ManualClock()
    engine = Engine(settings_in(tmp_path), clock=clock)
    engine.tick()
    assert not is_closed(engine, "Europe/Amsterdam", TODAY)
    assert is_closed(engine, "Europe/Amsterdam", TODAY - timedelta(1))
    assert is_closed(engine, "Europe/Lisbon", TODAY)
    engine.stop()
    assert Epoch("Europe/Amsterdam", TODAY, 1) in engine.secrets.epochs()


def test_the_command_lists_and_sends(tmp_path: Path) -> None:
    """On a house that does not run, the command names who gets what, and sends what is due."""
    settings = settings_in(tmp_path)
    engine = Engine(settings, clock=SystemClock())
    engine.sites.add(SCHOOL, made_by="operator", reason="test", at=SystemClock().now())
    engine.stop()
    desk = Desk(settings.desk_file)
    order = Order(site="school", every="month", receiver=RECEIVER, language="en")
    at = SystemClock().now()
    mailings.add(desk, order, stop="S" * 43, made_by="operator", at=at, today=at.date())
    desk.close()
    config = tmp_path / "turven.toml"
    config.write_text(f'data_dir = "{settings.data_dir}"\nruntime_dir = "{settings.runtime_dir}"\n')

    def run(*words: str) -> str:
        answer = CliRunner().invoke(main, ["--config", str(config), "report", *words])
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert re.search(r"school  month  en  team@school\.example  up to \d{4}-\d\d-\d\d\n", run("list"))
    assert run("list", "--site", "elders") == ""
    assert "sent: 0, in vain: 0, not due: 1" in run("send")
    assert "written: 1" in run("send", "--to-file")
    assert len(list((settings.data_dir / "mail").glob("*.eml"))) == 1


def test_erasing_a_site_erases_who_got_its_reports(tmp_path: Path) -> None:
    """With a site its links and receivers go, out of the bytes of the file as well."""
    settings = settings_in(tmp_path)
    engine = Engine(settings, clock=SystemClock())
    engine.sites.add(SCHOOL, made_by="operator", reason="test", at=SystemClock().now())
    engine.stop()
    desk, at = Desk(settings.desk_file), SystemClock().now()
    order = Order(site="school", every="week", receiver=RECEIVER, language="nl")
    mailings.add(desk, order, stop="S" * 43, made_by="operator", at=at, today=at.date())
    links.make(desk, Wish(name="Bestuur", site="school"), secret="S" * 43, made_by="operator", at=at)
    desk.close()
    config = tmp_path / "turven.toml"
    config.write_text(f'data_dir = "{settings.data_dir}"\nruntime_dir = "{settings.runtime_dir}"\n')
    answer = CliRunner().invoke(main, ["--config", str(config), "erase", "school", "--yes-erase", "school"])
    assert answer.exit_code == 0, answer.output
    kept = settings.desk_file.read_bytes()
    assert RECEIVER.encode() not in kept
    assert b"Bestuur" not in kept


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        'server = "smtp.example.org"',
        'server = "smtp.example.org:587"',
        'server = "smtp.example.org:587"\nsender = "x"',
        'security = "ssl"',
        'server = "smtp.example.org:25"\nsender = "a@example.org"\nsecurity = "none"',
    ],
)
def test_mail_settings_that_cannot_work_are_refused(tmp_path: Path, lines: str) -> None:
    """A server has a port and a sender, and a mail leaves the machine encrypted or not at all."""
    file = tmp_path / "turven.toml"
    file.write_text(f"[mail]\n{lines}\n")
    with pytest.raises(SettingsError, match="mail"):
        load_settings(file, environ={})


def test_the_settings_in_force_name_the_server_and_no_password() -> None:
    """Whoever reads what is in force sees that reports leave, and to which host."""
    mail = Mail(server="smtp.example.org:587", sender="a@example.org", name="turven", password=WORDS)
    shown = effective(Settings(mail=mail), [], rules=Settings().privacy.rules_of, version="1")
    assert shown["house"]["mail_server"] == "smtp.example.org"
    assert WORDS not in str(shown)
    assert effective(Settings(), [], rules=Settings().privacy.rules_of, version="1")["house"]["mail_server"] == ""
