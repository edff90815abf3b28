"""HR's deeds: closing and opening waves, what touchpoints count for, and the lists."""

from datetime import timedelta

import pytest
import time_machine

from survey import outbox, pulses, waves
from survey.models import (
    Department,
    Invitation,
    Leadership,
    Message,
    Person,
    Pulse,
    Release,
    Touchpoint,
    TouchpointDepartment,
    Wave,
)
from tests.cast import DAY, OPENS
from tests.web.pages import STRANGE, everything, tables

MOMENT = OPENS + 3600


@pytest.fixture(autouse=True)
def clock():
    """A moment while the first wave is open."""
    with time_machine.travel(MOMENT, tick=False) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


def states() -> list[str]:
    return [wave.state for wave in Wave.select().order_by(Wave.occurrence)]


# --- Closing a wave ------------------------------------------------------------------------------------------------


def test_asking_what_closing_means_closes_nothing(wave, hanna):
    before = everything()
    for method in ("GET", "HEAD", "OPTIONS"):
        assert hanna.open(f"/hr/waves/{wave.id}/close", method=method).status_code == 200
    assert everything() == before


def test_closing_releases_the_wave_and_writes_to_every_lead(wave, hanna, company):
    company.answer(wave)
    answer = hanna.post(f"/hr/waves/{wave.id}/close", follow_redirects=True)
    assert "The wave is closed and its results are released." in answer.text
    assert states() == ["closed", "planned"]
    assert Release.get_by_id(wave.id).released_at == MOMENT
    written = Message.select().where(Message.kind == "summary", Message.wave == wave)
    assert {message.person.name for message in written} == {company.alice.name, company.bob.name}


def test_closing_twice_changes_nothing_the_second_time_and_says_so(wave, hanna):
    hanna.post(f"/hr/waves/{wave.id}/close", follow_redirects=True)
    before = everything()
    for method in ("GET", "POST"):
        answer = hanna.open(f"/hr/waves/{wave.id}/close", method=method, follow_redirects=True)
        assert "This wave has been closed already." in answer.text
    assert everything() == before


@pytest.mark.parametrize("found", ["planned", "99"])
def test_only_an_open_wave_can_be_closed(wave, hanna, found):
    planned = Wave.get(Wave.state == "planned").id
    assert hanna.post(f"/hr/waves/{planned if found == 'planned' else found}/close").status_code == 404
    assert states() == ["open", "planned"]


# --- Opening the next one ------------------------------------------------------------------------------------------


def test_the_next_wave_can_be_opened_today(hanna, company):
    answer = hanna.post("/hr/pulses/quarterly/open", follow_redirects=True)
    assert "The wave is open; the invitations are on their way." in answer.text
    assert states() == ["open", "planned"]
    invited = Invitation.select().count()
    assert invited == Message.select().where(Message.kind == "invitation").count() == 59


def test_a_second_wave_is_not_opened_beside_an_open_one(wave, hanna):
    before = everything()
    answer = hanna.post("/hr/pulses/quarterly/open", follow_redirects=True)
    assert 'class="flash error"' in answer.text
    assert everything() == before


def test_a_pulse_runs_once_a_day(hanna, company, sign_in, clock):
    hanna.post("/hr/pulses/quarterly/open")
    hanna.post(f"/hr/waves/{Wave.get(Wave.state == 'open').id}/close")
    hanna.post("/hr/pulses/quarterly/open")
    assert states() == ["closed", "planned"]
    clock.shift(timedelta(days=14))
    sign_in(company.hanna).post("/hr/pulses/quarterly/open")
    assert states() == ["closed", "open", "planned"]


def test_a_pulse_does_not_open_while_people_rest(hanna, company, sign_in, clock):
    hanna.post("/hr/pulses/quarterly/open")
    hanna.post(f"/hr/waves/{Wave.get(Wave.state == 'open').id}/close")
    clock.shift(timedelta(days=13))
    answer = sign_in(company.hanna).post("/hr/pulses/quarterly/open", follow_redirects=True)
    assert "nearly everybody is asked by other waves these days" in answer.text
    assert states() == ["closed", "planned"]


@pytest.mark.parametrize(
    ("left_out", "said"),
    [(None, None), (0, None), (1, "1 person was not asked this time"), (12, "12 people were not asked this time")],
)
def test_it_is_told_how_many_were_left_out_of_the_open_wave(wave, hanna, left_out, said):
    Wave.update(left_out=left_out).where(Wave.id == wave.id).execute()
    page = hanna.get("/hr/pulses").text
    assert said in page if said else "not asked this time" not in page


def test_it_is_told_that_the_last_wave_was_skipped_to_let_people_rest(hanna, company):
    other = pulses.add_pulse("other", "quarterly", Wave.get().local_date + timedelta(days=1), "Europe/Madrid")
    waves.open_due(OPENS, 5, 14)
    assert "was skipped" not in hanna.get("/hr/pulses").text
    waves.open_due(OPENS + DAY, 5, 14)
    page = hanna.get("/hr/pulses").text
    assert page.count("The wave of Tuesday 3 March was skipped: nearly everybody had been asked") == 1
    assert page.index(f"<h2>{other.key}</h2>") < page.index("was skipped") < page.index("<h2>quarterly</h2>")


def test_a_wave_that_should_have_opened_or_closed_needs_doing(wave, company, sign_in, clock):
    assert "should have" not in sign_in(company.hanna).get("/hr/").text
    clock.shift(timedelta(days=16))
    assert "quarterly should have closed on Monday 16 March." in sign_in(company.hanna).get("/hr/").text
    waves.close_wave(wave, wave.closes_at)
    clock.shift(timedelta(days=76, hours=1))
    assert "quarterly should have opened on Tuesday 2 June." in sign_in(company.hanna).get("/hr/").text


def test_a_paused_pulse_opens_no_wave(hanna):
    Pulse.update(state="paused").execute()
    answer = hanna.post("/hr/pulses/quarterly/open", follow_redirects=True)
    assert 'class="flash error"' in answer.text
    assert states() == ["planned"]


def test_a_pulse_that_there_is_not_is_refused(hanna):
    assert hanna.post("/hr/pulses/none/open").status_code == 404


def test_the_pulses_page_shows_what_runs_and_what_comes(wave, hanna, company):
    company.answer(wave, share=0.5)
    page = hanna.get("/hr/pulses").text
    assert f"/hr/waves/{wave.id}/close" in page
    assert len(tables(page)[0]) == 1 + 4
    assert "/hr/pulses/quarterly/open" not in page


# --- What touchpoints count for ------------------------------------------------------------------------------------


@pytest.fixture
def mapping(released, hanna, company):
    """Post departments and weights for the shop that counts for nobody yet."""
    shop = Touchpoint.get(Touchpoint.name == "Shop")

    def post(*chosen: tuple[str, str], touchpoint: object = shop.id, **extra: str):
        data = {"touchpoint": str(touchpoint), **extra}
        for place, (name, weight) in enumerate([*chosen, *[("0", "1.0")] * (4 - len(chosen))]):
            found = company.departments.get(name)
            data |= {f"departments-{place}-department": str(found.id if found else name)}
            data |= {f"departments-{place}-weight": weight}
        return hanna.post("/hr/external", data=data)

    return post


def counts_for(name: str) -> dict[str, tuple[float, bool]]:
    links = TouchpointDepartment.select().join(Touchpoint).where(Touchpoint.name == name)
    return {link.department.name: (link.weight, link.attributed) for link in links}


def test_looking_at_the_touchpoints_changes_nothing(released, hanna):
    before = everything()
    for method in ("GET", "HEAD"):
        assert hanna.open("/hr/external", method=method).status_code == 200
    assert everything() == before


def test_a_touchpoint_is_given_to_departments_with_weights(mapping):
    assert mapping(("Sales", "0.5"), ("Legal", "1"), attributed="y").location == "/hr/external"
    assert counts_for("Shop") == {"Sales": (0.5, True), "Legal": (1.0, True)}
    assert set(counts_for("Finance")) == {"Finance"}


def test_a_weight_above_0_and_up_to_1_is_taken(mapping):
    for weight in ("0.01", "1", "1.0", " 0.5 ", "0,5", "1e-1"):
        assert mapping(("Sales", weight)).status_code == 302
        assert counts_for("Shop")["Sales"][0] == float(weight.replace(",", "."))


def test_any_other_weight_is_refused_and_the_rest_stays_in_the_form(mapping):
    before = everything()
    for weight in ("nan", "inf", "-inf", "0", "-0.5", "1.01", "2", "much", "", " ", "0.5.5", "٠"):
        answer = mapping(("Sales", weight), ("Legal", "0.25"))
        assert answer.status_code == 422, weight
        assert answer.text.count('role="alert"') == 1
        assert 'value="0.25"' in answer.text
    assert everything() == before


def test_the_same_department_twice_is_refused(mapping):
    before = everything()
    assert mapping(("Sales", "0.5"), ("Sales", "1")).status_code == 422
    assert everything() == before


def test_a_department_that_there_is_not_is_refused(mapping):
    before = everything()
    for department in ("99", "x", "", "-1", "1.0"):
        assert mapping((department, "1")).status_code == 422, department
    assert everything() == before


def test_a_department_that_is_no_more_cannot_be_chosen(mapping):
    Department.update(active=False).where(Department.name == "Legal").execute()
    assert mapping(("Legal", "1")).status_code == 422


def test_a_touchpoint_that_there_is_not_is_refused(mapping):
    for touchpoint in ("99", "x", "", "99999999999999999999"):
        assert mapping(("Sales", "1"), touchpoint=touchpoint).status_code == 404, touchpoint


def test_a_touchpoint_can_be_taken_back_whatever_weight_is_left_standing(mapping):
    mapping(("Sales", "1"))
    assert mapping(("0", "")).status_code == 302
    assert counts_for("Shop") == {}


def test_a_touchpoint_of_many_departments_shows_and_keeps_them_all(mapping, hanna, company):
    everyone = [(name, "0.5") for name in company.departments]
    assert mapping(*everyone).status_code == 302
    assert set(counts_for("Shop")) == set(company.departments)
    assert hanna.get("/hr/external").text.count("selected value") >= len(everyone)


def test_what_a_touchpoint_counts_for_shows_on_the_gap_page(mapping, hanna):
    assert "Shop" not in hanna.get("/hr/gap").text
    mapping(("Logistics", "1"))
    assert "Shop" in hanna.get("/hr/gap").text


# --- Lists, and what needs doing -----------------------------------------------------------------------------------


def test_people_are_listed_by_department_never_by_name_but_leads(hanna, company):
    page = hanna.get("/hr/people").text
    shown = {row[0]: row[1:3] for row in tables(page)[0]}
    assert shown["Finance"] == ["12", "Alice Álvarez"]
    assert shown["Legal"] == ["4", "nobody"]
    assert "Charlie" not in page


def test_mail_that_waits_or_failed_is_listed_with_its_reason(wave, hanna):
    Message.update(state="dead", reason=f"550 {STRANGE}").where(Message.id == Message.select().first().id).execute()
    page = hanna.get("/hr/outbox").text
    assert "550 &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert len(tables(page)[0]) == 1 + 59


def test_the_list_of_mail_tells_hr_nobody_who_has_answered_or_has_not(wave, hanna, company):
    company.answer(wave, share=0.5)
    waves.remind_due(wave.opens_at + 4 * DAY)  # to those who have not
    dropped = Message.select().where(Message.kind == outbox.INVITATION)
    Message.update(state="dropped", reason=outbox.ANSWERED).where(Message.id.in_(dropped)).execute()
    assert Message.select().count() > 59
    page = hanna.get("/hr/outbox").text
    assert tables(page) == []
    assert "@mirror.example" not in page.split("<main")[1]


@pytest.mark.parametrize(
    ("make", "address"),
    [
        (lambda _: None, "/hr/people"),  # three departments have no lead
        (lambda _: Person.create(email="x@mirror.example", name="X", language="es"), "/hr/people"),
        (lambda _: TouchpointDepartment.delete().execute(), "/hr/external"),
        (lambda _: Message.update(state="dead").execute(), "/hr/outbox"),
    ],
)
def test_what_needs_doing_is_named_with_the_page_to_do_it_on(released, hanna, make, address):
    make(None)
    todo = hanna.get("/hr/").text.split('class="todo"')[1].split("</ul>")[0]
    assert f'<a href="{address}">' in todo


def test_nothing_needs_doing_where_all_is_well(hanna, company):
    Wave.update(opens_at=OPENS + DAY).execute()
    for department in Department.select():
        Leadership.get_or_create(person=company.bob, department=department)
    assert 'class="todo"' not in hanna.get("/hr/").text
