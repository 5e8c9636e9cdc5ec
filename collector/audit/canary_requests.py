"""What the canary run sends: real requests of a crowd, with a mark in every field and in every spelling.

What must never be kept is sent by the whole crowd, in each spelling, so that it is the collector that drops it and not
the k rule that hides it. What only the k rule keeps out is sent by one visitor.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_hex
from time import sleep
from typing import Any, Final
from urllib.parse import quote

from collector.audit.marks import CLICK_IDS, ENCODINGS, Mark
from collector.audit.scratch import BROWSER, COUNTRY_HEADER, Post, ScratchHouse

#: The visitor whose marks the k rule has to hide; an address of the range kept for documentation.
CANARY_ADDRESS: Final = "203.0.113.77"
#: What no number of visitors makes fit to be kept; the crowd sends it.
NEVER: Final = (
    "parameter", "query", "fragment", "user name", "password", "agent", "family", "cookie", "referer", "header",
    "header name", "authorization", "origin", "language", "client hint", "if-none-match", "forwarded", "real ip",
    "hop", "country", "referrer", "referring user", "uid", "unknown", "unknown name", "extra field", "mail",
    "browser number", "campaign", "request's query", "broken body", "wrong path", "raw request",
)  # fmt: skip
#: What one visitor sends, and only the k rule keeps out.
RARE: Final = ("path", "event", "property", "host", "punycode host")
#: Where marks of the auditor's own stand, beside the path of the rare visitor.
OWN_FIELDS: Final = (
    "parameter", "query", "fragment", "referrer", "user agent", "cookie", "header", "unknown field", "identifier field",
)  # fmt: skip
#: Pages and a referrer that are kept, to show that the search finds what is there.
START: Final = "/start"
#: What the rare is folded together with: pages of fewer than k visitors each, who together are k.
COMPANY: Final = ("/gezelschap", "/aanspraak")
REFERRER: Final = "verwijzer.example"
HOST: Final = "canary.example"
OWN_MARK: Final = "own mark"
_DROPPED_MAX: Final = 120
#: A house takes a hundred new browsers a second, and each spelling of a mark makes one.
_PATIENT_SECONDS, _PATIENT_TIMES_MAX = 1.0, 60

Request = Post


def make_stem() -> str:
    """Return the letters that all marks of a run begin with."""
    return f"kanarie{token_hex(4)}"


def make_marks(stem: str, extra: tuple[str, ...]) -> list[Mark]:
    """Return a mark for each field, and those of the auditor's own."""
    names = (*NEVER, *RARE, *CLICK_IDS)
    marks = [
        Mark(name, f"{stem}{number:02x}" + ("@school.example" if name == "mail" else ""))
        for number, name in enumerate(names)
    ]
    return [*marks, *(Mark(f"{OWN_MARK} {number}", text) for number, text in enumerate(extra, 1))]


def address_of(number: int) -> str:
    """Return an address whose network is its own even where only 16 bits are kept."""
    return f"{20 + number % 100}.{number}.7.5"


def browser_of(number: int) -> str:
    """Return a user agent whose major version is its own: what is left where no bit of an address is kept."""
    return BROWSER.format(major=100 + number)


class Sender:
    """Make and send the marked requests of one run."""

    def __init__(self, house: ScratchHouse, marks: list[Mark], *, crowd: int, k: int, tells_networks: bool) -> None:
        self._house = house
        self._text = {mark.field: mark.text for mark in marks}
        self._own = [mark.text for mark in marks if mark.field.startswith(OWN_MARK)]
        self._crowd = crowd
        self._k = k
        self._tells_networks = tells_networks

    def send_crowd(self, *sites: str) -> tuple[int, int]:
        """Let each of the crowd send every field, once in each spelling, to *sites*; return events sent and counted."""
        requests = [
            made
            for spelling in ENCODINGS
            for number in range(self._crowd)
            for site in sites
            for made in self._requests(number, site, spelling)
        ]
        return len(requests), _send_patiently(self._house, requests)

    def _requests(self, number: int, site: str, spelling: str) -> Iterator[Request]:
        yield self._request(number, site, spelling)
        # One request each: together they could be longer than an event may be.
        for own in self._own:
            yield _own_request(number, site, ENCODINGS[spelling](own))

    def _request(self, number: int, site: str, spelling: str) -> Request:
        text = {field: ENCODINGS[spelling](mark) for field, mark in self._text.items()}
        agent = f"{browser_of(number)} {_header(text['agent'])}"
        if site == "twin":
            family = _header(text["family"])
            # Where networks tell nobody apart the major version has to, and an invented family has none that counts.
            known = "" if self._tells_networks else f"Chrome/{100 + number}.0.0.0 "
            agent = (
                f"Mozilla/5.0 (Windows NT 10.0; {family}; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                f"{known}{family}/{100 + number}.0 Safari/537.36"
            )
        headers = {
            "Cookie": f"session={text['cookie']}",
            "Referer": f"https://{HOST}/{text['referer']}",
            "X-Canary": text["header"],
            f"X-{quote(text['header name'], safe='').replace('%', '-')}": "1",
            "Authorization": f"Bearer {text['authorization']}",
            "Origin": f"https://{text['origin']}.example",
            "Accept-Language": f"nl,{text['language']};q=0.5",
            "Sec-CH-UA-Model": f'"{text["client hint"]}"',
            "If-None-Match": f'"{text["if-none-match"]}"',
            "Forwarded": f"for={text['forwarded']}",
            "X-Real-IP": text["real ip"],
            COUNTRY_HEADER: text["country"],
        }
        hops = f"{_header(text['hop'])}, {address_of(number)}"
        given = {name: _header(value) for name, value in headers.items()}
        event = self._event(site, text if spelling != "JSON" else self._text)
        body = json.dumps(event)
        if spelling == "JSON":
            # The escapes of JSON itself: what the collector reads are the marks as they are.
            for mark in self._text.values():
                body = body.replace(mark, ENCODINGS["JSON"](mark))
        return given | {"User-Agent": agent, "X-Forwarded-For": hops}, body.encode()

    def _event(self, site: str, text: Mapping[str, str]) -> dict[str, Any]:
        clicks = "&".join(f"{name}={text[name]}" for name in CLICK_IDS)
        query = f"q={text['query']}&mail={text['mail']}&{clicks}"
        user = f"{text['user name']}:{text['password']}"
        referring = quote(text["referring user"], safe="")
        return {
            "s": site,
            "n": "pageview",
            "u": f"https://{quote(user, safe=':')}@{HOST}{START};{text['parameter']}?{query}#{text['fragment']}",
            "r": f"https://{referring}@{REFERRER}/{text['referrer']}?x={text['referrer']}",
            "e": 1,
            "i": text["browser number"][:64],
            "c": "/".join([text["campaign"]] * 3),
            "uid": text["uid"],
            "email": text["mail"],
            "user_id": text["uid"],
            "abtest": text["unknown"],
            text["unknown name"]: 1,
        }

    def send_rare(self, site: str) -> None:
        """Send the rare visitor, and k ordinary ones that it is folded together with, and the crowd is not."""
        for number in range(self._crowd, self._crowd + self._k):
            page = COMPANY[number % len(COMPANY)]
            self._house.send(
                s=site, address=address_of(number), u=f"https://{HOST}{page}", r=f"https://{page[1:]}.example/"
            )
        text = self._text
        for encode in ENCODINGS.values():
            path = "/".join([quote(encode(text["path"]), safe=""), *(quote(mark, safe="") for mark in self._own)])
            common: dict[str, Any] = {"s": site, "u": f"https://{HOST}/{path}", "r": f"https://{text['host']}.example/"}
            named = {"n": text["event"], "p": {"x": encode(text["property"])[:100], text["property"]: 1}}
            self._house.send(address=CANARY_ADDRESS, **common)
            self._house.send(address=CANARY_ADDRESS, **common | named)
        abroad = "é".join(("", text["punycode host"])).encode("idna").decode()
        self._house.send(address=CANARY_ADDRESS, s=site, u=f"https://{HOST}/", r=f"https://{abroad}.example/")
        self._house.send(address=CANARY_ADDRESS, s=site, u=f"https://{abroad}.{HOST}/", r="")

    def send_broken(self, site: str) -> None:
        """Send what cannot be read, and what is no event: an error must not tell it to the log either."""
        for encode in ENCODINGS.values():
            for body in _broken(site, encode(self._text["broken body"])):
                self._house.request(
                    "POST", "/event", body=body, headers={"X-Forwarded-For": f"{CANARY_ADDRESS}, nobody"}
                )
        wrong = self._text["wrong path"]
        for method in ("GET", "POST", "PUT"):
            self._house.request(method, f"/{wrong}?q={wrong}", headers={"User-Agent": wrong, "Cookie": wrong})
        self._house.request("GET", f"/?site={wrong}&filter={wrong}")
        asked = self._text["request's query"]
        body = json.dumps({"s": site, "n": "pageview", "u": f"https://{HOST}{START}"}).encode()
        headers = {"User-Agent": browser_of(0), "X-Forwarded-For": address_of(0)}
        self._house.request("POST", f"/event?x={asked}", body=body, headers=headers)
        for raw in _raw_requests(self._text["raw request"]):
            self._house.raw(raw)


def _send_patiently(house: ScratchHouse, requests: Sequence[Request]) -> int:
    """Send events, and those again that were refused for a rush of browsers that are new; return how many counted."""
    counted = 0
    for _ in range(_PATIENT_TIMES_MAX):
        refused: list[Request] = []
        counted += house.send_all(requests, refused=refused).get(202, 0)
        if not refused:
            break
        sleep(_PATIENT_SECONDS)
        requests = refused
    return counted


def _own_request(number: int, site: str, own: str) -> Request:
    """Put a mark of the auditor's own where it can stand, in every one of `OWN_FIELDS`."""
    escaped = quote(own, safe="")
    headers = {
        "User-Agent": f"{browser_of(number)} {escaped}",
        "X-Forwarded-For": address_of(number),
        "Cookie": f"own={escaped}",
        "X-Canary": escaped,
    }
    event = {
        "s": site,
        "n": "pageview",
        "u": f"https://{HOST}{START};own={escaped}?own={escaped}#{escaped}",
        "r": f"https://{REFERRER}/{escaped}?own={escaped}",
        "own": own,
        "uid": own,
    }
    return headers, event


def _header(value: str) -> str:
    """Return what a header can carry: letters beyond ASCII and control characters percent-encoded."""
    return "".join(letter if " " <= letter <= "~" else quote(letter) for letter in value)


def _broken(site: str, mark: str) -> Iterator[bytes]:
    page = {"s": site, "n": "pageview"}
    yield f'{{"s":"{site}","u":"/{mark}"'.encode()
    yield json.dumps(page | {"n": {mark: 1}, "u": f"/{mark}"}).encode()
    yield json.dumps(page | {"u": [mark]}).encode()
    yield json.dumps({"s": mark, "n": "pageview", "u": f"/{mark}"}).encode()
    yield json.dumps(page | {"u": f"https://{mark}.example/{mark}"}).encode()
    yield json.dumps(page | {"u": f"/{mark}", "pad": mark * _DROPPED_MAX * 5}).encode()
    yield b"[" * 5_000 + mark.encode()
    yield mark.encode() + b"\xff\xfe"


def _raw_requests(mark: str) -> Iterator[bytes]:
    """Return what HTTP allows, allowed once or never did: folded headers, chunk extensions, trailers, other methods."""
    start = "POST /event HTTP/1.1\r\nHost: canary.example\r\n"
    yield f"{start}X-Fold: {mark}\r\n {mark}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    chunked = f"{start}Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
    yield f"{chunked}2;{mark}={mark}\r\n{{}}\r\n0\r\nX-Late: {mark}\r\n\r\n".encode()
    yield f"{mark.upper()} /{mark} HTTP/1.1\r\nHost: {mark}\r\n\r\n".encode()
    yield f"GET /{mark} HTTP/9.9\r\nHost: {mark}\r\nConnection: close\r\n\r\n".encode()
    yield f"GET http://{mark}/{mark} HTTP/1.1\r\nHost: {mark}\r\nConnection: close\r\n\r\n".encode()
