"""Days, months and years as files write them, in Spanish and in English."""

import re
import time
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

FIRST_YEAR = 1970  # an earlier date is a slip
EXAMPLE_DAY = date(2017, 5, 31)  # its day, month and year cannot be mistaken for one another
MOST = 0.9  # of the texts of a column
FIRST_TEXTS = 20  # by which a format is tried at all
SECONDS = "unix"  # the format of seconds since 1970, in UTC
LONGEST = 60  # characters of a day with its time; what is longer is no date, and would take long to find out
TIME_OF_DAY = re.compile(r"(?:T|,? )\d{1,2}:\d{2}.*$")
MONTHS = {  # as strptime knows them, which speaks English here
    "ene": "Jan", "feb": "Feb", "mar": "Mar", "abr": "Apr", "may": "May", "jun": "Jun",
    "jul": "Jul", "ago": "Aug", "sep": "Sep", "set": "Sep", "oct": "Oct", "nov": "Nov", "dic": "Dec",
}  # fmt: skip
MONTH = re.compile(rf"\b({'|'.join(MONTHS)})[a-z]*\.?", re.IGNORECASE)

# What a file may be found to write, those first that cannot be mistaken for another.
FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%d/%m/%y", "%m/%d/%y"),
    *("%d de %b de %Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%b de %Y", "%b %Y", "%Y-%m", "%m/%Y", "%Y", SECONDS),
)

Period = tuple[date, date]  # first and last day, both included


def period(text: str, date_formats: tuple[str, ...]) -> Period | None:
    """The day that `text` writes, or the whole month or year where the format has no smaller part."""
    if len(text) > LONGEST:
        return None
    if ":" in text and _tell_days_alone(date_formats):
        text = TIME_OF_DAY.sub("", text)  # before it is looked up: a file has few days, and many seconds
    return _period(text, date_formats)


@lru_cache
def _tell_days_alone(date_formats: tuple[str, ...]) -> bool:
    return not any("%H" in date_format or date_format == SECONDS for date_format in date_formats)


@lru_cache(maxsize=4096)
def _period(text: str, date_formats: tuple[str, ...]) -> Period | None:
    for date_format in date_formats:
        try:
            first = _first_day(text, date_format)
        except (ValueError, OverflowError, OSError):
            continue
        if first.year >= FIRST_YEAR:
            return first, _last_day(first, date_format)
    return None


def formats_of(texts: Iterable[str]) -> list[str]:
    """The formats of FORMATS that read every one of `texts`; none when there is no text.

    >>> formats_of(["3/2/2026", "13/2/2026"]), formats_of(["3/2/2026"])
    (['%d/%m/%Y'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    left = list(FORMATS)
    found = False
    for text in texts:
        found = True
        left = [date_format for date_format in left if period(text, (date_format,))]
        if not left:
            break
    return left if found else []


def formats_of_most(texts: Sequence[str]) -> list[str]:
    """The formats that read nearly all of `texts`: a slip in one line does not make a date anything else."""
    tried = [one for one in FORMATS if any(period(text, (one,)) for text in texts[:FIRST_TEXTS])]
    return [one for one in tried if sum(period(text, (one,)) is not None for text in texts) >= MOST * len(texts)]


def _first_day(text: str, date_format: str) -> date:
    """The day that `text` writes, the first one of its month or year; raises ValueError.

    A time of day after it is passed over where the format has none, and months may be Spanish.
    """
    if date_format == SECONDS:
        if not re.fullmatch(r"\d{9,10}", text):
            raise ValueError(text)
        return datetime.fromtimestamp(int(text), UTC).date()
    if "%H" not in date_format:
        text = TIME_OF_DAY.sub("", text)
    if "%b" in date_format or "%B" in date_format:
        text = MONTH.sub(lambda month: MONTHS[month[1].lower()], text)
        date_format = date_format.replace("%B", "%b")
        text = re.sub(r"\b([A-Z][a-z]{2})[a-z]+", r"\1", text)  # January is Jan
    return date(*time.strptime(text, date_format)[:3])


def _last_day(first: date, date_format: str) -> date:
    end_of_month = first.replace(day=monthrange(first.year, first.month)[1])
    return {"day": first, "month": end_of_month, "year": date(first.year, 12, 31)}[precision(date_format)]


@lru_cache
def precision(date_format: str) -> str:
    """Whether a format tells the day, the month or the year; raises ValueError when it does not even tell the year."""
    if date_format == SECONDS:
        return "day"
    read = _first_day(EXAMPLE_DAY.strftime(date_format), date_format)
    precisions = {EXAMPLE_DAY: "day", EXAMPLE_DAY.replace(day=1): "month", EXAMPLE_DAY.replace(month=1, day=1): "year"}
    if read not in precisions:
        raise ValueError(f"{date_format} does not tell the year.")
    return precisions[read]
