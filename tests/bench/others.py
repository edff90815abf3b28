"""What goes on while a wave is opened or closed: HR reads a page, and people answer another wave."""

from collections.abc import Iterator

from flask.testing import FlaskClient
from peewee import OperationalError

from survey import create_app
from survey.models import Invitation, Person, Wave, database
from survey.responses import Answer, Questions, accept
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.bench.apart import Step
from tests.cast import asked_by

PAGE, ANSWER = "page", "answer"


def others(settings: Settings, wave: Wave) -> dict[str, Step]:
    """One deed of each kind, by what it is; answers go to `wave` as long as somebody there has not answered."""
    client = signed_in(settings)
    _read(client)  # the first time compiles the page
    with database.connection_context():
        unanswered = Invitation.select(Invitation.id).where(Invitation.wave == wave, ~Invitation.answered)
        left = iter([asked_by(found) for (found,) in list(unanswered.tuples())])
    return {PAGE: lambda: _read(client), ANSWER: lambda: _answer(left)}


def signed_in(settings: Settings) -> FlaskClient:
    """HR in a browser."""
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    with database.connection_context():
        hr = Person.get(Person.role == "hr")
    client = app.test_client()
    client.post(f"/login/{sign_in_token(hr.id, hr.sign_ins, settings)}")
    return client


def _read(client: FlaskClient) -> None:
    if client.get("/hr/pulses").status_code != 200:
        raise AssertionError("HR's page is down.")


def _answer(left: Iterator[Questions]) -> None:
    """An answer that the database refuses after its time has waited that long."""
    asked = next(left, None)
    if asked is None:
        raise AssertionError("Everybody has answered the other wave; invite more.")
    with database.connection_context():
        try:
            accept(asked, [Answer(provider, {"overall": 4}) for provider in asked.provider_ids])
        except OperationalError:
            return
