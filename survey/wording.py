"""Figures, dates and names in the reader's language: one wording for pages and mails alike."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from survey import commitments, outbox
from survey.asking import questionnaire_of
from survey.commitments import CommitmentRow
from survey.measure.cadence import Occurrence, Why, local
from survey.measure.disclosure import Change, Figure
from survey.models import Pulse, Wave
from survey.questionnaire import DEFAULT, QuestionnaireError, load_questionnaire
from survey.refusal import OneOf, Refusal
from survey.releases import Clients
from survey.returns import SinceLastTime
from survey.settings import code_of
from survey.summaries import DepartmentSummary
from survey.turnout import Participation
from survey.workdays import holiday_name

MINUS = "\N{MINUS SIGN}"
KEPT = 4096  # numbers whose digits are remembered as they are written in a language


def item_name(item: str) -> str:
    """The item in a word or two, for tables."""
    return {
        "promises": _("Keeps promises"),
        "diligence": _("Acts promptly"),
        "flexibility": _("Adapts"),
        "openness": _("Takes criticism"),
        "improvement": _("Improves"),
        "overall": _("All in all"),
    }[item]


def item_text(item: str, wave: Wave | None = None) -> str:
    """The item as it was asked in `wave`; in the words of Espejo's own questionnaire where it was not, or in none."""
    return _own_text(item, wave) or load_questionnaire(DEFAULT).text_of(item, language()) or item_name(item)


def _own_text(item: str, wave: Wave | None) -> str | None:
    """The words of the wave's own questionnaire; none when it did not ask the item, or when its file is gone."""
    try:
        return questionnaire_of(wave).text_of(item, language()) if wave else None
    except QuestionnaireError:
        return None


def kind_heading(kind: str) -> str:
    """The heading over comments of one kind."""
    return {"thanks": _("Thanks"), "complaint": _("Complaints"), "suggestion": _("Suggestions")}[kind]


def comment_title(kind: str, department: str) -> str:
    """What a comment is, for its writer."""
    return {
        "thanks": _("Thanks to %(department)s", department=department),
        "complaint": _("Complaint about %(department)s", department=department),
        "suggestion": _("Suggestion for %(department)s", department=department),
    }[kind]


def message_state_name(state: str) -> str:
    return {
        "pending": _("waiting"),
        "sending": _("being sent"),
        "sent": _("sent"),
        "retry": _("to be tried again"),
        "dead": _("refused for good"),
        "dropped": _("no longer needed"),
    }[state]


def message_kind_name(kind: str) -> str:
    return {
        outbox.INVITATION: _("invitation"),
        outbox.REMINDER: _("reminder"),
        outbox.SUMMARY: _("summary for a lead"),
        outbox.COMPANY: _("summary for HR"),
        outbox.MISSED: _("notice to HR"),
        outbox.UNOPENED: _("notice to HR"),
        outbox.COMPLAINTS: _("reminder of complaints"),
        outbox.PROMISES: _("reminder of promises"),
        outbox.OVERDUE: _("notice to HR"),
        outbox.SIGN_IN: _("sign-in link"),
    }[kind]


def not_sent_reason(reason: str) -> str:
    """Espejo's own reasons in the reader's language; a mail server's reply as it came."""
    return {
        outbox.ANSWERED: _("the person has answered"),
        outbox.WAVE_CLOSED: _("the wave is no longer open"),
        outbox.LEFT: _("the person is no longer active"),
        outbox.OTHER_DUTY: _("the person no longer leads, or works for HR"),
        outbox.EXPIRED: _("it had become pointless"),
        outbox.MENDED: _("what it tells of has been mended"),
        outbox.SETTLED: _("what it recalls has been done"),
        outbox.UNWRITABLE: _("the mail could not be written or handed over; see the log"),
    }.get(reason, reason)


def comment_counts(summary: DepartmentSummary) -> str:
    """How many comments of each kind there are, or why none are shown."""
    if summary.comments is None:
        return _("Comments are shown when ten or more people rated a department, so that style gives nobody away.")
    if not summary.comments:
        return _("Nobody left a comment in this wave.")
    counts = summary.comment_counts
    parts = [
        ngettext("%(num)d complaint", "%(num)d complaints", counts["complaint"]) if counts["complaint"] else "",
        ngettext("%(num)d suggestion", "%(num)d suggestions", counts["suggestion"]) if counts["suggestion"] else "",
        ngettext("%(num)d thank-you", "%(num)d thank-yous", counts["thanks"]) if counts["thanks"] else "",
    ]
    return _("Comments: %(kinds)s.", kinds=", ".join(part for part in parts if part))


def cadence_name(key: str) -> str:
    """The name of a cadence; one that was added to schedules/cadences is shown by its key."""
    return {
        "weekly": _("weekly"),
        "fortnightly": _("fortnightly"),
        "monthly": _("monthly"),
        "quarterly": _("quarterly"),
        "half-yearly": _("half-yearly"),
        "first-tuesday": _("on the first Tuesday of the month"),
        "last-friday": _("on the last Friday of the month"),
    }.get(key, key)


def moved(coming: Occurrence, pulse: Pulse) -> str:
    """Why a wave opens on another day than its cadence says; nothing when it does not."""
    if coming.why is None:
        return ""
    from_day = day(coming.own_day)
    if coming.why is Why.HOLIDAY:
        name = holiday_name(pulse.holidays, coming.own_day, language())
        return _("moved from %(day)s: %(holiday)s", day=from_day, holiday=name)
    return {
        Why.WEEKEND: _("moved from %(day)s, a weekend", day=from_day),
        Why.BLACKOUT: _("moved from %(day)s, one of your days off", day=from_day),
        Why.TAKEN: _("moved from %(day)s, the day of another wave", day=from_day),
        Why.CHOSEN: _("moved by hand from %(day)s", day=from_day),
        Why.PAST: _("moved from %(day)s, which had passed", day=from_day),
        Why.REST: _("moved from %(day)s, so that nobody is asked too soon again", day=from_day),
    }[coming.why]


def commitment_state(row: CommitmentRow) -> str:
    """How far a commitment is, and when it ended or should."""
    found = row.commitment
    if row.state == commitments.DROPPED:
        return _("dropped on %(day)s: %(reason)s", day=day(found.ended_on), reason=found.reason)
    return {
        commitments.OPEN: _("promised by %(day)s", day=day(found.due_on)),
        commitments.LATE: _("promised by %(day)s, and late", day=day(found.due_on)),
        commitments.DONE: _("done on %(day)s", day=day(found.ended_on or found.due_on)),
    }[row.state]


def commitment_credit(row: CommitmentRow) -> str:
    """Who is to be thanked for a commitment; empty when it names nobody."""
    if row.clients:
        names = listed(row.clients)
        if row.commitment.suggestion_id:
            return _("thanks to a suggestion, and to %(departments)s", departments=names)
        return _("thanks to %(departments)s", departments=names)
    return _("thanks to a suggestion") if row.commitment.suggestion_id else ""


def promise_heading(state: str) -> str:
    """The heading over commitments in one state: a promise is no deed."""
    return {
        commitments.DONE: _("Done"),
        commitments.OPEN: _("Promised, and still in time"),
        commitments.LATE: _("Promised, and late"),
    }[state]


SOUNDS_LIKE_Y = re.compile(r"h?(?:i(?![aeoáéó])|í)", re.IGNORECASE)  # "hierro" begins with another sound


def listed(names: Sequence[str]) -> str:
    """ "Sales, Finance and IT"; in Spanish "y" is "e" before its own sound: "Ventas e Ingeniería"."""
    told = format_list(names, locale=get_locale())
    if language() == "es" and len(names) > 1 and SOUNDS_LIKE_Y.match(names[-1]):
        return f"{told.removesuffix(f' y {names[-1]}')} e {names[-1]}"
    return told


def some(names: Sequence[str], most: int = 5) -> str:
    """ "Ana, Luis and 3 more", when there are more than `most`."""
    rest = len(names) - most
    if rest <= 0:
        return listed(names)
    return listed([*names[:most], ngettext("%(num)d more", "%(num)d more", rest)])


def since_last_time(found: SinceLastTime) -> str:
    """What has changed, in one sentence."""
    if found.commitment:
        return news(found.commitment)
    if found.risen:
        risen = found.risen.name
        return _("In the last wave, the clients of %(department)s said that it serves them better.", department=risen)
    if found.is_first:
        return _("When this wave closes, the departments say what they will change; next time you read it here.")
    return _("Since last time, the departments you work with have reported nothing new.")


def news(row: CommitmentRow) -> str:
    """A commitment as one sentence for those that it was made to."""
    found = row.commitment
    if row.state == commitments.DONE:
        return _("You said, %(department)s did: “%(text)s”", department=found.provider.name, text=found.text)
    return _(
        "You said, and %(department)s has promised by %(day)s: “%(text)s”",
        department=found.provider.name,
        day=day(found.due_on),
        text=found.text,
    )


def refusal(found: Refusal) -> str:
    """Why something is not done, in the reader's language."""
    return sentence(found.text, found.values)


def sentence(text: str, values: Mapping[str, object]) -> str:
    """A sentence and what its placeholders stand for, in the reader's language."""
    return _(text, **{name: _told(value) for name, value in values.items()})


def _told(value: object) -> object:
    if isinstance(value, OneOf):
        return format_list(value, style="or", locale=date_locale())
    return day(value) if isinstance(value, date) else value


def mean(figure: Figure | None) -> str:
    """ "68", or "≈ 70" when it is only known to the nearest 5, or a dash."""
    if figure is None:
        return "–"
    return f"≈ {figure.mean}" if figure.approximate else str(figure.mean)


def interval(ends: tuple[int, int] | None) -> str:
    return _interval(*ends, get_locale()) if ends else ""


@lru_cache(maxsize=KEPT)
def _interval(low: int, high: int, _in: Locale) -> str:
    """A page of sixty departments writes five hundred of them."""
    return _("%(low)s to %(high)s", low=number(low), high=number(high))


def number(value: int) -> str:
    """A whole number in the reader's locale, with a true minus sign."""
    return _grouped(value, get_locale()).replace("-", MINUS)


@lru_cache(maxsize=KEPT)
def _grouped(value: int, locale: Locale) -> str:
    """A page of sixty departments writes a thousand numbers, most of them below a hundred."""
    return format_decimal(value, locale=locale)


def signed(value: int) -> str:
    """A difference: "+6", "−6", "0"."""
    return f"+{value}" if value > 0 else number(value)


def change(found: Change | None, stands_out: bool = True) -> str:
    """What changed, in words that do not need a colour; in a list of many, only what `stands_out` among them."""
    if found is None:
        return ""
    if not (found.is_real and stands_out):
        return _("no clear change")
    if found.points > 0:
        return _("up %(points)s", points=found.points)
    return _("down %(points)s", points=-found.points)


def too_few(practices: int) -> str:
    """Why a row of a table has no figure all in all, where so many practices have one."""
    if not practices:
        return _("too few answers to show")
    return ngettext(
        "no figure all in all; there is one for %(num)d practice",
        "no figure all in all; there are figures for %(num)d practices",
        practices,
    )


def percent(share: float) -> str:
    """A share (0–1) in whole percent."""
    return _percent(share, get_locale())


@lru_cache(maxsize=KEPT)
def _percent(share: float, locale: Locale) -> str:
    """A page of sixty departments with a dozen links each writes seven hundred of them, most of them the same."""
    return format_percent(share, locale=locale)


def small_percent(share: float) -> str:
    """A share (0–1) in percent with one digit more: "0.4 %"."""
    return format_percent(share, "0.0 %", get_locale()) if share < 0.1 else percent(share)


def missing_name(reason: str) -> str:
    """What is missing where a department serves badly."""
    return {"attitude": _("Attitude"), "means": _("Means"), "both": _("Both")}[reason]


def people(band: tuple[int, int | None]) -> str:
    """A band of people: "10 to 19", "100 or more"."""
    first, last = band
    if last is None:
        return _("%(first)s or more", first=first)
    return _("%(first)s to %(last)s", first=first, last=last)


def client_names(clients: Clients) -> str:
    if clients.others:
        return _("Other departments")
    return ", ".join(clients.departments)


def answered(found: Participation) -> str:
    return _("%(answered)s of %(invited)s", answered=found.answered, invited=found.invited)


def masked(name: str) -> str:
    """Enough of a name for its owner, and too little for whoever the mail was forwarded to.

    >>> masked("Lucía García de la Torre-Ruiz")
    'L… G… d… l…'

    Signs that are no letters or digits show nothing; of a name of many parts the first four count.
    """
    initials = [next(filter(str.isalnum, part), "") for part in name.split()]
    return " ".join(f"{initial}…" for initial in [initial for initial in initials if initial][:4])


def day(value: date | datetime) -> str:
    """ "martes 3 de marzo", with the year when it is not this one's."""
    this_year = value.year == datetime.now(UTC).year
    # Translators: a date pattern of CLDR; in Spanish "EEEE d 'de' MMMM".
    pattern = _("EEEE d MMMM") if this_year else _("EEEE d MMMM y")
    return format_date(value, pattern, locale=get_locale())


def short_day(value: date) -> str:
    """ "3 mar 2026", for tables."""
    return _short_day(value.date() if isinstance(value, datetime) else value, date_locale())


@lru_cache(maxsize=KEPT)
def _short_day(value: date, locale: Locale) -> str:
    return format_skeleton("yMMMd", value, locale=locale)


def date_locale() -> Locale:
    """The reader's locale; of English the British one, so that short days read like the long ones: "3 March"."""
    locale = get_locale()
    return Locale("en", "GB") if str(locale) == "en" else locale


def day_of(second: int, zone: str) -> str:
    """The local day of an instant."""
    return day(local(second, ZoneInfo(zone)))


def moment(second: int, zone: str) -> str:
    """The local day and time of an instant."""
    then = local(second, ZoneInfo(zone))
    return _("%(day)s at %(time)s", day=day(then), time=format_skeleton("Hm", then, locale=get_locale()))


def plan_moment(second: int, zone: str, skeleton: str = "MMMEd") -> str:
    """ "mar, 3 mar, 9:00", for plans."""
    then, locale = local(second, ZoneInfo(zone)), date_locale()
    return f"{format_skeleton(skeleton, then, locale=locale)}, {format_skeleton('Hm', then, locale=locale)}"


def plan_moment_with_year(second: int, zone: str) -> str:
    """ "mar, 3 mar 2026, 9:00", for plans."""
    return plan_moment(second, zone, "yMMMEd")


def period(starts_on: date, ends_on: date) -> str:
    if starts_on == ends_on:
        return short_day(starts_on)
    return _("%(first)s to %(last)s", first=short_day(starts_on), last=short_day(ends_on))


def language() -> str:
    """The language of what is being written, as pages name it: "es", "pt-BR"."""
    return code_of(get_locale())


FILTERS = {
    "masked": masked,
    "answered": answered,
    "cadence_name": cadence_name,
    "change": change,
    "comment_counts": comment_counts,
    "commitment_credit": commitment_credit,
    "commitment_state": commitment_state,
    "comment_title": comment_title,
    "client_names": client_names,
    "day": day,
    "day_of": day_of,
    "interval": interval,
    "item_name": item_name,
    "item_text": item_text,
    "kind_heading": kind_heading,
    "listed": listed,
    "mean": mean,
    "message_state_name": message_state_name,
    "message_kind_name": message_kind_name,
    "moment": moment,
    "missing_name": missing_name,
    "moved": moved,
    "news": news,
    "not_sent_reason": not_sent_reason,
    "number": number,
    "people": people,
    "percent": percent,
    "promise_heading": promise_heading,
    "plan_moment": plan_moment,
    "plan_moment_with_year": plan_moment_with_year,
    "short_day": short_day,
    "signed": signed,
    "since_last_time": since_last_time,
    "some": some,
    "too_few": too_few,
}
GLOBALS = {"period": period}
