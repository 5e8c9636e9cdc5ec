"""The canary run: real requests with a mark in every field, a forced close, and a search of all that is left.

It works from outside: HTTP, the control socket, the files, the log and the memory of the process.
"""

from collections.abc import Mapping
from secrets import token_hex
from typing import Final

import msgspec

from collector.audit.finding import Seen
from collector.audit.marks import CLICK_IDS, Mark, address_forms, forms, search
from collector.audit.memory import find_in_memory, limits, outbound
from collector.audit.scratch import BROWSER, ScratchHouse, scratch_house
from collector.settings import Privacy

#: The visitor whose marks are searched for; an address of the range kept for documentation.
CANARY_ADDRESS: Final = "203.0.113.77"
#: Ordinary visitors around it, each in a network of its own.
CROWD: Final = 40
#: One IPv4 network in every notation that hides one inside IPv6.
SAME_NETWORK: Final = (
    "198.51.100.1", "198.51.100.254", "::ffff:198.51.100.7", "64:ff9b::198.51.100.8", "2002:c633:6409::1",
    "2001:0:4136:e378:8000:63bf:39cc:9bf5",
)  # fmt: skip


class CanaryRun(msgspec.Struct, frozen=True):
    """Hold what a canary run saw, per requirement."""

    seen: Mapping[str, Seen]


def run_canary(privacy: Privacy, *, extra_marks: tuple[str, ...] = ()) -> CanaryRun:
    """Run a scratch house with these privacy settings, send marked requests, close, restart, and search.

    Args:
        privacy: The settings under audit.
        extra_marks: Marks of the auditor's own; put into path, query and referrer too.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with scratch_house(privacy) as house:
        return CanaryRun(_Run(house, extra_marks).go())


class _Run:
    def __init__(self, house: ScratchHouse, extra_marks: tuple[str, ...]) -> None:
        self._house = house
        self._marks = _make_marks(extra_marks)
        self._needles = sorted(address_forms(CANARY_ADDRESS) | {form for mark in self._marks for form in forms(mark)})
        self._seen: dict[str, Seen] = {}
        self._before: dict[str, int] | None = None

    def go(self) -> dict[str, Seen]:
        house = self._house
        house.add_site("canary")
        house.add_site("twin")
        house.add_site("off", is_on=False)
        self._check_switch()
        self._check_signals()
        self._send_crowd()
        self._send_marks()
        self._check_networks()
        self._check_running_day()
        salts = self._salts()
        self._check_two_sites(salts)
        # Seen before they are destroyed: a search that could find nothing would prove nothing.
        self._before = find_in_memory(house.pid, [_secret_of(raw) for raw in salts.values()])
        house.ask("close")
        self._check_salts(salts)
        self._check_connections()
        house.stop()
        house.start()
        self._check_marks()
        return self._seen

    # -- what is sent ---------------------------------------------------------------------------------------------

    def _send_crowd(self) -> None:
        for number in range(CROWD):
            for site in ("canary", "twin"):
                self._house.send(s=site, u="https://canary.example/start", address=f"192.0.{number}.5")

    def _send_marks(self) -> None:
        by_field = {mark.field: mark.text for mark in self._marks}
        clicks = "&".join(f"{name}={by_field[name]}" for name in CLICK_IDS)
        url = (
            f"https://canary.example/{by_field['path']};{by_field['parameter']}"
            f"?q={by_field['query']}&mail={by_field['mail']}&{clicks}#{by_field['fragment']}"
        )
        headers = {
            "User-Agent": f"{BROWSER} {by_field['agent']}",
            "Cookie": f"session={by_field['cookie']}",
            "Referer": f"https://canary.example/{by_field['referer']}",
            "X-Canary": by_field["header"],
        }
        common = {"u": url, "r": f"https://{by_field['host']}.example/{by_field['referrer']}?x={by_field['referrer']}"}
        fields = {"uid": by_field["uid"], "email": by_field["mail"], by_field["unknown"]: by_field["unknown"]}
        self._house.send(address=CANARY_ADDRESS, headers=headers, **common, **fields)
        self._house.send(
            address=CANARY_ADDRESS,
            headers=headers,
            **common | {"n": by_field["event"], "p": {"x": by_field["property"]}},
        )

    # -- what is seen ---------------------------------------------------------------------------------------------

    def _check_switch(self) -> None:
        unknown = self._house.send(address="192.0.2.1", s="nobody")
        off = self._house.send(address="192.0.2.1", s="off")
        self._seen["R12"] = Seen.that(
            unknown == (204, "unknown_site") and off == (204, "site_off"), unknown_site=unknown, site_off=off
        )

    def _check_signals(self) -> None:
        cases = {
            "Sec-GPC: 1": ({"Sec-GPC": "1"}, True),
            "DNT: 1": ({"DNT": "1"}, True),
            "both": ({"DNT": "1", "Sec-GPC": "1"}, True),
            "Sec-GPC: 0": ({"Sec-GPC": "0"}, False),
            "Sec-GPC: true": ({"Sec-GPC": "true"}, False),
            "DNT: 0": ({"DNT": "0"}, False),
        }
        answers = {}
        holds = True
        for name, (headers, is_opt_out) in cases.items():
            answers[name] = self._house.send(address="192.0.0.5", headers=headers, u="https://canary.example/start")
            holds = holds and (answers[name] == (204, "opt_out")) is is_opt_out
        self._seen["R43"] = Seen.that(holds, answers=answers)

    def _check_networks(self) -> None:
        """One network in six notations is one visitor: of six addresses nothing is left that tells them apart."""
        self._house.add_site("networks")
        for address in SAME_NETWORK:
            self._house.send(s="networks", address=address, u="https://canary.example/start")
        for number in range(CROWD):
            self._house.send(s="networks", address=f"192.0.{number}.9", u="https://canary.example/start")

    def _check_running_day(self) -> None:
        read, found = search(self._house.files(), [b"/start", b"canary.example/start"])
        self._seen["R25"] = Seen.that(not found, bytes_searched=read, files_with_a_page_of_today=found)

    def _salts(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._house.runtime.rglob("salt.*")}

    def _check_two_sites(self, salts: Mapping[str, bytes]) -> None:
        distinct = len(set(salts.values()))
        self._seen["R13"] = Seen.that(
            {"salt.canary", "salt.twin"} <= set(salts) and distinct == len(salts),
            sites=len(salts),
            distinct_salts=distinct,
        )

    def _check_salts(self, salts: Mapping[str, bytes]) -> None:
        needles = [_secret_of(raw) for raw in salts.values()]
        memory = find_in_memory(self._house.pid, needles)
        read, found = search(self._house.files(), needles)
        self._seen["R14"] = Seen.that(
            not found and (memory is None or memory["found"] == 0),
            salts=len(needles),
            bytes_of_files=read,
            files_with_an_old_salt=found,
            memory_before=self._before or "not allowed to read",
            memory_after=memory or "not allowed to read",
            process=limits(self._house.pid),
        )

    def _check_connections(self) -> None:
        count = outbound(self._house.pid)
        self._seen["R34"] = Seen.that(count == 0, connections_off_this_machine=count)

    def _check_marks(self) -> None:
        house = self._house
        exported = {site: house.ask("export", site=site, format="csv") for site in ("canary", "twin", "networks")}
        (house.folder / "export.csv").write_bytes(b"".join(exported.values()))
        by_fields = {
            "R3": {"query", "fragment", "parameter"},
            "R7": set(CLICK_IDS),
            "R41": {mark.field for mark in self._marks},
        }
        for number, fields in by_fields.items():
            needles = [form for mark in self._marks if mark.field in fields for form in forms(mark)]
            read, found = search(house.files(), needles)
            self._seen[number] = Seen.that(
                not found, marks=len(fields), forms=len(needles), bytes_searched=read, found_in=found
            )
        agent = [form for mark in self._marks if mark.field == "agent" for form in forms(mark)]
        read, found = search(house.files(), [*address_forms(CANARY_ADDRESS), *agent])
        self._seen["R17"] = Seen.that(not found, bytes_searched=read, found_in=found)
        ordinary = [b"192.0.", b"/start", b"Chrome/153", b"canary.example"]
        log_read, log_found = search([house.log], [*self._needles, *ordinary])
        self._seen["R32"] = Seen.that(not log_found, log_bytes_searched=log_read, found=bool(log_found), level="DEBUG")
        self._seen["R16"] = self._networks(exported["networks"])

    def _networks(self, exported: bytes) -> Seen:
        header, *lines = exported.decode().splitlines()
        place = {name: number for number, name in enumerate(header.split(","))}
        totals = [line.split(",") for line in lines if line.split(",")[place["dimension"]] == "total"]
        visitors = int(totals[0][place["visitors"]]) if totals else 0
        expected = CROWD + 1
        return Seen.that(
            visitors == expected, notations_of_one_network=len(SAME_NETWORK), visitors=visitors, expected=expected
        )


def _make_marks(extra: tuple[str, ...]) -> list[Mark]:
    names = (
        "path", "parameter", "query", "fragment", "agent", "cookie", "referer", "header", "host", "referrer", "uid",
        "unknown", "event", "property", *CLICK_IDS,
    )  # fmt: skip
    marks = [Mark(name, f"kanarie{token_hex(6)}") for name in names]
    marks.append(Mark("mail", f"kanarie.{token_hex(4)}@school.example"))
    return [*marks, *(Mark(f"own mark {number}", text) for number, text in enumerate(extra, 1))]


def _secret_of(raw: bytes) -> bytes:
    """Return a slice from the middle of a secret's file: long enough to be unique, inside the secret itself."""
    middle = len(raw) // 2
    return raw[middle - 12 : middle + 12]
