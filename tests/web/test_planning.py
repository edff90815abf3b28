"""HR's deeds: closing and opening waves, and the lists."""

from datetime import date, timedelta
from html import unescape

import pytest
import time_machine

from survey import outbox, pulses, waves
from survey.models import (
    Blackout,
    Comment,
    Department,
    Invitation,
    Leadership,
    Message,
    Person,
    Pulse,
    Rating,
    Release,
    TouchpointDepartment,
    Wave,
)
from survey.pulses import add_pulse
from tests.cast import DAY, OPENS, K
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


# --- Opening a wave ------------------------------------------------------------------------------------------------


INVITING = "People are being invited."


@pytest.fixture
def opening_wave(company, monkeypatch):
    """A wave that has invited nobody yet, as there are too many for one step."""
    monkeypatch.setattr(waves.opening, "INVITED_AT_ONCE", 20)
    return waves.open_now(company.pulse, MOMENT, K)


@pytest.mark.parametrize(("done", "told"), [(None, ""), (1, "1 % of it is done."), (99, "99 % of it is done.")])
def test_a_wave_that_is_opening_says_how_far_that_is(opening_wave, hanna, done, told):
    Wave.update(progress=done).where(Wave.id == opening_wave.id).execute()
    for page in ("/hr/pulses", "/hr/"):
        shown = hanna.get(page).text
        assert INVITING in shown
        assert ("of it is done" in shown) == bool(told)
        assert told in shown
        assert "have answered" not in shown
        assert f"/waves/{opening_wave.id}/close" not in shown


def test_a_wave_that_is_open_invites_nobody_any_more(opening_wave, hanna):
    waves.invite_due(MOMENT)
    for page in ("/hr/pulses", "/hr/"):
        assert INVITING not in hanna.get(page).text


def test_opening_a_large_wave_is_left_to_the_clock(company, hanna, monkeypatch):
    monkeypatch.setattr(waves.opening, "INVITED_AT_ONCE", 20)
    answer = hanna.post(f"/hr/pulses/{company.pulse.key}/open", follow_redirects=True)
    assert "The wave is being opened." in answer.text
    assert (states(), Invitation.select().count()) == (["opening", "planned"], 0)
    waves.invite_due(MOMENT)
    assert states() == ["open", "planned"]


def test_a_wave_that_is_opening_cannot_be_closed(opening_wave, hanna):
    for method in ("GET", "POST"):
        answer = hanna.open(f"/hr/waves/{opening_wave.id}/close", method=method, follow_redirects=True)
        assert "This wave is not open yet." in answer.text
    assert states() == ["opening", "planned"]


def test_a_wave_that_is_opening_can_be_called_off(opening_wave, hanna):
    page = hanna.get(f"/hr/waves/{opening_wave.id}/cancel").text
    assert "nobody has been written to yet" in page
    assert "answers" not in page
    answer = hanna.post(f"/hr/waves/{opening_wave.id}/cancel", follow_redirects=True)
    assert "The wave is cancelled: nobody is asked." in answer.text
    waves.invite_due(MOMENT)
    assert states() == ["cancelled", "planned"]
    assert not Message.select().exists()


# --- Closing a wave ------------------------------------------------------------------------------------------------


COUNTED = "Nobody can answer any more, and the answers are being counted."


@pytest.mark.parametrize(("counted", "told"), [(None, ""), (1, "1 % of it is done."), (99, "99 % of it is done.")])
def test_a_wave_that_is_closing_says_how_far_that_is(wave, hanna, counted, told):
    """The closing of a large wave takes minutes; meanwhile the pages stay up, and tell nothing of what was said."""
    for page in ("/hr/pulses", "/hr/"):
        assert COUNTED not in hanna.get(page).text
    waves.stop(wave, wave.opens_at)
    Wave.update(progress=counted).where(Wave.id == wave.id).execute()
    for page in ("/hr/pulses", "/hr/"):
        shown = hanna.get(page).text
        assert COUNTED in shown
        assert ("of it is done" in shown) == bool(told)
        assert told in shown
        assert f"/waves/{wave.id}/" not in shown  # it can be neither closed nor cancelled any more


def test_a_large_wave_is_left_to_the_clock(wave, hanna, company, monkeypatch):
    company.answer(wave)
    ratings = Rating.select().count()
    monkeypatch.setattr(waves.closing, "COUNTED_AT_ONCE", ratings - 1)
    answer = hanna.post(f"/hr/waves/{wave.id}/close", follow_redirects=True)
    assert "When all answers are counted, in some minutes, the results are released." in answer.text
    assert states() == ["closing", "planned"]
    assert Rating.select().count() == ratings
    for page in ("close", "cancel"):
        assert "closed already" in hanna.post(f"/hr/waves/{wave.id}/{page}", follow_redirects=True).text
    assert waves.finish_due(wave.opens_at) == [wave]
    assert states() == ["closed", "planned"]


def test_a_wave_that_is_just_not_large_is_closed_at_once(wave, hanna, company, monkeypatch):
    company.answer(wave)
    monkeypatch.setattr(waves.closing, "COUNTED_AT_ONCE", Rating.select().count())
    hanna.post(f"/hr/waves/{wave.id}/close")
    assert states() == ["closed", "planned"]


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


# --- Calling a wave off --------------------------------------------------------------------------------------------


def test_the_answers_of_a_large_wave_are_left_to_the_clock_to_delete(wave, hanna, company, monkeypatch):
    company.answer(wave)
    ratings = Rating.select().count()
    monkeypatch.setattr(waves.closing, "COUNTED_AT_ONCE", ratings - 1)
    answer = hanna.post(f"/hr/waves/{wave.id}/cancel", follow_redirects=True)
    assert "its answers are being deleted, and nothing is published." in answer.text
    assert (states(), Rating.select().count()) == (["cancelled", "planned"], ratings)
    assert waves.discard_due() == [wave]
    assert not any(table.select().exists() for table in (Rating, Comment))


def test_asking_what_cancelling_means_cancels_nothing_and_says_that_answers_go(wave, hanna, company):
    company.answer(wave, share=0.5)
    before = everything()
    page = hanna.get(f"/hr/waves/{wave.id}/cancel").text
    assert "All answers given so far are deleted" in page
    assert everything() == before


def test_a_cancelled_wave_publishes_nothing_and_keeps_no_answer(wave, hanna, company):
    company.answer(wave, share=0.5)
    answer = hanna.post(f"/hr/waves/{wave.id}/cancel", follow_redirects=True)
    assert "The wave is cancelled: its answers are deleted" in answer.text
    assert states() == ["cancelled", "planned"]
    assert (Release.select().count(), len(everything()["Rating"]), len(everything()["Comment"])) == (0, 0, 0)
    before = everything()
    assert "cancelled already" in hanna.post(f"/hr/waves/{wave.id}/cancel", follow_redirects=True).text
    assert everything() == before


@pytest.mark.parametrize("found", ["planned", "closed", "99"])
def test_only_an_open_wave_can_be_cancelled_on_the_page(wave, hanna, found):
    if found == "closed":
        hanna.post(f"/hr/waves/{wave.id}/close")
    meant = {"planned": Wave.get(Wave.state == "planned").id, "closed": wave.id, "99": 99}[found]
    before = everything()
    assert hanna.post(f"/hr/waves/{meant}/cancel").status_code == 404
    assert everything() == before


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
    assert page.count("The wave of Tuesday 3 March was skipped: other waves asked nearly everybody") == 1
    assert page.index(f'id="{other.key}"') < page.index("was skipped") < page.index('id="quarterly"')


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
    assert f"/hr/waves/{wave.id}/cancel" in page
    participation, mails, coming = tables(page)
    assert "Legal" not in {row[0] for row in participation}  # four people: never alone
    assert any("Legal" in row[0] for row in participation)
    assert mails == [["Kind", "Done", "Waiting", "Failed"], ["invitation", "0", "59", "0"]]
    assert len(coming) == 1 + 4
    assert "/hr/pulses/quarterly/open" not in page


def test_how_far_a_running_waves_mail_is_tells_nobody_apart(wave, hanna, company):
    invitations = Message.select().where(Message.kind == "invitation").order_by(Message.id)
    for state, message in zip(["sent", "dropped", "dead", "retry"], invitations, strict=False):
        Message.update(state=state).where(Message.id == message.id).execute()
    assert tables(hanna.get("/hr/pulses").text)[1][1] == ["invitation", "2", "55", "2"]


# --- Changing what comes -------------------------------------------------------------------------------------------


@pytest.fixture
def change(hanna, company):
    """Post one change of the quarterly pulse, and return the message that it leaves."""

    def post(deed: str, **form: object) -> str:
        answer = hanna.post(f"/hr/pulses/quarterly/{deed}", data={name: str(value) for name, value in form.items()})
        assert answer.location == "/hr/pulses#quarterly"
        page = hanna.get("/hr/pulses").text
        return unescape(page.split('<p class="flash ')[1].split(">", 1)[1].split("</p>")[0])

    return post


@pytest.fixture
def ahead(clock):
    """Ten days before the first wave."""
    clock.move_to(OPENS - 10 * DAY)


def planned() -> Wave:
    return Wave.get(Wave.state == "planned")


def test_every_date_of_the_next_four_waves_is_shown_in_the_readers_language(ahead, hanna, change):
    change("holidays", code="es-md")
    rows = tables(hanna.get("/hr/pulses").text)[0]
    assert rows[0] == ["Opens", "Reminders", "Closes", "Summaries"]
    assert rows[1] == [
        "Mon, 2 Mar 2026, 09:00",
        "Fri 6 Mar, 09:00Wed 11 Mar, 09:00",
        "Mon 16 Mar, 18:00",
        "Mon 16 Mar, 18:00",
    ]
    assert len(rows) == 1 + 4
    spanish = tables(hanna.get("/hr/pulses?lang=es").text)[0]
    assert spanish[1][0] == "lun, 2 mar 2026, 9:00"


@pytest.mark.parametrize(
    ("language", "reason"),
    [("en", "moved from Friday 1 May: Labor Day"), ("es", "tocaba el viernes 1 de mayo: Fiesta del Trabajo")],
)
def test_a_moved_wave_tells_why_in_the_readers_language(ahead, hanna, change, language, reason):
    change("shift", to="2026-05-01")
    assert change("holidays", code="ES-MD") == "The days off are stored: the next wave opens on Monday 4 May."
    assert reason in tables(hanna.get(f"/hr/pulses?lang={language}").text)[0][1][0]


def test_a_wave_that_is_left_out_is_told_on_the_page(ahead, hanna):
    add_pulse("weekly", "weekly", date(2026, 3, 2), "UTC", blackouts=[(date(2026, 3, 9), date(2026, 3, 13))])
    assert "Nobody is asked around Monday 9 March: there is no working day" in hanna.get("/hr/pulses").text


def test_a_pulse_is_paused_and_resumed_on_the_page(ahead, hanna, change):
    assert change("pause") == "No wave opens until you resume this pulse."
    page = hanna.get("/hr/pulses").text
    assert "If you resume it today, these come:" in page
    assert len(tables(page)[0]) == 1 + 4
    assert "/hr/pulses/quarterly/open" not in page
    assert "/hr/pulses/quarterly/skip" not in page
    assert change("resume") == "Resumed: the next wave opens on Monday 2 March."


def test_all_waves_are_shifted_by_days_however_often_the_button_is_pressed(ahead, change):
    for _ in range(2):
        said = change("shift", days="7", **{"from": "2026-03-02"})
        assert said == "All coming waves are shifted: the next one opens on Monday 9 March."
    assert change("shift", days="-3", **{"from": "2026-03-09"}).endswith("Friday 6 March.")


def test_the_next_wave_is_moved_and_the_others_stay(ahead, hanna, change):
    said = change("move", wave=planned().id, to="2026-03-10")
    assert said == "The next wave opens on Tuesday 10 March; the ones after it stay where they are."
    rows = tables(hanna.get("/hr/pulses").text)[0]
    assert "moved by hand from Monday 2 March" in rows[1][0]
    assert rows[2][0] == "Tue, 2 Jun 2026, 09:00"


def test_skipping_twice_skips_the_wave_that_was_shown(ahead, change):
    wave = planned().id
    assert change("skip", wave=wave) == "The wave is skipped: the next one opens on Tuesday 2 June."
    assert change("skip", wave=wave) == "This wave is not planned any more; look at the plan again."
    assert states() == ["cancelled", "planned"]


def test_days_off_are_added_and_removed(ahead, hanna, change):
    assert change("blackouts", first="2026-03-02", last="2026-03-03").endswith("Wednesday 4 March.")
    assert "2 Mar 2026 to 3 Mar 2026" in hanna.get("/hr/pulses").text
    assert change("blackouts", first="2026-03-04", last="").endswith("Thursday 5 March.")
    for first, last in (("2026-03-04", "2026-03-04"), ("2026-03-02", "2026-03-03")):
        change("blackouts", first=first, last=last, remove="1")
    assert (Blackout.select().count(), planned().opens_at) == (0, OPENS)


@pytest.mark.parametrize(
    ("deed", "form", "said"),
    [
        ("resume", {}, '"quarterly" is not paused.'),
        ("shift", {"to": ""}, "Choose a day."),
        ("shift", {"to": "2026-02-30"}, "Choose a day."),
        ("shift", {"to": "9999-12-31"}, "9999-12-31 is not between the years 2000 and 2100."),
        ("shift", {"from": "2026-03-02", "days": "0"}, "Write how many days later, from 1 to 366"),
        ("shift", {"from": "2026-03-02", "days": "367"}, "Write how many days later, from 1 to 366"),
        ("shift", {"from": "2026-03-02", "days": "9" * 5000}, "Write how many days later, from 1 to 366"),
        ("shift", {"from": "2026-03-02", "days": "-60"}, "On Thursday 1 January the opening hour has passed"),
        ("move", {"to": "2026-03-10"}, "This wave is not planned any more"),
        ("skip", {"wave": "x"}, "This wave is not planned any more"),
        ("holidays", {"code": STRANGE}, "is no country or region whose public holidays are known"),
        ("blackouts", {"first": "", "last": "2026-03-02"}, "Choose a day."),
        ("blackouts", {"first": "2026-03-02", "last": "2026-03-01"}, "comes before the first"),
        ("blackouts", {"first": "2026-03-02", "last": "2028-03-01"}, "is more than a year; pause the pulse instead."),
    ],
)
def test_what_cannot_be_changes_nothing_and_is_said(ahead, hanna, change, deed, form, said):
    before = everything()
    assert said in change(deed, **form)
    assert everything() == before


def test_what_cannot_be_is_said_in_the_readers_language_and_harms_nobody(ahead, company, sign_in):
    Person.update(language="es").where(Person.id == company.hanna.id).execute()
    hanna = sign_in(company.hanna)
    hanna.post("/hr/pulses/quarterly/holidays", data={"code": "<script>"})
    page = hanna.get("/hr/pulses").text
    assert "No conocemos los festivos de «&lt;script&gt;»" in page
    assert "<script>" not in page


@pytest.mark.parametrize("deed", ["pause", "resume", "shift", "move", "skip", "holidays", "blackouts"])
def test_a_change_of_a_pulse_that_there_is_not_is_refused(hanna, deed):
    assert hanna.post(f"/hr/pulses/none/{deed}").status_code == 404


def test_an_open_wave_is_untouched_by_every_change(wave, change):
    next_one = planned()
    before = list(Wave.select().where(Wave.id == wave.id).tuples())
    change("holidays", code="ES-MD")
    change("blackouts", first="2026-03-03", last="2026-03-20")
    change("move", wave=next_one.id, to="2026-06-10")
    change("shift", to="2026-06-15")
    change("skip", wave=planned().id)
    change("pause")
    assert list(Wave.select().where(Wave.id == wave.id).tuples()) == before


# --- Lists, and what needs doing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "address"),
    [
        (lambda _: None, "/hr/people"),  # three departments have no lead
        (lambda _: Person.create(email="x@mirror.example", name="X", language="es"), "/hr/people"),
        (lambda _: TouchpointDepartment.delete().execute(), "/hr/external"),
        (lambda _: Message.update(state="dead").execute(), "/hr/outbox"),
        (lambda _: outbox.pause(MOMENT), "/hr/outbox"),
    ],
)
def test_what_needs_doing_is_named_with_the_page_to_do_it_on(released, hanna, make, address):
    make(None)
    todo = hanna.get("/hr/").text.split('class="todo"')[1].split("</ul>")[0]
    assert f'<a href="{address}">' in todo


def test_nothing_needs_doing_where_all_is_well(wave, hanna, company):
    Message.update(state="sent").execute()
    for department in Department.select():
        Leadership.get_or_create(person=company.bob, department=department)
    assert 'class="todo"' not in hanna.get("/hr/").text
