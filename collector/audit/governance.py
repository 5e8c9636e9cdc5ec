"""Checks on who decides: agreements, loosenings, sub-processors, other processing, the view across sites, hour rows."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from collector.audit.finding import Seen
from collector.audit.kept import Check, Kept, needs_cells, not_applicable
from collector.audit.loosening import Entry, loosened, read_log, site_of
from collector.audit.shape import TABLES
from collector.control import SOCKET_NAME
from collector.settings import Settings

#: How long figures by the hour may be kept.
HOUR_DAYS_MAX: Final = 62
#: What a database loads at run time to reach other databases, clouds or the network has this ending.
EXTENSION_SUFFIX: Final = ".duckdb_extension"
#: Beside the history a house holds the snapshot of the running day, in memory.
IN_MEMORY: Final = ("today",)
#: What is counted for the whole house and not for a site: signals that are not looked into any further, and what could
#: not be read, or was refused before it was.
OF_THE_HOUSE: Final = ("invalid", "opt_out", "overload", "unknown_site")
ON_BEHALF: Final = "operator, on behalf of "
OPERATOR: Final = "operator"
#: Begins the name of an account of the controller's: a change by it is the controller's own word.
CONTROLLER: Final = "controller "
_ROLES_SQL: Final = "select role, count(*) from account where not is_off group by role order by role"


def hours_go_early(kept: Kept, *, today: date) -> Seen:
    """R30: figures by the hour are at most 62 days old."""
    rows, oldest = kept.rows(
        "select count(*), min(day) from (select day from cell where dimension = 'hour' or filter_dimension = 'hour' "
        "union all select day from committed_hour)"
    )[0]
    if oldest is None:
        return not_applicable("No figure by the hour is kept. Ask again when a day has closed.")
    days = (today - oldest).days
    return Seen.that(days <= HOUR_DAYS_MAX, rows=rows, oldest_days=days, days_at_most=HOUR_DAYS_MAX)


def nothing_is_joined(kept: Kept) -> Seen:
    """R35: the database holds the tables of the inventory, and reaches no other one, no file and no network."""
    ask = kept.cursor.execute
    attached = ask(
        "select database_name from duckdb_databases() where not internal and database_name <> current_database() "
        "and not (list_contains($names, database_name) and path is null)",
        {"names": list(IN_MEMORY)},
    ).fetchall()
    tables = ask(
        "select if(schema_name = 'main', '', schema_name || '.') || table_name from duckdb_tables() "
        "where not internal and database_name = current_database()"
    ).fetchall()
    made_of_others = ask(
        "select (select count(*) from duckdb_views() where not internal and database_name = current_database()) "
        "+ (select count(*) from duckdb_functions() where not internal and database_name = current_database())"
    ).fetchone()[0]
    reaches = ask("select current_setting('enable_external_access')").fetchone()[0]
    odd = {
        "other_databases": sorted(name for (name,) in attached),
        "foreign_extensions": _loaded_extensions(),
        "foreign_tables": sorted(name for (name,) in tables if name not in TABLES),
        "views_and_macros": made_of_others,
        "reaches_files_and_network": reaches,
    }
    return Seen.that(not any(odd.values()), tables=len(tables), **odd)


def _loaded_extensions(maps: Path = Path("/proc/self/maps")) -> list[str]:
    """Return the extensions that this process has in memory: the database itself may not look at the disk for them."""
    if not maps.exists():
        return []
    names = {Path(line).name for line in maps.read_text("utf-8", errors="replace").splitlines()}
    return sorted(name for name in names if name.endswith(EXTENSION_SUFFIX))


def sub_processors_are_listed(settings: Settings) -> Seen:
    """R36: who hosts the house or stands in front of it is listed with task and country."""
    listed = [f"{one.name}: {one.task}, {one.country}" for one in settings.public.sub_processors]
    outside = [text for text in settings.server.trusted_proxies if _is_public(text)]
    if not listed and not outside:
        return not_applicable(
            "None is listed, and no proxy outside this network is trusted. If somebody hosts this house or stands in "
            "front of it, list them under [public] sub_processors in the settings file."
        )
    evidence: dict[str, Any] = {"listed": listed, "trusted_proxies_elsewhere": outside}
    if not listed:
        evidence["why"] = "Proxies elsewhere are trusted, so somebody stands in front, and nobody is listed."
    return Seen.that(bool(listed), **evidence)


def connections_are_named(settings: Settings) -> Seen:
    """R34: of what leaves, only what the operator switched on is there, by name: reports to a mail server."""
    mail = settings.mail
    return Seen.that(True, switched_on_by_the_operator=[f"mail: {mail.server}, {mail.security}"] if mail.server else [])


def doors_are_shut(settings: Settings) -> Seen:
    """R48 of the machine: only the house's own user may give it commands or write its history."""
    runtime, history = settings.runtime_path(), settings.history_file
    socket = runtime / SOCKET_NAME
    if not runtime.exists():
        return not_applicable("The house has not run on this machine yet. Start it, and ask again.")
    modes = {
        name: path.stat().st_mode & 0o777
        for name, path in (
            ("runtime_dir", runtime),
            ("control_socket", socket),
            ("history", history),
            ("desk", settings.desk_file),
        )
        if path.exists()
    }
    open_to_others = sorted(name for name, mode in modes.items() if mode & (0o022 if name == "history" else 0o077))
    return Seen.that(
        not open_to_others,
        modes={name: f"{mode:o}" for name, mode in modes.items()},
        open_to_others=open_to_others,
        asked_to_sign_in=settings.access.accounts,
        accounts_by_role=_accounts_by_role(settings.desk_file),
    )


def _accounts_by_role(desk: Path) -> dict[str, int]:
    """Count the accounts that may sign in; no name is read."""
    if not desk.exists():
        return {}
    with closing(sqlite3.connect(f"file:{quote(str(desk.absolute()))}?mode=ro", uri=True)) as connection:
        return dict(connection.execute(_ROLES_SQL).fetchall())


def _is_public(network: str) -> bool:
    """Tell whether a network holds addresses outside one's own: loopback, private and link-local ones are inside."""
    read = ip_network(network)
    return not (read.is_private or read.is_loopback or read.is_link_local)


def agreements_come_first(kept: Kept) -> Seen:
    """R51: no site is on, or was ever switched on, without controller, agreement and date."""
    missing = " or ".join(
        f"coalesce(trim(json_extract_string(record, '$.{name}')), '') = ''"
        for name in ("controller", "agreement", "agreed_on")
    )
    on = "from site where coalesce(json_extract_string(record, '$.is_on'), '') = 'true'"
    sites = kept.one("select count(*) from site")
    entries = read_log(kept)
    if not sites and not entries:
        return not_applicable("There is no site yet. Ask again when one was added.")
    early = [entry.seq for entry in entries if "is_on" in entry.loosened and not _is_agreed(entry)]
    without = [name for (name,) in kept.rows(f"select id {on} and ({missing}) order by id")]
    return Seen.that(
        not without and not early,
        sites=sites,
        sites_that_are_on=kept.one(f"select count(*) {on}"),
        on_without_controller_agreement_or_date=without,
        entries_that_switched_on_without=early,
    )


def _is_agreed(entry: Entry) -> bool:
    site = entry.after
    return site is not None and bool(site.controller.strip() and site.agreement.strip() and site.agreed_on)


def loosenings_are_recorded(kept: Kept) -> Seen:
    """R52: whatever is looser than untouched came by an entry that says who made it and why."""
    entries = read_log(kept)
    sites = kept.rows("select id, record from site order by id")
    if not sites and not entries:
        return not_applicable("There is no site yet, so nothing was made looser. Ask again when one was added.")
    looser = [entry for entry in entries if entry.loosened and not entry.is_erased]
    alone = [entry.seq for entry in looser if _is_operator(entry.made_by) and entry.after and entry.after.is_on]
    odd = {
        "loosenings_by_the_operator_alone": alone,
        "loosenings_without_an_actor": [entry.seq for entry in looser if not entry.made_by.strip()],
        "loosenings_without_a_reason": [entry.seq for entry in looser if not entry.reason.strip()],
        "in_force_without_an_entry": _unrecorded(sites, entries),
    }
    return Seen.that(
        not any(odd.values()),
        entries=len(entries),
        entries_whose_contents_were_erased=sum(entry.is_erased for entry in entries),
        loosenings=dict(sorted(Counter(name for entry in looser for name in entry.loosened).items())),
        made_by=_makers(looser),
        **odd,
    )


def _unrecorded(sites: list[tuple[Any, ...]], entries: list[Entry]) -> dict[str, list[str]]:
    """Return what is looser in a site's record than its entries made it; erased entries leave a site unjudged."""
    newest = {entry.site: entry for entry in entries}
    found = {}
    for name, record in sites:
        entry, site = newest.get(name), site_of(record)
        if entry is not None and entry.after is None:
            continue
        names = loosened(entry.after if entry else None, site) if site else ("a record that cannot be read",)
        if names:
            found[name] = list(names)
    return found


def _makers(looser: list[Entry]) -> dict[str, int]:
    """Count who made the loosenings, by role: a name stands in the log, and an auditor needs the role."""
    counts = Counter(
        "recorded by the operator on behalf of the controller"
        if entry.made_by.startswith(ON_BEHALF)
        else "decided by an account of the controller"
        if entry.made_by.startswith(CONTROLLER)
        else "the operator alone"
        if _is_operator(entry.made_by)
        else "somebody else, by name"
        for entry in looser
    )
    return dict(sorted(counts.items()))


def _is_operator(made_by: str) -> bool:
    """Tell whether the operator made an entry and on nobody's behalf, by an account or without one."""
    return made_by == OPERATOR or made_by.startswith(f"{OPERATOR} (")


@needs_cells
def no_total_spans_sites(kept: Kept) -> Seen:
    """R53 on the file: each figure belongs to one site of the list; for the whole house only signals are counted."""
    strange = "site not in (select id from main.site)"
    odd = {
        "cells_of_no_site": kept.one(f"select count(*) from cell where {strange}"),
        "hours_of_no_site": kept.one(f"select count(*) from committed_hour where {strange}"),
        "counts_of_the_house_beside_signals": kept.one(
            "select count(*) from main.dropped where site = '' and not list_contains($reasons, reason)",
            reasons=list(OF_THE_HOUSE),
        ),
    }
    return Seen.that(
        not any(odd.values()),
        sites=kept.one("select count(*) from site"),
        cells=kept.one("select count(*) from cell"),
        counted_for_the_house=list(OF_THE_HOUSE),
        **odd,
    )


#: The checks of this kind that need the file alone.
GOVERNANCE: Final[dict[str, Check]] = {
    "R35": nothing_is_joined,
    "R51": agreements_come_first,
    "R52": loosenings_are_recorded,
    "R53": no_total_spans_sites,
}
