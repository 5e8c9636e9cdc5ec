"""What an attack calls a small group that it derived."""

import msgspec


class Leak(msgspec.Struct, frozen=True, order=True):
    """Say that a group of 1 … k−1 can be derived.

    Attributes:
        size: How many at most.
        how: What was done.
        figures: What was subtracted from what; these may name small groups, so they are for tests, not for reports.
    """

    size: int
    how: str
    figures: str
