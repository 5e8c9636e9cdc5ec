"""Can what stands in the chart be told from what is behind it, by day and by night?"""

import re
from importlib.resources import files

import pytest

#: Words need more than signs and lines (WCAG 2.2, 1.4.3 and 1.4.11).
WORDS, SIGNS = 4.5, 3.0
SHEET = (files("dashboard") / "static" / "turven.css").read_text("utf-8")


def tokens(scheme: str) -> dict[str, str]:
    """Return the colours of a scheme, by name."""
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", dark)) if scheme == "dark" else found


def brightness(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG has it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "card", WORDS),
        ("soft", "card", WORDS),
        ("soft", "paper", WORDS),
        ("holiday-ink", "holiday", WORDS),
        ("good", "card", WORDS),
        ("bad", "card", WORDS),
        ("accent", "card", WORDS),
        ("accent", "wash", WORDS),
        ("ink", "warn-wash", WORDS),
        ("note", "card", SIGNS),
        ("setting", "card", SIGNS),
        ("spark", "card", SIGNS),
        ("before", "card", SIGNS),
        ("holiday-ink", "card", SIGNS),
        ("accent", "holiday", SIGNS),
    ],
)
def test_what_is_in_front_stands_out(scheme: str, front: str, back: str, least: float) -> None:
    """Words and signs of the chart have the contrast that they need, in both schemes."""
    colours = tokens(scheme)
    assert contrast(colours[front], colours[back]) >= least
