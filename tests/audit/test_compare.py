"""Two reports compared: what an auditor must look at again is named, and what merely grew is not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.compare import DaysChange, Differences, compare, direction
from collector.audit.compare_text import differences_text
from collector.audit.finding import Finding, Result
from collector.audit.report import Change, Column, Facts, Report, SettingLine, SiteDays, make_report

EARLY, LATE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def report(
    at: datetime = EARLY,
    *,
    results: Mapping[str, Result] | None = None,
    evidence: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Report:
    """Return a report of one finding and the facts that are given."""
    findings = [
        Finding(
            id=number, result=result, question="?", vraag="?", evidence={"history": evidence or {}}, command="",
            at=at.isoformat(), version="1", settings_sha256="",
        )
        for number, result in (results or {"R21": Result.PASS}).items()
    ]  # fmt: skip
    return make_report(findings, Facts(**facts), at=at, version="1")


def entry(seq: int, *, entry_hash: str, salt: str | None = "salt", made_by: str | None = "board") -> Change:
    """Return an entry of the settings log."""
    return Change(
        seq=seq, made_at="2026-11-02T09:00:00+00:00", site="school", change="{}", made_by=made_by, reason="", salt=salt,
        content="", previous="", hash=entry_hash,
    )  # fmt: skip


def days(first: str, *, kept: int) -> SiteDays:
    """Return what is kept of a school."""
    return SiteDays(
        site="school",
        first_day=first,
        last_day="2026-11-30",
        kept=kept,
        below_k=0,
        lost=0,
        rows=kept,
        folded_share=None,
    )


def line(name: str, value: str) -> SettingLine:
    """Return a line of a school's settings."""
    return SettingLine(site="school", name=name, required="", in_force=value)


def test_a_report_does_not_differ_from_itself() -> None:
    """Compared with itself a report shows nothing, and says so in both languages."""
    one = report(inventory=[Column(table="cell", name="day", type="date", role="", unit="", reason="")])
    found = compare(one, one)
    assert not found.is_worse
    assert differences_text(found, language="nl").endswith("Niets is veranderd.")
    assert differences_text(found, language="en").endswith("Nothing changed.")


def test_a_result_that_changed_is_named() -> None:
    """A requirement that failed since is worse; one that passes now is named and is not."""
    failed = compare(report(results={"R21": Result.PASS}), report(LATE, results={"R21": Result.FAIL}))
    assert failed.is_worse
    assert "✗ R21: klopt → klopt niet" in differences_text(failed, language="nl")
    mended = compare(
        report(results={"R21": Result.FAIL}), report(LATE, results={"R21": Result.PASS, "R54": Result.NOT_APPLICABLE})
    )
    assert not mended.is_worse
    assert "– R54: not asked → not applicable" in differences_text(mended, language="en")


@pytest.mark.parametrize(
    ("old", "new", "is_material"),
    [
        ({"rows": 10}, {"rows": 900}, False),
        ({"rows_below_k": 0}, {"rows_below_k": 1}, True),
        ({"rows": 10}, {"rows": 0}, True),
        ({"smallest_k": 10}, {"smallest_k": 5}, True),
        ({"head": "a" * 64}, {"head": "b" * 64}, False),
        ({"bytes_searched": 0}, {"bytes_searched": 5}, False),
        ({"newest_day_attacked": "2026-11-01"}, {"newest_day_attacked": "2026-12-01"}, False),
        ({"weakened_by": []}, {"weakened_by": ["swap"]}, True),
        ({"in_memory": True}, {"in_memory": False}, True),
        ({"deep": {"why": "a"}}, {"deep": {"why": "b"}}, True),
        ({"rows": 1}, {"rows": 1, "core_files": "on"}, True),
    ],
)
def test_evidence_that_merely_grew_is_no_news(old: dict[str, Any], new: dict[str, Any], *, is_material: bool) -> None:
    """A count that grew, a moment and a hash are no news; a word, a yes, a count that left 0 and a threshold are."""
    found = compare(report(evidence=old), report(LATE, evidence=new)).evidence
    assert bool(found) is is_material
    assert all(one.name.startswith("history.") for one in found)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("k", "10", "12", "stricter"),
        ("k", "10", "9", "looser"),
        ("retention_days", "760", "30", "stricter"),
        ("address_bits.ipv4", "16", "24", "looser"),
        ("profile", "standard", "open", "looser"),
        ("profile", "open", "strict", "stricter"),
        ("dimensions", "page, source", "page", "stricter"),
        ("pairs", "none", "page × source", "looser"),
        ("scripts", "hash", "outbound", "looser"),
        ("without", "none", "country", "stricter"),
        ("without", "country", "none", "looser"),
        ("sensitive", "0", "3", "stricter"),
        ("may_echo", "false", "true", "looser"),
        ("log_level", "INFO", "DEBUG", "looser"),
        ("controller", "A", "B", "other"),
        ("k", None, "10", "new"),
        ("k", "10", None, "gone"),
        ("k", "ten", "10", "other"),
    ],
)
def test_a_setting_moves_one_way(name: str, old: str | None, new: str | None, expected: str) -> None:
    """Of each setting that has a direction it is told whether it became stricter or looser."""
    assert direction(name, old, new) == expected


@given(
    name=st.sampled_from(["k", "retention_days", "profile", "dimensions", "without", "may_echo", "log_level"]),
    values=st.lists(
        st.sampled_from(
            ["5", "30", "open", "strict", "page", "page, source", "none", "true", "false", "INFO", "DEBUG"]
        ),
        min_size=2,
        max_size=2,
        unique=True,
    ),
)
def test_looser_backwards_is_stricter(name: str, values: list[str]) -> None:
    """Whatever becomes stricter one way becomes looser the other way, so no order of two reports hides a loosening."""
    there, back = direction(name, *values), direction(name, *reversed(values))
    if there == "stricter":
        assert back == "looser"
    assert (there == "other") == (back == "other")


def test_a_looser_setting_is_worse() -> None:
    """A setting that became looser is marked in capitals; one that became stricter is named."""
    looser = compare(report(settings=[line("k", "12")]), report(LATE, settings=[line("k", "10")]))
    assert looser.is_worse
    assert "school k: 12 → 10 (RUIMER)" in differences_text(looser, language="nl")
    stricter = compare(report(settings=[line("k", "10")]), report(LATE, settings=[line("k", "12")]))
    assert not stricter.is_worse
    assert "school k: 10 → 12 (stricter)" in differences_text(stricter, language="en")


def test_a_column_that_is_kept_newly_is_worse() -> None:
    """A column that is new or has another reason is worse; one that is gone is named."""
    old = Column(table="cell", name="day", type="date", role="time", unit="", reason="")
    other = msgspec.structs.replace(old, name="uid")
    assert compare(report(inventory=[old]), report(LATE, inventory=[old, other])).is_worse
    assert compare(report(inventory=[old]), report(LATE, inventory=[msgspec.structs.replace(old, unit="s")])).is_worse
    gone = compare(report(inventory=[old, other]), report(LATE, inventory=[old]))
    assert not gone.is_worse
    assert "cell.uid: verdwenen" in differences_text(gone, language="nl")


def test_a_log_goes_on_where_it_was() -> None:
    """New entries and erased contents continue a log; an entry that has another hash or is gone does not."""
    first, second = entry(1, entry_hash="1"), entry(2, entry_hash="2")
    going_on = compare(report(changes=[first]), report(LATE, changes=[first, second]))
    assert going_on.is_chain_continued
    assert "2. 2026-11-02 school door board: nieuw" in differences_text(going_on, language="nl")
    erased = compare(report(changes=[first]), report(LATE, changes=[entry(1, entry_hash="1", salt=None, made_by=None)]))
    assert erased.is_chain_continued
    assert "1. 2026-11-02 school: contents erased" in differences_text(erased, language="en")
    for later in ([second], [], [entry(1, entry_hash="x"), second]):
        found = compare(report(changes=[first, second]), report(LATE, changes=later))
        assert found.is_worse
        assert "✗ The settings log does not go on" in differences_text(found, language="en")


def test_days_that_came_and_went_are_counted() -> None:
    """Days that were added are counted, and a first day that moved shows that older ones were erased."""
    found = compare(report(days=[days("2026-10-01", kept=30)]), report(LATE, days=[days("2026-10-05", kept=55)]))
    assert found.days == [DaysChange("school", 25, "2026-10-05", "2026-10-01")]
    assert "school: 25 dagdelen erbij, eerste dag 2026-10-01 → 2026-10-05" in differences_text(found, language="nl")
    gone = compare(report(days=[days("2026-10-01", kept=30)]), report(LATE))
    assert "school: 30 parts of days less, first day 2026-10-01 → none" in differences_text(gone, language="en")


def test_a_wrong_order_is_told() -> None:
    """Reports that were named in the wrong order, or of other sites, are told to be."""
    found = compare(report(LATE), msgspec.structs.replace(report(EARLY), site="school", version="2"))
    text = differences_text(found, language="nl")
    assert "noem het oudste eerst" in text
    assert "niet over dezelfde sites" in text
    assert "Versie 1 werd 2" in text


def test_differences_are_data() -> None:
    """What differs can be written as JSON and read again."""
    found = compare(report(settings=[line("k", "12")]), report(LATE, results={"R21": Result.FAIL}))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Differences) == found
