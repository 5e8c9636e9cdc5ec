"""Draw a line as small as a word: how a site went over a period, without axis or words of its own."""

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 96
HEIGHT: Final = 24
_INSET: Final = 2


def path(values: Sequence[float | None]) -> str:
    """Return the line through *values* from 0 to the largest, as the `d` of an SVG path; broken where one is missing.

    A value between two missing ones is drawn as a dot.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    most = max(known) or 1
    step = (WIDTH - 2 * _INSET) / max(len(values) - 1, 1)
    strokes: list[str] = []
    is_on = False
    for place, value in enumerate(values):
        if value is None:
            is_on = False
            continue
        x, y = _INSET + place * step, HEIGHT - _INSET - (HEIGHT - 2 * _INSET) * value / most
        strokes.append(f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}")
        if not is_on:
            strokes.append("h0")
        is_on = True
    return "".join(strokes)
