"""Did you notice? On the answer page: asked of those whom a done commitment names, and stored for nobody else."""

import re
from collections.abc import Callable
from datetime import date

import pytest
import time_machine
from flask.testing import FlaskClient

from survey import commitments, releases
from survey.commitments import Draft
from survey.models import Commitment, Invitation, Notice, NoticeTally, Person, Rating, Wave
from survey.settings import Settings
from survey.signing import invitation_token
from tests.cast import DAY, OPENS, Company
from tests.web.pages import STRANGE, Link, form_in, rows

NOW = OPENS + 190 * DAY
ASKED = 'class="provider notices"'
Links = Callable[[Person], Link]


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def third(company: Company, released: list[Wave]) -> Wave:
    """The wave after Finance has promised something to Sales and IT, and has done it; it is open."""

    def play() -> Wave:
        clients = [company.departments[name].id for name in ("Sales", "IT")]
        draft = Draft("diligence", "We answer within two days.", date(2026, 8, 1), clients)
        made = commitments.make(released[0], company.departments["Finance"], draft, date(2026, 6, 30))
        commitments.finish(made, date(2026, 7, 20))
        return company.open_wave()

    return company.once("a promise is kept before the third wave", play)


@pytest.fixture
def kept(third: Wave) -> Commitment:
    """What Finance had promised, and says is done."""
    return Commitment.get()


@pytest.fixture
def link_in(third: Wave, settings: Settings) -> Links:
    def found(person: Person) -> Link:
        invitation = Invitation.get(Invitation.wave == third, Invitation.person == person)
        return Link(invitation_token(invitation.id, settings), tuple(map(int, invitation.providers.split())))

    return found


def said() -> list[tuple[int, bool]]:
    return list(Notice.select(Notice.commitment, Notice.noticed).tuples())


# --- Asking --------------------------------------------------------------------------------------------------------


def test_who_has_noticed_what_is_asked_of_its_clients_alone(
    company: Company, client: FlaskClient, link_in: Links
) -> None:
    for person in (company.charlie, company.bob):
        page = client.get(link_in(person).address, query_string={"lang": "en"}).text
        assert "Finance says that this is done: “We answer within two days.” Did you notice?" in page
        assert page.count(ASKED) == 1
    logistics = Person.get(Person.department == company.departments["Logistics"])
    for person in (company.alice, logistics):
        page = client.get(link_in(person).address).text
        assert ASKED not in page
        assert "-noticed" not in page


def test_it_has_the_last_place_after_all_that_is_rated(company: Company, client: FlaskClient, link_in: Links) -> None:
    """So that good news colours no score."""
    page = client.get(link_in(company.charlie).address, query_string={"lang": "en"}).text
    assert re.findall(r'<p class="place">(\d of \d)</p>', page) == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert page.index(ASKED) > page.rindex('class="comment"')


def test_strange_words_are_text(company: Company, client: FlaskClient, link_in: Links, kept: Commitment) -> None:
    Commitment.update(text=STRANGE).execute()
    page = client.get(link_in(company.charlie).address).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}") >= 1


def test_hr_reads_the_questions_of_the_next_wave_without_it(company: Company, third: Wave, sign_in) -> None:
    page = sign_in(company.hanna).get("/hr/pulses/quarterly/questions/preview")
    assert ASKED not in page.text


# --- Answering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chosen", "stored"), [("yes", [True]), ("not-yet", [False]), ("na", []), ("", [])])
def test_one_tap_is_stored_beside_the_scores(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment, chosen: str, stored: list[bool]
) -> None:
    link = link_in(company.charlie)
    answer = client.post(link.address, data=link.filled() | {f"c{kept.id}-noticed": chosen})
    assert (answer.status_code, "Thank you!" in answer.text) == (200, True)
    assert said() == [(kept.id, value) for value in stored]
    assert Rating.select().count() == 3


@pytest.mark.parametrize("chosen", ["yes", "na"])
def test_that_alone_is_an_answer(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment, chosen: str
) -> None:
    assert client.post(link_in(company.charlie).address, data={f"c{kept.id}-noticed": chosen}).status_code == 200
    assert not Rating.select().exists()


@pytest.mark.parametrize("wrong", ["true", "1", "YES", " yes", "no", "<b>", "\0", "yes\n"])
def test_what_is_not_offered_is_refused_and_nothing_typed_is_lost(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment, wrong: str
) -> None:
    link, field = link_in(company.charlie), f"c{kept.id}-noticed"
    answer = client.post(link.address, data=link.filled(comment="Kept", kind="thanks") | {field: wrong})
    assert answer.status_code == 422
    assert f'<a href="#{field}"><bdi>Finance</bdi>: ' in answer.text
    assert f'id="{field}-fault"' in answer.text
    assert "Kept" in answer.text
    assert said() == []


def test_what_was_chosen_stays_when_the_page_comes_back(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment
) -> None:
    link, field = link_in(company.charlie), f"c{kept.id}-noticed"
    for more in ({"switch": "es"}, link.first(comment="No kind")):
        page = client.post(link.address, data={field: "not-yet"} | more).text
        assert form_in(page)[field] == "not-yet"
    assert said() == []


def test_who_is_not_asked_gets_nothing_stored_however_the_form_is_forged(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment
) -> None:
    names = (f"c{kept.id}-noticed", f"c{kept.id}", "noticed", "c-noticed", "c99-noticed", f"c0{kept.id}-noticed")
    for person in (company.alice, Person.get(Person.department == company.departments["Logistics"])):
        link = link_in(person)
        assert client.post(link.address, data=link.filled() | dict.fromkeys(names, "yes")).status_code == 200
    assert said() == []


def test_who_is_asked_answers_that_and_nothing_else(
    company: Company, client: FlaskClient, link_in: Links, kept: Commitment, third: Wave
) -> None:
    other = Commitment.create(
        **{name: getattr(kept, name) for name in ("wave", "provider", "item", "due_on", "made_on")}, text="Other"
    )
    link = link_in(company.charlie)
    forged = {f"c{kept.id}-noticed": ["yes", "not-yet"], f"c{other.id}-noticed": "yes"}
    assert client.post(link.address, data=link.filled() | forged).status_code == 200
    assert said() == [(kept.id, True)]


# --- What becomes of it --------------------------------------------------------------------------------------------


def close_after(company: Company, client: FlaskClient, link_in: Links, wave: Wave, said: list[str]) -> None:
    """Sales says this of the one commitment; then the wave closes."""
    kept = Commitment.get()
    staff = Person.select().where(Person.department == company.departments["Sales"]).order_by(Person.id)
    for person, chosen in zip(list(staff), said, strict=False):
        link = link_in(person)
        assert client.post(link.address, data=link.filled() | {f"c{kept.id}-noticed": chosen}).status_code == 200
    company.close_wave(wave)


def test_the_lead_and_hr_read_what_clients_say_and_employees_that_they_confirm_it(
    company: Company, client: FlaskClient, link_in: Links, third: Wave, sign_in
) -> None:
    close_after(company, client, link_in, third, ["yes"] * 9 + ["not-yet"] * 3)
    told = "Confirmed: of 10 to 19 clients who could say, 75% noticed it (47% to 91%)."
    hanna = sign_in(company.hanna)
    assert told in sign_in(company.alice).get("/lead/?lang=en").text
    assert told in hanna.get("/hr/departments/finance").text
    assert rows(hanna, "/hr/departments/finance")["2 Jun 2026"] == ["1", "1", "1 of 1"]
    assert "confirm 1 (100%)" in hanna.get("/hr/").text
    thanks = client.get(link_in(company.charlie).address, query_string={"lang": "en"}).text
    assert "<strong>confirmed by its clients</strong>" in thanks
    assert "75%" not in thanks.split('id="did-done"')[1]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["yes"] * 4, "Too few answers"),
        (["yes"] * 5, "Confirmed: of 5 to 9 clients who could say, most noticed it."),
        (["yes"] * 3 + ["not-yet"] * 3 + ["na"] * 6, "Not confirmed: the 5 to 9 clients who could say are divided."),
    ],
)
def test_few_answers_are_told_in_words_or_not_at_all(
    company: Company, client: FlaskClient, link_in: Links, third: Wave, sign_in, said: list[str], told: str
) -> None:
    close_after(company, client, link_in, third, said)
    page = sign_in(company.alice).get("/lead/?lang=en").text
    assert told in page
    assert "% noticed" not in page
    assert NoticeTally.select().count() == (len(said) > 4)


def test_while_the_wave_is_open_nothing_of_it_shows(
    company: Company, client: FlaskClient, link_in: Links, third: Wave, sign_in, kept: Commitment
) -> None:
    link = link_in(company.charlie)
    client.post(link.address, data=link.filled() | {f"c{kept.id}-noticed": "yes"})
    page = sign_in(company.alice).get("/lead/?lang=en").text
    assert "its clients are being asked whether they noticed" in page
    assert "confirmed by its clients" not in client.get(link.address).text


def test_no_other_lead_reads_whether_it_was_noticed(
    company: Company, client: FlaskClient, link_in: Links, third: Wave, sign_in
) -> None:
    close_after(company, client, link_in, third, ["yes"] * 12)
    page = sign_in(company.bob).get("/lead/?lang=en").text
    assert "noticed it" not in page
    assert "Claimed against confirmed" not in page
    assert releases.altered() == []
