"""The mails: one function for each kind gives its subject and what its templates need, in the reader's language."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from math import inf
from zoneinfo import ZoneInfo

from flask import Flask, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from peewee import Query

from survey import asking, duties, headlines, hindrances, invitations, outbox, reflections, wording
from survey.charts import to_png
from survey.company import company_summary
from survey.envelopes import Letter, Picture, content_of, from_us, message_id, sealed, sender_of, written
from survey.form_letters import FormLetter, fits
from survey.invitations import Asked
from survey.measure.cadence import local
from survey.models import MISSED, Message, Person, Pulse, Wave
from survey.news import hardest, telling
from survey.people import leads_of
from survey.prepared import prepared
from survey.sending import Compose, NotNeeded
from survey.settings import Settings, locale_of
from survey.signing import SIGN_IN_MINUTES, reader_token, sign_in_token, subscriber_token
from survey.stencils import places
from survey.summaries import DepartmentSummary, LeadSummary, lead_summary
from survey.transport import Mail
from survey.web.parts import Kept
from survey.web.pictures import item_bars, practices

IN_FULL, LINES = 3, 40  # departments of a lead told whole, and in a line each: the mail stays below 100 KB
PICTURE_PIXELS = 832  # wide


def composer(app: Flask, settings: Settings) -> Compose:
    """The function that writes a queued message as a mail, for sending.deliver. It raises NotNeeded."""
    return _Composer(app, settings).compose


class _Composer:
    """Writes mails; form letters are kept by all that they say."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._forms: Kept[FormLetter] = Kept()

    def compose(self, message: Message, now: int) -> Mail:
        (person,) = _person(message.person_id)
        to = (person.name, person.email, now, message_id(message.mail_id, self._settings))
        language = self._settings.language_for(person.language)
        if message.kind in outbox.ASKING:
            found = invitations.asked(message, person, self._settings)
            if fits(found.own):
                form = self._forms.get((language, *found.told), lambda: self._form(found, language))
                return form.filled(found.own, *to)
        with _reading(self._app, self._settings, language):
            mail = write(message, person, self._settings)
        return sealed(content_of(mail), sender_of(mail), *to)

    def _form(self, found: Asked, language: str) -> FormLetter:
        letter = replace(found, own=places(found.own))
        with _reading(self._app, self._settings, language):
            return FormLetter(written(found.kind, invitations.letter(letter), self._settings))


@contextmanager
def _reading(app: Flask, settings: Settings, language: str) -> Iterator[None]:
    """What stands in for a request of somebody who reads this language."""
    with app.test_request_context("/", base_url=settings.address), force_locale(locale_of(language)):
        yield


def _wave_of(message: Message) -> Wave:
    """The wave that a message is about, with its pulse, as it stands."""
    return Wave.select(Wave, Pulse).join(Pulse).where(Wave.id == message.wave_id).get()


@prepared
def _person(person_id: int) -> Query:
    return Person.select().where(Person.id == person_id)


def write(message: Message, person: Person, settings: Settings) -> EmailMessage:
    """The mail in the language of the page that is being made; only inside a request, or what stands in for one.

    Whom it goes to, and when, is added where it is sealed.
    """
    return written(message.kind, LETTERS[message.kind](message, person, settings), settings)


def compose_test(app: Flask, settings: Settings, address: str, now: int) -> Mail:
    """A mail that only shows that mail works."""
    with _reading(app, settings, settings.language):
        mail = from_us(_("Espejo can send mail"), settings)
        mail.set_content(_("This is a test mail from Espejo. If you can read it, sending works."))
    return sealed(content_of(mail), sender_of(mail), "", address, now)


# --- One function for each kind ------------------------------------------------------------------------------------


def asked(message: Message, person: Person, settings: Settings) -> Letter:
    """To an employee: when a wave opens, and again when there is no answer yet."""
    return invitations.letter(invitations.asked(message, person, settings))


def summary(message: Message, person: Person, settings: Settings) -> Letter:
    """To a lead, when a wave has closed."""
    wave = _wave_of(message)
    found = lead_summary(wave, leads_of(person))
    by_need = sorted(found.departments, key=_need)
    full = {department.department.id for department in by_need[:IN_FULL]}
    drawn = [department for department in by_need if department.lines][:1]
    pictures = tuple(
        Picture(f"items-{department.department.key}", to_png(item_bars(department), PICTURE_PIXELS))
        for department in drawn
    )
    others = tuple(department for department in found.departments if department.department.id not in full)
    values = {
        "summary": found,
        "full": full,
        "tables": _tables(found, others),
        "pictured": {department.department.id for department in drawn},
        "sentences": {department.department.id: headlines.sentence(department) for department in found.departments},
        "own": reflections.lead_reflections(person, wave, full),
        "theirs": reflections.reflections(wave, full),
        "telling": telling,
        "excuses": hindrances.own_excuses(person, wave, list(full)),
        "first_step": headlines.first_step(found),
        "address": url_for("lead.results", wave=wave.id, _external=True),
        "improvements": _improvements(person, settings),
        **_promising(found.wave, by_need[0] if drawn else None),
    }
    return Letter(headlines.subject(found), values, pictures, subscriber_token(person.id, settings))


def company(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR, when a wave has closed."""
    wave = _wave_of(message)
    found = company_summary(wave)
    sides = {line.item: line.gap for line in found.practices if line.gap}
    pictures = (Picture("practices", to_png(practices(sides), PICTURE_PIXELS)),) if sides else ()
    values = {
        "summary": found,
        "news": headlines.company_sentence(found),
        "sides": sides,
        "address": url_for("hr.overview", wave=wave.id, _external=True),
        "gaps": url_for("hr.gap", wave=wave.id, _external=True),
        "people": url_for("staff.people", _external=True),
    }
    return Letter(
        headlines.company_subject(found, settings.company), values, pictures, subscriber_token(person.id, settings)
    )


def missed(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR: the waves, of all pulses, whose day passed while nothing was running, and that were skipped together."""
    skipped = (
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(Wave.cancel_reason == MISSED, Wave.cancelled_at == _wave_of(message).cancelled_at)
        .order_by(Wave.local_date)
    )
    days: dict[str, list[date]] = defaultdict(list)
    for wave in skipped:
        days[wave.pulse.key].append(wave.local_date)
    subject = ngettext("Espejo: %(num)d wave was not opened", "Espejo: %(num)d waves were not opened", len(skipped))
    return Letter(subject, {"pulses": sorted(days.items()), "address": url_for("planning.plan", _external=True)})


def unopened(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR: a wave is due, but may not open until its questionnaire is mended."""
    pulse = _wave_of(message).pulse
    found = asking.fault(pulse.questionnaire)
    reason = wording.refusal(found) if found else _("It has been mended since, so the wave opens within a minute.")
    subject = _("Espejo: %(pulse)s cannot open its wave", pulse=pulse.key)
    return Letter(subject, {"reason": reason, "address": url_for("planning.plan", _external=True)})


def complaints(message: Message, person: Person, settings: Settings) -> Letter:
    """To a lead: clients wait for replies to their complaints. How many, never which."""
    wave = _wave_of(message)
    waiting = duties.waiting_for(person, wave, message.due_at)
    if not waiting:
        raise NotNeeded(outbox.SETTLED)
    total = sum(found.clock.waiting for found in waiting)
    subject = ngettext(
        "%(departments)s: %(num)d complaint waits for your reply",
        "%(departments)s: %(num)d complaints wait for your reply",
        total,
        departments=wording.listed([found.department.name for found in waiting]),
    )
    values = {
        "wave": wave,
        "waiting": waiting,
        "total": total,
        "waited": waiting[0].clock.waited,
        "within": settings.reply_days,
        "is_last": message.sequence == duties.RECALLS,
        "address": url_for("lead.results", wave=wave.id, _external=True),
    }
    return Letter(subject, values, subscriber=subscriber_token(person.id, settings))


def promises(message: Message, person: Person, settings: Settings) -> Letter:
    """To a lead: promises are due in a few days, and what is late already. To HR about departments without a lead."""
    found = duties.due_for(person, duties.day_of(message.sequence), _day(message, settings))
    soon = found.own + found.orphaned
    if not soon:
        raise NotNeeded(outbox.SETTLED)
    day = wording.day(min(row.commitment.due_on for row in soon))
    subject = ngettext(
        "A promise is due on %(day)s", "%(num)d promises are due, the first on %(day)s", len(soon), day=day
    )
    page = "lead.results" if found.own else "staff.people"
    values = {"due": found, "address": url_for(page, _external=True)}
    return Letter(subject, values, subscriber=subscriber_token(person.id, settings) if found.own else "")


def overdue(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR: promises whose day has passed, and who leads the departments that made them."""
    late = duties.late_on(duties.day_of(message.sequence), _day(message, settings))
    if not late:
        raise NotNeeded(outbox.SETTLED)
    subject = ngettext("Espejo: %(num)d promise is late", "Espejo: %(num)d promises are late", len(late))
    return Letter(subject, {"late": late, "address": url_for("hr.overview", _external=True)})


def sign_in(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR or a lead who asked for it: a link that signs in once."""
    token = sign_in_token(person.id, person.sign_ins, settings)
    address = url_for("account.offer_sign_in", token=token, _external=True)
    return Letter(_("Your link to sign in to Espejo"), {"address": address, "minutes": SIGN_IN_MINUTES})


LETTERS: dict[str, Callable[[Message, Person, Settings], Letter]] = {
    outbox.INVITATION: asked,
    outbox.REMINDER: asked,
    outbox.SUMMARY: summary,
    outbox.COMPANY: company,
    outbox.MISSED: missed,
    outbox.UNOPENED: unopened,
    outbox.COMPLAINTS: complaints,
    outbox.PROMISES: promises,
    outbox.OVERDUE: overdue,
    outbox.SIGN_IN: sign_in,
}


def _need(found: DepartmentSummary) -> tuple[bool, float]:
    """What sorts departments by how much is to be done: the hardest practice first, those without figures last."""
    line = hardest(found)
    return not found.lines, line.figure.mean if line else inf


def _tables(
    found: LeadSummary, others: Sequence[DepartmentSummary]
) -> list[tuple[str, Sequence[DepartmentSummary], int]]:
    """(heading, departments told in a line each, how many more): others of one's own, and those of each division."""
    tables = [(_("Your other departments"), others)] if others else []
    room, shown = LINES, []
    for heading, parts in tables + [(division.division.name, division.departments) for division in found.divisions]:
        shown.append((heading, parts[:room], len(parts[room:])))
        room -= len(parts[:room])
    return shown


def _promising(wave: Wave, most: DepartmentSummary | None) -> dict[str, str]:
    """The step after reading, and where it is done: in the department that has most to do; nothing without one."""
    if most is None:
        return {}
    anchor = f"commitments-{most.department.key}"
    address = url_for("lead.results", wave=wave.id, _anchor=anchor, _external=True)
    return {"second_step": headlines.second_step(most), "promise": address}


def _day(message: Message, settings: Settings) -> date:
    """The company's day on which a mail is due."""
    return local(message.due_at, ZoneInfo(settings.timezone)).date()


def _improvements(person: Person, settings: Settings) -> str:
    """The address of all that departments have done, by this person's link."""
    return url_for("returns.by_link", token=reader_token(person.id, settings), _external=True)
