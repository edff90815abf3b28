"""Public holidays: which calendars there are, and what a day is called where."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from survey import workdays
from survey.workdays import CalendarUnknown, find_calendar, holiday_name, is_holiday, regions

EPIPHANY = date(2027, 1, 6)


@pytest.mark.parametrize(
    ("written", "stored"),
    [("ES", "ES"), ("es-md", "ES-MD"), (" CL ", "CL"), ("us-ca", "US-CA"), ("au-nsw western", "AU-NSW Western")],
)
def test_a_calendar_is_found_however_its_code_is_written(written: str, stored: str) -> None:
    assert find_calendar(written) == stored


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("XX", '"XX" is no country or region whose public holidays are known; write one like ES, ES-MD, CL, US-CA.'),
        ("", '"" is no country'),
        ("Spain", '"Spain" is no country'),
        ("ES-XX", 'ES has no region "XX"; it has AN, AR, AS, CB,'),
        ("CO-BOG", 'CO is known as a whole only; write CO in place of "CO-BOG".'),
    ],
)
def test_a_code_without_a_calendar_is_refused_with_what_can_be_written(written: str, said: str) -> None:
    with pytest.raises(CalendarUnknown) as refused:
        find_calendar(written)
    assert said in str(refused.value)


def test_every_calendar_fits_its_column() -> None:
    known = workdays._regions()
    assert max(len(f"{country}-{region}") for country, found in known.items() for region in found) <= 40


def test_a_region_has_days_that_the_country_has_not() -> None:
    madrid_day = date(2028, 5, 2)
    assert (is_holiday("ES-MD", madrid_day), is_holiday("ES", madrid_day)) == (True, False)


@pytest.mark.parametrize(("code", "day"), [("ES", EPIPHANY), ("CL", date(2027, 9, 18)), ("NP", date(2027, 1, 11))])
def test_a_holiday_is_one_and_the_day_after_is_not(code: str, day: date) -> None:
    assert (is_holiday(code, day), is_holiday(code, day.replace(day=day.day + 2))) == (True, False)


def test_a_holiday_that_another_year_moves_to_its_eve_is_found() -> None:
    assert is_holiday("US", date(2027, 12, 31))  # New Year's Day of 2028 is a Saturday


@pytest.mark.parametrize(
    ("code", "language", "name"),
    [
        ("ES-MD", "es", "Epifanía del Señor"),
        ("ES-MD", "en", "Epiphany"),
        ("SE", "es", "Trettondedag jul"),  # Sweden's days have no Spanish names
    ],
)
def test_a_holiday_is_named_in_the_readers_language_where_there_is_such_a_name(
    code: str, language: str, name: str
) -> None:
    assert holiday_name(code, EPIPHANY, language) == name


def test_a_day_that_is_no_holiday_has_no_name() -> None:
    assert holiday_name("ES", date(2027, 1, 7), "es") == ""


def test_a_country_may_have_regions_or_none() -> None:
    assert "MD" in regions("ES-MD")
    assert regions("CO") == regions("") == []


def test_a_year_is_whole_for_whoever_asks_first() -> None:
    workdays._holidays.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: is_holiday("ES", date(2031, 12, 25)), range(200)))
