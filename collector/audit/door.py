"""Knock at the door of a scratch house: limits, headers, switches and signals, each as any stranger meets them."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any, Final

from collector.audit.canary_requests import HOST, REFERRER, START, address_of, browser_of
from collector.audit.finding import Result, Seen
from collector.audit.scratch import ScratchHouse

#: Longest body that an event may have; the auditor's own number.
BODY_BYTES_MAX: Final = 8_192
NESTING: Final = 5_000
#: No browser sends so much before its body.
HEAD_BYTES: Final = 256 * 1_024
SWITCH_SECONDS_MAX: Final = 60
PAGES_MAX: Final = 30
SECURITY_TXT: Final = "/.well-known/security.txt"
_OK, _COUNTED, _DROPPED, _MOVED = 200, 202, 204, 300
_REFUSED: Final = range(400, 500)
_LINK: Final = re.compile(rb'href="(/[^"#]*)')
#: What a page must not hold where nothing inline is allowed.
_INLINE: Final = re.compile(rb"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_LOOSE: Final = ("unsafe-inline", "unsafe-eval", "data:", "http:", "https:", "*")
#: A header of every page, and what it has to say.
_HEADERS: Final = {
    "x-content-type-options": re.compile("nosniff"),
    "referrer-policy": re.compile("no-referrer|same-origin|strict-origin|strict-origin-when-cross-origin"),
    "content-security-policy": re.compile(r".*default-src '(none|self)'.*"),
}
_FRAMED: Final = re.compile(r"frame-ancestors '(none|self)'")


def check_limits(house: ScratchHouse, *, site: str) -> Seen:
    """R46: what is too large, too deep or of another method is refused, and every page has its security headers."""
    answers = {
        "body of more than 8 KB": _send(house, _event(site, BODY_BYTES_MAX + 1)),
        "JSON of 5,000 levels": _send(house, b'{"s":"' + site.encode() + b'","p":' + b"[" * NESTING),
        "header of 256 KB": _send(house, _event(site, 0), {"X-Long": "x" * HEAD_BYTES}),
        "2,000 headers": _send(house, _event(site, 0), {f"X-{number}": "x" * 128 for number in range(2_000)}),
        **{
            f"{method} {path}": house.request(method, path)[0]
            for method in ("PUT", "DELETE", "PATCH", "TRACE")
            for path in ("/event", "/", "/privacy")
        },
    }
    usual = _send(house, _event(site, BODY_BYTES_MAX))
    let_in = sorted(name for name, status in answers.items() if status not in _REFUSED)
    pages = _pages(house)
    faults = {path: found for path, (headers, body) in pages.items() if (found := page_faults(headers, body))}
    return Seen.that(
        not let_in and answers["body of more than 8 KB"] == 413 and usual == _COUNTED and not faults and bool(pages),  # noqa: PLR2004 - HTTP's own number
        refused=len(answers) - len(let_in),
        not_refused=let_in,
        body_of_8_kb=usual,
        pages=len(pages),
        pages_with_a_fault=faults,
    )


def _send(house: ScratchHouse, body: bytes, headers: Mapping[str, str] = {}) -> int:
    """Return the status; one that breaks the connection off without an answer has refused, too."""
    usual = {"User-Agent": browser_of(0), "X-Forwarded-For": address_of(0)}
    try:
        return house.request("POST", "/event", body=body, headers=usual | dict(headers))[0]
    except OSError:
        return 400


def _event(site: str, size: int) -> bytes:
    """Return an ordinary event, filled up to *size* bytes."""
    event = {"s": site, "n": "pageview", "u": f"https://{HOST}{START}", "r": f"https://{REFERRER}/", "pad": ""}
    return json.dumps(event | {"pad": "x" * max(0, size - len(json.dumps(event)))}).encode()


def _pages(house: ScratchHouse) -> dict[str, tuple[Mapping[str, str], bytes]]:
    """Return the HTML pages that are found by following links, at most `PAGES_MAX`, and one that is not there."""
    waiting = ["/", "/privacy", "/audit", "/first-steps", "/?site=nowhere", "/?filter=1"]
    pages: dict[str, tuple[Mapping[str, str], bytes]] = {}
    seen = set(waiting)
    while waiting and len(pages) < PAGES_MAX:
        path = waiting.pop(0)
        status, headers, body = house.request("GET", path)
        if not headers.get("content-type", "").startswith("text/html") or _MOVED <= status < min(_REFUSED):
            continue
        pages[path] = headers, body
        links = [link.replace(b"&amp;", b"&").decode("ascii", "ignore") for link in _LINK.findall(body)]
        # One page of each kind: periods, filters and sites lead to the same page again and again.
        kinds = {known.partition("?")[0] for known in seen}
        new = {kind: link for link in reversed(links) if (kind := link.partition("?")[0]) not in kinds}
        seen.update(new.values())
        waiting += new.values()
    return pages


def page_faults(headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return what is wrong with a page: headers that are missing, what its policy lets in, and what is inline."""
    policy = headers.get("content-security-policy", "")
    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    faults = [name for name, form in _HEADERS.items() if not form.fullmatch(headers.get(name, ""))]
    faults += [f"policy allows {word}" for word in _LOOSE if any(word in source for source in sources)]
    if not _FRAMED.search(policy) and "x-frame-options" not in headers:
        faults.append("may be framed")
    if "set-cookie" in headers and "httponly" not in headers["set-cookie"].lower():
        faults.append("a cookie that scripts may read")
    return [*faults, *(["something inline"] if _INLINE.search(_without_hashed(body, policy)) else [])]


def _without_hashed(body: bytes, policy: str) -> bytes:
    """Return a page without the styles that its policy lets through by their hash: they are what the house wrote."""

    def keep(found: re.Match[bytes]) -> bytes:
        digest = b64encode(sha256(found[1]).digest()).decode()
        return b"" if f"'sha256-{digest}'" in policy else found[0]

    return _STYLE.sub(keep, body)


def check_signals(house: ScratchHouse, *, site: str) -> Seen:
    """R43: Global Privacy Control and Do Not Track, exactly `1`, are opt-outs; nothing else is."""
    cases = {
        "Sec-GPC: 1": ({"Sec-GPC": "1"}, True),
        "DNT: 1": ({"DNT": "1"}, True),
        "both": ({"DNT": "1", "Sec-GPC": "1"}, True),
        "Sec-GPC: 0": ({"Sec-GPC": "0"}, False),
        "Sec-GPC: true": ({"Sec-GPC": "true"}, False),
        "DNT: 0": ({"DNT": "0"}, False),
    }
    common: dict[str, Any] = {"s": site, "u": f"https://{HOST}{START}", "r": f"https://{REFERRER}/"}
    answers = {
        name: house.send(address=address_of(0), headers=headers | {"User-Agent": browser_of(0)}, **common)
        for name, (headers, _) in cases.items()
    }
    expected = {
        name: (_DROPPED, "opt_out") if is_opt_out else (_COUNTED, "") for name, (_, is_opt_out) in cases.items()
    }
    status, _, body = house.request("GET", "/.well-known/gpc.json")
    stated = status == _OK and json.loads(body).get("gpc") is True
    return Seen.that(answers == expected and stated, answers=answers, stated_in_gpc_json=stated)


def check_switch(house: ScratchHouse) -> dict[str, Seen]:
    """R12 and R45: a site counts nothing until it is switched on, and nothing once it is switched off again."""
    house.add_site("switch", is_on=False)
    common: dict[str, Any] = {"address": address_of(1), "u": f"https://{HOST}{START}"}
    answers = {
        "unknown site": house.send(s="nobody", **common),
        "site that is off": house.send(s="switch", **common),
    }
    house.ask("site_set", site="switch", changes={"is_on": True}, made_by="audit", reason="canary run")
    answers["the same, switched on"] = house.send(s="switch", **common)
    expected = [(_DROPPED, "unknown_site"), (_DROPPED, "site_off"), (_COUNTED, "")]
    asked_at = monotonic()
    code, said = house.turven("site", "set", "switch", "--off", "--by", "audit", "--reason", "canary run")
    after = house.send(s="switch", **common)
    seconds = round(monotonic() - asked_at, 2)
    return {
        "R12": Seen.that(list(answers.values()) == expected, answers=answers),
        "R45": Seen.that(
            after == (_DROPPED, "site_off")
            and answers["the same, switched on"] == (_COUNTED, "")
            and seconds <= SWITCH_SECONDS_MAX
            and code == 0
            and "site erase switch" in said,
            counted_while_on=answers["the same, switched on"],
            next_event=after,
            seconds=seconds,
            command="turven site set SITE --off",
            offers_erasure="site erase switch" in said,
        ),
    }


def check_security_txt(house: ScratchHouse, *, contact: str) -> Seen:
    """R50: there is a security.txt, it can be read, and it has not run out and will within a year."""
    status, headers, body = house.request("GET", SECURITY_TXT)
    if not contact:
        why = "No contact is named: set public.security_contact, e.g. to mailto:security@product.example."
        return Seen(Result.NOT_APPLICABLE, {"why": why, "status": status})
    fields = _fields(body.decode("utf-8", "replace").splitlines())
    expires = _instant(fields.get("expires", [""])[0])
    left = None if expires is None else expires - house.now()
    return Seen.that(
        status == _OK
        and headers.get("content-type", "").startswith("text/plain")
        and contact in fields.get("contact", [])
        and len(fields.get("expires", [])) == 1
        and left is not None
        and timedelta() < left <= timedelta(days=366),
        status=status,
        contact_is_the_one_in_the_settings=contact in fields.get("contact", []),
        expires=fields.get("expires", []),
        days_left=None if left is None else left.days,
    )


def _fields(lines: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
