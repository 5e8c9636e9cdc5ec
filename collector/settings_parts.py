"""The parts of the settings that hold no rule of their own: what `collector.settings` puts together and checks."""

from enum import StrEnum

import msgspec

from collector.policy import BACKUP_DAYS_MAX


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say how much one process takes before it says no; each process of the house has these for itself.

    Attributes:
        connections: Open at a time.
        request_seconds: In which a whole request has to arrive.
        idle_seconds: After which a connection without a request is closed.
        site_events_per_second: Of one site, on average over ten seconds; a school shares one address, so the limit is
            never the address's.
        network_events_per_minute: Of one site from one cut network; 0 for no such limit. A school is one network: keep
            it loose.
    """

    connections: int = 8_192
    request_seconds: int = 10
    idle_seconds: int = 75
    site_events_per_second: int = 1_000
    network_events_per_minute: int = 0


class Fsync(StrEnum):
    """Name when the disk is waited for; a process that dies loses nothing acknowledged with any of them."""

    NEVER = "never"
    EVERY_SECOND = "every 1s"
    ALWAYS = "always"


class LogFormat(StrEnum):
    """Name how a line of the log is written."""

    TEXT = "text"
    JSON = "json"


class SubProcessor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name a company that the operator has do a part of the work: whoever hosts the house, or stands in front of it.

    Attributes:
        name: Of the company.
        task: What it does, e.g. `hosting` or `CDN`.
        country: Where it does it, as two letters (ISO 3166).
    """

    name: str
    task: str
    country: str


class Public(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name whom visitors and researchers can turn to; shown on the public pages.

    Attributes:
        operator: Who runs the house (the processor).
        contact: Where a visitor may ask: an address, a number or a URL; empty for the site's controller.
        security_contact: URI for `security.txt`: `mailto:`, `https:` or `tel:`; empty for no such file.
        privacy_officer: The operator's data protection officer, with contact; for the register of art. 30.
        sub_processors: Whom the operator has do a part of the work.
        base_url: Where browsers reach the house, e.g. `https://www.product.example/turven`, for the snippet. Empty
            for where it listens.
    """

    operator: str = ""
    contact: str = ""
    security_contact: str = ""
    privacy_officer: str = ""
    sub_processors: tuple[SubProcessor, ...] = ()
    base_url: str = ""


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say whom backups are sealed to, and how long they stay.

    Attributes:
        recipient: Public key `age1…` as `turven backup --make-key` prints it; empty for no backups.
        keep_days: Older backups are removed when a new one was made; at most 30.
    """

    recipient: str = ""
    keep_days: int = BACKUP_DAYS_MAX


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say who may open the dashboard.

    Attributes:
        accounts: Whether people sign in. Without, whoever sits at this machine sees everything, and nobody else
            anything.
        sign_in_hours: How long a sign-in lasts; at most 8.
        second_step: Whether operators and controllers have to set up a second step (TOTP).
    """

    accounts: bool = False
    sign_in_hours: int = 8
    second_step: bool = False


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say how reports leave by e-mail.

    Attributes:
        server: `HOST:PORT` of an SMTP server; empty to write `.eml` files into `data_dir/mail` and send nothing.
        sender: Address that mails come from.
        name: Of the account at the server; empty for none.
        password: Of that account.
        security: `starttls`, `tls` or `none`.
    """

    server: str = ""
    sender: str = ""
    name: str = ""
    password: str = ""
    security: str = "starttls"
