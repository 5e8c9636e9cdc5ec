"""Does the auditor's page say what was promised, what was seen, and what was not?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector import __version__
from collector.audit.facts import gather
from collector.audit.finding import Result
from collector.audit.questions import REQUIREMENTS, THEMES
from collector.audit.report import Report, make_report
from collector.audit.run import check_house, chosen, findings
from collector.model import Dimension
from dashboard import audit_page
from dashboard.audit_how import HOW
from dashboard.audit_sheet import CONTENTS, standalone
from dashboard.frame import Frame
from dashboard.house import AuditRun
from tests.clock import ManualClock
from tests.dashboard.auditing import AT, SETTINGS, FixedAuditing, finding, live_of, log, report
from tests.dashboard.house import SCHOOL, TODAY, House, line, school_days, total

OWN = {"sec-fetch-site": "same-origin"}
#: What would name somebody, were it shown: values of cells, and paths that a controller wrote down.
ODD = ("pietje-puk", "dyslexie-groep", "zorg-jan", "Gluurder", "verklikker.example", "rare-gebeurtenis")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill two weeks, with a log of who switched the site on."""
    house = House(tmp_path_factory.mktemp("audit"), ManualClock())
    house.close_days(list(school_days(TODAY - timedelta(1), 14)), drops={"bot": 340, "refused:user_id": 40})
    with house.history.write() as cursor:
        cursor.execute("insert into dropped values ('', ?, 1, 'opt_out', 1400)", [TODAY - timedelta(1)])
    log(house, [SCHOOL])
    yield house
    house.history.close()


@pytest.fixture(scope="module")
def full(history: House) -> Report:
    """Make a report of a full check in which everything holds that had something to look at."""
    return report(history)


@pytest.fixture
def auditing(history: House, full: Report) -> FixedAuditing:
    """Hand out that report."""
    live = live_of(history)
    return FixedAuditing(history, reports={"full": full}, live=lambda: live)


def client(auditing: FixedAuditing, **more: object) -> TestClient:
    """Return a client on this machine."""
    app = Starlette(routes=audit_page.routes(auditing=auditing, frame=Frame("")))
    options = {"base_url": "http://127.0.0.1:8000", "client": ("127.0.0.1", 50_000)} | more
    return TestClient(app, **options)  # type: ignore[arg-type]


def page(auditing: FixedAuditing, path: str = "/audit?lang=en") -> str:
    """Return the text of a page."""
    answer = client(auditing).get(path)
    assert answer.status_code == 200
    return answer.text


def words(text: str) -> str:
    """Return what a reader reads of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)).split())


def check(text: str, number: str) -> str:
    """Return the part of the page about one requirement, in words."""
    found = re.search(rf'<details class="fold check" id="{number}".*?</details>', text, re.DOTALL)
    assert found
    return words(found[0])


def test_everything_is_there_in_its_order(auditing: FixedAuditing) -> None:
    """Verdict, steps, settings, inventory, evidence, register, switches, history, refusals and risks, in this order."""
    text = page(auditing)
    places = [text.index(f'<section id="{name}"') for name, _ in CONTENTS]
    assert places == sorted(places)
    assert len(places) == 10


def test_every_requirement_has_its_question_and_command(auditing: FixedAuditing) -> None:
    """Each requirement stands there with its question in the reader's language and the command that repeats it."""
    dutch, english = page(auditing, "/audit?lang=nl"), page(auditing)
    for one in REQUIREMENTS:
        assert f"turven audit {one.id}" in check(dutch, one.id)
        assert one.vraag in check(dutch, one.id).replace("&#39;", "'")
        assert one.question in check(english, one.id).replace("&#39;", "'")
        assert HOW[one.id] in check(english, one.id).replace("&#39;", "'")
    assert set(HOW) == {one.id for one in REQUIREMENTS}


def test_the_verdict_says_for_what_since_when_and_who_says_so(auditing: FixedAuditing) -> None:
    """Below the verdict stand sites, days, the date of the settings, and that the program itself says so."""
    text = words(page(auditing))
    assert "About De Schoolvereniging (school) Figures of 10 Nov 2026 to 23 Nov 2026, 14 days" in text
    assert "Settings since 3 Aug 2026" in text
    assert "this program itself, version" in text
    assert "It is no certificate." in text


def test_what_fails_says_what_to_do(history: House) -> None:
    """Where a check fails the page says what to do, and nothing of the kind where all hold."""
    assert "What now?" not in page(FixedAuditing(history, reports={"full": report(history)}))
    assert "What now?" in page(FixedAuditing(history, reports={"full": report(history, failing=("R21",))}))


def test_how_was_searched_stands_once(auditing: FixedAuditing) -> None:
    """What each check of the canary run repeats stands with R41 alone; the JSON holds it with each."""
    text = page(auditing)
    assert "spellings searched for" in check(text, "R41")
    assert "spellings searched for" not in check(text, "R7")
    assert b'"forms"' in client(auditing).get("/audit/report.json?report=full").content


@pytest.mark.parametrize(
    ("failing", "sentence"),
    [
        ((), "All 51 checks hold."),
        (("R21",), "1 of 51 checks does not hold."),
        (("R21", "R41"), "2 of 51 checks do not hold."),
    ],
)
def test_the_verdict_says_in_words_what_holds(history: House, failing: tuple[str, ...], sentence: str) -> None:
    """The verdict counts the checks that hold, names those that do not, and counts nothing that was not looked at."""
    text = page(FixedAuditing(history, reports={"full": report(history, failing=failing)}))
    assert sentence in text
    assert "1 check had nothing to look at; it does not count as held." in words(text)
    for number in failing:
        assert "does not hold" in check(text, number)
    assert "holds" in check(text, "R20")
    assert "nothing to check" in check(text, "R33")


def test_a_theme_is_as_good_as_its_worst_check(history: House) -> None:
    """One check that fails makes its theme fail, and no other."""
    text = page(FixedAuditing(history, reports={"full": report(history, failing=("R21",))}))
    tiles = [words(tile) for tile in re.findall(r'<a href="#theme-\d">.*?</a>', text, re.DOTALL)]
    assert len(tiles) == len(THEMES)
    assert [tile for tile in tiles if "does not hold" in tile] == ["Small groups does not hold 7 of 8 checks hold"]


def test_before_the_first_check_nothing_is_claimed(history: House) -> None:
    """Without a full check the page says so, shows what it could look at itself, and calls the rest not checked."""
    text = page(FixedAuditing(history))
    assert "No full check has been run yet." in text
    assert "Just now 4 quick checks were done" in text
    assert "holds" in check(text, "R20")
    assert "not checked yet" in check(text, "R41")
    assert "All 4" not in text


def test_what_was_seen_just_now_is_marked(auditing: FixedAuditing) -> None:
    """What was read while the page was made is marked, and an older report is shown as it was, without any."""
    assert "just now" in check(page(auditing), "R21")
    assert "just now" not in check(page(auditing), "R41")
    old = page(auditing, "/audit?report=full&lang=en")
    assert "just now" not in old
    assert "as it was then" in old


def test_a_failure_is_not_painted_over(history: House) -> None:
    """A check that failed stays failed until a full one, and one that fails just now fails whatever was seen before."""
    now = live_of(history)
    worse = msgspec.structs.replace(now, findings=[finding("R21", Result.FAIL), finding("R20", Result.PASS)])
    reports = {"full": report(history, failing=("R20",))}
    text = page(FixedAuditing(history, reports=reports, live=lambda: worse))
    assert "does not hold" in check(text, "R20")
    assert "does not hold" in check(text, "R21")
    assert "2 of 51 checks do not hold." in text


def test_changed_settings_are_told(history: House, full: Report) -> None:
    """Where settings have changed since the last full check, the page says which part is up to date."""
    now = msgspec.structs.replace(live_of(history), settings_sha256="a" * 64)
    text = page(FixedAuditing(history, reports={"full": full}, live=lambda: now))
    assert "Settings have changed since the last full check." in text


def test_settings_stand_beside_what_is_required(auditing: FixedAuditing) -> None:
    """Each setting shows what is required, what is in force, since when, by whom and why."""
    text = words(page(auditing))
    assert "Threshold: fewest visitors behind a figure k at least 10 10 3 Aug 2026 operator first steps" in text
    assert "Events are counted is_on – yes 3 Aug 2026 operator, on behalf of De Schoolvereniging" in text


def test_the_chain_can_be_held_against_a_noted_hash(auditing: FixedAuditing, full: Report) -> None:
    """A hash that was noted earlier is found in the chain with what came after it; another one is refused in words."""
    first = full.facts.changes[0].hash
    assert f"That hash is entry 1. Since then {len(full.facts.changes) - 1} entry" in words(
        page(auditing, f"/audit?lang=en&head={first.upper()}%20")
    )
    assert "That hash is not in this chain" in page(auditing, f"/audit?lang=en&head={'0a' * 32}")
    assert "That hash is entry 0" in page(auditing, f"/audit?lang=en&head={'0' * 64}")


def test_what_was_not_counted_is_told_by_reason_and_name(auditing: FixedAuditing) -> None:
    """Refusals stand by reason, removed identifiers by their field's name, opt-outs as one total."""
    part = words(re.search(r'<section id="refused".*?</section>', page(auditing), re.DOTALL)[0])  # type: ignore[index]
    assert "Bots 4,760" in part
    assert "user_id 560" in part
    assert "Opt-outs, of all sites together 1,400" in part


@pytest.mark.parametrize(
    "path", ["/audit", "/audit/report.json", "/audit/evidence.zip", "/audit/compare", "/audit/papers/summary"]
)
def test_other_machines_are_refused(auditing: FixedAuditing, path: str) -> None:
    """Evidence is shown to nobody who may not see the dashboard."""
    answer = client(auditing, client=("192.0.2.7", 1)).get(path)
    assert answer.status_code == 403
    assert "R21" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"), [(OWN, 303), ({"sec-fetch-site": "cross-site"}, 403), ({"origin": "null"}, 403), ({}, 403)]
)
def test_only_our_own_button_starts_a_check(auditing: FixedAuditing, headers: dict[str, str], status: int) -> None:
    """A check is started by a form of ours only; then the reader is led back to the page."""
    answer = client(auditing).post("/audit?lang=en", data={"mark": ""}, headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert len(auditing.marks) == (status == 303)
    if status == 303:
        assert answer.headers["location"] == "/audit?lang=en"


def test_a_mark_that_proves_nothing_is_refused_in_words(auditing: FixedAuditing) -> None:
    """A mark that is too short starts nothing, and the page says why, with everything else still there."""
    answer = client(auditing).post("/audit?lang=en", data={"mark": "kort"}, headers=OWN)
    assert (answer.status_code, auditing.marks) == (422, [])
    assert "A mark has 8 characters or more" in answer.text
    assert "All 51 checks hold." in answer.text


def test_one_check_at_a_time(auditing: FixedAuditing) -> None:
    """A second check is refused while one runs."""
    auditing.is_running = True
    answer = client(auditing).post("/audit?lang=en", data={}, headers=OWN)
    assert answer.status_code == 422
    assert "A check is running already." in answer.text


def test_a_running_check_tells_how_far_it_is(auditing: FixedAuditing) -> None:
    """While a check runs the page says what goes on, looks again by itself without scripts, and offers no button."""
    auditing.now = AuditRun(started_at=AT, seconds=75, is_running=True, doing="Attacking what is kept …")
    text = page(auditing)
    assert "Trying to find small groups in what is kept" in text
    assert "Running for 1 min 15 s." in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text
    assert "Check now" not in text


@pytest.mark.parametrize(
    ("code", "message", "sentence"),
    [
        ("audit_too_long", "15", "The check took longer than 15 minutes and was stopped."),
        ("audit_failed", "no space left <b>", "The program said: no space left &lt;b&gt;"),
        ("peer_failed", "no port", "The check could not be finished. Nothing was changed. The program said: no port"),
        ("audit_failed", "turven: It does not start. [scratch_failed]", "Mostly the machine is too busy."),
    ],
)
def test_a_check_that_ended_badly_says_why(auditing: FixedAuditing, code: str, message: str, sentence: str) -> None:
    """An error is a sentence on the page, and the report before it still stands."""
    auditing.now = AuditRun(started_at=AT, seconds=9, is_running=False, error=code, message=message)
    assert sentence in page(auditing)
    assert "All 51 checks hold." in page(auditing)


def test_the_auditors_own_mark_is_shown_back(auditing: FixedAuditing) -> None:
    """After a check the page shows the mark, where it was put and how it was searched; no report and no file has it."""
    auditing.now = AuditRun(started_at=AT, seconds=80, is_running=False, mark="een zin <van mij>", mark_sha256="b" * 64)
    text = page(auditing)
    assert "<q>een zin &lt;van mij&gt;</q>" in text
    assert "It was found nowhere." in text
    assert "b" * 64 in text
    assert "een zin" not in client(auditing).get("/audit/report.json").text
    assert "een zin" not in page(auditing, "/audit?report=full")


def test_evidence_can_be_taken_along(auditing: FixedAuditing, full: Report) -> None:
    """A report is handed out as JSON that reads back as it was, and as a ZIP, under names that say when."""
    answer = client(auditing).get("/audit/report.json?report=full")
    assert msgspec.json.decode(answer.content, type=Report) == full
    assert answer.headers["content-disposition"] == 'attachment; filename="turven-audit-202611240740.json"'
    packed = client(auditing).get("/audit/evidence.zip?lang=nl")
    assert packed.content == f"PK {full.at} nl".encode()
    assert packed.headers["content-type"] == "application/zip"


def test_papers_can_be_printed_from_the_page(auditing: FixedAuditing) -> None:
    """Each paper of a site is linked, opens as a page of its own, and allows its own style by hash and nothing else."""
    links = re.findall(r'href="(/audit/papers/[^"]+)"', page(auditing))
    assert len(links) == 4
    for link in links:
        answer = client(auditing).get(link.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "De Schoolvereniging" in answer.text
        policy = answer.headers["content-security-policy"]
        assert "style-src 'sha256-" in policy
        assert "unsafe" not in policy
    assert client(auditing).get("/audit/papers/summary?site=nobody").status_code == 404
    assert client(auditing).get("/audit/papers/secrets?site=school").status_code == 404


def test_two_checks_can_be_compared(history: House, full: Report) -> None:
    """What differs between two reports is told, whichever is named first: results, settings, days, and the chain."""
    was = report(history, at=AT - timedelta(days=30), failing=("R20",))
    settings = [
        msgspec.structs.replace(one, in_force="15") if (one.site, one.name) == ("school", "k") else one
        for one in was.facts.settings
    ]
    was = msgspec.structs.replace(was, facts=msgspec.structs.replace(was.facts, settings=settings))
    auditing = FixedAuditing(history, reports={"full": full, "was": was})
    assert "Show what differs" in page(auditing)
    text = words(page(auditing, "/audit/compare?old=full&new=was&lang=en"))
    assert "Something became looser or fails: look at it." in text
    assert "R20 does not hold holds" in text
    assert "Threshold: fewest visitors behind a figure school 15 10 looser" in text
    assert "The chain of settings goes on from where it stood." in text
    assert client(auditing).get("/audit/compare?old=full&new=none").status_code == 404


@pytest.mark.parametrize(
    "path", ["/audit?report=none", "/audit/report.json?report=../turven.toml", "/audit/evidence.zip?report=none"]
)
def test_a_report_that_is_not_there_is_told(auditing: FixedAuditing, path: str) -> None:
    """A report that is not there gives a page that says so."""
    answer = client(auditing).get(f"{path}&lang=en")
    assert answer.status_code == 404
    assert "There is no such check" in answer.text


def test_every_answer_forbids_what_is_foreign(auditing: FixedAuditing) -> None:
    """No inline style or script stands in the page, so that its policy can forbid them."""
    answer = client(auditing).get("/audit")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|<script(?! type=\"module\" src)| style=| on\w+=", answer.text)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_report_stands_alone(full: Report, language: str) -> None:
    """As one file the report fetches nothing and runs nothing, and the same report gives the same bytes."""
    made = standalone(full, language=language).decode()
    assert f'<html lang="{language}">' in made
    # `url(#…)` is a place inside the page itself.
    assert not re.search(r"<script|<link|<img|<form|src=|url\((?!#)|@import|https?://", made)
    assert "R55" in made
    assert made.encode() == standalone(full, language=language)


def test_the_page_shows_no_value_of_a_small_cell(tmp_path: Path, clock: ManualClock) -> None:
    """A history with odd values, sites with telling paths: every check and fact is shown, and none of those values."""
    house = House(tmp_path, clock)
    cells = [
        total(40),
        line(Dimension.PAGE, f"/leerling/{ODD[0]}", 5),
        line(Dimension.PAGE, f"/{ODD[1]}", 5),
        line(Dimension.BROWSER, ODD[3], 5),
        line(Dimension.SOURCE, ODD[4], 5),
        line(Dimension.EVENT, ODD[5], 5),
    ]
    house.close_day(TODAY - timedelta(1), cells)
    log(house, [msgspec.structs.replace(SCHOOL, templates=(f"/{ODD[1]}",), sensitive=(f"/{ODD[2]}",))])
    made = look(house, clock)
    assert {one.id for one in made.findings if one.result is Result.FAIL} >= {"R9", "R21"}
    auditing = FixedAuditing(house, reports={"full": made}, live=lambda: made)
    for text in (page(auditing, "/audit?lang=nl&view=open"), standalone(made, language="en").decode()):
        assert [value for value in ODD if value in text] == []
    house.history.close()


def look(house: House, clock: ManualClock) -> Report:
    """Let every check on what is kept look at *house*."""
    known = [requirement.id for requirement in REQUIREMENTS]
    with house.history.read() as cursor:
        seen = check_house(cursor, settings=SETTINGS, clock=clock, ids=known, site="")
        facts = gather(
            cursor,
            settings=SETTINGS,
            sites=[SCHOOL],
            rules=SETTINGS.privacy.rules_of,
            version=__version__,
        )
    made = findings(chosen(known), seen, at=clock.now(), command="turven audit", settings_sha256="")
    return make_report(made, facts, at=clock.now(), version=__version__)
