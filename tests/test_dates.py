"""Days, months and years as files write them."""

from datetime import date

import pytest

from survey.dates import formats_of, formats_of_most, period, precision


@pytest.mark.parametrize(
    ("text", "date_format", "first", "last"),
    [
        ("3/2/2026", "%d/%m/%Y", date(2026, 2, 3), date(2026, 2, 3)),
        ("3/2/2026", "%m/%d/%Y", date(2026, 3, 2), date(2026, 3, 2)),
        ("3 de febrero de 2026", "%d de %b de %Y", date(2026, 2, 3), date(2026, 2, 3)),
        ("15 Sept. 2026", "%d %b %Y", date(2026, 9, 15), date(2026, 9, 15)),
        ("February 3, 2026", "%b %d, %Y", date(2026, 2, 3), date(2026, 2, 3)),
        ("DICIEMBRE de 2026", "%b de %Y", date(2026, 12, 1), date(2026, 12, 31)),
        ("2024-02", "%Y-%m", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025", "%Y", date(2025, 1, 1), date(2025, 12, 31)),
        ("2026-02-03T10:15:00Z", "%Y-%m-%d", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02-03 10:15", "%Y-%m-%d", date(2026, 2, 3), date(2026, 2, 3)),
        ("3/2/2026, 9:05:59 PM", "%d/%m/%Y", date(2026, 2, 3), date(2026, 2, 3)),
        ("1769000000", "unix", date(2026, 1, 21), date(2026, 1, 21)),
    ],
)
def test_a_date_is_read_as_it_is_written(text: str, date_format: str, first: date, last: date) -> None:
    assert period(text, (date_format,)) == (first, last)


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("31/02/2026", "%d/%m/%Y"),
        ("3/2/1969", "%d/%m/%Y"),
        ("mañana", "%d/%m/%Y"),
        ("2026", "unix"),
        ("99999999999999", "unix"),
        ("٣/٢/x", "%d/%m/%Y"),
        ("2026-02-03 and more", "%Y-%m-%d"),
    ],
)
def test_what_is_no_date_is_none(text: str, date_format: str) -> None:
    assert period(text, (date_format,)) is None


def test_one_day_beyond_the_twelfth_tells_days_from_months() -> None:
    assert formats_of(["3/2/2026", "12/12/2026"]) == ["%d/%m/%Y", "%m/%d/%Y"]
    assert formats_of(["3/2/2026", "13/12/2026"]) == ["%d/%m/%Y"]
    assert formats_of(["3/2/2026", "12/13/2026"]) == ["%m/%d/%Y"]
    assert formats_of(["13/2/2026", "2/13/2026"]) == formats_of(["x"]) == formats_of([]) == []


def test_a_format_tells_days_months_or_years() -> None:
    assert [precision(one) for one in ("%d de %b de %Y", "%m/%Y", "%Y", "unix")] == ["day", "month", "year", "day"]
    with pytest.raises(ValueError, match="does not tell the year"):
        precision("%d/%m")


def test_one_slip_among_many_dates_leaves_them_dates() -> None:
    assert formats_of_most(["13/2/2026"] * 9 + ["mañana"]) == ["%d/%m/%Y"]
    assert formats_of_most(["13/2/2026"] * 8 + ["mañana"]) == formats_of_most([]) == []


def test_a_long_text_is_no_date_and_is_not_looked_at() -> None:
    hours = "T1:11" * 26_000 + "\n\n"  # to look for a time of day at each T would take minutes
    assert period(hours, ("%Y-%m-%d",)) is None
    assert period("2026-02-03T10:15:00.000000+00:00", ("%Y-%m-%d",)) is not None
