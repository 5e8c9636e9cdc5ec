"""Of a referrer the site is kept and nothing else; of a link's marks three, where they are switched on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge.page import Hosts
from collector.edge.source import name_campaign, name_source
from tests.edge.test_page import CANARIES, CLICK_IDS

HOSTS = Hosts(("www.school.example", "*.portal.example"))
STORED = re.compile(r"\(direct\)|\(unknown\)|[A-Z][A-Za-z. ]+|[a-z0-9.-]+\.[a-z0-9-]+")


@pytest.mark.parametrize(
    ("referrer", "source", "channel"),
    [
        ("", "(direct)", "direct"),
        ("https://www.school.example/x?y", "(direct)", "direct"),
        ("www.school.example", "(direct)", "direct"),
        ("a.portal.example:8443", "(direct)", "direct"),
        ("https://www.google.com/search?q=jan", "Google", "search"),
        ("google.nl", "Google", "search"),
        ("https://www.google.co.uk/", "Google", "search"),
        ("https://www.google.com.br/", "Google", "search"),
        ("https://notgoogle.nl/", "notgoogle.nl", "referral"),
        ("https://google.nl.evil.example/", "google.nl.evil.example", "referral"),
        ("https://classroom.google.com/c/1", "classroom.google.com", "referral"),
        ("https://mail.google.com/mail/u/0", "Gmail", "email"),
        ("android-app://com.google.android.gm/", "Gmail", "email"),
        ("android-app://com.google.android.googlequicksearchbox/https/www.google.com", "Google", "search"),
        ("https://nl.search.yahoo.com/x", "Yahoo", "search"),
        ("https://duckduckgo.com/", "DuckDuckGo", "search"),
        ("https://m.facebook.com/", "Facebook", "social"),
        ("https://t.co/abc", "X", "social"),
        ("https://chatgpt.com/", "ChatGPT", "ai"),
        ("https://claude.ai/chat/1", "Claude", "ai"),
        ("https://gemini.google.com/", "Gemini", "ai"),
        ("https://WWW.Krant.Example:8080/artikel/jan?x#y", "krant.example", "referral"),
        ("//krant.example/x", "krant.example", "referral"),
        ("krant.example/x", "krant.example", "referral"),
        ("https://jan:geheim@krant.example/", "krant.example", "referral"),
        ("https://3fa85f64.link.example/", "link.example", "referral"),
        ("https://leerling-12345.blog.example/", "blog.example", "referral"),
        ("https://192.0.2.7/x", "(unknown)", "referral"),
        ("https://[2001:db8::1]/x", "(unknown)", "referral"),
        ("http://intranet/x", "(unknown)", "referral"),
        ("mailto:jan@school.nl", "(unknown)", "referral"),
        ("https://a_b.example/", "(unknown)", "referral"),
        ("https://" + "a." * 60 + "example/", "(unknown)", "referral"),
        ("https://krant.example%2fjan/", "(unknown)", "referral"),
    ],
)
def test_a_referrer_becomes_a_source_and_a_channel(referrer: str, source: str, channel: str) -> None:
    """Known sources have their name, others their host, own hosts are no source, addresses are unknown."""
    assert name_source(referrer, hosts=HOSTS) == (source, channel)


hosts = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}", fullmatch=True)


@given(st.one_of(st.text(max_size=60), st.tuples(hosts, st.text(max_size=30)).map(lambda p: f"https://{p[0]}/{p[1]}")))
def test_a_source_is_a_host_or_a_name(referrer: str) -> None:
    """Whatever the referrer, what is stored matches the pattern of a host or is a name of the list."""
    source, _ = name_source(referrer, hosts=HOSTS)
    assert STORED.fullmatch(source)
    assert len(source) <= 100


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_of_a_referrer_is_kept(canary: str) -> None:
    """What stands in a referrer's path, query or credentials is not in the source."""
    for referrer in (
        f"https://krant.example/{canary}",
        f"https://krant.example?{canary}",
        f"https://{canary}@krant.example/",
    ):
        assert name_source(referrer, hosts=HOSTS)[0] in {"krant.example", "(unknown)"}


@pytest.mark.parametrize(
    ("query", "written", "campaign", "channel"),
    [
        ("", "", "", ""),
        ("a=b&c", "", "", ""),
        (
            "utm_source=Nieuwsbrief&utm_medium=email&utm_campaign=herfst-2026",
            "",
            "nieuwsbrief/email/herfst-2026",
            "email",
        ),
        ("utm_campaign=Open%20dag&utm_source=", "", "-/-/open-dag", "campaign"),
        ("utm_source=fb&utm_medium=Social", "", "fb/social/-", "social"),
        ("utm_source=jan@school.nl&utm_medium=cpc", "", ":id/cpc/-", "campaign"),
        ("utm_source=jan%2540school.nl", "", ":id/-/-", "campaign"),
        ("utm_source=a%2Fb%3Fc%23d", "", "a-b-c-d/-/-", "campaign"),
        ("utm_sourcery=x&gclid=y", "", "", ""),
        ("utm_source=query", "brief/email/mei", "brief/email/mei", "email"),
        ("", "brief", "brief/-/-", "campaign"),
        ("", "a/b/c/d", "a/b/c-d", "campaign"),
    ],
)
def test_a_campaign_is_three_cleaned_words(query: str, written: str, campaign: str, channel: str) -> None:
    """Source, medium and name are cleaned like labels; what identifies somebody becomes `:id`."""
    assert name_campaign(query, written) == (campaign, channel, ":id" in campaign)


@pytest.mark.parametrize("name", CLICK_IDS.split())
def test_no_click_id_becomes_a_campaign(name: str) -> None:
    """Click ids, terms and contents of a link are not looked at where campaigns are kept either."""
    campaign, _, _ = name_campaign(f"{name}=Canary1&utm_source=krant&{name}=Canary2", "")
    assert campaign == "krant/-/-"


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_sign_of_a_query_is_in_a_campaign(words: str, more: str) -> None:
    """Whatever a link says, the campaign has three parts and none of `? # ; @ %`."""
    for campaign, _, _ in (name_campaign(f"utm_source={words}&utm_medium={more}", ""), name_campaign("", words)):
        assert campaign == "" or campaign.count("/") == 2
        assert not re.search(r"[?#;@%\s]", campaign)
        assert len(campaign) <= 300
