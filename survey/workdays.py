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
    """The regions of a code's country: "AN", "AR" … Empty when it is known as a whole only."""
    return _regions().get(code.partition("-")[0], [])


@cache
def _regions() -> dict[str, list[str]]:
    return list_supported_countries(include_aliases=False)


def is_holiday(code: str, day: date) -> bool:
    return day in _holidays(code, day.year, "")


def holiday_name(code: str, day: date, language: str) -> str:
    """What a public holiday is called in `language`, or in the country's own; "" on other days."""
    return _holidays(code, day.year, language).get(day, "")


@lru_cache(YEARS_KEPT)
def _holidays(code: str, year: int, language: str) -> Mapping[date, str]:
    """A year is made whole before anybody sees it: the library's own table grows while it is read."""
    country, _, region = code.partition("-")
    spoken = _form_of(language, country)
    return dict(country_holidays(country, subdiv=region or None, years=year, expand=False, language=spoken))


@cache
def _form_of(language: str, country: str) -> str | None:
    """The form of a language ("en") that the country's names come in ("en_US"), else the country's own language.

    Left to itself, the library would take the language of the server's environment.
    """
    known, (spoken, _, place) = country_holidays(country), language.partition("-")
    forms = [form for form in known.supported_languages or () if form.partition("_")[0] == spoken]
    return min(forms, key=lambda form: (form != f"{spoken}_{place or 'US'}", form), default=known.default_language)
