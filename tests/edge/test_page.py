"""A stored path holds no query, no fragment, no parameters and no identifier."""

import re
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.edge.page import PATH_LENGTH_MAX, SEGMENTS_MAX, Hosts, Paths, locate
from collector.model import OTHER

PATHS = Paths()
FORBIDDEN = re.compile(r"[?#;@%\s\x00-\x1f\u200b-\u200f\u202a-\u202e]")

CLICK_IDS = (
    "gclid gbraid wbraid dclid fbclid msclkid ttclid twclid li_fat_id igshid yclid mc_eid mc_cid _hsenc _hsmi mkt_tok "
    "vero_id oly_anon_id oly_enc_id srsltid _ga _gl epik utm_id utm_term utm_content"
)

CANARIES = (
    "jan.jansen@school.nl",
    "jan%40school.nl",
    "123456782",
    "1234.56.782",
    "123-456-782",
    "06-12345678",
    "2012-03-14",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "deadbeefcafe",
    "eyJhbGciOiJIUzI1NiJ9",
    "dQw4w9WgXcQdQw4w",
    "AbCdEfGhIjKlMnOpQr",
    "x7k2m9q4p1",
    "leerling-12345",
    "leerling_4711",
    "NL91ABNA0417164300",
    "xkcdqwrtzpsdfg",
)


def clean(url: str) -> str:
    """Return the path as it would be stored."""
    return PATHS.clean(locate(url).path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("https://www.school.example", "/"),
        ("https://www.school.example?x=1", "/"),
        ("https://www.school.example/groep/les", "/groep/les"),
        ("https://www.school.example/groep/les/?a=b#kop", "/groep/les"),
        ("https://user:secret@www.school.example:8443/les", "/les"),
        ("//www.school.example/les", "/les"),
        ("/nieuws/open-dag-2026", "/nieuws/open-dag-2026"),
        ("/Over%20ons", "/Over-ons"),
        ("/caf%C3%A9", "/café"),
        ("/cafe\u0301", "/café"),
        ("/index.html", "/index.html"),
        ("/groep/7/les/3", "/groep/:id/les/:id"),
        ("/toets/٣٤", "/toets/:id"),
        ("/les;jsessionid=abc/uitleg;v=1", "/les/uitleg"),
        ("/les%3Bjsessionid=abc", "/les"),
        ("/les%3Fleerling=jan", "/les"),
        ("/les%253Fleerling=jan", "/les"),
        ("/les%23token", "/les"),
        ("/les？leerling=jan", "/les"),
        ("/a//b///c", "/a/b/c"),
        ("/a/./b/../c", "/a/c"),
        ("/../../etc", "/etc"),
        ("/a/%2e%2e/b", "/b"),
        ("/a%2Fb", "/a/b"),
        ("/a\\b", "/a/b"),
        ("/a%5Cb", "/a/b"),
        ("/les\u202e\u200f\u0000/x", "/les/x"),
        ("/50%", "/:id"),
        ("/%zz", "/:id"),
        ("/%u0040", "/:id"),
        ("/(other)", "/:id"),
        ("(other)", "/:id"),
        ("/leerling/…", "/leerling/:id"),
        ("/leerling/:name", "/leerling/:id"),
        ("/{3FA85F64-5717-4562-B3FC-2C963F66AFA6}", "/:id"),
        ("/onderwijsachterstandenbeleid", "/onderwijsachterstandenbeleid"),
        ("/rechtstreeks/angstschreeuw", "/rechtstreeks/:id"),
        ("/" + "%25" * 900, "/:id"),
        ("/" + "x" * 81, "/:id"),
        ("/a" * 30, "/a" * SEGMENTS_MAX),
        ("/" + "langer-" * 10 + "/langer-langer" * 10, "/" + "langer-" * 10 + "/langer-langer" * 9),
    ],
)
def test_a_url_becomes_a_cleaned_path(url: str, path: str) -> None:
    """Queries, fragments, parameters and ids go; what is left reads as the page's own path."""
    assert clean(url) == path


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("rounds", range(4))
def test_no_identifier_is_left_in_a_path(canary: str, rounds: int) -> None:
    """E-mail addresses, BSN, phone numbers, dates, UUID and tokens become `:id`, encoded up to three times."""
    for _ in range(rounds):
        canary = quote(canary, safe="")
    assert clean(f"/leerling/{canary}/toets") == "/leerling/:id/toets"
    assert clean(f"https://www.school.example/{canary}") == "/:id"


@pytest.mark.parametrize("name", CLICK_IDS.split())
def test_click_ids_leave_no_trace(name: str) -> None:
    """A click id is not stored, neither its value nor that there was one, wherever it stands in the URL."""
    for url in (f"/les?{name}=Canary1", f"/les#{name}=Canary1", f"/les;{name}=Canary1", f"/les%3F{name}=Canary1"):
        assert clean(url) == "/les"


pieces = st.lists(
    st.one_of(
        st.sampled_from(
            ["/", "%", "?", "#", ";", "@", "\\", "..", ".", " ", "%25", "%2F", "%3F", "%40", "http://", "9"]
        ),
        st.sampled_from(CANARIES),
        st.text(max_size=8),
        st.characters(),
    ),
    max_size=14,
).map("".join)


@given(pieces)
@example("/toets%3Fleerling=jan")
@example("/toets%2523leerling")
def test_no_sign_of_a_query_is_ever_stored(url: str) -> None:
    """Whatever the URL, the stored path has none of `? # ; @ %`, no control character, and a limit."""
    path = clean(url)
    assert path.startswith("/")
    assert not FORBIDDEN.search(path)
    assert path.isprintable()
    assert len(path) <= PATH_LENGTH_MAX
    assert path.count("/") <= SEGMENTS_MAX


@given(pieces, st.integers(0, 3))
def test_encoding_again_changes_nothing_that_is_stored(url: str, rounds: int) -> None:
    """A path that is encoded once more is stored as the same path."""
    path = clean(url)
    encoded = path
    for _ in range(rounds):
        encoded = quote(encoded, safe="/")
    assert clean(encoded) == path


@given(pieces)
def test_cleaning_twice_changes_nothing(url: str) -> None:
    """A cleaned path stays as it is."""
    path = clean(url)
    assert PATHS.clean(path) == path


TEMPLATES = Paths(templates=["/toets/:toets", "/toets/nieuw", "/nieuws/2026-11-24", "/:afdeling/rooster", "/"])


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("/toets/41", "/toets/:toets"),
        ("/toets/jan-jansen", "/toets/:toets"),
        ("/toets/nieuw/", "/toets/nieuw"),
        ("/nieuws/2026-11-24", "/nieuws/2026-11-24"),
        ("/nieuws/2026-11-25", OTHER),
        ("/toets", OTHER),
        ("/toets/41/vraag", OTHER),
        ("/brugklas/rooster", "/:afdeling/rooster"),
        ("/", "/"),
    ],
)
def test_registered_templates_stand_for_their_pages(path: str, stored: str) -> None:
    """Where a site registers templates, a page is one of them or `(other)`."""
    assert TEMPLATES.clean(path) == stored


@given(st.sampled_from(["toets", "nieuw", "rooster", "41", ":toets", "x", "nieuws"]), pieces)
def test_templates_stay_as_they_are(first: str, rest: str) -> None:
    """A template's own text is stored as that template."""
    stored = TEMPLATES.clean(f"/{first}/{rest}")
    assert TEMPLATES.clean(stored) == stored


def test_a_strict_site_without_templates_keeps_no_path() -> None:
    """The strict profile keeps registered templates only, and there may be none."""
    assert Paths(templates_only=True).clean("/toets") == OTHER


SENSITIVE = Paths(sensitive=["/zorg", "/leerling/:id/dyslexie", "/Zorg/intern"])


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("/zorg", "/"),
        ("/zorg/intake/jan", "/"),
        ("/ZORG/intake", "/"),
        ("/%7Aorg/intake", "/"),
        ("/x/../zorg;a=1/intake", "/"),
        ("/zorgeloos", "/zorgeloos"),
        ("/leerling/12/dyslexie/toets", "/leerling/:id"),
        ("/leerling/12/cijfers", "/leerling/:id/cijfers"),
    ],
)
def test_sensitive_routes_fold_into_their_parent(path: str, stored: str) -> None:
    """A route that a site marks sensitive is counted as its parent, in whatever spelling."""
    assert SENSITIVE.clean(path) == stored
    assert SENSITIVE.clean(stored) == stored


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.School.Example/x", "www.school.example"),
        ("https://www.school.example.:443/x", "www.school.example"),
        ("https://a@b@evil.example/x", "evil.example"),
        ("https:\\\\evil.example\\x", "evil.example"),
        ("https:/evil.example/x", "evil.example"),
        ("//evil.example", "evil.example"),
        ("https://[::1]:80/x", "[::1]"),
        ("/x", ""),
        ("x/y", ""),
        ("https:///", None),
        ("mailto:jan@school.nl", None),
        ("javascript:alert(1)", None),
        ("file:///home/jan", None),
        ("about:blank", None),
    ],
)
def test_the_host_is_read_as_a_browser_reads_it(url: str, host: str | None) -> None:
    """Port, credentials, capitals and slashes do not hide a foreign host."""
    assert locate(url).host == host


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("www.school.example", True),
        ("a.portal.example", True),
        ("a.b.portal.example", True),
        ("portal.example", False),
        ("evilportal.example", False),
        ("school.example", False),
        ("www.school.example.evil.example", False),
        ("*.portal.example", True),
    ],
)
def test_a_wildcard_covers_subdomains_only(host: str, is_own: bool) -> None:  # noqa: FBT001
    """A site's pages live on its own hosts; `*.portal.example` covers subdomains and not itself."""
    assert Hosts(("www.school.example", "*.portal.example")).hold(host) is is_own
