"""The canary run on the real build: every check passes, and each has tried what it claims."""

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from collector import __version__
from collector.audit import cage
from collector.audit.cage import ADDRESSES, check_floors, check_network
from collector.audit.canary import CANARY, check_places, check_two_sites, run_canary
from collector.audit.canary_requests import OWN_FIELDS
from collector.audit.door import SECURITY_TXT, check_security_txt, page_faults
from collector.audit.exits import check_shares
from collector.audit.finding import Result, Seen
from collector.audit.hostile import generate_hostile_day
from collector.audit.hostile_house import AGENTS, NETWORK_BITS, REFERRERS, attack_hostile_days
from collector.audit.house import check_runtime
from collector.audit.marks import ENCODINGS
from collector.audit.scratch import TRUSTED_PEER, ScratchHouse
from collector.audit.told import check_settings_shown, check_texts
from collector.effective import canonical, effective
from collector.errors import SettingsError
from collector.model import Identity, Site
from collector.settings import Privacy, Public, Settings, load_settings

#: Of the style `p{}`, as a policy names it.
HASH: Final = b64encode(sha256(b"p{}").digest()).decode()
OWN_MARK: Final = "mijn eigen merk & meer"
CAGED: Final = {"namespace": "unshare --net", "served": True, "events_counted": 5, "sent_elsewhere": 0}
SITES: Final = {Identity.NETWORK: "canary", Identity.BROWSER: "browsers"}


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """Run a scratch house once, with a mark of the auditor's own."""
    return run_canary(
        Privacy(), public=Public(security_contact="mailto:security@school.example"), extra_marks=(OWN_MARK,)
    )


@pytest.mark.parametrize("number", sorted(CANARY))
def test_the_real_build_passes(number: str, seen: dict[str, Seen]) -> None:
    """A scratch house of this very build holds each promise that the canary run looks at."""
    assert seen[number].result is Result.PASS, seen[number].evidence


@pytest.mark.parametrize("number", ["R3", "R6", "R7", "R9", "R17", "R41"])
def test_a_search_had_something_to_find(number: str, seen: dict[str, Seen]) -> None:
    """The marks came with a whole crowd, whose pages were kept; every block was read, and what is kept was seen."""
    evidence = seen[number].evidence
    assert evidence["their_pages_were_counted"] is True
    assert evidence["sent_by_visitors"] >= 3 * Privacy().k
    assert evidence["bytes_searched"] > 1_000_000
    assert evidence["blocks_searched"] == evidence["blocks_of_the_file"] > 0
    assert evidence["blocks_with_an_ordinary_value"] > 0


def test_every_spelling_is_counted(seen: dict[str, Seen]) -> None:
    """Each spelling of the marks came in requests that were counted, every one of them."""
    evidence = seen["R41"].evidence
    assert set(evidence["spellings"]) == set(ENCODINGS)
    assert evidence["events_sent"] == evidence["events_counted"] >= 4 * len(ENCODINGS) * 3 * Privacy().k
    assert {"files after the close", "files after the stop", "tables", "pages", "exports"} <= set(
        evidence["places_searched"]
    )


def test_an_own_mark_is_put_everywhere(seen: dict[str, Seen]) -> None:
    """The auditor reads where the mark of their own stood, and that it was found nowhere."""
    evidence = seen["R41"].evidence
    assert (evidence["own_marks"], evidence["own_marks_found_in"]) == (1, [])
    assert set(OWN_FIELDS) < set(evidence["own_marks_stood_in"])


def test_the_secrets_were_there(seen: dict[str, Seen]) -> None:
    """Where memory may be read, salts and seal key were found in it while they served, and none of them after."""
    closed, ended = seen["R14"].evidence["after_a_close"], seen["R14"].evidence["after_the_day"]
    assert closed["salts"] >= 3
    assert ended["seal_keys"] == 1
    if isinstance(ended["memory_before"], dict):
        assert closed["memory_before"]["salts_found"] == closed["salts"]
        assert seen["R14"].evidence["process"]["processes_attached"] == 0
        assert (ended["memory_before"]["seal_keys_found"], ended["memory_after"]["seal_keys_found"]) == (1, 0)


def test_every_exit_was_compared(seen: dict[str, Seen]) -> None:
    """Pages, files and the command line showed figures, all of which the closed cells give."""
    evidence = seen["R37"].evidence
    assert evidence["exits"] >= 20
    assert (
        min(evidence["figures_compared"], evidence["figures_on_the_page"], evidence["figures_of_the_running_day"]) > 0
    )


@pytest.mark.parametrize(
    ("salts", "result"),
    [
        ({"salt.canary": b"1", "salt.twin": b"2"}, Result.PASS),
        ({"salt.canary": b"1", "salt.twin": b"1"}, Result.FAIL),
        ({"salt.canary": b"1"}, Result.FAIL),
    ],
)
def test_one_salt_for_two_sites_fails(salts: dict[str, bytes], result: Result) -> None:
    """Two sites with one salt, and a site without one, are found out."""
    assert check_two_sites(salts).result is result


def test_every_file_was_noted(seen: dict[str, Seen]) -> None:
    """Each file that the auditor took stands in the house's own list of what left it."""
    assert seen["R37"].evidence["files_given"] >= 20
    assert seen["R37"].evidence["files_that_were_not_noted"] == []


ONE_SIDED: Final = {"paths": ([0.05], "<b>&lt;5%</b>"), "running": ([0.95], "<b>&gt;95%</b>")}


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        (ONE_SIDED | {"paths": ([0.0], "&lt;5%")}, [0, 100]),
        (ONE_SIDED | {"running": ([0.95, 1.0], "&gt;95%")}, [0, 100]),
        (ONE_SIDED | {"running": ([0.95], "<b>100%</b>")}, [0, 100]),
        (ONE_SIDED | {"running": ([], "&gt;95%")}, [0, 100]),
        (ONE_SIDED, [0, 44]),
    ],
)
def test_a_share_that_speaks_of_everybody_fails(shown: dict[str, tuple[list[float], str]], kept: list[int]) -> None:
    """None or all in a file or on a page is found out, and so is a check that had neither to look at."""
    assert check_shares(ONE_SIDED, [0, 100]).result is Result.PASS
    assert check_shares(shown, kept).result is Result.FAIL


def test_without_a_contact_it_is_said_what_to_do(tmp_path: Path) -> None:
    """Without a contact for security there is nothing to look at, and the setting is named."""
    told = Told(tmp_path, privacy=Privacy())
    told.answers = {SECURITY_TXT: b""}
    seen = check_security_txt(told, contact="")
    assert seen.result is Result.NOT_APPLICABLE
    assert "public.security_contact" in seen.evidence["why"]


def test_weaker_settings_do_not_start(seen: dict[str, Seen]) -> None:
    """A house told to keep more of an address ends at once, as a mistake in its settings."""
    assert set(seen["R16"].evidence["exit_codes_of_weaker_settings"].values()) == {2}


def test_it_is_said_how_the_network_was_taken_away(seen: dict[str, Seen]) -> None:
    """The house served without a network, or the reason is told why that was not tried."""
    without = seen["R34"].evidence["without_a_network"]
    assert without["namespace"]
    assert "served" not in without or (without["served"], without["sent_elsewhere"]) == (True, 0)


@pytest.mark.parametrize(
    ("without", "connections"),
    [
        (CAGED | {"sent_elsewhere": 1}, 0),
        (CAGED | {"served": False}, 0),
        (CAGED | {"events_counted": 0}, 0),
        ({"namespace": "not tried"}, 1),
    ],
)
def test_a_packet_elsewhere_fails(without: dict[str, Any], connections: int) -> None:
    """A packet that wanted out, a connection off the machine, a house that needs a network or counts nothing fails."""
    assert check_network(CAGED, connections=0).result is Result.PASS
    assert check_network(without, connections=connections).result is Result.FAIL


@pytest.mark.parametrize(
    ("places", "marks_found", "without"),
    [
        (Result.FAIL, [], CAGED),
        (Result.PASS, ["history.duckdb"], CAGED),
        (Result.PASS, [], CAGED | {"sent_elsewhere": 1}),
        (Result.PASS, [], CAGED | {"events_counted": 0}),
    ],
)
def test_a_place_that_is_looked_up_elsewhere_fails(
    places: Result, marks_found: list[str], without: dict[str, Any]
) -> None:
    """A place that is no country, a header's own word, or a packet sent elsewhere while events are counted fails."""
    kept = Seen(Result.PASS, {})
    assert check_places(kept, marks_found=[], without_network=CAGED).result is Result.PASS
    seen = check_places(Seen(places, {}), marks_found=marks_found, without_network=without)
    assert seen.result is Result.FAIL


def test_an_event_was_counted_without_a_network(seen: dict[str, Seen]) -> None:
    """Where a network can be taken away, countries were told all the same; else it is said why that was not tried."""
    counted = seen["R8"].evidence["events_counted"]
    assert counted == len(ADDRESSES) or isinstance(counted, str)
    assert seen["R8"].evidence["distinct_countries"] > 0


def test_a_house_below_the_floor_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that is told to keep figures longer than it may does not start; one that would start is found out."""
    assert check_floors(Privacy())["R29"].evidence == {"exit_codes_of_weaker_settings": {"retention_days = 761": 2}}
    monkeypatch.setattr(cage, "FLOORS", {"R29": "retention_days = 760"})
    assert check_floors(Privacy())["R29"].result is Result.FAIL


@pytest.mark.parametrize(("mark", "words"), [("jan", "8 characters"), ("j" * 65, "at most 64")])
def test_a_mark_of_another_length_is_refused(mark: str, words: str) -> None:
    """A mark that turns up by chance would prove nothing, and a long one does not fit: both are refused at once."""
    with pytest.raises(SettingsError, match=words):
        run_canary(Privacy(), extra_marks=(mark,))


def test_visitors_who_cannot_be_told_apart_prove_nothing() -> None:
    """Where a house keeps too few bits of an address to tell made-up visitors apart, hostile days do not apply."""
    seen = attack_hostile_days(Privacy(ipv4_bits=NETWORK_BITS - 1))
    assert seen.result is Result.NOT_APPLICABLE
    assert "would be one" in seen.evidence["why"]


def test_hostile_days_are_sent_counted_and_attacked() -> None:
    """Hostile days go through the real door, and nothing small is derived from what the dashboard tells of them."""
    seen = attack_hostile_days(Privacy(), days=6)
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["events_counted"] == seen.evidence["events_sent"] > 1_000
    # The day that stays below k publishes nothing.
    assert seen.evidence["days_that_publish_figures"] == 5
    assert seen.evidence["snapshots_of_running_days"] == 18


def test_every_made_up_visitor_has_an_agent() -> None:
    """Each browser, system and source of a generated day can be sent as a request."""
    for seed in range(16):
        for happening in generate_hostile_day(seed, k=10):
            assert (happening["browser"], happening["os"]) in AGENTS
            assert happening["source"] in REFERRERS


class Told(ScratchHouse):
    """Answer what a test lays down instead of what a house would; nothing is started."""

    answers: dict[str, bytes]

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        peer: str = TRUSTED_PEER,
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the answer that was laid down."""
        return 200, {}, self.answers[path]

    def sites(self) -> list[Site]:
        """Return one site of each identity."""
        return [Site(id=name, hosts=("s.example",), identity=identity) for identity, name in SITES.items()]


GOOD = "<head><title>{{</title></head><p>Wij bewaren cijfers van 10 bezoekers, 760 dagen. {}</p><dl>10 760</dl>"


def texts(folder: Path, network: str, browser: str) -> Seen:
    """Check a house whose texts in all languages are these."""
    told = Told(folder, privacy=Privacy())
    told.answers = {
        f"/privacy?site={name}&lang={language}": text.encode()
        for name, text in (("canary", network), ("browsers", browser))
        for language in ("nl", "nl-pupils", "en")
    }
    return check_texts(told, Privacy(), sites=SITES)


def test_a_whole_text_passes(tmp_path: Path) -> None:
    """A text that names k, the period and what tells visitors apart is accepted."""
    network, browser = GOOD.replace("{}", "Uw netwerk."), GOOD.replace("{}", "Een getal.")
    assert texts(tmp_path, network, browser).result is Result.PASS


@pytest.mark.parametrize(
    "faulty",
    ["<p>10, 760 {{ contact }}</p>", "<p>10, 760 None</p>", "<p>760</p><dl>10</dl>", "<p>10</p><dl>760</dl>"],
)
def test_a_faulty_text_fails(faulty: str, tmp_path: Path) -> None:
    """A place that was not filled in, and a number that stands in the list of settings only, are found."""
    assert texts(tmp_path, GOOD.replace("{}", "Uw netwerk."), faulty).result is Result.FAIL


def test_a_text_that_keeps_the_identity_to_itself_fails(tmp_path: Path) -> None:
    """Two sites that tell visitors apart differently cannot have the same text."""
    assert texts(tmp_path, GOOD, GOOD).result is Result.FAIL


@pytest.mark.parametrize(
    ("harm", "passes"),
    [(None, True), (("house", "k", 5), False), (("house", "retention_days", 30), False), (("purpose",), False)],
)
def test_settings_that_are_told_wrong_fail(harm: tuple[Any, ...] | None, passes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A public page that tells anything else than the settings in force is found out."""
    told, privacy = Told(tmp_path, privacy=Privacy()), Privacy()
    settings = load_settings(told.config, environ={})
    shown = effective(settings, told.sites(), rules=privacy.rules_of, version=__version__)
    if harm and len(harm) == 3:
        shown[harm[0]][harm[1]] = harm[2]
    elif harm:
        del shown[harm[0]]
    if harm:
        # Whoever tells it wrong makes the fingerprint fit.
        rest = {name: value for name, value in shown.items() if name not in {"settings_sha256", "version"}}
        shown["settings_sha256"] = sha256(canonical(rest)).hexdigest()
    told.answers = {"/privacy.json": json.dumps(shown).encode()}
    assert (check_settings_shown(told, privacy).result is Result.PASS) is passes


def test_what_weakens_the_salt_is_said(tmp_path: Path) -> None:
    """Keys on a disk, and a day that is kept through a reboot, are named as what weakens the promise."""
    settings = Settings(runtime_dir=str(tmp_path / "not there yet"), keep_day_through_reboot=True)
    evidence = check_runtime(settings).evidence
    assert evidence["keep_day_through_reboot"] is True
    assert any("keep_day_through_reboot" in reason for reason in evidence["weakened_by"])
    assert evidence["runtime_dir_in_memory"] != any("runtime_dir" in reason for reason in evidence["weakened_by"])


@pytest.mark.parametrize(
    ("policy", "body", "faults"),
    [
        ("default-src 'none'; frame-ancestors 'none'", b"<p>x</p>", []),
        (f"default-src 'none'; style-src 'sha256-{HASH}'; frame-ancestors 'none'", b"<style>p{}</style>", []),
        (
            f"default-src 'none'; style-src 'sha256-{HASH}'; frame-ancestors 'none'",
            b"<style>a{}</style>",
            ["something inline"],
        ),
        ("default-src 'none'; frame-ancestors 'none'", b'<p style="x">x</p>', ["something inline"]),
        ("default-src 'none'; frame-ancestors 'none'", b"<script>x</script>", ["something inline"]),
        ("default-src 'none'; script-src https://cdn.example; frame-ancestors 'none'", b"", ["policy allows https:"]),
        ("default-src 'self'", b"", ["may be framed"]),
        ("script-src 'self'; frame-ancestors 'none'", b"", ["content-security-policy"]),
    ],
)
def test_a_page_with_a_fault_is_named(policy: str, body: bytes, faults: list[str]) -> None:
    """A policy that lets something in, a page that may be framed, and whatever is inline without its hash are found."""
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    assert page_faults(headers, body) == faults
