"""The canary run: real requests with a mark in every field, a close, a day's end, and a search of all that is left.

It works from outside: HTTP, the command line, the control socket, the files, the log and the memory of the process.
The scratch house is the real one, of the same build and settings; only its clock is moved on, so that its day ends.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import time
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.audit import day_end, door, exits
from collector.audit.backups import check_opened
from collector.audit.cage import check_network, check_refusals, is_refused, serve_without_network
from collector.audit.canary_found import ADDRESS, Search
from collector.audit.canary_requests import (
    COMPANY,
    HOST,
    NEVER,
    OWN_FIELDS,
    OWN_MARK,
    RARE,
    REFERRER,
    START,
    Sender,
    address_of,
    browser_of,
    make_marks,
    make_stem,
)  # fmt: skip
from collector.audit.crowds import Crowds
from collector.audit.finding import Result, Seen
from collector.audit.folders import own_folder
from collector.audit.kept import Kept, places_are_countries
from collector.audit.marks import CLICK_IDS, ENCODINGS, MARK_LENGTH_MAX, MARK_LENGTH_MIN, forms, search
from collector.audit.memory import limits
from collector.audit.scratch import NOBODY, ScratchHouse, scratch_house, text_of
from collector.audit.told import check_settings_shown, check_texts
from collector.errors import SettingsError
from collector.model import Identity, Profile
from collector.settings import Privacy, Public
from collector.store.backup import Made, opened
from collector.store.copy import read_copy

#: Requirements that the canary run looks at.
CANARY: Final = frozenset(
    {
        "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R12", "R13", "R14", "R15", "R16", "R17", "R25", "R26", "R32",
        "R33", "R34", "R37", "R38", "R39", "R41", "R43", "R45", "R46", "R47", "R50",
    }
)  # fmt: skip
#: Ordinary visitors of each site: this many times k, and no fewer than the second number.
CROWD_TIMES_K, CROWD_MIN = 3, 40
#: More visitors than a multiple of k, so that a running day shows whether it rounds.
BESIDE_A_MULTIPLE: Final = 3
#: One IPv4 network in every notation that hides one inside IPv6.
SAME_NETWORK: Final = (
    "198.51.100.1", "198.51.100.254", "::ffff:198.51.100.7", "64:ff9b::198.51.100.8", "2002:c633:6409::1",
    "2001:0:4136:e378:8000:63bf:39cc:9bf5",
)  # fmt: skip
#: When the day of the scratch house begins to be watched: two steps of an hour before its end.
BEGINS_AT: Final = time(22, 30)
#: Sites that count a second part: one whose day runs, and one that had a part before.
_PART_TWO: Final = ("running", "canary")
#: Sites of which nobody bounces, and everybody.
_ONE_SIDED: Final = ("paths", "running")
#: Sent by a program that says so: it is dropped.
_PROGRAM: Final = "curl/8.5.0"
_PAGES: Final = ("/", "/?site=canary", "/?site=twin&period=today", "/privacy", "/privacy.json", "/metrics", "/audit")


def run_canary(
    privacy: Privacy,
    *,
    public: Public = NOBODY,
    extra_marks: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda _what: None,
) -> dict[str, Seen]:
    """Run a scratch house with these settings, send marked requests, close, restart, end its day, and search.

    What was seen comes back per requirement.

    Args:
        privacy: The settings under audit.
        public: What the house under audit says of itself.
        extra_marks: Marks of the auditor's own, put into `OWN_FIELDS` and into the path of one visitor.
        tell: Told what is being done.

    Raises:
        TurvenError: `scratch_failed`.
        SettingsError: `mark_too_short`, `mark_too_long`.
    """
    if any(len(mark) < MARK_LENGTH_MIN for mark in extra_marks):
        raise SettingsError("mark_too_short", f"A mark has {MARK_LENGTH_MIN} characters or more: shorter ones turn up.")
    if any(len(mark) > MARK_LENGTH_MAX for mark in extra_marks):
        raise SettingsError("mark_too_long", f"A mark has at most {MARK_LENGTH_MAX} characters, to fit into an event.")
    # Other processes do the work: two threads keep both of a small machine's cores busy.
    with ThreadPoolExecutor(max_workers=1) as beside:
        caged = beside.submit(serve_without_network, privacy)
        refused = beside.submit(_refusals, privacy)
        with scratch_house(privacy, public=public, begins_at=BEGINS_AT) as house:
            return _Run(house, privacy, public, extra_marks, tell).go(caged, refused)


def _refusals(privacy: Privacy) -> dict[str, int | None]:
    with own_folder() as folder:
        return check_refusals(folder, privacy=privacy)


class _Run:
    def __init__(
        self,
        house: ScratchHouse,
        privacy: Privacy,
        public: Public,
        extra_marks: tuple[str, ...],
        tell: Callable[[str], None],
    ) -> None:
        self._house = house
        self._privacy = privacy
        self._public = public
        self._tell = tell
        stem = make_stem()
        self._marks = make_marks(stem, extra_marks)
        rules = privacy.rules(Profile.STANDARD)
        self._k = rules.k
        self._crowd = max(CROWD_MIN, CROWD_TIMES_K * rules.k)
        # Elsewhere a template would hide the rare path, and it is the k rule that is to hide it.
        self._templates = [START, *COMPANY] if rules.templates_only else []
        self._sender = Sender(house, self._marks, crowd=self._crowd, k=self._k, tells_networks=rules.ipv4_bits > 0)
        self._crowds = Crowds(
            house, crowd=self._crowd, k=self._k, ipv4_bits=rules.ipv4_bits, is_templates_only=rules.templates_only
        )
        self._search = Search(self._marks, stem=stem)
        self._seen: dict[str, Seen] = {}
        self._sent = self._counted = 0
        self._is_backed_up = False
        self._day = house.now().date()

    def go(self, caged: Future[dict[str, Any]], refused: Future[dict[str, int | None]]) -> dict[str, Seen]:
        house = self._house
        self._tell("Sending marked requests")
        self._send()
        polls = exits.watch_monitor(house, send=self._send_one)
        self._check_running_day()
        self._tell("Closing, and looking into memory")
        gone = self._close()
        self._tell("Knocking at the door")
        self._knock()
        house.stop()
        house.start()
        self._tell("Ending the day")
        shown, running, gone_at_midnight = self._end_day()
        self._seen["R14"] = self._judge_secrets(gone, gone_at_midnight)
        self._tell("Searching all that is left")
        connections = house.connections()
        shares = exits.look_at_shares(house, sites=_ONE_SIDED, day=self._day)
        self._search.texts("pages", {path: house.request("GET", path)[2] for path in _PAGES})
        exported = {site: house.ask("export", site=site, format="csv") for site in ("canary", "twin", "networks")}
        self._search.texts("exports", {f"export of {site}": content for site, content in exported.items()})
        self._back_up()
        elsewhere, writing = house.files_elsewhere(), len(house.open_files())
        self._search.files(house, when="after the day's end")
        house.stop()
        self._search.files(house, when="after the stop")
        self._search.texts("tables", {"history by SQL": house.history_text()})
        with house.history() as cursor:
            self._search.history(house.history_file, cursor=cursor)
            extra = self._search.found_in(["extra field"])
            self._seen |= self._crowds.check(cursor, marks_found=extra)
            self._seen["R26"] = exits.check_shares(shares, exits.bounced(cursor, sites=_ONE_SIDED))
            left = exits.noted(house.history_file.with_name("desk.sqlite"), site="canary")
            self._seen["R37"] = exits.check(shown, cursor, running=running, polls=polls, k=self._k, left=left)
            self._judge_marks(cursor, elsewhere=elsewhere, writing=writing)
            self._judge_networks(cursor, refused.result())
            places = places_are_countries(Kept(cursor))
            self._seen["R8"] = check_places(
                places, marks_found=self._search.found_in(["country"]), without_network=caged.result()
            )
        self._seen["R34"] = check_network(caged.result(), connections=connections)
        return self._seen

    # -- what is done ---------------------------------------------------------------------------------------------

    def _send(self) -> None:
        house = self._house
        for name in ("canary", "twin", "networks"):
            house.add_site(name, templates=self._templates)
        house.add_site("browsers", identity="browser")
        self._seen["R43"] = door.check_signals(house, site="canary")
        self._sent, self._counted = self._sender.send_crowd("canary", "twin")
        self._sender.send_rare("canary")
        self._sender.send_broken("canary")
        common: dict[str, Any] = {"s": "networks", "u": f"https://{HOST}{START}"}
        for address in SAME_NETWORK:
            house.send(address=address, headers={"User-Agent": browser_of(-1)}, **common)
        for number in range(self._crowd):
            house.send(address=address_of(number), headers={"User-Agent": browser_of(number)}, **common)
        text = {mark.field: mark.text for mark in self._marks}
        self._crowds.send(extra=text["extra field"])
        for number in range(self._crowd):
            headers = {"User-Agent": browser_of(number)}
            marked = f"{text['browser number']}{number}"
            house.send(address=address_of(number), headers=headers, s="browsers", u=START, i=marked)

    def _send_one(self, number: int) -> None:
        """Send one more event of a visitor who came already, and one that is dropped."""
        marked = next(mark.text for mark in self._marks if mark.field == "browser number")
        event = {"address": address_of(number), "s": "browsers", "u": START, "i": f"{marked}{number}"}
        self._house.send(headers={"User-Agent": browser_of(number)}, **event)
        self._house.send(headers={"User-Agent": _PROGRAM}, **event)

    def _close(self) -> tuple[bool, dict[str, Any]]:
        """Close in the middle of the day: salts are replaced, the seal key serves on."""
        secrets = day_end.secrets_of(self._house)
        self._seen["R13"] = check_two_sites(secrets.salts)
        before = day_end.see(self._house.pid, secrets)
        self._house.ask("close")
        self._search.files(self._house, when="after the close")
        return day_end.judge(self._house, secrets, before=before, used={"salts": len(secrets.salts)})

    def _knock(self) -> None:
        house = self._house
        self._seen |= door.check_switch(house)
        self._seen["R46"] = door.check_limits(house, site="twin")
        self._seen["R50"] = door.check_security_txt(house, contact=self._public.security_contact)
        self._seen["R38"] = check_texts(
            house, self._privacy, sites={Identity.NETWORK: "canary", Identity.BROWSER: "browsers"}
        )
        self._seen["R39"] = check_settings_shown(house, self._privacy)

    def _end_day(self) -> tuple[exits.Shown, dict[str, list[int]], tuple[bool, dict[str, Any]]]:
        """Count a second part, look at it while it runs, and move the clock past midnight."""
        house = self._house
        house.add_site("running", templates=self._templates)
        visitors = self._crowd // self._k * self._k + BESIDE_A_MULTIPLE
        for site, crowd in zip(_PART_TWO, (visitors, self._crowd), strict=True):
            for number in range(crowd):
                house.send(
                    s=site,
                    address=address_of(number),
                    headers={"User-Agent": browser_of(number)},
                    u=f"https://{HOST}{START}",
                    r=f"https://{REFERRER}/",
                )
        house.step()
        house.wait_for(lambda: any(exits.look_at_running_day(house, site="running")["page"]))
        running = exits.look_at_running_day(house, site="running")
        secrets = day_end.secrets_of(house)
        before = day_end.see(house.pid, secrets)
        epochs = [folder for name in secrets.seal_keys for folder in house.runtime.rglob(name) if folder.is_dir()]
        house.step()
        house.wait_for(lambda: not any(any(folder.glob("*")) for folder in epochs if folder.exists()))
        # A file's key goes into the cipher at once: how the cipher holds it, and whether it can be seen, is its affair.
        used = {"salts": len(_PART_TWO), "seal_keys": len(secrets.seal_keys), "file_keys": 0}
        gone = day_end.judge(house, secrets, before=before, used=used)
        return exits.look(house, site="canary", day=self._day), running, gone

    def _back_up(self) -> None:
        """Seal a backup, open it again, and search what lies in it: sealed, it would show nothing to anybody."""
        house = self._house
        made = msgspec.json.decode(house.ask("backup"), type=Made)
        key = house.backup_key.read_text("utf-8").split()[-1]
        with opened(Path(made.file), key=key, work=house.folder) as (manifest, history):
            self._seen["R33"] = check_opened(Path(made.file), manifest, history)
            self._search.texts(
                "backup, opened", {f"{path.name} of a backup": path.read_bytes() for path in history.parent.iterdir()}
            )
            with read_copy(history) as cursor:
                self._search.texts("tables of the backup", {"backup by SQL": text_of(cursor)})
                self._is_backed_up = _visitors(cursor, "canary", "page", START) >= self._crowd

    # -- what is seen ---------------------------------------------------------------------------------------------

    def _check_running_day(self) -> None:
        house = self._house
        sealed = [path for path in house.files() if (house.folder / "data" / "spool") in path.parents]
        # A page that is registered as a template stands among the settings, and rightly so.
        pages = [page.encode() for page in (START, *COMPANY) if page not in self._templates]
        marks = [form for mark in self._marks if mark.field in {*NEVER, *RARE} for form in forms(mark)]
        read, found = search(house.files(), [*pages, REFERRER.encode(), *marks])
        temporary = [
            path.name
            for path in house.files()
            if path.name.endswith(".tmp") or (house.folder / "tmp") in path.parents or ".tmp" in path.parts
        ]
        written = sum(path.stat().st_size for path in sealed)
        self._seen["R25"] = Seen.that(
            not found and not temporary and written > 0,
            bytes_searched=read,
            bytes_sealed=written,
            files_with_a_page_of_today=found,
            temporary_files=temporary,
        )

    def _judge_secrets(self, closed: tuple[bool, dict[str, Any]], ended: tuple[bool, dict[str, Any]]) -> Seen:
        return Seen.that(
            closed[0] and ended[0],
            after_a_close=closed[1],
            after_the_day=ended[1],
            process=limits(self._house.pid),
        )

    def _judge_marks(self, cursor: Any, *, elsewhere: list[str], writing: int) -> None:
        # Without the ordinary part of the same requests among the cells, nothing would have been tried.
        arrived = self._sent == self._counted and _visitors(cursor, "canary", "page", START) >= self._crowd
        from_there = _visitors(cursor, "canary", "source", REFERRER) >= self._crowd
        fields_of = {
            "R3": ({"query", "fragment", "parameter", "user name", "password"}, arrived),
            "R6": ({"referrer", "referring user", "referer"}, from_there),
            "R7": (set(CLICK_IDS), arrived),
            "R9": ({"agent", "family"}, arrived),
            "R17": ({ADDRESS, "agent", "family"}, arrived),
            "R41": ({mark.field for mark in self._marks}, arrived),
        }
        for number, (fields, was_tried) in fields_of.items():
            found = self._search.found_in(fields)
            self._seen[number] = Seen.that(
                not found and was_tried and self._search.saw_blocks,
                marks=len(fields),
                spellings=list(ENCODINGS),
                forms=self._search.forms_of(fields),
                sent_by_visitors=self._crowd,
                bytes_searched=self._search.bytes,
                found_in=found,
                their_pages_were_counted=was_tried,
                **self._search.block_evidence(),
            )
        own = {mark.field for mark in self._marks if mark.field.startswith(OWN_MARK)}
        self._seen["R41"] = Seen.that(
            self._seen["R41"].result is Result.PASS and not elsewhere and self._is_backed_up,
            **self._seen["R41"].evidence,
            places_searched=self._search.places,
            events_sent=self._sent,
            events_counted=self._counted,
            own_marks=len(own),
            own_marks_stood_in=[*OWN_FIELDS, "path of one visitor"] if own else [],
            own_marks_found_in=self._search.found_in(own),
            backup_holds_their_pages=self._is_backed_up,
            files_open_for_writing=writing,
            files_open_elsewhere=elsewhere,
        )
        log_read, log_found = self._search.log(self._house.log)
        self._seen["R32"] = Seen.that(
            not log_found and log_read > 0, log_bytes_searched=log_read, found=log_found, level="DEBUG"
        )

    def _judge_networks(self, cursor: Any, codes: dict[str, int | None]) -> None:
        visitors = _visitors(cursor, "networks", "total", "")
        expected = self._crowd + 1
        self._seen["R16"] = Seen.that(
            visitors == expected and is_refused(codes),
            notations_of_one_network=len(SAME_NETWORK),
            visitors=visitors,
            expected=expected,
            exit_codes_of_weaker_settings=codes,
        )


def check_two_sites(salts: Mapping[str, bytes]) -> Seen:
    """R13: the same visitors on two sites are told apart by two salts, and no two sites have one."""
    distinct = len(set(salts.values()))
    return Seen.that(
        {"salt.canary", "salt.twin"} <= set(salts) and distinct == len(salts),
        sites=len(salts),
        distinct_salts=distinct,
    )


def check_places(places: Seen, *, marks_found: Sequence[str], without_network: Mapping[str, Any]) -> Seen:
    """R8 of a scratch house: its places are countries, and it needs nobody elsewhere to tell one.

    Args:
        places: What was seen of the places that it kept.
        marks_found: Where the mark turned up that a proxy's header named as a country.
        without_network: What was seen of a house that counted where there is no network.
    """
    asked = without_network.get("sent_elsewhere")
    return Seen.that(
        places.result is Result.PASS and not marks_found and not asked and without_network.get("events_counted") != 0,
        **places.evidence,
        found_in=list(marks_found),
        events_counted=without_network.get("events_counted", without_network["namespace"]),
        sent_elsewhere=asked,
    )


def _visitors(cursor: Any, site: str, dimension: str, value: str) -> int:
    """Return the visitors of a line, all parts added up; 0 where there is none."""
    row = cursor.execute(
        "select coalesce(sum(visitors), 0) from cell where site = ? and filter_dimension = '' and dimension = ? "
        "and value = ?",
        [site, dimension, value],
    ).fetchone()
    return int(row[0])
