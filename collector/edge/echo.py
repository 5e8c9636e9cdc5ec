"""Say what would be stored of a request, what was generalised or refused, and why: `?debug=1`, for developers.

Only what the gate has made of the request is told, in its cleaned form. Address, user agent and visitor key are not.
"""

from typing import Final

from collector.edge.identifiers import BROWSER_NUMBER, CAMPAIGN_VALUE, EVENT_NAME, ID, PROPERTY_NAME, PROPERTY_VALUE
from collector.edge.page import locate
from collector.edge.passage import Passage, Plan
from collector.edge.payload import Payload
from collector.event import Drop, Event, Kind, Malformed, Reason
from collector.model import DIRECT, OTHER, UNKNOWN

_WHY_DROPPED: Final = {
    Reason.OPT_OUT: "The browser sends Sec-GPC: 1 or DNT: 1; whoever opts out is not looked at.",
    Reason.UNKNOWN_SITE: "No site has this id; compare `s` (data-site) with the list of sites.",
    Reason.SITE_OFF: "The site's controller has not switched it on.",
    Reason.BOT: "The user agent is missing, or belongs to a program and not to a visitor.",
    Reason.HOST: "The page's host is not one of the site's hosts.",
    Reason.OVERLOAD: "Too many browsers that were not seen before came at once; try again.",
    Reason.INVALID: (
        "The site tells visitors apart by a number of their browser, and `i` is missing: the script was loaded for "
        "another site or identity, or the browser forbids storage."
    ),
}
#: The step of the gate at which a request is dropped.
_STEPS: Final = {
    Reason.OPT_OUT: "opt-out",
    Reason.UNKNOWN_SITE: "site",
    Reason.SITE_OFF: "site",
    Reason.BOT: "bot",
    Reason.OVERLOAD: "bot",
    Reason.INVALID: "identity",
    Reason.HOST: "page",
}
_WHY_REFUSED: Final = {
    BROWSER_NUMBER: "`i` was removed: this site does not tell visitors apart by a number of their browser.",
    EVENT_NAME: "The event's name looks like it identifies somebody; it was not kept.",
    PROPERTY_NAME: "The name of a property looks like it identifies somebody; the property was removed.",
    PROPERTY_VALUE: "The value of a property looks like it identifies somebody; the property was removed.",
    CAMPAIGN_VALUE: "A part of the campaign looks like it identifies somebody; it became `:id`.",
}
_NO_ECHO: Final = "This site does not allow the debug echo."


def explain(passage: Passage, outcome: Event | Drop | Malformed) -> dict[str, object]:
    """Describe *outcome*.

    Args:
        passage: What was made of the request.
        outcome: What the gate would have returned.

    Returns:
        Always `stored` (false: an echo stores nothing) and `counted`, whether the request would have been. Then
        `reason`, `step` and `why`, or `event` and `notes`.
    """
    payload, plan = passage.payload, passage.plan
    if plan is not None and not plan.site.may_echo:
        return {"stored": False, "counted": False, "reason": "no_echo", "why": _NO_ECHO}
    if isinstance(outcome, Malformed):
        return {"stored": False, "counted": False, "reason": outcome.code, "step": "body", "why": outcome.message}
    if isinstance(outcome, Drop):
        why = _WHY_DROPPED.get(outcome.reason, "")
        return {
            "stored": False,
            "counted": False,
            "reason": outcome.reason.value,
            "step": _STEPS[outcome.reason],
            "why": why,
        }
    if payload is None or plan is None:
        raise TypeError("an event has a payload and a plan")
    return {"stored": False, "counted": True, "event": _show(outcome), "notes": _notes(passage, payload, plan, outcome)}


def _show(event: Event) -> dict[str, object]:
    """Return what an event holds, field by field, without the visitor."""
    return {
        "site": event.site,
        "at": event.at,
        "kind": event.kind.name.lower(),
        "page": event.page,
        "source": event.source,
        "channel": event.channel,
        "browser": event.browser,
        "browser_major": event.browser_major,
        "os": event.os,
        "device": event.device,
        "country": event.country,
        "is_entry": event.is_entry,
        "name": event.name,
        "milliseconds": event.milliseconds,
        "scroll": event.scroll,
        "viewport": event.viewport,
        "language": event.language,
        "campaign": event.campaign,
        "properties": list(event.properties),
        "refused": list(event.refused),
    }


def _notes(passage: Passage, payload: Payload, plan: Plan, event: Event) -> list[str]:
    """Return one sentence for each thing that was generalised or refused."""
    apart = (
        f"the address, cut to /{plan.ipv4_bits} (IPv4) or /{plan.ipv6_bits} (IPv6), and the class of browser"
        if not plan.wants_number
        else "the browser's number of today"
    )
    notes = [f"Until the day closes, visitors are told apart by {apart}; it is keyed on arrival and not stored."]
    notes += _page_notes(payload, plan, event) + _source_notes(payload, event)
    notes += _profile_notes(passage, payload, plan, event)
    notes += [
        _WHY_REFUSED.get(name, f"The field {name} was removed: it identifies somebody.") for name in event.refused
    ]
    return notes


def _page_notes(payload: Payload, plan: Plan, event: Event) -> list[str]:
    url = payload.u
    path = locate(url).path
    notes = []
    if "?" in url or "#" in url:
        notes.append("The page's query and fragment are cut.")
    if plan.paths.is_sensitive(path):
        notes.append("The page lies under a route that is marked sensitive; its parent is counted.")
    if event.page == OTHER:
        notes.append("No registered template fits the page; it is counted as (other).")
    elif ID in event.page and not plan.site.templates:
        notes.append("Parts of the path that look like an id became :id; register a template to name them.")
    return notes


def _source_notes(payload: Payload, event: Event) -> list[str]:
    if not payload.r:
        return []
    if event.source == DIRECT:
        return ["The referrer is a page of the site itself; it is no source."]
    if event.source == UNKNOWN:
        return ["The referrer is not the address of a public web site; the source is (unknown)."]
    return ["Of the referrer only the site is kept."]


def _profile_notes(passage: Passage, payload: Payload, plan: Plan, event: Event) -> list[str]:
    sent = {
        "the event's name": passage.kind is Kind.CUSTOM and not plan.keeps_event and not event.name,
        "properties": bool(payload.p) and not plan.keeps_property and not event.properties,
        "the campaign": (bool(payload.c) or "utm_" in passage.query) and not plan.keeps_campaign,
        "the viewport": payload.w is not None and not plan.keeps_viewport,
    }
    lost = [name for name, is_lost in sent.items() if is_lost]
    notes = [f"The profile in force does not keep {', '.join(lost)}."] if lost else []
    if payload.d != event.milliseconds or payload.y != event.scroll:
        notes.append("Engaged time and scroll depth were brought within their limits.")
    return notes
