"""The settings of the house: defaults < turven.toml < TURVEN_* < flags.

`[privacy]` is read from the file only, and only makes stricter.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec

from collector.errors import PrivacyError, SettingsError
from collector.model import Profile, Site
from collector.policy import (
    BACKUP_DAYS_MAX,
    IPV4_BITS_MAX,
    IPV6_BITS_MAX,
    K_FLOOR,
    RETENTION_DAYS_MAX,
    Rules,
    rules_for,
    stricter,
)
from collector.settings_parts import Access, Backup, Fsync, Limits, LogFormat, Mail, Public, SubProcessor

#: Whoever reads settings takes every part of them from here.
__all__ = [
    "COLLECTORS_MAX",
    "CONFIG_NAME",
    "DAY_MEMORY_MB_MIN",
    "MAIL_SECURITY",
    "SIGN_IN_HOURS_MAX",
    "Access",
    "Backup",
    "Fsync",
    "Limits",
    "LogFormat",
    "Mail",
    "Privacy",
    "Public",
    "Server",
    "Settings",
    "SubProcessor",
    "load_settings",
]

CONFIG_NAME: Final = "turven.toml"
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_PORT_MAX: Final = 65_535
#: A sign-in does not outlast a working day.
SIGN_IN_HOURS_MAX: Final = 8
#: More processes than any machine we know has use for.
COLLECTORS_MAX: Final = 64
#: With less DuckDB cannot answer at the close.
DAY_MEMORY_MB_MIN: Final = 64
#: How mails are guarded on their way to the mail server; `none` for one on this machine only.
MAIL_SECURITY: Final = ("starttls", "tls", "none")
_OWN_HOSTS: Final = ("127.0.0.1", "[::1]", "localhost")
_RECIPIENT: Final = re.compile("age1[a-z0-9]{58}")
_COUNTRY: Final = re.compile("[A-Z]{2}")


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say where the house listens and whom it believes about addresses.

    Attributes:
        listen: `HOST:PORT`.
        base_path: Path prefix behind the product's own host, e.g. `/turven`.
        collectors: Ingest processes beside the main one.
        collector_listen: Their own address; empty for the same.
        trusted_proxies: Networks whose *client_header* is believed, counted from the right.
        client_header: Header in which a trusted proxy names the client.
        country_header: Header in which a trusted proxy names the country; empty for none.
        country_file: An `.mmdb` of the operator's own; empty for the table that comes with the package.
        metrics_token: What a reader of `/metrics` from elsewhere says (`Authorization: Bearer …`); empty for loopback
            only.
    """

    listen: str = "127.0.0.1:8000"
    base_path: str = ""
    collectors: int = 0
    collector_listen: str = ""
    trusted_proxies: tuple[str, ...] = ()
    client_header: str = "X-Forwarded-For"
    country_header: str = ""
    country_file: str = ""
    metrics_token: str = ""


class Privacy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say how much stricter than its floors the house is.

    Attributes:
        profile: The loosest profile a site may have.
        k: The smallest threshold a site may have.
        ipv4_bits: Leading bits kept of an IPv4 address.
        ipv6_bits: Leading bits kept of an IPv6 address.
        retention_days: How long cells are kept.
    """

    profile: Profile = Profile.STANDARD
    k: int = 10
    ipv4_bits: int = IPV4_BITS_MAX
    ipv6_bits: int = IPV6_BITS_MAX
    retention_days: int = RETENTION_DAYS_MAX

    def rules(self, profile: Profile) -> Rules:
        """Return what is in force for a site that picked *profile* and nothing else; see `rules_of`."""
        rules = rules_for(profile, house_profile=self.profile, house_k=self.k)
        return msgspec.structs.replace(
            rules,
            ipv4_bits=min(rules.ipv4_bits, self.ipv4_bits),
            ipv6_bits=min(rules.ipv6_bits, self.ipv6_bits),
            retention_days=min(rules.retention_days, self.retention_days),
        )

    def rules_of(self, site: Site) -> Rules:
        """Return what is in force for *site*: the strictest of floor, house, profile and the site's own switches."""
        rules = stricter(self.rules(site.profile), k=site.k, without=site.without, retention_days=site.retention_days)
        return msgspec.structs.replace(rules, goals=site.goals, funnels=site.funnels, groups=site.groups)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold every setting of the house.

    Attributes:
        data_dir: Holds `history.duckdb`, `spool/` and backups.
        runtime_dir: Holds keys, salts and the control socket; must be in memory (tmpfs). Empty for the default.
        timezone: Default of a site.
        keep_day_through_reboot: Put seal keys (never a salt) on disk, so that a reboot costs no detail.
        fsync: When spool files are forced to the disk: what a power cut may cost.
        day_memory_mb: Megabytes that the running days may take; above it the largest site's part closes early.
        log_level: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
        log_format: How lines of the log are written.
        is_uncompressed: Write the history without compression, so that an auditor can read its strings in the bytes.
    """

    data_dir: Path = Path("var")
    runtime_dir: str = ""
    timezone: str = "Europe/Amsterdam"
    keep_day_through_reboot: bool = False
    fsync: Fsync = Fsync.NEVER
    day_memory_mb: int = 2_048
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.TEXT
    is_uncompressed: bool = False
    server: Server = Server()
    limits: Limits = Limits()
    privacy: Privacy = Privacy()
    public: Public = Public()
    backup: Backup = Backup()
    access: Access = Access()
    mail: Mail = Mail()

    @property
    def logs_json(self) -> bool:
        """Tell whether lines of the log are JSON objects."""
        return self.log_format is LogFormat.JSON

    @property
    def history_file(self) -> Path:
        """Return where the cells are."""
        return self.data_dir / "history.duckdb"

    @property
    def desk_file(self) -> Path:
        """Return where accounts, keys, links, notes and mailings are."""
        return self.data_dir / "desk.sqlite"

    @property
    def backup_dir(self) -> Path:
        """Return where backups are put."""
        return self.data_dir / "backups"

    @property
    def spool_dir(self) -> Path:
        """Return where the sealed spool files are."""
        return self.data_dir / "spool"

    def runtime_path(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Return the folder for keys, salts and the control socket.

        Default: `$RUNTIME_DIRECTORY`, `/run/turven`, `$XDG_RUNTIME_DIR/turven`, `/dev/shm/turven-UID`, the first
        that is there and may be written.
        """
        if self.runtime_dir:
            return Path(self.runtime_dir)
        if systemd := environ.get("RUNTIME_DIRECTORY"):
            return Path(systemd.split(":")[0])
        run = Path("/run/turven")
        if run.is_dir() and os.access(run, os.W_OK):
            return run
        if user := environ.get("XDG_RUNTIME_DIR"):
            return Path(user) / "turven"
        return Path(f"/dev/shm/turven-{os.getuid()}")  # noqa: S108 - a folder of one user's own, made with mode 700


def load_settings(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings.

    Args:
        path: A TOML file; `None` for `turven.toml` in the working folder, if it is there.
        environ: Variables `TURVEN_DATA_DIR`, `TURVEN_SERVER__LISTEN`, …: capitals, `__` between table and key.
        flags: Settings by dotted key, e.g. `{"server.listen": "127.0.0.1:9000"}`; `None` values are left out.

    Raises:
        SettingsError: `settings_missing`, `settings_unreadable`, `settings_invalid`.
        PrivacyError: `weaker_than_floor`.
    """
    raw = _from_file(path)
    for name, value in environ.items():
        if name.startswith("TURVEN_") and name != "TURVEN_CONFIG":
            keys = name.removeprefix("TURVEN_").lower().split("__")
            if keys[0] == "privacy":
                raise PrivacyError("weaker_than_floor", f"{name}: [privacy] is read from the settings file only.")
            _put(raw, keys, value)
    for dotted, value in (flags or {}).items():
        if value is not None:
            _put(raw, dotted.split("."), value)
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise SettingsError("settings_invalid", f"{error}. See deploy/turven.toml for every setting.") from None
    _check(settings)
    return settings


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        path = Path(CONFIG_NAME)
        if not path.exists():
            return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError("settings_missing", f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError("settings_unreadable", f"{path}: {error}") from None


def _put(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        raw = raw.setdefault(key, {})
    raw[keys[-1]] = value


def _to_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError("write a path as a text")


def _check(settings: Settings) -> None:
    _check_privacy(settings.privacy)
    _check_server(settings.server)
    _check_limits(settings)
    _check_public(settings.public)
    _check_backup(settings.backup)
    _check_access(settings)
    _check_mail(settings.mail)
    if settings.timezone not in available_timezones():
        raise SettingsError("settings_invalid", f"timezone: {settings.timezone!r} is no IANA time zone.")
    if settings.log_level not in _LOG_LEVELS:
        raise SettingsError("settings_invalid", f"log_level: choose one of {', '.join(_LOG_LEVELS)}.")


def _check_privacy(privacy: Privacy) -> None:
    if privacy.k < K_FLOOR:
        raise PrivacyError(
            "weaker_than_floor", f"privacy.k is {privacy.k}; the floor is {K_FLOOR}, larger is stricter."
        )
    for name, bits, most in (
        ("ipv4_bits", privacy.ipv4_bits, IPV4_BITS_MAX),
        ("ipv6_bits", privacy.ipv6_bits, IPV6_BITS_MAX),
    ):
        if not 0 <= bits <= most:
            raise PrivacyError("weaker_than_floor", f"privacy.{name} is {bits}; at most /{most} may be kept.")
    if not 1 <= privacy.retention_days <= RETENTION_DAYS_MAX:
        raise PrivacyError("weaker_than_floor", f"privacy.retention_days: choose 1 to {RETENTION_DAYS_MAX} days.")


def _check_server(server: Server) -> None:
    for network in server.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise SettingsError("settings_invalid", f"server.trusted_proxies: {network!r} is no network.") from None
    if not 0 <= server.collectors <= COLLECTORS_MAX:
        raise SettingsError("settings_invalid", f"server.collectors: choose 0 to {COLLECTORS_MAX}.")
    if server.collector_listen and not server.collectors:
        raise SettingsError("settings_invalid", "server.collector_listen needs server.collectors of at least 1.")
    for name, address in (("listen", server.listen), ("collector_listen", server.collector_listen or server.listen)):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > _PORT_MAX:
            raise SettingsError("settings_invalid", f"server.{name}: {address!r} is not HOST:PORT.")
    if server.base_path and (not server.base_path.startswith("/") or server.base_path.endswith("/")):
        raise SettingsError("settings_invalid", "server.base_path begins with / and does not end with it.")


def _check_limits(settings: Settings) -> None:
    limits = settings.limits
    for name in ("connections", "request_seconds", "idle_seconds", "site_events_per_second"):
        if getattr(limits, name) < 1:
            raise SettingsError("settings_invalid", f"limits.{name}: choose at least 1.")
    if limits.network_events_per_minute < 0:
        raise SettingsError("settings_invalid", "limits.network_events_per_minute: choose 0 for none, or more.")
    if settings.day_memory_mb < DAY_MEMORY_MB_MIN:
        raise SettingsError("settings_invalid", f"day_memory_mb: choose at least {DAY_MEMORY_MB_MIN}.")


def _check_backup(backup: Backup) -> None:
    if not 1 <= backup.keep_days <= BACKUP_DAYS_MAX:
        raise PrivacyError("weaker_than_floor", f"backup.keep_days: choose 1 to {BACKUP_DAYS_MAX} days.")
    if backup.recipient and not _RECIPIENT.fullmatch(backup.recipient):
        raise SettingsError(
            "settings_invalid", "backup.recipient is a public key that begins with age1; make one with `turven backup`."
        )


def _check_access(settings: Settings) -> None:
    if not 1 <= settings.access.sign_in_hours <= SIGN_IN_HOURS_MAX:
        raise PrivacyError("weaker_than_floor", f"access.sign_in_hours: choose 1 to {SIGN_IN_HOURS_MAX}.")
    base_url = settings.public.base_url
    if settings.access.accounts and base_url and not base_url.startswith("https://"):
        raise SettingsError(
            "settings_invalid",
            "access.accounts: public.base_url has to begin with https://, or passwords would travel in clear.",
        )


def _check_mail(mail: Mail) -> None:
    if mail.security not in MAIL_SECURITY:
        raise SettingsError("settings_invalid", f"mail.security: choose one of {', '.join(MAIL_SECURITY)}.")
    if not mail.server:
        return
    host, _, port = mail.server.rpartition(":")
    if not host or not port.isdigit() or int(port) > _PORT_MAX:
        raise SettingsError("settings_invalid", f"mail.server: {mail.server!r} is not HOST:PORT.")
    if "@" not in mail.sender or not mail.sender.isascii() or not mail.sender.isprintable():
        raise SettingsError("settings_invalid", "mail.sender: name the address that mails come from.")
    if mail.security == "none" and host not in _OWN_HOSTS:
        raise SettingsError(
            "settings_invalid", "mail.security: none is for a mail server on this machine only (127.0.0.1)."
        )


def _check_public(public: Public) -> None:
    for name in ("operator", "contact", "security_contact", "privacy_officer"):
        if not getattr(public, name).isprintable():
            raise SettingsError("settings_invalid", f"public.{name} is one line of text.")
    for company in public.sub_processors:
        if not (company.name and company.task and (company.name + company.task).isprintable()):
            raise SettingsError("settings_invalid", "public.sub_processors: each has a name and a task, on one line.")
        if not _COUNTRY.fullmatch(company.country):
            raise SettingsError(
                "settings_invalid", "public.sub_processors: write the country as two capitals, e.g. NL."
            )
    # RFC 9116 takes URIs only: an address without `mailto:` makes the whole file invalid.
    if public.security_contact and not public.security_contact.startswith(("mailto:", "https://", "tel:")):
        raise SettingsError("settings_invalid", "public.security_contact begins with mailto:, https:// or tel:.")
