"""Say what an answer to a program is made of; the OpenAPI document is made from it."""

from typing import Any

import msgspec

Value = float | int | None


class Row(msgspec.Struct, omit_defaults=True):
    """Hold a row of an answer.

    Attributes:
        metrics: In the order of the question; null is withheld.
        dimensions: In the order of the question.
        is_at_least: Names of those of its metrics of which a part is withheld.
        comparison: The same of the period it is compared with, where that was asked for.
    """

    metrics: list[Value]
    dimensions: list[str | None]
    is_at_least: list[str] = []
    comparison: dict[str, list[Value]] | None = None


class Meta(msgspec.Struct, omit_defaults=True):
    """Hold what has to be known to read an answer rightly.

    Attributes:
        k: Fewest visitors behind anything that is kept.
        visitors: What a visitor is over several days: `visitor-days`.
        first_day: Of the period, as `last_day`.
        folded: Share of the pageviews that stand under `(other)`, from 0 to 1; null where it is not known.
        is_at_least: Metrics of which some row shows less than there was.
        withheld: Metrics that some row does not show at all.
        as_of: Until when the running day is known, in the site's time; null where the period has no running day.
        days: Days of the period by how they ended: `kept`, `below_k`, `lost`.
        notes: Sentences.
        total_rows: Rows there are without pagination, where that was asked for.
        time_labels: Every bucket of time of the period, where that was asked for.
        time_blocks: Where the question is by the hour: when each block of hours is over.
        comparison_date_range: First and last day of the period it is compared with.
        imports_included: False, where it was asked for: nothing is imported.
    """

    k: int
    visitors: str
    first_day: str
    last_day: str
    folded: float | None
    is_at_least: list[str]
    withheld: list[str]
    as_of: str | None
    days: dict[str, int]
    notes: list[str]
    total_rows: int | None = None
    time_labels: list[str] | None = None
    time_blocks: dict[str, str] | None = None
    comparison_date_range: list[str] | None = None
    imports_included: bool | None = None


class Answer(msgspec.Struct):
    """Hold the answer to a question."""

    results: list[Row]
    meta: Meta
    query: dict[str, Any]
