"""Look at what a history says of requests that were not counted: reasons of a closed list, counts in tens."""

from typing import Final

from collector.audit.finding import Seen
from collector.audit.kept import Kept, not_applicable

#: Reasons that there are, written apart from the collector's: a text that a client made up would not be among them.
REASONS: Final = ("bot", "host", "invalid", "late", "overload", "site_off", "unknown_site")
#: What is counted for the house as a whole, and never finer than in hundreds.
OPT_OUT: Final = "opt_out"
#: Names under which a removed identifier is counted, beside the field's own.
VALUES: Final = ("browser_number", "campaign_value", "event_name", "property_name", "property_value")
FIELDS: Final = (
    "_id", "account_id", "address", "birth_date", "bsn", "client_id", "customer_id", "device_id", "eck_id", "email",
    "first_name", "id", "ip", "last_name", "leerling_id", "leerlingnummer", "login", "name", "phone", "pupil_id",
    "session_id", "student_id", "studentnummer", "token", "uid", "user", "user_agent", "user_id", "username", "uuid",
    "visitor_id",
)  # fmt: skip
_STEP: Final = 10
_OPT_OUT_STEP: Final = 100


def refusals_are_coarse(kept: Kept) -> Seen:
    """R2 on the file: what was refused stands there by names of a closed list, in tens, and opt-outs in hundreds."""
    known = [*REASONS, OPT_OUT, *(f"refused:{name}" for name in (*FIELDS, *VALUES))]
    rows = kept.one("select count(*) from main.dropped")
    if not rows:
        return not_applicable("Nothing was refused yet, or fewer than ten requests a day.")
    odd = {
        "other_reasons": kept.one(
            "select count(distinct reason) from main.dropped where not list_contains($known, reason)", known=known
        ),
        "rows_not_in_tens": kept.one("select count(*) from main.dropped where count % $step <> 0", step=_STEP),
        "opt_outs_not_in_hundreds": kept.one(
            "select count(*) from main.dropped where reason = $reason and count % $step <> 0",
            reason=OPT_OUT,
            step=_OPT_OUT_STEP,
        ),
        "opt_outs_of_one_site": kept.one(
            "select count(*) from main.dropped where reason = $reason and site <> ''", reason=OPT_OUT
        ),
    }
    names = kept.one("select count(distinct reason) from main.dropped where starts_with(reason, 'refused:')")
    return Seen.that(not any(odd.values()), rows=rows, refused_names=names, **odd)
