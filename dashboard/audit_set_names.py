"""What the audit's figures of goals, groups, funnels and floors are called."""

from typing import Final

from dashboard.metrics import mark

SET_FIGURES: Final = {
    "floors_subtracted": mark("numbers that are told as “at least”, subtracted"),
    "floors_that_are_no_multiple_of_k": mark("numbers told as “at least” that are no multiple of the threshold"),
    "sets_subtracted": mark("goals, groups and steps subtracted"),
}
