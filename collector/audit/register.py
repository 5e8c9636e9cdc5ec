"""The register of processing activities (GDPR art. 30), made from settings, sites and the inventory of the database.

It is plain data: words of closed lists, names that people filled in, and figures in force. What it is called in Dutch
or English is for those who show it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector import __version__
from collector.audit.finding import Seen
from collector.audit.kept import Kept, not_applicable
from collector.audit.report import Column
from collector.cursor import Cursor
from collector.effective import PURPOSE, country_from
from collector.model import Dimension, Identity, Site
from collector.policy import HOUR_ROWS_DAYS_MAX, Rules
from collector.settings import Privacy, Settings

#: Where the GDPR holds without a decision about a third country: the European Economic Area.
EEA: Final = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
#: Tables that hold what visitors came to, once it is counts.
FIGURES: Final = ("cell", "committed_hour", "dropped")
#: Whose data are processed, while a day runs: whoever opens a page of the site.
DATA_SUBJECTS: Final = ("pupils", "parents", "staff", "other_visitors")
#: What the processor does for every controller.
PROCESSING: Final = ("receive_events", "count_a_day", "keep_counts", "show_counts", "erase")
#: What the register calls a list that has nothing in it, so that it cannot be taken for one that nobody filled in.
NONE: Final = "none"
#: Security measures, and the requirements by which an audit tests each.
MEASURES: Final[Mapping[str, Sequence[str]]] = {
    "address_is_cut_first": ("R16", "R17"),
    "urls_are_cleaned": ("R3", "R4", "R5", "R7"),
    "key_of_site_and_day": ("R13", "R14", "R15", "R18"),
    "sealed_while_the_day_runs": ("R25", "R41", "R49"),
    "small_groups_are_not_kept": ("R21", "R22", "R26"),
    "erased_from_the_bytes": ("R27", "R29", "R30"),
    "no_connection_to_anybody": ("R34", "R35"),
    "logs_without_requests": ("R32",),
    "opt_out_before_anything_is_read": ("R42", "R43"),
    "changes_are_logged": ("R54",),
}
_INVENTORY_SQL: Final = (
    "select table_name, column_name, lower(data_type), comment from duckdb_columns() where not internal "
    "and database_name = current_database() and schema_name = 'main' order by table_oid, column_index"
)
#: Settings of the house that fill a field of the processor's record.
_HOUSE_FILLS: Final = {
    "processor.name": '[public] operator = "…" in turven.toml',
    "processor.contact": '[public] contact = "…" in turven.toml',
    "processor.privacy_officer": '[public] privacy_officer = "…" in turven.toml',
}
#: Options that fill a field of a controller's record.
_SITE_FILLS: Final = {
    "controller.name": "--controller",
    "controller.contact": "--controller-contact",
    "controller.privacy_officer": "--privacy-officer",
    "legal_basis": "--legal-basis",
}
Record = Mapping[str, Any]


def described(cursor: Cursor) -> list[Column]:
    """Return every column of the database behind *cursor* with its comment."""
    rows: list[tuple[str, str, str, str | None]] = cursor.execute(_INVENTORY_SQL).fetchall()
    return [describe(table, name, kind, comment or "") for table, name, kind, comment in rows]


def describe(table: str, name: str, kind: str, comment: str) -> Column:
    """Return a column described by its comment `role | unit | reason`; a part that the comment lacks is empty."""
    role, unit, reason = [*(part.strip() for part in comment.split("|", 2)), "", "", ""][:3]
    return Column(table=table, name=name, type=kind, role=role, unit=unit, reason=reason)


def register(
    cursor: Cursor, *, settings: Settings, sites: Sequence[Site], rules: Callable[[Site], Rules], version: str
) -> list[Record]:
    """Return the register: the processor's record (art. 30(2)), then one a controller and site (art. 30(1)).

    Args:
        cursor: Of the history; the categories of data are its columns.
        settings: Of the house.
        sites: Whose controllers.
        rules: Tells what is in force for a site.
        version: Of the program.
    """
    return records(described(cursor), settings=settings, sites=sites, rules=rules, version=version)


def records(
    inventory: Sequence[Column],
    *,
    settings: Settings,
    sites: Sequence[Site],
    rules: Callable[[Site], Rules],
    version: str,
) -> list[Record]:
    """Return the register as `register` does, from columns that are described already."""
    processor = _processor(settings, sites, version=version)
    return [processor, *(_controller(site, rules(site), settings, inventory, version=version) for site in sites)]


def gaps(record: Record) -> list[str]:
    """Return the fields of a record that are empty, by their dotted names."""
    return list(_gaps(record, name=""))


def check_controllers(kept: Kept) -> Seen:
    """R55 on the file: each controller whose site counts, or of which figures are kept, has a whole record."""
    encoded = kept.rows("select record from site order by id")
    sites = [msgspec.json.decode(record, type=Site) for (record,) in encoded]
    counted = {name for (name,) in kept.rows("select distinct site from closed")}
    due = [site for site in sites if site.is_on or site.id in counted]
    if not due:
        return not_applicable("No site counts yet: `turven site add`.")
    settings = Settings(privacy=Privacy())
    found = records(described(kept.cursor), settings=settings, sites=due, rules=Privacy().rules_of, version=__version__)
    empty = {
        f"{record['site']}: {field}": _fills(field, site=record["site"])
        for record in found[1:]
        for field in gaps(record)
    }
    return Seen.that(not empty, controllers=len(due), empty_fields=len(empty), fill_with=empty)


def check_processor(settings: Settings) -> Seen:
    """R55 of the house: the processor's record names it, where it can be reached, and its officer."""
    record = _processor(settings, (), version=__version__)
    empty = {field: _HOUSE_FILLS.get(field, "schema.sql") for field in gaps(record)}
    return Seen.that(not empty, empty_fields=len(empty), fill_with=empty)


def _fills(field: str, *, site: str) -> str:
    option = _SITE_FILLS.get(field)
    return f'turven site set {site} {option} "…"' if option else f"schema.sql: {field}"


def _gaps(value: Any, *, name: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _gaps(inner, name=f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple) and value:
        for number, inner in enumerate(value, 1):
            yield from _gaps(inner, name=f"{name}.{number}")
    elif value is None or value in ("", [], (), {}) or (isinstance(value, str) and not value.strip()):
        yield name


def _processor(settings: Settings, sites: Sequence[Site], *, version: str) -> Record:
    """Return the record of art. 30(2); a register without controllers says so."""
    return {
        "article": "30(2)",
        "version": version,
        "processor": _processor_named(settings),
        "controllers": [{"site": site.id, "controller": _controller_named(site)} for site in sites] or NONE,
        "categories_of_processing": list(PROCESSING),
        "sub_processors": _sub_processors(settings),
        "transfers": _transfers(settings),
        "measures": _measures(),
    }


def _controller(site: Site, rules: Rules, settings: Settings, inventory: Sequence[Column], *, version: str) -> Record:
    return {
        "article": "30(1)",
        "version": version,
        "site": site.id,
        "hosts": list(site.hosts),
        "is_on": site.is_on,
        "controller": _controller_named(site),
        "agreement": _agreement(site),
        "purpose": PURPOSE,
        "legal_basis": site.legal_basis,
        "data_subjects": list(DATA_SUBJECTS),
        "data_while_the_day_runs": _running(site, rules, settings),
        "data_kept": _kept(rules, inventory),
        "recipients": [{"name": settings.public.operator or NONE, "task": "processor", "country": NONE}],
        "sub_processors": _sub_processors(settings),
        "transfers": _transfers(settings),
        "time_limits": _time_limits(rules, settings),
        "measures": _measures(),
        "in_force": {
            "k": rules.k,
            "profile": site.profile.value,
            "identity": rules.identity(site.identity).value,
            "address_bits": {"ipv4": rules.ipv4_bits, "ipv6": rules.ipv6_bits},
        },
    }


def _processor_named(settings: Settings) -> Record:
    public = settings.public
    return {"name": public.operator, "contact": public.contact, "privacy_officer": public.privacy_officer}


def _controller_named(site: Site) -> Record:
    return {"name": site.controller, "contact": site.controller_contact, "privacy_officer": site.privacy_officer}


def _agreement(site: Site) -> Record | str:
    if not site.agreement:
        return NONE
    return {"reference": site.agreement, "date": site.agreed_on.isoformat() if site.agreed_on else NONE}


def _running(site: Site, rules: Rules, settings: Settings) -> list[str]:
    """Return the categories of personal data of a running day, by the words of `Event`; none of them is kept."""
    has_number = rules.identity(site.identity) is Identity.BROWSER
    told_apart_by = "number_of_the_browser" if has_number else "cut_address_and_browser"
    optional = {
        Dimension.EVENT: "event_name",
        Dimension.PROPERTY: "event_properties",
        Dimension.CAMPAIGN: "campaign",
        Dimension.VIEWPORT: "viewport",
        Dimension.LANGUAGE: "language",
        Dimension.BROWSER_MAJOR: "browser_major",
    }
    country = "country_by_header" if country_from(settings.server) == "header" else "country_by_cut_address"
    held = ["pseudonym", "second_of_arrival", "cleaned_path", "source", "browser_os_device", country, "visible_time"]
    return [told_apart_by, *held, *(name for dimension, name in optional.items() if dimension in rules.dimensions)]


def _kept(rules: Rules, inventory: Sequence[Column]) -> Record:
    return {
        "breakdowns": [Dimension.TOTAL.value, Dimension.HOUR.value, *(one.value for one in rules.dimensions)],
        "pairs": [[first.value, second.value] for first, second in rules.pairs] or NONE,
        "columns": [
            {"column": f"{one.table}.{one.name}", "role": one.role, "unit": one.unit, "reason": one.reason}
            for one in inventory
            if one.table in FIGURES
        ],
    }


def _sub_processors(settings: Settings) -> list[Record] | str:
    named: list[Record] = [
        {"name": one.name, "task": one.task, "country": one.country} for one in settings.public.sub_processors
    ]
    return named or NONE


def _transfers(settings: Settings) -> list[Record] | str:
    """Return the sub-processors outside the European Economic Area: the program itself sends nothing to anybody."""
    beyond = [one for one in settings.public.sub_processors if one.country not in EEA]
    named: list[Record] = [{"name": one.name, "country": one.country} for one in beyond]
    return named or NONE


def _time_limits(rules: Rules, settings: Settings) -> Record:
    return {
        "running_day": "until_it_closes",
        "keys_survive_a_reboot": settings.keep_day_through_reboot,
        "counts_days": rules.retention_days,
        "hours_days": min(rules.retention_days, HOUR_ROWS_DAYS_MAX),
        "what_was_not_counted_days": rules.retention_days,
    }


def _measures() -> list[Record]:
    return [{"measure": measure, "tested_by": list(numbers)} for measure, numbers in MEASURES.items()]
