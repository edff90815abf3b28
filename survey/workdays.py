"""Public holidays of countries and regions, as the library `holidays` knows them."""

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache

from holidays import country_holidays, list_supported_countries

from survey.refusal import Refusal, _l

NO_CALENDAR = _l('"%(code)s" is no country or region whose public holidays are known; write one like %(few)s.')
NO_REGION = _l('%(country)s has no region "%(region)s"; it has %(regions)s.')
NO_REGIONS = _l('%(country)s is known as a whole only; write %(country)s in place of "%(code)s".')
FEW = "ES, ES-MD, CL, US-CA"
YEARS_KEPT = 200  # of all countries and languages together


class CalendarUnknown(Refusal):
    """There is no calendar of public holidays under this code."""


def find_calendar(code: str) -> str:
    """The code as it is stored: "es-md" becomes "ES-MD". Raises CalendarUnknown with what can be written instead."""
    country, _, region = code.strip().partition("-")
    country = country.upper()
    if country not in _regions():
        raise CalendarUnknown(NO_CALENDAR, code=code, few=FEW)
    if not region:
        return country
    offered = regions(country)
    if not offered:
        raise CalendarUnknown(NO_REGIONS, country=country, code=code)
    for found in offered:
        if found.upper() == region.upper():
            return f"{country}-{found}"
    raise CalendarUnknown(NO_REGION, country=country, region=region, regions=", ".join(offered))


def regions(code: str) -> list[str]:
    """The regions of the country of a code, without the country: "AN", "AR" … Empty when it is known as a whole only."""
    return _regions().get(code.partition("-")[0], [])


@cache
def _regions() -> dict[str, list[str]]:
    return list_supported_countries(include_aliases=False)


def is_holiday(code: str, day: date) -> bool:
    return day in _holidays(code, day.year, None)


def holiday_name(code: str, day: date, language: str) -> str | None:
    """The name of a public holiday in `language` where the library has it, else in the country's; None on other days."""
    return _holidays(code, day.year, _offered(code, language)).get(day)


@lru_cache(YEARS_KEPT)
def _holidays(code: str, year: int, language: str | None) -> Mapping[date, str]:
    """A year is made whole before anybody sees it: the library's own table grows while it is read."""
    country, _, region = code.partition("-")
    return dict(country_holidays(country, subdiv=region or None, years=year, expand=False, language=language))


@cache
def _offered(code: str, language: str) -> str | None:
    """The form of a language ("en") that the country's names come in ("en_US"); None for the country's own."""
    offered = country_holidays(code.partition("-")[0]).supported_languages or ()
    wanted = (language, f"{language}_US", f"{language}_GB")
    forms = [form for form in wanted if form in offered]
    forms += [form for form in offered if form.startswith(f"{language}_")]
    return forms[0] if forms else None
