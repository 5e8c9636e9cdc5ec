"""Draw a line as small as a word: how a site went over a period, without axis or words of its own."""

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 96
HEIGHT: Final = 24
#: So many values may be missing in a line that goes on: a weekend on which nobody is at school.
BRIDGED: Final = 2
_INSET: Final = 2


def path(values: Sequence[float | None]) -> str:
    """Return the line through *values* from 0 to the largest, as the `d` of an SVG path.

    It goes on where no more than a weekend is missing, and is broken where more are. A value between two such gaps is
    drawn as a dot.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    most = max(known) or 1
    step = (WIDTH - 2 * _INSET) / max(len(values) - 1, 1)
    strokes: list[str] = []
    upto: int | None = None
    for place, value in enumerate(values):
        if value is None:
            continue
        is_on = upto is not None and place - upto <= BRIDGED + 1
        x, y = _INSET + place * step, HEIGHT - _INSET - (HEIGHT - 2 * _INSET) * value / most
        strokes.append(f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}")
        if not is_on:
            strokes.append("h0")
        upto = place
    return "".join(strokes)
