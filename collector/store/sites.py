"""Sites and the log of every change to what they have switched on: append-only, hash-chained."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import available_timezones

import duckdb
import msgspec

from collector.errors import SettingsError
from collector.model import Site
from collector.store.history import History

ZEROS: Final = "0" * 64
_SALT_BYTES: Final = 32
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_HOSTS_MAX: Final = 50


class Sites:
    """Hold the sites in memory and in the file; every change is a line of the log."""

    def __init__(self, history: History, *, random: Callable[[int], bytes]) -> None:
        self._history = history
        self._random = random
        with history.read() as cursor:
            rows = cursor.execute("select record from site order by id").fetchall()
        self._sites = {site.id: site for (record,) in rows for site in [msgspec.json.decode(record, type=Site)]}

    def all(self) -> list[Site]:
        """Return every site, by id."""
        return [self._sites[key] for key in sorted(self._sites)]

    def get(self, site_id: str) -> Site | None:
        """Return a site, or `None`."""
        return self._sites.get(site_id)

    def add(self, site: Site, *, made_by: str, reason: str, at: datetime) -> None:
        """Take a new site into the house.

        Raises:
            SettingsError: `site_exists`, `site_invalid`, `agreement_missing`.
        """
        if site.id in self._sites:
            raise SettingsError(
                "site_exists", f"There is a site {site.id!r} already; change it with `turven site set`."
            )
        self._keep(site, change=_record(site), made_by=made_by, reason=reason, at=at)

    def change(self, site_id: str, changes: dict[str, Any], *, made_by: str, reason: str, at: datetime) -> Site:
        """Change what a site has switched on and return it.

        Raises:
            SettingsError: `site_unknown`, `site_invalid`, `agreement_missing`.
        """
        site = self.known(site_id)
        raw = json.loads(msgspec.json.encode(site)) | changes
        try:
            changed = msgspec.convert(raw, Site, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError("site_invalid", f"Site {site_id!r}: {error}.") from None
        if changed.timezone != site.timezone or changed.identity != site.identity:
            raise SettingsError(
                "site_fixed",
                "Time zone and identity are fixed, since days before and after could not be compared: add a new site.",
            )
        self._keep(changed, change=json.dumps(changes, sort_keys=True), made_by=made_by, reason=reason, at=at)
        return changed

    def known(self, site_id: str) -> Site:
        """Return a site.

        Raises:
            SettingsError: `site_unknown`.
        """
        site = self._sites.get(site_id)
        if site is None:
            raise SettingsError("site_unknown", f"There is no site {site_id!r}. `turven site list` names them.")
        return site

    def head(self) -> str:
        """Return the hash of the newest entry of the log."""
        with self._history.read() as cursor:
            return _head(cursor)[1]

    def _keep(self, site: Site, *, change: str, made_by: str, reason: str, at: datetime) -> None:
        check_site(site)
        made_at = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        with self._history.write() as cursor:
            seq, previous = _head(cursor)
            salt = self._random(_SALT_BYTES).hex()
            content = content_hash(salt=salt, change=change, made_by=made_by, reason=reason)
            entry = entry_hash(seq=seq + 1, made_at=made_at, site=site.id, content=content, previous=previous)
            cursor.execute(
                "insert into settings_log values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [seq + 1, made_at, site.id, change, made_by, reason, salt, content, previous, entry],
            )
            cursor.execute("delete from site where id = ?", [site.id])
            cursor.execute("insert into site values (?, ?, ?)", [site.id, _record(site), made_at])
        self._sites[site.id] = site


def content_hash(*, salt: str, change: str, made_by: str, reason: str) -> str:
    """Return the salted SHA-256 of what an entry says; once the salt is gone it tells nothing."""
    return hashlib.sha256(json.dumps([salt, change, made_by, reason]).encode()).hexdigest()


def entry_hash(*, seq: int, made_at: datetime, site: str, content: str, previous: str) -> str:
    """Return the SHA-256 that links an entry to the one before."""
    return hashlib.sha256(json.dumps([seq, made_at.isoformat(), site, content, previous]).encode()).hexdigest()


def broken_entry(cursor: duckdb.DuckDBPyConnection) -> int | None:
    """Return the first entry of the settings log that does not fit the chain, or `None` when all do."""
    previous = ZEROS
    rows = cursor.execute(
        "select seq, made_at, site, change, made_by, reason, salt, content, previous, hash "
        "from settings_log order by seq"
    ).fetchall()
    for expected, (seq, made_at, site, change, made_by, reason, salt, content, before, entry) in enumerate(rows, 1):
        fits = (
            seq == expected
            and before == previous
            and entry == entry_hash(seq=seq, made_at=made_at, site=site, content=content, previous=before)
            and (salt is None or content == content_hash(salt=salt, change=change, made_by=made_by, reason=reason))
        )
        if not fits:
            return expected
        previous = entry
    return None


def check_site(site: Site) -> None:
    """Refuse a site that could not count rightly, or that may not count yet.

    Raises:
        SettingsError: `site_invalid`, `agreement_missing`.
    """
    if not _ID.fullmatch(site.id):
        raise SettingsError(
            "site_invalid", "A site's id has 1 to 64 lower-case letters, digits, dots, dashes or underscores."
        )
    if not site.hosts or len(site.hosts) > _HOSTS_MAX:
        raise SettingsError("site_invalid", f"Name 1 to {_HOSTS_MAX} hosts, e.g. `--host www.school.example`.")
    for host in site.hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError("site_invalid", f"{host!r} is no host name: lower case, without scheme, port or path.")
    if site.timezone not in available_timezones():
        raise SettingsError("site_invalid", f"{site.timezone!r} is no IANA time zone.")
    for path in (*site.templates, *site.sensitive):
        if not path.startswith("/"):
            raise SettingsError("site_invalid", f"{path!r}: templates and sensitive routes begin with /.")
    if site.is_on and not (site.controller and site.agreement and site.agreed_on):
        raise SettingsError(
            "agreement_missing",
            "A site can be switched on once its controller, processor agreement and date are recorded "
            "(--controller, --agreement, --agreed-on).",
        )


def _record(site: Site) -> str:
    return msgspec.json.encode(site, order="sorted").decode()


def _head(cursor: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    row = cursor.execute("select seq, hash from settings_log order by seq desc limit 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, ZEROS)
