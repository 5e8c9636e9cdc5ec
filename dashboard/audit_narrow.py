"""Leave out of a report what it tells of sites that its reader is not given.

What the house itself promises and keeps stays whole, and so do the findings: they name no figure of a site. Which sites
there are and what is in force for them is public anyway (`/privacy.json`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from collector.audit.report import Change, Facts, Report


def narrow(report: Report, sites: AbstractSet[str] | None) -> Report:
    """Return *report* without other sites than *sites*; `None` for every one.

    An entry of the settings log about another site stays as erased ones do, so that the chain can still be verified.
    The settings in force have one fingerprint, of every site; they and it are left out, as from the report of a copy.
    """
    if sites is None:
        return report
    seen, facts = {"", *sites}, report.facts
    narrowed = Facts(
        settings=[line for line in facts.settings if line.site in seen],
        inventory=facts.inventory,
        changes=[entry if entry.site in seen else _emptied(entry) for entry in facts.changes],
        first_broken=facts.first_broken,
        head=facts.head,
        refused=[one for one in facts.refused if one.site in seen],
        days=[one for one in facts.days if one.site in seen],
        register=[_record(one, seen) for one in facts.register if str(one.get("site") or "") in seen],
    )
    findings = [msgspec.structs.replace(finding, settings_sha256="") for finding in report.findings]
    return msgspec.structs.replace(report, facts=narrowed, settings_sha256="", findings=findings)


def _record(record: Mapping[str, Any], seen: AbstractSet[str]) -> Mapping[str, Any]:
    """Return a record of the register; the processor's own names only those controllers that the reader is given."""
    whose = record.get("controllers")
    return (
        {**record, "controllers": [one for one in whose if _site_of(one) in seen]}
        if isinstance(whose, list)
        else record
    )


def _site_of(record: Any) -> str:
    return str(record.get("site") or record.get("id") or "") if isinstance(record, Mapping) else ""


def _emptied(entry: Change) -> Change:
    return msgspec.structs.replace(entry, change=None, made_by=None, reason=None, salt=None)
