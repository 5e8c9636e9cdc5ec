"""Let mails leave: over SMTP to the server that the operator named, or as files where there is none.

The only connection that the house opens to somebody else, and only when `[mail] server` is set. No error and no log
line of it names a receiver.
"""

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Protocol

from collector.errors import TurvenError
from collector.settings import Mail, Settings

SECONDS_MAX: Final = 20
FOLDER: Final = "mail"
_ADVICE: Final = {
    "mail_unreachable": "The mail server does not answer; see [mail] server and security in turven.toml.",
    "mail_insecure": "The mail server offers no connection that is encrypted and names it; see [mail] security.",
    "mail_sign_in": "The mail server does not take the name and password of [mail].",
    "mail_refused": "The mail server refused the mail: its sender, its receiver or its size.",
}


class Post(Protocol):
    """Let a mail leave."""

    def deliver(self, message: EmailMessage, *, at: datetime) -> None:
        """Send *message* to whom it names.

        Raises:
            TurvenError: `mail_unreachable`, `mail_insecure`, `mail_sign_in`, `mail_refused`, `mail_folder`.
        """
        ...


class FolderPost:
    """Write mails as `.eml` files, which a mail program opens, into a folder for the house alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, message: EmailMessage, *, at: datetime) -> None:
        """Write *message*; a file under its name appears whole or not at all."""
        number = str(message["Message-ID"]).strip("<>").partition("@")[0][:8]
        name = f"{at.strftime('%Y%m%dT%H%M%SZ')}-{number}.eml"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self.folder / f".{name}.part"
            beside.touch(mode=0o600)
            beside.write_bytes(message.as_bytes())
            beside.replace(self.folder / name)
        except OSError:
            raise TurvenError("mail_folder", f"Mails cannot be written into {self.folder}.") from None


class SmtpPost:
    """Hand mails to an SMTP server, one connection a mail."""

    def __init__(self, mail: Mail, *, context: ssl.SSLContext | None = None) -> None:
        """Speak to the server of *mail*; *context* decides whose certificates are believed."""
        self._mail = mail
        self._context = context or ssl.create_default_context()
        host, _, port = mail.server.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)

    def deliver(self, message: EmailMessage, *, at: datetime) -> None:
        """Send *message*; what the server says stays unquoted, since it repeats addresses."""
        del at
        try:
            with self._connected() as server:
                self._sign_in(server)
                server.send_message(message)
        except smtplib.SMTPAuthenticationError:
            raise _error("mail_sign_in") from None
        except (ssl.SSLError, smtplib.SMTPNotSupportedError):
            raise _error("mail_insecure") from None
        except (smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected, smtplib.SMTPHeloError):
            raise _error("mail_unreachable") from None
        except smtplib.SMTPException:
            raise _error("mail_refused") from None
        except (OSError, UnicodeError):
            raise _error("mail_unreachable") from None

    def _connected(self) -> smtplib.SMTP:
        if self._mail.security == "tls":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS_MAX, context=self._context)
        server = smtplib.SMTP(self._host, self._port, timeout=SECONDS_MAX)
        if self._mail.security == "starttls":
            try:
                server.starttls(context=self._context)
            except BaseException:
                with suppress(OSError):
                    server.close()
                raise
        return server

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if self._mail.name:
            server.login(self._mail.name, self._mail.password)


def post_of(settings: Settings) -> Post:
    """Return how mails leave the house of *settings*."""
    return SmtpPost(settings.mail) if settings.mail.server else folder_post(settings)


def folder_post(settings: Settings) -> FolderPost:
    """Return the folder in which mails are written where no server is named."""
    return FolderPost(settings.data_dir / FOLDER)


def _error(code: str) -> TurvenError:
    return TurvenError(code, _ADVICE[code])
