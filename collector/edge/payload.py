"""Read the tracker's event: a small JSON object with limits on everything. Unknown keys are not looked at."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from collector.edge.identifiers import PROPERTY_NAME, PROPERTY_VALUE, field_name
from collector.edge.text import label
from collector.event import Kind, Malformed, Sealed

#: Longest body; browsers send a median of 300 bytes and at most 800.
BODY_BYTES_MAX: Final = 8_192
NAME_LENGTH_MAX: Final = 40
PROPERTIES_MAX: Final = 8
VALUE_LENGTH_MAX: Final = 100
#: A larger number may be somebody's.
NUMBER_MAX: Final = 9_999
#: Names of the tracker's width classes: below 480, 960 and 1440 CSS pixels, and above.
VIEWPORTS: Final = ("small", "medium", "large", "extra large")
#: Longest stretch that one report may claim: a day.
MILLISECONDS_MAX: Final = 86_400_000
SCROLL_MAX: Final = 100

#: Names that are not the page's own.
KINDS: Final = {"pageview": Kind.PAGEVIEW, "engagement": Kind.ENGAGEMENT}

#: What the tracker's own events say: the host of a link, never its path; the type of a file, never its name.
_OWN: Final = {
    "Outbound": re.compile(r"host=[a-z0-9-]+(\.[a-z0-9-]+)+"),
    "Download": re.compile(r"type=(docx?|xlsx?|pptx?|pdf|zip)"),
}

_Site = Annotated[str, Meta(max_length=64)]
_Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
_Number = int | float
_Flag = Annotated[int, Meta(ge=0, le=1)] | bool
_Key = Annotated[str, Meta(max_length=NAME_LENGTH_MAX)]
_Value = Annotated[str, Meta(max_length=VALUE_LENGTH_MAX)] | int | float | bool | None


class Payload(Sealed, gc=False):
    """Hold what the body says, before anything is cleaned.

    Attributes:
        s: Site.
        n: `pageview`, `engagement`, or the page's own name.
        u: URL or path.
        r: Referrer, a URL or a host.
        e: 1 if an entry.
        w: Width class 0–3.
        t: 1 if the device has touch.
        p: Properties.
        d: Engaged milliseconds.
        y: Scroll depth in per cent.
        i: The browser's random number of today; only where the site's identity is `browser`.
        c: Campaign as `source/medium/name`.
    """

    s: _Site
    n: _Name
    u: str
    r: str = ""
    e: _Flag = 0
    w: Annotated[int, Meta(ge=0, le=3)] | None = None
    t: _Flag = 0
    p: Annotated[dict[_Key, _Value], Meta(max_length=PROPERTIES_MAX)] | None = None
    d: _Number = 0
    y: _Number = 0
    i: Annotated[str, Meta(max_length=64)] | int | float | None = None
    c: str = ""

    @property
    def milliseconds(self) -> int:
        """Return the engaged time, within its limits."""
        return int(max(0, min(self.d, MILLISECONDS_MAX)))

    @property
    def scroll(self) -> int:
        """Return the scroll depth, within its limits: a page that bounces at its end says 101."""
        return int(max(0, min(self.y, SCROLL_MAX)))

    @property
    def number(self) -> str:
        """Return the browser's number as text; empty if it sent none."""
        return "" if self.i is None else str(self.i)


class _ExactPayload(Payload, forbid_unknown_fields=True, gc=False):
    """Hold a body that has no other keys, as the tracker's: it is read once, where a second look costs 1 µs."""


_EXACT: Final = msgspec.json.Decoder(_ExactPayload)
_WHOLE: Final = msgspec.json.Decoder(Payload)
_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KNOWN: Final = frozenset(Payload.__struct_fields__)
_FIELD: Final = re.compile(r"\$\.([a-z])\b|required field `([a-z])`")

_FIELD_RULES: Final = {
    "s": "s is the id of the site, a text of at most 64 characters",
    "n": f"n is `pageview`, `engagement` or a name of your own, a text of 1 to {NAME_LENGTH_MAX} characters",
    "u": "u is the page's URL or path, a text",
    "r": "r is the referrer, a text",
    "e": "e is 1 for an entry, else 0",
    "w": "w is the width class, a whole number from 0 to 3",
    "t": "t is 1 for a device with touch, else 0",
    "p": (
        f"p is an object of at most {PROPERTIES_MAX} texts, numbers or booleans, with names of at most "
        f"{NAME_LENGTH_MAX} and texts of at most {VALUE_LENGTH_MAX} characters"
    ),
    "d": "d is the engaged time in milliseconds, a number",
    "y": "y is the scroll depth in per cent, a number",
    "i": "i is the browser's number, at most 64 characters",
    "c": "c is the campaign as `source/medium/name`, a text",
}


_NOT_JSON: Final = Malformed("not_json", "The body is no complete JSON.")
_UNREADABLE: Final = (
    (UnicodeDecodeError, Malformed("not_utf8", "The body is not UTF-8.")),
    (RecursionError, Malformed("too_deep", "The body is nested too deeply; p holds plain values only.")),
)


def read(body: bytes) -> tuple[Payload, tuple[str, ...]] | Malformed:
    """Read a body.

    Returns:
        The payload and the names (of the closed list) of identifier fields beside its own keys, which were not read;
        or what is wrong with the body, in words that quote nothing of it.
    """
    if not body:
        return Malformed("empty", "The body is empty; send a JSON object with s, n and u.")
    if len(body) > BODY_BYTES_MAX:
        return Malformed("too_large", f"The body is larger than {BODY_BYTES_MAX} bytes.", 413)
    try:
        return _EXACT.decode(body), ()
    except (ValueError, RecursionError, OverflowError):
        # Something is wrong with it, or it has keys of its own.
        return _read_slowly(body)


def _read_slowly(body: bytes) -> tuple[Payload, tuple[str, ...]] | Malformed:
    try:
        payload = _WHOLE.decode(body)
        # Keys are compared after decoding: `"\\u0075id"` is a spelling of uid.
        keys = _KEYS.decode(body)
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except (ValueError, RecursionError, OverflowError) as error:
        return next((answer for kind, answer in _UNREADABLE if isinstance(error, kind)), _NOT_JSON)
    return payload, tuple(sorted({name for key in keys.keys() - _KNOWN if (name := field_name(key))}))


def clean_properties(properties: dict[str, str | int | float | bool | None]) -> tuple[list[str], list[str]]:
    """Take what identifies somebody out of *properties*.

    Returns:
        What stays, as sorted `name=value`, and the names (of the closed list) of what was removed.
    """
    kept: list[str] = []
    refused: list[str] = []
    for key, value in properties.items():
        name = label(key)
        if (field := field_name(key)) is not None:
            refused.append(field)
        elif name is None:
            refused.append(PROPERTY_NAME)
        elif (written := _write(value)) is None:
            refused.append(PROPERTY_VALUE)
        elif name and written:
            kept.append(f"{name.replace('=', ' ')}={written}")
    return sorted(kept), refused


def told_by_tracker(name: str, properties: list[str]) -> tuple[str, ...]:
    """Return of *properties* (`name=value`) of the event *name* what the tracker itself tells.

    A page may use the tracker's names too, so the host has to look like one and the type be one of the tracker's.
    """
    form = _OWN.get(name)
    return tuple(stated for stated in properties if form.fullmatch(stated)) if form else ()


def _write(value: str | float | bool | None) -> str | None:  # noqa: FBT001 - a property may be a boolean
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return label(value)
    # Two decimals: the digits of a random number tell browsers apart.
    return f"{round(value, 2):g}" if abs(value) <= NUMBER_MAX else None


def _explain(error: str) -> Malformed:
    """Make a sentence of msgspec's message, of which only the place is used."""
    found = _FIELD.search(error)
    field = (found[1] or found[2]) if found else ""
    if field not in _FIELD_RULES:
        return Malformed("not_object", "The body is no JSON object with s, n and u.")
    rule = _FIELD_RULES[field]
    if "required field" in error:
        return Malformed("missing_field", f"A field is missing: {rule}.")
    if "of length" in error:
        return Malformed("too_long", f"A field is too short or too long: {rule}.")
    return Malformed("wrong_type", f"A field has the wrong type or range: {rule}.")
