"""The life of a wave: who is asked, and that each step happens once."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from peewee import OperationalError

from survey import closing, erasure, opening, outbox, replanning, waves
from survey import database as database_module
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Department,
    Invitation,
    Leadership,
    Message,
    Person,
    Pulse,
    PulseDepartment,
    Rating,
    Release,
    Reminder,
    ServiceLink,
    Wave,
)
from survey.pulses import add_pulse
from survey.responses import Answer
from survey.settings import Settings
from survey.waves import WaveError, cancel_wave, close_due, close_wave, open_due, open_now, open_wave, remind_due
from tests.cast import DAY, OPENS, SIZES, Company, K

YEAR = 365 * DAY
EVERYBODY = sum(SIZES.values())


def asked_people(wave: Wave) -> set[str]:
    """The departments whose people are invited."""
    query = Invitation.select(Department.name).join(Person).join(Department).where(Invitation.wave == wave)
    return {name for (name,) in query.tuples()}


def asked_about(wave: Wave) -> dict[str, list[list[str]]]:
    """{client: the providers that each of its people is asked about}"""
    names = dict(Department.select(Department.id, Department.name).tuples())
    query = Invitation.select(Person.department, Invitation.providers).join(Person).where(Invitation.wave == wave)
    found = defaultdict(list)
    for client, providers in query.order_by(Person.id).tuples():
        found[names[client]].append([names[int(provider)] for provider in providers.split()])
    return found


def groups(wave: Wave) -> dict[frozenset[str], int]:
    """{departments asked together: how many people}"""
    query = (
        ClientGroupDepartment.select(ClientGroup.id, ClientGroup.invited, Department.name)
        .join(ClientGroup)
        .switch(ClientGroupDepartment)
        .join(Department)
        .where(ClientGroup.wave == wave)
    )
    members, invited = defaultdict(set), {}
    for group, people, name in query.tuples():
        members[group].add(name)
        invited[group] = people
    return {frozenset(names): invited[group] for group, names in members.items()}


def mails(kind: str) -> int:
    return Message.select().where(Message.kind == kind).count()


def state(wave: Wave) -> str:
    return Wave.get_by_id(wave.id).state


def test_everybody_who_works_in_a_department_is_invited(company: Company) -> None:
    wave = company.open_wave()
    assert Invitation.select().where(Invitation.wave == wave).count() == EVERYBODY
    assert mails(outbox.INVITATION) == EVERYBODY


def test_people_without_a_department_are_not_invited(company: Company) -> None:
    company.open_wave()
    assert not Invitation.select().where(Invitation.person.in_([company.hanna, company.adam])).exists()


def test_an_inactive_person_is_not_invited(company: Company) -> None:
    Person.update(active=False).where(Person.id == company.charlie.id).execute()
    company.open_wave()
    assert not Invitation.select().where(Invitation.person == company.charlie).exists()


def test_people_whose_department_uses_nobody_are_not_invited(company: Company) -> None:
    ServiceLink.delete().where(ServiceLink.client == company.departments["Sales"]).execute()
    assert asked_people(company.open_wave()) == set(SIZES) - {"Sales"}


def test_a_weight_of_zero_is_not_using_anybody(company: Company) -> None:
    ServiceLink.update(weight=0).where(ServiceLink.client == company.departments["Sales"]).execute()
    assert asked_people(company.open_wave()) == set(SIZES) - {"Sales"}


def test_nobody_is_asked_about_a_department_that_is_no_longer_active(company: Company) -> None:
    Department.update(active=False).where(Department.name == "Legal").execute()
    asked = asked_about(company.open_wave())
    assert not any("Legal" in providers for people in asked.values() for providers in people)
    assert "Legal" not in asked


def test_only_the_audience_is_invited(company: Company) -> None:
    for name in ("Finance", "Sales"):
        PulseDepartment.create(pulse=company.pulse, department=company.departments[name])
    assert asked_people(company.open_wave()) == {"Finance", "Sales"}


def test_each_person_is_asked_about_three_other_departments(company: Company) -> None:
    for client, people in asked_about(company.open_wave()).items():
        assert all(len(set(providers)) == 3 and client not in providers for providers in people)


def test_with_fewer_providers_each_person_is_asked_about_all(company: Company) -> None:
    company.ask_only_about("IT", "Sales")
    assert all(set(providers) == {"IT", "Sales"} for providers in asked_about(company.open_wave())["Finance"])


def wave_after_wave(company: Company, count: int) -> Iterator[Wave]:
    for _ in range(count):
        wave = company.open_wave()
        yield wave
        company.close_wave(wave)


def test_one_wave_covers_every_link_of_a_department(company: Company) -> None:
    for client, people in asked_about(company.open_wave()).items():
        assert {provider for providers in people for provider in providers} == set(SIZES) - {client}


def test_over_some_waves_each_person_is_asked_about_everybody_it_uses(company: Company) -> None:
    met: dict[tuple[str, int], set[str]] = defaultdict(set)
    for wave in wave_after_wave(company, 4):
        for client, people in asked_about(wave).items():
            for seat, providers in enumerate(people):
                met[client, seat] |= set(providers)
    assert {seat: len(providers) for seat, providers in met.items()} == dict.fromkeys(met, 4)


def test_a_light_link_gets_its_turn(company: Company) -> None:
    light = (ServiceLink.client == company.departments["Legal"]) & (ServiceLink.provider == company.departments["IT"])
    ServiceLink.update(weight=0.2).where(light).execute()
    met = [providers for wave in wave_after_wave(company, 4) for providers in asked_about(wave)["Legal"]]
    assert any("IT" in providers for providers in met)


def test_a_department_of_four_is_pooled_with_the_smallest_other_one(company: Company) -> None:
    wave = company.open_wave()
    assert groups(wave) == {
        frozenset({"Finance"}): 12,
        frozenset({"Sales"}): 20,
        frozenset({"Logistics"}): 15,
        frozenset({"IT", "Legal"}): 12,
    }


def test_a_department_of_five_stands_alone(company: Company) -> None:
    Person.create(email="five@x.example", name="Five", language="es", department=company.departments["Legal"])
    assert groups(company.open_wave())[frozenset({"Legal"})] == 5


def test_a_company_smaller_than_k_is_one_group(company: Company) -> None:
    assert waves.open_wave(Wave.get(), OPENS, EVERYBODY + 1)
    assert groups(Wave.get(Wave.state == "open")) == {frozenset(SIZES): EVERYBODY}


def test_an_invitation_names_the_group_of_the_persons_department(company: Company) -> None:
    company.open_wave()
    invitation = Invitation.get(Invitation.person == company.charlie)
    members = ClientGroupDepartment.select().where(ClientGroupDepartment.client_group == invitation.client_group_id)
    assert [member.department_id for member in members] == [company.departments["Sales"].id]


def test_a_wave_keeps_the_k_it_opened_with(company: Company) -> None:
    wave = company.open_wave()
    assert company.close_wave(wave).min_group == K
    open_due(Wave.get(Wave.state == "planned").opens_at, K + 3)
    assert [found.min_group for found in Wave.select().order_by(Wave.id).limit(2)] == [K, K + 3]


def test_who_changes_department_stays_in_the_group_it_was_asked_in(company: Company) -> None:
    wave = company.open_wave()
    before = groups(wave)
    Person.update(department=company.departments["Legal"]).where(Person.id == company.charlie.id).execute()
    assert groups(company.close_wave(wave)).items() >= before.items()


def test_a_wave_without_anybody_to_ask_opens_and_closes(company: Company) -> None:
    Person.update(active=False).where(Person.role == "").execute()
    wave = company.close_wave(company.open_wave())
    assert (Invitation.select().count(), wave.state) == (0, "closed")


# Once


def test_a_stale_wave_does_not_open_again(company: Company) -> None:
    stale = Wave.get()
    assert open_wave(stale, OPENS, K)
    assert not open_wave(stale, OPENS, K)
    assert (Invitation.select().count(), mails(outbox.INVITATION)) == (EVERYBODY, EVERYBODY)


def test_the_same_tick_twice_opens_once(company: Company) -> None:
    assert len(open_due(OPENS, K)) == 1
    assert open_due(OPENS, K) == []


def test_opening_plans_the_next_wave(company: Company) -> None:
    company.open_wave()
    assert [wave.local_date for wave in Wave.select().where(Wave.state == "planned")] == [date(2026, 6, 2)]


def test_an_opening_that_fails_leaves_the_wave_planned(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves.outbox, "queue", broken)
    assert open_due(OPENS, K) == []
    assert (state(Wave.get()), Invitation.select().count(), ClientGroup.select().count()) == ("planned", 0, 0)


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("the disk is full")


def test_a_wave_opens_at_its_second_and_not_before(company: Company) -> None:
    assert open_due(OPENS - 1, K) == []
    assert len(open_due(OPENS, K)) == 1


def test_a_paused_pulse_neither_opens_nor_misses_a_wave(company: Company) -> None:
    Pulse.update(state="paused").execute()
    assert open_due(OPENS, K) == []
    assert open_due(OPENS + YEAR, K) == []
    assert (state(Wave.get()), Message.select().count()) == ("planned", 0)


def test_a_paused_pulse_still_closes_its_open_wave(company: Company) -> None:
    wave = company.open_wave()
    Pulse.update(state="paused").execute()
    assert [closed.id for closed in close_due(wave.closes_at)] == [wave.id]


# Late


def test_a_wave_that_is_24_hours_late_opens(company: Company) -> None:
    assert len(open_due(OPENS + DAY, K)) == 1
    assert mails(outbox.MISSED) == 0


def test_a_wave_that_is_a_second_later_still_is_skipped_and_hr_is_told(company: Company) -> None:
    assert open_due(OPENS + DAY + 1, K) == []
    skipped = Wave.get(Wave.local_date == date(2026, 3, 2))
    assert (skipped.state, skipped.cancel_reason) == ("cancelled", "missed")
    told = Message.select(Message.person, Message.wave).where(Message.kind == outbox.MISSED).tuples()
    assert set(told) == {(company.hanna.id, skipped.id), (company.adam.id, skipped.id)}


def test_a_year_without_running_is_told_once_and_mails_nobody_else(company: Company) -> None:
    weekly = add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    Pulse.update(state="paused").where(Pulse.id == company.pulse.id).execute()
    now = OPENS + YEAR + 3 * DAY
    assert open_due(now, K) == open_due(now, K) == []
    assert Wave.select().where(Wave.pulse == weekly, Wave.cancel_reason == "missed").count() == 53
    assert {(message.kind, message.person_id) for message in Message.select()} == {
        (outbox.MISSED, company.hanna.id),
        (outbox.MISSED, company.adam.id),
    }
    assert Wave.get(Wave.pulse == weekly, Wave.state == "planned").opens_at > now


def test_after_a_year_without_running_the_wave_of_today_opens(company: Company) -> None:
    weekly = add_pulse("weekly", "weekly", date(2026, 3, 2), "UTC")
    (opened,) = [wave for wave in open_due(OPENS + 364 * DAY + 3600, K) if wave.pulse_id == weekly.id]
    assert opened.local_date == date(2027, 3, 1)


def test_a_wave_that_is_too_late_does_not_open_even_if_it_cannot_be_skipped(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waves, "_catch_up", broken)
    assert open_due(OPENS + 2 * DAY, K) == []
    assert state(Wave.get()) == "planned"


def test_skipping_and_telling_hr_happen_together(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves.outbox, "queue", broken)
    with pytest.raises(RuntimeError):
        open_due(OPENS + 2 * DAY, K)
    assert state(Wave.get()) == "planned"


def test_what_several_pulses_missed_is_one_mail(company: Company) -> None:
    add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    add_pulse("monthly", "monthly", date(2026, 3, 2), "Europe/Madrid")
    open_due(OPENS + YEAR + 3 * DAY, K)
    assert Wave.select().where(Wave.cancel_reason == "missed").count() == 53 + 13 + 5
    assert mails(outbox.MISSED) == 2  # Hanna and Adam
    assert len({wave.cancelled_at for wave in Wave.select().where(Wave.cancel_reason == "missed")}) == 1


def test_a_pulse_that_cannot_be_planned_leaves_the_others_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monthly = add_pulse("monthly", "monthly", date(2026, 3, 2), "Europe/Madrid")
    Pulse.update(cadence="no such file").where(Pulse.id == company.pulse.id).execute()
    open_due(OPENS + 2 * DAY, K)
    assert "The next wave of quarterly could not be planned" in caplog.text
    assert [wave.pulse_id for wave in Wave.select().where(Wave.cancel_reason == "missed")] == [monthly.id]
    assert state(Wave.get(Wave.pulse == company.pulse)) == "planned"


# One that fails


@pytest.fixture
def two_waves(company: Company) -> tuple[Wave, Wave]:
    """Two waves that open, and close, at the same moment."""
    add_pulse("other", "quarterly", date(2026, 3, 2), "Europe/Madrid")
    first, second = Wave.select().order_by(Wave.id)
    return first, second


def fails_for(wave: Wave, step: Any) -> Any:
    def guarded(found: Wave, *rest: Any) -> Any:
        if found.id == wave.id:
            raise RuntimeError("the disk is full")
        return step(found, *rest)

    return guarded


def test_a_wave_that_cannot_open_does_not_keep_another_from_it(
    two_waves: tuple[Wave, Wave], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two_waves
    with monkeypatch.context() as patched:
        patched.setattr(opening, "begin", fails_for(first, opening.begin))
        assert [wave.id for wave in open_due(OPENS, K)] == [second.id]
    assert f"Wave {first.id} could not be opened; it is tried again at the next turn." in caplog.text
    assert [wave.id for wave in open_due(OPENS, K)] == [first.id]


def test_a_wave_that_cannot_close_does_not_keep_another_from_it(
    two_waves: tuple[Wave, Wave], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two_waves
    open_due(OPENS, K)
    with monkeypatch.context() as patched:
        patched.setattr(waves.closing, "publish", fails_for(first, waves.closing.publish))
        assert [wave.id for wave in close_due(first.closes_at)] == [second.id]
        assert [remind_due(OPENS + 4 * DAY), state(first)] == [0, "closing"]
    assert f"Wave {first.id} could not be closed" in caplog.text
    assert close_due(first.closes_at) == []
    assert [wave.id for wave in waves.finish_due(first.closes_at)] == [first.id]


@pytest.mark.parametrize(("more", "closed"), [(0, True), (1, False)])
def test_a_wave_that_many_have_answered_is_stopped_at_its_time_and_counted_apart(
    company: Company, monkeypatch: pytest.MonkeyPatch, more: int, closed: bool
) -> None:
    wave = company.open_wave()
    company.answer(wave)
    monkeypatch.setattr(waves.closing, "COUNTED_AT_ONCE", Rating.select().count() - more)
    assert close_due(wave.closes_at) == ([wave] if closed else [])
    assert state(wave) == ("closed" if closed else "closing")
    assert waves.finish_due(wave.closes_at) == ([] if closed else [wave])
    assert state(wave) == "closed"


def test_a_pulse_waits_with_its_next_wave_until_the_last_one_is_counted(company: Company) -> None:
    wave = company.open_wave()
    waves.stop(wave, wave.closes_at)
    following = Wave.get(Wave.state == "planned")
    assert open_due(following.opens_at, K) == []
    with pytest.raises(WaveError, match="open already"):
        open_now(company.pulse, following.opens_at, K)
    waves.finish_due(following.opens_at)
    assert open_due(following.opens_at, K) == [following]


def test_a_wave_that_is_closing_for_too_long_is_overdue(company: Company) -> None:
    wave = company.open_wave()
    waves.stop(wave, OPENS + DAY)
    assert waves.overdue(OPENS + DAY + waves.OVERDUE_SECONDS) == []
    assert waves.overdue(OPENS + DAY + waves.OVERDUE_SECONDS + 1) == [wave]
    assert not cancel_wave(wave, OPENS + DAY)


def test_a_pulse_whose_wave_cannot_close_waits_with_the_next_one(company: Company) -> None:
    weekly = add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    open_due(OPENS, K)
    assert open_due(OPENS + 7 * DAY, K) == []
    close_due(OPENS + 7 * DAY)
    assert [wave.pulse_id for wave in open_due(OPENS + 7 * DAY, K)] == [weekly.id]


def test_a_wave_is_overdue_a_quarter_of_an_hour_after_its_time(company: Company) -> None:
    quarter = 15 * 60
    assert [wave.state for wave in waves.overdue(OPENS + quarter)] == []
    assert [wave.state for wave in waves.overdue(OPENS + quarter + 1)] == ["planned"]
    wave = company.open_wave()
    assert [found.id for found in waves.overdue(wave.closes_at + quarter)] == []
    assert [found.id for found in waves.overdue(wave.closes_at + quarter + 1)] == [wave.id]
    Pulse.update(state="paused").execute()
    assert [found.state for found in waves.overdue(OPENS + YEAR)] == ["open"]


# Cancelling


def test_a_cancelled_planned_wave_asks_nobody_and_the_next_one_follows(company: Company) -> None:
    planned = Wave.get()
    assert cancel_wave(planned, OPENS - DAY)
    assert (state(planned), Wave.get(Wave.state == "planned").local_date) == ("cancelled", date(2026, 6, 2))
    assert open_due(OPENS, K) == []
    assert Message.select().count() == 0


def test_a_cancelled_open_wave_loses_its_answers_and_publishes_nothing(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave)
    assert cancel_wave(wave, OPENS + DAY)
    assert (state(wave), Rating.select().count(), Release.select().count()) == ("cancelled", 0, 0)
    assert [close_due(wave.closes_at), remind_due(OPENS + 4 * DAY)] == [[], 0]
    assert mails(outbox.SUMMARY) == 0


@pytest.mark.parametrize(
    ("module", "step", "left"),
    [
        (closing, "_forget_who_came_when", (True, True)),
        (closing, "_drop_comments", (False, True)),
        (closing.mirrors, "discard", (False, False)),
        (opening, "undo", (False, False)),
    ],
)
def test_a_cancelling_that_fails_midway_is_finished_by_the_clock(
    company: Company, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, left: tuple[bool, bool]
) -> None:
    wave = company.open_wave()
    company.answer(wave, lambda provider: Answer(provider, {"overall": 4}, comment="Well", comment_kind="thanks"))
    with monkeypatch.context() as patched:
        patched.setattr(module, step, Mock(side_effect=RuntimeError("the disk is full")))
        with pytest.raises(RuntimeError):
            waves.cancel_wave(wave, wave.opens_at + 1)
    assert state(wave) == "cancelled"
    assert (Rating.select().exists(), Comment.select().exists()) == left
    assert not erasure.rewrite_due()  # before all is deleted there is nothing to rewrite
    assert [found.id for found in waves.discard_due()] == [wave.id]
    assert not any(table.select().exists() for table in (Rating, Comment))
    assert not Wave.get_by_id(wave.id).traces_left
    assert waves.discard_due() == []


@pytest.mark.parametrize(("more", "deleted"), [(0, True), (1, False)])
def test_the_answers_of_a_large_wave_that_is_cancelled_are_left_to_the_clock(
    company: Company, monkeypatch: pytest.MonkeyPatch, more: int, deleted: bool
) -> None:
    wave = company.open_wave()
    company.answer(wave)
    monkeypatch.setattr(waves.closing, "COUNTED_AT_ONCE", Rating.select().count() - more)
    monkeypatch.setattr(database_module, "CHANGED_AT_ONCE", 20)
    assert waves.cancel_wave(wave, wave.opens_at + 1)
    assert (state(wave), Rating.select().exists()) == ("cancelled", not deleted)
    assert len(waves.discard_due()) == more
    assert not Rating.select().exists()


def test_answers_of_another_wave_stay_when_one_is_cancelled(two_waves: tuple[Wave, Wave], company: Company) -> None:
    first, second = two_waves
    open_due(OPENS, K)
    company.answer(first)
    company.answer(second)
    cancel_wave(first, OPENS + DAY)
    assert Rating.select().where(Rating.wave == second).count() == 3 * EVERYBODY


def test_mail_of_a_cancelled_wave_does_not_leave_any_more(company: Company) -> None:
    wave = company.open_wave()
    cancel_wave(wave, OPENS + 1)
    message = Message.get(Message.kind == outbox.INVITATION)
    assert outbox.why_not_sent(message, OPENS + 1) == outbox.WAVE_CLOSED


def test_after_cancelling_no_byte_of_an_answer_is_left(company: Company, settings: Settings) -> None:
    wave = company.open_wave()
    company.answer(wave, lambda provider: Answer(provider, {}, comment="Unmistakable", comment_kind="thanks"))
    cancel_wave(wave, OPENS + DAY)
    files = b"".join(path.read_bytes() for path in settings.home_folder.glob("espejo.sqlite3*"))
    assert b"Unmistakable" not in files
    assert Wave.get_by_id(wave.id).traces_left is False


def test_what_cancelling_could_not_rewrite_is_rewritten_later(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = company.open_wave()
    with monkeypatch.context() as patched:
        patched.setattr(erasure, "leave_no_trace", lambda: broken_database())
        assert cancel_wave(wave, OPENS + DAY)
    assert Wave.get_by_id(wave.id).traces_left is True
    assert [erasure.rewrite_due(), erasure.rewrite_due()] == [True, False]


def broken_database() -> None:
    raise OperationalError("somebody is reading")


def test_who_was_asked_in_a_cancelled_wave_is_forgotten_as_well(company: Company) -> None:
    wave = company.open_wave()
    cancel_wave(wave, OPENS + DAY)
    assert [erasure.forget_due(OPENS + 31 * DAY - 1, 30), erasure.forget_due(OPENS + 31 * DAY, 30)] == [0, 1]
    assert not Invitation.select().where(Invitation.person.is_null(False)).exists()


def test_what_is_over_cannot_be_cancelled(company: Company) -> None:
    wave = company.released_wave()
    assert not cancel_wave(wave, wave.closes_at)
    other = Wave.get(Wave.state == "planned")
    assert [cancel_wave(other, OPENS), cancel_wave(other, OPENS)] == [True, False]
    assert (state(wave), Release.select().count()) == ("closed", 1)


# Closing


def test_a_wave_closes_at_its_second_and_not_before(company: Company) -> None:
    wave = company.open_wave()
    assert close_due(wave.closes_at - 1) == []
    assert [closed.id for closed in close_due(wave.closes_at)] == [wave.id]


def test_a_wave_closes_however_late(company: Company) -> None:
    wave = company.open_wave()
    assert len(close_due(wave.closes_at + YEAR)) == 1
    assert Wave.get_by_id(wave.id).closed_at == wave.closes_at + YEAR


def test_a_stale_wave_does_not_close_again(company: Company) -> None:
    stale = company.open_wave()
    company.answer(stale)
    assert close_wave(stale, stale.closes_at)
    release = Release.get().digest
    assert not close_wave(stale, stale.closes_at)
    assert (Release.get().digest, mails(outbox.SUMMARY)) == (release, 2)


def test_a_planned_wave_cannot_be_closed(company: Company) -> None:
    assert not close_wave(Wave.get(), OPENS)
    assert Release.select().count() == 0


def test_closing_one_wave_leaves_the_answers_of_another(company: Company) -> None:
    other = add_pulse("other", "quarterly", date(2026, 3, 2), "Europe/Madrid")
    first, second = sorted(open_due(OPENS, K), key=lambda wave: wave.pulse_id == other.id)
    company.answer(first)
    company.answer(second)
    company.close_wave(first)
    assert Rating.select().where(Rating.wave == second).count() == 3 * EVERYBODY


def test_a_wave_that_was_moved_since_it_was_read_neither_opens_nor_is_cancelled(company: Company) -> None:
    as_read = Wave.get()
    Wave.update(local_date=as_read.local_date + timedelta(days=2), opens_at=as_read.opens_at + 2 * DAY).execute()
    assert not open_wave(as_read, OPENS, K)
    assert not cancel_wave(as_read, OPENS)
    assert (state(as_read), Invitation.select().count()) == ("planned", 0)


def test_a_pulse_that_is_paused_at_the_moment_it_is_opened_by_hand_says_so(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waves, "take_turns", lambda: replanning.pause(company.pulse))
    with pytest.raises(WaveError, match="changed by somebody else"):
        open_now(company.pulse, OPENS, K)


def test_each_lead_gets_one_summary(company: Company) -> None:
    Leadership.create(person=company.alice, department=company.departments["Sales"])
    company.close_wave(company.open_wave())
    summaries = Message.select(Message.person).where(Message.kind == outbox.SUMMARY).tuples()
    assert list(summaries) == [(company.alice.id,), (company.bob.id,)]


def test_each_of_hr_gets_one_summary_of_the_company(company: Company) -> None:
    Leadership.create(person=company.hanna, department=company.departments["Sales"])
    wave = company.close_wave(company.open_wave())
    mails = Message.select(Message.person, Message.due_at, Message.expires_at).where(Message.kind == outbox.COMPANY)
    leaves = (wave.closes_at, wave.closes_at + 30 * DAY)
    assert set(mails.tuples()) == {(company.hanna.id, *leaves), (company.adam.id, *leaves)}


def test_summaries_leave_at_once_or_so_many_days_later_as_was_planned(company: Company) -> None:
    first = company.close_wave(company.open_wave())
    Wave.update(summary_after_days=2).where(Wave.state == "planned").execute()
    second = company.close_wave(company.open_wave())  # on 16 June at 18:00; it opened at nine
    summaries = Message.select(Message.wave, Message.due_at, Message.expires_at).where(Message.kind == outbox.SUMMARY)
    later = second.closes_at + 39 * 3600
    assert set(summaries.tuples()) == {
        (first.id, first.closes_at, first.closes_at + 30 * DAY),
        (second.id, later, later + 30 * DAY),
    }


def test_who_leads_a_department_that_nobody_uses_gets_no_summary(company: Company) -> None:
    company.ask_only_about("Finance")
    company.close_wave(company.open_wave())
    told = Message.select(Message.person).where(Message.kind == outbox.SUMMARY).tuples()
    assert list(told) == [(company.alice.id,)]


# Opening by hand


def test_opening_now_moves_the_wave_with_its_reminders_and_its_closing(company: Company) -> None:
    wave = open_now(company.pulse, OPENS - 10 * DAY + 3600, K)
    assert (wave.state, wave.local_date, wave.closes_at) == ("open", date(2026, 2, 20), OPENS + 4 * DAY + 9 * 3600)
    due = [reminder.due_at for reminder in Reminder.select().where(Reminder.wave == wave).order_by(Reminder.sequence)]
    assert due == [OPENS - 6 * DAY, OPENS - DAY]


def test_today_is_todays_date_where_the_pulse_is(company: Company) -> None:
    half_past_midnight_in_madrid = OPENS - 10 * DAY - 8 * 3600 - 1800
    assert open_now(company.pulse, half_past_midnight_in_madrid, K).local_date == date(2026, 2, 20)


def test_opening_now_leaves_the_following_wave_on_its_day(company: Company) -> None:
    open_now(company.pulse, OPENS - 10 * DAY, K)
    assert Wave.get(Wave.state == "planned").local_date == date(2026, 6, 2)


def test_a_paused_pulse_has_no_wave_to_open(company: Company) -> None:
    company.pulse.state = "paused"
    company.pulse.save()
    with pytest.raises(WaveError, match="is the pulse paused"):
        open_now(company.pulse, OPENS, K)


def test_a_pulse_with_an_open_wave_opens_no_second_one(company: Company) -> None:
    company.open_wave()
    with pytest.raises(WaveError, match="has a wave open already"):
        open_now(company.pulse, OPENS + DAY, K)


def test_a_pulse_opens_no_second_wave_on_the_same_day(company: Company) -> None:
    company.close_wave(open_now(company.pulse, OPENS, K))
    with pytest.raises(WaveError, match="had a wave today"):
        open_now(company.pulse, OPENS + 3600, K)


def test_a_pulse_may_open_the_next_wave_on_the_day_after(company: Company) -> None:
    company.close_wave(open_now(company.pulse, OPENS, K))
    assert open_now(company.pulse, OPENS + DAY, K).local_date == date(2026, 3, 3)


def test_an_opening_by_hand_that_asks_nobody_leaves_everything_as_it_was(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waves, "_decide", lambda *_: False)
    before = Wave.get().opens_at, [reminder.due_at for reminder in Reminder.select()]
    with pytest.raises(WaveError, match="ask nobody"):
        open_now(company.pulse, OPENS - 10 * DAY, K)
    assert (Wave.get().opens_at, [reminder.due_at for reminder in Reminder.select()]) == before


def test_opening_by_hand_after_a_long_stop_leaves_one_wave_open(company: Company) -> None:
    now = OPENS + 91 * DAY  # 1 June: the wave of 2 March was missed, that of 2 June is to come
    opened = open_now(company.pulse, now, K)
    assert (opened.occurrence, opened.local_date) == (1, date(2026, 6, 1))
    assert open_due(now + 2 * DAY, K) == []
    assert mails(outbox.MISSED) == 2
