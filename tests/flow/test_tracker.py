"""What the tracker counts, seen in a real browser by a server that records."""

import pytest

from collector.model import Identity, Site
from collector.script import Scripts, csp_lines, read_source, snippet
from tests.flow.conftest import Walk

pytestmark = pytest.mark.browser

#: Lets a test take a page out of view: headless tabs always are in view.
HIDING = """
    let hidden = false;
    Object.defineProperty(document, 'hidden', {get: () => hidden});
    window.hide = value => {
        hidden = value;
        document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
    };
"""
_QUEUE = "<script>window.turven=window.turven||function(){(turven.q=turven.q||[]).push(arguments)}</script>"


@pytest.mark.parametrize(
    "written", ["/les;jsessionid=1A/3;v=2", "/les/3?leerling=jan@school.nl&gclid=1", "/les/3#token=2"]
)
def test_a_page_is_counted_once_without_query_fragment_and_parameters(walk: Walk, *, written: str) -> None:
    """A page sends one pageview, whose address has lost its query, its fragment and its `;params`."""
    origin = walk.show("engagement", "outbound", "downloads")
    walk.page.goto(origin + written)
    assert walk.wait(1) == [{"s": walk.site, "u": origin + "/les/3", "n": "pageview", "t": False}]


def test_user_and_password_of_an_address_stay_at_home(walk: Walk) -> None:
    """An address with a user name and a password is sent without them."""
    origin = walk.show()
    walk.page.goto(origin.replace("http://", "http://jan:geheim@") + "/les")
    assert walk.wait(1)[0]["u"] == origin + "/les"


def test_entry_is_a_navigation_from_a_foreign_host(walk: Walk) -> None:
    """A link from another host is an entry and names that host only; its reload is none; an own link says nothing."""
    origin = walk.show(body='<a id=own href="/toets">verder</a>')
    walk.page.goto(origin + "/les", referer="http://zoek.school.example/zoek?q=jan")
    walk.wait(1)
    walk.page.reload()
    walk.wait(2)
    walk.page.click("#own")
    first, second, third = walk.wait(3)
    assert (first["r"], first["e"]) == ("zoek.school.example", True)
    assert (second["r"], second["e"]) == ("zoek.school.example", False)
    assert third.keys().isdisjoint("re")


def test_each_step_of_a_single_page_application_is_counted_once(walk: Walk) -> None:
    """pushState, replaceState and going back count once each; the same path with another query does not."""
    origin = walk.show()
    walk.page.goto(origin + "/a", referer="http://zoek.school.example/")
    walk.page.evaluate(
        "() => { history.pushState({}, '', '/b?x=1'); history.pushState({}, '', '/b?x=2');"
        " history.replaceState({}, '', '/b#kop'); history.replaceState({}, '', '/c'); history.back(); }"
    )
    walk.wait(4)
    walk.page.evaluate("history.back()")
    found = walk.wait(5)
    assert [str(event["u"]).removeprefix(origin) for event in found] == ["/a", "/b", "/c", "/b", "/a"]
    assert [event.get("e") for event in found] == [True, None, None, None, None]
    assert walk.sent() == 5


def test_hash_routes_are_pages_where_switched_on(walk: Walk) -> None:
    """With the part `hash` a fragment that is a route is a page, cut as any other; an anchor or a token is not."""
    origin = walk.show("hash", body='<a id=next href="#!/les/4?t=1">verder</a><a id=anchor href="#kop">kop</a>')
    walk.page.goto(origin + "/app#/les/3?token=1")
    walk.wait(1)
    walk.page.click("#next")
    walk.wait(2)
    walk.page.click("#anchor")
    walk.wait(3)
    walk.page.evaluate("location.hash = 'access_token=geheim/1'")
    assert [str(event["u"]).removeprefix(origin) for event in walk.wait(3)] == ["/app/les/3", "/app/les/4", "/app"]
    assert walk.sent() == 3


def test_fragments_are_no_pages_otherwise(walk: Walk) -> None:
    """Without the part `hash` a route in the fragment is neither sent nor counted."""
    origin = walk.show()
    walk.page.goto(origin + "/app#/les/3")
    walk.page.evaluate("location.hash = '/les/4'")
    assert walk.wait(1)[0]["u"] == origin + "/app"
    assert walk.sent() == 1


def test_events_before_and_after_the_script(walk: Walk) -> None:
    """A call of turven() before the script has arrived waits for it; a later one is sent at once."""
    walk.show(head=_QUEUE + "<script>turven('Vroeg', {soort: 'a', aantal: 2})</script>")
    walk.page.goto(f"http://{walk.host}:{walk.recorder.port}/les")
    walk.wait(2)
    walk.page.evaluate("turven('Laat')")
    found = walk.wait(3)
    assert [(event["n"], event.get("p")) for event in found] == [
        ("pageview", None),
        ("Vroeg", {"soort": "a", "aantal": 2}),
        ("Laat", None),
    ]


def test_properties_that_are_no_json_do_not_hurt_the_page(walk: Walk) -> None:
    """Properties that cannot be written down are swallowed, and later events are sent."""
    walk.page.goto(walk.show() + "/les")
    walk.page.evaluate("() => { const a = {}; a.a = a; turven('Kring', a); turven('Groot', {n: 1n}); turven('Goed'); }")
    assert [event["n"] for event in walk.wait(2)] == ["pageview", "Goed"]


def test_engagement_belongs_to_the_page_that_is_left(walk: Walk) -> None:
    """Visible time and the deepest scroll are sent on leaving, with the address of the page that was read."""
    origin = walk.show("engagement", body='<p style="height:4000px">lang</p>')
    walk.page.clock.install()
    walk.page.goto(origin + "/a")
    height = walk.page.evaluate("document.documentElement.scrollHeight - innerHeight")
    walk.page.evaluate("y => new Promise(done => { addEventListener('scroll', done); scrollTo(0, y / 2) })", height)
    walk.page.evaluate("() => new Promise(done => { addEventListener('scroll', done); scrollTo(0, 0) })")
    walk.page.clock.run_for(5_000)
    walk.page.evaluate("history.pushState({}, '', '/b')")
    walk.page.clock.run_for(2_000)
    walk.page.goto("about:blank")
    # Two connections: the order of arrival is not the order of sending.
    left = {str(event["u"]).removeprefix(origin): event for event in walk.wait(4) if event["n"] == "engagement"}
    assert 5_000 <= float(left["/a"]["d"]) < 7_000 <= 5_000 + float(left["/b"]["d"]) < 10_000
    assert 50 < left["/a"]["y"] < 70
    assert left["/b"]["y"] < 30


def test_hidden_time_is_not_engagement(walk: Walk) -> None:
    """Time out of view is not counted, and each return to view is reported by itself."""
    walk.before(HIDING)
    walk.page.clock.install()
    walk.page.goto(walk.show("engagement") + "/a")
    walk.page.clock.pause_at("2126-01-01")
    walk.page.evaluate("hide(true)")
    walk.page.clock.run_for(60_000)
    walk.page.evaluate("hide(false)")
    walk.page.clock.run_for(3_000)
    walk.page.evaluate("hide(true)")
    assert walk.wait(3)[2]["d"] == 3_000


def test_leaving_is_sent_where_only_pagehide_tells(walk: Walk) -> None:
    """A browser that says nothing but `pagehide` on leaving (Safari 14) has its visible time sent, once."""
    walk.page.goto(walk.show("engagement") + "/a")
    walk.page.evaluate("() => { dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pagehide')) }")
    assert [event["n"] for event in walk.wait(2)] == ["pageview", "engagement"]
    assert walk.sent() == 2


def test_a_house_that_does_not_answer_does_not_hurt_the_page(walk: Walk) -> None:
    """Where the house cannot be reached the page's scripts see no error, thrown or rejected."""
    walk.show(attributes='data-endpoint="http://weg.example/event"', head=_QUEUE)
    walk.before("window.rejected = 0; addEventListener('unhandledrejection', () => { rejected++ })")
    with walk.page.expect_event("requestfailed"):
        walk.page.goto(f"http://{walk.host}:{walk.recorder.port}/les")
    walk.sent()
    assert walk.page.evaluate("rejected") == 0


def test_an_event_that_is_refused_in_a_rush_is_not_sent_again(walk: Walk) -> None:
    """A 503 costs that event and no other: nothing is sent again, kept for later or thrown into the page."""
    walk.recorder.refused.add(walk.site)
    walk.before("window.rejected = 0; addEventListener('unhandledrejection', () => { rejected++ })")
    origin = walk.show("engagement")
    with walk.page.expect_response(lambda answer: answer.status == 503):
        walk.page.goto(origin + "/les")
    walk.wait(1)
    assert walk.sent() == 1
    walk.recorder.refused.clear()
    with walk.page.expect_response(lambda answer: answer.status == 202):
        walk.page.evaluate("() => history.pushState({}, '', '/toets')")
    assert [event["n"] for event in walk.wait(3)] == ["pageview", "engagement", "pageview"]
    assert walk.sent() == 3
    assert (walk.storage(), walk.page.evaluate("rejected"), walk.errors) == ({}, 0, [])


def test_outbound_links_name_the_host_only(walk: Walk) -> None:
    """A click on a link to another host sends that host and neither path nor query; own and mail links send nothing."""
    walk.show(
        "outbound",
        body='<a id=own href="#x">a</a><a id=mail href="mailto:jan@school.nl">b</a>'
        '<a id=out href="http://elders.school.example/inlog?token=1"><b id=inner>c</b></a>',
        head="<script>addEventListener('click', e => { e.preventDefault(); e.stopPropagation() }, true)</script>",
    )
    walk.page.goto(f"http://{walk.host}:{walk.recorder.port}/les")
    for target in ("#own", "#mail", "#inner"):
        walk.page.click(target)
    found = walk.wait(2)[1]
    assert (found["n"], found["p"]) == ("Outbound", {"host": "elders.school.example"})


def test_downloads_name_the_type_only(walk: Walk) -> None:
    """A click on a document sends its type and never its name, which may be a pupil's."""
    walk.show("downloads", body='<a id=file download href="/rapport-jan.PDF?k=1">a</a><a id=page href="#jan.bos">b</a>')
    walk.page.goto(f"http://{walk.host}:{walk.recorder.port}/les")
    walk.page.click("#page")
    with walk.page.expect_download():
        walk.page.click("#file")
    found = walk.wait(2)[1]
    assert (found["n"], found["p"]) == ("Download", {"type": "PDF"})


@pytest.mark.parametrize(
    ("width", "has_touch", "expected"), [(390, True, 0), (820, True, 1), (1366, False, 2), (1920, False, 3)]
)
def test_touch_and_width_class(walk: Walk, *, width: int, has_touch: bool, expected: int) -> None:
    """The script sends one bit for touch and, where that is kept, one of four classes of width."""
    walk.configure(has_touch=has_touch, viewport={"width": width, "height": 700})
    walk.page.goto(walk.show("width") + "/les")
    found = walk.wait(1)[0]
    assert (found["w"], found["t"]) == (expected, has_touch)


def test_a_return_from_the_back_forward_cache_is_a_pageview(walk: Walk) -> None:
    """Going back to a page that the browser had kept alive counts it again, as no entry."""
    origin = walk.show()
    walk.page.goto(origin + "/a", referer="http://zoek.school.example/")
    walk.page.goto(walk.recorder.show(f"elders-{walk.host}", "<!doctype html><title>Elders</title>") + "/")
    walk.wait(1)
    walk.page.go_back(wait_until="commit")
    found = walk.wait(2)
    assert [event["u"] for event in found] == [origin + "/a"] * 2
    assert "e" in found[0]
    assert "e" not in found[1]


def test_a_page_that_nobody_sees_yet_waits(walk: Walk) -> None:
    """A page that is loaded ahead sends nothing, and everything once somebody sees it."""
    walk.before(HIDING + "hide(true)")
    walk.page.goto(walk.show("engagement") + "/les")
    walk.page.evaluate("turven('Klaar')")
    assert walk.sent() == 0
    walk.page.evaluate("hide(false)")
    assert [event["n"] for event in walk.wait(2)] == ["pageview", "Klaar"]


def test_a_frame_of_the_same_origin_is_part_of_its_page(walk: Walk) -> None:
    """A page that embeds a page of its own origin is counted once; a frame of another origin counts for itself."""
    origin = walk.show(
        body="<script>if (location.pathname == '/') document.write('<iframe src=/kader></iframe>')</script>"
    )
    walk.page.goto(origin + "/")
    assert walk.wait(1)[0]["u"] == origin + "/"
    assert walk.sent() == 1
    foreign = walk.recorder.show(f"elo-{walk.host}", f'<iframe src="{origin}/kader"></iframe>')
    walk.page.goto(foreign + "/")
    assert walk.wait(2)[1]["u"] == origin + "/kader"


def test_the_products_own_host_and_path(walk: Walk) -> None:
    """Served below a path of the product's own host, the script sends to that path; `data-endpoint` overrules it."""
    origin = f"http://{walk.host}:{walk.recorder.port}"
    walk.recorder.show(walk.host, walk.tag(base="/diensten/turven"))
    walk.page.goto(origin + "/les")
    walk.recorder.show(walk.host, walk.tag(base="/diensten/turven", attributes='data-endpoint="/elders"'))
    walk.wait(1)
    walk.page.goto(origin + "/les")
    walk.wait(2)
    found = walk.recorder.events(walk.site)
    assert [(request.host, request.target) for request in found] == [
        (walk.host, "/diensten/turven/event"),
        (walk.host, "/elders"),
    ]


def test_strict_content_security_policy_and_pinned_script(walk: Walk) -> None:
    """The two lines of the guide are all that a strict policy needs, for the pinned script as well."""
    site = Site(id=walk.site, hosts=(walk.host,), identity=Identity.BROWSER)
    policy = "; ".join(("default-src 'none'", *csp_lines(walk.recorder.stats)))
    pinned = Scripts(read_source()).for_site(site)
    tag = snippet(site, base_url=walk.recorder.stats, pinned=pinned)
    origin = walk.recorder.show(walk.host, f"<!doctype html><title>Les</title>{tag}", Content_Security_Policy=policy)
    messages: list[str] = []
    walk.page.on("console", lambda message: messages.append(message.text))
    walk.page.goto(origin + "/les")
    walk.page.evaluate("turven('Toets')")
    assert [event["n"] for event in walk.wait(2)] == ["pageview", "Toets"]
    assert not [text for text in messages if "favicon" not in text]
