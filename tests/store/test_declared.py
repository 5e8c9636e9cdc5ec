"""What a controller declares: refused where it could not be counted, kept or told apart."""

from typing import Any

import msgspec
import pytest

from collector.errors import SettingsError
from collector.model import Funnel, Goal, Identity, Region, Site, Target, TargetKind
from collector.store.sites import check_site

HERE = Target(TargetKind.PAGE, "/a")
DONE = Target(TargetKind.EVENT, "Klaar")
BELOW = Target(TargetKind.PREFIX, "/a/")
SITE = Site(id="school", hosts=("www.school.example",), identity=Identity.NETWORK)


def test_what_can_be_counted_is_taken() -> None:
    """Goals, funnels, groups, region and embedding hosts of every allowed form are taken as they are."""
    check_site(
        msgspec.structs.replace(
            SITE,
            goals=(Goal("Klaar", DONE), Goal("Pagina a", HERE), Goal("2e leerjaar", Target(TargetKind.PAGE, "/"))),
            funnels=(Funnel("Weg", (HERE, BELOW, DONE)), Funnel("Lang", (HERE,) * 8)),
            groups=("/a/", "/"),
            region=Region.MIDDLE,
            embed_hosts=("https://www.school.example", "http://localhost:8080"),
            in_median=True,
        )
    )


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"goals": tuple(Goal(f"g{n}", DONE) for n in range(21))}, "at most 20"),
        ({"funnels": tuple(Funnel(f"f{n}", (HERE, DONE)) for n in range(11))}, "at most 10"),
        ({"groups": tuple(f"/{n}/" for n in range(11))}, "at most 10"),
        ({"goals": (Goal("g" * 61, DONE),)}, "1 to 60 characters"),
        ({"goals": (Goal("", DONE),)}, "1 to 60 characters"),
        ({"goals": (Goal("a\nb", DONE),)}, "one line"),
        ({"goals": (Goal("a", DONE), Goal("a", HERE))}, "its own name"),
        ({"goals": (Goal("a · 1", DONE),)}, "leave out"),
        ({"goals": (Goal("(other)", DONE),)}, "leave out"),
        ({"goals": (Goal("=1+1", DONE),)}, "leave out"),
        ({"goals": (Goal("a", Target(TargetKind.PREFIX, "/a")),)}, "begins and ends with /"),
        ({"goals": (Goal("a", Target(TargetKind.PAGE, "/a/")),)}, "prefix:/a/ counts it"),
        ({"goals": (Goal("a", Target(TargetKind.PAGE, "a")),)}, "page:/path"),
        ({"goals": (Goal("a", Target(TargetKind.PAGE, "/a?b=c")),)}, "without"),
        ({"goals": (Goal("a", Target(TargetKind.EVENT, "x" * 41)),)}, "at most 40"),
        ({"funnels": (Funnel("f", (HERE,)),)}, "2 to 8"),
        ({"funnels": (Funnel("f", (HERE,) * 9),)}, "2 to 8"),
        ({"groups": ("a/",)}, "prefix:/path/"),
        ({"groups": ("/a/", "/a/")}, "twice"),
        ({"embed_hosts": ("www.school.example",)}, "is no origin"),
        ({"embed_hosts": ("https://www.school.example/a",)}, "is no origin"),
    ],
)
def test_what_cannot_be_counted_is_refused(declared: dict[str, Any], says: str) -> None:
    """Too many, twice, without a form that can be kept: refused with a sentence that says what to write."""
    with pytest.raises(SettingsError, match="site_invalid") as refused:
        check_site(msgspec.structs.replace(SITE, **declared))
    assert says in str(refused.value)
