"""The company's colour, and whether it can be seen and read on (WCAG 2.2, success criteria 1.4.3 and 1.4.11).

A colour is written "#0f766e": red, green and blue, each 00 to ff.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

WHITE, BLACK = "#ffffff", "#000000"
PAPER = "#faf8f4"  # what buttons stand on by day: the darker of page and card, which asks more of a colour
NIGHT = "#1c2329"  # and in dark mode: the lighter of the two
TEXT_CONTRAST = 4.5  # to 1, of words against what is behind them
EDGE_CONTRAST = 3.0  # to 1, of a button against what it stands on
STEPS = 100  # from a colour to white or black

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def is_colour(text: str) -> bool:
    return bool(_COLOUR.fullmatch(text))


def luminance(colour: str) -> float:
    """How bright a colour is, from 0 (black) to 1 (white): WCAG 2.2, "relative luminance".

    By hand, for #ff8000: red 255 is 1, green 128 is ((128/255 + 0.055) / 1.055)^2.4 = 0.2159, blue is 0, so the
    luminance is 0.2126·1 + 0.7152·0.2159 + 0.0722·0 = 0.3670.

    >>> round(luminance("#ff8000"), 4)
    0.367
    """
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 (none) to 21 (black and white): WCAG 2.2, "contrast ratio".

    By hand, #ff8000 on black: (0.3670 + 0.05) / (0 + 0.05) = 8.34.

    >>> round(contrast("#ff8000", "#000000"), 2), round(contrast("#000000", "#ffffff"), 2)
    (8.34, 21.0)
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(colour: str) -> str:
    """The colour of words on `colour`: white where it can be read, else black.

    One of the two always can: at worst both have the same contrast, which is √21 = 4.58 to 1.

    >>> text_on("#0f766e"), text_on("#ff8000")
    ('#ffffff', '#000000')
    """
    return WHITE if contrast(WHITE, colour) >= TEXT_CONTRAST else BLACK


def shade_against(colour: str, ground: str) -> str:
    """`colour`, or the shade nearest to it that stands out from `ground`: a darker one by day, a lighter one by night.

    By hand, black on black: t hundredths of the way to white are t·255/100, rounded; the first whose contrast reaches 3
    is t = 36, #5c5c5c, with (0.1070 + 0.05) / 0.05 = 3.14.

    >>> shade_against("#000000", "#000000"), shade_against("#0f766e", "#faf8f4")
    ('#5c5c5c', '#0f766e')
    """
    pole = max(WHITE, BLACK, key=lambda end: contrast(end, ground))
    shades = (_mix(colour, pole, step / STEPS) for step in range(STEPS + 1))
    return next(shade for shade in shades if contrast(shade, ground) >= EDGE_CONTRAST)


@dataclass(frozen=True)
class Look:
    """The company's colour and the words on it, by day and in dark mode."""

    colour: str
    text: str
    night_colour: str
    night_text: str

    @property
    def css(self) -> str:
        """The rules that give the colours to a page, as custom properties. They hold nothing but these four."""
        return (
            f":root{{--company:{self.colour};--on-company:{self.text}}}"
            "@media(prefers-color-scheme:dark)"
            f"{{:root{{--company:{self.night_colour};--on-company:{self.night_text}}}}}"
        )

    @property
    def css_digest(self) -> str:
        """What a Content-Security-Policy calls these rules."""
        digest = hashlib.sha256(self.css.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


def look(colour: str) -> Look:
    """How a company of this colour looks. In dark mode the colour is lightened where it would sink into the page."""
    by_day, by_night = colour.lower(), shade_against(colour.lower(), NIGHT)
    return Look(by_day, text_on(by_day), by_night, text_on(by_night))


def fault(colour: str) -> str | None:
    """Why a company cannot have this colour, and which one it can have; None when it can."""
    if not is_colour(colour):
        return f'"{colour}" is no colour; write # and six hexadecimal digits, like #0f766e.'
    if (found := contrast(colour, PAPER)) >= EDGE_CONTRAST:
        return None
    return (
        f'"{colour}" has a contrast of {floor(100 * found) / 100:.2f} to 1 against the page ({PAPER}), and a button '
        f"needs {EDGE_CONTRAST:g} to 1; write a darker colour, like {shade_against(colour, PAPER)}."
    )


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _mix(colour: str, pole: str, share: float) -> str:
    """`share` (0–1) of the way from `colour` to `pole`."""
    return _hex(round(own + share * (end - own)) for own, end in zip(_parts(colour), _parts(pole), strict=True))


def _hex(parts: Iterable[int]) -> str:
    return f"#{bytes(parts).hex()}"
