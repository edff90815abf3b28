"""Who is asked: nobody too often, and two pulses in each other's way take turns."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest

from survey import audience, deliveries, waves
from survey.models import ClientGroup, Department, Invitation, Person, Pulse, Wave, database
from survey.pulses import add_pulse
from survey.waves import WaveError, close_due, open_due, open_now
from tests.cast import DAY, OPENS, SIZES, Company, K

REST = 14  # days
FIRST = date(2026, 3, 2)  # the day of OPENS
EVERYBODY = sum(SIZES.values())

Add = Callable[..., Pulse]


@pytest.fixture
def add(company: Company) -> Add:
    """Adds a pulse that starts so many days after the first one of the company."""

    def added(key: str, days: int = 0, cadence: str = "quarterly", only: tuple[str, ...] = ()) -> Pulse:
        asked = [company.departments[name] for name in only]
        return add_pulse(key, cadence, FIRST + timedelta(days=days), "Europe/Madrid", departments=asked)

    return added


def tick(day: int, rest: int = REST) -> list[str]:
    """What opens on this day, at the opening hour of winter and of summer."""
    found = []
    for now in (OPENS + day * DAY - 3600, OPENS + day * DAY):
        close_due(now)
        found += [wave.pulse.key for wave in open_due(now, K, rest)]
    return found


def run_until(day: int) -> None:
    """Tick whenever a wave is to open, until this day."""
    while True:
        planned = Wave.select().join(Pulse).where(Wave.state == "planned", Pulse.state == "active")
        now = min(wave.opens_at for wave in planned)
        if now > OPENS + day * DAY:
            return
        close_due(now)
        open_due(now, K, REST)


def asked(key: str) -> list[int]:
    """How many people each wave of a pulse has asked, the first wave first; None when it was cancelled."""
    query = Wave.select().join(Pulse).where(Pulse.key == key, Wave.state != "planned").order_by(Wave.occurrence)
    return [Invitation.select().where(Invitation.wave == wave).count() for wave in query]


def departments_asked(wave: Wave) -> set[str]:
    query = Invitation.select(Department.name).join(Person).join(Department).where(Invitation.wave == wave)
    return {name for (name,) in query.tuples()}


def last_wave(key: str) -> Wave:
    return (
        Wave.select()
        .join(Pulse)
        .where(Pulse.key == key, Wave.state != "planned")
        .order_by(Wave.occurrence.desc())
        .get()
    )


def test_a_person_is_asked_again_after_the_rest_and_not_a_day_before(add: Add) -> None:
    add("thirteen", 13, only=("Sales",))
    add("fourteen", 14, only=("IT",))
    tick(0)
    assert [tick(13), tick(14)] == [[], ["fourteen"]]
    assert [asked("thirteen"), asked("fourteen")] == [[0], [8]]


def test_without_a_rest_everybody_is_asked_by_every_pulse(add: Add) -> None:
    add("other")
    assert tick(0, rest=0) == ["quarterly", "other"]
    assert [asked("quarterly"), asked("other")] == [[EVERYBODY], [EVERYBODY]]


def test_who_is_left_out_is_counted_and_the_others_are_asked(add: Add) -> None:
    add("finance", 0, only=("Finance", "IT"))
    add("late", 5)
    Pulse.update(state="paused").where(Pulse.key == "quarterly").execute()
    assert [tick(0), tick(5)] == [["finance"], ["late"]]
    wave = last_wave("late")
    assert (departments_asked(wave), wave.left_out) == ({"Sales", "Logistics", "Legal"}, 20)


def test_groups_of_those_who_are_left_are_as_large_as_ever(add: Add, company: Company) -> None:
    """Four of Finance were in Sales when they were asked: eight are left, and Legal's four are pooled with them."""
    add("sales", 0, only=("Sales",))
    add("late", 5, only=("Finance", "Legal"))
    Pulse.update(state="paused").where(Pulse.key == "quarterly").execute()
    finance, sales = company.departments["Finance"], company.departments["Sales"]
    moved = [person.id for person in Person.select().where(Person.department == finance).limit(9)]
    Person.update(department=sales).where(Person.id.in_(moved)).execute()
    tick(0)
    Person.update(department=finance).where(Person.id.in_(moved)).execute()
    tick(5)
    wave = last_wave("late")
    assert (wave.left_out, Invitation.select().where(Invitation.wave == wave).count()) == (9, 3 + 4)
    assert [group.invited for group in ClientGroup.select().where(ClientGroup.wave == wave)] == [7]


def test_who_was_asked_in_another_department_rests_in_the_new_one(add: Add, company: Company) -> None:
    add("late", 5, only=("Legal", "Logistics"))
    Pulse.update(state="paused").where(Pulse.key == "quarterly").execute()
    add("sales", 0, only=("Sales",))
    tick(0)
    Person.update(department=company.departments["Legal"]).where(Person.id == company.charlie.id).execute()
    tick(5)
    assert not Invitation.select().where(Invitation.wave == last_wave("late"), Invitation.person == company.charlie)
    assert last_wave("late").left_out == 1


def test_a_wave_that_would_ask_fewer_than_k_is_skipped_and_bothers_nobody(add: Add, company: Company) -> None:
    add("late", 5)
    tick(0)
    newcomers = [company._values(f"new{number}", "Sales") for number in range(K - 1)]
    Person.insert_many(newcomers).execute()
    assert tick(5) == []
    wave = last_wave("late")
    assert (wave.state, wave.cancel_reason, wave.left_out, asked("late")) == ("cancelled", "resting", EVERYBODY, [0])
    assert (wave.opened_at, wave.min_group) == (None, None)
    assert Wave.select().join(Pulse).where(Pulse.key == "late", Wave.state == "planned").count() == 1


def test_a_wave_that_asks_k_is_not_skipped(add: Add, company: Company) -> None:
    add("late", 5)
    tick(0)
    Person.insert_many([company._values(f"new{number}", "Sales") for number in range(K)]).execute()
    assert tick(5) == ["late"]
    assert asked("late") == [K]


def test_who_joins_after_the_opening_waits_for_the_next_wave(company: Company) -> None:
    tick(0)
    newcomer = Person.create(**company._values("new", "Sales"))
    tick(1)
    assert not Invitation.select().where(Invitation.person == newcomer).exists()
    tick(92)
    assert Invitation.select().where(Invitation.person == newcomer).count() == 1


def test_a_wave_that_was_cancelled_before_it_opened_tires_nobody(add: Add) -> None:
    add("other", 1)
    waves.cancel_wave(Wave.get(Wave.opens_at == OPENS), OPENS)
    assert tick(1) == ["other"]
    assert asked("other") == [EVERYBODY]


def test_a_wave_that_was_cancelled_while_it_was_open_tires_whom_it_asked(add: Add) -> None:
    add("other", 5)
    tick(0)
    waves.cancel_wave(last_wave("quarterly"), OPENS + DAY)
    assert tick(5) == []


# Two pulses in each other's way


def test_two_pulses_that_open_at_the_same_moment_take_turns(add: Add) -> None:
    add("other")
    days = [(Wave.get(Wave.state == "planned").local_date - FIRST).days]
    for _ in range(3):
        tick(days[-1])
        days.append((Wave.get(Wave.state == "planned").local_date - FIRST).days)
    assert asked("quarterly") == [EVERYBODY, 0, EVERYBODY]
    assert asked("other") == [0, EVERYBODY, 0]


def test_the_pulse_that_always_comes_second_gets_its_turn(add: Add) -> None:
    add("other", 1)
    for day in (0, 1, 92, 93, 184, 185):  # 2 and 3 March, June, September
        tick(day)
    assert asked("quarterly") == [EVERYBODY, 0, EVERYBODY]
    assert asked("other") == [0, EVERYBODY, 0]


def test_they_take_turns_department_by_department(add: Add) -> None:
    add("sales", 1, only=("Sales",))
    for day in (0, 1, 92, 93):
        tick(day)
    assert asked("quarterly") == [EVERYBODY, EVERYBODY - SIZES["Sales"]]
    assert asked("sales") == [0, SIZES["Sales"]]


def test_nothing_is_left_to_a_pulse_that_comes_when_they_have_rested(add: Add) -> None:
    add("other", 14)
    for day in (0, 14, 92, 106):
        tick(day)
    assert [asked("quarterly"), asked("other")] == [[EVERYBODY, EVERYBODY], [EVERYBODY, EVERYBODY]]


def test_nothing_is_left_to_a_paused_pulse(add: Add) -> None:
    other = add("other", 1)
    tick(0)
    tick(1)
    Pulse.update(state="paused").where(Pulse.id == other.id).execute()
    tick(92)
    assert asked("quarterly") == [EVERYBODY, EVERYBODY]


@pytest.mark.slow
def test_no_two_invitations_of_a_person_are_closer_than_the_rest(add: Add) -> None:
    """Two hundred days of five pulses, some of them for all and some for few."""
    add("monthly", 3, "monthly")
    add("fortnightly", 1, "fortnightly", only=("IT", "Sales"))
    add("weekly", 2, "weekly", only=("Legal", "Logistics"))
    add("half-yearly", 9, "half-yearly")
    run_until(200)
    days: dict[int, list[date]] = {}
    query = Invitation.select(Invitation.person, Wave.local_date).join(Wave).order_by(Wave.local_date)
    for person, day in query.tuples():
        days.setdefault(person, []).append(day)
    apart = [(after - before).days for asked in days.values() for before, after in pairwise(asked)]
    assert min(apart) == REST
    assert len(days) == EVERYBODY
    opened = Wave.select(Pulse.key).join(Pulse).where(Wave.opened_at.is_null(False)).distinct()
    assert {key for (key,) in opened.tuples()} == {"quarterly", "monthly", "fortnightly", "weekly", "half-yearly"}


# One pulse in its own way


def test_a_weekly_pulse_asks_every_second_week(add: Add) -> None:
    add("weekly", 0, "weekly", only=("Sales",))
    Pulse.update(state="paused").where(Pulse.key == "quarterly").execute()
    run_until(28)
    assert asked("weekly") == [20, 0, 20, 0, 20]


# By hand


def test_opening_by_hand_leaves_out_who_was_asked_lately(add: Add) -> None:
    add("sales", 0, only=("Sales",))
    other = add("other", 40)
    Pulse.update(state="paused").where(Pulse.key == "quarterly").execute()
    tick(0)
    assert open_now(other, OPENS + 3 * DAY, K, REST).left_out == SIZES["Sales"]


def test_opening_by_hand_is_refused_when_nearly_everybody_was_asked_lately(add: Add) -> None:
    other = add("other", 40)
    tick(0)
    with pytest.raises(WaveError, match="nearly everybody is asked by other waves"):
        open_now(other, OPENS + 3 * DAY, K, REST)
    wave = Wave.get(Wave.pulse == other)
    assert (wave.state, wave.local_date) == ("planned", FIRST + timedelta(days=40))


# Who has answered


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("count", "index"),
    [(lambda: audience.answered_so_far([1]), "invitation_answered"), (deliveries.by_wave, "message_wave_id_kind")],
)
def test_what_may_be_a_million_is_counted_from_an_index_alone(
    company: Company, caplog: pytest.LogCaptureFixture, count: Callable[[], object], index: str
) -> None:
    company.open_wave()
    with caplog.at_level("DEBUG", logger="peewee"):
        count()
    (asked,) = [found.msg for found in caplog.records if "COUNT" in found.msg[0]]
    plan = database.execute_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1]).fetchall()
    assert any(f"COVERING INDEX {index}" in step for *_, step in plan)
