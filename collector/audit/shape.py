"""What may be there at all: tables, columns, dimensions, addresses and commands, written down a second time.

What is not on these lists has no purpose that anybody wrote down; the audit names it. What a name on no account may
be is listed too, so that a line added here without thought is still seen.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector.audit.finding import Seen
from collector.audit.kept import COLUMNS_SQL, Check, Kept

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "schema_version": ("version", "applied_at"),
    "site": ("id", "record", "changed_at"),
    "settings_log": (
        "seq", "made_at", "site", "change", "made_by", "reason", "salt", "content", "previous", "hash",
    ),
    "closed": (
        "site", "day", "part", "outcome", "origin", "identity", "profile", "k", "settings", "closed_at", "epoch_part",
        "spool",
    ),
    "cell": (
        "site", "day", "part", "filter_dimension", "filter_value", "dimension", "value", "pageviews", "visits",
        "visitors", "bounces", "seconds", "events", "contributors",
    ),
    "committed_hour": ("site", "day", "part", "first_hour", "last_hour", "pageviews", "visitors", "contributors"),
    "dropped": ("site", "day", "part", "reason", "count"),
    "gap": ("timezone", "day", "epoch_part", "reason", "noticed_at"),
}  # fmt: skip
DIMENSIONS: Final = (
    "", "total", "hour", "page", "entry_page", "exit_page", "source", "channel", "campaign", "browser", "browser_major",
    "os", "device", "viewport", "country", "language", "event", "property", "scroll", "goal", "group", "funnel_step",
    "next_page",
)  # fmt: skip
#: Addresses that anybody may open, behind the base path or at the root of the host.
PUBLIC_ROUTES: Final = (
    "/event", "/turven.js", "/turven.{hash:str}.js", "/health", "/metrics", "/privacy", "/privacy.json",
    "/privacy/opt-out", "/privacy/public.css", "/privacy/public.js", "/.well-known/gpc.json",
    "/.well-known/security.txt",
)  # fmt: skip
#: Addresses of the dashboard: for the operator on this machine.
DASHBOARD_ROUTES: Final = (
    "/", "/first-steps", "/first-steps/{site}", "/export/{name}.{kind}", "/assets/{name}", "/audit",
    "/audit/report.json", "/audit/evidence.zip", "/audit/compare", "/audit/papers/{name}",
    # All of a breakdown, and hours by weekday: the same closed cells as on the overview.
    "/all/{name}", "/engagement",
    # Goals and funnels, of closed cells too; one total of now; what a site has switched on.
    "/goals", "/goals/remove", "/now", "/settings",
    # Many sites: what each of those came to that the reader may see.
    "/sites",
    # Signing in, one's own account, and the accounts of those who look; none of a visitor.
    "/sign-in", "/sign-out", "/me", "/staff",
    # Secret links and reports that leave: what is made, and what there is.
    "/links", "/links/withdraw", "/weekly", "/weekly/withdraw",
    # Notes at a day: from the page, and from a program with a pass for it.
    "/notes", "/notes/remove", "/api/notes",
    # Programs that ask for figures, the passes they need, and what left the house.
    "/api", "/api/openapi.json", "/api/query", "/api/v2/query", "/passes", "/passes/withdraw", "/taken",
)  # fmt: skip
#: Addresses that a secret of 256 bits opens, and nothing else: figures of one site, and the end of a report.
SECRET_ROUTES: Final = (
    "/shared/{secret}", "/shared/{secret}/", "/shared/{secret}/export/{name}.{kind}", "/shared/{secret}/all/{name}",
    "/shared/{secret}/engagement", "/embed/{secret}", "/embed/{secret}/", "/weekly/stop/{secret}",
    # The looks of those pages, since what stands behind the door is not for guests.
    "/shared/assets/{name}",
)  # fmt: skip
#: Addresses that take something in, and what they take.
TAKING_ROUTES: Final[Mapping[str, str]] = {
    "/event": "an event of a page",
    "/first-steps": "a site's settings",
    "/audit": "the wish to run an audit",
    "/sign-in": "name and password of who looks",
    "/sign-out": "the wish to sign out",
    "/me": "another password, second step or language of one's own",
    "/staff": "an account of who looks",
    "/links": "a name for a link, and how long it works",
    "/links/withdraw": "the end of a link",
    "/shared/{secret}": "the password of a link",
    "/weekly": "an address of staff that gets a report of totals",
    "/weekly/withdraw": "the end of a report",
    "/weekly/stop/{secret}": "the end of a report, by who gets it",
    "/goals": "the declaration of a goal, a funnel or a group of pages",
    "/goals/remove": "the end of one",
    "/settings": "what a site has switched on",
    "/notes": "a note at a day, such as a release",
    "/notes/remove": "the end of a note",
    "/api/notes": "a note at a day, from a program with a pass",
    "/api/query": "a question about figures, from a program with a pass",
    "/api/v2/query": "the same question, where clients of Plausible ask it",
    "/passes": "a name for a pass of a program, and how long it works",
    "/passes/withdraw": "the end of a pass",
}
#: What may stand in an address in the place of a name.
PARAMETERS: Final = ("hash", "kind", "name", "secret", "site")
COMMANDS: Final = (
    "site_add", "site_set", "site_list", "site_erase", "erase", "close", "export", "audit", "facts", "parts", "cells",
    "replay", "routes", "process", "backup", "restore", "check", "report_send",
)  # fmt: skip
#: Beginnings of words for another purpose than how a site is used.
OTHER_PURPOSES: Final = (
    "user", "account", "member", "advert", "ads", "audience", "cohort", "experiment", "variant", "abtest", "segment",
    "fingerprint", "persona", "profiling", "score", "remarket", "retarget", "target", "crm", "customer", "heatmap",
    "recording", "gebruiker", "doelgroep", "reclame",
)  # fmt: skip
#: Beginnings of words for what tells one person or one browser from another.
IDS: Final = (
    "uid", "uuid", "guid", "user", "client", "session", "cookie", "token", "fingerprint", "email", "mail", "phone",
    "telefoon", "login", "bsn", "leerling", "pupil", "student", "address", "adres", "ip", "agent", "birth", "eck",
    "serial", "imei", "idfa", "gaid",
)  # fmt: skip
#: Words for a way to look somebody up; the plural `visitors` is a measure.
LOOK_UPS: Final = (
    "person", "visitor", "subject", "people", "someone", "lookup", "search", "find", "key", "who", "identify",
    "persoon", "bezoeker", "betrokkene", "zoek",
)  # fmt: skip
#: Types of a column in which an id, a hash or a bag of anything would fit.
ID_TYPES: Final = r"uuid|blob|bit|u?hugeint|ubigint|bigint|.*\[\]|(map|struct|union|variant|json|list).*"
#: 64 bits, but a sum of seconds; see R26 for its cap.
WIDE_COUNTS: Final = ("cell.seconds",)
#: A value that only one browser or person can have: a UUID, or sixteen hexadecimal digits in a row.
_ID_VALUE: Final = (
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(^|[^0-9a-zA-Z])"
    "[a-f]*[0-9][0-9a-f]{15,}([^0-9a-zA-Z]|$)"
)
_PARAMETER: Final = re.compile(r"\{([^}:]*)[^}]*\}")
_WORD: Final = re.compile(r"[^a-z0-9]+")
_DIMENSION_LIST: Final = re.compile(r"'([^']*)'")


class Route(msgspec.Struct, frozen=True, order=True):
    """Name an address of a house and how it may be asked; no method named is any method."""

    path: str
    methods: tuple[str, ...] = ()


class Doors(msgspec.Struct, frozen=True):
    """Hold every way to ask a house something: addresses over HTTP, commands on the control socket."""

    routes: tuple[Route, ...] = ()
    commands: tuple[str, ...] = ()


def doors_of(routes: Iterable[Any], *, commands: Iterable[str]) -> Doors:
    """Read the doors of an application.

    Args:
        routes: As the application holds them; one that holds others is followed, one without a path is named by its
            type, which no list allows.
        commands: Names of the commands.
    """
    return Doors(tuple(sorted(_flat(routes, ""))), tuple(sorted(commands)))


def _flat(routes: Iterable[Any], before: str) -> list[Route]:
    found = []
    for route in routes:
        path = before + str(getattr(route, "path", type(route).__name__))
        below = getattr(route, "routes", None)
        if below:
            found += _flat(below, path)
        else:
            found.append(Route(path, tuple(sorted(getattr(route, "methods", None) or ()))))
    return found


def has_word(name: str, *, beginnings: Sequence[str] = (), words: Sequence[str] = ()) -> bool:
    """Tell whether a part of *name* begins with one of *beginnings*, or is one of *words*."""
    parts = [part for part in _WORD.split(name.lower()) if part]
    return any(part.startswith(tuple(beginnings)) or part in words for part in parts)


def _columns(kept: Kept) -> dict[str, str]:
    return {name: kind for name, kind, _ in kept.cursor.execute(COLUMNS_SQL).fetchall()}


def _possible_dimensions(kept: Kept) -> set[str]:
    """Return the dimensions that are kept, and those that the file's own rules would let in."""
    found = {name for (name,) in kept.rows("select distinct dimension from label")}
    rules = kept.cursor.execute(
        "select expression from duckdb_constraints() where table_name = 'cell' and constraint_type = 'CHECK' "
        "and database_name = current_database() and expression like '%dimension% IN %'"
    ).fetchall()
    return found.union(*(_DIMENSION_LIST.findall(rule) for (rule,) in rules))


def one_purpose_is_kept(kept: Kept) -> Seen:
    """R1 on the file: each table, column and dimension is on the auditor's list, and none is of another purpose."""
    columns = _columns(kept)
    tables = {name.rpartition(".")[0] for name in columns}
    allowed = {f"{table}.{column}" for table, names in TABLES.items() for column in names}
    dimensions = _possible_dimensions(kept)
    odd = {
        "unknown_tables": sorted(tables - set(TABLES)),
        "unknown_columns": sorted(set(columns) - allowed),
        "unknown_dimensions": sorted(dimensions - set(DIMENSIONS)),
        "of_another_purpose": sorted(
            name for name in (*columns, *dimensions) if has_word(name, beginnings=OTHER_PURPOSES)
        ),
    }
    return Seen.that(
        not any(odd.values()),
        tables=len(tables),
        columns=len(columns),
        dimensions=len(dimensions),
        words_looked_for=len(OTHER_PURPOSES),
        **odd,
    )


def one_purpose_is_served(doors: Doors, *, base_path: str) -> Seen:
    """R1 of a house: each address and each command is on the auditor's list, and none is of another purpose."""
    routes = _below(doors, base_path)
    names = [*(route.path for route in routes), *doors.commands]
    allowed = {*PUBLIC_ROUTES, *DASHBOARD_ROUTES, *SECRET_ROUTES}
    taking = {route.path for route in routes if not set(route.methods) <= {"GET", "HEAD"} or not route.methods}
    odd = {
        "unknown_addresses": sorted({route.path for route in routes} - allowed),
        "unknown_addresses_that_take_something": sorted(taking - set(TAKING_ROUTES)),
        "unknown_commands": sorted(set(doors.commands) - set(COMMANDS)),
        "of_another_purpose": sorted(name for name in names if has_word(name, beginnings=OTHER_PURPOSES)),
    }
    return Seen.that(
        bool(routes) and bool(doors.commands) and not any(odd.values()),
        addresses=len(routes),
        addresses_that_take_something=sorted(taking),
        commands=len(doors.commands),
        words_looked_for=len(OTHER_PURPOSES),
        **odd,
    )


def _below(doors: Doors, base_path: str) -> list[Route]:
    """Return the routes as they are named without the house's own base path."""
    return [
        Route(route.path.removeprefix(base_path) or "/", route.methods) if base_path else route
        for route in doors.routes
    ]


def no_id_fits(kept: Kept) -> Seen:
    """R18 on the file: no column is named like an id or could hold one, and no kept value looks like one."""
    columns = _columns(kept)
    tied = {
        f"{table}.{column}"
        for table, names in kept.cursor.execute(
            "select table_name, constraint_column_names from duckdb_constraints() where constraint_type = 'CHECK' "
            "and database_name = current_database()"
        ).fetchall()
        for column in names
    }
    counts = ("cell.", "committed_hour.", "dropped.", "closed.", "gap.")
    texts = [name for name, kind in columns.items() if kind == "varchar" and name.startswith(counts)]
    odd = {
        "named_like_an_id": sorted(name for name in columns if has_word(name, beginnings=IDS)),
        "dimensions_named_like_an_id": sorted(
            name for name in _possible_dimensions(kept) if has_word(name, beginnings=IDS, words=("id",))
        ),
        "types_in_which_an_id_fits": sorted(
            name for name, kind in columns.items() if re.fullmatch(ID_TYPES, kind) and name not in WIDE_COUNTS
        ),
        "texts_that_may_be_anything": sorted(set(texts) - tied),
        "values_like_an_id": kept.one(
            "select count(distinct value) from label where regexp_matches(value, $form)", form=_ID_VALUE
        ),
    }
    return Seen.that(not any(odd.values()), columns=len(columns), texts_with_a_rule=len(texts), **odd)


def nobody_is_kept_by_name(kept: Kept) -> Seen:
    """R44 on the file: no column could be asked for a person."""
    columns = _columns(kept)
    found = sorted(name for name in columns if has_word(name, beginnings=IDS, words=LOOK_UPS))
    return Seen.that(not found, columns=len(columns), columns_to_look_somebody_up_by=found)


def nobody_can_be_asked_for(doors: Doors, *, base_path: str) -> Seen:
    """R44 of a house: no address and no command takes a person's name, number or key."""
    routes = _below(doors, base_path)
    parameters = {name for route in routes for name in _PARAMETER.findall(route.path)}
    names = [*(route.path for route in routes), *doors.commands]
    odd = {
        "unknown_parts_of_an_address": sorted(parameters - set(PARAMETERS)),
        "named_after_a_look_up": sorted(name for name in names if has_word(name, beginnings=IDS, words=LOOK_UPS)),
    }
    return Seen.that(
        bool(routes) and bool(doors.commands) and not any(odd.values()),
        addresses=len(routes),
        parts_of_an_address=sorted(parameters),
        commands=len(doors.commands),
        **odd,
    )


def check_doors(doors: Doors, *, base_path: str) -> dict[str, Seen]:
    """Run the checks on the doors of a house."""
    return {
        "R1": one_purpose_is_served(doors, base_path=base_path),
        "R44": nobody_can_be_asked_for(doors, base_path=base_path),
    }


#: The checks of this kind that need the file alone.
SHAPE: Final[dict[str, Check]] = {
    "R1": one_purpose_is_kept,
    "R18": no_id_fits,
    "R44": nobody_is_kept_by_name,
}
