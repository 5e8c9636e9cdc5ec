"""Sites and the log of every change to what they have switched on: append-only, hash-chained."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import available_timezones

import duckdb
import msgspec

from collector.clock import day_starts_at, local_day
from collector.errors import SettingsError
from collector.model import Dimension, Site
from collector.policy import K_FLOOR, RETENTION_DAYS_MAX
from collector.store.declared import check_declared
from collector.store.history import History
from collector.store.in_force import State, in_force_since, states_in, strictest, under_house

ZEROS: Final = "0" * 64
#: Who makes an entry that tells the settings of the house.
SETTINGS_FILE: Final = "settings file"
_SALT_BYTES: Final = 32
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_HOSTS_MAX: Final = 50
_TEXT_MAX: Final = 500
#: As much as the columns of the log take.
_ACTOR_MAX, _REASON_MAX = 200, 1_000
#: The column of a closed part's k has 16 bits; a threshold of thousands is a slip of the pen.
K_MAX: Final = 1_000
#: What cannot be switched off: without it nothing is left to read, and nothing to hold the rest against.
_ALWAYS: Final = (Dimension.TOTAL, Dimension.HOUR)


class Sites:
    """Hold the sites in memory and in the file; every change is a line of the log.

    What `all`, `get` and `known` return is in force: looser settings wait for the site's next day, which `turn` begins.
    """

    def __init__(self, history: History, *, random: Callable[[int], bytes]) -> None:
        self._history = history
        self._random = random
        with history.read() as cursor:
            rows = cursor.execute("select record, changed_at from site order by id").fetchall()
            entries = cursor.execute("select site, made_at, change from settings_log order by seq").fetchall()
        self._sites = {site.id: site for record, _ in rows for site in [msgspec.json.decode(record, type=Site)]}
        told = states_in(entry for entry in entries if entry[0])
        #: What was set, oldest first; a record that the log does not tell stands alone.
        self._states = {
            name: told.get(name) or [State(changed_at, site)]
            for (name, site), (_, changed_at) in zip(self._sites.items(), rows, strict=True)
        }
        self._house = [(made_at, json.loads(change)) for name, made_at, change in entries if not name and change]
        self._in_force = dict(self._sites)
        self._waiting = set(self._sites)
        #: Called whenever what is in force has changed, before whoever changed it goes on.
        self.on_change: Callable[[], None] = lambda: None

    def all(self) -> list[Site]:
        """Return every site as it is in force, by id."""
        return [self._in_force[key] for key in sorted(self._in_force)]

    def get(self, site_id: str) -> Site | None:
        """Return a site as it is in force, or `None`."""
        return self._in_force.get(site_id)

    def known(self, site_id: str) -> Site:
        """Return a site as it is in force.

        Raises:
            SettingsError: `site_unknown`.
        """
        site = self._in_force.get(site_id)
        if site is None:
            raise SettingsError("site_unknown", f"There is no site {site_id!r}. `turven site list` names them.")
        return site

    def turn(self, now: datetime) -> None:
        """Let looser settings come into force where the local day has turned; cheap where none waits."""
        settled = [self._settle(name, now) for name in list(self._waiting)]
        if any(settled):
            self.on_change()

    def on_day(self, site: Site, day: date) -> Site:
        """Return *site* as strict as it was at any time since its local *day* began."""
        states = self._states.get(site.id)
        if not states:
            return site
        start = _plain(day_starts_at(day, site.timezone))
        before = [entry for made_at, entry in self._house if made_at <= start]
        house = before[-1:] + [entry for made_at, entry in self._house if made_at > start]
        # The newest entry of the house is in force by itself.
        return under_house(strictest(in_force_since(states, start)), house[:-1])

    def waits(self, site_id: str) -> bool:
        """Tell whether a looser setting of a site waits for its next day."""
        return self._in_force.get(site_id) != self._sites.get(site_id)

    def add(self, site: Site, *, made_by: str, reason: str, at: datetime) -> None:
        """Take a new site into the house.

        Raises:
            SettingsError: `site_exists`, `site_invalid`, `agreement_missing`, `entry_invalid`.
        """
        if site.id in self._sites:
            raise SettingsError(
                "site_exists", f"There is a site {site.id!r} already; change it with `turven site set`."
            )
        self._keep(site, change=_record(site), made_by=made_by, reason=reason, at=at)

    def change(self, site_id: str, changes: dict[str, Any], *, made_by: str, reason: str, at: datetime) -> Site:
        """Change what a site has switched on and return it as it was set; what is looser waits for its next day.

        Raises:
            SettingsError: `site_unknown`, `site_invalid`, `site_fixed`, `agreement_missing`, `entry_invalid`.
        """
        self.known(site_id)
        site = self._sites[site_id]
        # What is no setting would stand in the log all the same; one word there ends what a site was told before.
        unknown = sorted(set(changes) - set(Site.__struct_fields__))
        if unknown:
            raise SettingsError("site_invalid", f"Site {site_id!r} has no setting {unknown[0]!r}.")
        raw = json.loads(msgspec.json.encode(site)) | changes
        try:
            changed = msgspec.convert(raw, Site, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError("site_invalid", f"Site {site_id!r}: {error}.") from None
        fixed = [getattr(one, name) for name in ("id", "timezone", "identity") for one in (site, changed)]
        if fixed[::2] != fixed[1::2]:
            raise SettingsError(
                "site_fixed",
                "Name, time zone and identity are fixed, since days before and after could not be compared: add a new "
                "site.",
            )
        self._keep(changed, change=json.dumps(changes, sort_keys=True), made_by=made_by, reason=reason, at=at)
        return changed

    def note_house(self, settings: Mapping[str, Any], *, at: datetime) -> bool:
        """Note the house's own settings in the log where they differ from what it tells; return whether they did."""
        if self._house and self._house[-1][1] == settings:
            return False
        change = json.dumps(settings, sort_keys=True, ensure_ascii=False)
        with self._history.write() as cursor:
            made_at = self.append(cursor, site="", change=change, made_by=SETTINGS_FILE, reason="", at=at)
        self._house.append((made_at, json.loads(change)))
        self._waiting |= set(self._sites)
        return True

    def head(self) -> str:
        """Return the hash of the newest entry of the log."""
        with self._history.read() as cursor:
            return _head(cursor)[1]

    def forget(self, site_id: str) -> None:
        """Know a site no more: nothing of it is admitted from here on. The file is as it was."""
        for kept in (self._in_force, self._sites, self._states):
            kept.pop(site_id, None)
        self._waiting.discard(site_id)
        self.on_change()

    def append(
        self, cursor: duckdb.DuckDBPyConnection, *, site: str, change: str, made_by: str, reason: str, at: datetime
    ) -> datetime:
        """Add an entry to the log inside a transaction of the caller's; return its instant as it is stored."""
        made_at = _plain(at)
        seq, previous = _head(cursor)
        salt = self._random(_SALT_BYTES).hex()
        content = content_hash(salt=salt, change=change, made_by=made_by, reason=reason)
        entry = entry_hash(seq=seq + 1, made_at=made_at, site=site, content=content, previous=previous)
        cursor.execute(
            "insert into settings_log values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [seq + 1, made_at, site, change, made_by, reason, salt, content, previous, entry],
        )
        return made_at

    def _keep(self, site: Site, *, change: str, made_by: str, reason: str, at: datetime) -> None:
        check_site(site)
        check_entry(made_by, reason)
        with self._history.write() as cursor:
            made_at = self.append(cursor, site=site.id, change=change, made_by=made_by, reason=reason, at=at)
            cursor.execute("delete from site where id = ?", [site.id])
            cursor.execute("insert into site values (?, ?, ?)", [site.id, _record(site), made_at])
        self._states.setdefault(site.id, []).append(State(made_at, site))
        self._sites[site.id] = site
        if self._settle(site.id, at):
            self.on_change()

    def _settle(self, name: str, now: datetime) -> bool:
        """Let of a site come into force what may; return whether anything did."""
        site = self._sites[name]
        in_force = self.on_day(site, local_day(now, site.timezone))
        # The gate works out anew what a site means whenever it is another object.
        is_changed = self._in_force.get(name) != in_force
        if is_changed:
            self._in_force[name] = in_force
        (self._waiting.discard if in_force == site else self._waiting.add)(name)
        return is_changed


def _plain(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def content_hash(*, salt: str, change: str, made_by: str, reason: str) -> str:
    """Return the salted SHA-256 of what an entry says; once the salt is gone it tells nothing."""
    return hashlib.sha256(json.dumps([salt, change, made_by, reason]).encode()).hexdigest()


def entry_hash(*, seq: int, made_at: datetime, site: str, content: str, previous: str) -> str:
    """Return the SHA-256 that links an entry to the one before."""
    return hashlib.sha256(json.dumps([seq, made_at.isoformat(), site, content, previous]).encode()).hexdigest()


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
    _check_switches(site)
    check_declared(site)
    if site.is_on and not (site.controller.strip() and site.agreement.strip() and site.agreed_on):
        raise SettingsError(
            "agreement_missing",
            "A site can be switched on once its controller, processor agreement and date are recorded "
            "(--controller, --agreement, --agreed-on).",
        )


def check_entry(made_by: Any, reason: Any) -> None:
    """Refuse who and why where the log could not hold them as they are; they come from whoever may give commands.

    Raises:
        SettingsError: `entry_invalid`.
    """
    for name, said, longest in (("who made it", made_by, _ACTOR_MAX), ("the reason", reason, _REASON_MAX)):
        if not isinstance(said, str) or len(said) > longest or not said.isprintable():
            raise SettingsError("entry_invalid", f"Of a change, {name} is one line of at most {longest} characters.")


def _check_switches(site: Site) -> None:
    if site.k and site.k < K_FLOOR:
        raise SettingsError(
            "site_invalid", f"k is {site.k}; choose {K_FLOOR} or more, or 0 for that of house and profile."
        )
    if site.k > K_MAX:
        raise SettingsError("site_invalid", f"k is {site.k}; above {K_MAX} nothing would be left to show.")
    for dimension in site.without:
        if dimension in _ALWAYS:
            raise SettingsError("site_invalid", f"{dimension.value!r} cannot be switched off: the rest is part of it.")
    if site.retention_days and not 1 <= site.retention_days <= RETENTION_DAYS_MAX:
        raise SettingsError(
            "site_invalid", f"Keep cells 1 to {RETENTION_DAYS_MAX} days, or 0 for as long as the house does."
        )
    for name in ("controller", "controller_contact", "privacy_officer", "legal_basis", "agreement"):
        text = getattr(site, name)
        if not text.isprintable() or len(text) > _TEXT_MAX:
            raise SettingsError("site_invalid", f"{name} is one line of at most {_TEXT_MAX} characters.")


def _record(site: Site) -> str:
    return msgspec.json.encode(site, order="sorted").decode()


def _head(cursor: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    row = cursor.execute("select seq, hash from settings_log order by seq desc limit 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, ZEROS)
