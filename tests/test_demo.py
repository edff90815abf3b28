"""The demo: the same company every time, with something to show in every picture."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask.testing import FlaskClient

from survey import (
    complaints,
    create_app,
    demo,
    demo_conversation,
    findings,
    links,
    matrices,
    pulses,
    receipts,
    releases,
)
from survey.measure.cadence import SATURDAY, DaysOff, Timetable, local
from survey.measure.gaps import State
from survey.models import (
    TABLES,
    Department,
    ExternalTally,
    Invitation,
    Leadership,
    Message,
    Person,
    Rated,
    Rating,
    Tally,
    Wave,
    database,
)
from survey.outbox import INVITATION, OF_A_DAY, OVERDUE, PROMISES
from survey.settings import Settings
from survey.transport import Mail
from survey.web import access
from survey.workdays import is_holiday
from tests.cast import DAY
from tests.filled import MAILS, NOW, company, fill, filled

__all__ = ["company", "filled"]  # fixtures

pytestmark = pytest.mark.slow  # to fill it takes seconds

PICTURES = ["/hr/gap", "/hr/gap?item=promises", "/hr/departments/ventas", "/hr/departments/legal"]


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def visitor(company: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Somebody who looks around."""
    app = create_app(company, demo=True)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    monkeypatch.setattr(access.limiter, "enabled", False)
    return app.test_client()


def counts() -> dict[str, int]:
    return {table.__name__: table.select().count() for table in TABLES}


# --- The company ---------------------------------------------------------------------------------------------------


def test_the_company_has_the_size_that_its_front_page_tells(company: Settings) -> None:
    staffed = {person.department_id for person in Person.select()}
    assert len(staffed) == 12
    assert Person.select().count() == 200
    assert {row.department_id for row in Leadership.select()} == staffed
    assert {row.parent_id for row in Department.select() if row.id in staffed}.isdisjoint({None, *staffed})
    assert Person.select().where(Person.role == "hr").count() == 1


def test_a_complaint_has_been_replied_to_and_its_writer_has_answered(company: Settings) -> None:
    said = releases.comments(releases.released_waves()[0], [department.id for department in Department.select()])
    threads = receipts.threads(comment for comments in said.values() for comment in comments)
    (told,) = [thread for thread in threads.values() if any(message.by_client for message in thread.messages)]
    assert [(message.by_client, message.text) for message in told.messages] == [
        (False, demo_conversation.REPLY),
        (True, demo_conversation.ANSWER),
    ]
    assert told.messages[0].replied_on
    assert str(told.messages[0].replied_on) < "2026-11-20"


def test_complaints_are_answered_in_time_or_late_and_some_wait(company: Settings) -> None:
    released = releases.released_waves()
    (latest, *earlier) = complaints.clocks_until(released[0], released, NOW, len(released)).company
    assert latest
    assert latest.total > latest.answered > latest.in_time(5) > 0
    assert sum(clock.answered for clock in earlier if clock) > 5
    assert len({clock.percent_in_time(5) for clock in earlier if clock}) > 2


def test_a_promise_is_due_and_one_is_late_and_their_mails_are_on_the_way(company: Settings) -> None:
    mails = Message.select(Message.kind, Message.sequence).where(Message.kind.in_(OF_A_DAY)).tuples()
    assert sorted(mails) == [(kind, datetime.fromtimestamp(NOW, UTC).toordinal()) for kind in (OVERDUE, PROMISES)]


def test_links_are_suggested_from_what_people_added(company: Settings) -> None:
    suggested = {(one.provider.name, *(client.name for client in one.clients)) for one in links.suggestions()}
    assert {("Almacén", "Ventas"), ("Logística", "Marketing")} <= suggested


def test_eight_waves_are_released_and_one_is_open(company: Settings) -> None:
    waves = [(wave.occurrence, wave.state) for wave in Wave.select().order_by(Wave.occurrence)]
    assert waves == [*((number, "closed") for number in range(8)), (8, "open"), (9, "planned")]
    assert len(releases.released_waves()) == 8
    assert releases.altered() == []


def test_the_open_wave_opened_some_days_ago_and_lasts_some_more(company: Settings) -> None:
    wave = Wave.get(Wave.state == "open")
    assert wave.opens_at < NOW < wave.closes_at
    answered = Invitation.select().where(Invitation.wave == wave, Invitation.answered).count()
    assert 0 < answered < 100
    assert 2 * answered < Rating.select().count() < 3 * answered  # a few had no dealings with somebody


def test_whenever_it_is_filled_a_wave_is_open_that_opened_on_a_working_day() -> None:
    off = DaysOff(partial(is_holiday, demo.HOLIDAYS))
    for now in range(NOW, NOW + 365 * DAY, DAY):
        plan = Timetable(pulses.load_cadence("quarterly"), demo._first_day(now), 0, ZoneInfo(demo.ZONE), off)
        wave = next(plan.ahead(demo.WAVES_OF_HISTORY))
        assert off.is_working_day(wave.day)
        assert wave.schedule.opens_at < now - 2 * DAY
        assert wave.schedule.closes_at > now + 5 * DAY


def test_waves_open_on_working_days_and_close_on_no_weekend(company: Settings) -> None:
    for wave in Wave.select():
        opens, closes = (local(moment, ZoneInfo(demo.ZONE)).date() for moment in (wave.opens_at, wave.closes_at))
        assert max(opens.weekday(), closes.weekday()) < SATURDAY
        assert not is_holiday(demo.HOLIDAYS, opens)


def test_its_mail_is_about_the_open_wave_alone(company: Settings) -> None:
    """Nobody wants the mail of two years in the mailbox."""
    wave = Wave.get(Wave.state == "open")
    assert Message.select().where(Message.kind == INVITATION, Message.wave == wave).count() == 200
    waiting = Message.state.in_(["pending", "retry", "sending"]) & Message.kind.not_in(OF_A_DAY)
    assert not Message.select().where(Message.wave != wave, waiting).exists()
    assert len(demo.Mailbox(company).messages()) == MAILS


def test_there_are_departments_with_and_without_customers_and_at_least_one_facade(company: Settings) -> None:
    rows = [row for row in releases.gaps(releases.released_waves()[0]) if row.item == "overall"]
    states = {row.department.name: row.gap.state for row in rows}
    assert states["Ventas"] is State.FACADE
    assert len(set(states.values())) >= 3
    assert {row.department.name for row in rows if row.outside and row.outside.attributed} == {"Almacén"}
    assert any(row.outside is None for row in rows)
    assert ExternalTally.select().count() > 0


def test_departments_differ_and_something_changed_since_the_last_wave(company: Settings) -> None:
    results = releases.provider_results(releases.released_waves()[0])
    means = [result.figures["overall"].mean for result in results if result.figures]
    assert len(means) >= 10
    assert max(means) - min(means) >= 15
    assert any(result.changes["overall"].is_real for result in results if "overall" in result.changes)


def test_one_department_is_served_badly_by_one_other(company: Settings) -> None:
    (found,) = findings.badly_served(releases.released_waves()[0]).found
    assert (found.clients.departments, found.provider.name) == (("Logística",), "Ventas")


def test_comments_are_never_said_twice_about_one_department(company: Settings) -> None:
    found = releases.comments(releases.released_waves()[0], {row.id for row in Department.select()})
    assert sum(len(comments) for comments in found.values() if comments) > 50
    for comments in found.values():
        texts = [comment.text for comment in comments or ()]
        assert len(texts) == len(set(texts))


# --- The same every time -------------------------------------------------------------------------------------------


def test_filling_it_again_changes_nothing(company: Settings) -> None:
    before = counts()
    demo.fill(company, NOW + 3600, lambda moment: pytest.fail("Nothing is left to deliver."))
    assert counts() == before


def test_the_same_seed_and_day_make_the_same_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WAVES_OF_HISTORY", 1)
    monkeypatch.setattr(demo, "CUSTOMERS", 40)

    def content(home: str, now: int) -> list[object]:
        fill(tmp_path / home, now)
        columns = (Tally.wave, Tally.provider, Tally.client_group, Tally.item, Tally.n1, Tally.n3, Tally.n5)
        with database.connection_context():
            return [
                list(Person.select(Person.email, Person.name, Person.department).order_by(Person.id).tuples()),
                sorted(Tally.select(*columns).tuples()),
                sorted(Rated.select().tuples()),
                sorted(ExternalTally.select(ExternalTally.touchpoint, ExternalTally.points, ExternalTally.n).tuples()),
                Rating.select().count(),
            ]

    assert content("one", NOW) == content("two", NOW + 60)


# --- What is seen --------------------------------------------------------------------------------------------------


def be(visitor: FlaskClient, person: Person) -> None:
    assert visitor.post(f"/be/{person.id}").status_code == 302


def drawn(page: str) -> int:
    """How many marks stand in the page's pictures."""
    pictures = re.findall(r'<svg class="chart".*?</svg>', page, re.DOTALL)
    return sum(len(re.findall(r"<circle|<rect class=\"inside|<path", picture)) for picture in pictures)


def test_who_is_who_offers_three_employees_hr_and_every_lead(visitor: FlaskClient) -> None:
    page = visitor.get("/").text
    assert len(re.findall(r'<li><a href="/mailbox/\?to=', page)) == 3
    assert len(re.findall(r'action="/be/\d+\?lang=\w+"', page)) == 1 + 12


def test_who_is_who_offers_nothing_that_needs_an_open_wave_when_there_is_none(visitor: FlaskClient) -> None:
    steps = ("Answer as an employee", "Close the wave as HR")
    page = visitor.get("/?lang=en").text
    assert "a wave that is open now" in page
    assert all(step in page for step in steps)
    with database.atomic() as undone:
        Wave.update(state="closed").where(Wave.state == "open").execute()
        page = visitor.get("/?lang=en").text
        undone.rollback()
    assert "200 people, and two years of history." in page
    assert "Look at the results as HR." in page
    assert not any(step in page for step in steps)


def test_nobody_else_can_be_signed_in_as(visitor: FlaskClient) -> None:
    employee = Person.select().join(Leadership, "LEFT JOIN").where(Leadership.person.is_null(), Person.role == "").get()
    assert visitor.post(f"/be/{employee.id}").status_code == 404


@pytest.mark.parametrize("path", PICTURES)
def test_every_picture_of_hr_has_something_to_show(path: str, visitor: FlaskClient) -> None:
    be(visitor, Person.get(Person.role == "hr"))
    assert drawn(visitor.get(path).text) >= 6


def test_leads_have_a_picture(visitor: FlaskClient) -> None:
    for lead in Person.select().join(Leadership).limit(3):
        be(visitor, lead)
        assert drawn(visitor.get("/lead/").text) == 6, lead.name


def test_the_matrix_has_more_figures_than_gaps(visitor: FlaskClient, company: Settings) -> None:
    matrix = matrices.by_department([releases.released_waves()[0]], "overall")
    assert len(matrix.providers) >= 10
    assert len(matrix.cells) > 30


# --- The mailbox ---------------------------------------------------------------------------------------------------


def test_mail_is_read_in_the_mailbox(visitor: FlaskClient, company: Settings) -> None:
    key = demo.Mailbox(company).messages()[0]
    assert f"/mailbox/{key}" in visitor.get("/mailbox/").text
    assert "/r/" in visitor.get(f"/mailbox/{key}").text
    html = visitor.get(f"/mailbox/{key}/html")
    assert "/r/" in html.text
    assert "style=" not in html.text
    assert "'unsafe" not in html.headers["Content-Security-Policy"]


def test_the_mailbox_of_one_person_shows_nobody_elses_mail(visitor: FlaskClient, company: Settings) -> None:
    person = Person.select().order_by(Person.id).get()
    page = visitor.get(f"/mailbox/?to={person.email}").text
    assert len(re.findall(r'href="/mailbox/\d+"', page)) == 1
    assert person.email in page


def test_mails_that_come_at_one_moment_are_all_kept(company: Settings, tmp_path: Path) -> None:
    box = demo.Mailbox(demo.settings(tmp_path, 8000))
    for number in range(3):
        box.send(Mail("", "", f"Subject: {number}\r\n\r\n".encode()), lambda: None)
    assert [box.read(key)["Subject"] for key in box.messages()] == ["2", "1", "0"]


@pytest.mark.parametrize("key", ["1", "..%2fsecret-key", "²", "x", "1/html", "1/pictures/items-ventas"])
def test_a_message_that_is_not_there_is_not_found(key: str, visitor: FlaskClient) -> None:
    assert visitor.get(f"/mailbox/{key}").status_code == 404


def test_the_mailbox_and_who_is_who_exist_in_the_demo_alone(client: FlaskClient) -> None:
    assert client.get("/mailbox/").status_code == 404
    assert client.post("/be/1").status_code == 404
