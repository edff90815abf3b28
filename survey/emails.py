"""The mails: one function for each kind gives its subject and what its templates need, in the reader's language."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from math import inf
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import css_inline
from flask import Flask, render_template, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from peewee import Query

from survey import asking, duties, headlines, hindrances, outbox, reflections, releases, returns, wording
from survey.charts import to_png
from survey.company import company_summary
from survey.measure.cadence import local
from survey.measure.scale import OVERALL, SCORES
from survey.models import Department, Invitation, Message, Person, Pulse, Wave
from survey.news import hardest, telling
from survey.outbox import Compose, NotNeeded
from survey.people import leads_of
from survey.prepared import prepared
from survey.responses import as_wave
from survey.settings import Settings, locale_of
from survey.signing import SIGN_IN_MINUTES, invitation_token, reader_token, sign_in_token, subscriber_token
from survey.summaries import DepartmentSummary, LeadSummary, lead_summary
from survey.waves import MISSED
from survey.web.pictures import item_bars, practices

IN_FULL, LINES = 3, 40  # departments of a lead told whole, and in a line each: the mail stays below 100 KB
PICTURE_PIXELS = 832  # wide


@dataclass(frozen=True)
class Picture:
    cid: str
    png: bytes


@dataclass(frozen=True)
class Letter:
    """What one mail says; `values` go to the templates emails/<kind>.txt and .html."""

    subject: str
    values: dict[str, Any]
    pictures: tuple[Picture, ...] = ()
    subscriber: str = ""  # the key to how often such mails come; empty: they cannot be stopped


def composer(app: Flask, settings: Settings) -> Compose:
    """The function that writes a queued message as a mail, for outbox.deliver. It raises NotNeeded."""

    def compose(message: Message, now: int) -> EmailMessage:
        (person,) = _person(message.person_id)
        language = locale_of(settings.language_for(person.language))
        with app.test_request_context("/", base_url=settings.address), force_locale(language):
            return write(message, person, settings, now)

    return compose


@prepared
def _person(person_id: int) -> Query:
    return Person.select().where(Person.id == person_id)


def write(message: Message, person: Person, settings: Settings, now: int) -> EmailMessage:
    """The mail in the language of the page that is being made; only inside a request, or what stands in for one."""
    return _as_mail(message, person, LETTERS[message.kind](message, person, settings), settings, now)


def compose_test(app: Flask, settings: Settings, address: str, now: int) -> EmailMessage:
    """A mail that only shows that mail works."""
    with app.test_request_context("/", base_url=settings.address), force_locale(locale_of(settings.language)):
        mail = _envelope(settings, address, "", now)
        mail["Subject"] = _("Espejo can send mail")
        mail.set_content(_("This is a test mail from Espejo. If you can read it, sending works."))
        return mail


# --- One function for each kind ------------------------------------------------------------------------------------


def invitation(message: Message, person: Person, settings: Settings) -> Letter:
    """To an employee, when a wave opens."""
    values = _asked(message, person, settings)
    subject = _("How do other departments serve you? Two minutes, until %(day)s", day=values["closes"])
    return Letter(subject, values)


def reminder(message: Message, person: Person, settings: Settings) -> Letter:
    """To an employee who has not answered yet."""
    values = _asked(message, person, settings)
    return Letter(_("Still open until %(day)s: how do other departments serve you?", day=values["closes"]), values)


def summary(message: Message, person: Person, settings: Settings) -> Letter:
    """To a lead, when a wave has closed."""
    wave = _wave(message)
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
    wave = _wave(message)
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
        .where(Wave.cancel_reason == MISSED, Wave.cancelled_at == _wave(message).cancelled_at)
        .order_by(Wave.local_date)
    )
    days: dict[str, list[date]] = defaultdict(list)
    for wave in skipped:
        days[wave.pulse.key].append(wave.local_date)
    subject = ngettext("Espejo: %(num)d wave was not opened", "Espejo: %(num)d waves were not opened", len(skipped))
    return Letter(subject, {"pulses": sorted(days.items()), "address": url_for("planning.plan", _external=True)})


def unopened(message: Message, person: Person, settings: Settings) -> Letter:
    """To HR: a wave is due, but may not open until its questionnaire is mended."""
    pulse = _wave(message).pulse
    found = asking.fault(pulse.questionnaire)
    reason = wording.refusal(found) if found else _("It has been mended since, so the wave opens within a minute.")
    subject = _("Espejo: %(pulse)s cannot open its wave", pulse=pulse.key)
    return Letter(subject, {"reason": reason, "address": url_for("planning.plan", _external=True)})


def complaints(message: Message, person: Person, settings: Settings) -> Letter:
    """To a lead: clients wait for replies to their complaints. How many, never which."""
    wave = _wave(message)
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
    outbox.INVITATION: invitation,
    outbox.REMINDER: reminder,
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


def _asked(message: Message, person: Person, settings: Settings) -> dict[str, Any]:
    """What an invitation and a reminder say: about whom, until when, the personal link, and what came of earlier ones.

    `item` is what they ask at once about the first provider; none when the wave does not ask it.
    """
    wave = _wave(message)
    ((invitation_id, providers),) = _invited.raw(wave.id, person.id)
    ids = [int(provider) for provider in providers.split()]
    names = dict(_names.raw(ids))
    token, zone = invitation_token(invitation_id, settings), ZoneInfo(wave.pulse.timezone)
    before, day = releases.wave_before(wave), local(message.due_at, zone).date()
    items = asking.questionnaire_of(wave).items
    return {
        "providers": [names[provider] for provider in ids],
        "wave": wave,
        "closes": wording.day_of(wave.closes_at, wave.pulse.timezone),
        "address": url_for("respond.answer", token=token, _external=True),
        "item": next((item for item in items if item.key == OVERALL), None),
        "scores": [(score, url_for("respond.answer", token=token, overall=score, _external=True)) for score in SCORES],
        "news": returns.news(before, person.department_id, ids, day) if before else None,
        "improvements": _improvements(person, settings) if before else "",
    }


def _day(message: Message, settings: Settings) -> date:
    """The company's day on which a mail is due."""
    return local(message.due_at, ZoneInfo(settings.timezone)).date()


def _improvements(person: Person, settings: Settings) -> str:
    """The address of all that departments have done, by this person's link."""
    return url_for("returns.by_link", token=reader_token(person.id, settings), _external=True)


def _wave(message: Message) -> Wave:
    ((*found,),) = _wave_with_pulse.raw(message.wave_id)
    return as_wave(tuple(found))


@prepared
def _wave_with_pulse(wave_id: int) -> Query:
    return Wave.select(Wave, Pulse).join(Pulse).where(Wave.id == wave_id).tuples()


@prepared
def _invited(wave: int, person: int) -> Query:
    chosen = (Invitation.wave == wave) & (Invitation.person == person)
    return Invitation.select(Invitation.id, Invitation.providers).where(chosen).tuples()


@prepared
def _names(departments: Sequence[int]) -> Query:
    return Department.select(Department.id, Department.name).where(Department.id.in_(departments)).tuples()


# --- From letter to mail -------------------------------------------------------------------------------------------


def _as_mail(message: Message, person: Person, letter: Letter, settings: Settings, now: int) -> EmailMessage:
    host = urlsplit(settings.address).netloc
    values = {**letter.values, "subject": letter.subject, "person": person, "sender": settings.mail_from, "host": host}
    if letter.subscriber:
        values["choice"] = url_for("subscription.choose", token=letter.subscriber, _external=True)
    mail = _envelope(settings, person.email, person.name, now)
    mail["Subject"] = _one_line(letter.subject)
    mail["Message-ID"] = f"<{message.mail_id}@{urlsplit(settings.address).hostname}>"
    if "choice" in values:  # the mail program's own button posts to the address (RFC 8058)
        mail["List-Unsubscribe"] = f"<{values['choice']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(render_template(f"emails/{message.kind}.txt", **values))
    mail.add_alternative(_inliner().inline(render_template(f"emails/{message.kind}.html", **values)), subtype="html")
    html = cast(EmailMessage, mail.get_body(("html",)))
    for picture in letter.pictures:
        html.add_related(picture.png, "image", "png", cid=f"<{picture.cid}>", disposition="inline")
    return mail


def _envelope(settings: Settings, address: str, name: str, now: int) -> EmailMessage:
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(_one_line(settings.company), addr_spec=settings.mail_from)
    mail["To"] = Address(_one_line(name), addr_spec=address)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Auto-Submitted"] = "auto-generated"  # no holiday notice answers it (RFC 3834)
    return mail


class WholeSubjects(EmailPolicy):
    """Folds a long subject between words; Python's own way loses blanks and breaks letters with accents (3.11)."""

    def fold(self, name: str, value: str) -> str:
        if name != "Subject":
            return super().fold(name, value)
        return f"{name}: {Header(str(value), header_name=name).encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


POLICY = WholeSubjects(linesep="\r\n")


def _one_line(text: str) -> str:
    """A name or a subject as a header can hold it: without line breaks, plain or hidden in an encoded word.

    Python decodes "=?utf-8?q?=0D=0ABcc:…?=" in a name and writes the line break that it finds (RFC 2047, 3.11).
    """
    visible = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(visible.replace("=?", "= ?").split())


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
