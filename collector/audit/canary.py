"""The canary run: real requests with a mark in every field, a forced close, and a search of all that is left.

It works from outside: HTTP, the control socket, the files, the log and the memory of the process. What must never be
kept is sent by a whole crowd, so that it is the collector that drops it and not the k rule that hides it; what the
k rule hides is sent by one visitor.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

from collector.audit.cage import check_network, check_refusals, is_refused, serve_without_network
from collector.audit.finding import Seen
from collector.audit.marks import CLICK_IDS, MARK_LENGTH_MIN, Mark, address_forms, forms, holds, search
from collector.audit.memory import find_in_memory, limits, outbound
from collector.audit.scratch import BROWSER, COUNTRY_HEADER, ScratchHouse, scratch_house
from collector.audit.told import check_settings_shown, check_texts
from collector.errors import SettingsError
from collector.model import Identity, Profile
from collector.settings import Privacy

#: The visitor whose marks the k rule has to hide; an address of the range kept for documentation.
CANARY_ADDRESS: Final = "203.0.113.77"
#: Ordinary visitors around it: this many times k, and no fewer than the second number.
CROWD_TIMES_K, CROWD_MIN = 3, 40
#: One IPv4 network in every notation that hides one inside IPv6.
SAME_NETWORK: Final = (
    "198.51.100.1", "198.51.100.254", "::ffff:198.51.100.7", "64:ff9b::198.51.100.8", "2002:c633:6409::1",
    "2001:0:4136:e378:8000:63bf:39cc:9bf5",
)  # fmt: skip
#: What no number of visitors makes fit to be kept; the crowd sends it.
NEVER: Final = (
    "parameter", "query", "fragment", "agent", "family", "cookie", "referer", "header", "country", "referrer", "uid",
    "unknown", "mail", "broken body", "wrong path",
)  # fmt: skip
#: What one visitor sends, and only the k rule keeps out.
RARE: Final = ("path", "event", "property", "host")
START: Final = "/start"
COMPANY: Final = "/gezelschap"
REFERRER: Final = "verwijzer.example"
_COUNTED, _DROPPED, _OK = 202, 204, 200


def run_canary(privacy: Privacy, *, extra_marks: tuple[str, ...] = ()) -> dict[str, Seen]:
    """Run a scratch house with these privacy settings, send marked requests, close, restart, and search.

    What was seen comes back per requirement.

    Args:
        privacy: The settings under audit.
        extra_marks: Marks of the auditor's own, put into query, referrer, an unknown field and a path too.

    Raises:
        TurvenError: `scratch_failed`.
        SettingsError: `mark_too_short`.
    """
    if any(len(mark) < MARK_LENGTH_MIN for mark in extra_marks):
        raise SettingsError("mark_too_short", f"A mark has {MARK_LENGTH_MIN} characters or more: shorter ones turn up.")
    caged = serve_without_network(privacy)
    with scratch_house(privacy) as house:
        return _Run(house, privacy, extra_marks, caged).go()


class _Run:
    def __init__(
        self, house: ScratchHouse, privacy: Privacy, extra_marks: tuple[str, ...], caged: dict[str, Any]
    ) -> None:
        self._house = house
        self._privacy = privacy
        self._caged = caged
        self._marks = _make_marks(extra_marks)
        self._text = {mark.field: mark.text for mark in self._marks}
        self._own = [quote(mark.text, safe="") for mark in self._marks if mark.field.startswith("own mark")]
        rules = privacy.rules(Profile.STANDARD)
        self._k = rules.k
        self._crowd = max(CROWD_MIN, CROWD_TIMES_K * rules.k)
        # Elsewhere a template would hide the rare path, and it is the k rule that is to hide it.
        self._templates = [START, COMPANY] if rules.templates_only else []
        self._seen: dict[str, Seen] = {}
        self._counted = 0

    def go(self) -> dict[str, Seen]:
        house = self._house
        for name in ("canary", "twin", "networks"):
            house.add_site(name, templates=self._templates)
        house.add_site("off", is_on=False)
        house.add_site("browsers", identity="browser")
        self._check_signals()
        self._send_crowd()
        self._send_rare()
        self._send_broken()
        self._send_networks()
        self._check_running_day()
        salts = self._salts()
        self._check_two_sites(salts)
        # Seen before they are destroyed: a search that could find nothing would prove nothing.
        before = find_in_memory(house.pid, [_secret_of(raw) for raw in salts.values()])
        house.ask("close")
        self._check_salts(salts, before)
        self._check_switch()
        self._seen["R34"] = check_network(self._caged, connections=outbound(house.pid))
        self._seen["R38"] = check_texts(
            house, self._privacy, sites={Identity.NETWORK: "canary", Identity.BROWSER: "browsers"}
        )
        self._seen["R39"] = check_settings_shown(house, self._privacy)
        answers = {path: house.request("GET", path)[2] for path in ("/", "/?site=canary", "/privacy", "/metrics")}
        exported = {site: house.ask("export", site=site, format="csv") for site in ("canary", "twin", "networks")}
        elsewhere = house.files_elsewhere()
        house.stop()
        told = {"history by SQL": house.history_text(), "export": b"".join(exported.values()), **answers}
        house.start()
        self._check_marks(told, exported["canary"], elsewhere)
        self._check_networks(exported["networks"])
        return self._seen

    # -- what is sent ---------------------------------------------------------------------------------------------

    def _send_crowd(self) -> None:
        requests = [self._crowd_request(number, site) for number in range(self._crowd) for site in ("canary", "twin")]
        self._counted = self._house.send_all(requests).get(_COUNTED, 0)

    def _crowd_request(self, number: int, site: str) -> tuple[dict[str, str], dict[str, Any]]:
        text = self._text
        clicks = "&".join(f"{name}={text[name]}" for name in CLICK_IDS)
        own = "".join(f"&own={mark}" for mark in self._own)
        agent = f"{_browser(number)} {text['agent']}"
        if site == "twin":
            agent = (
                f"Mozilla/5.0 (Windows NT 10.0; {text['family']}; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                f"{text['family']}/{100 + number}.0 Safari/537.36"
            )
        headers = {
            "User-Agent": agent,
            "X-Forwarded-For": _address(number),
            "Cookie": f"session={text['cookie']}",
            "Referer": f"https://canary.example/{text['referer']}",
            "X-Canary": text["header"],
            COUNTRY_HEADER: text["country"],
        }
        query = f"q={text['query']}&mail={text['mail']}&{clicks}{own}"
        referrer = f"https://{REFERRER}/{text['referrer']}?x={text['referrer']}{own}"
        fields = {"uid": text["uid"], "email": text["mail"], "user_id": text["uid"], text["unknown"]: text["unknown"]}
        event = {
            "s": site,
            "n": "pageview",
            "u": f"https://canary.example{START};{text['parameter']}?{query}#{text['fragment']}",
            "r": referrer,
            "e": 1,
        }
        return headers, event | fields

    def _send_rare(self) -> None:
        """Send the rare visitor, and k ordinary ones that it is folded together with, and the crowd is not."""
        for number in range(self._crowd, self._crowd + self._k):
            self._house.send(
                address=_address(number), u=f"https://canary.example{COMPANY}", r="https://gezelschap.example/"
            )
        text = self._text
        path = "/".join([text["path"], *self._own])
        common: dict[str, Any] = {"u": f"https://canary.example/{path}", "r": f"https://{text['host']}.example/"}
        self._house.send(address=CANARY_ADDRESS, **common)
        self._house.send(
            address=CANARY_ADDRESS, **common | {"n": text["event"], "p": {"x": text["property"], text["property"]: 1}}
        )

    def _send_broken(self) -> None:
        """Send what cannot be read: an error must not tell it to the log either."""
        mark = self._text["broken body"]
        bodies = (
            f'{{"s":"canary","u":"/{mark}"',
            f'{{"s":"canary","n":{{"{mark}":1}},"u":"/{mark}"}}',
            f'{{"s":"canary","n":"pageview","u":["{mark}"]}}',
            json.dumps({"s": mark, "n": "pageview", "u": f"/{mark}"}),
            json.dumps({"s": "canary", "n": "pageview", "u": f"https://{mark}.example/{mark}"}),
            json.dumps({"s": "canary", "n": "pageview", "u": f"/{mark}", "pad": mark * 2_000}),
            "[" * 5_000 + mark,
        )
        for body in (*(body.encode() for body in bodies), mark.encode() + b"\xff\xfe"):
            self._house.request("POST", "/event", body=body, headers={"X-Forwarded-For": f"{mark}, {CANARY_ADDRESS}"})
        wrong = self._text["wrong path"]
        for method in ("GET", "POST", "PUT"):
            self._house.request(method, f"/{wrong}?q={wrong}", headers={"User-Agent": wrong, "Cookie": wrong})
        self._house.request("GET", f"/?site={wrong}&filter={wrong}")

    def _send_networks(self) -> None:
        """Send one network in six notations: one visitor, of whose addresses nothing is left that tells them apart."""
        common: dict[str, Any] = {"s": "networks", "u": f"https://canary.example{START}"}
        for address in SAME_NETWORK:
            self._house.send(address=address, **common)
        for number in range(self._crowd):
            self._house.send(address=_address(number), headers={"User-Agent": _browser(number)}, **common)

    # -- what is seen while it runs -------------------------------------------------------------------------------

    def _check_signals(self) -> None:
        cases = {
            "Sec-GPC: 1": ({"Sec-GPC": "1"}, True),
            "DNT: 1": ({"DNT": "1"}, True),
            "both": ({"DNT": "1", "Sec-GPC": "1"}, True),
            "Sec-GPC: 0": ({"Sec-GPC": "0"}, False),
            "Sec-GPC: true": ({"Sec-GPC": "true"}, False),
            "DNT: 0": ({"DNT": "0"}, False),
        }
        common: dict[str, Any] = {"u": f"https://canary.example{START}", "r": f"https://{REFERRER}/"}
        answers = {
            name: self._house.send(address=_address(0), headers=headers | {"User-Agent": _browser(0)}, **common)
            for name, (headers, _) in cases.items()
        }
        expected = {
            name: (_DROPPED, "opt_out") if is_opt_out else (_COUNTED, "") for name, (_, is_opt_out) in cases.items()
        }
        status, _, body = self._house.request("GET", "/.well-known/gpc.json")
        stated = status == _OK and json.loads(body).get("gpc") is True
        self._seen["R43"] = Seen.that(answers == expected and stated, answers=answers, stated_in_gpc_json=stated)

    def _check_running_day(self) -> None:
        sealed = [path for path in self._house.files() if (self._house.folder / "data" / "spool") in path.parents]
        # A page that is registered as a template stands among the settings, and rightly so.
        pages = [page.encode() for page in (START, COMPANY) if page not in self._templates]
        plain = [*pages, REFERRER.encode(), *self._needles(NEVER + RARE)]
        read, found = search(self._house.files(), plain)
        temporary = [
            path.name
            for path in self._house.files()
            if path.name.endswith(".tmp") or (self._house.folder / "tmp") in path.parents or ".tmp" in path.parts
        ]
        written = sum(path.stat().st_size for path in sealed)
        self._seen["R25"] = Seen.that(
            not found and not temporary and written > 0,
            bytes_searched=read,
            bytes_sealed=written,
            files_with_a_page_of_today=found,
            temporary_files=temporary,
        )

    def _salts(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._house.runtime.rglob("salt.*")}

    def _check_two_sites(self, salts: Mapping[str, bytes]) -> None:
        distinct = len(set(salts.values()))
        self._seen["R13"] = Seen.that(
            {"salt.canary", "salt.twin"} <= set(salts) and distinct == len(salts),
            sites=len(salts),
            distinct_salts=distinct,
        )

    def _check_salts(self, salts: Mapping[str, bytes], before: dict[str, int] | None) -> None:
        needles = [_secret_of(raw) for raw in salts.values()]
        after = find_in_memory(self._house.pid, needles)
        read, found = search(self._house.files(), needles)
        left = len(set(salts.values()) & set(self._salts().values()))
        # Where memory may be read, the search must have found the salts while they lived.
        could_see = before is None or before["found"] >= len(needles)
        self._seen["R14"] = Seen.that(
            bool(needles) and not found and not left and could_see and (after is None or after["found"] == 0),
            salts=len(needles),
            salts_still_in_use=left,
            bytes_of_files=read,
            files_with_an_old_salt=found,
            memory_before=before or "not allowed to read",
            memory_after=after or "not allowed to read",
            process=limits(self._house.pid),
        )

    def _check_switch(self) -> None:
        common: dict[str, Any] = {"address": _address(1), "u": f"https://canary.example{START}"}
        answers = {
            "unknown site": self._house.send(s="nobody", **common),
            "site that is off": self._house.send(s="off", **common),
        }
        self._house.ask("site_set", site="off", changes={"is_on": True}, made_by="audit", reason="canary run")
        answers["the same, switched on"] = self._house.send(s="off", **common)
        expected = [(_DROPPED, "unknown_site"), (_DROPPED, "site_off"), (_COUNTED, "")]
        self._seen["R12"] = Seen.that(list(answers.values()) == expected, answers=answers)

    # -- what is left ---------------------------------------------------------------------------------------------

    def _needles(self, fields: Iterable[str]) -> list[bytes]:
        wanted = set(fields)
        return [form for mark in self._marks if mark.field in wanted for form in forms(mark)]

    def _search(self, told: Mapping[str, bytes], needles: list[bytes]) -> tuple[int, list[str]]:
        read, found = search(self._house.files(), needles)
        found += [place for place, content in told.items() if holds(content, needles)]
        return read + sum(map(len, told.values())), found

    def _check_marks(self, told: Mapping[str, bytes], exported: bytes, elsewhere: list[str]) -> None:
        # Without the ordinary part of the same requests in the export, nothing would have been tried.
        rows = _rows(exported)
        arrived = _visitors(rows, "page", START) >= self._crowd == self._counted // 2
        from_there = _visitors(rows, "source", REFERRER) >= self._crowd
        own = {mark.field for mark in self._marks if mark.field.startswith("own mark")}
        by_fields = {
            "R3": ({"query", "fragment", "parameter"}, arrived),
            "R6": ({"referrer", "referer"}, from_there),
            "R7": (set(CLICK_IDS), arrived),
            "R9": ({"agent", "family"}, arrived),
            "R41": ({mark.field for mark in self._marks}, arrived),
        }
        for number, (fields, was_tried) in by_fields.items():
            needles = self._needles(fields)
            read, found = self._search(told, needles)
            self._seen[number] = Seen.that(
                not found and was_tried,
                marks=len(fields),
                forms=len(needles),
                sent_by_visitors=self._crowd,
                bytes_searched=read,
                found_in=found,
                their_pages_were_counted=was_tried,
            )
        self._seen["R41"] = Seen.that(
            self._seen["R41"].result == "pass" and not elsewhere,
            **self._seen["R41"].evidence,
            own_marks=len(own),
            files_open_elsewhere=elsewhere,
        )
        read, found = self._search(told, [*address_forms(CANARY_ADDRESS), *self._needles(("agent", "family"))])
        self._seen["R17"] = Seen.that(not found and arrived, bytes_searched=read, found_in=found)
        ordinary = [START.encode(), b"Chrome/1", b"canary.example", REFERRER.encode(), _address(0).encode()]
        everything = [*address_forms(CANARY_ADDRESS), *self._needles(mark.field for mark in self._marks), *ordinary]
        log_read, log_found = search([self._house.log], everything)
        self._seen["R32"] = Seen.that(
            not log_found and log_read > 0, log_bytes_searched=log_read, found=bool(log_found), level="DEBUG"
        )

    def _check_networks(self, exported: bytes) -> None:
        visitors = _visitors(_rows(exported), "total", "")
        expected = self._crowd + 1
        codes = check_refusals(self._house.folder, privacy=self._privacy)
        self._seen["R16"] = Seen.that(
            visitors == expected and is_refused(codes),
            notations_of_one_network=len(SAME_NETWORK),
            visitors=visitors,
            expected=expected,
            exit_codes_of_weaker_settings=codes,
        )


def _make_marks(extra: tuple[str, ...]) -> list[Mark]:
    names = [name for name in (*NEVER, *RARE, *CLICK_IDS) if name != "mail"]
    marks = [Mark(name, f"kanarie{token_hex(6)}") for name in names]
    marks.append(Mark("mail", f"kanarie.{token_hex(4)}@school.example"))
    return [*marks, *(Mark(f"own mark {number}", text) for number, text in enumerate(extra, 1))]


def _address(number: int) -> str:
    """Return an address whose network is its own even where only 16 bits are kept."""
    return f"{20 + number % 100}.{number}.7.5"


def _browser(number: int) -> str:
    """Return a user agent whose major version is its own: what is left where no bit of an address is kept."""
    return BROWSER.format(major=100 + number)


def _rows(exported: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported.decode())))


def _visitors(rows: list[dict[str, str]], dimension: str, value: str) -> int:
    """Return the visitors of a single breakdown's line; 0 where there is none."""
    for row in rows:
        if (row["filter_dimension"], row["dimension"], row["value"]) == ("", dimension, value):
            return int(row["visitors"] or 0)
    return 0


def _secret_of(raw: bytes) -> bytes:
    """Return a slice from the middle of a secret's file: long enough to be unique, inside the secret itself."""
    middle = len(raw) // 2
    return raw[middle - 12 : middle + 12]
