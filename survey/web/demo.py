"""The demo's own pages: who is who, and the company's mailbox."""

import re
from dataclasses import dataclass
from email.message import EmailMessage

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from survey.demo import Mailbox
from survey.models import Department, Invitation, Leadership, Person, Wave
from survey.web.access import settings, sign_in
from survey.web.mail_view import framed
from survey.wording import language

blueprint = Blueprint("demo", __name__)

MESSAGES_SHOWN = 60
EMPLOYEES = 3  # to be, one after the other


@dataclass(frozen=True)
class Envelope:
    """A message as a line of the mailbox."""

    key: str
    to: str
    subject: str
    sent_at: int


@dataclass(frozen=True)
class Character:
    """Somebody whom a visitor may be."""

    person: Person
    department: str


def who_is_who() -> str:
    """Choose whom to be: an employee, HR or a lead."""
    return render_template("demo/who_is_who.html", employees=_employees(), hr=_hr(), leads=_leads())


@blueprint.post("/be/<int:person_id>")
def be(person_id: int) -> WerkzeugResponse:
    """Sign in as a lead or as HR, without a mailed link; whoever it is now reads the visitor's language."""
    known = {character.person.id: character.person for character in [*_hr(), *_leads()]}
    person = known.get(person_id) or abort(404)
    Person.update(language=language()).where(Person.id == person_id).execute()
    sign_in(person)
    return redirect(url_for("hr.overview" if person.role else "lead.results"))


@blueprint.get("/mailbox/")
def mailbox() -> str:
    """The company's mail, the latest first; of one person when the address says so."""
    only = request.args.get("to", "").lower()
    box = Mailbox(settings())
    keys = box.messages()
    found = [
        _envelope(key, mail)
        for key in (keys if only else keys[:MESSAGES_SHOWN])
        if (mail := box.read(key)) and only in str(mail["To"]).lower()
    ]
    return render_template(
        "demo/mailbox.html",
        envelopes=found[:MESSAGES_SHOWN],
        total=len(found) if only else len(keys),
        only=only,
        zone=settings().timezone,
    )


@blueprint.get("/mailbox/<key>")
def message(key: str) -> str:
    """One message: its head, the HTML in a frame, and the text."""
    mail = _mail_or_404(key)
    text = mail.get_body(("plain",))
    return render_template(
        "demo/message.html",
        key=key,
        envelope=_envelope(key, mail),
        text=text.get_content() if text else "",
        mail=mail,
        zone=settings().timezone,
    )


@blueprint.get("/mailbox/<key>/html")
def message_html(key: str) -> Response:
    """The HTML of a message as its reader sees it."""
    body = _mail_or_404(key).get_body(("html",)) or abort(404)
    return framed(re.sub(r"cid:([\w-]+)", rf"{url_for('.picture', key=key, cid='')}\1", body.get_content()))


@blueprint.get("/mailbox/<key>/pictures/<cid>")
def picture(key: str, cid: str) -> Response:
    """A picture that comes along with a message."""
    for part in _mail_or_404(key).walk():
        if part["Content-ID"] == f"<{cid}>":
            return Response(part.get_content(), mimetype=part.get_content_type())
    return abort(404)


def _mail_or_404(key: str) -> EmailMessage:
    return Mailbox(settings()).read(key) or abort(404)


def _envelope(key: str, mail: EmailMessage) -> Envelope:
    return Envelope(key, str(mail["To"]), str(mail["Subject"]), int(mail["Date"].datetime.timestamp()))


def _employees() -> list[Character]:
    """People without a role who are asked in the running wave and have not answered, of several departments."""
    query = (
        Person.select(Person, Department)
        .join(Department)
        .switch(Person)
        .join(Invitation, on=(Invitation.person == Person.id))
        .join(Wave)
        .where(Wave.state == "open", ~Invitation.answered, Person.role == "")
        .where(Person.id.not_in(Leadership.select(Leadership.person)))
        .order_by(Person.id)
    )
    asked = list(query)
    foreign = [person for person in asked if person.language != settings().language][:1]
    own = [person for person in asked if person.language == settings().language]
    by_department = {person.department.key: person for person in [*own, *foreign]}
    chosen = sorted(by_department.values(), key=lambda person: person not in foreign)[:EMPLOYEES]
    return [Character(person, person.department.name) for person in chosen]


def _hr() -> list[Character]:
    query = Person.select(Person, Department).join(Department).where(Person.role == "hr", Person.active)
    return [Character(person, person.department.name) for person in query]


def _leads() -> list[Character]:
    query = Leadership.select(Leadership, Person, Department).join(Person).switch(Leadership).join(Department)
    return [Character(row.person, row.department.name) for row in query.order_by(Person.id)]
